# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reflector's Lambda function: forwards the log events of CloudWatch Logs subscriptions to the sinks.

Handler string: `handler.handler`. Settings: `reflector/config.py`.
"""

import os
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from reflector.accounting import Tally, accounted
from reflector.config import RULES, current_config
from reflector.dead_letters import Queue, QueueRefusedError, current_queue, dead_letters, undecodable_letter
from reflector.decode import Payload, PayloadError, decode
from reflector.delivery import Undelivered
from reflector.delivery_line import (
    ALREADY_DELIVERED,
    DEAD_LETTERED_EVENTS,
    DELIVERED_EVENTS,
    DROPPED_EVENTS,
    RECEIVED_EVENTS,
    REPLAY,
)
from reflector.flow import Flow, OnUndelivered
from reflector.http import HttpSink, tls_context
from reflector.overlap import Memory, without_delivered
from reflector.replay import Replay, is_queue_event
from reflector.retries import Breaker
from reflector.rules import never_forwarded

RESERVE_SECONDS = 0.5
"""Part of the invocation's time that is reserved for the accounting line."""

QUEUE_SECONDS = 15.0
"""Part reserved for the dead-letter queue, at most a quarter. With little memory, creating the client takes seconds."""

_delivered = Memory()  # outlives the invocation
_breakers: dict[str, Breaker] = {}  # by sink; outlive the invocation


def prepare() -> None:
    """Parse the configuration, and load the TLS context if a sink needs it: 30 CPU-ms, and an invocation has less CPU than this.

    Runs at the function's initialisation, which must not fail: the first invocation reports invalid settings.
    """
    rules = os.environ.get(RULES, "").strip()
    if rules and not rules.startswith("{"):  # in a parameter, which only an invocation reads
        tls_context()
        return
    with suppress(Exception):
        if any(isinstance(sink, HttpSink) and sink.may_use_tls for sink in current_config().sinks.values()):
            tls_context()


prepare()


class DeliveryFailed(Exception):  # noqa: N818  (operators meet this name in dead-letter queues)
    """Events are neither delivered nor in the dead-letter queue. The text has reasons and counts, never the endpoint."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Forward the events of one payload, or replay the dead letters of an SQS event. Return the counts of the accounting line.

    Undelivered events go to the dead-letter queue. Without a queue, or if the queue refuses them, this raises DeliveryFailed or
    PayloadError; without valid settings, SettingsError. Lambda then retries the event (twice, for the asynchronous
    invocations that CloudWatch Logs makes) and hands it to the function's on-failure destination.
    """
    try:
        return _handle(event, context)
    except Exception as error:
        # AWS's runtime client stores the error, whose traceback holds every local variable: tens of MB for each failure,
        # until Python collects cycles.
        traceback.clear_frames(error.__traceback__)
        error.__cause__ = error.__context__ = None
        raise


def _handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    own_log_group = str(os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME") or getattr(context, "log_group_name", ""))
    queue = current_queue()
    seconds_left = _clock(context, queue)
    answer: dict[str, Any] = {}
    with accounted(getattr(context, "aws_request_id", "")) as tally:
        if is_queue_event(event):
            config = current_config()
            flow = Flow(config, seconds_left, tally)
            tally.origin = REPLAY
            answer = Replay(flow, config, tally, queue, own_log_group).run(event["Records"])
        elif payload := _decode(event, tally, queue):
            _reflect(payload, own_log_group, seconds_left, tally, queue)
    return {**tally.counts(), **answer}


def _decode(event: Any, tally: Tally, queue: Queue | None) -> Payload | None:
    """Return the payload, None if it is unreadable and in the queue. Raises PayloadError if it is in no queue."""
    try:
        return decode(event)
    except PayloadError as error:
        tally.undecodable += 1
        tally.reasons["", str(error)] += 1
        if queue is None:
            raise
        # No retry: it would not become readable. If the queue refuses it, Lambda handles the error.
        try:
            queue.put(undecodable_letter(event, str(error)))
        except QueueRefusedError as refused:
            raise PayloadError(f"{error} And {refused}.") from None
        return None


def _reflect(
    payload: Payload, own_log_group: str, seconds_left: Callable[[], float], tally: Tally, queue: Queue | None
) -> None:
    tally.receive(payload)
    # These checks need no settings, so that the error messages of broken settings cannot loop.
    if reason := never_forwarded(payload, own_log_group):
        tally.dropped[reason] += payload.count
        return
    if payload.overlap:
        received, payload = payload, without_delivered(payload, _delivered.delivered_ids(payload.log_group))
        if payload is not received:
            tally.dropped[ALREADY_DELIVERED] += received.count - payload.count
        if not payload.count:
            return
    elif not payload.backfill:
        _delivered.remember(payload)
    config = current_config()
    payload = config.original(payload)
    tally.rename(payload)
    for name in config.sinks:
        _breakers.setdefault(name, Breaker())
    Flow(config, seconds_left, tally, _breakers).reflect(payload, _on_undelivered(queue, tally))
    if tally.failed:
        raise DeliveryFailed(_failure(tally))


def _on_undelivered(queue: Queue | None, tally: Tally) -> OnUndelivered:
    """Return the callback for undelivered events. Without a queue the first of them stops the delivery to that sink."""

    def on_undelivered(sink: str, undelivered: Undelivered) -> bool:
        if queue is None:
            tally.add_undelivered(sink, undelivered, queued=False)
            return False
        for body, part in dead_letters(undelivered, sink):
            try:
                queue.put(body)
            except QueueRefusedError as error:
                tally.add_undelivered(sink, replace(part, reason=f"{part.reason}, and {error}"), queued=False)
            else:
                tally.add_undelivered(sink, part, queued=True)
        return True

    return on_undelivered


def _failure(tally: Tally) -> str:
    reasons = "; ".join(f"{sink}: {reason}" for sink, reason in tally.reasons)
    counts = tally.counts()
    return (
        f"{reasons}. Of {counts[RECEIVED_EVENTS]} events {counts[DELIVERED_EVENTS]} were delivered,"
        f" {counts[DROPPED_EVENTS]} dropped by rule, {counts[DEAD_LETTERED_EVENTS]} put into the dead-letter queue."
    )


def _clock(context: Any, queue: Queue | None) -> Callable[[], float]:
    """Return a function that returns the seconds left for sinks."""

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    reserve = min(QUEUE_SECONDS, left() / 4) if queue else RESERVE_SECONDS
    return lambda: left() - max(reserve, RESERVE_SECONDS)
