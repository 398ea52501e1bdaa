# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An EventBridge rule as it was read, and the calls to EventBridge about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..._errors import NotFoundError, ReflectorError, ThrottledError
from ..._retry import RetryPolicy
from ..._session import Target
from ..common import Call
from ..ownership import as_dict

# EventBridge may still see targets for a moment after it removed them.
_SETTLING_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the default event bus as it was read; "" if it does not have the attribute.

    event_pattern   the text that EventBridge stores
    targets         EventBridge's own structures by target id
    tags            None if they were not read
    """

    name: str
    arn: str = ""
    state: str = "ENABLED"
    event_pattern: str = ""
    schedule_expression: str = ""
    description: str = ""
    role_arn: str = ""
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: Mapping[str, str] | None = None

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> Rule:
        """Return the rule in DescribeRule's answer."""
        return cls(
            name=item["Name"],
            arn=item["Arn"],
            state=item.get("State", "ENABLED"),
            event_pattern=item.get("EventPattern") or "",
            schedule_expression=item.get("ScheduleExpression") or "",
            description=item.get("Description") or "",
            role_arn=item.get("RoleArn") or "",
        )

    @property
    def is_enabled(self) -> bool:
        """ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is enabled too."""
        return self.state.startswith("ENABLED")

    def request(self) -> dict[str, Any]:
        """Return PutRule's parameters: all attributes, because PutRule removes those that it does not get."""
        optional = {
            "EventPattern": self.event_pattern,
            "ScheduleExpression": self.schedule_expression,
            "RoleArn": self.role_arn,
        }
        return {
            "Name": self.name,
            "State": self.state,
            "Description": self.description,
            **{key: value for key, value in optional.items() if value},
        }

    def plain(self) -> dict[str, Any]:
        """Return the rule's own attributes, for diffs and results."""
        values = {key: value for key, value in asdict(self).items() if key not in ("arn", "tags", "targets")}
        return {**values, "event_pattern": json.loads(self.event_pattern) if self.event_pattern else None}


class RuleApi:
    """The calls to EventBridge about one rule."""

    def __init__(self, target: Target, name: str, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._retry_policy = retry_policy

    @property
    def _client(self) -> Any:
        return self._target.client("events")

    def find_rule(self) -> Rule | None:
        """Return the rule without targets and tags, None if it does not exist."""
        try:
            with self._target.describe_operation(f"read event rule {self._name}"):
                return Rule.from_api(self._client.describe_rule(Name=self._name))
        except NotFoundError:
            return None

    def list_targets(self) -> dict[str, Mapping[str, Any]]:
        """Return the rule's targets by id; none if the rule does not exist."""
        try:
            with self._target.describe_operation(f"list the targets of event rule {self._name}"):
                pages = self._client.get_paginator("list_targets_by_rule").paginate(Rule=self._name)
                return {item["Id"]: item for item in pages.build_full_result().get("Targets", [])}
        except NotFoundError:
            return {}

    def read_tags(self, arn: str) -> dict[str, str]:
        """Return the rule's tags."""
        with self._target.describe_operation(f"read the tags of event rule {self._name}"):
            return as_dict(self._client.list_tags_for_resource(ResourceARN=arn)["Tags"])

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call. An entry that EventBridge refuses is an error, although EventBridge answers 200.

        The rule's deletion waits for targets that were just removed.
        """

        def make() -> None:
            with self._target.describe_operation(operation):
                answer = call.made_with(self._client)
                if answer.get("FailedEntryCount"):
                    raise self._refusal(call, answer.get("FailedEntries", []))

        def make_with_retries() -> None:
            self._retry_policy.wait_out(make, _is_transient)

        if call.method == "delete_rule":
            settling = replace(self._retry_policy, seconds=min(_SETTLING_SECONDS, self._retry_policy.seconds))
            settling.wait_out(make_with_retries, _still_has_targets)
        else:
            make_with_retries()

    def _refusal(self, call: Call, failed: Sequence[Mapping[str, Any]]) -> Exception:
        """Return the ClientError that botocore would raise if AWS answered refused entries as an error."""
        listed = "; ".join(
            f"target {entry.get('TargetId')}: {entry.get('ErrorCode')} ({entry.get('ErrorMessage')})"
            for entry in failed
        )
        code = failed[0].get("ErrorCode", "") if failed else ""
        error = {"Code": code, "Message": listed or "AWS counts entries that failed, and names none"}
        api_operation = self._client.meta.method_to_api_mapping[call.method]
        refusal: Exception = self._client.exceptions.ClientError({"Error": error}, api_operation)
        return refusal


def _is_transient(error: ReflectorError) -> bool:
    """Another writer on the same rule, or throttling."""
    return isinstance(error, ThrottledError) or error.code == "ConcurrentModificationException"


def _still_has_targets(error: ReflectorError) -> bool:
    """Whether AWS refuses to delete the rule because of its targets. It has no error code for that."""
    return error.code == "ValidationException" and "since it has targets" in error.message
