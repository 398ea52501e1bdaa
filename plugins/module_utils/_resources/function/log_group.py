# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log group of a function, created before the function so that its retention applies from the first line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..._errors import ConflictError, NotFoundError
from ..._plan import Change, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.calls import is_transient

KIND = "log group"


@dataclass(frozen=True, slots=True)
class FunctionLogGroup:
    """A log group. Retention 0 keeps events forever; the key "" is AWS's own."""

    name: str
    retention_days: int = 0
    kms_key_id: str = ""

    def plain(self) -> Result:
        """Return the values for diffs and results."""
        return {"name": self.name, "retention_days": self.retention_days, "kms_key_id": self.kms_key_id}


@dataclass(frozen=True, slots=True)
class DesiredLogGroup:
    """Desired settings of a log group. None leaves the key as it is."""

    retention_days: int
    kms_key_id: str | None = None

    def plan(self, name: str, actual: FunctionLogGroup | None) -> list[Change]:
        """Return at most one change. An existing log group is adopted."""
        given: dict[str, Any] = {"retention_days": self.retention_days}
        if self.kms_key_id is not None:
            given["kms_key_id"] = self.kms_key_id
        if actual is None:
            desired = FunctionLogGroup(name, **given)
            return [Change("create", KIND, name, None, desired.plain(), payload=(None, desired))]
        desired = replace(actual, **given)
        if desired == actual:
            return []
        return [Change("update", KIND, name, actual.plain(), desired.plain(), payload=(actual, desired))]


def plan_deletion(actual: FunctionLogGroup | None) -> list[Change]:
    """Return the change that deletes the log group and its events."""
    return [Change("delete", KIND, actual.name, actual.plain(), payload=(actual, None))] if actual else []


class LogGroupApi:
    """The calls to CloudWatch Logs, one method for each API operation."""

    def __init__(self, target: Target, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._retry_policy = retry_policy

    def find(self, name: str) -> FunctionLogGroup | None:
        """Return the group of exactly this name (DescribeLogGroups takes prefixes), None if it does not exist."""
        with self._target.describe_operation(f"read the log group {name}"):
            pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
            for page in pages:
                for item in page["logGroups"]:
                    if item["logGroupName"] == name:
                        return FunctionLogGroup(name, item.get("retentionInDays") or 0, item.get("kmsKeyId") or "")
        return None

    def apply(self, change: Change) -> None:
        """Carry out one change of this kind."""
        before, desired = change.payload
        if desired is None:
            self._delete(before.name)
        else:
            self._write(before or self._create(desired), desired)

    def _create(self, desired: FunctionLogGroup) -> FunctionLogGroup:
        """Create the group and return it. If another writer (such as Lambda itself) created it first, return that one."""
        key = {"kmsKeyId": desired.kms_key_id} if desired.kms_key_id else {}

        def create() -> FunctionLogGroup:
            try:
                with self._target.describe_operation(f"create the log group {desired.name}"):
                    self._client.create_log_group(logGroupName=desired.name, **key)
            except ConflictError as error:
                existing = error.code == "ResourceAlreadyExistsException" and self.find(desired.name)
                if existing:
                    return existing
                raise
            return replace(desired, retention_days=0)

        return self._retry_policy.wait_out(create, is_transient)

    def _write(self, before: FunctionLogGroup, desired: FunctionLogGroup) -> None:
        name = {"logGroupName": desired.name}
        if desired.kms_key_id != before.kms_key_id:
            if desired.kms_key_id:
                key = {"kmsKeyId": desired.kms_key_id}
                self._call("encrypt", desired, lambda: self._client.associate_kms_key(**name, **key))
            else:
                self._call("remove the key of", desired, lambda: self._client.disassociate_kms_key(**name))
        if desired.retention_days != before.retention_days:
            if desired.retention_days:
                days = {"retentionInDays": desired.retention_days}
                self._call("set the retention of", desired, lambda: self._client.put_retention_policy(**name, **days))
            else:
                self._call("remove the retention of", desired, lambda: self._client.delete_retention_policy(**name))

    def _delete(self, name: str) -> None:
        group = FunctionLogGroup(name)
        try:
            self._call("delete", group, lambda: self._client.delete_log_group(logGroupName=name))
        except NotFoundError:
            return

    def _call(self, verb: str, group: FunctionLogGroup, call: Callable[[], Any]) -> None:
        def write() -> None:
            with self._target.describe_operation(f"{verb} log group {group.name}"):
                call()

        self._retry_policy.wait_out(write, is_transient)

    @property
    def _client(self) -> Any:
        return self._target.client("logs")
