# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes between two reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ...module_utils._subscriptions.coverage import CoverageRow, State
from .fleet import CHOSEN, FleetReport, TargetReport

Change = Literal["newly_uncovered", "no_longer_checked", "gone", "new_uncovered", "newly_covered", "changed"]
"""The change of a log group.

newly_uncovered    it was covered, and is missing, broken, impossible or excluded now
new_uncovered      it did not exist, or its target was not in the earlier report, and it is missing, broken or impossible
no_longer_checked  its state was known, and could not be read now
gone               it was covered, and does not exist any more
newly_covered      it was chosen and not covered, and is covered now
changed            any other change of its state or cause
"""

WORSE: tuple[Change, ...] = ("newly_uncovered", "new_uncovered", "no_longer_checked")


@dataclass(frozen=True, slots=True)
class Difference:
    """A log group that changed. `before` and `after` are its states, "" where it was or is not in the report."""

    change: Change
    account: str
    region: str
    log_group: str
    before: str
    after: str
    reason: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Drift:
    """The differences to an earlier report.

    since         the time of the earlier report in seconds since 1970
    lost_targets  hosts that were read then, and were not read now or are not in the report
    """

    since: int
    differences: tuple[Difference, ...]
    lost_targets: tuple[str, ...] = ()

    def count(self, change: Change) -> int:
        """Return the number of log groups with this change."""
        return sum(item.change == change for item in self.differences)

    @property
    def is_worse(self) -> bool:
        """Whether something that was known to be fine is not any more, or something new is not covered."""
        return bool(self.lost_targets) or any(item.change in WORSE for item in self.differences)


def drift(before: FleetReport, after: FleetReport) -> Drift:
    """Return what changed. A target that was not read in one of the reports is not compared."""
    earlier, now = _Index(before), _Index(after)
    differences = [
        difference
        for target in after.targets
        if target.status != "not_checked"
        for difference in _of_target(earlier.find(target), target)
    ]
    lost = [target.host for target in before.targets if target.status != "not_checked" and not _is_read(now, target)]
    return Drift(before.made_at, tuple(differences), tuple(lost))


class _Index:
    """The targets of a report, to find those of another report in it."""

    def __init__(self, report: FleetReport) -> None:
        self._by_key = {target.key: target for target in report.targets}
        self._by_host = {target.host: target for target in report.targets}

    def find(self, target: TargetReport) -> TargetReport | None:
        """Return the same target; by its host if one of the reports does not know the account, because its role failed."""
        if found := self._by_key.get(target.key):
            return found
        found = self._by_host.get(target.host)
        return found if found and not (found.account and target.account) else None


def _is_read(report: _Index, target: TargetReport) -> bool:
    found = report.find(target)
    return found is not None and found.status != "not_checked"


def _of_target(before: TargetReport | None, after: TargetReport) -> Iterator[Difference]:
    rows_before = {row.log_group: row for row in (before.log_groups if before else ())}
    rows_after = {row.log_group: row for row in after.log_groups}
    # In a target that was not read to its end, a log group without a row may exist.
    compares_missing_before = before is None or before.status == "read"
    for name in sorted(rows_before.keys() | rows_after.keys()):
        then, now = rows_before.get(name), rows_after.get(name)
        if then is None and not compares_missing_before:
            continue
        if change := _change(then, now, is_gone=after.status == "read"):
            state_before, state_after = (row.state if row else "" for row in (then, now))
            reason = now.reason if now else "" if change == "gone" else after.error
            yield Difference(change, after.account, after.region, name, state_before, state_after, reason)


def _change(before: CoverageRow | None, after: CoverageRow | None, *, is_gone: bool) -> Change | None:
    """Return the change; `is_gone` is whether a log group without a row does not exist any more."""
    if before and after:
        is_same = (before.state, before.cause) == (after.state, after.cause)
        return None if is_same else _change_of_state(before.state, after.state)
    if after:
        return "new_uncovered" if after.state in CHOSEN and after.state != "covered" else None
    state = before.state if before else "not_checked"
    if is_gone:
        return "gone" if state == "covered" else None
    return "no_longer_checked" if state != "not_checked" else None


def _change_of_state(before: State, after: State) -> Change:
    if after == "not_checked":
        return "no_longer_checked" if before != "not_checked" else "changed"
    if before == "covered":
        return "newly_uncovered"
    return "newly_covered" if after == "covered" and before in CHOSEN else "changed"
