# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of the subscriber. They are checked here when it is deployed and when it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .._errors import InvalidInputError
from .choice import Choice, tag_values
from .filters import DEFAULT_SLOTS, DesiredFilter, attributes_of, check_distribution
from .rate_limiter import SHARE

RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""The values that PutRetentionPolicy takes (its API reference)."""

VARIABLE = "SUBSCRIPTIONS"
_LONGEST_PATTERN = 1024  # characters (PutSubscriptionFilter)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of the module subscription_filters, and those for new groups and sweeps of the subscriber.

    backfill_seconds    when a new group is subscribed, also forward its events of the last so many seconds; 0 is off
    retention_days      retention for new log groups that have none; None leaves them alone
    audit_days          number of days in which sweeps read every tagged group once
    slice_seconds       duration of a sweep in one invocation
    """

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    include_tags: Mapping[str, list[str]] = field(default_factory=dict)
    exclude_tags: Mapping[str, list[str]] = field(default_factory=dict)
    created_after: str | None = None
    own_functions: tuple[str, ...] = ()
    own_log_groups: tuple[str, ...] = ()
    filter_pattern: str | None = None
    emit_system_fields: tuple[str, ...] | None = None
    apply_on_transformed_logs: bool | None = None
    distribution: str | None = None
    slots: int = DEFAULT_SLOTS
    merge: bool = False
    rate_share: float = SHARE
    tag_log_groups: bool = True
    backfill_seconds: int = 2 * 24 * 3600
    retention_days: int | None = None
    audit_days: int = 1
    slice_seconds: int = 120


def choice_of(options: Settings, log_groups: Iterable[str] = ()) -> Choice:
    """Return the rules. `log_groups` are own log groups beside those of the options."""
    return Choice(
        options.include,
        options.exclude,
        [*log_groups, *options.own_log_groups],
        include_tags=options.include_tags,
        exclude_tags=options.exclude_tags,
        created_after=milliseconds("created_after", options.created_after),
    )


def desired_filter(options: Settings, destination_arn: str) -> DesiredFilter:
    """Return the filter that chosen groups are to have."""
    given = attributes_of({name: getattr(options, name) for name in _FILTER_OPTIONS})
    return DesiredFilter(destination_arn, given, options.slots, options.merge)


def deciding_tag_keys(options: Settings) -> frozenset[str]:
    """Return the keys of the tags that decide whether a group is chosen."""
    return frozenset((*options.include_tags, *options.exclude_tags))


def parse_settings(text: str) -> Settings:
    """Return the settings of a JSON text. InvalidInputError, with the setting's name, for a wrong or unknown one."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(VARIABLE, f"it is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidInputError(VARIABLE, "it is not a JSON object of settings")
    if unknown := sorted(given.keys() - _READERS.keys()):
        raise InvalidInputError(VARIABLE, f"it does not take {', '.join(unknown)}")
    # A template renders an option that is not set as null or as an empty text. An empty filter pattern is a value.
    values = {
        name: _READERS[name](name, value)
        for name, value in given.items()
        if value is not None and (value != "" or name == "filter_pattern")
    }
    settings = Settings(**values)
    choice_of(settings)  # refuses wrong patterns and dates
    check_distribution("the reflector", settings.distribution)
    return settings


def milliseconds(option: str, text: Any) -> int | None:
    """Return the ms since 1970 of an ISO 8601 date or date and time, UTC if it has no zone; None for an empty text."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        message = f"{text!r} is not a date such as 2026-01-31 or 2026-01-31T12:00:00Z"
        raise InvalidInputError(option, message) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _names(option: str, value: Any) -> tuple[str, ...]:
    # The characters of a text would be taken for names, and exclude nothing.
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInputError(option, f"{value!r} is not a list of texts")
    return tuple(value)


def _switch(option: str, value: Any) -> bool:
    # Ansible before 2.19 renders the values in a templated dictionary as texts.
    words = {"true": True, "false": False, "yes": True, "no": False}
    found = words.get(str(value).lower())
    if found is None:
        raise InvalidInputError(option, f"{value!r} is neither true nor false")
    return found


def _whole(least: int, most: int) -> Callable[[str, Any], int]:
    def read(option: str, value: Any) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if not least <= number <= most or isinstance(value, bool):
            raise InvalidInputError(option, f"{value!r} is not a whole number from {least} to {most}")
        return number

    return read


def _share(option: str, value: Any) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise InvalidInputError(option, f"{value!r} is not a number above 0 and up to 1")
    return number


def _retention(option: str, value: Any) -> int | None:
    days = _whole(0, RETENTION_DAYS[-1])(option, value)
    if days and days not in RETENTION_DAYS:
        raise InvalidInputError(option, f"{days} is not one of {', '.join(map(str, RETENTION_DAYS))}")
    return days or None


def _text(option: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(option, f"{value!r} is not a text")
    return value


def _pattern(option: str, value: Any) -> str:
    if len(text := _text(option, value)) > _LONGEST_PATTERN:
        raise InvalidInputError(option, f"it has {len(text)} characters, and AWS takes at most {_LONGEST_PATTERN}")
    return text


_FILTER_OPTIONS = ("filter_pattern", "emit_system_fields", "apply_on_transformed_logs", "distribution")

_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "include": _names,
    "exclude": _names,
    "include_tags": tag_values,
    "exclude_tags": tag_values,
    "created_after": _text,
    "own_functions": _names,
    "own_log_groups": _names,
    "filter_pattern": _pattern,
    "emit_system_fields": _names,
    "apply_on_transformed_logs": _switch,
    "distribution": _text,
    "slots": _whole(1, 1000),
    "merge": _switch,
    "rate_share": _share,
    "tag_log_groups": _switch,
    "backfill_seconds": _whole(0, 10 * 365 * 24 * 3600),
    "retention_days": _retention,
    "audit_days": _whole(1, 365),
    "slice_seconds": _whole(10, 600),
}
