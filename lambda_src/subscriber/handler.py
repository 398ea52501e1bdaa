# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber: hears of a new log group and subscribes it to the reflector.

Configuration, by environment:
  REFLECTOR       the reflector's function name (in the subscriber's own account and region) or its ARN
  SUBSCRIPTIONS   JSON, all optional: {"include": [..], "exclude": [..], "own_functions": [..], "delivery_path": [..],
                  "slots": 5, "attributes": {"filter_pattern": "..."}}, the options of the module subscription_filters;
                  delivery_path names log groups that are never subscribed beside those of the default names, since this
                  function may not ask Lambda where the others write

The package `logreflector` beside this file is the collection's own code, the same that the catch-up runs.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from logreflector._errors import InvalidInputError, ReflectorError
from logreflector._retry import Patience, stop_at_limits
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.choice import Choice, LogGroup, delivery_path
from logreflector._subscriptions.filters import ATTRIBUTES, DEFAULT_SLOTS, Wanted, attributes_of, check_distribution
from logreflector._subscriptions.sweep import Outcome, Sweep

# A client made once serves all invocations of this worker.
_LOGS = stop_at_limits(
    boto3.client(
        "logs",
        config=Config(retries={"mode": "standard", "total_max_attempts": 6}, user_agent_extra="logreflector.aws"),
    )
)
_RESERVE_SECONDS = 5.0
_SETTINGS = {"include", "exclude", "own_functions", "delivery_path", "slots", "attributes"}
_FILTER_ATTRIBUTES = {*ATTRIBUTES} - {"destination_arn"}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Subscribe the log group of a CreateLogGroup event ("AWS API Call via CloudTrail", EventBridge).

    Twice the same event is one filter. Raises what another try may mend: Lambda's asynchronous retries come back with
    the event, then it goes to the dead-letter queue. Answers {"log_group", "outcome", "reason"}.
    """
    detail = event.get("detail") or {}
    request = detail.get("requestParameters") or {}  # null where the call was refused early
    name = request.get("logGroupName") or ""
    if detail.get("eventName") != "CreateLogGroup" or not (name or detail.get("errorCode")):
        raise InvalidInputError("event", "it is not CloudTrail's event of a CreateLogGroup call")
    if detail.get("errorCode"):  # CloudTrail tells of failed calls too: there is no new group
        return _report(name, "ignored", f"the call to create it failed: {detail['errorCode']}")
    log_class = request.get("logGroupClass") or "STANDARD"
    outcome = _subscribe(LogGroup(name, log_class), context)
    if outcome.kind == "failed":
        raise SubscriptionError(name, outcome.reason)
    return _report(name, outcome.kind, outcome.reason)


class SubscriptionError(ReflectorError):
    """A new group could not be subscribed, and another try may help."""

    def __init__(self, log_group: str, why: str) -> None:
        super().__init__(f"subscribe the new log group {log_group}", why)


def _subscribe(group: LogGroup, context: Any) -> Outcome:
    _unused, _unused, _unused, region, account = context.invoked_function_arn.split(":")[:5]
    seconds = max(context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS, 0)
    api = LogsApi(_LOGS, lambda: f"{account}/{region}", Patience(seconds=seconds))
    choice, wanted = _rules(context.invoked_function_arn)
    sweep = Sweep(api, choice, wanted)
    return sweep.apply_group(sweep.plan_group(group))


@cache
def _rules(function_arn: str) -> tuple[Choice, Wanted]:
    """The configuration, read once a worker; function_arn is this function's own."""
    own_prefix, _unused, own_name = function_arn.partition(":function:")
    reflector = os.environ.get("REFLECTOR", "")
    if not reflector:
        raise InvalidInputError("REFLECTOR", "the environment variable is not set: it names the reflector's function")
    destination = reflector if reflector.startswith("arn:") else f"{own_prefix}:function:{reflector}"
    settings = _settings(os.environ.get("SUBSCRIPTIONS") or "{}")
    functions = [own_name.partition(":")[0], *settings.get("own_functions", [])]
    own_groups = [os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""), *settings.get("delivery_path", [])]
    path = delivery_path(destination, functions, own_groups)
    choice = Choice(settings.get("include", ["*"]), settings.get("exclude", []), path)
    attributes = attributes_of(settings.get("attributes", {}))
    check_distribution(destination, attributes.get("distribution"))
    return choice, Wanted(destination, attributes, settings["slots"])


def _settings(text: str) -> dict[str, Any]:
    """SUBSCRIPTIONS; InvalidInputError where a word in it would be passed over in silence."""
    try:
        settings: dict[str, Any] = json.loads(text)
        # A number that Ansible before 2.19 templated into a dictionary is a string.
        settings["slots"] = int(settings.get("slots", DEFAULT_SLOTS))
        unknown = [*(settings.keys() - _SETTINGS), *(settings.get("attributes", {}).keys() - _FILTER_ATTRIBUTES)]
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInputError("SUBSCRIPTIONS", f"it is not a JSON object of settings: {error}") from error
    if unknown:
        raise InvalidInputError("SUBSCRIPTIONS", f"it does not take {', '.join(sorted(unknown))}")
    # A string's characters would pass for names, and guard nothing.
    for name in ("own_functions", "delivery_path"):
        if not isinstance(settings.get(name, []), list):
            raise InvalidInputError("SUBSCRIPTIONS", f"its {name} is not a list")
    return settings


def _report(log_group: str, outcome: str, reason: str = "") -> dict[str, Any]:
    """The answer, and the same as a line in the function's log."""
    report = {"log_group": log_group, "outcome": outcome, "reason": reason}
    print(json.dumps(report))
    return report
