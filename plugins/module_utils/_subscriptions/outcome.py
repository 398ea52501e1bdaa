# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a sweep for one log group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .._errors import LimitReachedError, ReflectorError
from .choice import Kind
from .filters import GroupPlan, SubscriptionFilter

TagChange = Literal["", "set", "later", "other_forwarder", "removed"]
"""The change of the group's subscription tag: none, set to the desired settings, set to "other forwarder", or removed. With
"later" the sweep's caller sets it to the desired settings (`Sweep.tag`)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The planned or completed changes of one group.

    plan            the filter writes; if the group failed half-way, only those that were made
    foreign         filters of others that were read
    tag             the change of the subscription tag
    known_by_tag    the subscription tag was trusted, no call was made for the group
    cause           a key for the counts of not_possible: "slots" or "class"
    evidence        for the tag "other forwarder": a log group with a foreign filter to the group's function
    created         creation time of the group in ms since 1970, 0 if unknown
    is_delivery     whether the group has the class DELIVERY, so that its filter sends to a Firehose stream
    replaces        the kind that the same sweep reported for the group before
    error           the error that the reason is about, if one is the cause
    """

    log_group: str
    kind: Kind
    reason: str = ""
    plan: GroupPlan = field(default_factory=GroupPlan)
    foreign: tuple[SubscriptionFilter, ...] = ()
    tag: TagChange = ""
    known_by_tag: bool = False
    cause: str = ""
    evidence: str = ""
    created: int = 0
    is_delivery: bool = False
    replaces: Kind | None = None
    error: ReflectorError | None = None

    @property
    def holders(self) -> str:
        """The part of the reason that names the filters in the group's slots, "" if it names none."""
        return self.error.holders if isinstance(self.error, LimitReachedError) else ""

    @property
    def has_changes(self) -> bool:
        """Whether there is something to write."""
        return bool(self.plan.put or self.plan.remove or self.tag not in ("", "later"))

    @property
    def needs_changing_tag(self) -> bool:
        """Whether the present tag would lie if the writes ended half-way. State absent reads every group anyway."""
        updates = self.tag == "set" and self.plan.put and self.plan.before
        removes = self.plan.remove and (self.tag == "other_forwarder" or (self.tag == "removed" and self.reason))
        return bool(updates or removes)
