# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of the subscriber's role, by the variables of its account's targets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.account import AccountOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.account import role_settings
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import lenient_options
from ansible_collections.logreflector.aws.plugins.module_utils._parts.subscriber_policy import (
    LOGS_TRUST,
    delivery_policy,
    subscriber_policy,
)


def policy(targets: Sequence[dict[str, Any]], regions: Sequence[str] = ("eu-west-1",)) -> dict[str, Any]:
    """Return the policy of an account whose targets have these options, the first of them in several regions."""
    return subscriber_policy(
        [lenient_options({"region": regions[0], **target}) for target in targets]
        + [lenient_options({"region": region, **targets[0]}) for region in regions]
    )


def statements(*targets: dict[str, Any], regions: Sequence[str] = ("eu-west-1",)) -> dict[str, dict[str, Any]]:
    found = policy(targets, regions)
    assert found["Version"] == "2012-10-17"
    return {statement["Sid"]: statement for statement in found["Statement"]}


def on_log_groups(*targets: dict[str, Any]) -> set[str]:
    found = statements(*targets)
    return {
        action for sid in ("SubscribeLogGroups", "TagLogGroups") for action in found.get(sid, {"Action": ()})["Action"]
    }


ALWAYS = {
    "logs:DeleteSubscriptionFilter",
    "logs:ListTagsForResource",
    "logs:PutSubscriptionFilter",
}
MARKS = {"logs:TagResource", "logs:UntagResource"}
BACKFILL = {"logs:FilterLogEvents"}
OFF = {"subscriber_backfill_seconds": 0, "log_groups_tag_log_groups": False}


@pytest.mark.parametrize(
    ("targets", "actions"),
    [
        ([{}], ALWAYS | MARKS | BACKFILL),
        ([OFF], ALWAYS),
        ([OFF, {}], ALWAYS | MARKS | BACKFILL),
        ([{**OFF, "subscriber_retention_days": 0}], ALWAYS),
        ([OFF, {**OFF, "subscriber_retention_days": 30}], ALWAYS | {"logs:PutRetentionPolicy"}),
        ([{"subscriber_backfill_seconds": "0", "log_groups_tag_log_groups": "no"}], ALWAYS),
        ([{"subscriber_backfill_seconds": None, "log_groups_tag_log_groups": None}], ALWAYS | MARKS | BACKFILL),
    ],
)
def test_subscriber_role_allows_the_log_group_options(targets: list[dict[str, Any]], actions: set[str]) -> None:
    assert on_log_groups(*targets) == actions


def test_role_writes_only_in_the_regions_of_the_account() -> None:
    found = statements({}, regions=("eu-west-1", "us-east-1"))
    assert found["SubscribeLogGroups"]["Resource"] == [
        "arn:{partition}:logs:eu-west-1:{account}:log-group:*",
        "arn:{partition}:logs:us-east-1:{account}:log-group:*",
    ]


def test_subscriber_writes_only_its_own_tags() -> None:
    """With any tag key the function could change tags that policies use for permissions."""
    assert statements({})["TagLogGroups"]["Condition"] == {
        "ForAllValues:StringLike": {"aws:TagKeys": "logreflector.aws/*"},
        "Null": {"aws:TagKeys": "false"},
    }


def test_subscriber_may_read_filters_on_every_resource() -> None:
    """DescribeAccountPolicies needs DescribeSubscriptionFilters too, on a resource that AWS does not document."""
    found = statements({})["FindLogGroups"]
    assert {"logs:DescribeAccountPolicies", "logs:DescribeSubscriptionFilters"} < set(found["Action"])
    assert found["Resource"] == ["*"]


def test_without_backfill_it_may_not_invoke_the_reflector() -> None:
    assert statements({})["SendFirstEvents"]["Resource"][0].endswith(":function:log-reflector")
    assert "SendFirstEvents" not in statements(OFF)


def test_role_sends_only_to_its_own_queues() -> None:
    found = [item for item in statements({}).values() if "sqs:SendMessage" in item["Action"]]
    prefix = "arn:{partition}:sqs:*:{account}:log-reflector-subscriber"
    assert [item["Resource"] for item in found] == [[f"{prefix}.fifo"], [f"{prefix}-dead-letters"]]
    assert not any(action.startswith("events:") for item in statements({}).values() for action in item["Action"])


def test_role_reads_the_settings_of_all_targets() -> None:
    found = statements({}, {"subscriber_settings_parameter": "elsewhere/subscriber"})["ReadSettings"]["Resource"]
    here, there = (f"arn:{{partition}}:ssm:*:{{account}}:parameter/{name}" for name in ("log-reflector", "elsewhere"))
    assert found == sorted([f"{arn}/subscriber{end}" for arn in (here, there) for end in ("", ":*")])


def test_the_largest_account_fits_twice_into_a_role() -> None:
    """10,240 characters for all inline policies of a role, without white space (IAM User Guide, "IAM and AWS STS quotas")."""
    everything = {
        "subscriber_retention_days": 30,
        "log_groups_include_tags": {"a": "b"},
        "log_groups_merge": True,
        "subscriber_notify": True,
        "subscriber_notify_event_bus": "arn:{partition}:events:{region}:999999999999:event-bus/logs",
    }
    regions = [f"ap-southeast-{number}" for number in range(1, 35)]
    text = json.dumps(policy([everything], regions), separators=(",", ":"))
    filled = text.replace("{partition}", "aws-us-gov").replace("{account}", "1" * 12)
    assert len(filled) * 2 <= 10_240


NOTIFICATIONS = {"SendNotifications", "RememberSweeps", "CountDeadLetters", "FindSilentSources"}


def test_role_without_notifications_has_no_permission_for_them() -> None:
    assert not NOTIFICATIONS & statements({}).keys()
    assert "events:PutEvents" not in json.dumps(policy([{"subscriber_notify_event_bus": "arn:x"}]))


def test_role_with_notifications_may_send_to_the_bus_and_read_its_own_state() -> None:
    bus = "arn:{partition}:events:{region}:999999999999:event-bus/logs"
    found = statements({"subscriber_notify": True}, {"subscriber_notify": "yes", "subscriber_notify_event_bus": bus})
    assert found.keys() >= NOTIFICATIONS
    assert found["SendNotifications"]["Resource"] == [
        "arn:{partition}:events:*:999999999999:event-bus/logs",
        "arn:{partition}:events:*:{account}:event-bus/default",
    ]
    assert found["RememberSweeps"] == {
        "Sid": "RememberSweeps",
        "Effect": "Allow",
        "Action": ["logs:GetLogEvents"],
        "Resource": ["arn:{partition}:logs:*:{account}:log-group:/aws/lambda/log-reflector-subscriber:*"],
    }
    assert {arn.rpartition(":")[2] for arn in found["CountDeadLetters"]["Resource"]} == {
        "log-reflector-dead-letters",
        "log-reflector-subscriber-dead-letters",
        "log-reflector-subscriber-dead-letters.fifo",
    }


STREAM = "arn:aws:firehose:{region}:111111111111:deliverystream/logs"


def test_role_of_the_delivery_may_write_to_the_streams_of_all_regions_and_to_nothing_else() -> None:
    own = {"log_groups_delivery_stream": STREAM}
    targets = [lenient_options({"region": region, **own}) for region in ("eu-west-1", "us-east-1")]
    (statement,) = delivery_policy([*targets, lenient_options({"region": "eu-north-1"})])["Statement"]
    assert statement["Action"] == ["firehose:PutRecord", "firehose:PutRecordBatch"]
    assert statement["Resource"] == [STREAM.replace("{region}", region) for region in ("eu-west-1", "us-east-1")]
    roles = role_settings(AccountOptions(permissions_boundary="arn:b", tags={}), targets)
    assert {key: role.name for key, role in roles.items()} == {
        "reflector_role": "log-reflector",
        "subscriber_role": "log-reflector-subscriber",
        "delivery_role": "log-reflector-delivery",
    }
    delivery = roles["delivery_role"]
    assert (delivery.trust_policy, delivery.permissions_boundary) == (LOGS_TRUST, "arn:b")
    assert roles["reflector_role"].trust_policy != LOGS_TRUST


def test_subscriber_may_give_that_role_to_cloudwatch_logs_only() -> None:
    found = statements({"log_groups_delivery_stream": STREAM, "log_groups_delivery_role_name": "mine"})
    assert found["GiveTheRoleToLogs"] == {
        "Sid": "GiveTheRoleToLogs",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": ["arn:{partition}:iam::{account}:role/mine"],
        "Condition": {"StringEquals": {"iam:PassedToService": "logs.amazonaws.com"}},
    }


def test_without_a_stream_there_is_no_role_and_no_permission_for_it() -> None:
    assert "GiveTheRoleToLogs" not in statements({})
    assert len(role_settings(AccountOptions(tags={}), [lenient_options({"region": "eu-west-1"})])) == 2
