# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KMS keys of the options."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.deployment import Deployment
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.keys import (
    KeyUse,
    key_findings,
    key_uses,
    policy_findings,
    state_findings,
)

ARN = "arn:aws:kms:eu-west-1:111111111111:key/1"
LOGS = "logs.eu-west-1.amazonaws.com"


def target() -> Any:
    return SimpleNamespace(region="eu-west-1", expand=lambda text: text.replace("{region}", "eu-west-1"))


def use(*variables: str, **services: str) -> KeyUse:
    return KeyUse(ARN, list(variables or ("reflector_kms_key_arn",)), dict(services))


def test_each_key_is_read_once_with_all_its_uses() -> None:
    given = {
        "reflector_sumo_endpoint": "https://x",
        "reflector_kms_key_arn": ARN.replace("eu-west-1", "{region}"),
        "reflector_secret_kms_key_arns": [ARN, "arn:aws:kms:*:*:key/*"],
        "subscriber_log_kms_key_arn": ARN,
    }
    (first, pattern) = sorted(
        key_uses(target(), Deployment.from_params(given)), key=lambda each: each.arn, reverse=True
    )
    assert first.variables == ["reflector_kms_key_arn", "subscriber_log_kms_key_arn", "reflector_secret_kms_key_arns"]
    assert list(first.services) == [LOGS]
    assert key_findings(target(), pattern) == []


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"KeyState": "Enabled"}, ""),
        ({"KeyState": "PendingDeletion"}, "in the state PendingDeletion"),
        (
            {"KeyState": "Enabled", "KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048"},
            "is a RSA_2048 key for SIGN_VERIFY",
        ),
        ({"KeyState": "Enabled", "KeySpec": "RSA_2048"}, "is a RSA_2048 key"),
    ],
)
def test_key_must_be_enabled_and_symmetric(metadata: dict[str, str], text: str) -> None:
    found = state_findings(use(), metadata)
    assert [text in each.sentence for each in found] == ([True] if text else [])


@pytest.mark.parametrize(
    ("variables", "level"),
    [(("reflector_log_kms_key_arn",), "problem"), (("reflector_secret_kms_key_arns",), "not_checked")],
)
def test_key_of_another_region_serves_secrets_only(variables: tuple[str, ...], level: str) -> None:
    elsewhere = KeyUse(ARN.replace("eu-west-1", "us-east-1"), list(variables))
    (found,) = key_findings(target(), elsewhere)
    assert (found.level, "is in the region us-east-1" in found.sentence) == (level, True)


def allow(principal: Any, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "kms:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("statements", "is_admitted"),
    [
        ([allow({"AWS": "arn:aws:iam::111111111111:root"})], False),
        ([allow({"Service": LOGS})], True),
        ([allow({"Service": ["events.amazonaws.com", "logs.amazonaws.com"]})], True),
        ([allow({"Service": "logs.us-east-1.amazonaws.com"})], False),
        ([allow({"Service": LOGS}, "Deny")], False),
        ([allow({"Service": f"{LOGS}.cn"})], True),
        ([allow("*")], True),
        ([allow({"AWS": "*"})], True),
        (["hostile", {"Effect": "Allow"}], False),
    ],
)
def test_key_policy_must_admit_the_service(statements: list[Any], is_admitted: bool) -> None:
    found = policy_findings(use(**{LOGS: "encrypt"}), {"Statement": statements})
    assert (found == []) is is_admitted
