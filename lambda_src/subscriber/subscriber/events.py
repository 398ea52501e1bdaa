# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work that EventBridge's events ask for. Pure.

| source | detail-type | work |
|---|---|---|
| `aws.logs` | AWS API Call via CloudTrail: CreateLogGroup | `NewGroup` |
| `aws.logs` | the same: TagResource, UntagResource, TagLogGroup, UntagLogGroup | `TagsChanged` |
| `aws.events` (a rule's schedule) or `aws.scheduler` | Scheduled Event | `SweepSlice`, the first |
| `logreflector.subscriber` | Sweep continued | `SweepSlice` |
| `logreflector.subscriber` | Groups subscribed | `GroupsSubscribed` |

Source of the shapes: CloudTrail User Guide, "CloudTrail record contents"; EventBridge User Guide, "AWS service events
delivered via CloudTrail" and "Creating a rule that runs on a schedule". For tags CloudTrail writes the parameters of the
request, as in the API reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from logreflector._errors import ReflectorError
from logreflector._subscriptions.filters import TAG_PREFIX
from logreflector._subscriptions.listing import Position

SOURCE = "logreflector.subscriber"
SWEEP_CONTINUED = "Sweep continued"
GROUPS_SUBSCRIBED = "Groups subscribed"

_LOG_GROUP = re.compile(r"[-._/#A-Za-z0-9]{1,512}")
_TAG_CALLS = ("TagResource", "UntagResource", "TagLogGroup", "UntagLogGroup")


class InvalidEventError(ReflectorError):
    """An event that cannot be parsed: retries are useless."""

    def __init__(self, message: str) -> None:
        super().__init__("parse an event", message)


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A log group was created. `created` is in ms since 1970, 0 if unknown."""

    log_group: str
    log_class: str = "STANDARD"
    created: int = 0


@dataclass(frozen=True, slots=True)
class TagsChanged:
    """Tags of a log group were added or removed; `keys` are theirs."""

    log_group: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A group that got its filter. `token` is that of the next page of events to backfill."""

    log_group: str
    token: str = ""

    def plain(self) -> dict[str, str]:
        """Return the fields for an event."""
        return {"name": self.log_group, **({"token": self.token} if self.token else {})}


@dataclass(frozen=True, slots=True)
class GroupsSubscribed:
    """New groups to backfill, from `not_before` (ms since 1970) on. The function sends this event to itself."""

    groups: tuple[Subscribed, ...]
    not_before: int


@dataclass(frozen=True, slots=True)
class SweepSlice:
    """The part of a sweep that one invocation does.

    started     the time of the event that started the sweep, ISO 8601: the sweep's name
    counts      of earlier slices
    """

    started: str
    number: int = 1
    position: Position | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def started_ms(self) -> int:
        """The start in ms since 1970."""
        return int(datetime.fromisoformat(self.started).timestamp() * 1000)

    def detail(self) -> dict[str, Any]:
        """Return the fields for an event."""
        position = self.position or Position()
        return {
            "started": self.started,
            "slice": self.number,
            "position": {"page": position.page, "after": position.after},
            "counts": dict(self.counts),
        }


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing has to be done, with the reason."""

    log_group: str
    reason: str


Work = NewGroup | TagsChanged | GroupsSubscribed | SweepSlice | Ignored


def parse_event(event: Any) -> Work:
    """Return the work that an event asks for; InvalidEventError if it is none of those above."""
    event = _mapping(event, "it is not an event of EventBridge")
    detail_type = event.get("detail-type")
    detail = event.get("detail")
    if event.get("source") == SOURCE and detail_type == GROUPS_SUBSCRIBED:
        return _groups_subscribed(_mapping(detail, "it has no detail"))
    if event.get("source") == SOURCE and detail_type == SWEEP_CONTINUED:
        return _sweep_continued(_mapping(detail, "it has no detail"))
    if detail_type == "Scheduled Event":
        return SweepSlice(_time(event.get("time")))
    call = _mapping(detail, "it has no detail")
    if call.get("eventSource", "logs.amazonaws.com") != "logs.amazonaws.com":
        raise InvalidEventError("it reports a call to another service than CloudWatch Logs")
    return _call(call)


def _call(detail: Mapping[str, Any]) -> Work:
    name = detail.get("eventName")
    request = detail.get("requestParameters") or {}  # null where the call was refused early
    if name != "CreateLogGroup" and name not in _TAG_CALLS:
        raise InvalidEventError("it reports neither a new log group, nor changed tags, nor a sweep")
    request = _mapping(request, f"its {name} has no parameters")
    if detail.get("errorCode"):  # CloudTrail reports failed calls too
        group = request.get("logGroupName")
        code = str(detail["errorCode"])[:100]
        return Ignored(group if isinstance(group, str) else "", f"the call {name} failed: {code}")
    if name == "CreateLogGroup":
        log_class = request.get("logGroupClass") or "STANDARD"
        return NewGroup(_log_group(request.get("logGroupName")), str(log_class), _created(detail))
    return _tags_changed(str(name), request)


def _created(detail: Mapping[str, Any]) -> int:
    try:
        return int(datetime.fromisoformat(detail["eventTime"]).timestamp() * 1000)
    except (KeyError, TypeError, ValueError):
        return 0


def _tags_changed(name: str, request: Mapping[str, Any]) -> Work:
    if name in ("TagResource", "UntagResource"):
        _before, found, group = str(request.get("resourceArn") or "").partition(":log-group:")
        if not found:  # destinations, deliveries and others have tags too
            return Ignored("", f"the {name} is not of a log group")
        group = group.removesuffix(":*")
    else:
        group = request.get("logGroupName") or ""
    given = request.get("tagKeys") if name == "UntagResource" else request.get("tags")
    if not isinstance(given, (list, Mapping)):
        raise InvalidEventError(f"its {name} names no tags")
    keys = frozenset(map(str, given))
    if all(key.startswith(TAG_PREFIX) for key in keys):
        return Ignored(_log_group(group), "they are subscription tags")
    return TagsChanged(_log_group(group), keys)


def _groups_subscribed(detail: Mapping[str, Any]) -> GroupsSubscribed:
    groups, not_before = detail.get("groups"), detail.get("not_before")
    if not isinstance(groups, list) or not isinstance(not_before, int):
        raise InvalidEventError(f"its {GROUPS_SUBSCRIBED!r} lacks groups or not_before")
    found = [_mapping(group, "one of its groups is no object") for group in groups]
    return GroupsSubscribed(
        tuple(Subscribed(_log_group(group.get("name")), str(group.get("token") or "")) for group in found), not_before
    )


def _sweep_continued(detail: Mapping[str, Any]) -> SweepSlice:
    position = _mapping(detail.get("position"), "its sweep has no position")
    counts = _mapping(detail.get("counts"), "its sweep has no counts")
    number = detail.get("slice")
    if not isinstance(number, int) or not all(isinstance(count, int) for count in counts.values()):
        raise InvalidEventError("its sweep's counts are no numbers")
    place = Position(str(position.get("page") or ""), str(position.get("after") or ""))
    return SweepSlice(_time(detail.get("started")), number, place, dict(counts))


def _time(text: Any) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidEventError("it does not say when its sweep began")
    return str(text)


def _log_group(name: Any) -> str:
    if not isinstance(name, str) or not _LOG_GROUP.fullmatch(name):
        raise InvalidEventError("it does not name a log group")
    return name


def _mapping(value: Any, otherwise: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidEventError(otherwise)
    return value
