# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canary: one line sent the whole way through a target, and the time it took."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .._errors import NotFoundError, ReflectorError
from .._plan import Params, Result
from .._session import Target
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import own_log_group
from .subscription_filter import destination

T = TypeVar("T")


class CanaryError(ReflectorError):
    """A link of the story did not hold in time."""


@dataclass(slots=True)
class Canary:
    """A log group of its own, made, watched and removed. Times in seconds."""

    target: Target
    function_name: str
    prefix: str
    timeout: float
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def __post_init__(self) -> None:
        self.log_group = f"{self.prefix}{uuid.uuid4().hex[:12]}"
        self.reflector_arn = destination(self.target, self.function_name)
        self.logs = self.target.client("logs")

    log_group: str = field(init=False)
    reflector_arn: str = field(init=False)
    logs: Any = field(init=False)

    def require_reflector(self) -> None:
        """NotFoundError, with what to do, where there is no reflector to prove."""
        hint = "Deploy first: ansible-playbook logreflector.aws.deploy."
        try:
            with self.target.trying(f"find the reflector {self.function_name}"):
                self.target.client("lambda").get_function_configuration(FunctionName=self.function_name)
        except NotFoundError as error:
            raise NotFoundError(error.tried, error.why, hint=hint, code=error.code, where=error.where) from error

    def fly(self) -> dict[str, Any]:
        """The measured delays. CanaryError names the link that did not hold. The log group is removed in any case."""
        with self.target.trying(f"create the canary log group {self.log_group}"):
            self.logs.create_log_group(logGroupName=self.log_group)
        try:
            created = self.clock()
            self._wait_for(self._subscribed, "its subscription filter", _NO_FILTER)
            subscribed = self.clock()
            self._write_line()
            written = self.clock()
            self._wait_for(self._delivered, "the reflector's word that it delivered the line", _NO_DELIVERY)
            delivered = self.clock()
        finally:
            self._remove()
        return {
            "log_group": self.log_group,
            "seconds_to_subscription": round(subscribed - created, 2),
            "seconds_to_delivery": round(delivered - written, 2),
        }

    def _subscribed(self) -> bool:
        filters = LogsApi(self.logs, lambda: self.target.where).filters(self.log_group)
        return any(item.destination_arn == self.reflector_arn for item in filters)

    def _write_line(self) -> None:
        with self.target.trying(f"write a line to the canary log group {self.log_group}"):
            self.logs.create_log_stream(logGroupName=self.log_group, logStreamName="canary")
            line = {"timestamp": int(time.time() * 1000), "message": f"log reflector canary {self.log_group}"}
            self.logs.put_log_events(logGroupName=self.log_group, logStreamName="canary", logEvents=[line])

    def _delivered(self) -> bool:
        """The reflector accounts for each invocation in one line of its own log, with the log group's name in it."""
        paginator = self.logs.get_paginator("filter_log_events")
        with self.target.trying(f"read the log of the reflector {self.function_name}"):
            pages = paginator.paginate(
                logGroupName=own_log_group(self.reflector_arn.split(":")[6]),
                filterPattern=f'"{self.log_group}"',
                startTime=int((time.time() - self.timeout - 60) * 1000),
            )
            return any(_accounts_for(event["message"], self.log_group) for page in pages for event in page["events"])

    def _wait_for(self, holds: Callable[[], bool], what: str, hint: str) -> None:
        end = self.clock() + self.timeout
        pause = 0.2
        while not holds():
            if self.clock() > end:
                raise CanaryError(
                    f"see {what} for the canary log group {self.log_group}",
                    f"it did not come within {self.timeout:g} seconds",
                    hint=hint,
                    where=self.target.where,
                )
            self.sleep(pause)
            pause = min(pause * 1.5, 3)  # describing filters is limited to 5 calls a second, shared with everyone

    def _remove(self) -> None:
        with self.target.trying(f"remove the canary log group {self.log_group}"):
            try:
                self.logs.delete_log_group(logGroupName=self.log_group)
            except self.logs.exceptions.ResourceNotFoundException:
                return


_NO_FILTER = (
    "Check that a trail logs management events in this region, that the rule and the subscriber are in place, and the "
    "subscriber's own log and dead-letter queue."
)
_NO_DELIVERY = "Check the reflector's own log and dead-letter queue, and that its sink accepts requests."


def _accounts_for(message: str, log_group: str) -> bool:
    try:
        line = json.loads(message)
    except ValueError:
        return False
    return isinstance(line, dict) and line.get("logGroup") == log_group and line.get("DeliveredEvents", 0) >= 1


def fly_canary(target: Target, params: Params, check_mode: bool) -> Result:
    """The work of the module canary. What it makes it removes, so nothing is ever changed."""
    canary = Canary(target, params["function_name"], params["log_group_prefix"], float(params["timeout"]))
    canary.require_reflector()
    return {"changed": False, "canary": None if check_mode else canary.fly()}
