# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber's settings: the options of the module `subscriber`, checked here when it is deployed and when it runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .._errors import InvalidInputError
from .._options.option import read, refuse_unknown
from .._options.subscriber import SubscriberSettings
from .choice import Choice, tag_values
from .filters import Wanted, attributes_of, check_distribution

VARIABLE = "SUBSCRIPTIONS"
_LONGEST_PATTERN = 1024  # characters (PutSubscriptionFilter)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options, and what follows from them."""

    options: SubscriberSettings

    def choice(self, delivery_path: Iterable[str] = ()) -> Choice:
        """Return which log groups are subscribed.

        delivery_path   more log groups that are never subscribed: those that AWS was asked for, and the default names
        """
        options = self.options
        return Choice(
            options.include,
            options.exclude,
            [*delivery_path, *options.own_log_groups],
            include_tags=tag_values("include_tags", options.include_tags or {}),
            exclude_tags=tag_values("exclude_tags", options.exclude_tags or {}),
            created_after=moment("created_after", options.created_after) if options.created_after else None,
        )

    def wanted(self, destination_arn: str) -> Wanted:
        """Return what the log groups are to have."""
        attributes = attributes_of({**dataclasses.asdict(self.options), "destination_arn": None})
        return Wanted(destination_arn, attributes, self.options.slots, self.options.merge)

    @property
    def tag_keys(self) -> frozenset[str]:
        """The tags that decide."""
        return frozenset((*(self.options.include_tags or {}), *(self.options.exclude_tags or {})))


def settings_of(text: str) -> Settings:
    """Return the settings from JSON. InvalidInputError with the option's name for one that is wrong or unknown."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(VARIABLE, f"it is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidInputError(VARIABLE, "it is not a JSON object of settings")
    refuse_unknown(SubscriberSettings, given, VARIABLE)
    return check_settings(read(SubscriberSettings, given))


def check_settings(options: SubscriberSettings, prefix: str = "") -> Settings:
    """Return the settings. InvalidInputError for options that the function could not follow.

    prefix      before the options' names, as the user knows them
    """
    settings = Settings(options)
    try:
        settings.choice()  # refuses what is no pattern, no tag and no date
        check_distribution("the reflector", options.distribution)
        _check_pattern(options.filter_pattern or "")
    except InvalidInputError as error:
        raise InvalidInputError(prefix + error.option, error.message) from None
    return settings


def _check_pattern(pattern: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        message = f"it has {len(pattern)} characters, and AWS takes at most {_LONGEST_PATTERN}"
        raise InvalidInputError("filter_pattern", message)


def moment(option: str, text: Any) -> int:
    """Return an ISO 8601 date or date and time in ms since 1970. UTC if it names no zone. InvalidInputError for others."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        message = f"{text!r} is no date such as 2026-01-31 or 2026-01-31T12:00:00Z"
        raise InvalidInputError(option, message) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
