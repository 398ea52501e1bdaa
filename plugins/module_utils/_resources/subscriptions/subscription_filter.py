# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One subscription filter of one log group, by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._errors import InvalidInputError, NotFoundError, RefusedError, check_name
from ..._plan import Change, Params, Result, converge
from ..._session import Target
from ..._subscriptions.calls import LogsApi
from ..._subscriptions.filters import (
    SubscriptionFilter,
    check_distribution,
    check_slot,
    default_team_name,
)
from .shared import at_least_one, destination, given_attributes, logs_api


def check_log_group(value: str) -> None:
    """Raise InvalidInputError if the value is not a log group name (API reference, CreateLogGroup)."""
    check_name(
        "log_group", value, r"[-._/#A-Za-z0-9]{1,512}", "a log group's name: 1 to 512 letters, digits and any of -._/#"
    )


class SubscriptionFilterResource:
    """A filter, identified by log group and name, compared exactly (DescribeSubscriptionFilters only matches prefixes)."""

    def __init__(self, target: Target, params: Params) -> None:
        self._group: str = params["log_group"]
        check_log_group(self._group)
        self._name: str = params["name"] or default_team_name(self._group)
        self._is_named: bool = bool(params["name"])
        self._redirect: bool = params["redirect"]
        if ":" in self._name or "*" in self._name:
            raise InvalidInputError("name", f"{self._name!r} contains ':' or '*', which AWS forbids in a filter's name")
        self._present = params["state"] == "present"
        at_least_one(params, "slots")
        self._slots: int = params["slots"]
        self._target = target
        self._attributes = given_attributes(target, params)
        self._api = logs_api(target, params)

    def read(self) -> list[SubscriptionFilter]:
        """Return all filters of the group, since all take slots. With state absent a missing group is no error."""
        try:
            return self._api.filters(self._group)
        except NotFoundError as error:
            if not self._present:
                return []
            error.with_advice("Create the log group first: this collection creates none.")
            raise

    def plan(self, actual: Sequence[SubscriptionFilter]) -> list[Change]:
        """Return at most one change."""
        before = self._find(actual)
        if not self._present:
            return [self._change("delete", before, None)] if before else []
        if before:
            after = replace(before, **self._attributes)
            check_distribution(after.destination_arn, self._attributes.get("distribution"))
            if after.destination_arn != before.destination_arn and not self._redirect:
                raise self._redirection_refused(before)
            return [self._change("update", before, after)] if after != before else []
        if "destination_arn" not in self._attributes:
            raise InvalidInputError(
                "destination_arn", f"filter {self._name} does not exist yet, so the option is required"
            )
        if twin := self._twin(actual):
            if replace(twin, **self._attributes) == twin:
                return []
            raise self._second_refused(twin)
        destination = self._attributes["destination_arn"]
        if destination.split(":")[2:3] == ["kinesis"] and not self._attributes.get("role_arn"):
            raise InvalidInputError("role_arn", f"{destination} is a Kinesis stream, which needs a role")
        check_slot(self._group, actual, self._slots, self._target.where)
        return [self._change("create", None, SubscriptionFilter(self._group, self._name, **self._attributes))]

    def warnings(self, actual: Sequence[SubscriptionFilter], *, check_mode: bool) -> Iterator[str]:
        """Yield what the user should know about the change of a filter that is to be present.

        actual  the filters before the change
        """
        before = self._find(actual)
        destination_arn = self._attributes.get("destination_arn") or (before.destination_arn if before else "")
        others = ", ".join(
            item.name for item in actual if item.name != self._name and item.destination_arn == destination_arn
        )
        if others:
            yield (
                f"The log group {self._group} has more filters to {destination_arn}: {others}. Events that match {self._name} and"
                " one of these arrive twice."
            )
        # In check mode the function may be one that an earlier task of the play would create.
        if check_mode and (missing := self._api.missing_destination(destination_arn)):
            yield f"Without check mode this task would fail, unless an earlier task creates the function. {missing}"

    def apply(self, change: Change) -> None:
        """Put (create or update in place) or delete."""
        if change.action == "delete":
            self._api.delete(change.payload)
        else:
            self._api.put(change.payload)

    def facts(self, actual: Sequence[SubscriptionFilter]) -> Result:
        """Return the present filter, None if it does not exist."""
        found = self._find(actual) or (self._twin(actual) if self._present else None)
        return {"subscription_filter": found.plain() if found else None}

    def _find(self, filters: Sequence[SubscriptionFilter]) -> SubscriptionFilter | None:
        return next((item for item in filters if item.name == self._name), None)

    def _twin(self, filters: Sequence[SubscriptionFilter]) -> SubscriptionFilter | None:
        """Return the filter of another name that already sends to the destination, if the task gives no name."""
        wanted = None if self._is_named else self._attributes.get("destination_arn")
        return next((item for item in filters if item.destination_arn == wanted), None)

    def _redirection_refused(self, before: SubscriptionFilter) -> RefusedError:
        return RefusedError(
            f"update subscription filter {self._name} of log group {self._group}",
            f"it sends to {before.destination_arn}, perhaps for somebody else",
            advice="Give the filter another name, or set redirect: true to redirect this one.",
            where=self._target.where,
        )

    def _second_refused(self, twin: SubscriptionFilter) -> RefusedError:
        return RefusedError(
            f"create subscription filter {self._name} of log group {self._group}",
            f"filter {twin.name} already sends to {twin.destination_arn} with other attributes, so events would arrive twice",
            advice=f"Set name: {twin.name} to change that filter, or another name for a second one.",
            where=self._target.where,
        )

    def _change(self, action: Any, before: SubscriptionFilter | None, after: SubscriptionFilter | None) -> Change:
        return Change(
            action,
            "subscription filter",
            f"{self._name} of log group {self._group}",
            before.plain() if before else None,
            after.plain() if after else None,
            payload=after or before,
        )


def manage_filter(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module subscription_filter."""
    resource = SubscriptionFilterResource(target, params)
    actual = resource.read()
    result = converge(resource, check_mode=check_mode, read=lambda: actual)
    is_written = result["changed"] and params["state"] == "present"
    warnings = list(resource.warnings(actual, check_mode=check_mode)) if is_written else []
    return {**result, **({"warnings": warnings} if warnings else {})}


def read_filters(target: Target, params: Params, _check_mode: bool) -> Result:
    """Return the filters of one group, or of many by prefix, for subscription_filter_info."""
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
