# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a sweep: counts of all groups, and entries for those that need attention, up to a limit."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from .choice import Kind
from .outcome import Outcome

MOST_ENTRIES = 1000
"""Limit of each list: with thousands of groups the result stays below a few hundred KB."""

FAILURES: tuple[Kind, ...] = ("denied", "contested", "failed")
"""The kinds that make a sweep fail: somebody has to act or to run it again."""

_SUBSCRIBED: tuple[Kind, ...] = ("subscribed", "created", "updated")
_ENTRIES: tuple[Kind, ...] = (
    *FAILURES,
    "not_possible",
    "in_deletion",
    "gone",
    "removed",
    "kept",
    "other_forwarder",
    "excluded",
)


class Tally:
    """Counts outcomes as they come. Memory is limited: each list has at most `most` entries."""

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        self._most = most
        self._kinds: Counter[Kind] = Counter()
        self._entries: dict[Kind, list[Outcome]] = {kind: [] for kind in _ENTRIES}
        self._notes: list[str] = []
        self._changing: list[Outcome] = []
        self._changed = self._known = self._purged = self._foreign = self._fingerprint = 0
        self.causes: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        """Write calls that the outcomes cost, or would cost, by operation."""

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a group, or its second one (`Outcome.replaces`)."""
        if outcome.replaces:
            self._take_back(outcome.log_group, outcome.replaces)
        self._kinds[outcome.kind] += 1
        self._known += outcome.known_by_tag
        self._count_writes(outcome)
        if outcome.has_changes:
            self._changed += 1
            if len(self._changing) < self._most:
                self._changing.append(outcome)
        if outcome.kind == "not_possible":
            self.causes[outcome.cause] += 1
        purged = outcome.kind == "removed" and bool(outcome.reason)
        self._purged += purged
        if outcome.kind in self._entries and (outcome.kind != "removed" or purged):
            entries = self._entries[outcome.kind]
            if len(entries) < self._most:
                entries.append(outcome)
        elif outcome.reason and outcome.kind in _SUBSCRIBED and len(self._notes) < self._most:
            self._notes.append(f"{outcome.log_group}: {outcome.reason}")
        if not outcome.replaces:
            self._add_foreign(outcome)

    def _take_back(self, name: str, before: Kind) -> None:
        self._kinds[before] -= 1
        self._purged -= before == "removed"
        for entries in self._entries.values():
            entries[:] = [item for item in entries if item.log_group != name]
        if before in ("created", "updated") and self._changed:
            self._changed -= 1
            self._changing = [item for item in self._changing if item.log_group != name]

    def _count_writes(self, outcome: Outcome) -> None:
        self.writes["PutSubscriptionFilter"] += outcome.plan.put is not None
        self.writes["DeleteSubscriptionFilter"] += len(outcome.plan.remove)
        self.writes["TagResource"] += (outcome.tag in ("set", "other_forwarder")) + outcome.needs_changing_tag
        self.writes["UntagResource"] += outcome.tag == "removed"

    def _add_foreign(self, outcome: Outcome) -> None:
        for item in outcome.foreign:
            self._foreign += 1
            digest = hashlib.sha256(repr(item).encode()).digest()[:8]
            self._fingerprint = (self._fingerprint + int.from_bytes(digest, "big")) % 2**64

    @property
    def changed(self) -> bool:
        """Whether anything was written, or would be."""
        return self._changed > 0

    @property
    def changing(self) -> list[Outcome]:
        """Return the outcomes with changes, by name, up to the limit."""
        return sorted(self._changing, key=lambda outcome: outcome.log_group)

    @property
    def more_changes(self) -> int:
        """Return the number of outcomes with changes that `changing` leaves out."""
        return self._changed - len(self._changing)

    def entries(self, *kinds: Kind) -> list[Outcome]:
        """Return the outcomes of these kinds, by name, up to the limit for each."""
        return sorted((item for kind in kinds for item in self._entries[kind]), key=lambda item: item.log_group)

    def failures(self) -> list[Outcome]:
        """Return the outcomes that make the sweep fail."""
        return self.entries(*FAILURES)

    def counts(self) -> dict[str, int]:
        """Return the number of groups by result."""
        return {
            "groups": sum(self._kinds.values()),
            "subscribed": sum(self._kinds[kind] for kind in _SUBSCRIBED),
            "already_right": self._kinds["subscribed"],
            "known_by_tag": self._known,
            "changed": self._changed,
            "excluded": self._kinds["excluded"] + self._purged,
            "kept": self._kinds["kept"],
            "other_forwarders": self._kinds["other_forwarder"],
            "not_possible": self._kinds["not_possible"],
            "gone": self._kinds["gone"],
            "in_deletion": self._kinds["in_deletion"],
            "contested": self._kinds["contested"],
            "denied": self._kinds["denied"],
            "failed": self._kinds["failed"],
        }

    def summary(self) -> dict[str, Any]:
        """Return the counts, and entries with reasons for groups that are not subscribed, failures first."""
        shown = self._first_entries()
        known = sum(self._kinds[kind] for kind in _ENTRIES if kind != "removed") + self._purged
        return {
            "counts": self.counts(),
            "not_subscribed": [
                {
                    "log_group": outcome.log_group,
                    "outcome": outcome.kind,
                    "cause": outcome.cause or None,
                    "reason": outcome.reason,
                    "holders": outcome.holders or None,
                }
                for outcome in shown
            ],
            "left_out": known - len(shown),
            "notes": sorted(self._notes),
            "foreign": {"filters": self._foreign, "fingerprint": f"{self._fingerprint:016x}"},
        }

    def _first_entries(self) -> list[Outcome]:
        """Return the entries up to the limit, failures first, sorted by name."""
        chosen: list[Outcome] = []
        for kind in _ENTRIES:
            chosen += self._entries[kind][: self._most - len(chosen)]
        return sorted(chosen, key=lambda outcome: outcome.log_group)
