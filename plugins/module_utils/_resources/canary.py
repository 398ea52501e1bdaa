# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canary: one line sent the whole way through a target, and the time it took."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .._errors import InvalidInputError, NotFoundError, ReflectorError, check_name
from .._plan import Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import tag_values
from .._subscriptions.delivery import function_configuration, log_group_of
from .subscriptions.shared import destination

T = TypeVar("T")

LEFTOVER_SECONDS = 3600.0
"""Canaries that are older were left behind by a run that was killed."""


class CanaryError(ReflectorError):
    """A link of the story did not hold in time."""


@dataclass(slots=True)
class Canary:
    """A log group of its own, made, watched and removed. Times in seconds.

    by_policy   the account policy is to serve it, instead of a filter
    tags        that the log group is made with, where the rules choose by tags
    """

    target: Target
    function_name: str
    prefix: str
    timeout: float
    line: str | None = None
    by_policy: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def __post_init__(self) -> None:
        check_name(
            "log_group_prefix", self.prefix, r"[-._/#A-Za-z0-9]{1,480}", "1 to 480 letters, digits and any of -._/#"
        )
        if self.line == "":
            raise InvalidInputError("line", "it is empty, and CloudWatch Logs takes no empty message")
        self.log_group = f"{self.prefix}{_MARK}{uuid.uuid4().hex[:12]}"
        self.message = self.line or f"log reflector canary {self.log_group}"
        self.reflector_arn = destination(self.target, self.function_name, "function_name")
        self.logs = self.target.client("logs")

    log_group: str = field(init=False)
    message: str = field(init=False)
    reflector_arn: str = field(init=False)
    reflector_log_group: str = field(init=False, default="")
    logs: Any = field(init=False)
    _pattern: str = field(init=False, default="")
    _written: float = field(init=False, default=0.0)

    def require_reflector(self) -> None:
        """NotFoundError, with what to do, where there is no reflector to prove."""
        advice = "Deploy first: ansible-playbook logreflector.aws.deploy."
        try:
            configuration = function_configuration(self.target.client("lambda"), self.function_name, self.target.where)
            self.reflector_log_group = log_group_of(configuration, self.function_name)
        except NotFoundError as error:
            operation = f"find the reflector {self.function_name}"
            raise NotFoundError(operation, error.message, advice=advice, code=error.code, where=error.where) from error

    def leftovers(self, seconds: float) -> list[str]:
        """Canary log groups under the prefix that are older than that. Only names as this class makes them."""
        made_here = re.compile(re.escape(self.prefix + _MARK) + "[0-9a-f]{12}")
        before = (time.time() - seconds) * 1000
        pages = self.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.prefix + _MARK)
        with self.target.describe_operation("look for canary log groups that were left behind"):
            return [
                group["logGroupName"]
                for page in pages
                for group in page["logGroups"]
                if made_here.fullmatch(group["logGroupName"]) and group["creationTime"] <= before
            ]

    def remove(self, log_group: str) -> None:
        """Delete a canary log group; one that is gone already is no error."""
        with self.target.describe_operation(f"remove the canary log group {log_group}"):
            try:
                self.logs.delete_log_group(logGroupName=log_group)
            except self.logs.exceptions.ResourceNotFoundException:
                return

    def fly(self) -> dict[str, Any]:
        """The measured delays. CanaryError names the link that did not hold. The log group is removed in any case."""
        with self.target.describe_operation(f"create the canary log group {self.log_group}"):
            tagged = {"tags": dict(self.tags)} if self.tags else {}
            self.logs.create_log_group(logGroupName=self.log_group, **tagged)
        try:
            created = self.clock()
            if self.by_policy:
                self._wait_for(self._covered, "the account policy that serves it", self._no_policy)
            else:
                self._wait_for(self._subscribed, "its subscription filter", self._no_filter)
            subscribed = self.clock()
            self._make_stream()
            self._write_line()
            written = self.clock()
            self._wait_for(self._delivered, "the reflector's word that it delivered the line", self._no_delivery)
            delivered = self.clock()
        finally:
            self.remove(self.log_group)
        return {
            "log_group": self.log_group,
            "seconds_to_subscription": round(subscribed - created, 2),
            "seconds_to_delivery": round(delivered - written, 2),
        }

    def _subscribed(self) -> bool:
        filters = LogsApi(self.logs, lambda: self.target.where).filters(self.log_group)
        ours = next((item for item in filters if item.destination_arn == self.reflector_arn), None)
        self._pattern = ours.filter_pattern if ours else ""
        return ours is not None

    def our_policy(self) -> AccountPolicy | None:
        """The account policy, where it sends to the reflector."""
        retry_policy = RetryPolicy(seconds=0)
        policy = AccountPolicyApi(LogsApi(self.logs, lambda: self.target.where, retry_policy), retry_policy).read()
        return policy if policy and policy.destination_arn == self.reflector_arn else None

    def _covered(self) -> bool:
        policy = self.our_policy()
        self._pattern = policy.filter_pattern if policy else ""
        return policy is not None and policy.covers(self.log_group)

    def _no_policy(self) -> str:
        return (
            f"Check that the account has a subscription filter policy that sends to {self.reflector_arn} "
            f"(logreflector.aws.account_subscription_policy) and does not leave out {self.log_group}."
        )

    def _no_filter(self) -> str:
        return (
            f"Check that the subscriber's rules (include and exclude) choose the log group {self.log_group}, that a trail "
            "logs management events in this region, that the rule and the subscriber are in place, and the subscriber's "
            "own log and dead-letter queue."
        )

    def _no_delivery(self) -> str:
        advice = "the reflector's own log and dead-letter queue, and that its sink accepts requests."
        if not self._pattern:
            return f"Check {advice}"
        return (
            f"The {'account policy' if self.by_policy else 'filter'} lets only through what matches its pattern "
            f"{self._pattern!r}, and the line was {self.message!r}: give one that matches by the option line. Else check {advice}"
        )

    def _make_stream(self) -> None:
        with self.target.describe_operation(f"make a stream in the canary log group {self.log_group}"):
            self.logs.create_log_stream(logGroupName=self.log_group, logStreamName="canary")

    def _write_line(self) -> None:
        self._written = self.clock()
        with self.target.describe_operation(f"write a line to the canary log group {self.log_group}"):
            line = {"timestamp": int(time.time() * 1000), "message": self.message}
            self.logs.put_log_events(logGroupName=self.log_group, logStreamName="canary", logEvents=[line])

    def _delivered(self) -> bool:
        """The reflector accounts for each invocation in one line of its own log, with the log group's name in it."""
        if self.by_policy and self.clock() - self._written > _AGAIN:
            self._write_line()  # nothing in AWS tells when the policy is in force for a new log group
        paginator = self.logs.get_paginator("filter_log_events")
        with self.target.describe_operation(f"read the log of the reflector {self.function_name}"):
            pages = paginator.paginate(
                logGroupName=self.reflector_log_group,
                filterPattern=f'"{self.log_group}"',
                startTime=int((time.time() - self.timeout - 60) * 1000),
            )
            return any(_accounts_for(event["message"], self.log_group) for page in pages for event in page["events"])

    def _wait_for(self, holds: Callable[[], bool], what: str, advice: Callable[[], str]) -> None:
        end = self.clock() + self.timeout
        pause = 0.2
        while not holds():
            if self.clock() > end:
                raise CanaryError(
                    f"see {what} for the canary log group {self.log_group}",
                    f"it did not come within {self.timeout:g} seconds",
                    advice=advice(),
                    where=self.target.where,
                )
            self.sleep(pause)
            pause = min(pause * 1.5, 3)  # describing filters is limited to 5 calls a second, shared with everyone


_AGAIN = 10.0
"""Seconds after which the line is written again where the account policy serves."""

_ANY = "canary"
"""A tag's value, where the rules take any."""

_MARK = "canary-"
"""In each canary's name after the prefix: what is removed as a leftover can be nobody else's by chance."""


def _accounts_for(message: str, log_group: str) -> bool:
    try:
        line = json.loads(message)
    except ValueError:
        return False
    return isinstance(line, dict) and line.get("logGroup") == log_group and line.get("DeliveredEvents", 0) >= 1


def fly_canary(target: Target, params: Params, check_mode: bool) -> Result:
    """The work of the module canary. What it makes it removes: only what another run left behind is a change."""
    wanted = tag_values("tags", target.expand(params["tags"] or {}))
    canary = Canary(
        target,
        params["function_name"],
        params["log_group_prefix"],
        float(params["timeout"]),
        params["line"],
        params["subscription"] == "account_policy",
        {key: [*values, _ANY][0] for key, values in wanted.items()},
    )
    if params["state"] == "absent":
        leftovers = canary.leftovers(0)
    else:
        canary.require_reflector()
        leftovers = canary.leftovers(max(LEFTOVER_SECONDS, 4 * canary.timeout))  # that no run watches any more
    if check_mode:
        return {**_cleared(leftovers), "canary": None}
    removed: list[str] = []
    try:
        for log_group in leftovers:
            canary.remove(log_group)
            removed.append(log_group)
        if params["subscription"] == "any" and params["state"] == "present":
            canary.by_policy = canary.our_policy() is not None
        return {**_cleared(removed), "canary": None if params["state"] == "absent" else canary.fly()}
    except ReflectorError as error:
        error.done = _cleared(removed)
        raise


def _cleared(leftovers: list[str]) -> Result:
    return {
        "changed": bool(leftovers),
        "changes": [f"delete canary log group {log_group}" for log_group in leftovers],
        "removed_leftovers": list(leftovers),
    }
