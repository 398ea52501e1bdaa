# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The log group of a function, made before the function so that its retention holds from the first line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .._errors import ConflictError, NotFoundError
from .._plan import Change, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.calls import is_transient

KIND = "log group"

RETENTION_DAYS = (
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""The days that PutRetentionPolicy allows (its API reference, retentionInDays), and 0 for "never expires"."""


@dataclass(frozen=True, slots=True)
class FunctionLogGroup:
    """A log group as far as the function's owner cares. Retention 0 keeps events for ever, "" is AWS's own key."""

    name: str
    retention_days: int = 0
    kms_key_id: str = ""

    def plain(self) -> Result:
        """For diffs and results."""
        return {"name": self.name, "retention_days": self.retention_days, "kms_key_id": self.kms_key_id}


@dataclass(frozen=True, slots=True)
class WantedLogGroup:
    """Desired settings of a log group. None leaves a setting alone."""

    retention_days: int | None = None
    kms_key_id: str | None = None

    def plan(self, name: str, actual: FunctionLogGroup | None) -> list[Change]:
        """At most one change: create, or adopt what stands and set what is given."""
        given: dict[str, Any] = {
            key: value
            for key, value in (("retention_days", self.retention_days), ("kms_key_id", self.kms_key_id))
            if value is not None
        }
        if actual is None:
            wanted = FunctionLogGroup(name, **given)
            return [Change("create", KIND, name, None, wanted.plain(), payload=(None, wanted))]
        wanted = replace(actual, **given)
        if wanted == actual:
            return []
        return [Change("update", KIND, name, actual.plain(), wanted.plain(), payload=(actual, wanted))]


def plan_deletion(actual: FunctionLogGroup | None) -> list[Change]:
    """Away with it, and the events in it."""
    return [Change("delete", KIND, actual.name, actual.plain(), payload=(actual, None))] if actual else []


class LogGroupApi:
    """The calls to CloudWatch Logs: one small method an API call."""

    def __init__(self, target: Target, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._patience = retry_policy

    def find(self, name: str) -> FunctionLogGroup | None:
        """The group of exactly this name (DescribeLogGroups only knows prefixes and answers sorted); None if none is."""
        with self._target.describe_operation(f"read the log group {name}"):
            pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
            for page in pages:
                for item in page["logGroups"]:
                    if item["logGroupName"] == name:
                        return FunctionLogGroup(name, item.get("retentionInDays") or 0, item.get("kmsKeyId") or "")
        return None

    def apply(self, change: Change) -> None:
        """Carry out one change of this kind."""
        before, wanted = change.payload
        if wanted is None:
            self._delete(before.name)
        else:
            self._write(before or self._create(wanted), wanted)

    def _create(self, wanted: FunctionLogGroup) -> FunctionLogGroup:
        """The group as it stands then: if somebody was faster (Lambda itself makes one), what they made."""
        key = {"kmsKeyId": wanted.kms_key_id} if wanted.kms_key_id else {}

        def create() -> FunctionLogGroup:
            try:
                with self._target.describe_operation(f"create the log group {wanted.name}"):
                    self._client.create_log_group(logGroupName=wanted.name, **key)
            except ConflictError as error:
                there = error.code == "ResourceAlreadyExistsException" and self.find(wanted.name)
                if there:
                    return there
                raise
            return replace(wanted, retention_days=0)

        return self._patience.wait_out(create, is_transient)

    def _write(self, before: FunctionLogGroup, wanted: FunctionLogGroup) -> None:
        name = {"logGroupName": wanted.name}
        if wanted.kms_key_id != before.kms_key_id:
            if wanted.kms_key_id:
                key = {"kmsKeyId": wanted.kms_key_id}
                self._call("encrypt", wanted, lambda: self._client.associate_kms_key(**name, **key))
            else:
                self._call("take the key from", wanted, lambda: self._client.disassociate_kms_key(**name))
        if wanted.retention_days != before.retention_days:
            if wanted.retention_days:
                days = {"retentionInDays": wanted.retention_days}
                self._call("set the retention of", wanted, lambda: self._client.put_retention_policy(**name, **days))
            else:
                self._call("lift the retention of", wanted, lambda: self._client.delete_retention_policy(**name))

    def _delete(self, name: str) -> None:
        doomed = FunctionLogGroup(name)
        try:
            self._call("delete", doomed, lambda: self._client.delete_log_group(logGroupName=name))
        except NotFoundError:
            return

    def _call(self, verb: str, group: FunctionLogGroup, call: Callable[[], Any]) -> None:
        def write() -> None:
            with self._target.describe_operation(f"{verb} log group {group.name}"):
                call()

        self._patience.wait_out(write, is_transient)

    @property
    def _client(self) -> Any:
        return self._target.client("logs")
