# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes in one group, in the order that an interrupted run needs."""

from __future__ import annotations

from dataclasses import replace

from .._errors import ReflectorError
from .calls import LogsApi
from .choice import LogGroup
from .failures import Failures
from .filters import GroupPlan, SubscriptionFilter
from .loops import LoopDetector
from .outcome import Outcome
from .tagging import SubscriptionTags


class FilterWriter:
    """Carries out the plans of single groups. Safe to share between threads."""

    def __init__(self, api: LogsApi, tags: SubscriptionTags, failures: Failures, loops: LoopDetector) -> None:
        self._api, self._tags, self._failures, self._loops = api, tags, failures, loops

    def write(self, outcome: Outcome) -> Outcome:
        """Write the group's filters and its tag; return the outcome with what was written."""
        group = LogGroup(outcome.log_group, created=outcome.created)
        if not_tried := self._failures.not_tried(group, outcome.foreign):
            return not_tried
        removed: list[SubscriptionFilter] = []
        before = after = outcome.plan.before
        try:
            self._prepare_tag(outcome)
            if outcome.plan.put:
                self._api.put(outcome.plan.put)
                after = outcome.plan.put
            for item in outcome.plan.remove:
                self._api.delete(item)
                removed.append(item)
            if outcome.needs_changing_tag and outcome.tag == "removed":
                self._tags.remove(outcome.log_group)
        except ReflectorError as error:
            failed = self._failures.outcome(group, error, outcome.foreign)
            return replace(failed, plan=GroupPlan(before, after, tuple(removed)))
        return self.tag(outcome) if outcome.tag in ("set", "other_forwarder") else outcome

    def _prepare_tag(self, outcome: Outcome) -> None:
        if outcome.needs_changing_tag:
            self._tags.set_changing(outcome.log_group)
        elif outcome.tag == "removed":
            self._tags.remove(outcome.log_group)

    def tag(self, outcome: Outcome) -> Outcome:
        """Tag the group and return the outcome with the tag that was written."""
        is_new = outcome.kind == "created" or outcome.tag == "later"
        if is_new and self._loops.is_handled(outcome.log_group):
            return replace(outcome, tag="")  # now known as another forwarder's: the filter is gone, its tag stays
        return self._tags.set(outcome)
