# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target goes back by one deployment, whatever it changed, even if the deployment or a rollback was interrupted."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.releases import functions_to_roll_back


def info(
    current: str | None, previous: str | None = None, withdrawn: str | None = None, drifted: bool = False
) -> dict[str, Any]:
    """Return release_info's result for a function. "x!" is a release that was withdrawn unfinished."""

    def named(name: str | None) -> dict[str, Any] | None:
        return {"release": name, "version": "1"} if name else None

    left = named(withdrawn and withdrawn.rstrip("!"))
    if left and withdrawn and withdrawn.endswith("!"):
        left["unfinished"] = True
    return {"current": named(current), "previous": named(previous), "withdrawn": left, "drifted": drifted}


BOTH = ["reflector", "subscriber"]
# state of the reflector, state of the subscriber, functions that go back
CASES = {
    "a new release of both": (info("2", "1"), info("2", "1"), BOTH),
    "only the reflector was configured anew, the first time": (info("1", "1"), info("1"), ["reflector"]),
    "only the subscriber was configured anew, the first time": (info("1"), info("1", "1"), ["subscriber"]),
    "the reflector was configured anew after a new release": (info("2", "2"), info("2", "1"), ["reflector"]),
    "the subscriber was configured anew after a new release": (info("2", "1"), info("2", "2"), ["subscriber"]),
    "the deployment stopped at the reflector": (info("1", "0", drifted=True), info("1", "0"), ["reflector"]),
    "the deployment stopped at the subscriber": (info("2", "1"), info("1", "0", drifted=True), BOTH),
    "the subscriber alone was changed by hand": (info("2", "1"), info("2", "1", drifted=True), ["subscriber"]),
    "rolled back already": (info("1", withdrawn="2"), info("1", withdrawn="2"), BOTH),
    "a rollback stopped between them": (info("1", withdrawn="2"), info("2", "1"), BOTH),
    "a rollback stopped within the reflector": (info("2", "1", "2", drifted=True), info("2", "1"), BOTH),
    "of the reflector alone, rolled back already": (info("2", withdrawn="2"), info("2", "1"), ["reflector"]),
    "an unfinished one, rolled back already": (info("1", None, "1!"), info("1", "0"), ["reflector"]),
    "a first release": (info("1"), info("1"), []),
    "each went from a release of its own to one of its own": (info("3", "1"), info("2", "1"), BOTH),
    "the first deployment of all stopped at the subscriber": (info("1"), info("1", drifted=True), ["subscriber"]),
    "no function, or none with a release": (info(None), info(None), []),
}


@pytest.mark.parametrize(("reflector", "subscriber", "expected"), CASES.values(), ids=CASES)
def test_the_functions_of_the_last_deployment(
    reflector: dict[str, Any], subscriber: dict[str, Any], expected: list[str]
) -> None:
    assert functions_to_roll_back({"reflector": reflector, "subscriber": subscriber}) == expected


def test_a_target_that_the_release_has_not_reached_is_left_alone() -> None:
    reached = {"reflector": info("2", "1"), "subscriber": info("2", "1")}
    assert functions_to_roll_back(reached, "2") == BOTH
    assert functions_to_roll_back({name: info("1", "0") for name in BOTH}, "2") == []
    assert functions_to_roll_back({name: info("1", withdrawn="2") for name in BOTH}, "2") == BOTH
    half = {"reflector": info("1", "0", drifted=True), "subscriber": info("1", "0")}
    assert functions_to_roll_back(half, "2") == ["reflector"]


@pytest.mark.parametrize(
    ("reflector", "subscriber", "release", "expected"),
    [
        (info("2+aa", "1"), info("2+aa", "1"), "2", BOTH),
        (info("2+aa", "1"), info("2+aa", "1"), "2+aa", BOTH),
        (info("2+aa", "1"), info("2+aa", "1"), "2+bb", []),
        (info("2+aa", "1"), info("1", "0"), "2", BOTH),
        (info(None), info("2", "1"), "2", ["subscriber"]),
        (info(None), info(None), "2", []),
    ],
)
def test_a_version_means_all_releases_with_its_hashes(
    reflector: dict[str, Any], subscriber: dict[str, Any], release: str, expected: list[str]
) -> None:
    assert functions_to_roll_back({"reflector": reflector, "subscriber": subscriber}, release) == expected
