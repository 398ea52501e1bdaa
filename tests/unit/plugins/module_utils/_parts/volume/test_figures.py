# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sums of data points and what they mean for a month. What is unknown never becomes 0."""

from __future__ import annotations

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import (
    DAYS_A_MONTH,
    Measured,
    Range,
    VolumeRow,
    total,
    volume_of,
)
from hypothesis import given
from hypothesis import strategies as st

DAYS = 14.0
counts = st.integers(0, 10**12)


def row(name: str, state: str = "chosen", size: int | None = None, points: int = 14) -> VolumeRow:
    measured = None if size is None else Measured(size, points)
    return VolumeRow(name, state, bytes=measured, events=measured)  # type: ignore[arg-type]


def test_month_of_a_group_with_data_every_day_has_one_figure() -> None:
    assert Measured(1400, 14).a_month(14.0) == Range(100 * DAYS_A_MONTH, 100 * DAYS_A_MONTH)


def test_month_of_a_new_group_reaches_from_its_sum_to_its_days() -> None:
    assert Measured(1400, 7).a_month(14.0) == Range(100 * DAYS_A_MONTH, 200 * DAYS_A_MONTH)


@given(counts, st.integers(1, 63), st.floats(0.01, 63))
def test_month_is_always_a_range(size: int, points: int, days: float) -> None:
    found = Measured(size, points).a_month(days)
    assert found.high is not None
    assert 0 <= found.low <= found.high


@pytest.mark.parametrize("ends", [(2.0, 1.0), (-1.0, 1.0), (-1.0, None)])
def test_range_with_ends_in_the_wrong_order_is_refused(ends: tuple[float, float | None]) -> None:
    with pytest.raises(ValueError, match="is no range"):
        Range(*ends)


def test_sum_with_an_unbounded_range_is_unbounded() -> None:
    assert total([Range(1, 2), Range(3, None)]) == Range(4, None)
    assert total([]) == Range(0, 0)


def test_limit_bounds_both_ends() -> None:
    assert Range(5, None).at_most(Range(3, 7)) == Range(3, 7)
    assert Range(1, 9).at_most(Range(3, 7)) == Range(1, 7)
    assert Range(1, 9).at_most(Range(3, None)) == Range(1, 9)
    assert Range(1, 9).at_most(None) == Range(1, 9)


def test_known_groups_add_up() -> None:
    rows = [row("/a", size=14), row("/b", size=28), row("/c", "excluded", 42)]
    found = volume_of(rows, {"bytes": Measured(84, 14), "events": Measured(84, 14)}, DAYS)
    assert found["chosen"]["bytes"]["low"] == pytest.approx(3 * DAYS_A_MONTH)
    assert found["chosen"]["bytes"]["high"] == pytest.approx(3 * DAYS_A_MONTH)
    assert (found["chosen"]["log_groups"], found["chosen"]["unknown"]) == (2, 0)
    assert found["excluded"]["bytes"]["low"] == pytest.approx(3 * DAYS_A_MONTH)
    nothing = {"bytes": {"low": 0, "high": 0}, "events": {"low": 0, "high": 0}}
    assert found["impossible"] == {"log_groups": 0, "unknown": 0, **nothing, "functions": nothing}


def test_unknown_group_has_at_most_the_remainder_of_the_target() -> None:
    rows = [row("/a", size=14), row("/silent"), row("/c", "excluded", 14)]
    found = volume_of(rows, {"bytes": Measured(70, 14), "events": None}, DAYS)
    assert found["chosen"]["bytes"] == pytest.approx({"low": DAYS_A_MONTH, "high": 4 * DAYS_A_MONTH})
    assert found["chosen"]["unknown"] == 1
    assert found["chosen"]["events"] == pytest.approx({"low": DAYS_A_MONTH, "high": None})


def test_functions_have_their_part_and_the_remainder_only_if_one_of_them_is_unknown() -> None:
    rows = [row("/aws/lambda/a", size=14), row("/ecs/b", size=28), row("/ecs/silent")]
    whole = {"bytes": Measured(70, 14), "events": Measured(70, 14)}
    found = volume_of(rows, whole, DAYS)["chosen"]["functions"]["bytes"]
    assert found == pytest.approx({"low": DAYS_A_MONTH, "high": DAYS_A_MONTH})
    found = volume_of([*rows, row("/aws/lambda/silent")], whole, DAYS)["chosen"]["functions"]["bytes"]
    assert found == pytest.approx({"low": DAYS_A_MONTH, "high": 3 * DAYS_A_MONTH})


def test_target_without_any_data_is_unknown_and_not_zero() -> None:
    found = volume_of([row("/a"), row("/b")], {"bytes": None, "events": None}, DAYS)
    assert found["chosen"]["bytes"] == {"low": 0.0, "high": None}


def test_total_alone_is_that_of_the_chosen_groups_if_all_are_chosen() -> None:
    whole = {"bytes": Measured(140, 14), "events": Measured(140, 14)}
    found = volume_of([row("/a"), row("/b")], whole, DAYS)
    assert found["chosen"]["bytes"] == pytest.approx({"low": 10 * DAYS_A_MONTH, "high": 10 * DAYS_A_MONTH})
    found = volume_of([row("/a"), row("/b", "excluded")], whole, DAYS)
    assert found["chosen"]["bytes"] == pytest.approx({"low": 0.0, "high": 10 * DAYS_A_MONTH})


@given(st.lists(st.tuples(st.sampled_from(["chosen", "excluded"]), counts, st.booleans()), max_size=8))
def test_volume_range_contains_true_volume_if_sums_are_unknown(groups: list[tuple[str, int, bool]]) -> None:
    """The true volume is known here: every log group wrote evenly, and AWS returns no sums for some."""
    rows = [row(f"/{i}", state, size if known else None) for i, (state, size, known) in enumerate(groups)]
    whole = Measured(sum(size for _state, size, _known in groups), 14)
    found = volume_of(rows, {"bytes": whole, "events": whole}, DAYS)
    for state in ("chosen", "excluded"):
        truth = sum(size for each, size, _known in groups if each == state) / DAYS * DAYS_A_MONTH
        bounds = found[state]["bytes"]  # type: ignore[index]
        assert bounds["low"] <= truth * (1 + 1e-9)
        assert truth <= bounds["high"] * (1 + 1e-9)
