# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision for one group: is it chosen, and what has to be written? Makes no call and keeps no state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._errors import LimitReachedError
from .calls import can_read_tags
from .choice import Choice, Exclusion, Kind, LogGroup
from .filters import DELIVERY, DesiredFilter, GroupPlan, SubscriptionFilter, plan_absent, plan_present
from .listing import ListedTags
from .loops import LOOP_REASON, LoopDetector
from .outcome import Outcome, TagChange
from .tagging import TaggedGroups


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """The options of a sweep.

    present         False: remove our filters and the subscription tags
    purge           also remove our filters from groups that the rules exclude
    report_kept     without `purge`: report the excluded groups that have a filter of ours, as far as tags or the audit show them
    audit           whether to read a group although its tag says that it is subscribed, by name
    tag_log_groups  whether to write subscription tags
    tag_new         whether to tag groups at once that this sweep subscribed; False: the caller does it later (`Sweep.tag`)
    started_ms      ms since 1970: our filters that are younger count as created by this sweep, of which this is a part
    workers         concurrent calls
    is_time_up      whether to begin no further group
    """

    present: bool = True
    purge: bool = False
    report_kept: bool = False
    audit: Callable[[str], bool] = field(default=lambda _name: True)
    tag_log_groups: bool = True
    tag_new: bool = True
    started_ms: float = float("inf")
    workers: int = 10
    is_time_up: Callable[[], bool] = field(default=lambda: False)

    @property
    def is_slice(self) -> bool:
        """Whether this sweep is a part of another."""
        return self.started_ms < float("inf")


@dataclass(frozen=True, slots=True)
class GroupPlanner:
    """Plans groups. `listed_tags` and `tagged` are empty until they are listed."""

    choice: Choice
    desired: DesiredFilter
    options: SweepSettings
    loops: LoopDetector
    listed_tags: ListedTags = field(default_factory=ListedTags)
    tagged: TaggedGroups = field(default_factory=TaggedGroups)

    def exclusion(self, group: LogGroup) -> Exclusion | None:
        """Return why the group is not to be subscribed; None if it is chosen."""
        exclusion = self.choice.exclusion(group)
        if exclusion or group.tags is not None:
            return exclusion
        return self.listed_tags.exclusion(group.name)

    def needs_tags(self, group: LogGroup) -> bool:
        """Whether the group's own tags have to be read."""
        unknown = self.choice.needs_tags and not self.listed_tags.is_listed and group.tags is None
        return unknown and not self.exclusion(group)

    def with_unreadable_tags(self, group: LogGroup) -> Outcome | None:
        """Return the outcome of a group whose tags matter and cannot be read, which is left as it is; None for others."""
        if can_read_tags(group.name) or not self.needs_tags(group):
            return None
        reason = 'its tags are unknown: AWS reads no tags of a name with "#". A sweep that lists groups by tag decides'
        return Outcome(group.name, "excluded", reason, created=group.created)

    def without_reading(self, group: LogGroup) -> Outcome | None:
        """Return the outcome of a group whose filters need not be read; None if they must be."""
        exclusion = self.exclusion(group)
        if exclusion:
            if self._reads_excluded(group, exclusion):
                return None
            return Outcome(
                group.name,
                exclusion.kind,
                exclusion.reason,
                cause=exclusion.cause,
                created=group.created,
                is_delivery=group.log_class == DELIVERY,
            )
        if not self.options.present or self.options.audit(group.name):
            return None
        if group.name in self.tagged.current:
            is_delivery = group.log_class == DELIVERY
            return Outcome(group.name, "subscribed", known_by_tag=True, created=group.created, is_delivery=is_delivery)
        return None

    def _reads_excluded(self, group: LogGroup, exclusion: Exclusion) -> bool:
        options = self.options
        if not (options.purge or options.report_kept):
            return False
        tagged = self.tagged.any_value
        if group.log_class == DELIVERY:
            # It may have a filter of ours from before delivery_stream was taken away.
            return not options.present or group.name in (tagged or ())
        if exclusion.kind != "excluded" or group.log_class != "STANDARD":
            return False
        has_tags = options.tag_log_groups and tagged is not None and can_read_tags(group.name)
        if options.purge and not has_tags:
            return True
        return group.name in (tagged or ()) or options.audit(group.name)

    def foreign(self, filters: Sequence[SubscriptionFilter]) -> tuple[SubscriptionFilter, ...]:
        """Return the filters of others."""
        return tuple(item for item in filters if not self.desired.owns(item))

    def from_filters(self, group: LogGroup, filters: Sequence[SubscriptionFilter]) -> Outcome:
        """Return the planned outcome of a group with these filters."""
        exclusion = self.exclusion(group)
        if exclusion or not self.options.present:
            return self._absent(group, exclusion, filters)
        self.loops.note_foreign(self.foreign(filters))
        if self.loops.claim(group.name):
            return self.avoid_loop(group, filters)
        return self._present(group, filters)

    def _absent(self, group: LogGroup, exclusion: Exclusion | None, filters: Sequence[SubscriptionFilter]) -> Outcome:
        plan = plan_absent(filters, self.desired.of_class(group.log_class))
        is_delivery = group.log_class == DELIVERY
        if exclusion and plan.remove and not self.options.purge:
            reason = f"{exclusion.reason}, but it still has a filter of ours: its events are delivered"
            return Outcome(group.name, "kept", reason, created=group.created, is_delivery=is_delivery)
        kind: Kind = "removed" if plan.remove else exclusion.kind if exclusion else "unsubscribed"
        tagged = self.tagged.any_value
        was_tagged = bool(plan.remove) if tagged is None else group.name in tagged
        return Outcome(
            group.name,
            kind,
            exclusion.reason if exclusion else "",
            plan,
            # Foreign filters of excluded groups do not count: the delivery's own groups disappear with their filters.
            () if exclusion else self.foreign(filters),
            tag="removed" if was_tagged else "",
            cause=exclusion.cause if exclusion and kind == exclusion.kind else "",
            created=group.created,
            is_delivery=is_delivery,
        )

    def _present(self, group: LogGroup, filters: Sequence[SubscriptionFilter]) -> Outcome:
        name, foreign, is_delivery = group.name, self.foreign(filters), group.log_class == DELIVERY
        common: dict[str, Any] = {"created": group.created, "is_delivery": is_delivery}
        try:
            plan = plan_present(name, filters, self.desired.of_class(group.log_class))
        except LimitReachedError as error:
            reason = error.message
            return Outcome(name, "not_possible", reason, foreign=foreign, cause="slots", error=error, **common)
        kind: Kind = "subscribed" if plan.put is None else "updated" if plan.before else "created"
        untagged = not self.tagged.is_unlistable and name not in self.tagged.current
        can_tag = self.options.tag_log_groups and can_read_tags(name)
        tag: TagChange = ""
        if can_tag and (plan.put is not None or untagged):
            tag = "later" if self._tags_later(plan) else "set"
        return Outcome(name, kind, plan.note, plan, foreign, tag=tag, **common)

    def _tags_later(self, plan: GroupPlan) -> bool:
        """Whether the caller tags the group: this sweep created its filter, perhaps in a run that was killed."""
        is_new = plan.before is None or (plan.put is None and plan.before.created >= self.options.started_ms)
        return is_new and not self.options.tag_new

    def avoid_loop(self, group: LogGroup, filters: Sequence[SubscriptionFilter]) -> Outcome:
        """Return the outcome for the log group of another forwarder.

        A filter that this sweep created is removed again. An older one is removed with `purge`, else it stays with a note.
        """
        name, foreign = group.name, self.foreign(filters)
        ours = plan_absent(filters, self.desired.of_class(group.log_class))
        is_new = self.loops.reported(name) == "created"
        older = [item for item in ours.remove if not is_new and item.created < self.options.started_ms]
        if older and not self.options.purge:
            outcome = self._present(group, filters)
            return replace(outcome, reason="; ".join(filter(None, [outcome.reason, LOOP_REASON])))
        kind: Kind = "removed" if older else "other_forwarder"
        evidence = self.loops.evidence(name)
        tags_now = self.tagged.is_listed and can_read_tags(name) and evidence and not self.loops.is_confirmed(name)
        tag: TagChange = "other_forwarder" if tags_now else ""
        return Outcome(name, kind, LOOP_REASON, GroupPlan(remove=ours.remove), foreign, tag=tag, evidence=evidence)
