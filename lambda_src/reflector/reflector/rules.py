# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for events: which are sent, to which sinks, and what is redacted.

`never_forwarded` applies before any configuration. Then the first route whose pattern matches the log group names the sinks,
selects events, and redacts them.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from .decode import CONTROL_MESSAGE, LogEvent, Payload
from .options import SettingsError, parsed

OWN_LOG_GROUP = "own log group"
ROUTE = "route"

REDACTIONS = ("email", "card", "aws_key", "secret")
"""Names of the ready-made redactions: see `redactions`."""

UNREDACTED = "[redacted: the invocation's time was over]"
"""The message of an event that could not be redacted in time."""

_CLOCK_CHARACTERS = 50_000
"""Characters to redact between two checks of the time."""

_MAX_DEPTH = 50
"""Extracted fields that are nested deeper are replaced as a whole: CloudWatch Logs has no such fields."""

_REDACTED = "[redacted]"
_is_uuid = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch

Redaction = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """A route as configured. `sinks`: default is all of them, an empty list drops the events. `sample`: the share to send."""

    log_groups: tuple[str, ...]
    sinks: tuple[str, ...] | None = None
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    sample: float = 1.0
    redact: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.log_groups:
            raise ValueError("log_groups: must name a pattern, such as *")
        if not 0 <= self.sample <= 1:
            raise ValueError("sample: must be a number from 0 to 1")


@dataclass(frozen=True, slots=True)
class Route:
    """A route with compiled patterns."""

    log_groups: tuple[str, ...]
    sinks: tuple[str, ...]
    keep: tuple[re.Pattern[str], ...] = ()
    drop: tuple[re.Pattern[str], ...] = ()
    sample: float = 1.0
    redact: tuple[Redaction, ...] = ()

    def matches(self, log_group: str) -> bool:
        """Return whether one of the patterns matches the whole name."""
        return any(fnmatchcase(log_group, pattern) for pattern in self.log_groups)

    def selects(self, event: LogEvent) -> bool:
        """Return whether to send the event. The answer is stable: sampling depends on the event's id."""
        message = event["message"]
        if self.keep and not any(pattern.search(message) for pattern in self.keep):
            return False
        if any(pattern.search(message) for pattern in self.drop):
            return False
        return (
            self.sample >= 1
            or zlib.crc32(str(event.get("id", message)).encode("utf-8", "replace")) < self.sample * 2**32
        )

    def select(self, events: Sequence[LogEvent]) -> Sequence[int]:
        """Return the positions of the events to send."""
        if not self.sinks:
            return ()
        if not (self.keep or self.drop or self.sample < 1):
            return range(len(events))
        return [position for position, event in enumerate(events) if self.selects(event)]

    def redacted(self, events: Sequence[LogEvent], has_time: Callable[[], bool] = lambda: True) -> Sequence[LogEvent]:
        """Return the events with redacted messages and extracted fields.

        Without time the remaining events get `UNREDACTED` as their message: nothing leaves the function unredacted.
        """
        return list(_redacted_events(events, self.redact, has_time)) if self.redact else events


EVERYTHING = ("*",)


def routes(value: Any, sinks: Iterable[str], place: str) -> tuple[Route, ...]:
    """Return the routes of a configuration. The default sends everything to all sinks. Raises SettingsError with the place."""
    names = tuple(sinks)
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{place}: must be a list of routes.")
    found = tuple(_route(item, names, f"{place}[{number}]") for number, item in enumerate(value))
    if found and "*" not in found[-1].log_groups:
        raise SettingsError(
            f"{place}[{len(found) - 1}].log_groups: the last route must match every log group: add one with log_groups: ['*']"
            " (and sinks: [] to drop the remaining events)."
        )
    return found or (Route(EVERYTHING, names),)


def never_forwarded(payload: Payload, own_log_group: str) -> str | None:
    """Return the reason why no configuration may forward the payload: a health check, or the reflector's own log. None: it may.

    AWS refuses to subscribe a function's own log group only under its default name (AWS page "Log recursion prevention").
    Under a custom name this check stops the loop through the sink and through accounting lines. Lambda's START, END and REPORT
    lines still invoke the function, until that subscription is removed.
    """
    if payload.message_type == CONTROL_MESSAGE:
        return "control message"
    if own_log_group and payload.log_group == own_log_group:
        return OWN_LOG_GROUP
    return None


def not_selected(payload: Payload, log_stream_prefixes: Iterable[str]) -> str | None:
    """Return a reason if the log stream has none of the prefixes (compared casefolded). Without prefixes all streams are selected."""
    prefixes = tuple(prefix.casefold() for prefix in log_stream_prefixes)
    if prefixes and not payload.log_stream.casefold().startswith(prefixes):
        return "log stream prefix"
    return None


def _route(value: Any, names: tuple[str, ...], place: str) -> Route:
    options = parsed(RouteOptions, value, place)
    for number, name in enumerate(options.sinks or ()):
        if name not in names:
            raise SettingsError(f"{place}.sinks[{number}]: there is no sink {name}. Sinks are {', '.join(names)}.")
    return Route(
        options.log_groups,
        # A sink that is named twice counts once.
        names if options.sinks is None else tuple(dict.fromkeys(options.sinks)),
        _patterns(options.keep, f"{place}.keep"),
        _patterns(options.drop, f"{place}.drop"),
        options.sample,
        tuple(_redaction(item, f"{place}.redact[{number}]") for number, item in enumerate(options.redact)),
    )


def _patterns(texts: Sequence[str], place: str) -> tuple[re.Pattern[str], ...]:
    return tuple(_pattern(text, f"{place}[{number}]") for number, text in enumerate(texts))


def _pattern(text: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise SettingsError(f"{place}: is no Python regular expression: {error}.") from None


@dataclass(frozen=True, slots=True)
class _RedactOptions:
    pattern: str
    replacement: str = "[redacted]"


def _redaction(value: Any, place: str) -> Redaction:
    if isinstance(value, str):
        if value not in REDACTIONS:
            raise SettingsError(
                f"{place}: must be one of {', '.join(REDACTIONS)}, or an object with pattern and replacement."
            )
        from . import redactions  # noqa: PLC0415  (imported only if a route redacts)

        return redactions.REDACTIONS[value]
    options = parsed(_RedactOptions, value, place)
    compiled = _pattern(options.pattern, f"{place}.pattern")
    try:
        compiled.sub(options.replacement, "")  # checks the replacement even without a match
    except (re.error, IndexError) as error:
        raise SettingsError(f"{place}.replacement: {error}.") from None
    return partial(compiled.sub, options.replacement)


def _redacted_events(
    events: Iterable[LogEvent], redact: Sequence[Redaction], has_time: Callable[[], bool]
) -> Iterator[LogEvent]:
    characters = 0
    is_in_time = has_time()
    for event in events:
        if is_in_time and characters > _CLOCK_CHARACTERS:
            characters = 0
            is_in_time = has_time()
        characters += len(event["message"])
        yield _redacted(event, redact) if is_in_time else _without_content(event)


def _without_content(event: LogEvent) -> LogEvent:
    """Return the event without anything that was logged. Its id and timestamp find the original in CloudWatch Logs."""
    changed: LogEvent = {**event, "message": UNREDACTED}
    changed.pop("extractedFields", None)
    if "requestID" in event:
        changed["requestID"] = ""
    return changed


def _redacted(event: LogEvent, redact: Sequence[Redaction]) -> LogEvent:
    changed: LogEvent = {**event, "message": _redact_text(event["message"], redact)}
    if "extractedFields" in event:
        changed["extractedFields"] = _redact_value(event["extractedFields"], redact)
    # Console lines may hold anything in the place of the id, and following events inherit it.
    request_id = event.get("requestID", "")
    if request_id and not _is_uuid(request_id) and _redact_text(request_id, redact) != request_id:
        changed["requestID"] = ""
    return changed


def _redact_text(text: str, redact: Iterable[Redaction]) -> str:
    for replace in redact:
        text = replace(text)
    return text


def _redact_value(value: Any, redact: Sequence[Redaction], depth: int = 0) -> Any:
    if depth > _MAX_DEPTH:
        return _REDACTED
    if isinstance(value, str):
        return _redact_text(value, redact)
    if isinstance(value, Mapping):
        return {name: _redact_member(name, item, redact, depth) for name, item in value.items()}
    if isinstance(value, list):
        return [_redact_value(item, redact, depth + 1) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
        return value if _redact_text(text, redact) == text else 0
    return value


def _redact_member(name: str, value: Any, redact: Sequence[Redaction], depth: int) -> Any:
    """Return the redacted value. A redaction may know a secret by its name alone."""
    got = _redact_value(value, redact, depth + 1)
    if got == value and isinstance(value, str):
        start = f'"{name}":"'
        text = _redact_text(f'{start}{value}"', redact)
        if text.startswith(start) and text.endswith('"'):
            return text[len(start) : -1]
    return got
