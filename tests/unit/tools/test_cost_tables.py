# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calculation by hand in docs/COST.md, beside the estimate in the same page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "COST.md").read_text(encoding="utf-8")
DOLLARS = re.compile(r"\$([\d,]+(?:\.\d+)?)")


def sums() -> tuple[list[str], list[str]]:
    """Return the sums of the estimate and of the calculation by hand."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| **Sum**")]
    estimate, by_hand = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return estimate, by_hand


def dollars(cell: str) -> list[float]:
    return [float(each.replace(",", "")) for each in DOLLARS.findall(cell)]


@pytest.mark.parametrize(("column", "payload"), [(1, 1e12), (2, 30e12)])
def test_calculation_by_hand_is_between_the_ends_of_the_estimate(column: int, payload: float) -> None:
    """The calculation is written here once more, with its own figures and without the code of the estimate."""
    requests, gigabytes = payload / 100e3, payload / 1e9
    costs = (
        requests * 0.20 / 1e6,
        (requests * 0.1 * 0.25 + gigabytes * 27.7) * 0.0000133334,
        requests * 1.3e3 / 1e9 * 0.50,
        requests * 1.3e3 / 1e9 * 0.15 * 0.03,
        gigabytes * 0.108 * 0.09,
        0.40 + 0.70 + 0.225 + 0.1125 + 0.01 + 0.0125,
    )
    estimate, by_hand = sums()
    (shown,) = dollars(by_hand[column])
    assert shown == pytest.approx(sum(costs), rel=0.001)
    low, high = dollars(estimate[column + 1])
    assert low <= shown <= high
