# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the volume of the log groups of a target. Changes nothing in AWS."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ..._errors import CredentialsError, InvalidInputError, ReflectorError, UnreachableError
from ..._options.catch_up import CatchUpOptions, ModeOptions
from ..._options.option import read
from ..._options.subscriber import SubscriberOptions
from ..._options.volume import VolumeOptions
from ..._plan import Params, Result
from ..._resources.subscriptions.shared import destination, logs_api, target_choice
from ..._session import Target
from ..._subscriptions.listing import ListedTags, list_tags
from ..catch_up import params_of
from ..entry import rules_of
from ..metrics import Series
from .facts import facts_of
from .figures import METRICS, Measured, VolumeRow, plain_measured, remainder, volume_of
from .metrics import LOUDEST, MetricsApi, Period
from .prices import read_prices
from .selection import VolumeSelection
from .usage import read_usage

T = TypeVar("T")

_NAMES = {"bytes": "IncomingBytes", "events": "IncomingLogEvents"}
_NAMESPACE = "AWS/Logs"
_LARGEST = 20
Sums: TypeAlias = "dict[str, dict[str, Measured | None]]"
"""The sums of log groups: by metric and name."""


def read_volume(target: Target, params: Params, _check_mode: bool) -> Result:
    """Do the work of the module volume_info."""
    options = read(VolumeOptions, params)
    reader = _Reader(target, params, options)
    began = time.monotonic()
    rows = reader.rows()
    whole = reader.whole()
    usage = reader.attempt("what the deployed functions used", reader.usage)
    prices = read_prices(target) if options.prices else None
    days = reader.api.period.days
    volume = {
        "account_id": target.identity.account,
        "region": target.region,
        "read_at": reader.api.period.end,
        "seconds": round(time.monotonic() - began, 1),
        "days": days,
        "method": options.method,
        "total": {metric: plain_measured(whole[metric], days) for metric in METRICS},
        "remainder": {
            metric: plain_measured(remainder([getattr(row, metric) for row in rows], whole[metric]), days)
            for metric in METRICS
        },
        "log_groups": volume_of(rows, whole, days),
        "largest": [row.plain(days) for row in largest(rows)],
        "rows_file": _write_rows(options.rows_directory, target, rows, days),
        "usage": usage,
        "facts": facts_of(params, read(ModeOptions, params).mode, len(rows)),
        "prices": {key: prices[key] for key in ("prices", "date")} if prices and prices["prices"] else None,
        "notes": [*reader.notes, *(prices["notes"] if prices else [])],
        "reading": {"calls": dict(sorted(reader.api.calls.items())), "metrics": reader.api.metrics},
    }
    return {"changed": False, "volume": volume}


def largest(rows: Iterable[VolumeRow]) -> list[VolumeRow]:
    """Return the log groups with the largest known volume."""
    known = [row for row in rows if row.bytes is not None]
    return sorted(known, key=lambda row: (-row.bytes.total, row.log_group))[:_LARGEST]  # type: ignore[union-attr]


class _Reader:
    """Reads one target. What cannot be read is unknown, and a note says why.

    notes   what could not be read
    """

    def __init__(self, target: Target, params: Params, options: VolumeOptions) -> None:
        self._target, self._given, self._options = target, params, options
        self.notes: list[str] = []
        self.api = MetricsApi(target, Period.of(options.days), options.workers)
        catch_up = CatchUpOptions(audit=False, workers=options.workers, purge=False)
        self._reflector = str(params["reflector_function_name"])
        log_groups = rules_of(params, params["subscriber_function_name"])
        # What Firehose serves costs nothing at the reflector.
        given = {**params_of(catch_up, log_groups, self._reflector), "delivery_stream": None}
        self._params = {**given, "state": "present"}

    def attempt(self, what: str, work: Callable[[], T]) -> T | None:
        """Return the result; None and a note if it cannot be read. An error that every call would meet is raised."""
        try:
            return work()
        except (CredentialsError, UnreachableError):
            raise
        except ReflectorError as error:
            self.notes.append(f"{what} is unknown: {error}")
            return None

    def rows(self) -> list[VolumeRow]:
        """Return all log groups with their volumes."""
        api = logs_api(self._target, self._params)
        choice = target_choice(self._target, self._params, destination(self._target, self._reflector))
        tags, notes = list_tags(api, choice) if choice.needs_tags else (ListedTags(), [])
        self.notes += notes
        selection = VolumeSelection(choice, tags, api, lambda name: self._target.arn("logs", f"log-group:{name}"))
        rows = list(selection.rows())
        sums = self._sums([row.log_group for row in rows])
        return [
            replace(row, bytes=sums["bytes"].get(row.log_group), events=sums["events"].get(row.log_group))
            for row in rows
        ]

    def whole(self) -> dict[str, Measured | None]:
        """Return bytes and events of the whole target."""
        series = {metric: Series(_NAMESPACE, name) for metric, name in _NAMES.items()}
        what = "the volume of the target"
        sums = self.attempt(what, lambda: self.api.sums(list(series.values()), f"read {what}"))
        return {metric: (sums or {}).get(each) for metric, each in series.items()}

    def usage(self) -> dict[str, Any]:
        """Return what the deployed functions used."""
        subscriber = read(SubscriberOptions, self._given, "subscriber_")
        functions = {"reflector": self._reflector, "subscriber": subscriber.function_name}
        return read_usage(self._target, self.api, functions, subscriber.work_queue)

    def _sums(self, names: Sequence[str]) -> Sums:
        method = self._options.method
        if method == "total" or not names:
            return {metric: {} for metric in METRICS}
        what = "the volume of each log group"
        read_all = self._loudest if method == "loudest" else self._each
        return self.attempt(what, lambda: read_all(names, f"read {what}")) or {metric: {} for metric in METRICS}

    def _each(self, names: Sequence[str], operation: str) -> Sums:
        series = {
            (metric, name): Series(_NAMESPACE, aws, (("LogGroupName", name),))
            for metric, aws in _NAMES.items()
            for name in names
        }
        ask = self.api.statistics if self._options.method == "statistics" else self.api.sums
        sums = ask(list(series.values()), operation)
        return {metric: {name: sums[series[metric, name]] for name in names} for metric in METRICS}

    def _loudest(self, names: Sequence[str], operation: str) -> Sums:
        known = set(names)
        found: Sums = {}
        for metric, aws in _NAMES.items():
            sums = self.api.loudest(aws, len(names), operation)
            found[metric] = {name: sums[name] for name in sums if name in known}
        if len(names) > LOUDEST:
            self.notes.append(f"only the {LOUDEST} log groups with the largest volume were read")
        return found


def _write_rows(directory: str | None, target: Target, rows: Iterable[VolumeRow], days: float) -> str | None:
    """Write a line of JSON for each log group. Return the file; a reader never sees half of it."""
    if directory is None:
        return None
    folder = Path(directory).expanduser()
    path = folder / f"{target.identity.account}.{target.region}.volume.ndjson"
    draft = path.with_suffix(".part")
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(row.plain(days), ensure_ascii=True)}\n" for row in rows)
        draft.replace(path)
    except OSError as error:
        raise InvalidInputError("rows_directory", f"{path} cannot be written: {error.strerror}") from error
    return str(path)
