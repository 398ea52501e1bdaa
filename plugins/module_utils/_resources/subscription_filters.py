# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up: every log group of a target, converged in one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from .._errors import InvalidInputError
from .._plan import Params, Result
from .._session import Target
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import Choice, delivery_path, destination_function, tag_values
from .._subscriptions.delivery import written_log_groups
from .._subscriptions.filters import Wanted
from .._subscriptions.pace import seconds_for
from .._subscriptions.sweep import Outcome, Position, Sweep
from .._subscriptions.tally import FAILURES, Tally
from .subscription_filter import at_least_one, destination, given_attributes, logs_api


def sweep_target(target: Target, params: Params, check_mode: bool) -> Result:
    """The work of subscription_filters. Groups that failed make the task fail, after all others were served."""
    at_least_one(params, "slots", "workers", "report_limit")
    began = time.monotonic()
    reflector = destination(target, params["destination_arn"])
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
        mark=params["mark"],
        workers=params["workers"],
        ends=_time_is_up(params["max_seconds"], began),
    )
    tally = Tally(params["report_limit"])
    for outcome in sweep.outcomes(write=not check_mode, position=Position(after=params["start_after"] or "")):
        tally.add(outcome)
    return _result(sweep, tally, api, target, params, time.monotonic() - began)


def target_choice(target: Target, params: Params, reflector: str) -> Choice:
    """Which log groups of the target, by the options that all modules of subscriptions share."""
    include, exclude = target.expand(params["include"]), target.expand(params["exclude"])
    chosen = partial(
        Choice,
        include,
        exclude,
        include_tags=tag_values("include_tags", target.expand(params["include_tags"] or {})),
        exclude_tags=tag_values("exclude_tags", target.expand(params["exclude_tags"] or {})),
        created_after=_moment("created_after", params["created_after"]),
        created_before=_moment("created_before", params["created_before"]),
    )
    own = target.expand(params["own_log_groups"])
    chosen(own)  # refuses what is no pattern, before the functions are asked for their log groups
    functions = [name for name in [destination_function(reflector), *params["own_functions"]] if name]
    written = written_log_groups(target.client, functions, target.where)
    return chosen(delivery_path(reflector, functions, [*own, *written]))


def _moment(option: str, text: str | None) -> int | None:
    """An ISO 8601 date or date and time, UTC where it names no zone, as ms since 1970."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(option, f"{text!r} is no date such as 2026-01-31 or 2026-01-31T12:00:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _always(answer: bool) -> Callable[[str], bool]:
    return lambda _name: answer


def _time_is_up(seconds: int | None, began: float) -> Callable[[], bool]:
    return lambda: seconds is not None and time.monotonic() - began >= seconds


def _result(sweep: Sweep, tally: Tally, api: LogsApi, target: Target, params: Params, seconds: float) -> Result:
    stopped = sweep.stopped.after if sweep.stopped else None
    result: Result = {
        "changed": tally.changed,
        "changes": _changes(tally),
        "diff": _diff(tally.changing),
        **tally.summary(),
        "complete": sweep.stopped is None,
        "stopped_after": stopped,
        "estimate": _estimate(tally, params["rate_share"]),
        "calls": dict(sorted(api.pace.calls.items())),
        "refused_calls": api.pace.refused.total(),
        "seconds": round(seconds, 1),
    }
    result["notes"] = [*result["notes"], *_first_and_number(sweep.notes)]
    problem = _problem(tally, params["on_full"])
    if problem:
        result["failed"] = True
        result["msg"] = f"Could not serve {problem} in {target.where}; the others are done."
        failures = tally.failures() or [item for item in tally.entries("not_possible") if item.cause == "slots"]
        result["msg"] += f" The first: {failures[0].reason}"
    return result


def _problem(tally: Tally, on_full: str) -> str:
    counts = tally.counts()
    failed = sum(counts[kind] for kind in FAILURES)
    full = tally.causes["slots"] if on_full == "fail" else 0
    return f"{failed + full} of {counts['groups']} log groups" if failed + full else ""


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
