# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice from the variables of a run: targets that were read, in part or not at all, destinations and rules."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.fleet import AdvisedTarget
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.hosts import (
    advice_of,
    destination_of,
    rule_options,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.variables import AdvisedDestination
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.fleet import Choices, FleetCost
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.hosts import fleet_of

from .test_fleet import FACTS

PLACE = {"target_account_id": "111111111111", "target_region": "eu-west-1"}
PREFLIGHT = {
    "account_id": "111111111111",
    "region": "eu-west-1",
    "facts": FACTS,
    "findings": [{"level": "problem", "key": "access", "sentence": "The region is disabled", "advice": ""}],
}
READ = {**PLACE, "preflight_info_result": {"preflight": PREFLIGHT}}
RULE = {
    "name": "all",
    "organization_id": "o-abcdefghij",
    "source_regions": ["eu-west-1"],
    "destination_account": "111111111111",
    "destination_region": "eu-west-1",
}


def advised(
    hosts: dict[str, dict[str, Any]], destination: AdvisedDestination | None = None
) -> dict[str, AdvisedTarget]:
    """Return the targets of a run by host."""
    variables = {"hostvars": hosts, "ansible_play_hosts_all": list(hosts), "ansible_play_hosts": list(hosts)}
    costs: FleetCost = fleet_of(variables, Choices(), "recap_failure")
    found = advice_of(variables, costs, "recap_failure", destination)
    return {target.read.host: target for target in found.targets}


def test_target_whose_volume_was_not_read_has_advice_and_an_error() -> None:
    found = advised({"a": READ})["a"]
    assert found.advice is not None
    assert found.advice.ways["filters"].fit == "fits"
    assert found.advice.ways["filters"].cost is None
    assert found.advice.ways["firehose"].fit == "unknown"
    assert found.read.error


def test_target_that_cannot_be_reached_is_unread_with_the_reason_of_the_checks() -> None:
    preflight = {**PREFLIGHT, "facts": None}
    found = advised({"a": {**PLACE, "preflight_info_result": {"preflight": preflight}}})["a"]
    assert (found.advice, found.read.error) == (None, "The region is disabled")


def test_target_that_failed_has_its_error_and_its_place() -> None:
    failure = {"operation": "assume the role", "message": "no", "account": "111111111111"}
    found = advised({"a": {**PLACE, "recap_failure": failure}})["a"]
    assert (found.advice, found.read.account) == (None, "111111111111")
    assert found.read.error.startswith("Could not assume the role")


def test_destination_of_a_rule_of_the_inventory_is_not_centralized() -> None:
    other = {**READ, "preflight_info_result": {"preflight": {**PREFLIGHT, "account_id": "222222222222"}}}
    rules = {"centralization_rules": [RULE], "centralization_administrator": "a"}
    found = advised({"a": {**READ, **rules}, "b": {**other, **rules}})
    fits = {host: target.advice and target.advice.ways["centralized"].fit for host, target in found.items()}
    assert fits == {"a": "does_not_fit", "b": "fits"}


def test_named_destination_is_not_centralized() -> None:
    found = advised({"a": READ}, AdvisedDestination("111111111111", "eu-west-1"))["a"]
    assert found.advice is not None
    assert {point.key for point in found.advice.ways["centralized"].points} == {"destination"}


def test_wrong_rules_of_the_inventory_are_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="centralization_rules"):
        advised({"a": {**READ, "centralization_rules": [{"name": "x"}]}})


def test_destination_is_a_host_with_an_account_and_a_region() -> None:
    variables = {"hostvars": {"a": PLACE, "b": {}}}
    assert destination_of(variables, "a") == AdvisedDestination("111111111111", "eu-west-1")
    assert destination_of(variables, None) is None
    with pytest.raises(AnsibleActionFail, match="no such host"):
        destination_of(variables, "c")
    with pytest.raises(AnsibleActionFail, match="are not both set"):
        destination_of(variables, "b")


def test_rule_has_the_names_that_all_hosts_share() -> None:
    hosts = {
        "a": {"log_groups_include": ["*"], "log_groups_exclude": ["/x/*"]},
        "b": {"log_groups_exclude": ["/x/*"]},
        "c": {"log_groups_exclude": ["/y"]},
        "d": {"log_groups_include": ["/app/*"]},
    }
    assert rule_options({"hostvars": hosts}, ["a", "b"]) == {"exclude": ["/x/*"]}
    assert rule_options({"hostvars": hosts}, ["a", "c"]) is None
    assert rule_options({"hostvars": hosts}, ["d"]) == {"include": ["/app/*"]}
    assert rule_options({"hostvars": hosts}, []) == {}
