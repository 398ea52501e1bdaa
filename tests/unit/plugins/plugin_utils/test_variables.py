# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options from the variables of the roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.plugin_utils._variables import (
    account_targets,
    centralization_places,
    delivery_paths,
    from_variables,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import SPECS

ACCOUNT = "111111111111"
SPEC = SPECS["deployment"]


class Variables(Mapping[str, Any]):
    """Variables of a host. One whose value is an exception cannot be templated."""

    def __init__(self, **variables: Any) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> Any:
        value = self._variables[name]
        if isinstance(value, Exception):
            raise value
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def host(region: str, account: Any = ACCOUNT, **variables: Any) -> Variables:
    return Variables(target_account_id=account, target_region=region, **variables)


def task_vars(hosts: Mapping[str, Variables], **groups: list[str]) -> dict[str, Any]:
    return {"inventory_hostname": "own", "hostvars": hosts, "groups": {"all": list(hosts), **groups}}


def test_account_targets_are_the_other_hosts_with_the_account() -> None:
    hosts = {
        "own": host("eu-west-1"),
        "same": host("eu-west-2", reflector_memory_size=512),
        "as number": host("eu-west-3", int(ACCOUNT)),
        "foreign": host("eu-central-1", "222222222222"),
        "without account": Variables(target_region="us-east-1"),
    }
    found = account_targets(SPEC, task_vars(hosts), ACCOUNT)
    assert [target["region"] for target in found] == ["eu-west-2", "eu-west-3"]
    assert found[0]["reflector_memory_size"] == 512


def test_account_targets_are_the_group_of_the_account_if_there_is_one() -> None:
    hosts = {"own": host("eu-west-1"), "in it": host("eu-west-2"), "not in it": host("eu-west-3")}
    variables = task_vars(hosts, account_111111111111=["own", "in it"])
    assert [target["region"] for target in account_targets(SPEC, variables, ACCOUNT)] == ["eu-west-2"]


def test_account_targets_leave_out_variables_that_cannot_be_templated() -> None:
    broken = host("eu-west-2", reflector_sinks=AnsibleError("undefined"), reflector_memory_size=512)
    hosts = {"own": host("eu-west-1"), "broken": broken}
    assert account_targets(SPEC, task_vars(hosts), ACCOUNT) == [
        {"account_id": ACCOUNT, "region": "eu-west-2", "reflector_memory_size": 512}
    ]


def test_account_targets_without_account_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="target_account_id"):
        account_targets(SPEC, task_vars({"own": host("eu-west-1")}), None)


RULE = {
    "name": "eu",
    "organization_id": "o-exampleorg1",
    "source_regions": ["eu-west-1", "eu-west-2"],
    "destination_account": ACCOUNT,
    "destination_region": "eu-west-1",
}


class Templar:
    """Returns variables as they are."""

    def template(self, value: Any) -> Any:
        return value


def of_host(region: str, **variables: Any) -> dict[str, Any]:
    given = {"target_account_id": ACCOUNT, "target_region": region, "centralization_rules": [RULE], **variables}
    found = from_variables(SPEC, given, Templar())
    return {name: found.get(name) for name in ("log_groups_mode", "reflector_centralized_name_pattern")}


def test_from_variables_destination_of_a_rule_has_its_mode_and_pattern() -> None:
    pattern = "/central/${source.accountId}/${source.region}${source.logGroup}"
    assert of_host("eu-west-1") == {
        "log_groups_mode": "account_policy",
        "reflector_centralized_name_pattern": pattern,
    }
    assert of_host("eu-west-2") == {"log_groups_mode": None, "reflector_centralized_name_pattern": None}


def test_from_variables_own_values_of_a_destination_count() -> None:
    found = of_host("eu-west-1", log_groups_mode="filters", reflector_centralized_name_pattern="")
    assert found == {"log_groups_mode": "filters", "reflector_centralized_name_pattern": ""}


def test_from_variables_wrong_rule_fails_with_its_name() -> None:
    with pytest.raises(InvalidInputError, match="variable centralization_rules: rule 'eu': exclude: "):
        of_host("eu-west-2", centralization_rules=[{**RULE, "exclude": ["/a b"]}])


def test_delivery_paths_are_the_own_log_groups_of_each_host_with_a_reflector() -> None:
    hosts = {
        "plain": host("eu-west-1"),
        "renamed": host(
            "eu-west-2",
            reflector_function_name="forwarder",
            log_groups_own_log_groups=["/sink/*"],
            reflector_sinks={"out": {"type": "firehose", "stream": "logs"}},
        ),
        "copied": host("us-east-1", log_groups_mode="centralized"),
        "wrong": host("us-east-2", reflector_sinks={"out": "firehose"}),
        "without region": {"target_account_id": ACCOUNT},
    }
    found = {path.host: path.log_groups for path in delivery_paths(task_vars(hosts))}
    subscriber = "/aws/lambda/log-reflector-subscriber"
    assert set(found) == {"plain", "renamed", "wrong"}
    assert found["plain"] == ("/aws/lambda/log-reflector", subscriber)
    assert found["renamed"][:3] == ("/aws/lambda/forwarder", subscriber, "/sink/*")
    assert len(found["renamed"]) > 3


def places(hosts: Mapping[str, Variables], administrator: str = "root") -> dict[str, Any]:
    variables = {
        **task_vars(hosts),
        "centralization_rules": [RULE],
        "centralization_administrator": administrator,
    }
    return centralization_places(SPECS["coverage_info"], variables, lambda value: value)


def test_centralization_places_are_the_administrator_and_the_destinations() -> None:
    role = "arn:aws:iam::111111111111:role/x"
    hosts = {
        "own": host("eu-west-2"),
        "central": host("eu-west-1", target_role_arn=role, reflector_function_name="theirs", reflector_memory_size=512),
        "root": host("us-east-1", "999999999999", target_profile="root"),
    }
    found = places(hosts)
    assert found["administrator"]["host"] == "root"
    root = found["administrator"]["options"]
    assert (root["region"], root["profile"], root["assume_role_arn"]) == ("us-east-1", "root", None)
    (central,) = found["destinations"]
    assert (central["host"], central["account"], central["region"]) == ("central", ACCOUNT, "eu-west-1")
    options = central["options"]
    assert (options["assume_role_arn"], options["profile"]) == (role, None), "the own profile is not the destination's"
    assert (options["reflector_function_name"], options["reflector_queue"]) == ("theirs", None)
    assert not {"reflector_memory_size", "endpoint_url"} & set(options)


def test_centralization_places_outside_the_inventory_are_unknown() -> None:
    assert places({"own": host("eu-west-2")}) == {"administrator": None, "destinations": []}
