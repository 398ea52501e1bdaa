# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep: every log group of a target, listed, read, planned and written as a stream.

| unit | file | job |
|---|---|---|
| `Listing`, `list_tags` | listing.py | which groups, page by page, and which of them carry the chosen tags |
| `GroupPlanner` | planning.py | whether a group is chosen, and what to write there; makes no call |
| `LoopDetector`, `Corrections` | loops.py, corrections.py | groups of other forwarders, also those found late |
| `SubscriptionTags` | tagging.py | the subscription tag: list, set, remove |
| `FilterWriter` | writing.py | the writes of one group, in order |
| `Failures` | failures.py | errors as outcomes; errors that end the sweep early |

Worker threads share `LoopDetector`, `SubscriptionTags` and `Failures`, which are safe for that. The thread that iterates over
`Sweep.run` owns everything else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice

from .._errors import NotFoundError, ReflectorError
from .calls import LogsApi
from .choice import Choice, LogGroup
from .corrections import Corrections
from .failures import Failures
from .filters import DesiredFilter, SubscriptionFilter
from .listing import Listing, Position, list_tags
from .loops import LoopDetector, is_evidence, is_function_group
from .outcome import Outcome
from .planning import GroupPlanner, SweepSettings
from .tagging import SubscriptionTags
from .writing import FilterWriter


class Sweep:
    """One pass over a target. Its methods may be called from several threads, but for `run`.

    arn     returns the ARN of a log group of the target
    """

    def __init__(
        self,
        api: LogsApi,
        choice: Choice,
        desired: DesiredFilter,
        arn: Callable[[str], str],
        options: SweepSettings | None = None,
    ) -> None:
        self._api, self._arn = api, arn
        self._options = options or SweepSettings()
        self._failures, self._loops = Failures(), LoopDetector()
        self._tags = SubscriptionTags(api, arn, desired.subscription_tag, enabled=self._options.tag_log_groups)
        self._planner = GroupPlanner(choice, desired, self._options, self._loops)
        self._writer = FilterWriter(api, self._tags, self._failures, self._loops)
        self._listing = Listing(api, self._options.is_time_up)
        self._deferred: list[tuple[LogGroup, Sequence[SubscriptionFilter]]] = []
        self._notes: list[str] = []

    @property
    def stopped(self) -> Position | None:
        """The place where the next sweep continues; None if this one reached the end."""
        return self._listing.stopped

    @property
    def notes(self) -> list[str]:
        """Notes for the user."""
        return [*self._notes, *self._tags.notes]

    def run(self, *, write: bool, position: Position | None = None) -> Iterator[Outcome]:
        """Yield an outcome for every group, in the order in which they are done.

        A group of another forwarder may come twice: the second outcome has `replaces`. If the listing breaks off, the groups
        that were begun come first, and then the error is raised.

        write   False: only plan
        """
        self._listing = Listing(self._api, self._options.is_time_up, position)
        self._list_tags()
        corrections = Corrections(
            self._planner,
            self._api,
            self._listing,
            check_tags=self._check_forwarder_tag,
            apply=lambda outcome: self._apply(outcome, write=write),
        )
        with ThreadPoolExecutor(self._options.workers) as pool:
            window = self._options.workers * 2
            for outcome in _stream(pool, lambda group: self._work(group, write=write), self._listing.groups(), window):
                if outcome:
                    yield outcome
                    self._loops.note_outcome(outcome)
                yield from corrections.late_forwarders(only_created=True)
            yield from pool.map(lambda item: self._process_deferred(*item, write=write), self._deferred)
            if self._options.present and not self._failures.fatal:
                yield from corrections.late_forwarders(only_created=False)
        if self._listing.error:
            raise self._listing.error

    def _list_tags(self) -> None:
        listed, self._notes = list_tags(self._api, self._planner.choice)
        options = self._options
        present = options.present
        any_value = not present or (options.tag_log_groups and (options.purge or options.report_kept))
        tagged = self._tags.list_groups(current=present, any_value=any_value)
        self._loops.load_tagged(tagged.other_forwarders)
        self._planner = replace(self._planner, listed_tags=listed, tagged=tagged)

    def _work(self, group: LogGroup, *, write: bool) -> Outcome | None:
        """Process a group, or read and defer it: without tags no later sweep would know that it is another forwarder's."""
        defers = self._options.present and not self._planner.tagged.is_listed and is_function_group(group.name)
        if not defers:
            return self.process(group, write=write)
        if unreadable := self._planner.with_unreadable_tags(group):
            return unreadable
        try:
            group = self._with_tags(group)
            if self._planner.exclusion(group) or self._failures.fatal:
                return self.process(group, write=write)
            filters = self._read(group)
        except ReflectorError as error:
            return self._failures.outcome(group, error)
        self._loops.note_foreign(self._planner.foreign(filters))
        self._deferred.append((group, filters))
        return None

    def _process_deferred(self, group: LogGroup, filters: Sequence[SubscriptionFilter], *, write: bool) -> Outcome:
        return self._apply(self._planner.from_filters(group, filters), write=write)

    def process(self, group: LogGroup, *, write: bool) -> Outcome:
        """Plan, and with `write` write, one group. A failed call is an outcome and does not stop the others."""
        if unreadable := self._planner.with_unreadable_tags(group):
            return unreadable
        try:
            group = self._with_tags(group)
        except ReflectorError as error:
            return self._failures.outcome(group, error)
        return self._apply(self.plan_group(group), write=write)

    def _with_tags(self, group: LogGroup) -> LogGroup:
        if self._failures.fatal or not self._planner.needs_tags(group):
            return group
        return replace(group, tags=self._api.tags(self._arn(group.name)))

    def plan_group(self, group: LogGroup) -> Outcome:
        """Return the planned outcome of one group. Only reads."""
        if outcome := self._planner.without_reading(group):
            return outcome
        if not_tried := self._failures.not_tried(group):
            return not_tried
        try:
            self._check_forwarder_tag(group.name)
            filters = self._read(group)
        except ReflectorError as error:
            return self._failures.outcome(group, error)
        return self._planner.from_filters(group, filters)

    def _check_forwarder_tag(self, log_group: str) -> None:
        """Check the tags that mark the group as another forwarder's. Everybody who may tag the group can write them."""
        if not self._options.present or not self._loops.begin_check(log_group):
            return
        evidence = self._tags.read_evidence(log_group)
        if not is_evidence(evidence) or self._planner.exclusion(LogGroup(evidence)):
            return
        with contextlib.suppress(NotFoundError):
            self._loops.confirm(log_group, self._planner.foreign(self._api.filters(evidence)))

    def _read(self, group: LogGroup) -> list[SubscriptionFilter]:
        filters = self._api.filters(group.name)
        self._failures.note_success()
        return filters

    def _apply(self, outcome: Outcome, *, write: bool) -> Outcome:
        return self.apply_group(outcome) if write and outcome.has_changes else outcome

    def apply_group(self, outcome: Outcome) -> Outcome:
        """Carry out the plan of one group; return the outcome with what was written."""
        return self._writer.write(outcome)

    def tag(self, outcome: Outcome) -> Outcome:
        """Tag a group that was subscribed without its tag (`SweepSettings.tag_new`)."""
        return self._writer.tag(outcome)


def _stream(
    pool: ThreadPoolExecutor, work: Callable[[LogGroup], Outcome | None], groups: Iterator[LogGroup], window: int
) -> Iterator[Outcome | None]:
    """Yield results as they come, with at most `window` in progress: a listing of a million groups is never in memory."""
    in_progress: set[Future[Outcome | None]] = set()
    while True:
        in_progress |= {pool.submit(work, group) for group in islice(groups, window - len(in_progress))}
        if not in_progress:
            return
        done, in_progress = wait(in_progress, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
