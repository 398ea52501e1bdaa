# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber's queue and rules: permitted senders, and the events that reach the function."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.packages import Package
from ansible_collections.logreflector.aws.plugins.module_utils._parts.subscriber import (
    _queues,
    subscriber_function,
)

OWN_TAG = "logreflector.aws/subscribed/log-reflector"


def rules(options: SubscriberOptions | None = None, **log_groups: Any) -> dict[str, Any]:
    function = subscriber_function(
        options or SubscriberOptions(tags={}),
        LogGroupOptions(**log_groups),
        "log-reflector",
        Package("x.zip", "hash"),
        reflector_queue="log-reflector-dead-letters",
    )
    found: dict[str, Any] = function.environment["EVENT_RULES"]
    return found


def test_new_groups_rule_takes_events_of_its_own_account_and_region() -> None:
    """CreateLogGroup events that a security account collects from others subscribed its own groups."""
    pattern = rules()["new_groups"]["event_pattern"]
    assert (pattern["account"], pattern["region"]) == (["{account}"], ["{region}"])
    assert (pattern["source"], pattern["detail-type"]) == (["aws.logs"], ["AWS API Call via CloudTrail"])
    assert pattern["detail"]["eventName"] == ["CreateLogGroup"]


def test_new_groups_rule_leaves_out_the_functions_own_tags() -> None:
    """Each subscription tag that the function wrote came back to it as an event."""
    created, tagged = rules(include_tags={"logs": "on"})["new_groups"]["event_pattern"]["detail"]["$or"]
    assert created == {"eventName": ["CreateLogGroup"]}
    assert "TagResource" in tagged["eventName"]
    assert tagged["requestParameters"] == {"tags": {OWN_TAG: [{"exists": False}]}}


def test_sweep_rule_takes_no_event_that_others_can_send() -> None:
    """Everybody with events:PutEvents could send what the rule took for the function's own events."""
    assert "event_pattern" not in rules()["sweep"]
    assert "logreflector.subscriber" not in json.dumps(rules())


@pytest.mark.parametrize("timeout", [60, 300])
def test_work_queue_takes_work_from_its_rules_and_the_function_alone(timeout: int) -> None:
    operators = "arn:aws:iam::{account}:role/operators"
    options = SubscriberOptions(timeout=timeout, redrive_principals=(operators,))
    queue = _queues(options, {})["work_queue"]
    assert queue.senders == ("arn:{partition}:iam::{account}:role/log-reflector-subscriber", operators)
    assert queue.event_rules == ("log-reflector-subscriber", "log-reflector-subscriber-sweep")
    assert (queue.visibility_timeout, queue.max_receive_count) == (6 * timeout, 10)
