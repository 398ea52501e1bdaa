# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the events of a target. Changes nothing in AWS. What cannot be read is unknown, and does not stop the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from ..._errors import ReflectorError
from ..._options.coverage import CoverageOptions
from ..._plan import Result
from ..._resources.reflector_ready import find_reflector
from ..._session import Target
from ..._subscriptions.delivery import log_group_of
from .dead_letters import read_dead_letters
from .lines import Lines, read_lines
from .metrics import Metrics, read_failed_rules, read_forwarding, read_function, read_queue_metrics
from .reconcile import Readings, reconcile
from .scope import Scope, period_of

T = TypeVar("T")


class FlowReader:
    """Reads the flow of a target for one period.

    notes   what could not be read, and why
    """

    def __init__(
        self,
        target: Target,
        options: CoverageOptions,
        *,
        reflector: str,
        subscriber: str,
        queue: str,
        is_copy: Callable[[str], bool] | None = None,
    ) -> None:
        self.scope = Scope(is_copy=is_copy)
        self.notes: list[str] = []
        self._target, self._reflector, self._subscriber, self._queue = target, reflector, subscriber, queue
        self._period = period_of(options, time.time())
        self._metrics = Metrics(target, self._period)

    def read(self, policy: str, filter_pattern: str, *, is_listed: bool) -> Result:
        """Return the flow.

        policy     name of our account policy, "" if there is none
        is_listed  whether all log groups are in the scope
        """
        metrics = self._metrics
        if not is_listed:
            self.notes.append("the events of CloudWatch Logs were not read: not all log groups could be listed")
        readings = Readings(
            forwarding=self._try("the events of CloudWatch Logs", lambda: read_forwarding(metrics, self.scope, policy))
            if is_listed
            else None,
            function=self._try("the metrics of the reflector", lambda: read_function(metrics, self._reflector)),
            queue=self._try("the metrics of the dead-letter queue", lambda: read_queue_metrics(metrics, self._queue)),
            lines=self._try("the reflector's accounts", self._read_lines),
            failed_rules=self._try(
                "the metrics of the subscriber's rules", lambda: read_failed_rules(metrics, self._subscriber)
            ),
            letters=self._try("the dead letters", lambda: read_dead_letters(self._target, self._queue, self._period)),
            filter_pattern=filter_pattern,
        )
        counts = reconcile(readings)
        if unread := len(self.scope.not_checked):
            what = "1 log group that was" if unread == 1 else f"{unread:,} log groups that were"
            self.notes.append(f"events of {what} not checked are not counted")
        lines = readings.lines
        return {
            "begin": self._period.begin,
            "end": self._period.end,
            **counts.values,
            "facts": facts_of(readings),
            "notes": [*self.notes, *counts.notes],
            "reading": {
                "metrics": metrics.queried,
                "list_calls": metrics.lists,
                "bytes_scanned": lines.bytes_scanned if lines else 0,
            },
        }

    def _read_lines(self) -> Lines:
        configuration = find_reflector(self._target, self._reflector)
        log_group = log_group_of(configuration, self._reflector)
        return read_lines(self._target, log_group, self._reflector, self._period)

    def _try(self, what: str, read: Callable[[], T]) -> T | None:
        """Return what was read; None, with a note, if it could not be read."""
        try:
            return read()
        except ReflectorError as error:
            self.notes.append(f"{what} were not read: {error}")
            return None


def facts_of(readings: Readings) -> dict[str, Any]:
    """Return the figures beside the events: of payloads, requests and messages. A figure that was not read is missing."""
    facts: dict[str, Any] = dict(readings.function or {})
    facts.update(readings.queue or {})
    if lines := readings.lines:
        facts["UndecodablePayloads"] = lines.undecodable
        facts["FailedAttempts"] = lines.failed
        facts["Retries"] = lines.retries
        facts["BackfilledEvents"] = lines.backfilled
        facts["ReplayedEvents"] = lines.replayed
        if lines.test_line_at is not None:
            facts["LastTestLine"] = lines.test_line_at
        if lines.test_line_ms is not None:
            facts["LastTestLineMilliseconds"] = lines.test_line_ms
    if readings.failed_rules is not None:
        facts["FailedRuleInvocations"] = readings.failed_rules
    if letters := readings.letters:
        facts["MessagesInQueue"] = letters.messages
        if letters.oldest_seconds is not None:
            facts["OldestMessageSeconds"] = letters.oldest_seconds
    return facts
