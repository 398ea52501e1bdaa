# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that the modules for subscriptions share, as the values that `_subscriptions` takes."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from ..._errors import InvalidInputError, NotFoundError, ReflectorError
from ..._plan import Params
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.calls import LogsApi
from ..._subscriptions.choice import Choice, destination_function, own_log_groups, tag_values
from ..._subscriptions.delivery import function_configuration, written_log_groups
from ..._subscriptions.filters import attributes_of, check_distribution
from ..._subscriptions.rate_limiter import SHARE, RateLimiter
from ..._subscriptions.settings import milliseconds


def new_rate_limiter(share: float, *, region: str = "") -> RateLimiter:
    """Return the rate limiter of one module run. Tests and benches replace this function to run faster."""
    return RateLimiter(share, region=region)


def logs_api(target: Target, params: Params) -> LogsApi:
    """Return the calls to CloudWatch Logs, with the retries and the rates that the options ask for."""
    share = params.get("rate_share", SHARE)
    if not 0 < share <= 1:
        raise InvalidInputError("rate_share", f"{share} is not above 0 and at most 1")
    retry_policy = RetryPolicy(seconds=params["wait_timeout"])
    client = target.client("logs", retry_throttling=False)
    rate_limiter = new_rate_limiter(share, region=target.region)
    is_missing = cache(lambda destination_arn: _is_missing(target, destination_arn))
    return LogsApi(client, lambda: target.where, retry_policy, rate_limiter, is_missing=is_missing)


def _is_missing(target: Target, destination_arn: str) -> bool:
    """Return whether the destination is a Lambda function that does not exist. Users may lack the permission to know."""
    function = destination_function(destination_arn)
    try:
        if function:
            function_configuration(target.client("lambda"), function, target.where)
    except NotFoundError:
        return True
    except ReflectorError:
        return False
    return False


def given_attributes(target: Target, params: Params) -> dict[str, Any]:
    """Return the given attributes of the filter by SubscriptionFilter's field names, with placeholders replaced."""
    check_distribution(params["destination_arn"], params["distribution"])
    given = {
        name: target.expand(value) if isinstance(value, str) else value for name, value in attributes_of(params).items()
    }
    if "destination_arn" in given:
        given["destination_arn"] = destination(target, given["destination_arn"])
    return given


def destination(target: Target, value: str, option: str = "destination_arn") -> str:
    """Return the ARN with placeholders replaced, or the ARN of the target's Lambda function of that name."""
    value = str(target.expand(value))
    if not value:
        raise InvalidInputError(option, "it is empty; give an ARN or the name of a Lambda function")
    return value if value.startswith("arn:") else target.arn("lambda", f"function:{value}")


def target_choice(target: Target, params: Params, reflector: str) -> Choice:
    """Return the rules for the log groups of the target. Reads which log groups the delivery's functions write to."""
    choice = partial(
        Choice,
        target.expand(params["include"]),
        target.expand(params["exclude"]),
        include_tags=tag_values("include_tags", target.expand(params["include_tags"] or {})),
        exclude_tags=tag_values("exclude_tags", target.expand(params["exclude_tags"] or {})),
        created_after=milliseconds("created_after", params["created_after"]),
        created_before=milliseconds("created_before", params["created_before"]),
        delivers=bool(params.get("delivery_stream")),
    )
    own = target.expand(params["own_log_groups"])
    choice(own)  # refuses wrong patterns before the first call
    functions = [name for name in [destination_function(reflector), *params["own_functions"]] if name]
    written = written_log_groups(target.client, functions, target.where)
    return choice(own_log_groups(reflector, functions, [*own, *written]))


def at_least_one(params: Params, *options: str) -> None:
    """Raise InvalidInputError if a given number is below 1."""
    for option in options:
        if params[option] is not None and params[option] < 1:
            raise InvalidInputError(option, f"{params[option]} is less than 1")
