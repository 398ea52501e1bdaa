# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: valid and invalid sizes and limits, and the members of each wave."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.filter.waves import waves
from ansible_collections.logreflector.aws.plugins.plugin_utils._waves import WaveMembers, exceeds, wave_with
from hypothesis import given
from hypothesis import strategies as st

USE = "use numbers of targets or percentages. On the command line: -e deploy_waves=1,5%,100%"


@pytest.mark.parametrize(
    ("sizes", "parsed"),
    [
        (["1", "5%", "25%", "100%"], ["1", "5%", "25%", "100%"]),
        ("1, 5%,100%", ["1", "5%", "100%"]),
        ([2, "50%"], ["2", "50%"]),
        (5, ["5"]),
        ("100%", ["100%"]),
    ],
)
def test_waves_valid_sizes_have_no_problem(sizes: Any, parsed: list[str]) -> None:
    assert waves(sizes) == {"problem": "", "sizes": parsed}


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ("many", "'many'"),
        ([1, 0], "'0'"),
        (["5%", "101%"], "'101%'"),
        (["0%"], "'0%'"),
        (["01"], "'01'"),
        ("-1", "'-1'"),
        ("1,", "''"),
        ("", "''"),
        ("%", "'%'"),
        (1.5, "'1.5'"),
        (True, "'True'"),
        ([], "an empty list"),
        ({"first": 1}, "\"{'first': 1}\""),
        (None, "'None'"),
    ],
)
def test_waves_invalid_size_names_variable_and_value(sizes: Any, shown: str) -> None:
    assert waves(sizes)["problem"] == f"deploy_waves: {shown} is not valid; {USE}"


@pytest.mark.parametrize("limit", ["0%", "100%", "7%", "0", 3, "12"])
def test_waves_valid_limit_has_no_problem(limit: Any) -> None:
    assert waves("100%", limit)["problem"] == ""


@pytest.mark.parametrize("limit", ["many", "-1", "101%", "", None, "5 %", "1.5", [1]])
def test_waves_invalid_limit_names_variable_and_value(limit: Any) -> None:
    assert waves("100%", limit, prefix="rollback")["problem"] == (
        f"rollback_allowed_failures: {str(limit)!r} is not valid; use a number of targets, or a percentage of the wave such as 10%."
    )


@pytest.mark.parametrize("value", [True, False, "yes", "No", "ON", "off", 1, 0])
def test_waves_boolean_verify_has_no_problem(value: Any) -> None:
    assert waves("100%", verify=value)["problem"] == ""


@pytest.mark.parametrize("value", ["perhaps", None, "", 2])
def test_waves_other_verify_names_variable_and_value(value: Any) -> None:
    assert waves("100%", verify=value)["problem"] == f"deploy_verify: {str(value)!r} is not valid; use true or false."


@pytest.mark.parametrize(
    ("failed", "of", "limit", "result"),
    [
        (0, 1, "0%", False),
        (1, 100, "0%", True),
        (1, 10, "10%", False),
        (2, 19, "10%", True),
        (1, 1, "100%", False),
        (1, 9, "1", False),
        (2, 9, "1", True),
        (1, 9, "0", True),
    ],
)
def test_exceeds_compares_with_number_or_percentage(failed: int, of: int, limit: str, result: bool) -> None:
    assert exceeds(failed, of, limit) is result


def test_wave_with_returns_number_and_members() -> None:
    assert wave_with("d", ["1", "2", "100%"], list("abcde")) == WaveMembers(3, 3, ("d", "e"))


@given(st.lists(st.integers(1, 9) | st.integers(1, 100).map(lambda share: f"{share}%"), min_size=1), st.integers(1, 60))
def test_wave_with_puts_every_host_in_one_wave(sizes: list[int | str], count: int) -> None:
    hosts = [f"h{number}" for number in range(count)]
    found = {wave.number: wave for wave in (wave_with(host, sizes, hosts) for host in hosts)}
    assert [host for number in sorted(found) for host in found[number].hosts] == hosts
    assert sorted(found) == list(range(1, next(iter(found.values())).of + 1))
