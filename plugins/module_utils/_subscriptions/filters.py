# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One log group's subscription filters: values, names, and the pure plan for a group."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from typing import Any

from .._errors import InvalidInputError, LimitReachedError

DEFAULT_SLOTS = 5
"""Filters that a group may have. AWS's quota page says 5 since August 2026 and said 2 before: it is only a first
look, AWS's own LimitExceededException has the last word."""

LONGEST_NAME = 512
"""Characters in a filter's name (PutSubscriptionFilter)."""

# Our field names, and PutSubscriptionFilter's.
API_NAMES = {
    "log_group": "logGroupName",
    "name": "filterName",
    "destination_arn": "destinationArn",
    "filter_pattern": "filterPattern",
    "role_arn": "roleArn",
    "distribution": "distribution",
    "apply_on_transformed_logs": "applyOnTransformedLogs",
    "emit_system_fields": "emitSystemFields",
    "field_selection_criteria": "fieldSelectionCriteria",
}


ATTRIBUTES = tuple(name for name in API_NAMES if name not in ("log_group", "name"))


@dataclass(frozen=True, slots=True)
class SubscriptionFilter:
    """A filter with the values that AWS assumes where it names none, so that equal filters compare equal.

    created   ms since 1970 as AWS says it, 0 of a filter that was not read
    """

    log_group: str
    name: str
    destination_arn: str
    filter_pattern: str = ""
    role_arn: str = ""
    distribution: str = "ByLogStream"
    apply_on_transformed_logs: bool = False
    emit_system_fields: tuple[str, ...] = ()
    field_selection_criteria: str = ""
    created: int = field(default=0, compare=False, repr=False)

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> SubscriptionFilter:
        """From an element of DescribeSubscriptionFilters' answer."""
        values = {ours: item[theirs] for ours, theirs in API_NAMES.items() if item.get(theirs) not in (None, "")}
        values["emit_system_fields"] = tuple(sorted(set(values.get("emit_system_fields", ()))))
        return cls(**values, created=item.get("creationTime", 0))

    def request(self) -> dict[str, Any]:
        """The parameters of PutSubscriptionFilter, which replaces the whole filter: everything set is sent."""
        wanted = {theirs: getattr(self, ours) for ours, theirs in API_NAMES.items()}
        wanted["emitSystemFields"] = list(self.emit_system_fields)
        request = {key: value for key, value in wanted.items() if value}
        request["filterPattern"] = self.filter_pattern  # required, and "" means every event
        if is_lambda(self.destination_arn):
            request.pop("distribution", None)  # only Kinesis destinations take one
        return request

    def plain(self) -> dict[str, Any]:
        """For diffs and results: only what differs from AWS's defaults, and always name, destination and pattern."""
        values = asdict(self)
        del values["created"]
        shown = {"name", "destination_arn", "filter_pattern", "log_group"}
        plain = {key: value for key, value in values.items() if key in shown or value != _DEFAULTS[key]}
        if "emit_system_fields" in plain:
            plain["emit_system_fields"] = list(self.emit_system_fields)
        return plain


_DEFAULTS = asdict(SubscriptionFilter(log_group="", name="", destination_arn=""))


def attributes_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that the options give, as SubscriptionFilter holds them; None is "not given"."""
    given = {name: options[name] for name in ATTRIBUTES if options.get(name) is not None}
    if "emit_system_fields" in given:
        given["emit_system_fields"] = tuple(sorted(set(given["emit_system_fields"])))
    return given


def is_lambda(destination: str) -> bool:
    """Whether an ARN, or the bare name that stands for a function's, is that of a Lambda function."""
    return not destination.startswith("arn:") or destination.split(":")[2:3] == ["lambda"]


def check_distribution(destination: str | None, distribution: str | None) -> None:
    """InvalidInputError for what a Lambda function does not take: AWS would not keep it, every run would write it anew."""
    if destination and distribution == "Random" and is_lambda(destination):
        raise InvalidInputError(
            "distribution", "Random is for Kinesis streams, and the destination is a Lambda function"
        )


def default_name(log_group: str) -> str:
    """The filter's name for a group: /aws/lambda/testing-the-subscriber gives aws-lambda-testing-the-subscriber."""
    return log_group.strip("/").replace("/", "-") or "root"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every chosen group is to have: ours, by its destination. `attributes` holds only the options given, by
    SubscriptionFilter's field names: one that is not given is left as it stands.

    merge   whether filters of ours beside the one that is kept go
    """

    destination_arn: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    slots: int = DEFAULT_SLOTS
    merge: bool = False

    def owns(self, candidate: SubscriptionFilter) -> bool:
        """Ours is what sends to our reflector, whatever its name."""
        return candidate.destination_arn == self.destination_arn

    @property
    def mark(self) -> tuple[str, str]:
        """Key and value of the tag that says "subscribed by us, with these settings".

        The key has the destination's name, so that several deployments in one account leave each other's alone. Other
        settings make another value: every group is looked at again.
        """
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", self.destination_arn.split(":", 5)[-1].removeprefix("function:"))
        said = json.dumps([self.destination_arn, sorted(self.attributes.items())])
        return f"{MARK_PREFIX}{name}"[:LONGEST_TAG_KEY], hashlib.sha256(said.encode()).hexdigest()[:16]


MARK_PREFIX = "logreflector.aws/subscribed/"
LONGEST_TAG_KEY = 128


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """What is to be done in one group: put `after`, delete `remove`, or nothing. `note` is worth telling the user.

    beside  more of ours than `before`, left as they stand
    """

    before: SubscriptionFilter | None = None
    after: SubscriptionFilter | None = None
    remove: tuple[SubscriptionFilter, ...] = ()
    note: str = ""
    beside: tuple[SubscriptionFilter, ...] = ()

    @property
    def put(self) -> SubscriptionFilter | None:
        """The filter to write; None where it stands already."""
        return self.after if self.after != self.before else None


def plan_present(log_group: str, filters: Sequence[SubscriptionFilter], wanted: Wanted) -> GroupPlan:
    """Ours in the group, updated in place if it is there. LimitReachedError, naming the holders, if no slot is free."""
    ours = sorted((item for item in filters if wanted.owns(item)), key=lambda item: item.name)
    if ours:
        named = default_name(log_group)
        keep = next((item for item in ours if item.name == named), ours[0])
        beside = tuple(item for item in ours if item is not keep)
        others = ", ".join(item.name for item in beside)
        note = f"more than one filter sends to the reflector, so events arrive twice: {others}" if others else ""
        after = replace(keep, **wanted.attributes)
        if wanted.merge:
            return GroupPlan(before=keep, after=after, remove=beside)
        return GroupPlan(before=keep, after=after, note=note, beside=beside)
    check_slot(log_group, filters, wanted.slots)
    name = _free_name(log_group, {item.name for item in filters})
    return GroupPlan(after=SubscriptionFilter(log_group, name, wanted.destination_arn, **wanted.attributes))


def _free_name(log_group: str, taken: Set[str]) -> str:
    """The default name, or one beside it where a foreign filter has that: a put would overwrite it."""
    name = default_name(log_group)
    for number in count(1):
        if name not in taken:
            break
        suffix = "-log-reflector" if number == 1 else f"-log-reflector-{number}"
        name = default_name(log_group)[: LONGEST_NAME - len(suffix)] + suffix
    return name


def plan_absent(filters: Sequence[SubscriptionFilter], wanted: Wanted) -> GroupPlan:
    """Nothing of ours in the group."""
    return GroupPlan(remove=tuple(item for item in filters if wanted.owns(item)))


def check_slot(log_group: str, filters: Sequence[SubscriptionFilter], slots: int, where: str = "") -> None:
    """LimitReachedError, naming who holds the slots, if the group is full: before anything is written."""
    if len(filters) >= slots:
        raise LimitReachedError(
            f"subscribe log group {log_group}",
            f"all its {len(filters)} filter slots are taken: {holders(filters)}",
            advice="Remove one of them, or raise the option slots if AWS allows more filters per group here.",
            where=where,
        )


def holders(filters: Sequence[SubscriptionFilter]) -> str:
    """Who holds a group's slots, for messages."""
    return ", ".join(f"{item.name} (to {item.destination_arn})" for item in filters)
