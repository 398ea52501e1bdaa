# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory between sweeps: which log groups were not covered, which are known to be silent, and how many dead letters there were.

It is the log stream `sweep-state` of the function's own log group. So it costs next to nothing, has no limit of 8 KB as a
parameter has, needs no other resource, and ends with the log group's retention. A line is JSON:

    {"sweep": "2026-11-28T10:00:00Z", "slice": 1, "run": 1795860000000, "chunk": 0, "chunks": 1, "uncovered": {"/app/one": "slots"}}
    {"sweep": "2026-11-28T10:00:00Z", "slice": 1, "run": 1795860000000, "chunk": 0, "chunks": 1, "silent": [], "end": {"subscribed": 9}}

Each slice writes its part, and the end of a sweep has `end`. A sweep without its end is no state: it was aborted, or its events
were not accepted, and then the next sweep compares with the state before. Sources: API reference, PutLogEvents (1 MB a batch,
26 bytes for each event), GetLogEvents (1 MB or 10,000 events a page); User Guide, "CloudWatch Logs quotas" (an event was limited
to 256 KB before 2025).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from logreflector._errors import NotFoundError, ReflectorError
from logreflector._subscriptions.calls import LogsApi

STREAM = "sweep-state"
_READ = "read the state of the sweep before"
_CHUNK_BYTES = 200_000
_BATCH_BYTES = 900_000
_MOST_PAGES = 10
"""Pages of 1 MB that are read: about 150,000 log groups that are not covered."""


@dataclass(frozen=True, slots=True)
class State:
    """The state after a complete sweep.

    uncovered       why log groups that the rules choose are not covered, by name
    silent          log groups that were reported as silent and have not logged since
    counts          of the sweep
    dead_letters    messages by queue; a queue that was not read is missing
    """

    sweep: str
    uncovered: Mapping[str, str] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Mapping[str, int] = field(default_factory=dict)


class SweepState:
    """Reads and writes the states. Raises ReflectorError.

    log_group   of this function
    """

    def __init__(self, api: LogsApi, log_group: str) -> None:
        self._api = api
        self._place = {"logGroupName": log_group, "logStreamName": STREAM}

    def latest(self, before: str) -> State | None:
        """Return the state of the last complete sweep other than `before`; None if there is none."""
        found = _Records()
        for events in self._pages():
            for event in reversed(events):
                found.add(event.get("message", ""), ignored=before)
            if state := found.complete():
                return state
        return None

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        token: dict[str, str] = {}
        for _page in range(_MOST_PAGES):
            request = {**self._place, "startFromHead": False, **token}
            try:
                answer = self._api.call("GetLogEvents", _READ, request)
            except NotFoundError:
                return
            yield answer.get("events", [])
            following = {"nextToken": answer["nextBackwardToken"]}
            if following == token:  # AWS returns the same token at the end
                return
            token = following
        raise ReflectorError(_READ, f"it is not within the last {_MOST_PAGES} MB of log stream {STREAM}")

    def write(self, records: Iterable[Mapping[str, Any]], at: int) -> None:
        """Append records; `at` is in ms since 1970."""
        for batch in _batches(json.dumps(record) for record in records):
            request = {**self._place, "logEvents": [{"timestamp": at, "message": message} for message in batch]}
            try:
                self._put(request)
            except NotFoundError:
                self._create()
                self._put(request)

    def _put(self, request: Mapping[str, Any]) -> None:
        self._api.call("PutLogEvents", "write the state of this sweep", request)

    def _create(self) -> None:
        try:
            self._api.call("CreateLogStream", f"create the log stream {STREAM}", self._place)
        except ReflectorError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise


def slice_records(
    sweep: str,
    number: int,
    uncovered: Mapping[str, str],
    *,
    run: int,
    end: Mapping[str, Any] | None = None,
    silent: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """Return the records of a slice.

    run     ms since 1970: a slice that runs again replaces its earlier records
    end     the other fields of the state, if the sweep ends with this slice
    """
    parts: list[dict[str, Any]] = [
        *({"uncovered": dict(chunk)} for chunk in _chunks(sorted(uncovered.items()))),
        *({"silent": list(chunk)} for chunk in _chunks(sorted(silent))),
    ]
    if end is not None or not parts:
        parts.append({} if end is None else {"end": dict(end)})
    common = {"sweep": sweep, "slice": number, "run": run, "chunks": len(parts)}
    return [{**common, "chunk": chunk, **part} for chunk, part in enumerate(parts)]


def _chunks(items: Sequence[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    size = 0
    for item in items:
        length = len(json.dumps(item))
        if chunk and size + length > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += length
    if chunk:
        yield chunk


def _batches(messages: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for message in messages:
        if batch and size + len(message) > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message) + 26
    if batch:
        yield batch


class _Records:
    """Records, the latest first, until those of one sweep are complete. Others may write lines: a wrong one is ignored."""

    def __init__(self) -> None:
        self._ended: dict[str, int] = {}
        self._runs: dict[tuple[str, int], int] = {}
        self._parts: dict[tuple[str, int], dict[int, Mapping[str, Any]]] = {}
        self._sizes: dict[tuple[str, int], int] = {}

    def add(self, message: str, ignored: str) -> None:
        try:
            record = json.loads(message)
            sweep, number, run = str(record["sweep"]), int(record["slice"]), int(record["run"])
            chunk, chunks = int(record["chunk"]), int(record["chunks"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        key = sweep, number
        if sweep == ignored or self._runs.setdefault(key, run) != run:
            return
        self._parts.setdefault(key, {})[chunk] = record
        self._sizes[key] = chunks
        if "end" in record:
            self._ended.setdefault(sweep, number)

    def complete(self) -> State | None:
        """Return the state of the latest sweep that is complete."""
        for sweep, last in self._ended.items():
            keys = [(sweep, number) for number in range(1, last + 1)]
            if all(len(self._parts.get(key, ())) == self._sizes.get(key) for key in keys):
                return _state(sweep, [part for key in keys for part in self._parts[key].values()])
        return None


def _state(sweep: str, parts: Iterable[Mapping[str, Any]]) -> State:
    uncovered: dict[str, str] = {}
    silent: set[str] = set()
    end: Mapping[str, Any] = {}
    for part in parts:
        uncovered.update(_mapping(part.get("uncovered"), str))
        silent.update(map(str, part.get("silent") or ()))
        end = part.get("end") or end
    counts = _mapping(end.get("counts"), int)
    return State(sweep, uncovered, frozenset(silent), counts, _mapping(end.get("dead_letters"), int))


def _mapping(value: Any, kind: Callable[[Any], Any]) -> dict[str, Any]:
    return {str(name): kind(each) for name, each in value.items()} if isinstance(value, Mapping) else {}
