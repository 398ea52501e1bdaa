# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber's settings: the options of the module `subscriber`, checked here when it is deployed and when it runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from .._errors import InvalidInputError
from .._options.option import read, refuse_unknown
from .._options.subscriber import SubscriberSettings
from .choice import Choice, tag_values
from .filters import ATTRIBUTES, DesiredFilter, attributes_of, check_distribution, check_stream, delivery_filter

VARIABLE = "SUBSCRIPTIONS"
_LONGEST_PATTERN = 1024  # characters (PutSubscriptionFilter)


def choice_of(settings: SubscriberSettings, log_groups: Iterable[str] = ()) -> Choice:
    """Return the rules. `log_groups` are own log groups beside those of the settings."""
    return Choice(
        settings.include,
        settings.exclude,
        [*log_groups, *settings.own_log_groups],
        include_tags=tag_values("include_tags", settings.include_tags or {}),
        exclude_tags=tag_values("exclude_tags", settings.exclude_tags or {}),
        created_after=milliseconds("created_after", settings.created_after),
        delivers=bool(settings.delivery_stream),
    )


def desired_filter(settings: SubscriberSettings, destination_arn: str) -> DesiredFilter:
    """Return the filter that chosen groups are to have."""
    given = attributes_of({name: getattr(settings, name, None) for name in ATTRIBUTES})
    delivery = delivery_filter(settings.delivery_stream, settings.delivery_role_name, destination_arn)
    return DesiredFilter(destination_arn, given, settings.slots, settings.merge, delivery)


def deciding_tag_keys(settings: SubscriberSettings) -> frozenset[str]:
    """Return the keys of the tags that decide whether a group is chosen."""
    return frozenset((*(settings.include_tags or {}), *(settings.exclude_tags or {})))


def parse_settings(text: str) -> SubscriberSettings:
    """Return the settings of a JSON text. InvalidInputError, with the option's name, for a wrong or unknown one."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(VARIABLE, f"it is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidInputError(VARIABLE, "it is not a JSON object of settings")
    refuse_unknown(SubscriberSettings, given, VARIABLE)
    settings = read(SubscriberSettings, given)
    check_settings(settings)
    return settings


def check_settings(settings: SubscriberSettings, prefix: str = "") -> None:
    """Raise InvalidInputError for settings that the function could not follow.

    prefix      before the options' names, as the user knows them
    """
    try:
        choice_of(settings)  # refuses wrong patterns, tags and dates
        check_distribution("the reflector", settings.distribution)
        _check_pattern(settings.filter_pattern or "")
        if settings.delivery_stream:
            check_stream("delivery_stream", settings.delivery_stream)
    except InvalidInputError as error:
        raise InvalidInputError(prefix + error.option, error.message) from None


def _check_pattern(pattern: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        message = f"it has {len(pattern)} characters, and AWS takes at most {_LONGEST_PATTERN}"
        raise InvalidInputError("filter_pattern", message)


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
