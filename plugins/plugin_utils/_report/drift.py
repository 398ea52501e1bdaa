# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed between two reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ...module_utils._subscriptions.coverage import CoverageRow
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
    """The differences to an earlier report, and the targets that were read then and are not now.

    since   the time of the earlier report in seconds since 1970
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
    earlier = {target.key: target for target in before.targets}
    differences: list[Difference] = []
    lost: list[str] = []
    for target in after.targets:
        then = earlier.get(target.key)
        if target.status == "not_checked":
            lost += [target.host] if then and then.status != "not_checked" else []
        else:
            differences += _of_target(then, target)
    return Drift(before.made_at, tuple(differences), tuple(lost))


def _of_target(before: TargetReport | None, after: TargetReport) -> Iterator[Difference]:
    rows_before = {row.log_group: row for row in (before.log_groups if before else ())}
    rows_after = {row.log_group: row for row in after.log_groups}
    # In a target that was not read to its end, a log group without a row may exist.
    compares_missing_before = before is None or before.status == "read"
    for name in sorted(rows_before.keys() | rows_after.keys()):
        then, now = rows_before.get(name), rows_after.get(name)
        if (then is None and not compares_missing_before) or (now is None and after.status != "read"):
            continue
        if change := _change(then, now):
            state_before, state_after = (row.state if row else "" for row in (then, now))
            reason = now.reason if now else ""
            yield Difference(change, after.account, after.region, name, state_before, state_after, reason)


def _change(before: CoverageRow | None, after: CoverageRow | None) -> Change | None:
    if after is None:
        return "gone" if before and before.state == "covered" else None
    if before is None:
        return "new_uncovered" if after.state in CHOSEN and after.state != "covered" else None
    if (before.state, before.cause) == (after.state, after.cause):
        return None
    if after.state == "not_checked":
        return "no_longer_checked"
    if before.state == "covered":
        return "newly_uncovered"
    is_gain = after.state == "covered" and before.state in CHOSEN
    return "newly_covered" if is_gain else "changed"
