# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A test line that is sent through one log group of others: in a log stream of its own, which is deleted afterwards."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..._delivery_line import DROPPED_EVENTS
from ..._errors import AccessDeniedError, NotFoundError, ReflectorError
from ..._resources.delivery_reports import LogReader, Report, delivery_report
from ..._session import Target
from .deliveries import REPLAY_ADVICE
from .stations import Station, ok, problem, unknown, unread

STREAM_PREFIX = "log-reflector-explain-"

_PERMISSIONS = "Give the caller docs/iam/test-line-policy.json."


@dataclass(frozen=True, slots=True)
class SentLine:
    """The end of a test line.

    stations    the sink and the delivery, which it proves
    seconds     until the reflector reported it, None if it did not
    note        why the log stream is still there, "" if it is not
    """

    stations: tuple[Station, ...]
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TestLine:
    """A line for one log group.

    reflector_log   the log group that the reflector writes to
    timeout         seconds to wait
    patterns        why the line may be left out on its way, "" if every line is forwarded
    reader, copy    the target of the reflector and the log group of the copy, where AWS's centralization copies the line
    """

    target: Target
    log_group: str
    reflector_log: str
    timeout: float
    patterns: str = ""
    reader: Target | None = None
    copy: str = ""
    stream: str = field(default_factory=lambda: f"{STREAM_PREFIX}{uuid.uuid4().hex[:12]}")

    def send(self) -> SentLine:
        """Send the line, wait until the reflector reports it, and delete the log stream."""
        try:
            self._call("create", self._logs.create_log_stream)
        except ReflectorError as error:
            return SentLine((_not_written(error),))
        try:
            line = {"timestamp": int(time.time() * 1000), "message": f"log reflector test line {self.stream}"}
            self._call("write the test line to", partial(self._logs.put_log_events, logEvents=[line]))
            sent = self._wait()
        except ReflectorError as error:
            sent = SentLine((_not_written(error),))
        notes = filter(None, (self._remove(), self._remove_copy()))
        return replace(sent, note="; ".join(notes))

    @property
    def _logs(self) -> Any:
        return self.target.client("logs")

    def _call(self, verb: str, call: Callable[..., Any]) -> None:
        with self.target.describe_operation(f"{verb} the log stream {self.stream} of {self.log_group}"):
            call(logGroupName=self.log_group, logStreamName=self.stream)

    def _remove(self) -> str:
        try:
            self._call("delete", self._logs.delete_log_stream)
        except NotFoundError:
            return ""
        except ReflectorError as error:
            return f"the log stream {self.stream} is still there: {error}"
        return ""

    def _remove_copy(self) -> str:
        """Delete the copy's log stream, to whose name AWS adds the origin."""
        if not (self.reader and self.copy):
            return ""
        logs = self.reader.client("logs")
        try:
            with self.reader.describe_operation(f"delete the log stream {self.stream}-... of {self.copy}"):
                found = logs.describe_log_streams(logGroupName=self.copy, logStreamNamePrefix=self.stream)
                for each in found["logStreams"]:
                    logs.delete_log_stream(logGroupName=self.copy, logStreamName=each["logStreamName"])
        except NotFoundError:
            return ""
        except ReflectorError as error:
            return f"the copy of the log stream {self.stream} is still there: {error}"
        return ""

    def _wait(self) -> SentLine:
        written = time.monotonic()
        reader = LogReader(self.reader or self.target, "the reflector", self.reflector_log, self.stream)
        pause, reason = 0.2, ""
        while time.monotonic() - written < self.timeout:
            for line in _read(reader):
                # A copy's stream keeps its suffix if AWS writes it in another form than the reflector expects.
                if not str(line.get("logStream")).startswith(self.stream) or not (
                    report := delivery_report(line, self.log_group)
                ):
                    continue
                reason = report.reason or reason
                if found := _end(report, line, round(time.monotonic() - written, 2)):
                    return found
            time.sleep(pause)
            pause = min(pause * 1.5, 3)
        return SentLine((_silent(self.timeout, reason, self.patterns),))


def _end(report: Report, line: Mapping[str, Any], seconds: float) -> SentLine | None:
    """Return what the reflector's line means, None if Lambda tries again."""
    if report.is_success:
        text = f"the test line, {seconds:g} s after it was written"
        return SentLine((ok("sink", f"it accepted {text}"), ok("delivery", f"the reflector delivered {text}")), seconds)
    if report.is_final:
        return SentLine((_refused(report.reason),))
    return SentLine((_dropped(line),)) if line.get(DROPPED_EVENTS) else None


def _not_written(error: ReflectorError) -> Station:
    if isinstance(error, AccessDeniedError):
        error = error.with_advice(_PERMISSIONS)
    return unread("sink", error)


def _read(reader: LogReader) -> list[dict[str, Any]]:
    """Return the new lines, none while the reflector has no log: its first invocation creates it."""
    try:
        return reader.read()
    except NotFoundError:
        return []


def _refused(reason: str) -> Station:
    return problem(
        "sink",
        "refused",
        f"it did not accept the test line: {reason or 'the reflector gives no reason'}",
        advice=REPLAY_ADVICE,
        command="replay",
    )


def _dropped(line: Mapping[str, Any]) -> Station:
    by = line.get("droppedBy")
    rules = ", ".join(map(str, by)) if isinstance(by, Mapping) else "a rule"
    return unknown("sink", "dropped", f"the reflector received the test line and dropped it by: {rules}")


def _silent(timeout: float, reason: str, patterns: str) -> Station:
    if patterns and not reason:
        return unknown(
            "sink", "no_report", f"the reflector did not report the test line within {timeout:g} s; {patterns}"
        )
    return problem(
        "sink",
        "no_report",
        f"the reflector did not report the test line within {timeout:g} s{f'; {reason}' if reason else ''}",
        advice="See the log of the reflector and its metrics. CloudWatch Logs usually delivers within three minutes.",
    )
