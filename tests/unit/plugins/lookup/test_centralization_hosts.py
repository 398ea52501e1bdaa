# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup that returns the administrator and the destinations of the centralization rules."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.logreflector.aws.plugins.lookup.centralization_hosts import LookupModule

CENTRAL = "444444444444"
RULE = {
    "name": "eu",
    "organization_id": "o-exampleorg1",
    "source_regions": ["eu-west-1"],
    "destination_account": CENTRAL,
    "destination_region": "eu-west-1",
}
US = {**RULE, "name": "us", "source_regions": ["us-east-1"], "destination_region": "us-east-1"}


def look_up(*terms: str, rules: Any = (RULE, US), admin: Any = "admin", groups: Any = None, **variables: Any) -> str:
    common = {"centralization_rules": list(rules), "centralization_administrator": admin}
    hosts = {
        "admin": {"target_account_id": "111111111111", "target_region": "eu-west-1", **common},
        "b": {"target_account_id": CENTRAL, "target_region": "us-east-1", **common},
        "a": {"target_account_id": CENTRAL, "target_region": "eu-west-1", **common},
    }
    given = {"hostvars": hosts, "groups": {"all": list(hosts), **(groups or {})}, **variables}
    (found,) = LookupModule().run(list(terms), given)
    return str(found)


def test_centralization_hosts_returns_administrator_and_destinations_in_the_order_of_the_rules() -> None:
    assert look_up("administrator") == "admin"
    assert look_up("destinations") == "a,b"
    assert look_up("administrator", "destinations") == "admin,a,b"
    assert look_up("destinations", groups={f"account_{CENTRAL}": ["b", "a"]}) == "a,b"


def test_centralization_hosts_administrator_that_is_a_destination_is_named_once() -> None:
    assert look_up("administrator", "destinations", admin="a") == "a,b"


def test_centralization_hosts_absent_rule_has_no_destination() -> None:
    assert look_up("destinations", rules=[RULE, {"name": "us", "state": "absent"}]) == "a"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"admin": None}, "variable centralization_administrator: it is not set"),
        ({"admin": "nobody"}, "'nobody' is no host of the inventory"),
        ({"rules": []}, "variable centralization_rules: it is not set"),
        ({"rules": [{**RULE, "exclude": ["a b"]}]}, "rule 'eu': exclude"),
        ({"rules": [{**RULE, "destination_account": "555555555555"}]}, "its destination 555555555555/eu-west-1"),
        (
            {"ansible_limit": "a", "ansible_play_hosts_all": ["a"]},
            "--limit a leaves out admin, b, which this playbook needs",
        ),
        ({"hostvars": None}, "The first play of a playbook cannot use this lookup"),
    ],
)
def test_centralization_hosts_missing_host_raises(given: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleError) as caught:
        look_up("administrator", "destinations", **given)
    assert message in str(caught.value)
