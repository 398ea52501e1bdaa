# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All groups of a target, converged as a stream: list, look, plan, write, with an outcome for every group.

A mark is a tag on a log group that says "subscribed by us, with these settings" (`Wanted.mark`). ListLogGroups names a
thousand marked groups a call, where DescribeSubscriptionFilters tells of one, five times a second: without an audit a
sweep looks only at what carries no mark, or one of other settings. It is written after the filter and taken away before it,
so that there is no mark without a filter of ours, unless somebody else took the filter away. Where one of before would be
untrue half-way (an update, a removal that not every later sweep would try again) it is `UNSETTLED` meanwhile.

Log groups of functions that filters of others send to are another delivery's: two that forward each other's logs never end.
Which they are is known only when such a filter is seen, perhaps after the group was served: then ours goes again at once,
and a mark of its own says so to the sweeps to come. Without marks the log groups of functions wait until all were looked at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from .._errors import (
    AccessDeniedError,
    AwsError,
    ConflictError,
    CredentialsError,
    LimitReachedError,
    NotFoundError,
    ReflectorError,
    UnreachableError,
)
from .calls import LogsApi, OutdatedSdkError
from .choice import Choice, Kind, LogGroup, Verdict, destination_function, own_log_group
from .filters import GroupPlan, SubscriptionFilter, Wanted, plan_absent, plan_present

Mark = Literal["", "set", "apart", "taken"]
"""What is done to a group's mark: set with the settings, set to tell that it is another delivery's, or taken away."""

APART = "apart"
"""The mark's value on a log group of another delivery."""

UNSETTLED = "changing"
"""The mark's value while a group is written to: no settings have it, so every sweep looks at the group."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one group, or would come of it. `foreign` are the filters of others that were seen there.

    plan    what is written; of a group that failed half-way, what had been written before
    mark    what is done to its mark
    known   by its mark alone: nothing was asked
    cause   a word for whoever counts: "slots", "class"
    created     when the group was made, ms since 1970, 0 if not known
    instead_of  what was said of the group before, in the same sweep
    """

    log_group: str
    kind: Kind
    reason: str = ""
    plan: GroupPlan = field(default_factory=GroupPlan)
    foreign: tuple[SubscriptionFilter, ...] = ()
    mark: Mark = ""
    known: bool = False
    cause: str = ""
    created: int = 0
    instead_of: Kind | None = None

    @property
    def changes(self) -> bool:
        """Whether something is to be written."""
        return bool(self.plan.put or self.plan.remove or self.mark)

    @property
    def unsettles(self) -> bool:
        """Whether a mark of before would be untrue if the writes ended half-way. State absent looks at every group anyway."""
        updates = self.mark == "set" and self.plan.put and self.plan.before
        removes = self.plan.remove and (self.mark == "apart" or (self.mark == "taken" and self.reason))
        return bool(updates or removes)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a sweep that did not reach the end goes on: at the page of that token, after the group of that name."""

    page: str = ""
    after: str = ""


class Sweep:
    """One pass over a target. Safe to use from several threads.

    choice      which groups
    wanted      what they are to have
    arn         of the log groups of the target, by name
    present     False: ours is to be removed instead, the marks too
    purge       ours is also removed from groups that the rules exclude
    audit       whether a group is looked at although it is marked, by name
    mark        whether groups are marked
    mark_new    whether those that get a filter are: False where something is to be done for them before (`marked`)
    since       ms since 1970: filters of ours that are younger count as made by this sweep, of which this is a part
    workers     calls under way at once
    ends        whether the time is up: no further group is begun
    """

    def __init__(
        self,
        api: LogsApi,
        choice: Choice,
        wanted: Wanted,
        *,
        arn: Callable[[str], str],
        present: bool = True,
        purge: bool = False,
        audit: Callable[[str], bool] = lambda _name: True,
        mark: bool = True,
        mark_new: bool = True,
        since: float = float("inf"),
        workers: int = 10,
        ends: Callable[[], bool] = lambda: False,
    ) -> None:
        self._api, self._choice, self._wanted, self._arn = api, choice, wanted, arn
        self._present, self._purge, self._audit, self._workers, self._ends = present, purge, audit, workers, ends
        self._marking, self._mark_new, self._since = mark, mark_new, since
        self._fatal: ReflectorError | None = None
        self._denied, self._allowed = 0, False
        self._looked_at_all = True
        self._marked: frozenset[str] = frozenset()  # with the settings that are wanted
        self._once_marked: frozenset[str] | None = None  # with any; None: not known
        self._unlisted = False  # who cannot list marks would write them again in every run
        self._tagged: frozenset[str] | None = None
        self._untagged: frozenset[str] | None = None
        self._made: set[str] = set()  # log groups of functions that got, or would get, a filter
        self._said: dict[str, Kind] = {}  # what else was said of such, but that they are right or left out
        self._apart: set[str] = set()  # of `_receiving`, those that were served as such
        self._told_apart: frozenset[str] = frozenset()  # by the marks of sweeps before
        self._held: list[tuple[LogGroup, Sequence[SubscriptionFilter]]] = []
        self._remembers = False
        self._broken: ReflectorError | None = None
        self.stopped: Position | None = None
        self.notes: list[str] = []
        self._receiving: set[str] = (
            set()
        )  # log groups of functions that filters of others send to, as far as those were seen

    def outcomes(self, *, write: bool, position: Position | None = None) -> Iterator[Outcome]:
        """An outcome for every group, as they come. What `write` says is only planned, or carried out as well.

        A group of `_receiving` may come twice: the second outcome has `instead_of`. Where the listing breaks off, what was
        begun comes first, and then the error.
        """
        self._looked_at_all = position is None or position == Position()
        self._learn_tags()
        with ThreadPoolExecutor(self._workers) as pool:
            groups = self._until_the_end(self._listed(position.page if position else ""), position)
            for outcome in _stream(pool, lambda group: self._in_turn(group, write=write), groups, self._workers * 2):
                if outcome:
                    yield outcome
                    self._remember(outcome)
                yield from self._amended(self._receiving & self._made, write=write)
            yield from pool.map(lambda item: self._served(*item, write=write), self._held)
            if self._present and not self._fatal:
                yield from self._amended(self._receiving, write=write)
                yield from self._released(write=write)
        if self._broken:
            raise self._broken

    def _remember(self, outcome: Outcome) -> None:
        if not outcome.log_group.startswith(_FUNCTIONS):
            return
        if outcome.kind == "created":
            self._made.add(outcome.log_group)
        elif outcome.kind not in ("subscribed", "excluded"):
            self._said[outcome.log_group] = outcome.kind

    def _in_turn(self, group: LogGroup, *, write: bool) -> Outcome | None:
        """The group's outcome, or nothing yet: it may turn out to be another delivery's, and no mark would remember it."""
        waits = self._present and not self._remembers and group.name.startswith(_FUNCTIONS)
        try:
            group = self._with_tags(group)
            if not waits or self._verdict(group) or self._fatal:
                return self.serve(group, write=write)
            filters = self._api.filters(group.name)
        except ReflectorError as error:
            return self._failure(group, error)
        self._receiving.update(receiving_groups(self._foreign(filters)))
        self._held.append((group, filters))
        return None

    def _served(self, group: LogGroup, filters: Sequence[SubscriptionFilter], *, write: bool) -> Outcome:
        planned = self._planned(group, None, filters)
        return self.apply_group(planned) if write and planned.changes else planned

    def serve(self, group: LogGroup, *, write: bool) -> Outcome:
        """The outcome for one group; a failed call is an outcome too, and does not stop the others."""
        try:
            group = self._with_tags(group)
        except ReflectorError as error:
            return self._failure(group, error)
        planned = self.plan_group(group)
        return self.apply_group(planned) if write and planned.changes else planned

    def _with_tags(self, group: LogGroup) -> LogGroup:
        """With its tags, if they count and were not listed: then they are asked for, group by group."""
        listed = self._untagged is not None
        if listed or group.tags is not None or self._fatal or not self._choice.needs_tags or self._verdict(group):
            return group
        return replace(group, tags=self._api.tags(self._arn(group.name)))

    def plan_group(self, group: LogGroup) -> Outcome:
        """What is to be done for one group. Reads only."""
        verdict = self._verdict(group)
        if verdict and not self._looks_at_excluded(group, verdict):
            return Outcome(group.name, verdict.kind, verdict.reason, cause=verdict.cause, created=group.created)
        if self._known(group.name, verdict):
            self._looked_at_all = False
            return Outcome(group.name, "subscribed", known=True, created=group.created)
        if group.name in self._told_apart and not verdict and self._present and not self._audit(group.name):
            self._looked_at_all = False
            return Outcome(group.name, "excluded", _OTHERS_DELIVERY, created=group.created, known=True)
        if self._fatal:
            return Outcome(group.name, "failed", str(self._fatal), created=group.created)
        try:
            filters = self._api.filters(group.name)
        except ReflectorError as error:
            return self._failure(group, error)
        self._allowed = True
        return self._planned(group, verdict, filters)

    def _planned(self, group: LogGroup, verdict: Verdict | None, filters: Sequence[SubscriptionFilter]) -> Outcome:
        foreign = self._foreign(filters)
        if verdict or not self._present:
            return self._absent(group, verdict, filters, foreign)
        self._receiving.update(receiving_groups(foreign))
        if group.name in self._receiving or group.name in self._told_apart:
            self._apart.add(group.name)
            return self._kept_apart(group, filters, foreign)
        return self._at_present(group, filters, foreign)

    def _foreign(self, filters: Sequence[SubscriptionFilter]) -> tuple[SubscriptionFilter, ...]:
        return tuple(item for item in filters if not self._wanted.owns(item))

    def _absent(
        self,
        group: LogGroup,
        verdict: Verdict | None,
        filters: Sequence[SubscriptionFilter],
        foreign: tuple[SubscriptionFilter, ...],
    ) -> Outcome:
        plan = plan_absent(filters, self._wanted)
        kind: Kind = "removed" if plan.remove else verdict.kind if verdict else "unsubscribed"
        was_marked = bool(plan.remove) if self._once_marked is None else group.name in self._once_marked
        return Outcome(
            group.name,
            kind,
            verdict.reason if verdict else "",
            plan,
            # Filters of others in excluded groups do not count: our own log groups go, and theirs with them.
            () if verdict else foreign,
            mark="taken" if was_marked else "",
            created=group.created,
        )

    def _verdict(self, group: LogGroup) -> Verdict | None:
        if verdict := self._choice.against(group):
            return verdict
        if group.tags is not None:
            return None  # they were looked at
        if self._tagged is not None and group.name not in self._tagged:
            return Verdict("excluded", "it does not carry the tags of include_tags")
        if self._untagged and group.name in self._untagged:
            return Verdict("excluded", "it carries a tag of exclude_tags")
        return None

    def _looks_at_excluded(self, group: LogGroup, verdict: Verdict) -> bool:
        if not self._purge or verdict.kind != "excluded" or group.log_class != "STANDARD":
            return False
        return self._once_marked is None or group.name in self._once_marked or self._audit(group.name)

    def _known(self, name: str, verdict: Verdict | None) -> bool:
        return self._present and not verdict and name in self._marked and not self._audit(name)

    def _at_present(
        self, group: LogGroup, filters: Sequence[SubscriptionFilter], foreign: tuple[SubscriptionFilter, ...]
    ) -> Outcome:
        try:
            plan = plan_present(group.name, filters, self._wanted)
        except LimitReachedError as error:
            return Outcome(
                group.name, "not_possible", error.message, foreign=foreign, cause="slots", created=group.created
            )
        kind: Kind = "subscribed" if plan.put is None else "updated" if plan.before else "created"
        late = kind == "created" and not self._mark_new
        unmarked = not self._unlisted and group.name not in self._marked
        wanted = self._marking and not late and (plan.put is not None or unmarked)
        mark: Mark = "set" if wanted else ""
        return Outcome(group.name, kind, plan.note, plan, foreign, mark=mark, created=group.created)

    def apply_group(self, outcome: Outcome) -> Outcome:
        """Write what one group's plan says."""
        name = outcome.log_group
        group = LogGroup(name, created=outcome.created)
        if self._fatal:
            return Outcome(name, "failed", str(self._fatal), foreign=outcome.foreign, created=outcome.created)
        put: SubscriptionFilter | None = None
        removed: list[SubscriptionFilter] = []
        try:
            if outcome.unsettles:
                self._unsettle(name)
            elif outcome.mark == "taken":
                self._unmark(name)
            if outcome.plan.put:
                self._api.put(outcome.plan.put)
                put = outcome.plan.put
            for doomed in outcome.plan.remove:
                self._api.delete(doomed)
                removed.append(doomed)
            if outcome.unsettles and outcome.mark == "taken":
                self._unmark(name)
        except ReflectorError as error:
            before = outcome.plan.before
            done = GroupPlan(before, put or before, tuple(removed))
            return replace(self._failure(group, error, outcome.foreign), plan=done)
        return self.marked(outcome) if outcome.mark in ("set", "apart") else outcome

    def _unmark(self, name: str) -> None:
        """Who uses no marks need not have the permission."""
        with contextlib.suppress(*(() if self._marking else (AccessDeniedError,))):
            self._api.untag(self._arn(name), [self._wanted.mark[0]])

    def _unsettle(self, name: str) -> None:
        """Where no mark can be written none will be untrue."""
        if self._marking:
            with contextlib.suppress(AccessDeniedError, AwsError):
                self._api.tag(self._arn(name), {self._wanted.mark[0]: UNSETTLED})

    def marked(self, outcome: Outcome) -> Outcome:
        """The outcome with its group marked. A mark only spares a look: one that cannot be written is no failure."""
        key, value = self._wanted.mark
        mark: Mark = outcome.mark or "set"
        # Meanwhile it may have turned out to be another delivery's: that mark stands, and the filter is gone.
        if not self._marking or (outcome.kind == "created" and outcome.log_group in self._apart):
            return replace(outcome, mark="")
        try:
            self._api.tag(self._arn(outcome.log_group), {key: APART if mark == "apart" else value})
        except NotFoundError:
            return replace(outcome, mark="")
        except ReflectorError as error:
            if isinstance(error, AccessDeniedError) and self._marking:
                self._marking = False  # it would be the same for every group
            self.notes.append(f"log group {outcome.log_group} is not marked, so every run looks at it: {error}")
            return replace(outcome, mark="")
        return replace(outcome, mark=mark)

    def _learn_tags(self) -> None:
        """Which groups are marked, and which have the tags that the choice asks for: a thousand a call."""
        try:
            if self._choice.include_tags:
                self._tagged = frozenset(self._api.tagged(self._choice.include_tags))
            self._untagged = frozenset(
                name for key, values in self._choice.exclude_tags.items() for name in self._api.tagged({key: values})
            )
        except OutdatedSdkError as error:
            self.notes.append(f"every log group was asked for its tags: {error}")
        key, value = self._wanted.mark
        try:
            if self._marking and self._present:
                self._marked = frozenset(self._api.tagged({key: [value]}))
                self._told_apart = frozenset(self._api.tagged({key: [APART]}))
                self._remembers = True
            if self._purge or not self._present:
                self._once_marked = frozenset(self._api.tagged({key: []}))
        except (AccessDeniedError, AwsError, OutdatedSdkError) as error:
            if isinstance(error, AwsError) and error.code not in _UNKNOWN_THERE:
                raise
            self._once_marked = None
            self._unlisted = True
            self.notes.append(f"every log group was looked at, since the marked ones cannot be listed: {error}")

    def _listed(self, page: str) -> Iterator[LogGroup]:
        """From that page on. Its token holds for a day (API reference, DescribeLogGroups): after that from the first."""
        try:
            yield from self._api.groups(token=page)
        except AwsError as error:
            if not page or error.code != "InvalidParameterException":
                raise
            yield from self._api.groups()

    def _until_the_end(self, groups: Iterable[LogGroup], position: Position | None) -> Iterator[LogGroup]:
        """Those that are begun. AWS lists log groups sorted by their names (API reference, DescribeLogGroups)."""
        first = after = position.after if position else ""
        page = position.page if position else ""
        try:
            for group in groups:
                if group.name <= first:
                    continue
                page = group.page
                if self._ends():
                    self.stopped = Position(page, after)
                    return
                after = group.name
                yield group
        except ReflectorError as error:
            self.stopped, self._broken = Position(page, after), error

    def _amended(self, names: set[str], *, write: bool) -> Iterator[Outcome]:
        """What holds after all for groups that were served before they were known to be another delivery's."""
        for name in sorted(names - self._apart):
            self._apart.add(name)
            group = LogGroup(name)
            told = name in self._marked or name in self._told_apart
            if self._verdict(group) or (told and not self._audit(name)):
                continue
            if self._said.get(name, "updated") != "updated":
                continue  # it is not served, and that has been said
            try:
                filters = self._api.filters(name)
            except ReflectorError:
                continue  # gone, or its outcome has said so
            outcome = self._kept_apart(group, filters, self._foreign(filters))
            if outcome.kind in ("subscribed", "updated"):  # it was served, but for the warning
                yield replace(outcome, kind="subscribed", plan=GroupPlan(), mark="", instead_of="subscribed")
                continue
            # One behind the place where this sweep stopped has not been counted: whoever goes on counts it.
            to_come = self.stopped and name > self.stopped.after
            before = outcome.kind if to_come else self._before(name, filters)
            done = self.apply_group(outcome) if write and outcome.changes else outcome
            yield replace(done, instead_of=before)

    def _before(self, name: str, filters: Sequence[SubscriptionFilter]) -> Kind:
        """What was said of a function's group before, in this sweep or in those that it goes on from."""
        if name in self._made:
            return "created"
        served = any(self._wanted.owns(item) for item in filters)
        return self._said.get(name, "subscribed" if served else "excluded")

    def _released(self, *, write: bool) -> Iterator[Outcome]:
        """Groups that were another delivery's once, and no filter of others sends to their functions any more. Who has not
        looked at every group, in one go, does not know."""
        if self.stopped or not self._looked_at_all:
            return
        for name in sorted((self._told_apart & self._apart) - self._receiving):
            self._told_apart -= {name}
            self._apart.discard(name)
            outcome = self.serve(LogGroup(name), write=write)
            before = outcome.plan.before
            yield replace(outcome, instead_of=self._before(name, [before] if before else []))

    def _kept_apart(
        self, group: LogGroup, filters: Sequence[SubscriptionFilter], foreign: tuple[SubscriptionFilter, ...]
    ) -> Outcome:
        """The outcome for the log group of a function that other filters send to: two reflectors that forward each
        other's logs never end. A filter that this sweep has made goes again; one that stood before goes if `purge` says
        so, and else stays with a note."""
        ours = tuple(item for item in filters if self._wanted.owns(item))
        stood = [item for item in ours if group.name not in self._made and item.created < self._since]
        if stood and not self._purge:
            outcome = self._at_present(group, filters, foreign)
            return replace(outcome, reason="; ".join(filter(None, [outcome.reason, _OTHERS_DELIVERY])))
        kind: Kind = "removed" if stood else "excluded"
        mark: Mark = "apart" if self._remembers and group.name not in self._told_apart else ""
        return Outcome(group.name, kind, _OTHERS_DELIVERY, GroupPlan(remove=ours), foreign, mark=mark)

    def _failure(self, group: LogGroup, error: ReflectorError, foreign: tuple[SubscriptionFilter, ...] = ()) -> Outcome:
        def outcome(kind: Kind, reason: str, cause: str = "") -> Outcome:
            return Outcome(group.name, kind, reason, foreign=foreign, cause=cause, created=group.created)

        if isinstance(error, NotFoundError):
            return Outcome(group.name, "gone", "the log group was deleted meanwhile", created=group.created)
        self._looked_at_all = False
        if error.code == "InvalidOperationException":
            return outcome("in_deletion", error.message)
        if isinstance(error, ConflictError):
            return outcome("contested", str(error))
        if isinstance(error, LimitReachedError):
            return outcome(
                "not_possible", f"{error.message}. {error.advice}" if error.advice else error.message, "slots"
            )
        if isinstance(error, AccessDeniedError):
            self._denied += 1
            if self._denied >= _DENIALS and not self._allowed:
                self._fatal = error
            return outcome("denied", str(error))
        if isinstance(error, (UnreachableError, CredentialsError)):
            self._fatal = error  # it would be the same for every group: the rest need not wait for it one by one
        return outcome("failed", str(error))


_DENIALS = 20
"""Groups that are refused, and none was not, before the rest are not tried: the permission is missing for all, not for some."""

_UNKNOWN_THERE = ("UnknownOperationException", "InvalidParameterException")
"""What an AWS answers that does not list log groups by tag yet, as a partition or an emulator may."""

_FUNCTIONS = own_log_group("")

_OTHERS_DELIVERY = "filters of others send to its function: two deliveries that forward each other's logs are a loop"


def receiving_groups(foreign: Iterable[SubscriptionFilter]) -> Iterator[str]:
    """Log groups of the Lambda functions that foreign filters send to, by their default names."""
    for item in foreign:
        if function := destination_function(item.destination_arn):
            yield own_log_group(function)


def _stream(
    pool: ThreadPoolExecutor, work: Callable[[LogGroup], Outcome | None], groups: Iterator[LogGroup], window: int
) -> Iterator[Outcome | None]:
    """The results as they come, with at most `window` under way: a listing of a million groups is never held."""
    under_way: set[Future[Outcome | None]] = set()
    while True:
        under_way |= {pool.submit(work, group) for group in islice(groups, window - len(under_way))}
        if not under_way:
            return
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
