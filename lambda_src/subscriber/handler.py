# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber's Lambda function: keeps the log groups of its account and region subscribed to the reflector.

Handler string: `handler.handler`. Settings: `subscriber/settings.py`. What it is told, and what it tells itself:
`subscriber/events.py`. The package `logreflector` beside this file is the collection's own code, the same that the catch-up runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from logreflector._errors import ReflectorError, describe_operation
from subscriber.events import (
    GroupsSubscribed,
    Ignored,
    NewGroup,
    NonsenseError,
    SweepSlice,
    TagsChanged,
    work_of,
)
from subscriber.groups import Groups
from subscriber.settling import Settling
from subscriber.sweeps import Sweeps
from subscriber.worker import Deadline, Worker, aws_client

_AGAIN_SECONDS = 30
"""After which a message that failed is received again. Those behind it wait meanwhile: the queue has one message group."""


class SubscriberError(Exception):
    """An event could not be worked off, and another try may help."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an event: the report that is logged, why it failed ("" if it did not), whether another try is of use."""

    report: Mapping[str, Any]
    failure: str = ""
    hopeless: bool = False


class Subscriber:
    """The work of this process, and what it remembers of it."""

    def __init__(self, function_arn: str) -> None:
        self._worker = Worker(function_arn)
        self._groups = Groups(self._worker)
        self._settling = Settling(self._worker, self._groups)
        self._sweeps = Sweeps(self._worker, self._groups)

    def serve_groups(self, asked: Mapping[str, NewGroup | TagsChanged], deadline: Deadline) -> dict[str, Result]:
        """Groups by name."""
        keys = self._worker.settings.tag_keys
        results: dict[str, Result] = {}
        told: dict[str, NewGroup | TagsChanged] = {}
        for name, work in asked.items():
            if isinstance(work, TagsChanged) and not work.keys & keys:
                results[name] = Result({"log_group": name, "outcome": "ignored", "reason": "its tags decide nothing"})
            else:
                told[name] = work
        for name, served in self._groups.serve(told, deadline).items() if told else ():
            outcome = served.outcome
            report = {"log_group": name, "outcome": outcome.kind, "reason": outcome.reason or served.failure}
            results[name] = Result(report, served.failure)
        return results

    def go_on(self, work: GroupsSubscribed | SweepSlice, deadline: Deadline) -> Result:
        """What takes an invocation's time. Raises ReflectorError."""
        if isinstance(work, SweepSlice):
            return Result(self._sweeps.slice(work, deadline))
        return Result(self._settling.settle(work, deadline))


# Made when it is needed first: what is wrong with the settings fails an event, and not the start of the function.
_subscriber = cache(Subscriber)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Work off the messages of an SQS event, answering those that failed, or one event of EventBridge, answering its report.

    Of a batch each message counts for itself. What another try may mend is in the queue again soon; what makes no sense
    goes on to its dead-letter queue. SubscriberError for a single event that failed.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        (result,) = _results([event], context)
        if result.failure:
            raise SubscriberError(result.failure)
        return dict(result.report)
    results = _results([_opened(record) for record in records], context)
    failed = [(record, result) for record, result in zip(records, results, strict=True) if result.failure]
    for record, result in failed:
        _show_again(record, 0 if result.hopeless else _AGAIN_SECONDS)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _unused in failed]}


def _opened(record: Mapping[str, Any]) -> Any:
    """The event in a message; None, which is no event, if there is none."""
    try:
        return json.loads(record["body"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _results(events: Iterable[Any], context: Any) -> list[Result]:
    """One for each event, in their order, and a line in the log for each."""
    results: dict[int, Result] = {}
    new: dict[int, NewGroup] = {}
    tagged: dict[int, TagsChanged] = {}
    longer: dict[int, GroupsSubscribed | SweepSlice] = {}
    for number, event in enumerate(events):
        try:
            work = work_of(event)
        except NonsenseError as error:
            results[number] = Result({"outcome": "refused", "reason": str(error)}, str(error), hopeless=True)
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
    function_arn = context.invoked_function_arn
    for group_works in (new, tagged):
        results.update(_of_groups(group_works, function_arn, deadline))
    # The sweep last: it takes what time it gets.
    for number, work in sorted(longer.items(), key=lambda item: isinstance(item[1], SweepSlice)):
        results[number] = _of_one(work, function_arn, deadline)
    for _number, result in sorted(results.items()):
        print(json.dumps(result.report))
    return [result for _number, result in sorted(results.items())]


def _of_groups(
    works: Mapping[int, NewGroup] | Mapping[int, TagsChanged], function_arn: str, deadline: Deadline
) -> dict[int, Result]:
    """Several messages of one group are one piece of work."""
    asked: dict[str, NewGroup | TagsChanged] = {}
    for work in works.values():
        known = asked.get(work.log_group)
        if isinstance(known, TagsChanged) and isinstance(work, TagsChanged):
            asked[work.log_group] = TagsChanged(work.log_group, known.keys | work.keys)
        else:
            asked[work.log_group] = work
    if not asked:
        return {}
    try:
        found = _subscriber(function_arn).serve_groups(asked, deadline)
    except ReflectorError as error:
        return {number: _failure(error, work.log_group) for number, work in works.items()}
    return {number: found[work.log_group] for number, work in works.items()}


def _of_one(work: GroupsSubscribed | SweepSlice, function_arn: str, deadline: Deadline) -> Result:
    try:
        return _subscriber(function_arn).go_on(work, deadline)
    except ReflectorError as error:
        return _failure(error)


def _failure(error: ReflectorError, log_group: str = "") -> Result:
    named = {"log_group": log_group} if log_group else {}
    return Result({**named, "outcome": "failed", "reason": str(error)}, str(error))


def _show_again(record: Mapping[str, Any], seconds: int) -> None:
    """Have SQS deliver a message again sooner than its visibility time-out says; if that fails, it is later."""
    _arn, _aws, _sqs, _region, account, queue = record["eventSourceARN"].split(":")
    client = aws_client("sqs")
    try:
        with describe_operation(f"show a message of queue {queue} again"):
            client.change_message_visibility(
                QueueUrl=f"{client.meta.endpoint_url}/{account}/{queue}",
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=seconds,
            )
    except ReflectorError as error:
        print(json.dumps({"outcome": "waits for the visibility time-out", "reason": str(error)}))
