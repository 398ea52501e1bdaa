# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a resource: read, plan, apply and result, with a resource in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AwsError, OutdatedError, ReflectorError
from ansible_collections.logreflector.aws.plugins.module_utils._plan import (
    Change,
    Result,
    converge,
    converging,
    outcome,
)

CREDENTIAL = "hunter2"


class Shelf:
    """A resource of names on a shelf. `failures` maps a name to the errors of its writes, one after another."""

    def __init__(self, desired: Sequence[str], stored: Sequence[str] = ()) -> None:
        self.desired, self.stored = list(desired), list(stored)
        self.writes: list[str] = []
        self.reads = 0
        self.failures: dict[str, list[ReflectorError]] = {}
        self.unreadable_from: int | None = None

    def read(self) -> list[str]:
        self.reads += 1
        if self.unreadable_from is not None and self.reads >= self.unreadable_from:
            raise AwsError("read the shelf", "it is dark")
        return list(self.stored)

    def plan(self, actual: Sequence[str]) -> list[Change]:
        return [
            *(Change("delete", "book", name, before=name) for name in actual if name not in self.desired),
            *(
                Change("create", "book", name, after=name, payload=CREDENTIAL)
                for name in self.desired
                if name not in actual
            ),
        ]

    def apply(self, change: Change) -> None:
        self.writes.append(change.name)
        if self.failures.get(change.name):
            raise self.failures[change.name].pop(0)
        if change.action == "create":
            self.stored.append(change.name)
        else:
            self.stored.remove(change.name)

    def facts(self, actual: Sequence[str]) -> Result:
        return {"books": list(actual)}


def test_converge_second_run_writes_nothing() -> None:
    shelf = Shelf(["a", "b"], ["c"])
    first = converge(shelf, check_mode=False)
    assert first["changed"]
    assert first["changes"] == ["delete book c", "create book a", "create book b"]
    assert first["books"] == ["a", "b"]
    shelf.writes.clear()
    second = converge(shelf, check_mode=False)
    assert second == {"changed": False, "changes": [], "diff": [], "books": ["a", "b"]}
    assert shelf.writes == []


def test_check_mode_announces_the_real_run_and_writes_nothing() -> None:
    announced, real = Shelf(["a", "b"], ["c"]), Shelf(["a", "b"], ["c"])
    before = converge(announced, check_mode=True)
    assert announced.writes == []
    assert before["books"] == ["c"]
    after = converge(real, check_mode=False)
    assert {key: before[key] for key in ("changed", "changes", "diff")} == {
        key: after[key] for key in ("changed", "changes", "diff")
    }


def test_the_diff_has_both_sides_and_no_payload() -> None:
    result = converge(Shelf(["a"], ["b"]), check_mode=True)
    assert result["diff"] == [
        {"before_header": "book b", "after_header": "book b", "before": "b", "after": ""},
        {"before_header": "book a", "after_header": "book a", "before": "", "after": "a"},
    ]
    assert CREDENTIAL not in str(result)
    assert CREDENTIAL not in repr(Change("create", "book", "a", payload=CREDENTIAL))


def test_failure_half_way_reports_earlier_changes() -> None:
    shelf = Shelf(["a", "b", "c"])
    shelf.failures["b"] = [AwsError("put b", "it is heavy")]
    with pytest.raises(AwsError) as caught:
        converge(shelf, check_mode=False)
    assert caught.value.done["changed"] is True
    assert caught.value.done["changes"] == ["create book a"]
    assert shelf.stored == ["a"]


def test_a_failure_at_the_first_write_claims_no_change() -> None:
    shelf = Shelf(["a"])
    shelf.failures["a"] = [AwsError("put a", "it is heavy")]
    with pytest.raises(AwsError) as caught:
        converge(shelf, check_mode=False)
    assert caught.value.done == outcome([])


def test_changes_are_reported_even_if_the_last_read_fails() -> None:
    shelf = Shelf(["a"])
    shelf.unreadable_from = 2
    with pytest.raises(AwsError) as caught:
        converge(shelf, check_mode=False)
    assert caught.value.done["changes"] == ["create book a"]


def test_concurrent_write_is_read_and_planned_again() -> None:
    shelf = Shelf(["a", "b"])
    shelf.failures["b"] = [OutdatedError("put b", "the shelf was changed meanwhile")]
    result = converge(shelf, check_mode=False)
    assert result["books"] == ["a", "b"]
    assert result["changes"] == ["create book a", "create book b"]


def test_a_writer_that_is_always_faster_is_an_error_in_the_end() -> None:
    shelf = Shelf(["a", "b"])
    shelf.failures["b"] = [OutdatedError("put b", "the shelf was changed meanwhile")] * 99
    with pytest.raises(OutdatedError) as caught:
        converge(shelf, check_mode=False)
    assert caught.value.done["changes"] == ["create book a"]
    assert 1 < shelf.writes.count("b") < 10


def test_the_work_of_a_module_makes_its_resource_of_target_and_parameters() -> None:
    seen: list[Any] = []

    def make(target: Any, params: Any) -> Shelf:
        seen.append((target, params))
        return Shelf(params["desired"])

    result = converging(make)("the target", {"desired": ["a"]}, True)  # type: ignore[arg-type]
    assert seen == [("the target", {"desired": ["a"]})]
    assert result["changes"] == ["create book a"]
