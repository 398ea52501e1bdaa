# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target served by the account-level subscription filter policy, and the switch from filters to it and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from .._errors import InvalidInputError, LimitReachedError, ReflectorError, check_name
from .._plan import Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.account_policy import (
    SWITCHING,
    AccountPolicy,
    AccountPolicyApi,
    Step,
    apart_notes,
    chunk_size,
    foreign,
    known_apart,
    size,
    steps_to_filters,
    steps_to_policy,
)
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import Kind, LogGroup
from .._subscriptions.filters import SubscriptionFilter, Wanted, is_lambda
from .._subscriptions.policy_switch import Applied, Switch, planned_seconds
from .._subscriptions.sweep import Outcome, Sweep, receiving_groups
from .._subscriptions.tally import FAILURES, Tally
from .subscription_filter import at_least_one, destination, logs_api, target_choice

_APART = "filters of others send to its function, and it would log what the policy delivers to ours: a loop"
_SHOWN = 1000  # groups in a diff


def manage_account_policy(target: Target, params: Params, check_mode: bool) -> Result:
    """The work of account_subscription_policy."""
    mode = (_ByPolicy if params["state"] == "present" else _ByFilters)(target, params)
    plan = mode.plan()
    applied = Applied(plan.steps, seconds=planned_seconds(plan.steps, mode.rate, mode.settle))
    if plan.steps and not check_mode:
        applied = Applied()
        try:
            mode.switch(plan).make(plan.steps, applied)
        except ReflectorError as error:
            changes = plan.changes(applied)
            error.done = {"changed": bool(changes), "changes": changes}
            raise
    return _result(target, plan, applied)


NAME = "log-reflector"
SETTLE_SECONDS = 60
"""Between a policy and what served before: how long a new one takes to be in force everywhere AWS does not say."""


def ours_stands(target: Target, params: Params) -> bool:
    """Whether the account policy serves the target, by the options of subscription_filters."""
    policy = AccountPolicyApi(logs_api(target, params), RetryPolicy(seconds=params["wait_timeout"])).read()
    return policy is not None and policy.destination_arn == destination(target, params["destination_arn"])


def serve_by_policy(target: Target, params: Params, check_mode: bool) -> Result:
    """Subscription_filters' work with account_subscription_policy's means: what its filters did, the policy does."""
    return manage_account_policy(
        target, {**params, "name": NAME, "replace_filters": True, "settle_seconds": SETTLE_SECONDS}, check_mode
    )


@dataclass(slots=True)
class _Plan:
    """What is to be done, and what for.

    before, after   the policy; None where none of ours stands
    outcomes        of the groups that the policy or filters are to serve, by name
    tally           of all groups; None if they were not listed
    doubled         groups that have, for a while, both
    """

    before: AccountPolicy | None
    after: AccountPolicy | None
    steps: list[Step] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    tally: Tally | None = None
    doubled: int = 0
    notes: list[str] = field(default_factory=list)

    def changes(self, applied: Applied) -> list[str]:
        """A line for the policy, and one for all filters."""
        policy = self.after or self.before
        name = policy.name if policy else ""
        failed = {outcome.log_group for outcome in applied.failed}
        groups = {
            action: [
                self.outcomes[group]
                for step in applied.done
                for group in step.groups
                if step.action == action and group not in failed
            ]
            for action in ("filter", "unfilter")
        }
        lines = []
        actions = {step.action for step in applied.done}
        if actions & {"put", "delete"}:
            verb = "delete" if "delete" in actions else "update" if self.before else "create"
            lines.append(f"{verb} account policy {name}")
        if groups["filter"]:
            lines.append(f"subscribe {len(groups['filter'])} log groups in place of account policy {name}")
        if replaced := sum(bool(item.plan.remove) for item in groups["unfilter"]):
            lines.append(f"delete the filters of {replaced} log groups in favour of account policy {name}")
        if unmarked := len(groups["unfilter"]) - replaced:
            lines.append(f"take the mark from {unmarked} log groups")
        return lines


class _Mode:
    """What both directions share."""

    def __init__(self, target: Target, params: Params) -> None:
        at_least_one(params, "slots", "report_limit")
        if params["settle_seconds"] < 0:
            raise InvalidInputError("settle_seconds", f"{params['settle_seconds']} is less than 0")
        check_name(
            "name", params["name"], r"(?!aws/).{1,256}", "a policy's name: 1 to 256 characters, not beginning with aws/"
        )
        self.target, self.params = target, params
        self.destination = destination(target, params["destination_arn"])
        if not is_lambda(self.destination):
            raise InvalidInputError("destination_arn", f"{self.destination} is not the ARN of a Lambda function")
        self.settle = float(params["settle_seconds"])
        self.retry_policy = RetryPolicy(seconds=params["wait_timeout"])
        self.api = logs_api(target, params)
        self.rate = self.api.rate_limiter.limit("PutSubscriptionFilter")
        self.policies = AccountPolicyApi(self.api, self.retry_policy)
        self.sweep: Sweep

    def plan(self) -> _Plan:
        """Reads only."""
        raise NotImplementedError

    def switch(self, plan: _Plan) -> Switch:
        """The only writer."""

        def unlisted() -> Iterator[Outcome]:
            if plan.tally is None:
                return
            for group in self.api.groups():
                if group.name not in plan.outcomes:
                    plan.outcomes[group.name] = outcome = self.sweep.serve(group, write=True)
                    if outcome.kind not in ("excluded", "not_possible"):
                        yield outcome

        return Switch(self.policies, self.write, plan.outcomes, unlisted, self.settle)

    def write(self, outcome: Outcome) -> Outcome:
        """Carry out what a look at one group said."""
        return self.sweep.apply_group(outcome)

    def new_sweep(self, wanted: Wanted, *, filters: bool, looks: bool = True) -> Sweep:
        """A pass over the target, towards filters or away from them; without `looks` it only lists."""
        api = self.api
        if not looks:
            api = _Unlooked(
                self.target.client("logs"), lambda: self.target.where, self.retry_policy, self.api.rate_limiter
            )
        return Sweep(
            api,
            self.choice,
            wanted,
            arn=lambda name: self.target.arn("logs", f"log-group:{name}"),
            present=filters,
            mark=self.params["tag_log_groups"],
        )

    def choose(self) -> None:
        """Learn which groups are to be served: their functions are asked for their log groups."""
        self.choice = target_choice(self.target, self.params, self.destination)

    def pattern(self, standing: str) -> str:
        """The filter pattern that is given, or else the one that stands."""
        given = self.params["filter_pattern"]
        return standing if given is None else str(self.target.expand(given))

    def require_seen(self, outcomes: Iterable[Outcome]) -> None:
        """ReflectorError if a group could not be looked at: what it would lose, or have twice, is not known."""
        unseen = sorted((item for item in outcomes if item.kind in FAILURES), key=lambda item: item.log_group)
        if unseen:
            raise ReflectorError(
                "tell which log groups have filters of ours",
                f"{len(unseen)} could not be looked at, so nothing was changed. The first, {unseen[0].log_group}: "
                f"{unseen[0].reason}",
                advice="Mend that and run again, or leave them out with exclude.",
                where=self.target.where,
            )


class _Unlooked(LogsApi):
    """Takes it that no group has a filter: for a pass that only lists."""

    def filters(self, log_group: str) -> list[SubscriptionFilter]:  # noqa: ARG002 - the method's signature
        """None, without a call."""
        return []


class _ByPolicy(_Mode):
    """State present: the policy serves, and filters of ours go."""

    def plan(self) -> _Plan:
        """RefusedError for somebody else's policy, LimitReachedError for more names than it holds."""
        before = self.policies.read()
        if before and before.destination_arn != self.destination:
            raise foreign(before, self.target.where)
        self.choose()
        excluded = set(self.choice.delivery_names)
        listed = (before.excluded if before else None) or frozenset()
        replaces = self.params["replace_filters"]
        looks = replaces and (self.params["audit"] or not before or before.excluded is None or SWITCHING in listed)
        apart = set() if looks else set(known_apart(listed))
        standing: set[str] = set()
        served: dict[str, Outcome] = {}
        tally = Tally(self.params["report_limit"])
        for outcome in self._outcomes(looks=looks):
            if outcome.log_group in listed:
                standing.add(outcome.log_group)
            if outcome.kind == "excluded":
                excluded.add(outcome.log_group)
            if outcome.kind in ("excluded", "not_possible", "gone", "in_deletion"):
                tally.add(outcome)
                continue
            served[outcome.log_group] = outcome
            apart.update(receiving_groups(outcome.foreign))
        apart -= excluded
        self.require_seen(served.values())
        for name in apart & served.keys():
            tally.add(Outcome(name, "excluded", _APART, foreign=served.pop(name).foreign))
        filtered = sorted(name for name, outcome in served.items() if outcome.plan.remove)
        for name, outcome in served.items():
            covered = before is not None and before.covers(name)
            kind: Kind = "updated" if outcome.plan.remove else "subscribed" if covered else "created"
            tally.add(replace(outcome, kind=kind))
        after = AccountPolicy(
            before.name if before else self.params["name"],
            self.destination,
            self.pattern(before.filter_pattern if before else ""),
            frozenset(excluded | apart | apart_notes(apart)),
        )
        after.check_size(self.target.where)
        steps = steps_to_policy(before, after, filtered, chunk_size(self.rate, self.settle), standing)
        unmarked = tuple(sorted(name for name, item in served.items() if item.mark and not item.plan.remove))
        if unmarked and replaces:
            steps.append(Step("unfilter", groups=unmarked))
        written = any(step.action == "put" for step in steps)
        return _Plan(before, after if written else before, steps, served, tally, len(filtered), self.notes)

    def _outcomes(self, *, looks: bool) -> Iterator[Outcome]:
        """Of every group. Without a look only the marked ones are looked at: somebody has put filters beside the policy."""
        wanted = Wanted(self.destination)
        self.sweep = self.new_sweep(wanted, filters=False)
        self.notes: list[str] = []
        if looks:
            yield from self.sweep.outcomes(write=False)
            return
        listing = self.new_sweep(wanted, filters=False, looks=False)
        for outcome in listing.outcomes(write=False):
            marked = outcome.mark and outcome.kind == "unsubscribed" and self.params["replace_filters"]
            found = self.sweep.plan_group(LogGroup(outcome.log_group)) if marked else outcome
            yield replace(found, mark="taken") if marked else found
        if listing.notes:
            self.notes.append(
                "whether filters of ours stand beside the policy was not looked at; the option audit does"
            )


class _ByFilters(_Mode):
    """State absent: the policy goes, and filters of ours serve."""

    def plan(self) -> _Plan:
        """Nothing where no policy of ours stands. LimitReachedError if a group would be left without policy and filter."""
        before = self.policies.read()
        if before is None or before.destination_arn != self.destination:
            return _Plan(None, None)
        if not self.params["replace_filters"]:
            return _Plan(before, None, [Step("delete", before)])
        self.choose()
        pattern = self.pattern(before.filter_pattern)
        # As subscription_filters has them without the option: equal settings make equal marks.
        attributes = {} if self.params["filter_pattern"] is None and not pattern else {"filter_pattern": pattern}
        self.sweep = self.new_sweep(Wanted(self.destination, attributes, self.params["slots"]), filters=True)
        tally, outcomes = Tally(self.params["report_limit"]), {}
        for outcome in self.sweep.outcomes(write=False):
            tally.add(outcome)
            outcomes[outcome.log_group] = outcome
        self.require_seen(outcomes.values())
        self._require_room(
            [item for item in outcomes.values() if item.cause == "slots" and before.covers(item.log_group)]
        )
        filtered = sorted(name for name, item in outcomes.items() if item.kind == "subscribed")
        unfiltered = sorted(name for name, item in outcomes.items() if item.kind in ("created", "updated"))
        steps = steps_to_filters(before, filtered, unfiltered, chunk_size(self.rate, self.settle))
        doubled = sum(before.covers(name) for name in (*filtered, *unfiltered))
        return _Plan(before, None, steps, outcomes, tally, doubled)

    def _require_room(self, full: Sequence[Outcome]) -> None:
        if full:
            first = min(full, key=lambda item: item.log_group)
            raise LimitReachedError(
                "replace the account policy by filters",
                f"{len(full)} log groups that it serves have no room for one. The first, {first.log_group}: {first.reason}",
                advice="Free a slot there, or leave them out with exclude: then nothing serves them any more.",
                where=self.target.where,
            )


def _result(target: Target, plan: _Plan, applied: Applied) -> Result:
    changes = plan.changes(applied)
    result: Result = {
        "changed": bool(changes),
        "changes": changes,
        "diff": _diff(plan) if changes else [],
        "policy": _facts(plan.after),
        "doubled": {"groups": plan.doubled, "seconds_at_most": ceil(applied.seconds) if plan.doubled else 0},
    }
    if plan.tally:
        result.update(plan.tally.summary())
        counts = result["counts"]
        counts["changed"] = counts["subscribed"] - counts["already_right"]
        result["notes"] = [*result["notes"], *plan.notes]
    if applied.failed:
        result["failed"] = True
        result["msg"] = (
            f"Could not change over {len(applied.failed)} log groups in {target.where}: the account policy goes on serving "
            f"them, some beside a filter, until a run succeeds. The first: {applied.failed[0].reason}"
        )
    return result


def _facts(policy: AccountPolicy | None) -> Result | None:
    if policy is None:
        return None
    excluded = policy.excluded or frozenset()
    return {**policy.plain(), "excluded": len(excluded), "criteria_bytes": size(excluded)}


def _diff(plan: _Plan) -> list[Result]:
    """The policy, and the filters as one: thousands of headers would hide them."""
    name = f"account policy {(plan.after or plan.before or AccountPolicy('', '')).name}"
    parts = [(name, plan.before.plain() if plan.before else "", plan.after.plain() if plan.after else "")]
    before: Result = {}
    after: Result = {}
    for group in [name for step in plan.steps for name in step.groups][:_SHOWN]:
        item = plan.outcomes[group].plan
        if item.put:
            after[group] = item.put.plain()
            before.update({group: item.before.plain()} if item.before else {})
        for doomed in item.remove:
            before.setdefault(group, {})[doomed.name] = doomed.plain()
    if before or after:
        parts.append(("subscriptions", before, after))
    return [{"before_header": title, "after_header": title, "before": old, "after": new} for title, old, new in parts]
