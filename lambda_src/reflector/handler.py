"""The reflector's Lambda function: forwards the log events of CloudWatch Logs subscriptions to the sinks.

Handler string: `handler.handler`. Settings: `reflector/config.py`.
"""

import contextlib
import os
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reflector.accounting import Tally, accounted
from reflector.config import current_config
from reflector.dead_letters import Queue, QueueRefusedError, current_queue, letters, undecodable
from reflector.decode import PayloadError, decode
from reflector.delivery import Unsent
from reflector.flow import Flow, Keep
from reflector.http import tls_context
from reflector.replay import Replay, is_queue_event
from reflector.rules import never_forwarded
from reflector.seam import HAD_BEFORE, Memory, without

RESERVE_SECONDS = 0.5
"""Of the invocation's time, kept back to account for what happened."""

QUEUE_SECONDS = 15.0
"""Kept back for the dead-letter queue, of short invocations a quarter: with little memory, its client alone takes seconds."""

_delivered = Memory()  # outlives the invocation

if not os.environ.get("SUMO_ENDPOINT", "").startswith("http:"):
    tls_context()  # costs tens of CPU-ms: the function's initialisation has more CPU than an invocation


class DeliveryFailed(Exception):  # noqa: N818  (a name that operators meet in dead-letter queues: it says what happened)
    """Events are neither delivered nor in the dead-letter queue. The text names the reason and the counts, never the endpoint."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Forward the events of one payload, or of the dead letters in an SQS event; answers the counts of the accounting line.

    What no sink takes goes to the dead-letter queue. Where there is none, or it refuses, this raises DeliveryFailed or
    PayloadError, and SettingsError when it is not known where to send to: Lambda then tries the event again (twice, with the
    asynchronous invocation that CloudWatch Logs uses) and hands it to the function's on-failure destination after that.
    """
    try:
        return _handle(event, context)
    except Exception as error:
        # AWS's runtime client keeps the error, and with its traceback every local variable of the way here: tens of MB for
        # each failure, until Python looks for cycles.
        traceback.clear_frames(error.__traceback__)
        error.__cause__ = error.__context__ = None
        raise


def _handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    own_log_group = str(os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME") or getattr(context, "log_group_name", ""))
    queue = current_queue()
    seconds_left = _clock(context, queue)
    answer: dict[str, Any] = {}
    with accounted() as tally:
        if is_queue_event(event):
            config = current_config()
            flow = Flow(config, seconds_left, tally)
            answer = Replay(flow, config, tally, queue, own_log_group).answer(event["Records"])
        else:
            _reflect(event, own_log_group, seconds_left, tally, queue)
    return {**tally.counts(), **answer}


def _reflect(
    event: Any, own_log_group: str, seconds_left: Callable[[], float], tally: Tally, queue: Queue | None
) -> None:
    try:
        payload = decode(event)
    except PayloadError as error:
        tally.undecodable += 1
        tally.reasons["", str(error)] += 1
        if queue is None:
            raise
        # Once: trying again would not make it readable. Refused, it goes Lambda's way.
        try:
            queue.put(undecodable(event, str(error)))
        except QueueRefusedError as refused:
            raise PayloadError(f"{error} And {refused}.") from None
        return
    tally.receive(payload)
    # The guards come before the settings: a broken setting must not make its error messages loop.
    if reason := never_forwarded(payload, own_log_group):
        tally.dropped[reason] += payload.count
        return
    if payload.seam:
        received, payload = payload, without(payload, _delivered.had(payload.log_group))
        if payload is not received:
            tally.dropped[HAD_BEFORE] += received.count - payload.count
        if not payload.count:
            return
    elif not payload.backfill:
        _delivered.remember(payload)
    with contextlib.suppress(DeliveryFailed):  # raised again below, when the other sinks are through
        Flow(current_config(), seconds_left, tally).reflect(payload, _keeping(queue, tally))
    if tally.failed:
        raise DeliveryFailed(_failure(tally))


def _keeping(queue: Queue | None, tally: Tally) -> Keep:
    """What takes undelivered events: the queue. Without one, the first of them ends the way to that sink."""

    def keep(sink: str, unsent: Unsent) -> None:
        if queue is None:
            tally.unsent(sink, unsent, queued=False)
            raise DeliveryFailed
        for body, part in letters(unsent, sink):
            try:
                queue.put(body)
            except QueueRefusedError as error:
                tally.unsent(sink, replace(part, reason=f"{part.reason}, and {error}"), queued=False)
            else:
                tally.unsent(sink, part, queued=True)

    return keep


def _failure(tally: Tally) -> str:
    reasons = "; ".join(f"{sink}: {reason}" for sink, reason in tally.reasons)
    counts = tally.counts()
    return (
        f"{reasons}. Of {counts['ReceivedEvents']} events {counts['DeliveredEvents']} were delivered,"
        f" {counts['DroppedEvents']} dropped by rule, {counts['DeadLetteredEvents']} put into the dead-letter queue."
    )


def _clock(context: Any, queue: Queue | None) -> Callable[[], float]:
    """The seconds that sinks have left."""

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    reserve = min(QUEUE_SECONDS, left() / 4) if queue else RESERVE_SECONDS
    return lambda: left() - max(reserve, RESERVE_SECONDS)
