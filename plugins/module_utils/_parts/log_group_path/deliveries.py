# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of one log group in the reflector's log and in its dead-letter queue."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..._delivery_line import (
    ALREADY_DELIVERED,
    DEAD_LETTERED_EVENTS,
    DELIVERED_EVENTS,
    DROPPED_BY,
    DROPPED_EVENTS,
    ERROR,
    FAILED_EVENTS,
    LOG_GROUP,
    ORIGIN,
    OWNER,
    REASONS,
    RECEIVED_EVENTS,
    REPLAY,
    REQUEST_ID,
    RESENT,
    SOURCE_REGION,
)
from ..._errors import NotFoundError
from ..._resources.dead_letters import reason_of, receive_messages
from ..._resources.replay.event import Message, one_line
from ..._resources.sqs_queue import read_queue
from ..._session import Target
from ..reflector_code import module
from .stations import Station, ok, problem, unknown
from .subscription import moment

_PAGES = 10
"""Calls for each part of the period: FilterLogEvents may return empty pages while it searches a busy log."""

_SHARES = (1 / 12, 1 / 4, 1.0)
"""Parts of the period, the newest first: a busy log is not read to its end."""

_RECEIVES = 5
"""Calls for the sample of dead letters."""

_SETTLE_MS = 10 * 60_000
"""After so long an event must be in the reflector's log. AWS delivers "usually less than three minutes" (Subscriptions page)."""

_FAILED = (DEAD_LETTERED_EVENTS, FAILED_EVENTS)


REPLAY_ADVICE = "Remove the cause, then send the dead letters again."

_SEND = "explain -e send=true"

_NO_DEAD_LETTERS_ADVICE = (
    "Remove the cause, then see whether a test line arrives: no dead letter of this log group is left."
)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a log group in the reflector's log and in its queue.

    log_group           in the reflector's log
    copy                the log group that CloudWatch Logs sends from, where AWS's centralization copies the events there; "" otherwise
    account             of the log group, "" if any will do
    region              of the origin of copies, "" otherwise
    """

    log_group: str
    copy: str = ""
    account: str = ""
    region: str = ""

    def has_line(self, line: Mapping[str, Any]) -> bool:
        """Return whether a line of the reflector's log is about this log group."""
        is_same = line.get(LOG_GROUP) == self.log_group and line.get(SOURCE_REGION, "") == self.region
        return is_same and (not self.region or line.get(OWNER) == self.account)

    def has_letter(self, owner: str, log_group: str) -> bool:
        """Return whether a dead letter is of this log group. Those of a sink have the names of the origin, without its region."""
        if not self.copy:
            return log_group == self.log_group and (not self.account or owner in ("", self.account))
        return log_group == self.copy or (owner, log_group) == (self.account, self.log_group)


@dataclass(frozen=True, slots=True)
class Line:
    """One invocation of the reflector with events of the log group.

    at      ms since 1970
    resent  events that a replay took from the dead-letter queue and sinks accepted; an earlier line has received them
    reason  why events were not delivered, or by which rule they were dropped
    request Lambda's id, the same for each attempt at an invocation; "" if the line has none
    """

    at: int
    received: int = 0
    delivered: int = 0
    dropped: int = 0
    undelivered: int = 0
    resent: int = 0
    reason: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The invocations of the last minutes.

    is_complete  False if the log was too long to be read to its end
    """

    lines: Sequence[Line]
    minutes: int
    is_complete: bool = True

    def total(self, name: str) -> int:
        """Return the sum of a count."""
        return sum(getattr(line, name) for line in self.lines)

    @property
    def recovered(self) -> int:
        """The number of events that were received in the period, not delivered, and accepted in a replay after that."""
        recovered = waiting = 0
        for line in self.lines:
            accepted = min(line.resent, waiting)
            recovered += accepted
            waiting += (line.undelivered if line.received else 0) - accepted
        return recovered


def line_of(event: Mapping[str, Any], names: Names) -> Line | None:
    """Return the invocation that an event of the reflector's log accounts for, None if it is about other events."""
    try:
        found = json.loads(event["message"])
    except ValueError:
        return None
    if not isinstance(found, Mapping):
        return None
    if found.get(ORIGIN) == REPLAY:
        return _replay_line(event["timestamp"], found, names)
    if not names.has_line(found):
        return None
    counted = _number(_dropped_by(found).get(ALREADY_DELIVERED))
    received = _number(found.get(RECEIVED_EVENTS)) - counted
    if counted and not received:
        return None
    return Line(
        event["timestamp"],
        received,
        _number(found.get(DELIVERED_EVENTS)),
        _number(found.get(DROPPED_EVENTS)) - counted,
        sum(_number(found.get(name)) for name in _FAILED),
        reason=_reason(found),
        request=_request(found),
    )


def _replay_line(at: int, line: Mapping[str, Any], names: Names) -> Line | None:
    """Return a replay of events of the log group. It names the log group of refused events only if it had one message."""
    listed = line.get(RESENT)
    messages = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    resent = sum(_number(message.get("events")) for message in messages if names.has_line(message))
    refused = sum(_number(line.get(name)) for name in _FAILED) if names.has_line(line) else 0
    if not resent and not refused:
        return None
    return Line(at, undelivered=refused, resent=resent, reason=_reason(line), request=_request(line))


def _dropped_by(line: Mapping[str, Any]) -> Mapping[str, Any]:
    dropped = line.get(DROPPED_BY)
    return dropped if isinstance(dropped, Mapping) else {}


def _request(line: Mapping[str, Any]) -> str:
    return str(line.get(REQUEST_ID) or "")


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _reason(line: Mapping[str, Any]) -> str:
    reasons = line.get(REASONS)
    listed = [each for each in reasons if isinstance(each, Mapping)] if isinstance(reasons, list) else []
    if listed:
        return one_line("; ".join(f"{each.get('sink')}: {each.get('reason')}" for each in listed[:3]))
    if rules := [str(rule) for rule in _dropped_by(line) if rule != ALREADY_DELIVERED]:
        return one_line(f"dropped by: {', '.join(rules)}")
    return one_line(line.get(ERROR) or "")


def read_deliveries(target: Target, reflector_log: str, names: Names, minutes: int) -> Deliveries:
    """Return the reflector's latest invocations for the log group. NotFoundError if the reflector has no log."""
    end = now = int(time.time() * 1000) + 1
    is_complete = True
    for share in _SHARES:
        start = now - round(minutes * 60_000 * share)
        events, is_whole = _read(target, reflector_log, names.log_group, start, end)
        is_complete = is_complete and is_whole
        if lines := [line for event in events if (line := line_of(event, names))]:
            return Deliveries(last_attempts(lines), max(1, round(minutes * share)), is_complete)
        end = start
    return Deliveries((), minutes, is_complete)


def last_attempts(lines: Iterable[Line]) -> list[Line]:
    """Return the last attempt of each invocation, by time. Each attempt has all events, so earlier ones would count them again."""
    in_order = sorted(lines, key=lambda line: line.at)
    last = {line.request or number: line for number, line in enumerate(in_order)}
    return sorted(last.values(), key=lambda line: line.at)


def _read(
    target: Target, reflector_log: str, log_group: str, start: int, end: int
) -> tuple[list[dict[str, Any]], bool]:
    """Return the events that name the log group, and whether all were read."""
    request = {
        "logGroupName": reflector_log,
        "filterPattern": f'"{log_group}"',
        "startTime": start,
        "endTime": end - 1,
    }
    found: list[dict[str, Any]] = []
    for _page in range(_PAGES):
        with target.describe_operation("read the log of the reflector"):
            answer = target.client("logs").filter_log_events(**request)
        found += answer["events"]
        if not answer.get("nextToken"):
            return found, True
        request["nextToken"] = answer["nextToken"]
    return found, False


def sink_station(deliveries: Deliveries) -> Station:
    """Return what the sinks answered last."""
    answered = [line for line in deliveries.lines if line.delivered or line.undelivered or line.resent]
    if not answered:
        return unknown("sink", "no_answer", f"{_silence(deliveries)}, so no answer of a sink is known")
    last = answered[-1]
    if not last.undelivered:
        return ok("sink", f"it accepted {_events(last.delivered or last.resent)} at {moment(last.at)}")
    return problem(
        "sink",
        "refused",
        f"it did not accept {_events(last.undelivered)} at {moment(last.at)}: {last.reason or 'no reason is known'}",
        advice=REPLAY_ADVICE,
        command="replay",
    )


def delivery_station(deliveries: Deliveries, last_event: int | None, filtered_since: int | None) -> Station:
    """Return whether events arrived.

    last_event      of the log group, in ms since 1970, None if unknown
    filtered_since  since when every event of the log group is sent to the reflector; None if that is not known, or not so
    """
    received, recovered = deliveries.total("received"), deliveries.recovered
    delivered = deliveries.total("delivered") + recovered
    period = f"of the last {deliveries.minutes} minutes"
    if delivered:
        share = f"{delivered:,} of {_events(received)} {period} delivered"
        replayed = f", {recovered:,} of them by a replay" if recovered else ""
        return ok("delivery", f"{share}{replayed}, the last at {_last_delivery(deliveries)}")
    if received:
        last = deliveries.lines[-1]
        why = last.reason or "no reason is known"
        text = f"none of {_events(received)} {period} was delivered: {why}"
        return problem("delivery", "dropped" if deliveries.total("dropped") else "undelivered", text)
    if resent := deliveries.total("resent"):
        return ok(
            "delivery", f"a replay {period} delivered {_events(resent)}, the last at {_last_delivery(deliveries)}"
        )
    if deliveries.is_complete and _must_have_arrived(deliveries.minutes, last_event, filtered_since):
        return problem(
            "delivery",
            "not_received",
            f"the reflector received nothing, and the log group has an event of {moment(last_event or 0)}",
            advice="CloudWatch Logs skips a filter for up to ten minutes after a refused delivery. See whether a test line arrives.",
            command=_SEND,
        )
    return unknown("delivery", "no_event", _silence(deliveries))


def _last_delivery(deliveries: Deliveries) -> str:
    return moment(next(line.at for line in reversed(deliveries.lines) if line.delivered or line.resent))


def without_dead_letters(sink: Station) -> Station:
    """Return the station of a sink for a log group without dead letters: there is nothing to send again."""
    if sink.cause != "refused":
        return sink
    return replace(sink, advice=_NO_DEAD_LETTERS_ADVICE, command=_SEND)


def _must_have_arrived(minutes: int, last_event: int | None, filtered_since: int | None) -> bool:
    """Return whether the log group's last event would be in the reflector's log if it had arrived."""
    if last_event is None or filtered_since is None:
        return False
    now = time.time() * 1000
    return max(now - minutes * 60_000, filtered_since) + _SETTLE_MS < last_event < now - _SETTLE_MS


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number:,} events"


def _silence(deliveries: Deliveries) -> str:
    if not deliveries.is_complete:
        return "the reflector's log is too long to be searched to its end"
    return f"the reflector's log has no event of this log group from the last {deliveries.minutes} minutes"


def dead_letters_station(target: Target, queue_name: str, names: Names) -> Station:
    """Return whether dead letters of the log group are in a sample of the queue. The messages stay in the queue, and visible."""
    try:
        queue = read_queue(target, queue_name)
    except NotFoundError:
        return problem(
            "dead_letters",
            "no_queue",
            f"there is no queue {queue_name}, so events that a sink refuses are lost",
            advice="Deploy again.",
            command="deploy",
        )
    if queue.attributes.get("RedrivePolicy"):
        # Each receipt counts, and the last one moves a message away.
        return unknown("dead_letters", "redrive", f"the queue {queue_name} has a redrive policy, so it is not read")
    waiting = queue.messages
    messages = _sample(target, queue) if queue.counts["visible"] else []
    own = [message for message in messages if names.has_letter(*place_of(message))]
    if own:
        return problem(
            "dead_letters",
            "dead_letters",
            f"{len(own)} of {len(messages)} messages read are of this log group, {waiting:,} wait in {queue_name}: {_reasons(own)}",
            advice=REPLAY_ADVICE,
            command="replay",
        )
    if waiting > len(messages):
        text = f"none of the {len(messages)} messages read is of this log group; {waiting:,} wait in {queue_name}"
        return unknown("dead_letters", "sample", text)
    what = (
        f"none of the {waiting:,} messages in {queue_name} is of this log group"
        if waiting
        else f"{queue_name} is empty"
    )
    return ok("dead_letters", what)


def _sample(target: Target, queue: Any) -> list[Message]:
    """Return different messages of some receipts."""
    found: dict[str, Message] = {}
    for _number_of_call in range(_RECEIVES):
        before = len(found)
        found.update((message.message_id, message) for message in receive_messages(target, queue))
        if len(found) == before:
            break
    return list(found.values())


def place_of(message: Message) -> tuple[str, str]:
    """Return account and log group of a dead letter, "" if they cannot be read. Nothing of the events is kept."""
    code = module("decode")
    try:
        body = json.loads(message.body)
        # The record of a failed asynchronous invocation has the event as its requestPayload.
        event = body.get("requestPayload", body)
        payload = code.decode(event)
        return str(payload.owner), str(payload.log_group)
    except (ValueError, AttributeError, RecursionError, code.PayloadError):
        return "", ""


def _reasons(messages: Iterable[Message]) -> str:
    counted = Counter(map(reason_of, messages)).most_common(3)
    return "; ".join(f"{number} of them: {reason}" for reason, number in counted)
