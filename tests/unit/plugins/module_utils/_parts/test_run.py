# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a run over several parts: an error keeps the changes of the parts before it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError
from ansible_collections.logreflector.aws.plugins.module_utils._options.alarms import AlarmOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.packages import Package
from ansible_collections.logreflector.aws.plugins.module_utils._parts.reflector import deploy_reflector
from ansible_collections.logreflector.aws.plugins.module_utils._parts.run import Run


def denial(*_unused: Any) -> Any:
    raise AccessDeniedError("read it", "not allowed")


def run_with_a_change(target: Any) -> Run:
    run = Run(target, check_mode=False)
    run.add("account", lambda: {"changed": True, "changes": ["create IAM role x"], "diff": []})
    return run


def test_failed_read_of_a_part_keeps_earlier_changes() -> None:
    """An error of the concurrent reads said that nothing was changed, although earlier parts were."""
    run = run_with_a_change(SimpleNamespace(together=lambda *calls: [call() for call in calls]))
    with pytest.raises(AccessDeniedError) as caught:
        run.converge("reflector", {"queue": Mock(read=denial)})
    assert caught.value.done["changed"]
    assert caught.value.done["changes"] == ["create IAM role x"]


def test_failed_choice_of_the_reservation_keeps_earlier_changes() -> None:
    """An error of GetAccountSettings said that nothing was changed, although the roles were."""
    target = SimpleNamespace(client=denial)
    run = run_with_a_change(target)
    options = ReflectorOptions(sumo_endpoint="ssm:endpoint", tags={})
    with pytest.raises(AccessDeniedError) as caught:
        deploy_reflector(run, options, AlarmOptions(), Package("x.zip", "hash"), "1.0.0+0")
    assert caught.value.done["changes"] == ["create IAM role x"]
