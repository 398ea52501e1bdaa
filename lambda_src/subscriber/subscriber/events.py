# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work that events of EventBridge, and the function's own messages, ask for. Pure.

| source | detail-type | work |
|---|---|---|
| `aws.logs` | AWS API Call via CloudTrail: CreateLogGroup | `NewGroup` |
| `aws.logs` | the same: TagResource, UntagResource, TagLogGroup, UntagLogGroup | `TagsChanged` |
| `aws.events` (a rule's schedule) or `aws.scheduler` | Scheduled Event | `SweepSlice`, the first |
| `logreflector.subscriber` | Sweep continued | `SweepSlice` |
| `logreflector.subscriber` | Groups subscribed | `GroupsSubscribed` |

The last two are no events of EventBridge: the function sends them to its own queue, whose policy lets nobody else do so.
Every number in them is bounded anyway. Events of other accounts and regions are ignored.

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
from logreflector._subscriptions.filters import OWN_TAGS
from logreflector._subscriptions.listing import Position

from .news import CHANGES, MOST_EXAMPLES, Listed, News
from .settings import OwnFunction

SOURCE = "logreflector.subscriber"
SWEEP_CONTINUED = "Sweep continued"
GROUPS_SUBSCRIBED = "Groups subscribed"

_LOG_GROUP = re.compile(r"[-._/#A-Za-z0-9]{1,512}")
_TAG_CALLS = ("TagResource", "UntagResource", "TagLogGroup", "UntagLogGroup")
_SCHEDULERS = ("aws.events", "aws.scheduler")
_OTHER_EVENT = "it reports neither a new log group, nor changed tags, nor a sweep"

MAX_GROUPS = 100
"""Groups in a message: names of at most 512 characters and a token each, where SQS takes 256 KB."""

_LONGEST_SWEEP_MS = 2 * 24 * 3600 * 1000
"""A sweep that began earlier, or in the future, is not continued."""

_LONGEST_WAIT_MS = 60_000
_SKEW_MS = 60_000  # between AWS's clock and this one
_LARGEST_NUMBER = 2**53
_LONGEST_TOKEN = 4_096
_MOST_COUNTS = 50
_LONGEST_TEXT = 1_000


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
    """Tags of a log group were added or removed; `keys` are the keys of these tags, None if the event names none."""

    log_group: str
    keys: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A group that got its filter.

    token       of the next page of events to backfill
    cut         ms since 1970: the first pass sends the events that were ingested before, 0 if it has not begun
    is_second   whether this is the second pass, which sends the events of the overlap that were ingested later
    """

    log_group: str
    token: str = ""
    cut: int = 0
    is_second: bool = False

    def plain(self) -> dict[str, Any]:
        """Return the fields for a message."""
        fields = {"token": self.token, "cut": self.cut, "second": self.is_second}
        return {"name": self.log_group, **{name: value for name, value in fields.items() if value}}


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
    news        of earlier slices
    """

    started: str
    number: int = 1
    position: Position = field(default_factory=Position)
    counts: Mapping[str, int] = field(default_factory=dict)
    news: News = field(default_factory=News)

    @property
    def started_ms(self) -> int:
        """The start in ms since 1970."""
        return int(datetime.fromisoformat(self.started).timestamp() * 1000)

    def detail(self) -> dict[str, Any]:
        """Return the fields for an event."""
        return {
            "started": self.started,
            "slice": self.number,
            "position": {"page": self.position.page, "after": self.position.after},
            "counts": dict(self.counts),
            **({"news": self.news.plain()} if self.news != News() else {}),
        }


@dataclass(frozen=True, slots=True)
class Ignored:
    """There is nothing to do, with the reason."""

    log_group: str
    reason: str


Work = NewGroup | TagsChanged | GroupsSubscribed | SweepSlice | Ignored


def parse_event(event: Any, own: OwnFunction, now: int) -> Work:
    """Return the work that an event asks for; InvalidEventError if it is none of those above.

    own     this function: only events of its account and region count
    now     ms since 1970
    """
    event = _mapping(event, "it is neither an event of EventBridge nor a message of this function")
    kind = event.get("source"), event.get("detail-type")
    if kind == (SOURCE, GROUPS_SUBSCRIBED):
        return _groups_subscribed(_mapping(event.get("detail"), "it has no detail"), now)
    if kind == (SOURCE, SWEEP_CONTINUED):
        return _sweep_continued(_mapping(event.get("detail"), "it has no detail"), now)
    is_scheduled = event.get("source") in _SCHEDULERS and kind[1] == "Scheduled Event"
    if not is_scheduled and kind != ("aws.logs", "AWS API Call via CloudTrail"):
        raise InvalidEventError(_OTHER_EVENT)
    if (event.get("account"), event.get("region")) != (own.account, own.region):
        return Ignored("", f"it is not an event of {own.where}")
    if is_scheduled:
        return SweepSlice(_start(event.get("time"), now))
    call = _mapping(event.get("detail"), "it has no detail")
    if call.get("eventSource") != "logs.amazonaws.com":
        raise InvalidEventError("it reports a call to another service than CloudWatch Logs")
    return _call(call)


def _call(detail: Mapping[str, Any]) -> Work:
    name = detail.get("eventName")
    request = detail.get("requestParameters") or {}  # null where the call was refused early
    if name != "CreateLogGroup" and name not in _TAG_CALLS:
        raise InvalidEventError(_OTHER_EVENT)
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
    if not isinstance(given, (list, Mapping)):  # CloudTrail leaves out some parameters
        return TagsChanged(_log_group(group), None)
    keys = frozenset(map(str, given))
    if all(key.startswith(OWN_TAGS) for key in keys):
        return Ignored(_log_group(group), "they are subscription tags")
    return TagsChanged(_log_group(group), keys)


def _groups_subscribed(detail: Mapping[str, Any], now: int) -> GroupsSubscribed:
    groups, not_before = detail.get("groups"), _number(detail.get("not_before"), "not_before")
    if not isinstance(groups, list) or len(groups) > MAX_GROUPS:
        raise InvalidEventError(f"its {GROUPS_SUBSCRIBED!r} has no list of at most {MAX_GROUPS} groups")
    found = {}
    for group in groups:
        fields = _mapping(group, "one of its groups is no object")
        name = _log_group(fields.get("name"))
        cut = _number(fields.get("cut", 0), "cut")
        found[name] = Subscribed(name, _token(fields.get("token")), cut, fields.get("second") is True)
    return GroupsSubscribed(tuple(found.values()), min(not_before, now + _LONGEST_WAIT_MS))


def _sweep_continued(detail: Mapping[str, Any], now: int) -> SweepSlice:
    position = _mapping(detail.get("position"), "its sweep has no position")
    counts = _mapping(detail.get("counts"), "its sweep has no counts")
    if len(counts) > _MOST_COUNTS:
        raise InvalidEventError("its sweep has too many counts")
    place = Position(_token(position.get("page")), _token(position.get("after")))
    number = _number(detail.get("slice"), "slice")
    return SweepSlice(
        _start(detail.get("started"), now),
        number,
        place,
        {name: _number(counts[name], "counts") for name in counts},
        _news(_mapping(detail.get("news") or {}, "its news are no object")),
    )


def _news(given: Mapping[str, Any]) -> News:
    lists = {name: _listed(_mapping(given.get(name) or {}, "a list of its news is no object")) for name in CHANGES}
    return News(lists, _few_texts(given.get("failures")))


def _listed(given: Mapping[str, Any]) -> Listed:
    examples = given.get("examples") or []
    if not isinstance(examples, list) or len(examples) > MOST_EXAMPLES:
        raise InvalidEventError(f"a list of its news has no list of at most {MOST_EXAMPLES} examples")
    found = [_mapping(each, "an example of its news is no object") for each in examples]
    return Listed(
        _number(given.get("count", 0), "count"),
        [
            {
                "log_group": _log_group(each.get("log_group")),
                **({"cause": str(each["cause"])[:100]} if "cause" in each else {}),
            }
            for each in found
        ],
    )


def _few_texts(given: Any) -> list[str]:
    if not isinstance(given or [], list):
        raise InvalidEventError("the failures in its news are no list")
    return [str(text)[:_LONGEST_TEXT] for text in (given or [])[:MOST_EXAMPLES]]


def _start(text: Any, now: int) -> str:
    """Return the start of a sweep, if it is a time of the last two days."""
    try:
        moment = datetime.fromisoformat(text)
        started = int(moment.timestamp() * 1000) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        started = None
    if started is None:
        raise InvalidEventError("it does not say when its sweep began")
    if not now - _LONGEST_SWEEP_MS <= started <= now + _SKEW_MS:
        raise InvalidEventError("its sweep did not begin within the last two days")
    return str(text)


def _number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LARGEST_NUMBER:
        raise InvalidEventError(f"its {name} is no number from 0 to {_LARGEST_NUMBER - 1}")
    return value


def _token(value: Any) -> str:
    text = "" if value is None else value
    if not isinstance(text, str) or len(text) > _LONGEST_TOKEN:
        raise InvalidEventError("its position is no text")
    return text


def _log_group(name: Any) -> str:
    if not isinstance(name, str) or not _LOG_GROUP.fullmatch(name):
        raise InvalidEventError("it does not name a log group")
    return name


def _mapping(value: Any, otherwise: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidEventError(otherwise)
    return value
