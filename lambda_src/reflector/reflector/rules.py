"""Which events go where, and with what in them.

Guards come first: what no configuration may send. Then routes: the first one whose pattern fits the log group says to which
sinks its events go, which of them, and what is blacked out.
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

# Messages may be JSON: of `\nme@example.com` the escape's letter is no part of the address.
_ESCAPE = r"[bfnrt]|u[0-9A-Fa-f]{4}"
_NEW_WORD = rf"(?:(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{{4}})|(?<![\w.+-])(?!(?<=\\)(?:{_ESCAPE})))"

READY = {
    "email": (_NEW_WORD + r"[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])", "[email]"),
    # No card begins with 1 or 20, as times do: of these every tenth has a valid check digit.
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
"""Patterns to redact, by name: e-mail addresses, card numbers (13 to 19 digits with a valid check digit), AWS keys.

What was valid JSON stays it: a card number that is a JSON number becomes 0.
"""

_CARD = re.compile(READY["card"][0])
_UUID_LENGTH = 36
_UUID = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])")

Redaction = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """A route as it is written. `sinks`: every one if not given, none drops the events. `sample`: the share that is kept."""

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
    """A route, ready for use."""

    log_groups: tuple[str, ...]
    sinks: tuple[str, ...]
    keep: tuple[re.Pattern[str], ...] = ()
    drop: tuple[re.Pattern[str], ...] = ()
    sample: float = 1.0
    redact: tuple[Redaction, ...] = ()

    def fits(self, log_group: str) -> bool:
        """Whether one of the patterns fits the whole name."""
        return any(fnmatchcase(log_group, pattern) for pattern in self.log_groups)

    def selects(self, event: LogEvent) -> bool:
        """Whether the event is sent. The same each time it is asked: a sample is taken by the event's id."""
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
        """The positions of the events that are sent."""
        if not self.sinks:
            return ()
        if not (self.keep or self.drop or self.sample < 1):
            return range(len(events))
        return [position for position, event in enumerate(events) if self.selects(event)]

    def redacted(self, events: Sequence[LogEvent]) -> Sequence[LogEvent]:
        """The events with what must not leave blacked out: in the message and in what CloudWatch Logs extracted from it."""
        return [_redacted(event, self.redact) for event in events] if self.redact else events


EVERYTHING = ("*",)


def routes(value: Any, sinks: Iterable[str], place: str) -> tuple[Route, ...]:
    """The routes of a configuration; without any, everything goes to every sink. Raises SettingsError with the place."""
    names = tuple(sinks)
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{place}: must be a list of routes.")
    found = tuple(_route(item, names, f"{place}[{number}]") for number, item in enumerate(value))
    if found and "*" not in found[-1].log_groups:
        raise SettingsError(
            f"{place}[{len(found) - 1}].log_groups: the last route must fit every log group: add one with log_groups: ['*']"
            " (and sinks: [] if the rest is to be dropped)."
        )
    return found or (Route(EVERYTHING, names),)


def never_forwarded(payload: Payload, own_log_group: str) -> str | None:
    """Health checks of CloudWatch Logs, and the reflector's own log.

    AWS refuses to subscribe a function's own log group under its default name only (AWS page "Log recursion prevention").
    With a custom one nothing reaches the sink, and no accounting line of ours makes the next event; Lambda's own START, END
    and REPORT lines still do, so that the function goes on invoking itself until that subscription is removed.
    """
    if payload.message_type == CONTROL_MESSAGE:
        return "control message"
    if own_log_group and payload.log_group == own_log_group:
        return OWN_LOG_GROUP
    return None


def not_selected(payload: Payload, log_stream_prefixes: Iterable[str]) -> str | None:
    """Streams that begin with none of the prefixes (compared casefolded; no prefixes select every stream)."""
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
        names if options.sinks is None else tuple(dict.fromkeys(options.sinks)),  # twice the name is one sink
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
        raise SettingsError(f"{place}: is no regular expression of Python: {error}.") from None


@dataclass(frozen=True, slots=True)
class _RedactOptions:
    pattern: str
    replacement: str = "[redacted]"


def _redaction(value: Any, place: str) -> Redaction:
    if isinstance(value, str):
        if value not in READY:
            raise SettingsError(
                f"{place}: must be one of {', '.join(READY)}, or an object with pattern and replacement."
            )
        pattern, replacement = READY[value]
        substitute = re.compile(pattern).sub
        if value == "email":  # most messages have none, and to look for it is what costs
            return lambda text: substitute(replacement, text) if "@" in text else text
        return partial(substitute, _card if value == "card" else replacement)
    options = parsed(_RedactOptions, value, place)
    compiled = _pattern(options.pattern, f"{place}.pattern")
    try:
        compiled.sub(options.replacement, "")  # looks at the replacement, whether something matches or not
    except (re.error, IndexError) as error:
        raise SettingsError(f"{place}.replacement: {error}.") from None
    return partial(compiled.sub, options.replacement)


def _card(match: re.Match[str]) -> str:
    """The match with the card in it blacked out: before and after it may be other numbers, such as the month it expires in."""
    text, first = match.string, match.start()
    spaces = [place for place in range(*match.span()) if text[place] == " "]
    for start in (first, *(place + 1 for place in spaces)):
        for end in (match.end(), *reversed(spaces)):
            if _is_card(text[start:end]) and not _is_in_uuid(text, start, end):
                black = "0" if _is_json_number(text, start, end) else "[card]"
                return f"{text[first:start]}{black}{text[end : match.end()]}"
    return match[0]


def _is_card(text: str) -> bool:
    """Whether these are a card's digits, the check digit (ISO/IEC 7812-1, Luhn) included: without it every long number would be a card."""
    if not _CARD.fullmatch(text):
        return False
    digits = [int(digit) for digit in text if digit.isdigit()]
    doubled = [
        digit if number % 2 == 0 else sum(divmod(2 * digit, 10)) for number, digit in enumerate(reversed(digits))
    ]
    return sum(doubled) % 10 == 0


def _is_in_uuid(text: str, start: int, end: int) -> bool:
    """Whether these are digits of a UUID: of a thousand request ids, nearly one has such that would be a card's."""
    near = _UUID.finditer(text, max(0, start - _UUID_LENGTH), end + _UUID_LENGTH)
    return any(uuid.start() <= start and end <= uuid.end() for uuid in near)


def _is_json_number(text: str, start: int, end: int) -> bool:
    """Whether it looks like a number in JSON, which must stay one: if it is a word of a JSON string, no harm is done."""
    before, after = text[max(0, start - 8) : start].rstrip(), text[end : end + 8].lstrip()
    return text[start:end].isdigit() and before.endswith((":", ",", "[")) and after.startswith((",", "}", "]"))


def _redacted(event: LogEvent, redact: Iterable[Redaction]) -> LogEvent:
    changed: LogEvent = {**event, "message": _black_out(event["message"], redact)}
    if "extractedFields" in event:
        changed["extractedFields"] = _black_out_inside(event["extractedFields"], redact)
    return changed


def _black_out(text: str, redact: Iterable[Redaction]) -> str:
    for replace in redact:
        text = replace(text)
    return text


def _black_out_inside(value: Any, redact: Iterable[Redaction]) -> Any:
    if isinstance(value, str):
        return _black_out(value, redact)
    if isinstance(value, Mapping):
        return {name: _black_out_inside(item, redact) for name, item in value.items()}
    if isinstance(value, list):
        return [_black_out_inside(item, redact) for item in value]
    return value
