# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup that returns a host's mode."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.logreflector.aws.plugins.lookup.log_groups_mode import LookupModule

RULE = {
    "name": "eu",
    "organization_id": "o-exampleorg1",
    "source_regions": ["eu-west-1"],
    "destination_account": "444444444444",
    "destination_region": "eu-west-1",
}
PLACE = {"target_account_id": "444444444444", "target_region": "eu-west-1"}


def look_up(**variables: Any) -> list[str]:
    templar = Templar(loader=DataLoader(), variables=variables)
    return LookupModule(loader=DataLoader(), templar=templar).run([], variables)


@pytest.mark.parametrize(
    ("variables", "mode"),
    [
        ({}, "filters"),
        (PLACE, "filters"),
        ({**PLACE, "centralization_rules": [RULE]}, "account_policy"),
        ({**PLACE, "centralization_rules": [RULE], "log_groups_mode": "filters"}, "filters"),
        ({**PLACE, "centralization_rules": [RULE], "target_region": "eu-west-2"}, "filters"),
        ({"log_groups_mode": "centralized"}, "centralized"),
    ],
)
def test_log_groups_mode_is_the_variable_or_its_default(variables: dict[str, Any], mode: str) -> None:
    assert look_up(**variables) == [mode]


def test_log_groups_mode_wrong_rule_raises() -> None:
    with pytest.raises(AnsibleError, match="centralization_rules: it is not a list of rules"):
        look_up(**PLACE, centralization_rules="eu")
