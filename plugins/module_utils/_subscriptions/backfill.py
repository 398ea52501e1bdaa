# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new group's filter never delivers: the events before it, read and sent to the reflector as a filter would send them.

CloudWatch Logs says of each event when it took it in (`ingestionTime`). What it took in before the filter was there, no filter
delivers. For some moments after that it may or may not have been delivered, since it takes a while until a filter works:
events of this seam go in messages of their own, of which the reflector drops what it has had from the filter, by event id.

What FilterLogEvents does not tell is missing: `extractedFields` and the system fields that a filter can add.
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

SEAM_MS = 2_000
"""How long after its creation a filter may leave events out. AWS documents nothing; others report under a second."""

_AHEAD_MS = 15 * 60 * 1000
"""FilterLogEvents is asked by the events' own timestamps, which a clock that is fast puts ahead of `ingestionTime`."""

_USUAL = 180 * 1024
"""Bytes of a message beyond which it is cut in two."""

_LONGEST_ASYNCHRONOUS = 256 * 1024
"""Bytes that an asynchronous Invoke surely takes (AWS raised it to 1 MB): one event that is longer is sent synchronously."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How much of a page was sent, and the token of the page after it, "" if there is none."""

    events: int
    messages: int
    token: str


class Backfill:
    """Reads with FilterLogEvents, sends with Invoke. Safe to share between threads.

    client       a boto3 "lambda" client
    function     name or ARN of the reflector
    owner        the account that the log groups are in
    patience     for a Lambda that takes no more invocations at the moment
    """

    def __init__(
        self, api: LogsApi, client: Any, function: str, *, owner: str, retry_policy: RetryPolicy, where: str = ""
    ) -> None:
        self._api, self._client, self._function, self._owner = api, client, function, owner
        self._patience, self._where = retry_policy, where

    def send(self, standing: SubscriptionFilter, *, since: int | None = None, token: str = "") -> Iterator[Sent]:
        """Send what the group held before its filter, as it was read from AWS: each event at least once.

        A page at a time, read and sent while this is iterated: whoever stops can go on from the last token, for a day.

        since   ms since 1970: no event with an older timestamp
        token   of the page to begin with
        """
        request: dict[str, Any] = {
            "logGroupName": standing.log_group,
            "endTime": standing.created + SEAM_MS + _AHEAD_MS,
            **({"startTime": since} if since is not None else {}),
            **({"filterPattern": standing.filter_pattern} if standing.filter_pattern else {}),
        }
        operation = f"read the first events of log group {standing.log_group}"
        while True:
            page = self._api.call("FilterLogEvents", operation, {**request, **({"nextToken": token} if token else {})})
            events = messages = 0
            for count, message in payloads(page.get("events", []), standing, self._owner):
                self._hand_over(standing.log_group, message)
                events, messages = events + count, messages + 1
            token = page.get("nextToken") or ""
            yield Sent(events, messages, token)
            if not token:
                return

    def _hand_over(self, log_group: str, message: bytes) -> None:
        operation = f"send the first events of log group {log_group} to the function {self._function}"
        waits = len(message) > _LONGEST_ASYNCHRONOUS
        kind = "RequestResponse" if waits else "Event"

        def invoke() -> None:
            try:
                with describe_operation(operation, self._where):
                    answer = self._client.invoke(FunctionName=self._function, InvocationType=kind, Payload=message)
            except NotFoundError as error:  # not of the log group, which its callers would take it for
                raise AwsError(operation, error.message, code=error.code, where=self._where) from error
            if answer.get("FunctionError"):
                raise AwsError(operation, "the function failed; its log says why", where=self._where)

        self._patience.wait_out(invoke, _passes)


def _passes(error: ReflectorError) -> bool:
    """The account's invocations are used up for the moment, or Lambda has a bad one."""
    return isinstance(error, ThrottledError) or error.code == "ServiceException"


def payloads(
    events: Iterable[Mapping[str, Any]], standing: SubscriptionFilter, owner: str
) -> Iterator[tuple[int, bytes]]:
    """Of FilterLogEvents' events those that the filter surely, or perhaps, does not deliver: the number of events in each
    message, and the message as CloudWatch Logs sends one to Lambda, with `backfill`: true, or "seam"."""
    parts: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for event in events:
        taken_in = event.get("ingestionTime", event["timestamp"])
        if taken_in >= standing.created + SEAM_MS:
            continue
        part = parts.setdefault((event["logStreamName"], taken_in >= standing.created), [])
        part.append({"id": event["eventId"], "timestamp": event["timestamp"], "message": event.get("message", "")})
    for (stream, seam), found in parts.items():
        head = {
            "messageType": "DATA_MESSAGE",
            "owner": owner,
            "logGroup": standing.log_group,
            "logStream": stream,
            "subscriptionFilters": [standing.name],
            "backfill": "seam" if seam else True,
        }
        yield from _packed(head, found)


def _packed(head: Mapping[str, Any], events: list[dict[str, Any]]) -> Iterator[tuple[int, bytes]]:
    data = gzip.compress(json.dumps({**head, "logEvents": events}).encode(), mtime=0)
    message = json.dumps({"awslogs": {"data": base64.b64encode(data).decode()}}).encode()
    if len(message) <= _USUAL or len(events) == 1:
        yield len(events), message
        return
    half = len(events) // 2
    yield from _packed(head, events[:half])
    yield from _packed(head, events[half:])
