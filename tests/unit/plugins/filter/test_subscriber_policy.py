"""What the subscriber's role may do, by the variables of its account's targets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.filter.subscriber_policy import subscriber_policy

FUNCTIONS = {"subscriber": "log-reflector-subscriber", "reflector": "log-reflector"}
QUEUES = {"work": "log-reflector-subscriber.fifo", "dead_letters": "log-reflector-subscriber-dead-letters"}


def statements(*targets: dict[str, Any], regions: tuple[str, ...] = ("eu-west-1",)) -> dict[str, dict[str, Any]]:
    policy = subscriber_policy(targets, FUNCTIONS, QUEUES, regions)
    assert policy["Version"] == "2012-10-17"
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def on_log_groups(*targets: dict[str, Any]) -> set[str]:
    return set(statements(*targets)["SubscribeLogGroups"]["Action"])


ALWAYS = {
    "logs:DeleteSubscriptionFilter",
    "logs:DescribeSubscriptionFilters",
    "logs:ListTagsForResource",
    "logs:PutSubscriptionFilter",
}
MARKS = {"logs:TagResource", "logs:UntagResource"}
BACKFILL = {"logs:FilterLogEvents"}
OFF = {"subscriber_backfill": False, "catch_up_mark": False}


@pytest.mark.parametrize(
    ("targets", "actions"),
    [
        ([{}], ALWAYS | MARKS | BACKFILL),
        ([OFF], ALWAYS),
        ([OFF, {}], ALWAYS | MARKS | BACKFILL),
        ([{**OFF, "subscriber_retention_days": 0}], ALWAYS),
        ([OFF, {**OFF, "subscriber_retention_days": 30}], ALWAYS | {"logs:PutRetentionPolicy"}),
        ([{"subscriber_backfill": "no", "catch_up_mark": "false"}], ALWAYS),
        ([{"subscriber_backfill": None, "catch_up_mark": None}], ALWAYS | MARKS | BACKFILL),
    ],
)
def test_it_may_do_with_log_groups_what_a_target_asks_for(targets: list[dict[str, Any]], actions: set[str]) -> None:
    assert on_log_groups(*targets) == actions


def test_it_writes_in_the_regions_of_the_account_alone() -> None:
    found = statements({}, regions=("eu-west-1", "us-east-1"))
    assert found["SubscribeLogGroups"]["Resource"] == [
        "arn:{partition}:logs:eu-west-1:{account}:log-group:*",
        "arn:{partition}:logs:us-east-1:{account}:log-group:*",
    ]


def test_without_backfill_it_may_not_invoke_the_reflector() -> None:
    assert statements({})["SendFirstLines"]["Resource"].endswith(":function:log-reflector")
    assert "SendFirstLines" not in statements(OFF)


def test_it_may_put_only_its_own_events_on_the_bus() -> None:
    statement = statements({})["HandOverToItself"]
    assert statement["Resource"] == "arn:{partition}:events:*:{account}:event-bus/default"
    assert statement["Condition"] == {"StringEquals": {"events:source": "logreflector.subscriber"}}


def test_it_reads_the_settings_of_all_targets() -> None:
    found = statements({}, {"subscriber_settings_parameter": "elsewhere/subscriber"})["ReadItsSettings"]["Resource"]
    here, there = (f"arn:{{partition}}:ssm:*:{{account}}:parameter/{name}" for name in ("log-reflector", "elsewhere"))
    assert found == sorted([f"{arn}/subscriber{end}" for arn in (here, there) for end in ("", ":*")])


def test_the_largest_account_fits_twice_into_a_role() -> None:
    """10,240 characters for all inline policies of a role, without white space (IAM User Guide, "IAM and AWS STS quotas")."""
    everything = {
        "subscriber_retention_days": 30,
        "log_groups_include_tags": {"a": "b"},
        "log_groups_merge": True,
    }
    regions = [f"ap-southeast-{number}" for number in range(1, 35)]
    policy = json.dumps(subscriber_policy([everything], FUNCTIONS, QUEUES, regions), separators=(",", ":"))
    filled = policy.replace("{partition}", "aws-us-gov").replace("{account}", "1" * 12)
    assert len(filled) * 2 <= 10_240
