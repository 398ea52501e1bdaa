# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catch-up: every log group of a target, converged in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .._errors import NotFoundError
from .._plan import Params, Result
from .._session import Target
from .._subscriptions.choice import Choice, delivery_path, destination_function, own_log_group
from .._subscriptions.filters import Wanted
from .._subscriptions.sweep import Outcome, Sweep, summary
from .subscription_filter import at_least_one, destination, given_attributes, logs_api


def sweep_target(target: Target, params: Params, check_mode: bool) -> Result:
    """The work of subscription_filters. Groups that failed make the task fail, after all others were served."""
    at_least_one(params, "slots", "workers")
    reflector = destination(target, params["destination_arn"])
    attributes = given_attributes(target, params)
    del attributes["destination_arn"]
    include, exclude = target.expand(params["include"]), target.expand(params["exclude"])
    Choice(include, exclude)  # refuses what is no pattern, before the functions are asked for their log groups
    functions = [name for name in [destination_function(reflector), *params["own_functions"]] if name]
    own_groups = [*target.expand(params["own_log_groups"]), *_configured_log_groups(target, functions)]
    choice = Choice(include, exclude, delivery_path(reflector, functions, own_groups))
    sweep = Sweep(
        logs_api(target, params),
        choice,
        Wanted(reflector, attributes, params["slots"]),
        present=params["state"] == "present",
        purge=params["purge"],
        workers=params["workers"],
    )
    outcomes = sweep.plan()
    if not check_mode:
        outcomes = sweep.apply(outcomes)
    return _result(outcomes, target)


def _configured_log_groups(target: Target, functions: Iterable[str]) -> Iterator[str]:
    """Where the functions write their logs. One call each; a missing permission is an error, or it might be a loop."""
    for function in functions:
        try:
            yield function_log_group(target, function)
        except NotFoundError:
            continue  # not deployed yet, or no more: its default name is known


def function_log_group(target: Target, function: str) -> str:
    """The log group that a function's logging configuration names. NotFoundError if there is no such function."""
    with target.trying(f"learn where function {function} writes its log"):
        answer = target.client("lambda").get_function_configuration(FunctionName=function)
    return str(answer.get("LoggingConfig", {}).get("LogGroup") or own_log_group(function))


def _result(outcomes: list[Outcome], target: Target) -> Result:
    changing = [outcome for outcome in outcomes if outcome.changes]
    result: Result = {
        "changed": bool(changing),
        "changes": [
            f"{_VERBS.get(outcome.kind, 'delete')} subscription of log group {outcome.log_group}"
            for outcome in changing
        ],
        "diff": _diff(changing),
        **summary(outcomes),
    }
    failed = [outcome for outcome in outcomes if outcome.kind == "failed"]
    if failed:
        result["failed"] = True
        result["msg"] = (
            f"Could not serve {len(failed)} of {len(outcomes)} log groups in {target.where}; the others are done. "
            f"The first: {failed[0].reason}"
        )
    return result


_VERBS = {"created": "create", "updated": "update"}


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
        for doomed in outcome.plan.remove:
            before.setdefault(outcome.log_group, {})[doomed.name] = doomed.plain()
    return [{"before_header": "subscriptions", "after_header": "subscriptions", "before": before, "after": after}]
