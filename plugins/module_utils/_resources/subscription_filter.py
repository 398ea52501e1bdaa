# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One subscription filter of one log group, by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .._errors import InvalidInputError, NotFoundError, check_name
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import Choice, delivery_path, destination_function, tag_values
from .._subscriptions.delivery import written_log_groups
from .._subscriptions.filters import (
    SubscriptionFilter,
    attributes_of,
    check_distribution,
    check_slot,
    default_name,
)
from .._subscriptions.rate_limiter import SHARE, RateLimiter
from .._subscriptions.settings import moment


def logs_api(target: Target, params: Params) -> LogsApi:
    """The calls of a target, with the patience that the options ask for, at their pace."""
    share = params.get("rate_share", SHARE)
    if not 0 < share <= 1:
        raise InvalidInputError("rate_share", f"{share} is not above 0 and at most 1")
    retry_policy = RetryPolicy(seconds=params["wait_timeout"])
    return LogsApi(target.client("logs"), lambda: target.where, retry_policy, RateLimiter(share))


def given_attributes(target: Target, params: Params) -> dict[str, Any]:
    """The filter's attributes that the user gave, as SubscriptionFilter holds them; the others are left alone.

    Placeholders are replaced in all of them, as lambda_function does it for the subscriber's.
    """
    check_distribution(params["destination_arn"], params["distribution"])
    given = {
        name: target.expand(value) if isinstance(value, str) else value for name, value in attributes_of(params).items()
    }
    if "destination_arn" in given:
        given["destination_arn"] = destination(target, given["destination_arn"])
    return given


def check_log_group(value: str) -> None:
    """InvalidInputError if it is no name of a log group (CreateLogGroup's API reference)."""
    check_name(
        "log_group", value, r"[-._/#A-Za-z0-9]{1,512}", "a log group's name: 1 to 512 letters, digits and any of -._/#"
    )


def destination(target: Target, value: str, option: str = "destination_arn") -> str:
    """An ARN as given (placeholders replaced), or the ARN of the target's own Lambda function of that name."""
    value = str(target.expand(value))
    if not value:
        raise InvalidInputError(option, "it is empty; give an ARN or the name of a Lambda function")
    return value if value.startswith("arn:") else target.arn("lambda", f"function:{value}")


def target_choice(target: Target, params: Params, reflector: str) -> Choice:
    """Which log groups of the target, by the options that all modules of subscriptions share."""
    include, exclude = target.expand(params["include"]), target.expand(params["exclude"])
    chosen = partial(
        Choice,
        include,
        exclude,
        include_tags=tag_values("include_tags", target.expand(params["include_tags"] or {})),
        exclude_tags=tag_values("exclude_tags", target.expand(params["exclude_tags"] or {})),
        created_after=moment("created_after", params["created_after"]) if params["created_after"] else None,
        created_before=moment("created_before", params["created_before"]) if params["created_before"] else None,
    )
    own = target.expand(params["own_log_groups"])
    chosen(own)  # refuses what is no pattern, before the functions are asked for their log groups
    functions = [name for name in [destination_function(reflector), *params["own_functions"]] if name]
    written = written_log_groups(target.client, functions, target.where)
    return chosen(delivery_path(reflector, functions, [*own, *written]))


def at_least_one(params: Params, *options: str) -> None:
    """InvalidInputError if a count that is given is not positive."""
    for option in options:
        if params[option] is not None and params[option] < 1:
            raise InvalidInputError(option, f"{params[option]} is less than 1")


class SubscriptionFilterResource:
    """Identity: log group and filter name, compared exactly (DescribeSubscriptionFilters only knows prefixes)."""

    def __init__(self, target: Target, params: Params) -> None:
        self._group: str = params["log_group"]
        check_log_group(self._group)
        self._name: str = params["name"] or default_name(self._group)
        if ":" in self._name or "*" in self._name:
            raise InvalidInputError("name", f"{self._name!r} holds ':' or '*', which AWS forbids in a filter's name")
        self._present = params["state"] == "present"
        at_least_one(params, "slots")
        self._slots: int = params["slots"]
        self._target = target
        self._attributes = given_attributes(target, params)
        self._api = logs_api(target, params)

    def read(self) -> list[SubscriptionFilter]:
        """All filters of the group: its full slots matter as much as ours. A group that is gone has none to remove."""
        try:
            return self._api.filters(self._group)
        except NotFoundError:
            if self._present:
                raise
            return []

    def plan(self, actual: Sequence[SubscriptionFilter]) -> list[Change]:
        """At most one change."""
        before = self._find(actual)
        if not self._present:
            return [self._change("delete", before, None)] if before else []
        if before:
            after = replace(before, **self._attributes)
            check_distribution(after.destination_arn, self._attributes.get("distribution"))
            return [self._change("update", before, after)] if after != before else []
        if "destination_arn" not in self._attributes:
            raise InvalidInputError("destination_arn", f"filter {self._name} does not exist yet, so it has to be given")
        check_slot(self._group, actual, self._slots, self._target.where)
        return [self._change("create", None, SubscriptionFilter(self._group, self._name, **self._attributes))]

    def apply(self, change: Change) -> None:
        """Put (create or update in place) or delete."""
        if change.action == "delete":
            self._api.delete(change.payload)
        else:
            self._api.put(change.payload)

    def facts(self, actual: Sequence[SubscriptionFilter]) -> Result:
        """The filter as it stands; null where it does not."""
        found = self._find(actual)
        return {"subscription_filter": found.plain() if found else None}

    def _find(self, filters: Sequence[SubscriptionFilter]) -> SubscriptionFilter | None:
        return next((item for item in filters if item.name == self._name), None)

    def _change(self, action: Any, before: SubscriptionFilter | None, after: SubscriptionFilter | None) -> Change:
        return Change(
            action,
            "subscription filter",
            f"{self._name} of log group {self._group}",
            before.plain() if before else None,
            after.plain() if after else None,
            payload=after or before,
        )


def read_filters(target: Target, params: Params, _check_mode: bool) -> Result:
    """The work of subscription_filter_info: one group, or many by prefix."""
    one, prefix = params["log_group"], params["log_group_prefix"] or ""
    if one is not None:
        check_log_group(one)
    api = logs_api(target, params)
    wanted = destination(target, params["destination_arn"]) if params["destination_arn"] else None
    found = api.filters(one) if one else _filters_of_many(api, prefix)
    return {
        "changed": False,
        "subscription_filters": [
            item.plain() for item in found if _matches(item, {"name": params["name"], "destination_arn": wanted})
        ],
    }


def _filters_of_many(api: LogsApi, prefix: str) -> Iterator[SubscriptionFilter]:
    for group in api.groups(prefix):
        if group.log_class != "STANDARD":
            continue
        with contextlib.suppress(NotFoundError):  # deleted since it was listed
            yield from api.filters(group.name)


def _matches(item: SubscriptionFilter, wanted: Mapping[str, str | None]) -> bool:
    return all(value is None or getattr(item, key) == value for key, value in wanted.items())
