# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All groups of a target, converged: list, look, plan, write, with an outcome for every group."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from .._errors import CredentialsError, LimitReachedError, NotFoundError, ReflectorError, UnreachableError
from .calls import LogsApi
from .choice import Choice, Kind, LogGroup, destination_function, own_log_group
from .filters import GroupPlan, SubscriptionFilter, Wanted, plan_absent, plan_present


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one group, or would come of it. `foreign` are the filters of others that were seen there.

    plan    what is written; of a group that failed half-way, what had been written before
    """

    log_group: str
    kind: Kind
    reason: str = ""
    plan: GroupPlan = field(default_factory=GroupPlan)
    foreign: tuple[SubscriptionFilter, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether something is to be written."""
        return bool(self.plan.put or self.plan.remove)


class Sweep:
    """One pass over a target.

    choice      which groups
    wanted      what they are to have
    present     False: ours is to be removed instead
    purge       ours is also removed from groups that the rules exclude
    workers     calls under way at once
    """

    def __init__(
        self,
        api: LogsApi,
        choice: Choice,
        wanted: Wanted,
        *,
        present: bool = True,
        purge: bool = False,
        workers: int = 8,
    ) -> None:
        self._api, self._choice, self._wanted = api, choice, wanted
        self._present, self._purge, self._workers = present, purge, workers
        self._fatal: ReflectorError | None = None

    def plan(self) -> list[Outcome]:
        """An outcome for every group of the target, sorted by name. Reads only."""
        with ThreadPoolExecutor(self._workers) as pool:
            outcomes = sorted(pool.map(self.plan_group, self._api.groups()), key=lambda outcome: outcome.log_group)
        if not self._present:
            return outcomes
        receiving = set(_receiving_groups(outcomes))
        return [self._kept_apart(outcome) if outcome.log_group in receiving else outcome for outcome in outcomes]

    def _kept_apart(self, outcome: Outcome) -> Outcome:
        """The outcome for the log group of a function that other filters send to: two reflectors that forward each
        other's logs never end. Ours goes if `purge` says so, and else stays with a note."""
        before = outcome.plan.before
        if outcome.plan.after is None:
            return outcome
        if before and not self._purge:
            return replace(outcome, reason="; ".join(filter(None, [outcome.reason, _OTHERS_DELIVERY])))
        if before:
            doomed = GroupPlan(remove=(before, *outcome.plan.beside))
            return replace(outcome, kind="removed", reason=_OTHERS_DELIVERY, plan=doomed)
        return replace(outcome, kind="excluded", reason=_OTHERS_DELIVERY, plan=GroupPlan())

    def apply(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Carry out what the plan says; the outcomes as they really came."""
        with ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(self.apply_group, outcomes))

    def plan_group(self, group: LogGroup) -> Outcome:
        """The outcome for one group; a failed call is an outcome too, and does not stop the others."""
        verdict = self._choice.against(group)
        if verdict and not (self._purge and verdict.kind == "excluded" and group.log_class == "STANDARD"):
            return Outcome(group.name, verdict.kind, verdict.reason)
        if self._fatal:
            return Outcome(group.name, "failed", str(self._fatal))
        try:
            filters = self._api.filters(group.name)
            foreign = tuple(item for item in filters if not self._wanted.owns(item))
            if verdict:  # filters of others there do not count: our own log groups go, and theirs with them
                plan = plan_absent(filters, self._wanted)
                return Outcome(group.name, "removed" if plan.remove else verdict.kind, verdict.reason, plan)
            if not self._present:
                return self._absent(group.name, filters, foreign)
            return self._at_present(group.name, filters, foreign)
        except ReflectorError as error:
            return self._failure(group.name, error)

    def _absent(
        self, name: str, filters: Sequence[SubscriptionFilter], foreign: tuple[SubscriptionFilter, ...]
    ) -> Outcome:
        plan = plan_absent(filters, self._wanted)
        return Outcome(name, "removed" if plan.remove else "unsubscribed", plan=plan, foreign=foreign)

    def _at_present(
        self, name: str, filters: Sequence[SubscriptionFilter], foreign: tuple[SubscriptionFilter, ...]
    ) -> Outcome:
        try:
            plan = plan_present(name, filters, self._wanted)
        except LimitReachedError as error:
            return Outcome(name, "not_possible", error.why, foreign=foreign)
        kind: Kind = "subscribed" if plan.put is None else "updated" if plan.before else "created"
        return Outcome(name, kind, plan.note, plan, foreign)

    def apply_group(self, outcome: Outcome) -> Outcome:
        """Write what one group's plan says."""
        if not outcome.changes:
            return outcome
        if self._fatal:
            return Outcome(outcome.log_group, "failed", str(self._fatal), foreign=outcome.foreign)
        removed: list[SubscriptionFilter] = []
        try:
            for doomed in outcome.plan.remove:
                self._api.delete(doomed)
                removed.append(doomed)
            if outcome.plan.put:
                self._api.put(outcome.plan.put)
        except ReflectorError as error:
            failure = self._failure(outcome.log_group, error, outcome.foreign)
            return replace(failure, plan=GroupPlan(remove=tuple(removed)))
        return outcome

    def _failure(self, name: str, error: ReflectorError, foreign: tuple[SubscriptionFilter, ...] = ()) -> Outcome:
        if isinstance(error, NotFoundError):
            return Outcome(name, "gone", "the log group was deleted meanwhile")
        if isinstance(error, LimitReachedError):
            reason = f"{error.why}. {error.hint}" if error.hint else error.why
            return Outcome(name, "not_possible", reason, foreign=foreign)
        if isinstance(error, (UnreachableError, CredentialsError)):
            self._fatal = error  # it would be the same for every group: the rest need not wait for it one by one
        return Outcome(name, "failed", str(error), foreign=foreign)


_OTHERS_DELIVERY = "filters of others send to its function: two deliveries that forward each other's logs are a loop"


def _receiving_groups(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Log groups of the Lambda functions that foreign filters send to, by their default names."""
    for item in _all_foreign(outcomes):
        if function := destination_function(item.destination_arn):
            yield own_log_group(function)


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts, and an entry for each group that is not subscribed, with its reason."""
    kinds = [outcome.kind for outcome in outcomes]
    return {
        "counts": {
            "groups": len(kinds),
            "subscribed": sum(kind in ("subscribed", "created", "updated") for kind in kinds),
            "already_right": kinds.count("subscribed"),
            "changed": sum(outcome.changes for outcome in outcomes),
            "excluded": kinds.count("excluded"),
            "not_possible": kinds.count("not_possible"),
            "gone": kinds.count("gone"),
            "failed": kinds.count("failed"),
        },
        "not_subscribed": [
            {"log_group": outcome.log_group, "outcome": outcome.kind, "reason": outcome.reason}
            for outcome in outcomes
            if outcome.kind in ("excluded", "not_possible", "gone", "failed")
            or (outcome.kind == "removed" and outcome.reason)  # by purge
        ],
        "notes": [f"{outcome.log_group}: {outcome.reason}" for outcome in outcomes if _noteworthy(outcome)],
        "foreign": _foreign(outcomes),
    }


def _noteworthy(outcome: Outcome) -> bool:
    return bool(outcome.reason) and outcome.kind in ("subscribed", "created", "updated")


def _foreign(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How many filters of others were seen, and a fingerprint of them all: equal before and after, none was touched."""
    lines = sorted(repr(item) for item in _all_foreign(outcomes))
    return {"filters": len(lines), "fingerprint": hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]}


def _all_foreign(outcomes: Iterable[Outcome]) -> Iterator[SubscriptionFilter]:
    for outcome in outcomes:
        yield from outcome.foreign
