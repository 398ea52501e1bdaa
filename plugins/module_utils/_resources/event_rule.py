# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An EventBridge rule with its targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._errors import InvalidInputError, NotFoundError, check_name
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import Call, check_number, own_arn
from .event_pattern import json_text, put_in, put_input, same_pattern
from .event_rule_api import Rule, RuleApi
from .ownership import Ownership, as_list

_ENTRIES = 100  # that PutTargets and RemoveTargets take in one call
# One day, but two days (User Guide, "Rate expressions reference"). What the fields of cron may hold EventBridge knows best.
_SCHEDULE = re.compile(
    r"rate\((1\s+(minute|hour|day)|(?!0*1\s)0*[1-9]\d*\s+(minutes|hours|days))\)|cron\(\s*\S+(\s+\S+){5}\s*\)", re.ASCII
)
_NAME = (r"[.\-_A-Za-z0-9]{1,64}", "a name of 1 to 64 letters, digits, dots, hyphens and underscores")


class EventRuleResource:
    """Identity: the event bus and the rule's name."""

    def __init__(self, target: Target, params: Params) -> None:
        self._name: str = params["name"]
        check_name("name", self._name, *_NAME)
        self._target = target
        self._present = params["state"] == "present"
        self._bus: str = target.expand(params["event_bus_name"])
        self._given = _attributes(target, params) if self._present else {}
        self._check_schedule()
        self._targets = _given_targets(target, params) if self._present else None
        self._purge_targets: bool = params["purge_targets"]
        self._own = Ownership.from_params(f"event rule {self._name}", lambda: target.where, params)
        self._api = RuleApi(target, self._name, self._bus, RetryPolicy(seconds=params["wait_timeout"]))

    def read(self) -> Rule | None:
        """One call for the rule, one for its targets if they matter, one for its tags if they do."""
        rule = self._api.rule()
        if self._names_resources() and not self._sibling(rule):
            _unused = (
                self._target.identity
            )  # known from here on: `plan` makes no call for the ARNs of functions and queues
        if rule is None:
            return None
        if self._targets is not None or not self._present:
            rule = replace(rule, targets=self._api.targets())
        if self._own.concerns_tags or not self._present or self._changes(rule):
            rule = replace(rule, tags=self._api.tags(rule.arn))
        return rule

    def plan(self, actual: Rule | None) -> list[Change]:
        """The rule, then its targets; for absent the other way round. RefusedError if it is foreign."""
        if not self._present:
            if actual:
                self._own.guard_deletion(actual.tags or {})
            return self._deletion(actual) if actual else []
        if actual is None:
            new = Rule(self._name, self._bus, tags=self._own.first_tags(), targets={})
            new = self._attributes_of(new)
            request = {**new.request(), "Tags": as_list(new.tags or {})}
            plain = {**new.plain(), "tags": dict(new.tags or {})}
            creation = Change("create", "event rule", self._name, None, plain, (Call("put_rule", request),))
            return [creation, *self._target_changes(new)]
        changes = self._changes(actual)
        if actual.tags is not None:
            self._own.guard_changes(actual.tags, changes)
        return changes

    def apply(self, change: Change) -> None:
        """The calls of one change. What is gone already when it is to be deleted is no error."""
        for call in change.payload:
            try:
                self._api.write(call, str(change))
            except NotFoundError:
                if change.action != "delete":
                    raise

    def facts(self, actual: Rule | None) -> Result:
        """The rule as it stands; null if it does not exist. Targets and tags as far as they were read."""
        if actual is None:
            return {"rule": None}
        facts = {"arn": actual.arn, "enabled": actual.enabled, **actual.plain()}
        if actual.tags is not None:
            facts["tags"] = dict(actual.tags)
        if actual.targets is not None:
            facts["targets"] = [_plain_target(item) for _id, item in sorted(actual.targets.items())]
        if actual.targets is not None and self._targets is not None:
            facts["foreign_targets"] = sorted(set(actual.targets) - {item["id"] for item in self._targets})
        return {"rule": facts}

    def _names_resources(self) -> bool:
        return any(_is_name(item.get(key)) for item in self._targets or () for key in ("arn", "dead_letter_arn"))

    def _sibling(self, rule: Rule | None) -> str:
        """The rule's ARN, where it tells the target's own account; a bus given by its ARN may be another account's."""
        return rule.arn if rule and not self._bus.startswith("arn:") else ""

    def _check_schedule(self) -> None:
        bus, schedule = self._bus.rsplit("/", 1)[-1], self._given.get("schedule_expression")
        if schedule and bus != "default":
            raise InvalidInputError(
                "schedule_expression", f"only rules of the default event bus can have one, not of {bus}"
            )
        if schedule and not _SCHEDULE.fullmatch(schedule):
            message = f"{schedule!r} is neither like rate(1 day) or rate(5 minutes), nor cron(...) with six fields"
            raise InvalidInputError("schedule_expression", message)

    def _changes(self, rule: Rule) -> list[Change]:
        tags = self._own.tag_update(
            "event rule",
            self._name,
            rule.tags,
            tag=lambda tags: Call("tag_resource", {"ResourceARN": rule.arn, "Tags": as_list(tags)}),
            untag=lambda keys: Call("untag_resource", {"ResourceARN": rule.arn, "TagKeys": keys}),
        )
        return [*tags, *self._rule_update(rule), *self._target_changes(rule)]

    def _attributes_of(self, rule: Rule) -> Rule:
        """The rule with the options given; a pattern that says the same keeps its text."""
        given = dict(self._given)
        if same_pattern(given.get("event_pattern"), rule.event_pattern):
            given["event_pattern"] = rule.event_pattern
        if given.get("state") == "ENABLED" and rule.enabled:
            given["state"] = rule.state
        after = replace(rule, **given)
        if not after.event_pattern and not after.schedule_expression:
            raise InvalidInputError(
                "event_pattern", f"rule {self._name} would have neither an event_pattern nor a schedule_expression"
            )
        return after

    def _rule_update(self, rule: Rule) -> Iterator[Change]:
        after = self._attributes_of(rule)
        if after != rule:
            calls = (Call("put_rule", after.request()),)
            yield Change("update", "event rule", self._name, rule.plain(), after.plain(), calls)

    def _target_changes(self, rule: Rule) -> Iterator[Change]:
        """New and changed targets first, so that at no moment fewer stand than before and after."""
        if self._targets is None:
            return
        standing = rule.targets or {}
        wanted = {
            item["id"]: self._wanted_target(item, standing.get(item["id"]), self._sibling(rule))
            for item in self._targets
        }
        put = {key: item for key, item in wanted.items() if item != standing.get(key)}
        if put:
            yield self._put(put, standing)
        doomed = sorted(set(standing) - set(wanted)) if self._purge_targets else []
        if doomed:
            yield self._removal(doomed, standing)

    def _put(self, put: Mapping[str, Mapping[str, Any]], standing: Mapping[str, Mapping[str, Any]]) -> Change:
        calls = tuple(
            self._api.call("put_targets", Rule=self._name, Targets=[put[key] for key in keys]) for keys in _batches(put)
        )
        before = _plain_targets({key: standing[key] for key in put if key in standing})
        return self._target_change("update" if before else "create", list(put), before, _plain_targets(put), calls)

    def _removal(self, doomed: Sequence[str], standing: Mapping[str, Mapping[str, Any]]) -> Change:
        calls = tuple(self._api.call("remove_targets", Rule=self._name, Ids=list(keys)) for keys in _batches(doomed))
        before = _plain_targets({key: standing[key] for key in doomed})
        return self._target_change("delete", doomed, before, None, calls)

    def _target_change(
        self, action: Any, ids: Sequence[str], before: Any, after: Any, calls: tuple[Call, ...]
    ) -> Change:
        kind = "target" if len(ids) == 1 else "targets"
        return Change(action, kind, f"{', '.join(ids)} of event rule {self._name}", before, after, calls)

    def _deletion(self, rule: Rule) -> list[Change]:
        calls = (self._api.call("delete_rule", Name=self._name),)
        deletion = Change("delete", "event rule", self._name, rule.plain(), None, calls)
        return [self._removal(sorted(rule.targets), rule.targets), deletion] if rule.targets else [deletion]

    def _wanted_target(
        self, given: Mapping[str, Any], standing: Mapping[str, Any] | None, sibling: str
    ) -> dict[str, Any]:
        """EventBridge's structure of a target: what stands, with the options given put in, "" taking away.

        PutTargets replaces a target: what no option speaks of is sent as it stands.
        """
        target = dict(standing or {"Id": given["id"]})
        target["Arn"] = self._resolved(given["arn"], "lambda", "function:", sibling)
        put_in(target, "RoleArn", given.get("role_arn"))
        group = given.get("message_group_id")
        put_in(target, "SqsParameters", {"MessageGroupId": group} if group else group)
        dead_letter = given.get("dead_letter_arn")
        if dead_letter is not None:
            arn = self._resolved(dead_letter, "sqs", "", sibling) if dead_letter else ""
            put_in(target, "DeadLetterConfig", {"Arn": arn} if arn else "")
        retry = given.get("retry_policy") or {}
        limits = {
            "MaximumRetryAttempts": retry.get("maximum_retry_attempts"),
            "MaximumEventAgeInSeconds": retry.get("maximum_event_age"),
        }
        limits = {key: value for key, value in limits.items() if value is not None}
        if limits:
            target["RetryPolicy"] = {**target.get("RetryPolicy", {}), **limits}
        put_input(target, given)
        return target

    def _resolved(self, value: str, service: str, prefix: str, sibling: str) -> str:
        return own_arn(self._target, service, prefix + value, sibling) if _is_name(value) else value


def _attributes(target: Target, params: Params) -> dict[str, Any]:
    """The rule's attributes that the user gave, as Rule holds them; the others are left alone."""
    given = {key: target.expand(params[key]) for key in ("schedule_expression", "description", "role_arn")}
    given["event_pattern"] = json_text("event_pattern", target.expand(params["event_pattern"]), dict)
    if params["enabled"] is not None:
        given["state"] = "ENABLED" if params["enabled"] else "DISABLED"
    return {key: value for key, value in given.items() if value is not None}


def _given_targets(target: Target, params: Params) -> list[dict[str, Any]] | None:
    if params["targets"] is None:
        return None
    given = [
        target.expand({key: value for key, value in item.items() if value is not None}) for item in params["targets"]
    ]
    ids = [item["id"] for item in given]
    for item in given:
        check_name("targets.id", item["id"], *_NAME)
        if ids.count(item["id"]) > 1:
            raise InvalidInputError("targets.id", f"{item['id']} is given more than once")
        if not item["arn"]:
            raise InvalidInputError("targets.arn", f"target {item['id']} has an empty one")
        if (item.get("dead_letter_arn") or "").endswith(".fifo"):
            message = f"target {item['id']} has a FIFO queue, and EventBridge takes standard queues only"
            raise InvalidInputError("targets.dead_letter_arn", message)
        retry = item.get("retry_policy") or {}
        check_number("targets.retry_policy.maximum_retry_attempts", retry.get("maximum_retry_attempts"), 0, 185)
        check_number("targets.retry_policy.maximum_event_age", retry.get("maximum_event_age"), 60, 86400)
        item["input"] = json_text("targets.input", item.get("input"))
    return given


def _plain_targets(targets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Targets by their ids, for diffs: Ansible shows those of mappings and texts, and stumbles over lists. None for none."""
    return {key: _plain_target(item) for key, item in targets.items()} or None


def _plain_target(item: Mapping[str, Any]) -> dict[str, Any]:
    """A target in the words of the options, for diffs and results."""
    retry = item.get("RetryPolicy", {})
    transformer = item.get("InputTransformer", {})
    plain = {
        "id": item["Id"],
        "arn": item["Arn"],
        "role_arn": item.get("RoleArn"),
        "input": item.get("Input"),
        "input_path": item.get("InputPath"),
        "input_transformer": {
            "input_paths_map": dict(transformer.get("InputPathsMap", {})),
            "input_template": transformer.get("InputTemplate"),
        }
        if transformer
        else None,
        "message_group_id": item.get("SqsParameters", {}).get("MessageGroupId"),
        "dead_letter_arn": item.get("DeadLetterConfig", {}).get("Arn"),
        "retry_policy": {
            "maximum_retry_attempts": retry.get("MaximumRetryAttempts"),
            "maximum_event_age": retry.get("MaximumEventAgeInSeconds"),
        }
        if retry
        else None,
    }
    return {key: value for key, value in plain.items() if value is not None}


def _is_name(value: str | None) -> bool:
    return bool(value) and not str(value).startswith("arn:")


def _batches(items: Mapping[str, Any] | Sequence[str]) -> Iterator[list[str]]:
    keys = list(items)
    for start in range(0, len(keys), _ENTRIES):
        yield keys[start : start + _ENTRIES]
