# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removals: each role has its own key, and dead letters are kept unless `discard_dead_letters` is set."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.account import RoleKey, remove_roles
from ansible_collections.logreflector.aws.plugins.module_utils._parts.run import Run


@pytest.mark.parametrize("keys", [("reflector_role", "delivery_role"), ("delivery_role", "subscriber_role")])
def test_removed_role_has_its_own_key_in_any_order(aws: Any, keys: tuple[RoleKey, ...]) -> None:
    """Roles were paired with their keys by position."""
    run = Run(aws.target(), check_mode=True)
    for key in keys:
        aws.client("iam").create_role(
            RoleName=f"the-{key}",
            AssumeRolePolicyDocument="{}",
            Tags=[{"Key": "managed-by", "Value": "logreflector.aws"}],
        )
    remove_roles(run, {key: f"the-{key}" for key in keys})
    account = run.result["account"]
    for key in keys:
        assert f"the-{key}" in str(account[key])
    assert {each for each in account if each.endswith("_role")} == {*keys}


@pytest.mark.parametrize(
    ("module", "queue"),
    [("reflector", "log-reflector-dead-letters"), ("subscriber", "log-reflector-subscriber-dead-letters")],
)
def test_removal_with_dead_letters_names_replay_and_variable(aws: Any, module: str, queue: str) -> None:
    """No variable reached the option that the error named, and it did not name the replay."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=queue, tags={"managed-by": "logreflector.aws"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a dead letter")
    refused = aws.run(module, state="absent")
    assert refused["error"]["kind"] == "QueueNotEmptyError", refused
    assert "Send them again first: ansible-playbook logreflector.aws.replay." in refused["msg"]
    assert "teardown_discard_dead_letters: true" in refused["msg"]
    announced = aws.run(module, state="absent", discard_dead_letters=True, check_mode=True)
    done = aws.run(module, state="absent", discard_dead_letters=True)
    assert done["changes"] == announced["changes"] == [f"delete queue {queue}"]
