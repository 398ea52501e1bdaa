# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A rule of the default event bus with its targets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..._errors import InvalidInputError, NotFoundError, check_name
from ..._plan import Change, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..common import Call, check_number, compact_json
from ..ownership import Ownership, as_list
from .api import Rule, RuleApi
from .pattern import same_pattern

# One day, but two days (User Guide, "Rate expressions reference"). EventBridge itself checks the fields of cron.
_SCHEDULE = re.compile(
    r"rate\((1\s+(minute|hour|day)|(?!0*1\s)0*[1-9]\d*\s+(minutes|hours|days))\)|cron\(\s*\S+(\s+\S+){5}\s*\)", re.ASCII
)
_NAME = (r"[.\-_A-Za-z0-9]{1,64}", "a name of 1 to 64 letters, digits, dots, hyphens and underscores")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTarget:
    """One receiver of a rule's events. {partition}, {region} and {account} are replaced in its texts.

    arn                     of a queue or function
    message_group_id        needed for a FIFO queue, which must have content-based deduplication
    dead_letter_queue       name or ARN of the standard queue for events that could not be delivered
    maximum_retry_attempts  0 to 185; EventBridge's default is 185
    maximum_event_age       60 to 86400 seconds; EventBridge's default is 86400 (API reference, RetryPolicy)
    """

    id: str
    arn: str
    message_group_id: str = ""
    dead_letter_queue: str = ""
    maximum_retry_attempts: int = 185
    maximum_event_age: int = 86400

    def expanded(self, target: Target) -> dict[str, Any]:
        """Return EventBridge's structure of the target."""
        found: dict[str, Any] = {"Id": self.id, "Arn": target.expand(self.arn)}
        if self.message_group_id:
            found["SqsParameters"] = {"MessageGroupId": self.message_group_id}
        if queue := target.expand(self.dead_letter_queue):
            found["DeadLetterConfig"] = {"Arn": queue if queue.startswith("arn:") else target.arn("sqs", queue)}
        found["RetryPolicy"] = {
            "MaximumRetryAttempts": self.maximum_retry_attempts,
            "MaximumEventAgeInSeconds": self.maximum_event_age,
        }
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """The desired state of a rule. A rule needs an event pattern or a schedule, or both.

    event_pattern   {partition}, {region} and {account} are replaced
    enabled         None leaves an existing rule as it is and enables a new one
    targets         all targets that the rule is to have: others are removed. EventBridge allows five unless the quota was
                    raised
    wait_seconds    for transient errors
    """

    name: str
    present: bool = True
    description: str = ""
    event_pattern: Mapping[str, Any] | None = None
    schedule_expression: str = ""
    enabled: bool | None = True
    targets: tuple[RuleTarget, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 60


class EventRule:
    """Identity: the rule's name on the default event bus."""

    def __init__(self, target: Target, settings: RuleSettings) -> None:
        _check(settings)
        self._own = Ownership(f"event rule {settings.name}", lambda: target.where, settings.tags)
        self._target, self._settings, self._name = target, settings, settings.name
        self._pattern = compact_json(target.expand(settings.event_pattern)) if settings.event_pattern else ""
        self._targets = {item.id: item.expanded(target) for item in settings.targets} if settings.present else {}
        self._api = RuleApi(target, settings.name, RetryPolicy(seconds=settings.wait_seconds))

    def read(self) -> Rule | None:
        """Return the rule, None if it does not exist. Its tags are read only if the plan depends on them."""
        found: list[Any] = self._target.together(self._api.find_rule, self._api.list_targets)
        rule: Rule | None = replace(found[0], targets=found[1]) if found[0] else None
        if rule and (self._own.tags or not self._settings.present or self._changes(rule)):
            rule = replace(rule, tags=self._api.read_tags(rule.arn))
        return rule

    def plan(self, actual: Rule | None) -> list[Change]:
        """Return the changes: the rule, then its targets; to delete it, the other way round.

        Raises RefusedError if the rule is foreign.
        """
        if not self._settings.present:
            if actual:
                self._own.guard_deletion(actual.tags or {})
            return self._deletion(actual) if actual else []
        if actual is None:
            return self._creation()
        changes = self._changes(actual)
        if actual.tags is not None:
            self._own.guard_changes(actual.tags, changes)
        return changes

    def apply(self, change: Change) -> None:
        """Make the calls of one change. It is no error if what is to be deleted is already gone."""
        for call in change.payload:
            try:
                self._api.write(call, str(change))
            except NotFoundError:
                if change.action != "delete":
                    raise

    def facts(self, actual: Rule | None) -> Result:
        """Return the rule with its targets, and its tags if they were read; None if it does not exist."""
        if actual is None:
            return {"rule": None}
        facts = {"arn": actual.arn, "enabled": actual.is_enabled, **actual.plain()}
        if actual.tags is not None:
            facts["tags"] = dict(actual.tags)
        return {"rule": {**facts, "targets": [dict(item) for _id, item in sorted(actual.targets.items())]}}

    def _creation(self) -> list[Change]:
        tags = self._own.creation_tags()
        new = self._desired(Rule(name=self._name))
        call = Call("put_rule", {**new.request(), "Tags": as_list(tags)})
        creation = Change("create", "event rule", self._name, None, {**new.plain(), "tags": tags}, (call,))
        return [creation, *self._target_changes({})]

    def _changes(self, rule: Rule) -> list[Change]:
        changes = self._own.tag_update(
            "event rule",
            self._name,
            rule.tags,
            lambda tags: Call("tag_resource", {"ResourceARN": rule.arn, "Tags": as_list(tags)}),
        )
        after = self._desired(rule)
        if after != rule:
            call = Call("put_rule", after.request())
            changes.append(Change("update", "event rule", self._name, rule.plain(), after.plain(), (call,)))
        return [*changes, *self._target_changes(rule.targets)]

    def _desired(self, rule: Rule) -> Rule:
        """Return the rule with the desired attributes. A pattern that means the same keeps its text, the role stays."""
        enabled = rule.is_enabled if self._settings.enabled is None else self._settings.enabled
        state = "ENABLED" if enabled else "DISABLED"
        return replace(
            rule,
            event_pattern=rule.event_pattern if same_pattern(self._pattern, rule.event_pattern) else self._pattern,
            schedule_expression=self._settings.schedule_expression,
            description=self._settings.description,
            state=rule.state if enabled == rule.is_enabled else state,
        )

    def _target_changes(self, actual: Mapping[str, Mapping[str, Any]]) -> list[Change]:
        """Return new and changed targets first, so that the rule never has fewer targets than before and after."""
        changes = []
        if put := {key: item for key, item in self._targets.items() if item != actual.get(key)}:
            before = {key: actual[key] for key in put if key in actual}
            call = Call("put_targets", {"Rule": self._name, "Targets": list(put.values())})
            changes.append(self._target_change("update" if before else "create", before, put, call))
        if removed := {key: item for key, item in sorted(actual.items()) if key not in self._targets}:
            changes.append(self._removal(removed))
        return changes

    def _removal(self, targets: Mapping[str, Mapping[str, Any]]) -> Change:
        call = Call("remove_targets", {"Rule": self._name, "Ids": list(targets)})
        return self._target_change("delete", targets, {}, call)

    def _target_change(
        self,
        action: Literal["create", "update", "delete"],
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        call: Call,
    ) -> Change:
        ids = list(after or before)
        name = f"{', '.join(ids)} of event rule {self._name}"
        return Change(action, "target" if len(ids) == 1 else "targets", name, before or None, after or None, (call,))

    def _deletion(self, rule: Rule) -> list[Change]:
        call = Call("delete_rule", {"Name": self._name})
        deletion = Change("delete", "event rule", self._name, rule.plain(), None, (call,))
        return [self._removal(rule.targets), deletion] if rule.targets else [deletion]


def _check(settings: RuleSettings) -> None:
    """Raise InvalidInputError for what EventBridge would refuse."""
    check_name("name", settings.name, *_NAME)
    if not settings.present:
        return
    schedule = settings.schedule_expression
    if not schedule and not settings.event_pattern:
        raise InvalidInputError("event_pattern", f"rule {settings.name} has neither an event pattern nor a schedule")
    if schedule and not _SCHEDULE.fullmatch(schedule):
        message = f"{schedule!r} is neither like rate(1 day) or rate(5 minutes), nor cron(...) with six fields"
        raise InvalidInputError("schedule_expression", message)
    ids = [item.id for item in settings.targets]
    for item in settings.targets:
        check_name("targets.id", item.id, *_NAME)
        if ids.count(item.id) > 1:
            raise InvalidInputError("targets.id", f"{item.id} is given more than once")
        if not item.arn.startswith("arn:"):
            raise InvalidInputError("targets.arn", f"target {item.id} has {item.arn!r}, which is not an ARN")
        if item.dead_letter_queue.endswith(".fifo"):
            message = f"target {item.id} has a FIFO queue, and EventBridge supports standard queues only"
            raise InvalidInputError("targets.dead_letter_queue", message)
        check_number("targets.maximum_retry_attempts", item.maximum_retry_attempts, 0, 185)
        check_number("targets.maximum_event_age", item.maximum_event_age, 60, 86400)
