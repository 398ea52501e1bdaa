# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up: every log group of a target, converged in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .._errors import InvalidInputError, NotFoundError, ReflectorError
from .._plan import Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.backfill import Backfill
from .._subscriptions.calls import LogsApi
from .._subscriptions.filters import Wanted, is_lambda
from .._subscriptions.rate_limiter import seconds_for
from .._subscriptions.sweep import Outcome, Position, Sweep
from .._subscriptions.tally import FAILURES, Tally
from .account_subscription_policy import ours_stands, serve_by_policy
from .subscription_filter import at_least_one, destination, given_attributes, logs_api, target_choice


def sweep_target(target: Target, params: Params, check_mode: bool) -> Result:
    """The work of subscription_filters. Groups that failed make the task fail, after all others were served."""
    at_least_one(params, "slots", "workers", "report_limit", "max_seconds")
    if params["backfill_seconds"] < 0:
        raise InvalidInputError("backfill_seconds", f"{params['backfill_seconds']} is less than 0")
    if params["on_full"] == "account_policy" and params["state"] == "present" and ours_stands(target, params):
        return {**_WHOLE, **serve_by_policy(target, params, check_mode)}
    began = time.monotonic()
    reflector = destination(target, params["destination_arn"])
    if params["backfill_seconds"] and not is_lambda(reflector):
        raise InvalidInputError(
            "backfill_seconds", f"{reflector} is no Lambda function, which alone can be sent events"
        )
    attributes = given_attributes(target, params)
    del attributes["destination_arn"]
    api = logs_api(target, params)
    choice = target_choice(target, params, reflector)
    sweep = Sweep(
        api,
        choice,
        Wanted(reflector, attributes, params["slots"], params["merge"]),
        arn=lambda name: target.arn("logs", f"log-group:{name}"),
        present=params["state"] == "present",
        purge=params["purge"],
        audit=_always(params["audit"] or params["state"] == "absent"),
        mark=params["tag_log_groups"],
        mark_new=not params["backfill_seconds"],
        workers=params["workers"],
        ends=_time_is_up(params["max_seconds"], began),
    )
    tally = Tally(params["report_limit"])
    new: list[Outcome] = []
    broken: ReflectorError | None = None
    try:
        for outcome in sweep.outcomes(write=not check_mode, position=Position(after=params["start_after"] or "")):
            tally.add(outcome)
            if outcome.kind == "created" and params["backfill_seconds"] and not check_mode:
                new.append(outcome)
    except ReflectorError as error:
        broken = error
    sent = _backfill(new, sweep, api, target, params) if params["backfill_seconds"] else {}
    result = {**_result(sweep, tally, api, params), **sent}
    if broken:
        broken.done = result if result["counts"]["groups"] else {}
        raise broken
    if problem := _problem(tally, params["on_full"], result.get("backfill")):
        result["failed"] = True
        result["msg"] = f"Could not {problem[0]} in {target.where}; the others are done. The first: {problem[1]}"
    result["seconds"] = round(time.monotonic() - began, 1)
    full = params["on_full"] == "account_policy" and tally.causes["slots"]
    if full and sweep.stopped is None and not result.get("failed"):
        return _both(result, serve_by_policy(target, params, check_mode))
    return result


_WHOLE: Result = {"complete": True, "stopped_after": None, "estimate": {"calls": {}, "minutes": 0.0}}


def _both(swept: Result, served: Result) -> Result:
    """What the filters came to, and then the account policy instead of them."""
    lists = {key: [*swept[key], *served[key]] for key in ("changes", "diff", "notes")}
    return {**swept, **served, **lists, "changed": swept["changed"] or served["changed"]}


def _backfill(new: Sequence[Outcome], sweep: Sweep, api: LogsApi, target: Target, params: Params) -> Result:
    """Read and send the events of before the new filters, and mark each group after that. What could not be sent is a
    failure of its own: the filter stands."""
    counts = {"log_groups": 0, "events": 0}
    failed: list[Result] = []
    if not new:
        return {"backfill": {**counts, "failed": failed}}
    sender = Backfill(
        api,
        target.client("lambda"),
        destination(target, params["destination_arn"]),
        owner=target.identity.account,
        retry_policy=RetryPolicy(seconds=params["wait_timeout"]),
        where=target.where,
    )
    for outcome in new:
        name = outcome.log_group
        try:
            standing = next((item for item in api.filters(name) if item == outcome.plan.put), None)
            if standing is None:
                continue  # somebody has taken it away again
            pages = sender.send(standing, since=standing.created - params["backfill_seconds"] * 1000)
            counts["events"] += sum(page.events for page in pages)
        except NotFoundError:
            continue
        except ReflectorError as error:
            failed.append({"log_group": name, "reason": str(error)})
            continue
        counts["log_groups"] += 1
        sweep.marked(outcome)
    return {"backfill": {**counts, "failed": failed}}


def _always(answer: bool) -> Callable[[str], bool]:
    return lambda _name: answer


def _time_is_up(seconds: int | None, began: float) -> Callable[[], bool]:
    return lambda: seconds is not None and time.monotonic() - began >= seconds


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


def _problem(tally: Tally, on_full: str, backfill: Result | None) -> tuple[str, str] | None:
    """What makes the task fail, and the first reason."""
    counts = tally.counts()
    full = [item for item in tally.entries("not_possible") if on_full == "fail" and item.cause == "slots"]
    if failures := [*tally.failures(), *full]:
        failed = sum(counts[kind] for kind in FAILURES) + (tally.causes["slots"] if full else 0)
        first = failures[0].reason if failures[0].kind in FAILURES else f"{failures[0].log_group}: {failures[0].reason}"
        return f"serve {failed} of {counts['groups']} log groups", first
    if backfill and backfill["failed"]:
        return f"send what {len(backfill['failed'])} log groups held before", backfill["failed"][0]["reason"]
    return None


def _first_and_number(notes: list[str]) -> list[str]:
    """One of many that say the same of different groups."""
    return [f"{notes[0]} (and {len(notes) - 1} more like it)"] if len(notes) > 1 else notes


def _estimate(tally: Tally, share: float) -> Result:
    """What the writes cost at AWS's rates, in check mode before they are made."""
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
    return "take the mark from" if outcome.mark == "taken" else "mark"


def _diff(changing: list[Outcome]) -> list[Result]:
    """One diff for the whole target: thousands of headers would hide it."""
    if not changing:
        return []
    before: Result = {}
    after: Result = {}
    for outcome in changing:
        if outcome.plan.before:
            before[outcome.log_group] = outcome.plan.before.plain()
        if outcome.plan.put:
            after[outcome.log_group] = outcome.plan.put.plain()
        if outcome.mark and not (outcome.plan.put or outcome.plan.remove):
            said = ("marked", "not marked") if outcome.mark == "taken" else ("not marked", "marked")
            before[outcome.log_group], after[outcome.log_group] = said
        for doomed in outcome.plan.remove:
            before.setdefault(outcome.log_group, {})[doomed.name] = doomed.plain()
    return [{"before_header": "subscriptions", "after_header": "subscriptions", "before": before, "after": after}]
