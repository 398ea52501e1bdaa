# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up: converges every log group of a target in one task."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..._errors import InvalidInputError, NotFoundError, ReflectorError
from ..._options.log_groups import DELIVERY_ROLE
from ..._plan import Params, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.backfill import Backfill
from ..._subscriptions.calls import LogsApi
from ..._subscriptions.failures import error_of_groups, extent_of
from ..._subscriptions.filters import DesiredFilter, delivery_filter, is_lambda
from ..._subscriptions.listing import Position
from ..._subscriptions.outcome import Outcome
from ..._subscriptions.planning import SweepSettings
from ..._subscriptions.rate_limiter import seconds_for
from ..._subscriptions.sweep import Sweep
from ..._subscriptions.tally import FAILURES, Tally
from .account_subscription_policy import is_served_by_policy, serve_by_policy
from .shared import at_least_one, destination, given_attributes, logs_api, target_choice


def sweep_target(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of subscription_filters. Failed groups fail the task after all others were processed."""
    _check_numbers(params)
    if params["on_full"] == "account_policy" and params["state"] == "present" and is_served_by_policy(target, params):
        return _served_by_policy(target, params, check_mode)
    began = time.monotonic()
    api = logs_api(target, params)
    sweep = new_sweep(target, params, api, began)
    tally = Tally(params["report_limit"])
    created: list[Outcome] = []
    error: ReflectorError | None = None
    try:
        for outcome in sweep.run(write=not check_mode, position=Position(after=params["start_after"] or "")):
            tally.add(outcome)
            if outcome.kind == "created" and params["backfill_seconds"] and not check_mode:
                # Only the reflector can receive earlier events.
                if outcome.is_delivery:
                    sweep.tag(outcome)
                else:
                    created.append(outcome)
    except ReflectorError as caught:
        error = caught
    backfill_failure: ReflectorError | None = None
    backfilled: Result = {}
    if params["backfill_seconds"]:
        backfilled, backfill_failure = _backfill(created, sweep, api, target, params)
    result = {**_result(sweep, tally, api, params), **backfilled}
    if error:
        error.done = {**result, "complete": False} if result["counts"]["groups"] else {}
        raise error
    result["seconds"] = round(time.monotonic() - began, 1)
    if failure := _failure(tally, params["on_full"], target.where) or backfill_failure:
        failure.done = result
        raise failure
    if params["on_full"] == "account_policy" and tally.causes["slots"] and sweep.stopped is None:
        return _followed_by_policy(result, target, params, check_mode)
    return result


def _check_numbers(params: Params) -> None:
    at_least_one(params, "slots", "workers", "report_limit", "max_seconds")
    if params["backfill_seconds"] < 0:
        raise InvalidInputError("backfill_seconds", f"{params['backfill_seconds']} is less than 0")


def new_sweep(target: Target, params: Params, api: LogsApi, began: float) -> Sweep:
    """Return the sweep that the options ask for."""
    reflector = destination(target, params["destination_arn"])
    if params["backfill_seconds"] and not is_lambda(reflector):
        raise InvalidInputError(
            "backfill_seconds", f"{reflector} is not a Lambda function, and events can only be sent to one"
        )
    desired = desired_filter(target, params)  # refuses wrong attributes before the first call
    audits, limit = params["audit"] or params["state"] == "absent", params["max_seconds"]
    options = SweepSettings(
        present=params["state"] == "present",
        purge=params["purge"],
        report_kept=True,
        audit=lambda _name: audits,
        tag_log_groups=params["tag_log_groups"],
        tag_new=not params["backfill_seconds"],
        workers=params["workers"],
        is_time_up=lambda: limit is not None and time.monotonic() - began >= limit,
    )
    choice = target_choice(target, params, reflector)
    return Sweep(api, choice, desired, lambda name: target.arn("logs", f"log-group:{name}"), options)


def desired_filter(target: Target, params: Params) -> DesiredFilter:
    """Return the filter that the options ask for."""
    attributes = given_attributes(target, params)
    reflector = attributes.pop("destination_arn")
    stream, role = params.get("delivery_stream"), params.get("delivery_role_name") or DELIVERY_ROLE
    delivery = delivery_filter(str(target.expand(stream)) if stream else None, role, reflector)
    return DesiredFilter(reflector, attributes, params["slots"], params["merge"], delivery)


_COMPLETE: Result = {"complete": True, "stopped_after": None, "estimate": {"calls": {}, "minutes": 0.0}}


def _served_by_policy(target: Target, params: Params, check_mode: bool) -> Result:
    try:
        return {**_COMPLETE, **serve_by_policy(target, params, check_mode)}
    except ReflectorError as error:
        if "counts" in error.done:
            error.done = {**_COMPLETE, **error.done}
        raise


def _followed_by_policy(swept: Result, target: Target, params: Params, check_mode: bool) -> Result:
    """Serve the target by the account policy after a sweep that found full groups. Return the result of both."""
    try:
        return _combined(swept, serve_by_policy(target, params, check_mode))
    except ReflectorError as error:
        error.done = _combined(swept, error.done)
        raise


def _combined(swept: Result, served: Result) -> Result:
    lists = {key: [*swept[key], *served.get(key, [])] for key in ("changes", "diff", "notes")}
    return {**swept, **served, **lists, "changed": swept["changed"] or served.get("changed", False)}


def _backfill(
    created: Sequence[Outcome], sweep: Sweep, api: LogsApi, target: Target, params: Params
) -> tuple[Result, ReflectorError | None]:
    """Send the events from before the new filters, then tag each group. A failed backfill leaves the filter in place.

    Return the result's field, and the error if events of a group could not be sent.
    """
    counts = {"log_groups": 0, "events": 0}
    failed: list[Outcome] = []
    if not created:
        return {"backfill": {**counts, "failed": []}}, None
    backfill = Backfill(
        api,
        target.client("lambda"),
        destination(target, params["destination_arn"]),
        owner=target.identity.account,
        retry_policy=RetryPolicy(seconds=params["wait_timeout"]),
        where=target.where,
    )
    for outcome in created:
        name = outcome.log_group
        try:
            current = next((item for item in api.filters(name) if item == outcome.plan.put), None)
            if current is None:
                continue  # somebody has deleted the filter
            pages = backfill.send(current, since=current.created - params["backfill_seconds"] * 1000)
            counts["events"] += sum(page.events for page in pages)
        except NotFoundError:
            continue
        except ReflectorError as error:
            failed.append(Outcome(name, "failed", str(error), error=error))
            continue
        counts["log_groups"] += 1
        sweep.tag(outcome)
    entries = [{"log_group": item.log_group, "reason": item.reason} for item in failed]
    extent = extent_of(len(failed), len(created))
    operation = "send the earlier events of all new log groups"
    failure = error_of_groups(operation, failed, extent, target.where) if failed else None
    return {"backfill": {**counts, "failed": entries}}, failure


def _result(sweep: Sweep, tally: Tally, api: LogsApi, params: Params) -> Result:
    return {
        "changed": tally.changed,
        "changes": _changes(tally),
        "diff": _diff(tally.changing),
        **(summary := tally.summary()),
        "notes": [*summary["notes"], *_first_and_number(sweep.notes)],
        "complete": sweep.stopped is None,
        "stopped_after": sweep.stopped.after if sweep.stopped else None,
        "estimate": _estimate(tally, params["rate_share"]),
        "calls": dict(sorted(api.rate_limiter.calls.items())),
        "refused_calls": api.rate_limiter.refused.total(),
    }


def _failure(tally: Tally, on_full: str, where: str) -> ReflectorError | None:
    """Return the error if the task has to fail. It is about a failed call if there is one, else about a full group."""
    counts = tally.counts()
    full = [item for item in tally.entries("not_possible") if on_full == "fail" and item.cause == "slots"]
    failures = tally.failures() or full
    if not failures:
        return None
    failed = sum(counts[kind] for kind in FAILURES) + (tally.causes["slots"] if full else 0)
    extent = extent_of(failed, counts["groups"])
    return error_of_groups("serve all log groups", failures, extent, where)


def _first_and_number(notes: list[str]) -> list[str]:
    """Return the first note and the number of others: they differ only in the group."""
    return [f"{notes[0]} (and {len(notes) - 1} more like it)"] if len(notes) > 1 else notes


def _estimate(tally: Tally, share: float) -> Result:
    """Return how long the writes take at AWS's rates, in check mode before they are made."""
    calls = {name: number for name, number in sorted(tally.writes.items()) if number}
    return {"calls": calls, "minutes": round(seconds_for(calls, share) / 60, 1)}


def _changes(tally: Tally) -> list[str]:
    lines = [f"{_verb(outcome)} log group {outcome.log_group}" for outcome in tally.changing]
    return [*lines, f"and {tally.more_changes} more"] if tally.more_changes else lines


def _verb(outcome: Outcome) -> str:
    if outcome.plan.put:
        return "update subscription of" if outcome.plan.before else "create subscription of"
    if outcome.plan.remove:
        return "delete subscription of"
    return "remove the subscription tag of" if outcome.tag == "removed" else "tag"


def _diff(changing: list[Outcome]) -> list[Result]:
    """Return one diff for the whole target: thousands of headers would hide it."""
    if not changing:
        return []
    before: Result = {}
    after: Result = {}
    for outcome in changing:
        if outcome.plan.before:
            before[outcome.log_group] = outcome.plan.before.plain()
        if outcome.plan.put:
            after[outcome.log_group] = outcome.plan.put.plain()
        if outcome.tag and not (outcome.plan.put or outcome.plan.remove):
            states = ("tagged", "not tagged") if outcome.tag == "removed" else ("not tagged", "tagged")
            before[outcome.log_group], after[outcome.log_group] = states
        for item in outcome.plan.remove:
            before.setdefault(outcome.log_group, {})[item.name] = item.plain()
    return [{"before_header": "subscriptions", "after_header": "subscriptions", "before": before, "after": after}]
