# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notifications of a sweep: what changed since the sweep before, as events of EventBridge and as metrics (docs/NOTIFY.md).

They never stop a sweep: whatever fails here is in the sweep's report and in the metric `NotificationFailures`. They hold names of
log groups and queues, causes and numbers, and never log events.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from logreflector._errors import ReflectorError, describe_operation
from logreflector._options.notifications import NotificationSettings
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.choice import LogGroup, default_log_group
from logreflector._subscriptions.outcome import Outcome
from logreflector._subscriptions.sweep import Sweep
from logreflector._subscriptions.tally import FAILURES

from .events import SweepSlice
from .groups import find_group
from .metrics import NOT_SERVED, coverage, embedded
from .news import Listed, News, later, unique
from .silence import Silence, SilentSources
from .sweep_state import State, SweepState, slice_records
from .worker import Deadline, Worker, now, queue_url, reason_of

SOURCE = "logreflector.aws"
COVERAGE_CHANGED = "Log Coverage Changed"
SOURCES_SILENT = "Log Sources Silent"
DEAD_LETTERS_GROWING = "Log Dead Letters Growing"
VERSION = 1

_COVERED = ("subscribed", "created", "updated")
_MESSAGES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Notifications:
    """The notifications of one slice. Create it before the slice runs, and add each outcome."""

    def __init__(
        self, worker: Worker, settings: NotificationSettings, api: LogsApi, work: SweepSlice, deadline: Deadline
    ) -> None:
        self._worker, self._settings, self._api = worker, settings, api
        self._work, self._deadline = work, deadline
        name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME") or default_log_group(worker.own.function)
        self._memory = SweepState(api, name)
        self._failures: list[str] = []
        self._before: State | None = None
        self._uncovered: dict[str, str] = {}
        self._recovered: set[str] = set()
        self._repaired: set[str] = set()
        with self._noting_failures():
            self._before = self._memory.latest(work.started)

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a notification never stops a sweep
            self._failures.append(reason_of(error))

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a log group, or its second one, which replaces the first."""
        name, before = outcome.log_group, self._before
        self._uncovered.pop(name, None)
        self._recovered.discard(name)
        self._repaired.discard(name)
        if outcome.kind in NOT_SERVED:
            self._uncovered[name] = outcome.cause or outcome.kind
        elif before is None or outcome.kind not in _COVERED:
            return
        elif name in before.uncovered:
            self._recovered.add(name)
        elif outcome.kind == "created" and 0 < outcome.created < SweepSlice(before.sweep).started_ms:
            self._repaired.add(name)

    def end_slice(self) -> News:
        """Write the slice's part of the state; return the news until now."""
        with self._noting_failures():
            self._write(None)
        return self._news()

    def end_sweep(self, counts: Mapping[str, int], sweep: Sweep) -> dict[str, Any]:
        """Send the events, write the metrics, and write the state if the events were accepted. Return the report."""
        news, at = self._news(), now()
        before = self._before
        silence = self._find_silence(sweep, at // 1000)
        letters = self._read_dead_letters()
        events: dict[str, dict[str, Any]] = {}
        if before and news.count:
            events[COVERAGE_CHANGED] = _coverage_changed(before, counts, news)
        if silence and silence.fell_silent:
            events[SOURCES_SILENT] = _sources_silent(silence, self._settings, at // 1000)
        if grown := _grown(before, letters):
            events[DEAD_LETTERS_GROWING] = {"since": before.sweep if before else "", **grown}
        with self._noting_failures():
            self._send(events)
            kept = silence.silent if silence else before.silent if before else ()
            state = {"counts": dict(counts), "dead_letters": {**(before.dead_letters if before else {}), **letters}}
            self._write(state, kept)
        metrics: dict[str, float] = {"CoverageChanges": news.count, "DeadLettersAdded": grown.get("count", 0)}
        if silence:  # what was not read is not 0
            metrics["SilentSources"] = len(silence.fell_silent)
        failures = unique([*news.failures, *self._failures])
        metrics["NotificationFailures"] = len(failures)
        print(embedded(metrics, self._worker.own.function, at))
        return {
            "events": list(events),
            "since": before.sweep if before else None,
            "unchecked_log_groups": silence.unchecked if silence else None,
            "failures": failures,
        }

    def _news(self) -> News:
        found = News(failures=list(self._failures))
        if self._before:
            new = self._uncovered.keys() - self._before.uncovered.keys()
            for name in sorted(new):
                found.lists["uncovered"].add({"log_group": name, "cause": self._uncovered[name]})
            for key, names in (("covered", self._recovered), ("repaired", self._repaired)):
                for name in sorted(names):
                    found.lists[key].add({"log_group": name})
        return later(self._work.news, found)

    def _write(self, end: Mapping[str, Any] | None, silent: Any = ()) -> None:
        at = now()
        records = slice_records(self._work.started, self._work.number, self._uncovered, run=at, end=end, silent=silent)
        self._memory.write(records, at)

    def _find_silence(self, sweep: Sweep, at: int) -> Silence | None:
        """Return the silent sources; None if they could not be read."""
        with self._noting_failures():
            choice = self._worker.choice()
            client, where = self._worker.client("cloudwatch"), self._worker.own.where
            sources = SilentSources(client, self._settings, where, self._deadline.left)
            known = self._before.silent if self._before else ()
            return sources.find(
                at,
                known,
                lambda name: choice.exclusion(LogGroup(name)) is None,
                lambda name: self._is_covered(sweep, name),
            )
        return None

    def _is_covered(self, sweep: Sweep, name: str) -> bool:
        group = find_group(self._api, name)
        if group is None:
            return False
        outcome = sweep.process(group, write=False)
        if outcome.kind in FAILURES:
            raise ReflectorError(f"read log group {name}", outcome.reason, where=self._worker.own.where)
        return outcome.kind in ("subscribed", "updated")

    def _read_dead_letters(self) -> dict[str, int]:
        """Return the number of messages of each queue that can be read."""
        found: dict[str, int] = {}
        for queue in self._settings.queues:
            with self._noting_failures():
                client = self._worker.client("sqs")
                url = queue_url(client, self._worker.own.account, queue)
                with describe_operation(f"count the messages in queue {queue}", self._worker.own.where):
                    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_MESSAGES))
                found[queue] = sum(int(answer["Attributes"].get(name, 0)) for name in _MESSAGES)
        return found

    def _send(self, events: Mapping[str, Mapping[str, Any]]) -> None:
        """Send the events in one call. Raises ReflectorError if EventBridge refuses one."""
        if not events:
            return
        bus = self._settings.notify_event_bus
        common = {"version": VERSION, "function": self._worker.own.function, "sweep": self._work.started}
        entries = [
            {
                "Source": SOURCE,
                "DetailType": kind,
                "Detail": json.dumps({**common, **detail}),
                **({"EventBusName": bus} if bus else {}),
            }
            for kind, detail in events.items()
        ]
        operation = f"send {', '.join(events)} to {bus or 'the default event bus'}"
        with describe_operation(operation, self._worker.own.where):
            answer = self._worker.client("events").put_events(Entries=entries)
        for entry in answer["Entries"]:
            if code := entry.get("ErrorCode"):
                message = entry.get("ErrorMessage", "")
                raise ReflectorError(operation, message, code=code, where=self._worker.own.where)


def _coverage_changed(before: State, counts: Mapping[str, int], news: News) -> dict[str, Any]:
    then, today = coverage(before.counts), coverage(counts)
    lists = {name: each.plain() for name, each in news.lists.items()}
    return {
        "since": before.sweep,
        "coverage": {"before": then["Coverage"], "now": today["Coverage"]},
        "log_groups": {"chosen": int(today["ShouldBeSubscribed"]), "covered": int(today["Subscribed"])},
        **lists,
    }


def _sources_silent(silence: Silence, settings: NotificationSettings, at: int) -> dict[str, Any]:
    found = Listed()
    for example in silence.examples(at):
        found.add(example)
    return {
        "rule": {"days": settings.notify_silent_days, "hours": settings.notify_silent_hours},
        "silent": found.plain(),
        "unchecked": silence.unchecked,
    }


def _grown(before: State | None, letters: Mapping[str, int]) -> dict[str, Any]:
    """Return the queues that have more messages than at the sweep before, {} if none has."""
    known = before.dead_letters if before else {}
    queues = [
        {"queue": queue, "before": known[queue], "now": number}
        for queue, number in letters.items()
        if number > known.get(queue, number)
    ]
    added = sum(number - known[queue] for queue, number in letters.items() if number > known.get(queue, number))
    return {"count": added, "queues": queues} if queues else {}
