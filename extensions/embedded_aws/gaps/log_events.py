# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log events: one id for each event in deliveries and reads, and paging of reads.

Sources: CloudWatch Logs API Reference, FilterLogEvents (10,000 events or 1 MB a page, its order) and FilteredLogEvent;
User Guide, "Log group-level subscription filters" (an id of 56 digits).
"""

from __future__ import annotations

import bisect
import contextvars
import itertools
import time
from typing import Any

from ministack.services import cloudwatch_logs as logs

from .current import current
from .hooks import Function, original, replace
from .validation import Answer, invalid, no_such_group, refusal, success

_compile_pattern = original(logs, "_compile_filter_pattern", "raw")
_group_name = original(logs, "_resolve_log_group_name", "data")
_timestamp = original(logs, "_event_timestamp", "event")
_MAX_PAGE = 10_000
_PAGE_BYTES = 1_048_576
# Increasing in the order of arrival.
_event_numbers = itertools.count(time.time_ns())
_stored_events: contextvars.ContextVar[list[dict[str, Any]]] = contextvars.ContextVar("stored")
_Position = tuple[int, int, str]


def install() -> None:
    @replace(logs, "_append_log_events", "stream", "events")
    def append_log_events(ministack: Function) -> Function:
        def append(stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
            for event in events:
                _assign_id(event)
            ministack(stream, events)
            _stored_events.set(events)

        return append

    @replace(logs, "_filter_log_events", "data")
    def filter_log_events(_ministack: Function) -> Function:
        return _filter_log_events


def stored_events() -> list[dict[str, Any]]:
    """Return the events that the current call has stored. MiniStack delivers the request's events, which have no ids."""
    return _stored_events.get()


def _assign_id(event: dict[str, Any]) -> None:
    pointer, event["eventId"] = event.get("eventId"), f"3{next(_event_numbers):055d}"
    record = logs._log_records.pop(pointer, None)  # GetLogRecord finds it by the id
    if record is not None:
        logs._log_records[event["eventId"]] = record | {"@ptr": event["eventId"]}


def _position(event: dict[str, Any]) -> _Position:
    return event["timestamp"], event["ingestionTime"], event["eventId"]


def _filter_log_events(data: dict[str, Any]) -> Answer:
    names, prefix = data.get("logStreamNames"), data.get("logStreamNamePrefix")
    if (answer := refusal(data, largest=_MAX_PAGE)) is not None:
        return answer
    if names and prefix:
        return invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
    group = logs._log_groups.get(_group_name(data))
    if group is None:
        return no_such_group()
    try:
        forward, after = _from_token(data)
    except ValueError:
        return invalid("The specified nextToken is invalid.")
    wanted = [name for name in group["streams"] if (not names or name in names) and name.startswith(prefix or "")]
    matches = _compile_pattern(data.get("filterPattern") or "")
    events = [
        {**event, "logStreamName": name}
        for name in wanted
        for event in _between(group["streams"][name]["events"], data.get("startTime"), data.get("endTime"))
        if (after is None or (_position(event) > after if forward else _position(event) < after))
        and matches(event["message"])
        and current.is_older(current.settings.read_delay, since_ms=event["ingestionTime"])
    ]
    events.sort(key=_position, reverse=not forward)
    page = _cut_page(events, data.get("limit") or _MAX_PAGE)
    token = {"nextToken": _token(forward, page[-1])} if len(page) < len(events) else {}
    return success({"events": page, "searchedLogStreams": [], **token})


def _between(events: list[dict[str, Any]], start: int | None, end: int | None) -> list[dict[str, Any]]:
    """Return the events from start to end, both included."""
    with logs._log_events_lock:
        first = 0 if start is None else bisect.bisect_left(events, start, key=_timestamp)
        last = len(events) if end is None else bisect.bisect_right(events, end, key=_timestamp)
        return events[first:last]


def _cut_page(events: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    sizes = itertools.accumulate(len(event["message"].encode()) for event in events[:limit])
    fitting = sum(1 for size in sizes if size <= _PAGE_BYTES)
    return events[: max(fitting, 1)] if events else []


def _token(forward: bool, event: dict[str, Any]) -> str:
    return "/".join(["f" if forward else "b", *map(str, _position(event))])


def _from_token(data: dict[str, Any]) -> tuple[bool, _Position | None]:
    """Return the direction and the position of the last event that was read. Raises ValueError for an invalid token."""
    if data.get("nextToken") is None:
        return data.get("startFromHead") is not False, None
    direction, timestamp, ingestion, number = data["nextToken"].split("/")
    if direction not in ("f", "b"):
        raise ValueError(direction)
    return direction == "f", (int(timestamp), int(ingestion), number)
