# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports about a test log group in the logs of the subscriber and the reflector."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._delivery_line import DEAD_LETTERED_EVENTS, DELIVERED_EVENTS, ERROR, LOG_GROUP, REASONS
from .._errors import AccessDeniedError, NotFoundError
from .._session import Target

CLOCK_SECONDS = 60
"""The clocks of AWS and of this machine may differ by so much."""
LAG_SECONDS = 120
"""FilterLogEvents may return an event so much later."""

_FINAL = ("excluded", "not_possible")
_DENIED = "denied"
_RETRIED = (_DENIED, "contested", "failed")


@dataclass(frozen=True, slots=True)
class Report:
    """A function's report about one step of the delivery.

    is_success   the step was done
    is_final     no retry changes it
    is_denied    a permission is missing; a new role may lack it for some seconds only
    reason       of a failure
    """

    is_success: bool
    is_final: bool
    reason: str = ""
    is_denied: bool = False


class LogReader:
    """Reads the lines of a log that name a text, from a moment on. It remembers its place, because the log may be busy."""

    def __init__(
        self, target: Target, function: str, log_group: str, text: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._target, self._function, self._log_group, self._text = target, function, log_group, text
        self._clock = clock
        self._start = clock() - CLOCK_SECONDS
        self._begun = clock()
        self._token = ""
        self._seen: set[str] = set()

    def read(self) -> list[dict[str, Any]]:
        """Return the new JSON objects of the next page. One call: FilterLogEvents has 5 to 25 a second, shared with everybody."""
        if not self._token:
            self._begun = self._clock()
        with self._target.describe_operation(f"read the log of {self._function}"):
            page = self._target.client("logs").filter_log_events(
                logGroupName=self._log_group,
                filterPattern=f'"{self._text}"',
                startTime=int(self._start * 1000),
                **({"nextToken": self._token} if self._token else {}),
            )
        self._token = page.get("nextToken") or ""
        if not self._token:
            self._start = max(self._start, self._begun - LAG_SECONDS - CLOCK_SECONDS)
        new = [event for event in page["events"] if event["eventId"] not in self._seen]
        self._seen.update(event["eventId"] for event in new)
        return [line for event in new if isinstance(line := _parse(event["message"]), dict)]


def read_leniently(reader: LogReader) -> list[dict[str, Any]]:
    """Return the lines, none if the log does not exist or may not be read: the log only explains a failure."""
    try:
        return reader.read()
    except (AccessDeniedError, NotFoundError):
        return []


def subscription_report(line: Mapping[str, Any], log_group: str) -> Report | None:
    """Return the report about the log group in a line of the subscriber, None if the line has none."""
    outcome = line.get("outcome")
    if line.get("log_group") != log_group or outcome not in (*_FINAL, *_RETRIED):
        return None
    reason = str(line.get("reason") or "no reason")
    text = f"the subscriber reports: {outcome}, {reason}"
    return Report(False, outcome in _FINAL, text, is_denied=outcome == _DENIED or "AccessDenied" in reason)


def delivery_report(line: Mapping[str, Any], log_group: str) -> Report | None:
    """Return the report about the test line in an accounting line of the reflector, None if the line has none."""
    if line.get(LOG_GROUP) != log_group:
        return None
    if _number(line.get(DELIVERED_EVENTS)):
        return Report(True, is_final=True)
    reason = _reasons(line.get(REASONS)) or str(line.get(ERROR) or "")
    return Report(
        False, bool(_number(line.get(DEAD_LETTERED_EVENTS))), f"the reflector reports: {reason}" if reason else ""
    )


def _reasons(reasons: Any) -> str:
    """Return the reasons of an accounting line, which hold neither an endpoint nor a part of a message."""
    found = [item for item in reasons if isinstance(item, Mapping)] if isinstance(reasons, list) else []
    return "; ".join(f"{item.get('sink')}: {item.get('reason')}" for item in found[:3])


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _parse(message: str) -> Any:
    try:
        return json.loads(message)
    except ValueError:
        return None
