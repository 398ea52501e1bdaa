# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelled variables."""

from __future__ import annotations

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.plugin_utils._unknown_variables import check_names, unknown_variables

KNOWN = {"log_groups_exclude", "reflector_memory_size", "deploy_waves", "subscriber_retention_days", "target_region"}


def test_unknown_variables_misspelled_name_suggests_the_nearest() -> None:
    names = ["log_groups_exlude", "deploy_wavs", "reflector_memmory_size", "subscriber_retention_day"]
    found = unknown_variables(names, KNOWN)
    assert list(found.items()) == [
        ("deploy_wavs", "no such variable. Did you mean deploy_waves?"),
        ("log_groups_exlude", "no such variable. Did you mean log_groups_exclude?"),
        ("reflector_memmory_size", "no such variable. Did you mean reflector_memory_size?"),
        ("subscriber_retention_day", "no such variable. Did you mean subscriber_retention_days?"),
    ]


def test_unknown_variables_other_prefix_suggests_the_right_one() -> None:
    assert unknown_variables(["catch_up_exclude"], KNOWN) == {
        "catch_up_exclude": "no such variable. Did you mean log_groups_exclude?"
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("loggroups_exclude", "log_groups_exclude"),
        ("log_group_exclude", "log_groups_exclude"),
        ("relfector_memory_size", "reflector_memory_size"),
        ("subscriberretention_days", "subscriber_retention_days"),
    ],
)
def test_unknown_variables_misspelled_prefix_suggests_the_variable(name: str, meant: str) -> None:
    """The rules were ignored without a word, so excluded log groups were delivered."""
    assert unknown_variables([name], KNOWN) == {name: f"no such variable. Did you mean {meant}?"}


@pytest.mark.parametrize("name", ["sumo_endpoint", "memory_size", "alarm_actions", "targetregion", "exclude"])
def test_unknown_variables_of_others_give_no_message(name: str) -> None:
    known = {*KNOWN, "reflector_sumo_endpoint", "alarms_actions"}
    assert unknown_variables([name, f"our_{name}"], known) == {}


def test_unknown_variables_nothing_near_has_no_suggestion() -> None:
    assert unknown_variables(["reflector_zzz"], KNOWN) == {"reflector_zzz": "no such variable."}


def test_unknown_variables_known_and_foreign_names_give_no_message() -> None:
    assert unknown_variables([*KNOWN, "ansible_host", "my_reflector_zzz", "reflector", "deployment"], KNOWN) == {}


def test_unknown_variables_users_own_names_with_shared_prefixes_give_no_message() -> None:
    names = ["account_name", "account_email", "deploy_user", "target_environment", "verify_certificates"]
    assert unknown_variables(names, {*KNOWN, "account_permissions_boundary", "verify_line"}) == {}


def test_check_names_several_misspelled_names_are_in_one_error() -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_names(["reflector_zzz", "deploy_wavs", "reflector_memory_size"], KNOWN)
    assert (caught.value.option, caught.value.message) == (
        "deploy_wavs",
        "no such variable. Did you mean deploy_waves? reflector_zzz: no such variable",
    )
