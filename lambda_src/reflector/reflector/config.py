# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The function's configuration: its environment, and the rules, which are there or in an SSM parameter.

| variable | default | meaning |
|---|---|---|
| `SUMO_ENDPOINT` | | https URL of a Sumo Logic HTTP source (http for loopback only), or a reference: see `secrets` |
| `SOURCE_NAME_OVERRIDE` | the log stream | `X-Sumo-Name`; `none` sends no header |
| `SOURCE_HOST_OVERRIDE` | the log group | `X-Sumo-Host`; `none` sends no header |
| `SOURCE_CATEGORY_OVERRIDE` | none | `X-Sumo-Category` |
| `SOURCE_FIELDS_OVERRIDE` | none | `X-Sumo-Fields`, as `key=value,key=value` |
| `INCLUDE_LOG_INFO` | false | `logStream` and `logGroup` in each record |
| `INCLUDE_EVENT_ID` | false | CloudWatch's event `id` in each record |
| `INCLUDE_EXTRACTED_FIELDS` | false | `extractedFields` in each record whose filter pattern names fields |
| `COMPRESS_DATA` | true | gzip request bodies |
| `ALLOW_SUMO_METADATA` | false | headers that a message may set by `_sumo_metadata`: true for all, or comma-separated patterns like `category=dev/*` |
| `LOG_STREAM_PREFIX` | every stream | comma-separated prefixes, case-insensitive; other streams are dropped for all sinks |
| `CENTRALIZED_NAME_PATTERN` | | names of log groups with copies of AWS's centralization: their events have the names of their origin |
| `REFLECTOR_RULES` | | `{"sinks": {NAME: {"type": ...}}, "routes": [...]}`, or `ssm:NAME[:VERSION]` of a parameter with this JSON (`#...` is ignored) |
| `RETRY_SECONDS` | 25 | seconds that failed attempts and pauses may take, together, for one sink in one invocation |
| `DEAD_LETTER_QUEUE` | | name of the SQS queue for undelivered events; without one, an invocation with such events fails |

The names are those of Sumo Logic's own CloudWatch Lambda, if it has the setting. `SUMO_ENDPOINT` adds a sink named `sumologic`
to those of `REFLECTOR_RULES`. An empty variable counts as not set. Booleans are true or false (also 1/0, yes/no, on/off), in
upper or lower case.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from . import sinks
from .decode import Payload
from .options import SettingsError
from .origin import NamePattern, from_system_fields, name_pattern
from .retries import RETRY_SECONDS
from .rules import Route, routes
from .secrets import Secret, SecretError, is_reference, read
from .sinks import Sink

SUMO_LOGIC = "sumologic"
RULES = "REFLECTOR_RULES"
COPIES = "CENTRALIZED_NAME_PATTERN"

MAX_SECONDS = 900
"""The longest invocation ("Lambda quotas")."""

_TEXTS = {
    "SOURCE_NAME_OVERRIDE": "source_name",
    "SOURCE_HOST_OVERRIDE": "source_host",
    "SOURCE_CATEGORY_OVERRIDE": "source_category",
    "SOURCE_FIELDS_OVERRIDE": "source_fields",
}
_SWITCHES = {
    "INCLUDE_LOG_INFO": "include_log_info",
    "INCLUDE_EVENT_ID": "include_event_id",
    "INCLUDE_EXTRACTED_FIELDS": "include_extracted_fields",
    "COMPRESS_DATA": "compress",
}
_VARIABLES = (
    "SUMO_ENDPOINT",
    *_TEXTS,
    *_SWITCHES,
    "ALLOW_SUMO_METADATA",
    "LOG_STREAM_PREFIX",
    "RETRY_SECONDS",
    RULES,
    COPIES,
)
_BOOLEANS = {
    word: value for value, words in {True: "true 1 yes on", False: "false 0 no off"}.items() for word in words.split()
}


@dataclass(frozen=True, slots=True)
class Config:
    """The sinks by name, the routes, the prefixes of log streams, the seconds for retries, and the names of copies."""

    sinks: Mapping[str, Sink[Any]]
    routes: tuple[Route, ...]
    log_stream_prefixes: tuple[str, ...]
    retry_seconds: float = RETRY_SECONDS
    copies: NamePattern | None = None

    def original(self, payload: Payload) -> Payload:
        """Return the payload with the names of its origin if AWS's centralization copied it."""
        original = self.copies.original(payload) if self.copies else payload
        return from_system_fields(payload) if original is payload else original

    def route(self, log_group: str) -> Route:
        """Return the first route whose patterns match the log group."""
        return next(route for route in self.routes if route.matches(log_group))


def current_config() -> Config:
    """Return the configuration of this environment. Its sinks, with their connections, outlive the invocation. Raises SettingsError."""
    return _parsed(tuple(map(os.environ.get, _VARIABLES)))


def checked(environment: Mapping[str, str]) -> Config:
    """Return the configuration of another environment, for a check before the deployment. Raises SettingsError."""
    return _parsed.__wrapped__(tuple(map(environment.get, _VARIABLES)))


def checked_rules(rules: Any, others: tuple[str, ...] = ()) -> tuple[dict[str, Sink[Any]], tuple[Route, ...]]:
    """Return sinks and routes of `{"sinks": ..., "routes": ...}`. `others`: names of more sinks. Raises SettingsError with the place."""
    if not isinstance(rules, Mapping):
        raise SettingsError("the rules: must be an object with sinks and routes.")
    for name in rules:
        if name not in ("sinks", "routes"):
            raise SettingsError(f"{name}: there is no such option. Options are sinks, routes.")
    described = rules.get("sinks") or {}
    if not isinstance(described, Mapping):
        raise SettingsError("sinks: must be an object of sinks by name.")
    for name in described:
        if name in others:
            raise SettingsError(f"sinks.{name}: this name belongs to the sink of SUMO_ENDPOINT.")
    made = {name: sinks.make(options, f"sinks.{name}") for name, options in described.items()}
    names = (*others, *made)
    if not names:
        raise SettingsError("there is no sink: give one in sinks, or SUMO_ENDPOINT.")
    return made, routes(rules.get("routes") or [], names, "routes")


@lru_cache(maxsize=1)  # a function's environment never changes: this parses once
def _parsed(values: tuple[str | None, ...]) -> Config:
    value = {name: (text or "").strip() for name, text in zip(_VARIABLES, values, strict=True)}
    made: dict[str, Sink[Any]] = {}
    if value["SUMO_ENDPOINT"]:
        made[SUMO_LOGIC] = _sumo_logic(value)
    try:
        more, found = checked_rules(_rules(value[RULES]), tuple(made))
    except SettingsError as error:
        raise SettingsError(f"{RULES}: {error}" if value[RULES] else _NO_SINK) from None
    prefixes = tuple(filter(None, map(str.strip, value["LOG_STREAM_PREFIX"].split(","))))
    seconds = _seconds("RETRY_SECONDS", value["RETRY_SECONDS"]) if value["RETRY_SECONDS"] else RETRY_SECONDS
    try:
        copies = name_pattern(value[COPIES]) if value[COPIES] else None
    except SettingsError as error:
        raise SettingsError(f"{COPIES}: {error}") from None
    return Config({**made, **more}, found, prefixes, seconds, copies)


_NO_SINK = "SUMO_ENDPOINT is not set: give the https URL of a Sumo Logic HTTP source, or a reference to a secret that holds it."


def _sumo_logic(value: Mapping[str, str]) -> Sink[Any]:
    from .sinks.sumologic import Options, SumoLogic  # noqa: PLC0415  (imported only if it is used)

    endpoint = Secret(value["SUMO_ENDPOINT"], "SUMO_ENDPOINT")
    texts: dict[str, Any] = {option: value[name] for name, option in _TEXTS.items()}
    switches: dict[str, Any] = {
        option: _boolean(name, value[name]) for name, option in _SWITCHES.items() if value[name]
    }
    metadata = _patterns(value["ALLOW_SUMO_METADATA"])
    try:
        return SumoLogic(Options(endpoint, **texts, **switches, allow_metadata=metadata))
    except ValueError as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"ALLOW_SUMO_METADATA: {str(error).partition(': ')[2]}.") from None


def _patterns(text: str) -> tuple[str, ...]:
    """Return the patterns of a comma-separated list; `true` allows everything, `false` nothing."""
    if text.lower() in _BOOLEANS:
        return ("*",) if _BOOLEANS[text.lower()] else ()
    return tuple(filter(None, map(str.strip, text.split(","))))


def _boolean(name: str, text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise SettingsError(f"{name} must be true or false.") from None


def _seconds(name: str, text: str) -> float:
    if not (text.isascii() and text.isdigit() and int(text[:4]) <= MAX_SECONDS and len(text) <= 4):
        raise SettingsError(f"{name} must be a whole number of seconds, at most {MAX_SECONDS}.")
    return float(text)


def _rules(setting: str) -> Any:
    if not setting:
        return {}
    text = setting
    reference = setting.partition("#")[0]
    if is_reference(reference):
        try:
            text = read(reference)
        except SecretError as error:
            raise SettingsError(str(error)) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SettingsError("is neither JSON nor a reference to an SSM parameter.") from None
