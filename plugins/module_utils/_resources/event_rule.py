# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An EventBridge rule with its targets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .._errors import InvalidInputError, NotFoundError, ReflectorError, ThrottledError
from .._plan import Change, Params, Result
from .._retry import Patience
from .._session import Target
from .common import Call, check_name, check_number, compact_json, own_arn
from .ownership import Ownership, as_dict, as_list, tag_difference

_ENTRIES = 100  # that PutTargets and RemoveTargets take in one call
_NAME = (r"[.\-_A-Za-z0-9]{1,64}", "a name of 1 to 64 letters, digits, dots, hyphens and underscores")
_INPUTS = ("Input", "InputPath", "InputTransformer")


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
        self._api = RuleApi(target, self._name, self._bus, Patience(seconds=params["wait_timeout"]))

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
        bus = self._bus.rsplit("/", 1)[-1]
        if self._given.get("schedule_expression") and bus != "default":
            raise InvalidInputError(
                "schedule_expression", f"only rules of the default event bus can have one, not of {bus}"
            )

    def _changes(self, rule: Rule) -> list[Change]:
        return [*self._tag_update(rule), *self._rule_update(rule), *self._target_changes(rule)]

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

    def _tag_update(self, rule: Rule) -> Iterator[Change]:
        """Before everything else: what is adopted is ours before it is changed."""
        if rule.tags is None:
            return
        after = self._own.wanted_tags(rule.tags)
        to_set, to_remove = tag_difference(rule.tags, after)
        calls = []
        if to_remove:
            calls.append(Call("untag_resource", {"ResourceARN": rule.arn, "TagKeys": to_remove}))
        if to_set:
            calls.append(Call("tag_resource", {"ResourceARN": rule.arn, "Tags": as_list(to_set)}))
        if calls:
            yield Change("update", "tags of event rule", self._name, dict(rule.tags), after, tuple(calls))

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
        before = [_plain_target(standing[key]) for key in put if key in standing]
        after = [_plain_target(item) for item in put.values()]
        return self._target_change("update" if before else "create", list(put), before or None, after, calls)

    def _removal(self, doomed: Sequence[str], standing: Mapping[str, Mapping[str, Any]]) -> Change:
        calls = tuple(self._api.call("remove_targets", Rule=self._name, Ids=list(keys)) for keys in _batches(doomed))
        return self._target_change("delete", doomed, [_plain_target(standing[key]) for key in doomed], None, calls)

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
        _put_in(target, "RoleArn", given.get("role_arn"))
        dead_letter = given.get("dead_letter_arn")
        if dead_letter is not None:
            arn = self._resolved(dead_letter, "sqs", "", sibling) if dead_letter else ""
            _put_in(target, "DeadLetterConfig", {"Arn": arn} if arn else "")
        retry = given.get("retry_policy") or {}
        limits = {
            "MaximumRetryAttempts": retry.get("maximum_retry_attempts"),
            "MaximumEventAgeInSeconds": retry.get("maximum_event_age"),
        }
        limits = {key: value for key, value in limits.items() if value is not None}
        if limits:
            target["RetryPolicy"] = {**target.get("RetryPolicy", {}), **limits}
        _put_input(target, given)
        return target

    def _resolved(self, value: str, service: str, prefix: str, sibling: str) -> str:
        return own_arn(self._target, service, prefix + value, sibling) if _is_name(value) else value


class RuleApi:
    """The calls to EventBridge about one rule."""

    def __init__(self, target: Target, name: str, bus: str, patience: Patience) -> None:
        self._target = target
        self._name = name
        self._bus = bus
        self._patience = patience

    @property
    def _client(self) -> Any:
        return self._target.client("events")

    def rule(self) -> Rule | None:
        """The rule without targets and tags, None if it does not exist."""
        try:
            with self._target.trying(f"read event rule {self._name}"):
                answer = self._client.describe_rule(Name=self._name, EventBusName=self._bus)
        except NotFoundError:
            return None
        return replace(Rule.from_api(answer), event_bus_name=self._bus)

    def targets(self) -> dict[str, Mapping[str, Any]]:
        """The rule's targets by id, over all pages."""
        with self._target.trying(f"list the targets of event rule {self._name}"):
            paginator = self._client.get_paginator("list_targets_by_rule")
            pages = paginator.paginate(Rule=self._name, EventBusName=self._bus).build_full_result()
        return {item["Id"]: item for item in pages.get("Targets", [])}

    def tags(self, arn: str) -> dict[str, str]:
        """The rule's tags."""
        with self._target.trying(f"read the tags of event rule {self._name}"):
            return as_dict(self._client.list_tags_for_resource(ResourceARN=arn)["Tags"])

    def call(self, method: str, **request: Any) -> Call:
        """A call on the rule's own bus."""
        return Call(method, {"EventBusName": self._bus, **request})

    def write(self, call: Call, tried: str) -> None:
        """Make one writing call; an entry that EventBridge refuses is an error although it answers 200."""

        def make() -> None:
            with self._target.trying(tried):
                answer = call.made_with(self._client)
                if answer.get("FailedEntryCount"):
                    raise self._refusal(call, answer.get("FailedEntries", []))

        self._patience.wait_out(make, _passes)

    def _refusal(self, call: Call, failed: Sequence[Mapping[str, Any]]) -> Exception:
        """What botocore would raise, had AWS answered the entries' refusal as an error. Each entry's code is named."""
        listed = "; ".join(
            f"target {entry.get('TargetId')}: {entry.get('ErrorCode')} ({entry.get('ErrorMessage')})"
            for entry in failed
        )
        code = failed[0].get("ErrorCode", "") if failed else ""
        error = {"Code": code, "Message": listed or "AWS counts entries that failed, and names none"}
        operation = self._client.meta.method_to_api_mapping[call.method]
        refusal: Exception = self._client.exceptions.ClientError({"Error": error}, operation)
        return refusal


def same_pattern(one: str | None, other: str | None) -> bool:
    """Whether two event patterns match the same events: JSON is compared, and a list's order only where it counts."""
    if not one or not other:
        return one == other
    return _canonical(json.loads(one)) == _canonical(json.loads(other))


def _canonical(value: Any, *, ordered: bool = False) -> str:
    if isinstance(value, dict):
        # {"numeric": [">", 0, "<=", 5]} is the one list in EventBridge's patterns that is read in order
        parts = (f"{json.dumps(key)}:{_canonical(value[key], ordered=key == 'numeric')}" for key in sorted(value))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        return "[" + ",".join(items if ordered else sorted(items)) + "]"
    return json.dumps(value)


def _attributes(target: Target, params: Params) -> dict[str, Any]:
    """The rule's attributes that the user gave, as Rule holds them; the others are left alone."""
    given = {key: target.expand(params[key]) for key in ("schedule_expression", "description", "role_arn")}
    given["event_pattern"] = _json_text("event_pattern", target.expand(params["event_pattern"]), dict)
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
        retry = item.get("retry_policy") or {}
        check_number("targets.retry_policy.maximum_retry_attempts", retry.get("maximum_retry_attempts"), 0, 185)
        check_number("targets.retry_policy.maximum_event_age", retry.get("maximum_event_age"), 60, 86400)
        item["input"] = _json_text("targets.input", item.get("input"))
    return given


def _json_text(option: str, value: str | None, kind: type = object) -> str | None:
    """JSON without white space; None and "" as they are. InvalidInputError for what is not JSON."""
    if not value:
        return value
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise InvalidInputError(option, f"it is not JSON ({error})") from error
    if not isinstance(parsed, kind):
        raise InvalidInputError(option, "it is JSON, but not a dictionary")
    return compact_json(parsed)


def _put_in(target: dict[str, Any], key: str, value: Any) -> None:
    if value == "":
        target.pop(key, None)
    elif value is not None:
        target[key] = value


def _put_input(target: dict[str, Any], given: Mapping[str, Any]) -> None:
    """One of the three kinds of input replaces the others; text that says the same as what stands is left."""
    transformer = given.get("input_transformer")
    wanted = {
        "Input": given.get("input"),
        "InputPath": given.get("input_path"),
        "InputTransformer": _transformer(transformer) if transformer else None,
    }
    wanted = {key: value for key, value in wanted.items() if value is not None}
    for key, value in wanted.items():
        standing = target.get(key)
        for other in _INPUTS:
            target.pop(other, None)
        _put_in(target, key, standing if standing and _same_input(standing, value) else value)


def _transformer(given: Mapping[str, Any]) -> dict[str, Any]:
    paths = {str(key): str(value) for key, value in (given.get("input_paths_map") or {}).items()}
    return {**({"InputPathsMap": paths} if paths else {}), "InputTemplate": given["input_template"]}


def _same_input(standing: Any, wanted: Any) -> bool:
    if isinstance(standing, Mapping):
        return {"InputPathsMap": {}, **standing} == {"InputPathsMap": {}, **wanted}
    try:
        return bool(_canonical_input(standing) == _canonical_input(wanted))
    except ValueError:
        return bool(standing == wanted)


def _canonical_input(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)


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


def _passes(error: ReflectorError) -> bool:
    """Another writer on the same rule, or a rate shared with others."""
    return isinstance(error, ThrottledError) or error.code == "ConcurrentModificationException"
