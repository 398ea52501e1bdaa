# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of the reflector's role, by the variables of its account's targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import lenient_options
from ansible_collections.logreflector.aws.plugins.module_utils._parts.reflector_policy import reflector_policy

SUMO = "secretsmanager:log-reflector/sumo-endpoint"
SUMO_ARN = "arn:{partition}:secretsmanager:*:{account}:secret:log-reflector/sumo-endpoint-??????"
RULES_ARN = "arn:{partition}:ssm:*:{account}:parameter/log-reflector/rules"
RULES_ARNS = [RULES_ARN, f"{RULES_ARN}:*"]

# The variables of an account's targets.
ACCOUNTS: dict[str, list[dict[str, Any]]] = {
    "sumo": [{"reflector_sumo_endpoint": SUMO}, {"reflector_sumo_endpoint": SUMO}],
    "plain": [{"reflector_sumo_endpoint": "https://collectors.example.com/receiver/v1/http/token"}],
    "routes": [{"reflector_sumo_endpoint": SUMO}, {"reflector_routes": [{"log_groups": ["*"], "drop": ["x"]}]}],
    "streams": [
        {
            "reflector_sinks": {
                "lake": {"type": "firehose", "stream": "lake"},
                "fast": {"type": "kinesis", "stream": "fast", "region": "us-east-1"},
                "theirs": {"type": "kinesis", "stream": "arn:aws:kinesis:eu-west-1:333333333333:stream/theirs"},
            },
            "reflector_sink_kms_key_arns": ["arn:aws:kms:eu-west-1:333333333333:key/theirs"],
        },
        {
            "reflector_sinks": {
                "lake": {"type": "firehose", "stream": "lake"},
                "other": {"type": "firehose", "stream": "other"},
            },
            "reflector_rules_parameter": "/elsewhere/rules",
        },
    ],
    "buckets": [
        {
            "reflector_sinks": {
                "all": {"type": "s3", "bucket": "all-logs"},
                "some": {"type": "s3", "bucket": "some-logs", "prefix": "app/", "kms_key_id": "1234-abcd"},
                "theirs": {
                    "type": "s3",
                    "bucket": "some-logs",
                    "kms_key_id": "arn:aws:kms:eu-west-1:333333333333:key/5678",
                },
            }
        }
    ],
    "secrets": [
        {
            "reflector_sinks": {
                "splunk": {"type": "splunk_hec", "endpoint": "ssm:/splunk/endpoint", "token": "secretsmanager:splunk"},
                "loki": {
                    "type": "loki",
                    "endpoint": "https://loki.example.com",
                    "headers": {"X": "secretsmanager:deep"},
                },
                "http": {"type": "http", "list": ["ssm:flat", "no secretsmanager:reference", "arn:aws:s3:::bucket"]},
            }
        },
        {
            "reflector_sinks": {
                "newrelic": {
                    "type": "newrelic",
                    "license_key": "arn:aws:secretsmanager:eu-west-1:333333333333:secret:nr-AbCdEf",
                }
            }
        },
    ],
    "mistaken": [{"reflector_sinks": {"a": "text", "b": {"bucket": "no-type"}, "c": {"type": "s3"}, "d": None}}],
    "numbers": [
        {
            "reflector_sinks": {
                "lake": {"type": "firehose", "stream": 1},
                "fast": {"type": "kinesis", "stream": 2},
                "all": {"type": "s3", "bucket": 3, "kms_key_id": 4},
                "some": {"type": "s3", "bucket": "some-logs", "kms_key_id": 5},
            }
        }
    ],
}


def policy(account: str) -> dict[str, Any]:
    return reflector_policy([lenient_options(target) for target in ACCOUNTS[account]])


def allowed(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return action and resources of the statements that a role without sinks does not have."""
    usual = {"WriteOwnLog", "SendDeadLetters"}
    return {item["Action"][0]: item["Resource"] for item in policy["Statement"] if item["Sid"] not in usual}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_reflector_may_write_its_log_and_send_to_its_queue(account: str) -> None:
    log, queue = policy(account)["Statement"][:2]
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert log["Resource"] == ["arn:{partition}:logs:*:{account}:log-group:/aws/lambda/log-reflector:*"]
    assert queue["Action"] == ["sqs:GetQueueUrl", "sqs:SendMessage"]
    assert queue["Resource"] == ["arn:{partition}:sqs:*:{account}:log-reflector-dead-letters"]
    sids = [item["Sid"] for item in policy(account)["Statement"]]
    assert len(sids) == len(set(sids))
    assert all(sid.isalnum() for sid in sids)
    assert all(item["Effect"] == "Allow" for item in policy(account)["Statement"])


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("sumo", {"secretsmanager:GetSecretValue": [SUMO_ARN]}),
        ("plain", {}),
        ("routes", {"secretsmanager:GetSecretValue": [SUMO_ARN], "ssm:GetParameter": RULES_ARNS}),
        (
            "streams",
            {
                "ssm:GetParameter": [
                    "arn:{partition}:ssm:*:{account}:parameter/elsewhere/rules",
                    "arn:{partition}:ssm:*:{account}:parameter/elsewhere/rules:*",
                    *RULES_ARNS,
                ],
                "firehose:PutRecordBatch": [
                    "arn:{partition}:firehose:*:{account}:deliverystream/lake",
                    "arn:{partition}:firehose:*:{account}:deliverystream/other",
                ],
                "kinesis:PutRecords": [
                    "arn:aws:kinesis:eu-west-1:333333333333:stream/theirs",
                    "arn:{partition}:kinesis:us-east-1:{account}:stream/fast",
                ],
                "kms:GenerateDataKey": ["arn:aws:kms:eu-west-1:333333333333:key/theirs"],
            },
        ),
        (
            "buckets",
            {
                "ssm:GetParameter": RULES_ARNS,
                "s3:PutObject": [
                    "arn:{partition}:s3:::all-logs/*",
                    "arn:{partition}:s3:::some-logs/*",
                    "arn:{partition}:s3:::some-logs/app/*",
                ],
                "kms:GenerateDataKey": [
                    "arn:aws:kms:eu-west-1:333333333333:key/5678",
                    "arn:{partition}:kms:*:{account}:key/1234-abcd",
                ],
            },
        ),
        ("mistaken", {"ssm:GetParameter": RULES_ARNS}),
        ("numbers", {"ssm:GetParameter": RULES_ARNS, "s3:PutObject": ["arn:{partition}:s3:::some-logs/*"]}),
    ],
)
def test_reflector_role_allows_the_sinks_of_all_targets(account: str, expected: dict[str, list[str]]) -> None:
    assert allowed(policy(account)) == expected


def test_references_are_found_in_every_option_of_every_target() -> None:
    statements = {item["Sid"]: item["Resource"] for item in policy("secrets")["Statement"]}
    assert statements["ReadSecretsmanager"] == [
        "arn:aws:secretsmanager:eu-west-1:333333333333:secret:nr-AbCdEf",
        "arn:{partition}:secretsmanager:*:{account}:secret:deep-??????",
        "arn:{partition}:secretsmanager:*:{account}:secret:splunk-??????",
    ]
    assert statements["ReadSsm"] == [
        "arn:{partition}:ssm:*:{account}:parameter/flat",
        "arn:{partition}:ssm:*:{account}:parameter/splunk/endpoint",
    ]
    assert statements["ReadRules"] == RULES_ARNS
