# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account-level subscription filter policy of a target, and the switch from filters to it and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from ..._errors import InvalidInputError, ReflectorError, check_name
from ..._plan import Params, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import (
    SWITCHING,
    AccountPolicy,
    AccountPolicyApi,
    Step,
    chunk_size,
    known_loops,
    loop_notes,
    refuse_foreign,
    size,
    steps_to_filters,
    steps_to_policy,
)
from ..._subscriptions.calls import LogsApi
from ..._subscriptions.choice import Choice, Kind, LogGroup
from ..._subscriptions.failures import error_of_groups
from ..._subscriptions.filters import DesiredFilter, SubscriptionFilter, is_lambda
from ..._subscriptions.loops import forwarder_groups
from ..._subscriptions.outcome import Outcome
from ..._subscriptions.planning import SweepSettings
from ..._subscriptions.policy_switch import Applied, PolicySwitch, planned_seconds
from ..._subscriptions.sweep import Sweep
from ..._subscriptions.tally import FAILURES, Tally
from .shared import at_least_one, destination, logs_api, target_choice

_SWITCH = "switch all log groups between filters and the account policy"
_LOOP = "filters of others send to its function: two forwarders that forward each other's logs are a loop"
_SHOWN = 1000  # groups in a diff


def manage_account_policy(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of account_subscription_policy."""
    mode = (_ByPolicy if params["state"] == "present" else _ByFilters)(target, params)
    plan = mode.plan()
    applied = Applied(plan.steps, seconds=planned_seconds(plan.steps, mode.rate, mode.settle))
    if plan.steps and not check_mode:
        applied = Applied()
        try:
            mode.switch(plan).run(plan.steps, applied)
        except ReflectorError as error:
            changes = plan.changes(applied)
            error.done = {"changed": bool(changes), "changes": changes}
            raise
    return _result(target, plan, applied)


NAME = "log-reflector"
SETTLE_SECONDS = 60
"""Wait between a new policy and the removal of filters. AWS does not say how long a policy takes to be in force."""


def is_served_by_policy(target: Target, params: Params) -> bool:
    """Return whether our account policy serves the target. Takes the options of subscription_filters."""
    policy = AccountPolicyApi(logs_api(target, params), RetryPolicy(seconds=params["wait_timeout"])).read()
    return policy is not None and policy.destination_arn == destination(target, params["destination_arn"])


def serve_by_policy(target: Target, params: Params, check_mode: bool) -> Result:
    """Serve the target by the account policy instead of filters. Takes the options of subscription_filters."""
    return manage_account_policy(
        target, {**params, "name": NAME, "replace_filters": True, "settle_seconds": SETTLE_SECONDS}, check_mode
    )


@dataclass(slots=True)
class _Plan:
    """The steps of a switch and their reasons.

    before, after   the policy; None if there is none of ours
    outcomes        of the groups that the policy or filters are to serve, and of those to purge, by name
    tally           of all groups; None if they were not listed
    doubled         number of groups that have policy and filter for a while
    """

    before: AccountPolicy | None
    after: AccountPolicy | None
    steps: list[Step] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    tally: Tally | None = None
    doubled: int = 0
    notes: list[str] = field(default_factory=list)

    def changes(self, applied: Applied) -> list[str]:
        """Return a line for the policy and one for all filters."""
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
            for action in ("filter", "unfilter", "purge")
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
        purged = sum(bool(item.plan.remove) for item in groups["purge"])
        if purged:
            lines.append(f"delete the filters of {purged} log groups that the rules exclude")
        if untagged := len(groups["unfilter"]) + len(groups["purge"]) - replaced - purged:
            lines.append(f"remove the subscription tag of {untagged} log groups")
        return lines


class _Mode:
    """The common part of both directions."""

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
        """Plan the switch. Only reads."""
        raise NotImplementedError

    def switch(self, plan: _Plan) -> PolicySwitch:
        """Return the writer of the plan."""

        def unlisted() -> Iterator[Outcome]:
            if plan.tally is None:
                return
            for group in self.api.groups():
                if group.name not in plan.outcomes:
                    plan.outcomes[group.name] = outcome = self.sweep.process(group, write=True)
                    if outcome.kind not in ("excluded", "not_possible"):
                        yield outcome

        purged = frozenset(name for step in plan.steps if step.action == "purge" for name in step.groups)
        return PolicySwitch(self.policies, self.write, plan.outcomes, unlisted, self.settle, purged)

    def write(self, outcome: Outcome) -> Outcome:
        """Write the filters of one group."""
        return self.sweep.apply_group(outcome)

    def new_sweep(self, desired: DesiredFilter, *, filters: bool, reads: bool = True) -> Sweep:
        """Return a sweep towards filters or away from them. Without `reads` it reads no group's filters."""
        api = self.api
        if not reads:
            client = self.target.client("logs", retry_throttling=False)
            api = _WithoutFilters(client, lambda: self.target.where, self.retry_policy, self.api.rate_limiter)
        return Sweep(
            api,
            self.choice,
            desired,
            lambda name: self.target.arn("logs", f"log-group:{name}"),
            SweepSettings(
                present=filters,
                purge=not filters and (self.params["purge"] or not reads),
                report_kept=not filters,
                tag_log_groups=self.params["tag_log_groups"],
            ),
        )

    def choose(self) -> None:
        """Set the rules for which groups are served. Reads the functions' log groups."""
        self.choice = target_choice(self.target, self.params, self.destination)

    def pattern(self, current: str) -> str:
        """Return the given filter pattern, or the current one if none is given."""
        given = self.params["filter_pattern"]
        return current if given is None else str(self.target.expand(given))

    def require_read(self, outcomes: Iterable[Outcome]) -> None:
        """Raise ReflectorError if a group could not be read: it might lose events or get them twice."""
        if unread := [item for item in outcomes if item.kind in FAILURES]:
            extent = f"{len(unread):,} could not be read, so nothing was changed"
            error = error_of_groups("find the log groups that have filters of ours", unread, extent, self.target.where)
            raise error.with_advice(f"{error.advice} Correct that and run again, or exclude these groups.".strip())


class _WithoutFilters(LogsApi):
    """Assumes that no group has a filter, for a sweep that only lists."""

    def filters(self, log_group: str) -> list[SubscriptionFilter]:  # noqa: ARG002 - the method's signature
        """Return no filters, without a call."""
        return []


@dataclass(slots=True)
class _Groups:
    """The groups of a target, as the policy needs them.

    excluded    names that the policy must not serve
    loops       groups of other forwarders
    served      outcomes of the groups that the policy is to serve, by name
    purged      outcomes of the excluded groups that are to lose a filter or a tag, by name
    """

    choice: Choice
    tally: Tally
    excluded: set[str]
    loops: set[str] = field(default_factory=set)
    served: dict[str, Outcome] = field(default_factory=dict)
    purged: dict[str, Outcome] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a group."""
        name = outcome.log_group
        exclusion = self.choice.exclusion(LogGroup(name)) if outcome.kind in FAILURES else None
        if exclusion:  # an unreadable group matters only if it is to be served
            reason = f"{exclusion.reason}; whether it has a filter of ours is unknown: {outcome.reason}"
            outcome = Outcome(name, "excluded", reason)
        if outcome.kind in ("excluded", "kept") or (outcome.kind == "removed" and outcome.reason):
            self.excluded.add(name)
            if outcome.has_changes:
                self.purged[name] = outcome
            self.tally.add(outcome)
        elif outcome.kind in ("not_possible", "gone", "in_deletion"):
            self.tally.add(outcome)
        else:
            self.served[name] = outcome
            self.loops.update(forwarder_groups(outcome.foreign))


class _ByPolicy(_Mode):
    """State present: the policy serves the target, and our filters are removed."""

    def plan(self) -> _Plan:
        """Plan the switch. RefusedError for somebody else's policy, LimitReachedError for more names than a policy holds."""
        before = self.policies.read()
        if before and before.destination_arn != self.destination:
            raise refuse_foreign(before, self.target.where)
        self.choose()
        listed = (before.excluded if before else None) or frozenset()
        replaces = self.params["replace_filters"]
        reads = replaces and (self.params["audit"] or not before or before.excluded is None or SWITCHING in listed)
        groups = _Groups(self.choice, Tally(self.params["report_limit"]), set(self.choice.own_names))
        groups.loops = set() if reads else set(known_loops(listed))
        existing: set[str] = set()
        for outcome in self._outcomes(reads=reads):
            if outcome.log_group in listed:
                existing.add(outcome.log_group)
            groups.add(outcome)
        loops, served, tally = groups.loops - groups.excluded, groups.served, groups.tally
        self.require_read(served.values())
        for name in loops & served.keys():
            tally.add(Outcome(name, "excluded", _LOOP, foreign=served.pop(name).foreign))
        filtered = sorted(name for name, outcome in served.items() if outcome.plan.remove)
        for name, outcome in served.items():
            covered = before is not None and before.covers(name)
            kind: Kind = "updated" if outcome.plan.remove else "subscribed" if covered else "created"
            tally.add(replace(outcome, kind=kind))
        after = AccountPolicy(
            before.name if before else self.params["name"],
            self.destination,
            self.pattern(before.filter_pattern if before else ""),
            frozenset(groups.excluded | loops | loop_notes(loops)),
        )
        after.check_size(self.target.where)
        chunk = chunk_size(self.rate, self.settle)
        purged = groups.purged if replaces else {}
        steps = steps_to_policy(before, after, filtered, chunk, existing=existing, purged=sorted(purged))
        only_tagged = tuple(sorted(name for name, item in served.items() if item.tag and not item.plan.remove))
        if only_tagged and replaces:
            steps.append(Step("unfilter", groups=only_tagged))
        written = any(step.action == "put" for step in steps)
        return _Plan(before, after if written else before, steps, served | purged, tally, len(filtered), self.notes)

    def _outcomes(self, *, reads: bool) -> Iterator[Outcome]:
        """Yield the outcome of every group. Without `reads` only tagged groups are read: somebody gave them filters."""
        desired = DesiredFilter(self.destination)
        self.sweep = self.new_sweep(desired, filters=False)
        self.notes: list[str] = []
        if reads:
            yield from self.sweep.run(write=False)
            return
        listing = self.new_sweep(desired, filters=False, reads=False)
        for outcome in listing.run(write=False):
            is_tagged = outcome.tag and outcome.kind in ("unsubscribed", "excluded") and self.params["replace_filters"]
            yield self._read_tagged(outcome) if is_tagged else outcome
        if listing.notes:
            self.notes.append(
                "it was not checked whether filters of ours exist beside the policy; the option audit does that"
            )

    def _read_tagged(self, listed: Outcome) -> Outcome:
        """Return the outcome of a tagged group."""
        found = self.sweep.process(LogGroup(listed.log_group), write=False)
        return found if found.kind == "kept" else replace(found, tag="removed")


class _ByFilters(_Mode):
    """State absent: our filters serve the target, and the policy is deleted."""

    def plan(self) -> _Plan:
        """Plan the switch, nothing without a policy of ours. LimitReachedError if a group would have no policy and no filter."""
        # A deployment by filters goes on without this permission, and a removal must not.
        if self.params.get("must_read", True):
            before, note = self.policies.read(), ""
        else:
            before, note = self.policies.read_if_possible()
        if before is None or before.destination_arn != self.destination:
            return _Plan(None, None, notes=[note] if note else [])
        if not self.params["replace_filters"]:
            return _Plan(before, None, [Step("delete", before)])
        self.choose()
        pattern = self.pattern(before.filter_pattern)
        # The same as subscription_filters without the option, because equal settings make equal tags.
        attributes = {} if self.params["filter_pattern"] is None and not pattern else {"filter_pattern": pattern}
        self.sweep = self.new_sweep(DesiredFilter(self.destination, attributes, self.params["slots"]), filters=True)
        tally, outcomes = Tally(self.params["report_limit"]), {}
        for outcome in self.sweep.run(write=False):
            tally.add(outcome)
            outcomes[outcome.log_group] = outcome
        self.require_read(outcomes.values())
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
            extent = f"{len(full):,} log groups that it serves have no free slot"
            error = error_of_groups("replace the account policy by filters", full, extent, self.target.where)
            raise error.with_advice(
                "Free a slot there, or exclude these groups: then their events are no longer forwarded."
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
    elif plan.notes:
        result["notes"] = plan.notes
    if applied.failed:
        extent = f"{len(applied.failed):,} failed, and stay served by the policy, a filter or both until a run succeeds"
        failure = error_of_groups(_SWITCH, applied.failed, extent, target.where)
        failure.done = result
        raise failure
    return result


def _facts(policy: AccountPolicy | None) -> Result | None:
    if policy is None:
        return None
    excluded = policy.excluded or frozenset()
    return {**policy.plain(), "excluded": len(excluded), "criteria_bytes": size(excluded)}


def _diff(plan: _Plan) -> list[Result]:
    """Return a diff of the policy and one of all filters: thousands of headers would hide them."""
    name = f"account policy {(plan.after or plan.before or AccountPolicy('', '')).name}"
    parts = [(name, plan.before.plain() if plan.before else "", plan.after.plain() if plan.after else "")]
    before: Result = {}
    after: Result = {}
    for group in [name for step in plan.steps for name in step.groups][:_SHOWN]:
        item = plan.outcomes[group].plan
        if item.put:
            after[group] = item.put.plain()
            before.update({group: item.before.plain()} if item.before else {})
        for removed in item.remove:
            before.setdefault(group, {})[removed.name] = removed.plain()
    if before or after:
        parts.append(("subscriptions", before, after))
    return [{"before_header": title, "after_header": title, "before": old, "after": new} for title, old, new in parts]
