# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The function's configuration: its environment variables.

| variable | meaning |
|---|---|
| `REFLECTOR` | the reflector's function name (in the subscriber's own account and region) or its ARN |
| `SUBSCRIPTIONS` | JSON of settings, or `ssm:NAME[:VERSION]` of a parameter with that JSON (text after a `#` is ignored) |
| `NOTIFICATIONS` | JSON of settings. Without it there are no notifications |

The settings are `SubscriberSettings` in `logreflector/_options/subscriber.py` and `NotificationSettings` in
`notifications.py` there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from logreflector._errors import InvalidInputError, describe_operation
from logreflector._options.notifications import NotificationSettings
from logreflector._options.option import read, refuse_unknown
from logreflector._options.subscriber import SubscriberSettings
from logreflector._subscriptions.settings import VARIABLE, parse_settings

_PARAMETER = "ssm:"


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """This function: the parts of its ARN, without a version or an alias."""

    partition: str
    region: str
    account: str
    function: str

    @classmethod
    def of(cls, function_arn: str) -> OwnFunction:
        """Parse `invoked_function_arn`."""
        _arn, partition, _service, region, account, _kind, name = function_arn.split(":")[:7]
        return cls(partition, region, account, name)

    @property
    def where(self) -> str:
        """Account and region, as errors name them."""
        return f"{self.account}/{self.region}"

    def log_group_arn(self, name: str) -> str:
        """Return the ARN of a log group, as the calls for tags need it."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:{name}"

    def expand(self, text: str) -> str:
        """Replace {partition}, {region} and {account}, as in the catch-up's options."""
        values = {"partition": self.partition, "region": self.region, "account": self.account}
        for word, value in values.items():
            text = text.replace(f"{{{word}}}", value)
        return text

    def reflector(self) -> str:
        """Return the reflector's ARN. InvalidInputError if REFLECTOR is not set."""
        named = os.environ.get("REFLECTOR", "")
        if not named:
            message = "the environment variable is not set; it must name the reflector's function"
            raise InvalidInputError("REFLECTOR", message)
        if named.startswith("arn:"):
            return named
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{named}"


def read_settings(client: Callable[[str], Any], own: OwnFunction) -> SubscriberSettings:
    """Return the settings. `client` returns the boto3 client of a service. ReflectorError if they are missing or wrong."""
    text = os.environ.get(VARIABLE) or "{}"
    if text.startswith(_PARAMETER):
        name = text.removeprefix(_PARAMETER).partition("#")[0]
        with describe_operation(f"read the settings in the SSM parameter {name}", own.where):
            text = client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    return parse_settings(own.expand(text))


def read_notifications() -> NotificationSettings | None:
    """Return the settings of the notifications; None if there are none. InvalidInputError if they are wrong."""
    text = os.environ.get("NOTIFICATIONS")
    if not text:
        return None
    try:
        given = dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise InvalidInputError("NOTIFICATIONS", f"it is no JSON object: {error}") from None
    refuse_unknown(NotificationSettings, given, "NOTIFICATIONS")
    return read(NotificationSettings, given)
