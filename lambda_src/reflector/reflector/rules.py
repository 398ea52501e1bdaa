# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for events: which are sent, to which sinks, and what is redacted.

`never_forwarded` applies before any configuration. Then the first route whose pattern matches the log group names the sinks,
selects events, and redacts them.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from .decode import CONTROL_MESSAGE, LogEvent, Payload
from .options import SettingsError, parsed

OWN_LOG_GROUP = "own log group"

# Messages may be JSON: in `\nme@example.com` the n belongs to the escape, not to the address.
_ESCAPE = r"[bfnrt]|u[0-9A-Fa-f]{4}"
_NEW_WORD = rf"(?:(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{{4}})|(?<![\w.+-])(?!(?<=\\)(?:{_ESCAPE})))"

REDACTIONS = {
    "email": (_NEW_WORD + r"[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])", "[email]"),
    # No card number begins with 1 or 20, but times do, and one in ten of those has a valid check digit.
    "card": (r"(?<![\d.-])(?:[3-6]|2(?=[2-7]))(?:[ -]?\d){12,18}(?![\d-])", "[card]"),
    "aws_key": (
        (
            r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"
            r"|((?i:secret[_-]?access[_-]?key)(?:\\{0,3}[\"'])?\s{0,3}[:=>]\s{0,3}(?:\\{0,3}[\"'])?)"
            r"(?:[A-Za-z0-9+]|\\?/){40}(?![A-Za-z0-9/+=])"
        ),
        r"\1[aws_key]",
    ),
}
"""Patterns and replacements by name: e-mail addresses, card numbers (13 to 19 digits with a valid check digit), AWS keys.

Valid JSON stays valid: a card number that is a JSON number becomes 0.
"""

_CARD = re.compile(REDACTIONS["card"][0])
_UUID_LENGTH = 36
_UUID = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])")

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

    def redacted(self, events: Sequence[LogEvent]) -> Sequence[LogEvent]:
        """Return the events with redacted messages and extracted fields."""
        return [_redacted(event, self.redact) for event in events] if self.redact else events


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
    if not isinstance(value, Mapping):
        raise SettingsError(f"{place}: must be an object with options.")
    options = parsed(RouteOptions, value, place)
    for number, name in enumerate(options.sinks or ()):
        if name not in names:
            raise SettingsError(f"{place}.sinks[{number}]: there is no sink {name}. Sinks are {', '.join(names)}.")
    return Route(
        options.log_groups,
        names
        if options.sinks is None
        else tuple(dict.fromkeys(options.sinks)),  # a sink that is named twice counts once
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
        pattern, replacement = REDACTIONS[value]
        substitute = re.compile(pattern).sub
        if value == "email":  # most messages have none, and the search is slow
            return lambda text: substitute(replacement, text) if "@" in text else text
        return partial(substitute, _redact_card if value == "card" else replacement)
    options = parsed(_RedactOptions, value, place)
    compiled = _pattern(options.pattern, f"{place}.pattern")
    try:
        compiled.sub(options.replacement, "")  # checks the replacement even without a match
    except (re.error, IndexError) as error:
        raise SettingsError(f"{place}.replacement: {error}.") from None
    return partial(compiled.sub, options.replacement)


def _redact_card(match: re.Match[str]) -> str:
    """Return the match with its card number redacted. Other numbers may precede or follow it, such as the expiry month."""
    text, first = match.string, match.start()
    spaces = [place for place in range(*match.span()) if text[place] == " "]
    for start in (first, *(place + 1 for place in spaces)):
        for end in (match.end(), *reversed(spaces)):
            if _is_card(text[start:end]) and not _is_in_uuid(text, start, end):
                replacement = "0" if _is_json_number(text, start, end) else "[card]"
                return f"{text[first:start]}{replacement}{text[end : match.end()]}"
    return match[0]


def _is_card(text: str) -> bool:
    """Return whether the text is a card number with a valid check digit (ISO/IEC 7812-1, Luhn)."""
    if not _CARD.fullmatch(text):
        return False
    digits = [int(digit) for digit in text if digit.isdigit()]
    doubled = [
        digit if number % 2 == 0 else sum(divmod(2 * digit, 10)) for number, digit in enumerate(reversed(digits))
    ]
    return sum(doubled) % 10 == 0


def _is_in_uuid(text: str, start: int, end: int) -> bool:
    """Return whether the digits are in a UUID: nearly one request id in a thousand would look like a card number."""
    near = _UUID.finditer(text, max(0, start - _UUID_LENGTH), end + _UUID_LENGTH)
    return any(uuid.start() <= start and end <= uuid.end() for uuid in near)


def _is_json_number(text: str, start: int, end: int) -> bool:
    """Return whether the digits look like a JSON number, which must stay one. Inside a JSON string that does no harm."""
    before, after = text[max(0, start - 8) : start].rstrip(), text[end : end + 8].lstrip()
    return text[start:end].isdigit() and before.endswith((":", ",", "[")) and after.startswith((",", "}", "]"))


def _redacted(event: LogEvent, redact: Iterable[Redaction]) -> LogEvent:
    changed: LogEvent = {**event, "message": _redact_text(event["message"], redact)}
    if "extractedFields" in event:
        changed["extractedFields"] = _redact_value(event["extractedFields"], redact)
    return changed


def _redact_text(text: str, redact: Iterable[Redaction]) -> str:
    for replace in redact:
        text = replace(text)
    return text


def _redact_value(value: Any, redact: Iterable[Redaction]) -> Any:
    if isinstance(value, str):
        return _redact_text(value, redact)
    if isinstance(value, Mapping):
        return {name: _redact_value(item, redact) for name, item in value.items()}
    if isinstance(value, list):
        return [_redact_value(item, redact) for item in value]
    return value
