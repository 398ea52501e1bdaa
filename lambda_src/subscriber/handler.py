# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber's Lambda function: keeps the log groups of its account and region subscribed to the reflector.

Handler string: `handler.handler`. Settings: `subscriber/settings.py`. Events: `subscriber/events.py`. The package
`logreflector` beside this file is the collection's own code, which the catch-up runs as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

from logreflector._errors import ReflectorError, describe_operation
from logreflector._subscriptions.settings import deciding_tag_keys
from subscriber.backfills import Backfills
from subscriber.events import (
    GroupsSubscribed,
    Ignored,
    InvalidEventError,
    NewGroup,
    SweepSlice,
    TagsChanged,
    parse_event,
)
from subscriber.groups import Groups
from subscriber.settings import OwnFunction
from subscriber.sweeps import Sweeps
from subscriber.worker import Deadline, Worker, aws_client, now, queue_url, reason_of

_LONGEST_SLEEP = 10.0
"""A message that has to wait longer goes back to the queue until then: an invocation that sleeps costs money."""

_RETRY_SECONDS = 30
"""Time until a failed message is received again. Later messages wait for it: the queue has one message group."""


class SubscriberError(Exception):
    """An event failed, and a retry may help."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an event: the logged report, why it failed ("" if it did not), and seconds until the next attempt."""

    report: Mapping[str, Any]
    failure: str = ""
    retry_seconds: int = _RETRY_SECONDS


class Subscriber:
    """The work of this process, and its memory between invocations."""

    def __init__(self, function_arn: str) -> None:
        self._worker = Worker(function_arn)
        self._groups = Groups(self._worker)
        self._backfills = Backfills(self._worker, self._groups)
        self._sweeps = Sweeps(self._worker, self._groups)

    def process_groups(self, works: Mapping[str, NewGroup | TagsChanged], deadline: Deadline) -> dict[str, Result]:
        """Process new groups and groups with changed tags; return the results by name."""
        keys = deciding_tag_keys(self._worker.settings)
        results: dict[str, Result] = {}
        relevant: dict[str, NewGroup | TagsChanged] = {}
        for name, work in works.items():
            if isinstance(work, TagsChanged) and work.keys is not None and not work.keys & keys:
                results[name] = Result(
                    {"log_group": name, "outcome": "ignored", "reason": "the rules do not depend on these tags"}
                )
            else:
                relevant[name] = work
        if not relevant:
            return results
        for name, processed in self._groups.process(relevant, deadline).items():
            outcome = processed.outcome
            report = {"log_group": name, "outcome": outcome.kind, "reason": outcome.reason or processed.failure}
            results[name] = Result(report, processed.failure)
        return results

    def run_long(self, work: GroupsSubscribed | SweepSlice, deadline: Deadline) -> Result:
        """Do work that may take a whole invocation. Raises ReflectorError."""
        if isinstance(work, SweepSlice):
            return Result(self._sweeps.run_slice(work, deadline))
        return Result(self._backfills.run(work, deadline))


# Created with the first event, so that wrong settings fail an event and not the start of the function.
_subscriber = cache(Subscriber)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Process the messages of an SQS event and return the failed ones, or one event and return its report.

    Each message of a batch fails alone. Failed messages are retried soon; invalid events go to the dead-letter queue without
    a pause. SubscriberError for a single event that failed.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        (result,) = _results([event], context)
        if result.failure:
            raise SubscriberError(result.failure)
        return dict(result.report)
    results = _results([_body(record) for record in records], context)
    failed = [(record, result) for record, result in zip(records, results, strict=True) if result.failure]
    for record, result in failed:
        _retry_in(record, result.retry_seconds)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _unused in failed]}


def _body(record: Mapping[str, Any]) -> Any:
    """Return the event in a message, None if there is none: that is an invalid event."""
    try:
        return json.loads(record["body"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _results(events: Iterable[Any], context: Any) -> list[Result]:
    """Return a result for each event, in their order, and log a line for each."""
    results: dict[int, Result] = {}
    function_arn = context.invoked_function_arn
    own = OwnFunction.of(function_arn)
    new: dict[int, NewGroup] = {}
    tagged: dict[int, TagsChanged] = {}
    longer: dict[int, GroupsSubscribed | SweepSlice] = {}
    for number, event in enumerate(events):
        try:
            work = parse_event(event, own, now())
        except InvalidEventError as error:
            results[number] = Result({"outcome": "refused", "reason": str(error)}, str(error), retry_seconds=0)
            continue
        except Exception as error:  # noqa: BLE001 - fails this message and no other
            results[number] = _failure(error)
            continue
        if isinstance(work, Ignored):
            results[number] = Result({"log_group": work.log_group, "outcome": "ignored", "reason": work.reason})
        elif isinstance(work, NewGroup):
            new[number] = work
        elif isinstance(work, TagsChanged):
            tagged[number] = work
        else:
            longer[number] = work
    deadline = Deadline(context)
    for group_works in (new, tagged):
        results.update(_process_groups(group_works, function_arn, deadline))
    # The sweep comes last, because it uses all the remaining time.
    for number, work in sorted(longer.items(), key=lambda item: isinstance(item[1], SweepSlice)):
        results[number] = _run_long(work, function_arn, deadline)
    ordered = [results[number] for number in sorted(results)]
    for result in ordered:
        print(json.dumps(result.report))
    return ordered


def _process_groups(
    works: Mapping[int, NewGroup] | Mapping[int, TagsChanged], function_arn: str, deadline: Deadline
) -> dict[int, Result]:
    """Merge the messages of one group and process the groups."""
    merged: dict[str, NewGroup | TagsChanged] = {}
    for work in works.values():
        known = merged.get(work.log_group)
        if isinstance(known, TagsChanged) and isinstance(work, TagsChanged):
            keys = None if known.keys is None or work.keys is None else known.keys | work.keys
            merged[work.log_group] = TagsChanged(work.log_group, keys)
        else:
            merged[work.log_group] = work
    if not merged:
        return {}
    try:
        found = _subscriber(function_arn).process_groups(merged, deadline)
    except Exception as error:  # noqa: BLE001 - fails these messages and no others
        return {number: _failure(error, work.log_group) for number, work in works.items()}
    return {number: found[work.log_group] for number, work in works.items()}


def _run_long(work: GroupsSubscribed | SweepSlice, function_arn: str, deadline: Deadline) -> Result:
    wait = (work.not_before - now()) / 1000 if isinstance(work, GroupsSubscribed) else 0.0
    if wait > _LONGEST_SLEEP:
        return Result({"outcome": "waits", "seconds": ceil(wait)}, "it is too early", retry_seconds=ceil(wait))
    try:
        return _subscriber(function_arn).run_long(work, deadline)
    except Exception as error:  # noqa: BLE001 - fails this message and no other
        return _failure(error)


def _failure(error: Exception, log_group: str = "") -> Result:
    named = {"log_group": log_group} if log_group else {}
    reason = reason_of(error)
    return Result({**named, "outcome": "failed", "reason": reason}, reason)


def _retry_in(record: Mapping[str, Any], seconds: int) -> None:
    """Let SQS deliver the message again after `seconds`. If that fails, the visibility time-out applies."""
    _arn, _aws, _sqs, _region, account, queue = record["eventSourceARN"].split(":")
    client = aws_client("sqs")
    try:
        with describe_operation(f"change the visibility of a message in queue {queue}"):
            client.change_message_visibility(
                QueueUrl=queue_url(client, account, queue),
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=seconds,
            )
    except ReflectorError as error:
        print(json.dumps({"outcome": "waits for the visibility time-out", "reason": str(error)}))
