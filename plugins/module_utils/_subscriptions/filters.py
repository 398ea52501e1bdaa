# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscription filters of one log group: values, names, and the plan for a group. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from typing import Any

from .._errors import InvalidInputError, LimitReachedError

DEFAULT_SLOTS = 5
"""Filters that a group may have. AWS's quota page says 5 since August 2026 and said 2 before. AWS's own
LimitExceededException decides."""

LONGEST_NAME = 512
"""Characters in a filter's name (PutSubscriptionFilter)."""

_TEAM_SUFFIX = "-filter"

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
    """A filter, with AWS's defaults for missing values, so that equal filters compare equal.

    created   AWS's creation time in ms since 1970, 0 for a filter that was not read
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
        """Return the filter for an element of DescribeSubscriptionFilters' answer."""
        values = {name: item[key] for name, key in API_NAMES.items() if item.get(key) not in (None, "")}
        values["emit_system_fields"] = tuple(sorted(set(values.get("emit_system_fields", ()))))
        return cls(**values, created=item.get("creationTime", 0))

    def request(self) -> dict[str, Any]:
        """Return the parameters of PutSubscriptionFilter. It replaces the whole filter, so every value is sent."""
        values = {key: getattr(self, name) for name, key in API_NAMES.items()}
        values["emitSystemFields"] = list(self.emit_system_fields)
        request = {key: value for key, value in values.items() if value}
        request["filterPattern"] = self.filter_pattern  # required, and "" means every event
        if is_lambda(self.destination_arn):
            request.pop("distribution", None)  # only Kinesis destinations take one
        return request

    def plain(self) -> dict[str, Any]:
        """Return name, destination, pattern and what differs from AWS's defaults, for diffs and results."""
        values = asdict(self)
        del values["created"]
        shown = {"name", "destination_arn", "filter_pattern", "log_group"}
        plain = {key: value for key, value in values.items() if key in shown or value != _DEFAULTS[key]}
        if "emit_system_fields" in plain:
            plain["emit_system_fields"] = list(self.emit_system_fields)
        return plain


_DEFAULTS = asdict(SubscriptionFilter(log_group="", name="", destination_arn=""))


def attributes_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given attributes by SubscriptionFilter's field names; None means not given."""
    given = {name: options[name] for name in ATTRIBUTES if options.get(name) is not None}
    if "emit_system_fields" in given:
        given["emit_system_fields"] = tuple(sorted(set(given["emit_system_fields"])))
    return given


def is_lambda(destination: str) -> bool:
    """Whether the destination is a Lambda function: its ARN, or a bare function name."""
    return not destination.startswith("arn:") or destination.split(":")[2:3] == ["lambda"]


def check_distribution(destination: str | None, distribution: str | None) -> None:
    """Raise InvalidInputError for Random on a Lambda function: AWS does not store it, so every run would write it again."""
    if destination and distribution == "Random" and is_lambda(destination):
        raise InvalidInputError(
            "distribution", "Random is for Kinesis streams, and the destination is a Lambda function"
        )


def default_name(log_group: str) -> str:
    """Return the filter's name for a group: aws-lambda-testing-the-subscriber for /aws/lambda/testing-the-subscriber."""
    return log_group.strip("/").replace("/", "-") or "root"


def default_team_name(log_group: str) -> str:
    """Return the name of a filter for which a task gives none: never the one that the platform gives its own filter."""
    return f"{default_name(log_group)[: LONGEST_NAME - len(_TEAM_SUFFIX)]}{_TEAM_SUFFIX}"


DELIVERY = "DELIVERY"
"""The class of log groups that accept filters to Firehose and S3 only (CloudWatch Logs User Guide, "Log classes")."""

_STREAM = re.compile(r"arn:([^:]+):firehose:([^:]+):([^:]+):deliverystream/[a-zA-Z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """The filter of log groups of the class DELIVERY. It is ours if it has this role.

    stream_arn  of a Firehose stream, "" if there is none: then our filters are only removed
    role_arn    of the role that CloudWatch Logs assumes
    """

    stream_arn: str
    role_arn: str


def delivery_filter(stream: str | None, role_name: str, reflector_arn: str) -> DeliveryFilter | None:
    """Return the filter of log groups of the class DELIVERY; None if the target's reflector is no function.

    InvalidInputError for a stream that is not in the reflector's account and region.
    """
    parts = reflector_arn.split(":")
    if parts[2:3] != ["lambda"]:
        return None
    partition, region, account = parts[1], parts[3], parts[4]
    if stream:
        check_stream("delivery_stream", stream)
        if (found := _STREAM.fullmatch(stream)) and found.groups() != (partition, region, account):
            message = f"{stream!r} is not in {account}/{region}, and CloudWatch Logs delivers only within an account and region"
            raise InvalidInputError("delivery_stream", message)
    return DeliveryFilter(stream or "", f"arn:{partition}:iam::{account}:role/{role_name}")


def check_stream(option: str, stream: str) -> None:
    """Raise InvalidInputError for a text that is no ARN of a Firehose stream."""
    if not _STREAM.fullmatch(stream):
        example = "arn:aws:firehose:eu-west-1:111111111111:deliverystream/logs"
        raise InvalidInputError(option, f"{stream!r} is no ARN of a Firehose stream, such as {example}")


@dataclass(frozen=True, slots=True)
class DesiredFilter:
    """The filter that every chosen group is to have. A filter is ours if it has this destination, or the role of `delivery`.

    attributes  the given options, by SubscriptionFilter's field names; others keep their present value
    merge       whether to remove duplicates of our filter
    delivery    the filter of log groups of the class DELIVERY, None if they are not served
    role_arn    the role by which a filter is ours whatever its destination is, "" if the destination shows it
    """

    destination_arn: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    slots: int = DEFAULT_SLOTS
    merge: bool = False
    delivery: DeliveryFilter | None = None
    role_arn: str = ""

    def owns(self, candidate: SubscriptionFilter) -> bool:
        """Whether the filter is ours: it sends to our reflector, or has our role, whatever its name is."""
        if self.role_arn:
            return candidate.role_arn == self.role_arn
        if self.delivery and candidate.role_arn == self.delivery.role_arn:
            return True
        return candidate.destination_arn == self.destination_arn

    def of_class(self, log_class: str) -> DesiredFilter:
        """Return the filter that groups of that class are to have, and by which theirs are ours."""
        if self.delivery is None:
            return self
        if log_class != DELIVERY:
            return replace(self, delivery=None)
        # Only Kinesis streams have a distribution.
        kept = {name: value for name, value in self.attributes.items() if name not in ("role_arn", "distribution")}
        role = self.delivery.role_arn
        stream = self.delivery.stream_arn
        return DesiredFilter(stream, {**kept, "role_arn": role}, self.slots, self.merge, role_arn=role)

    @property
    def subscription_tag(self) -> tuple[str, str]:
        """Return key and value of the tag "subscribed with these settings".

        The key has the destination's name, so that several deployments in one account do not disturb each other. Other
        settings make another value, so that every group is read again.
        """
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", self.destination_arn.split(":", 5)[-1].removeprefix("function:"))
        deciding: list[Any] = [self.destination_arn, sorted(self.attributes.items())]
        if self.delivery and self.delivery.stream_arn:
            deciding.append([self.delivery.stream_arn, self.delivery.role_arn])
        settings = json.dumps(deciding)
        return f"{TAG_PREFIX}{name}"[:LONGEST_TAG_KEY], hashlib.sha256(settings.encode()).hexdigest()[:16]


OWN_TAGS = "logreflector.aws/"
"""The prefix of the keys of all tags of this collection."""

TAG_PREFIX = f"{OWN_TAGS}subscribed/"
EVIDENCE_PREFIX = f"{OWN_TAGS}receives/"
"""The prefix of the key of a second tag, see `tagging.OTHER_FORWARDER`. It is shorter than `TAG_PREFIX`, so that key fits, too."""

LONGEST_TAG_KEY = 128


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """The writes in one group: put `after`, delete `remove`, or nothing. `note` is for the user.

    duplicates  filters of ours beside `before` that stay
    """

    before: SubscriptionFilter | None = None
    after: SubscriptionFilter | None = None
    remove: tuple[SubscriptionFilter, ...] = ()
    note: str = ""
    duplicates: tuple[SubscriptionFilter, ...] = ()

    @property
    def put(self) -> SubscriptionFilter | None:
        """The filter to write; None if it exists already."""
        return self.after if self.after != self.before else None


def duplicate_reason(place: str, keep: SubscriptionFilter, duplicates: Sequence[SubscriptionFilter]) -> str:
    """Return the sentence about filters that send the same events to one place."""
    names = ", ".join(item.name for item in duplicates)
    return f"more than one filter sends to {place}, so events arrive twice: {keep.name}, {names}; log_groups_merge: true keeps {keep.name}"


def plan_present(log_group: str, filters: Sequence[SubscriptionFilter], desired: DesiredFilter) -> GroupPlan:
    """Plan our filter in the group, updated in place if it exists. LimitReachedError, with the slots' holders, if no slot is free."""
    ours = sorted((item for item in filters if desired.owns(item)), key=lambda item: item.name)
    if ours:
        name = default_name(log_group)
        keep = next((item for item in ours if item.name == name), ours[0])
        duplicates = tuple(item for item in ours if item is not keep)
        note = duplicate_reason("the reflector", keep, duplicates) if duplicates else ""
        after = replace(keep, destination_arn=desired.destination_arn, **desired.attributes)
        if desired.merge:
            return GroupPlan(before=keep, after=after, remove=duplicates)
        return GroupPlan(before=keep, after=after, note=note, duplicates=duplicates)
    check_slot(log_group, filters, desired.slots)
    name = _free_name(log_group, {item.name for item in filters})
    return GroupPlan(after=SubscriptionFilter(log_group, name, desired.destination_arn, **desired.attributes))


def _free_name(log_group: str, taken: Set[str]) -> str:
    """Return the default name, or a variant if a foreign filter has that name: a put would overwrite it."""
    name = default_name(log_group)
    for number in count(1):
        if name not in taken:
            break
        suffix = "-log-reflector" if number == 1 else f"-log-reflector-{number}"
        name = default_name(log_group)[: LONGEST_NAME - len(suffix)] + suffix
    return name


def plan_absent(filters: Sequence[SubscriptionFilter], desired: DesiredFilter) -> GroupPlan:
    """Plan to remove our filters from the group."""
    return GroupPlan(remove=tuple(item for item in filters if desired.owns(item)))


def check_slot(log_group: str, filters: Sequence[SubscriptionFilter], slots: int, where: str = "") -> None:
    """Raise LimitReachedError, with the slots' holders, if the group is full."""
    if len(filters) >= slots:
        raise LimitReachedError(
            f"subscribe log group {log_group}",
            f"{slots_taken(filters)}: {holders(filters)}",
            holders=holders(filters),
            advice="Remove one of them, or raise the option slots if AWS allows more filters per group here.",
            where=where,
        )


def slots_taken(filters: Sequence[SubscriptionFilter]) -> str:
    """Return the reason for which a group with these filters takes no other."""
    return f"all its {len(filters)} filter slots are taken"


def holders(filters: Iterable[SubscriptionFilter]) -> str:
    """Return the names of the filters by their destination, for messages."""
    names: dict[str, list[str]] = {}
    for item in filters:
        names.setdefault(item.destination_arn, []).append(item.name)
    return "; ".join(f"{', '.join(each)} (to {destination})" for destination, each in names.items())
