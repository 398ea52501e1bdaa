# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An EventBridge rule as it stands, and the calls to EventBridge about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .._errors import NotFoundError, ReflectorError, ThrottledError
from .._retry import RetryPolicy
from .._session import Target
from .common import Call
from .ownership import as_dict

# EventBridge may still see targets for a moment after it removed them.
_SETTLING_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it stands; "" where it has no such attribute.

    event_pattern   the text that EventBridge stores
    tags            None where they were not asked for
    targets         EventBridge's own target structures by id, None where they were not asked for
    """

    name: str
    event_bus_name: str = "default"
    arn: str = ""
    state: str = "ENABLED"
    event_pattern: str = ""
    schedule_expression: str = ""
    description: str = ""
    role_arn: str = ""
    tags: Mapping[str, str] | None = None
    targets: Mapping[str, Mapping[str, Any]] | None = None

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> Rule:
        """From DescribeRule's answer."""
        return cls(
            name=item["Name"],
            event_bus_name=item.get("EventBusName", "default"),
            arn=item["Arn"],
            state=item.get("State", "ENABLED"),
            event_pattern=item.get("EventPattern") or "",
            schedule_expression=item.get("ScheduleExpression") or "",
            description=item.get("Description") or "",
            role_arn=item.get("RoleArn") or "",
        )

    @property
    def enabled(self) -> bool:
        """ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is enabled too."""
        return self.state.startswith("ENABLED")

    def request(self) -> dict[str, Any]:
        """The parameters of PutRule, which forgets what it is not given: everything set is sent, the state too."""
        optional = {
            "EventPattern": self.event_pattern,
            "ScheduleExpression": self.schedule_expression,
            "RoleArn": self.role_arn,
        }
        return {
            "Name": self.name,
            "EventBusName": self.event_bus_name,
            "State": self.state,
            "Description": self.description,
            **{key: value for key, value in optional.items() if value},
        }

    def plain(self) -> dict[str, Any]:
        """The rule's own attributes, for diffs and results."""
        values = {key: value for key, value in asdict(self).items() if key not in ("arn", "tags", "targets")}
        return {**values, "event_pattern": json.loads(self.event_pattern) if self.event_pattern else None}


class RuleApi:
    """The calls to EventBridge about one rule."""

    def __init__(self, target: Target, name: str, bus: str, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._bus = bus
        self._patience = retry_policy

    @property
    def _client(self) -> Any:
        return self._target.client("events")

    def rule(self) -> Rule | None:
        """The rule without targets and tags, None if it does not exist."""
        try:
            with self._target.describe_operation(f"read event rule {self._name}"):
                answer = self._client.describe_rule(Name=self._name, EventBusName=self._bus)
        except NotFoundError:
            return None
        return replace(Rule.from_api(answer), event_bus_name=self._bus)

    def targets(self) -> dict[str, Mapping[str, Any]]:
        """The rule's targets by id, over all pages."""
        with self._target.describe_operation(f"list the targets of event rule {self._name}"):
            paginator = self._client.get_paginator("list_targets_by_rule")
            pages = paginator.paginate(Rule=self._name, EventBusName=self._bus).build_full_result()
        return {item["Id"]: item for item in pages.get("Targets", [])}

    def tags(self, arn: str) -> dict[str, str]:
        """The rule's tags."""
        with self._target.describe_operation(f"read the tags of event rule {self._name}"):
            return as_dict(self._client.list_tags_for_resource(ResourceARN=arn)["Tags"])

    def call(self, method: str, **request: Any) -> Call:
        """A call on the rule's own bus."""
        return Call(method, {"EventBusName": self._bus, **request})

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call; an entry that EventBridge refuses is an error although it answers 200.

        Waits out what passes by itself; for the rule's deletion also targets that were just removed.
        """

        def make() -> None:
            with self._target.describe_operation(operation):
                answer = call.made_with(self._client)
                if answer.get("FailedEntryCount"):
                    raise self._refusal(call, answer.get("FailedEntries", []))

        def make_in_time() -> None:
            self._patience.wait_out(make, _passes)

        if call.method == "delete_rule":
            settling = replace(self._patience, seconds=min(_SETTLING_SECONDS, self._patience.seconds))
            settling.wait_out(make_in_time, _still_has_targets)
        else:
            make_in_time()

    def _refusal(self, call: Call, failed: Sequence[Mapping[str, Any]]) -> Exception:
        """What botocore would raise, had AWS answered the entries' refusal as an error. Each entry's code is named."""
        listed = "; ".join(
            f"target {entry.get('TargetId')}: {entry.get('ErrorCode')} ({entry.get('ErrorMessage')})"
            for entry in failed
        )
        code = failed[0].get("ErrorCode", "") if failed else ""
        error = {"Code": code, "Message": listed or "AWS counts entries that failed, and names none"}
        api_operation = self._client.meta.method_to_api_mapping[call.method]
        refusal: Exception = self._client.exceptions.ClientError({"Error": error}, api_operation)
        return refusal


def _passes(error: ReflectorError) -> bool:
    """Another writer on the same rule, or a rate shared with others."""
    return isinstance(error, ThrottledError) or error.code == "ConcurrentModificationException"


def _still_has_targets(error: ReflectorError) -> bool:
    """The refusal has no code of its own."""
    return error.code == "ValidationException" and "since it has targets" in error.message
