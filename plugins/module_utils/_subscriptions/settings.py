# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the subscriber is told: which log groups, and what happens to them. Checked here when it is deployed and when it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .._errors import InvalidInputError
from .choice import Choice, tag_values
from .filters import ATTRIBUTES, DEFAULT_SLOTS, Wanted, attributes_of, check_distribution
from .rate_limiter import SHARE

RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""What PutRetentionPolicy takes (its API reference)."""

VARIABLE = "SUBSCRIPTIONS"
_LONGEST_PATTERN = 1024  # characters (PutSubscriptionFilter)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of the module subscription_filters, by its names, and those of new groups and of sweeps.

    own_functions   functions of the delivery path beside the reflector and the subscriber
    delivery_path   names and patterns of log groups that are never subscribed
    attributes      of the filters, by SubscriptionFilter's field names
    rate_share      of AWS's rates
    backfill        whether what a new group held before its filter is sent too
    retention_days  put on new groups that have none; None: left as they are
    audit_days      in how many days every marked group is looked at
    slice_seconds   of a sweep in one invocation
    """

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    include_tags: Mapping[str, list[str]] = field(default_factory=dict)
    exclude_tags: Mapping[str, list[str]] = field(default_factory=dict)
    created_after: int | None = None
    own_functions: tuple[str, ...] = ()
    delivery_path: tuple[str, ...] = ()
    slots: int = DEFAULT_SLOTS
    attributes: Mapping[str, Any] = field(default_factory=dict)
    merge: bool = False
    rate_share: float = SHARE
    mark: bool = True
    backfill: bool = True
    retention_days: int | None = None
    audit_days: int = 1
    slice_seconds: int = 120

    def choice(self, delivery_path: Iterable[str] = ()) -> Choice:
        """Which groups; `delivery_path` are those that AWS was asked for, and the default names."""
        return Choice(
            self.include,
            self.exclude,
            [*delivery_path, *self.delivery_path],
            include_tags=self.include_tags,
            exclude_tags=self.exclude_tags,
            created_after=self.created_after,
        )

    def wanted(self, destination_arn: str) -> Wanted:
        """What they are to have."""
        return Wanted(destination_arn, self.attributes, self.slots, self.merge)

    @property
    def tag_keys(self) -> frozenset[str]:
        """The tags that decide."""
        return frozenset((*self.include_tags, *self.exclude_tags))


def settings_of(text: str) -> Settings:
    """From JSON; InvalidInputError with the setting's name where something is wrong, or would be passed over in silence."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(VARIABLE, f"it is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidInputError(VARIABLE, "it is not a JSON object of settings")
    if unknown := sorted(given.keys() - _READERS.keys()):
        raise InvalidInputError(VARIABLE, f"it does not take {', '.join(unknown)}")
    # What is not set may come as null, or as the empty text that a template has for it.
    values = {name: _READERS[name](name, value) for name, value in given.items() if value not in (None, "")}
    settings = Settings(**values)
    settings.choice()  # refuses what is no pattern
    return settings


def moment(option: str, text: Any) -> int:
    """An ISO 8601 date or date and time, UTC where it names no zone, as ms since 1970."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        message = f"{text!r} is no date such as 2026-01-31 or 2026-01-31T12:00:00Z"
        raise InvalidInputError(option, message) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _names(option: str, value: Any) -> tuple[str, ...]:
    # A string's characters would pass for names, and guard nothing.
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInputError(option, f"{value!r} is not a list of texts")
    return tuple(value)


def _tags(option: str, value: Any) -> dict[str, list[str]]:
    return tag_values(option, value)


def _switch(option: str, value: Any) -> bool:
    # Ansible before 2.19 makes texts of what it templates into a dictionary.
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
        raise InvalidInputError(option, f"{days} is none of {', '.join(map(str, RETENTION_DAYS))}")
    return days or None


def _attributes(option: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInputError(option, f"{value!r} is not an object of a filter's attributes")
    if unknown := sorted(value.keys() - set(ATTRIBUTES) | value.keys() & {"destination_arn"}):
        raise InvalidInputError(option, f"they do not take {', '.join(unknown)}")
    for name, found in value.items():
        _check_attribute(name, found)
    found = attributes_of(value)
    check_distribution("the reflector", found.get("distribution"))
    return found


def _check_attribute(name: str, value: Any) -> None:
    if value is None:
        return
    if name == "emit_system_fields":
        _names(name, value)
    elif name == "apply_on_transformed_logs":
        if not isinstance(value, bool):
            raise InvalidInputError(name, f"{value!r} is neither true nor false")
    elif not isinstance(value, str):
        raise InvalidInputError(name, f"{value!r} is not a text")
    elif name == "filter_pattern" and len(value) > _LONGEST_PATTERN:
        raise InvalidInputError(name, f"it has {len(value)} characters, and AWS takes at most {_LONGEST_PATTERN}")


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "include": _names,
    "exclude": _names,
    "include_tags": _tags,
    "exclude_tags": _tags,
    "created_after": moment,
    "own_functions": _names,
    "delivery_path": _names,
    "slots": _whole(1, 1000),
    "attributes": _attributes,
    "merge": _switch,
    "rate_share": _share,
    "mark": _switch,
    "backfill": _switch,
    "retention_days": _retention,
    "audit_days": _whole(1, 365),
    "slice_seconds": _whole(10, 600),
}


def check_settings(settings: Any, prefix: str = "") -> None:
    """InvalidInputError for settings that cannot be right."""
