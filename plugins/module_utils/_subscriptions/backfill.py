# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of a new group from before its filter, read and sent to the reflector as a filter would send them.

CloudWatch Logs notes when it ingested each event (`ingestionTime`). A filter does not deliver events that were ingested before
it was created. In the first moments after its creation it may or may not deliver: events of this overlap are sent in messages of
their own, and a worker of the reflector drops those that it already had from the filter, by event id. Another worker does not
know them, so they may arrive twice.

FilterLogEvents does not return `extractedFields` and the system fields that a filter can add, so these are missing.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._errors import AwsError, NotFoundError, ReflectorError, ThrottledError, describe_operation
from .._retry import RetryPolicy
from .calls import LogsApi
from .filters import SubscriptionFilter

OVERLAP_MS = 30_000
"""How long after its creation a filter may miss events. AWS documents nothing; users report less than a second."""

READABLE_MS = 5_000
"""Time until an ingested event can be read. AWS documents no figure."""

OVERLAP = "overlap"
"""The value of `backfill` in a message of overlapping events; the reflector reads it."""

_AHEAD_MS = 15 * 60 * 1000
"""FilterLogEvents selects by the events' own timestamps. A fast clock puts them ahead of `ingestionTime`."""

_MESSAGE_BYTES = 180 * 1024
"""A longer message is cut in two."""

_LONGEST_ASYNCHRONOUS = 256 * 1024
"""Bytes that an asynchronous Invoke takes everywhere (AWS raised it to 1 MB). A longer event is sent synchronously."""


@dataclass(frozen=True, slots=True)
class SentPage:
    """The number of events of a page that were sent, and the token of the next page, "" if there is none."""

    events: int
    token: str


class Backfill:
    """Reads with FilterLogEvents, sends with Invoke. Safe to share between threads.

    client          a boto3 "lambda" client
    function        name or ARN of the reflector
    owner           the account of the log groups
    retry_policy    for a Lambda that takes no more invocations at the moment
    """

    def __init__(
        self, api: LogsApi, client: Any, function: str, *, owner: str, retry_policy: RetryPolicy, where: str = ""
    ) -> None:
        self._api, self._client, self._function, self._owner = api, client, function, owner
        self._retry_policy, self._where = retry_policy, where

    def send(
        self,
        current: SubscriptionFilter,
        *,
        since: int | None = None,
        token: str = "",
        ingested: tuple[int, int] | None = None,
    ) -> Iterator[SentPage]:
        """Send the events from before the filter, and those of the overlap, and yield what was sent of each page.

        Pages are read and sent while the caller iterates. The last token continues an unfinished backfill for a day.

        current     the filter as it was read from AWS
        since       ms since 1970: events with older timestamps are not sent
        token       of the first page to read
        ingested    see `payloads`
        """
        request: dict[str, Any] = {
            "logGroupName": current.log_group,
            "endTime": current.created + OVERLAP_MS + _AHEAD_MS,
            **({"startTime": since} if since is not None else {}),
            **({"filterPattern": current.filter_pattern} if current.filter_pattern else {}),
        }
        operation = f"read the earlier events of log group {current.log_group}"
        while True:
            page = self._api.call("FilterLogEvents", operation, {**request, **({"nextToken": token} if token else {})})
            events = 0
            for count, message in payloads(page.get("events", []), current, self._owner, ingested):
                self._invoke(current.log_group, message)
                events += count
            token = page.get("nextToken") or ""
            yield SentPage(events, token)
            if not token:
                return

    def _invoke(self, log_group: str, message: bytes) -> None:
        operation = f"send the earlier events of log group {log_group} to the function {self._function}"
        kind = "RequestResponse" if len(message) > _LONGEST_ASYNCHRONOUS else "Event"

        def invoke() -> None:
            try:
                with describe_operation(operation, self._where):
                    answer = self._client.invoke(FunctionName=self._function, InvocationType=kind, Payload=message)
            except NotFoundError as error:  # callers take NotFoundError for a missing log group
                raise AwsError(operation, error.message, code=error.code, where=self._where) from error
            if answer.get("FunctionError"):
                raise AwsError(operation, "the function failed; see its log", where=self._where)

        self._retry_policy.wait_out(invoke, _is_transient)


def _is_transient(error: ReflectorError) -> bool:
    """Whether to retry: the account's concurrency is used up, or Lambda is unavailable."""
    return isinstance(error, ThrottledError) or error.code == "ServiceException"


def payloads(
    events: Iterable[Mapping[str, Any]],
    current: SubscriptionFilter,
    owner: str,
    ingested: tuple[int, int] | None = None,
) -> Iterator[tuple[int, bytes]]:
    """Yield messages as CloudWatch Logs sends them to Lambda, each with its number of events.

    `backfill` is true for events from before the filter, and "overlap" for those of the overlap. Later events are left out.

    ingested    ms since 1970: leave out events that were ingested before the first or not before the second
    """
    overlap_end = current.created + OVERLAP_MS
    first, end = ingested or (0, overlap_end)
    parts: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for event in events:
        at = event.get("ingestionTime", event["timestamp"])
        if not first <= at < min(end, overlap_end):
            continue
        part = parts.setdefault((event["logStreamName"], at >= current.created), [])
        part.append({"id": event["eventId"], "timestamp": event["timestamp"], "message": event.get("message", "")})
    for (stream, is_overlap), found in parts.items():
        head = {
            "messageType": "DATA_MESSAGE",
            "owner": owner,
            "logGroup": current.log_group,
            "logStream": stream,
            "subscriptionFilters": [current.name],
            "backfill": OVERLAP if is_overlap else True,
        }
        yield from _packed(head, found)


def _packed(head: Mapping[str, Any], events: list[dict[str, Any]]) -> Iterator[tuple[int, bytes]]:
    data = gzip.compress(json.dumps({**head, "logEvents": events}).encode(), mtime=0)
    message = json.dumps({"awslogs": {"data": base64.b64encode(data).decode()}}).encode()
    if len(message) <= _MESSAGE_BYTES or len(events) == 1:
        yield len(events), message
        return
    half = len(events) // 2
    yield from _packed(head, events[:half])
    yield from _packed(head, events[half:])
