# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Second outcomes of a sweep: for groups whose function turned out to be another forwarder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from .._errors import ReflectorError
from .calls import LogsApi
from .choice import Kind, LogGroup
from .filters import GroupPlan, SubscriptionFilter
from .listing import Listing
from .outcome import Outcome
from .planning import GroupPlanner


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrects outcomes. Used by the thread that iterates over the sweep.

    check_tags  reads whether a group's tags as another forwarder's are true
    apply       carries out an outcome's writes, or none in check mode
    """

    planner: GroupPlanner
    api: LogsApi
    listing: Listing
    check_tags: Callable[[str], None]
    apply: Callable[[Outcome], Outcome]

    def late_forwarders(self, *, only_created: bool) -> Iterator[Outcome]:
        """Yield outcomes for groups that were processed before a foreign filter to their function was read."""
        for name in self.planner.loops.take_late(only_created=only_created):
            if self._is_final(name):
                continue
            try:
                self.check_tags(name)
                filters = self.api.filters(name)
            except ReflectorError:
                continue  # the group is gone, or its first outcome reported the error
            yield self._corrected(name, filters)

    def _is_final(self, name: str) -> bool:
        """Whether the first outcome still holds: the group is excluded, known by its tag, or was not subscribed."""
        group, loops, options = LogGroup(name), self.planner.loops, self.planner.options
        # An earlier slice of this sweep may have written the tag.
        is_trusted = name in self.planner.tagged.current and not options.is_slice
        if self.planner.exclusion(group) or (is_trusted and not options.audit(name)):
            return True
        return loops.reported(name) not in (None, "created", "updated")

    def _corrected(self, name: str, filters: Sequence[SubscriptionFilter]) -> Outcome:
        outcome = self.planner.avoid_loop(LogGroup(name), filters)
        if outcome.kind in ("subscribed", "updated"):  # the filter stays; only the warning is new
            return replace(outcome, kind="subscribed", plan=GroupPlan(), tag="", replaces="subscribed")
        # A group behind the position where this sweep stopped was not counted yet: the next sweep counts it.
        stopped = self.listing.stopped
        is_uncounted = stopped and name > stopped.after
        replaces = outcome.kind if is_uncounted else self._first_kind(name, filters)
        return replace(self.apply(outcome), replaces=replaces)

    def _first_kind(self, name: str, filters: Sequence[SubscriptionFilter]) -> Kind:
        """Return the kind that was reported for a function's group, in this sweep or in the slices before it."""
        subscribed = any(self.planner.desired.owns(item) for item in filters)
        return self.planner.loops.reported(name) or ("subscribed" if subscribed else "other_forwarder")
