# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads which log groups of a target are covered. Changes nothing in AWS."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path as FilePath
from typing import BinaryIO

from .._errors import InvalidInputError, ReflectorError
from .._files import replacing
from .._options.catch_up import CatchUpOptions, ModeOptions
from .._options.centralized import CopiesOption
from .._options.coverage import CoverageOptions, PurgeReference
from .._options.option import read
from .._options.replay import DeadLetterQueue
from .._plan import Params, Result
from .._resources.reflector_ready import read_path
from .._resources.subscriptions.shared import destination, logs_api, target_choice
from .._resources.subscriptions.subscription_filters import new_sweep
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from .._subscriptions.calls import LogsApi
from .._subscriptions.coverage import STATES, CoverageRow, Path, PolicyCoverage, row_of
from .._subscriptions.filters import DesiredFilter
from .._subscriptions.loops import is_function_group
from .catch_up import params_of
from .centralized.origins import Named, origin_of
from .centralized.read import CentralizedReader
from .centralized.side_by_side import copied_too, read_rules_to_inventory
from .entry import rules_of
from .event_flow.read import FlowReader

_UNREMARKABLE = ("covered", "excluded")


def read_coverage(target: Target, params: Params, _check_mode: bool) -> Result:
    """Do the work of coverage_info."""
    options, mode = read(CoverageOptions, params), read(ModeOptions, params).mode
    rows = _Rows(options.report_limit, _new_file(options.rows_directory, target))
    started, began = time.time(), time.monotonic()
    reader = (
        CentralizedReader(target, params, options) if mode == "centralized" else _Reader(target, params, options, mode)
    )
    flow = _flow_reader(target, params, options) if isinstance(reader, _Reader) else None
    error: ReflectorError | None = None
    try:
        with rows:
            for row in reader.rows():
                rows.add(row)
                if flow:
                    flow.scope.add(row)
    except ReflectorError as caught:
        if not rows.has_any:
            raise
        error = caught
    coverage = {
        "account_id": target.identity.account,
        "region": target.region,
        "checked_at": int(started),
        "seconds": round(time.monotonic() - began, 1),
        "mode": reader.mode,
        "complete": error is None,
        "notes": reader.notes,
        "calls": dict(sorted(reader.api.rate_limiter.calls.items())),
        **rows.summary(),
        "flow": flow.read(reader.policy_name, reader.filter_pattern, is_listed=error is None)
        if flow and isinstance(reader, _Reader)
        else None,
        "copy_flows": reader.copy_flows(is_listed=error is None) if isinstance(reader, CentralizedReader) else None,
    }
    result = {"changed": False, "coverage": coverage}
    if error:
        error.done = result
        raise error
    return result


def _flow_reader(target: Target, params: Params, options: CoverageOptions) -> FlowReader | None:
    """Return the reader of the events, None if they are not asked for. Raises InvalidInputError before any call."""
    if not options.flow:
        return None
    queue = read(DeadLetterQueue, params, "reflector_").dead_letter_queue
    reflector, subscriber = (str(params[f"{name}_function_name"]) for name in ("reflector", "subscriber"))
    return FlowReader(
        target, options, reflector=reflector, subscriber=subscriber, queue=queue, is_copy=_copy_check(params)
    )


def _copy_check(params: Params) -> Callable[[str], bool] | None:
    """Return whether a name is that of a copy; None for a target that receives none."""
    if not (pattern := read(CopiesOption, params, "reflector_").centralized_name_pattern):
        return None
    origin = origin_of(pattern)
    return lambda name: bool(origin(Named(name)))


class _Reader:
    """Reads the rows of one target.

    mode            what serves the target: filters or account_policy
    policy_name     of the account policy that sends to the reflector, "" if there is none
    filter_pattern  of our filters or of that policy, "" if every event is to be forwarded
    """

    def __init__(self, target: Target, params: Params, options: CoverageOptions, mode: str) -> None:
        self._target, self._given, self._options = target, params, options
        catch_up = CatchUpOptions(audit=options.audit, workers=options.workers, purge=False)
        log_groups = rules_of(params, params["subscriber_function_name"])
        self._reflector = str(params["reflector_function_name"])
        self._params = {**params_of(catch_up, log_groups, self._reflector), "state": "present"}
        self.api: LogsApi = logs_api(target, self._params)
        self.mode, self.policy_name = mode, ""
        self._is_copy = _copy_check(params) or (lambda _name: False)
        self.filter_pattern = log_groups.filter_pattern or ""
        self.notes: list[str] = []

    def rows(self) -> Iterator[CoverageRow]:
        """Yield the rows. The second one of a log group replaces the first."""
        mode = self.mode
        policy, note = self._policy(mode)
        path, notes = read_path(self._target, self._reflector)
        self.notes = [*filter(None, [note]), *notes]
        reflector = destination(self._target, self._params["destination_arn"])
        serves = policy is not None and policy.destination_arn == reflector
        self.mode = "account_policy" if mode == "account_policy" or serves else "filters"
        if policy and serves:
            self.policy_name, self.filter_pattern = policy.name, policy.filter_pattern
        is_policy = self.mode == "account_policy"
        rules = read_rules_to_inventory(self._target, self._given)
        self.notes += rules.unread
        for row in self._policy_rows(policy, path, reflector) if is_policy else self._filter_rows(path):
            yield copied_too(row, rules)

    def _policy(self, mode: str) -> tuple[AccountPolicy | None, str]:
        api = AccountPolicyApi(self.api, RetryPolicy(seconds=self._params["wait_timeout"]))
        return (api.read(), "") if mode == "account_policy" else api.read_if_possible()

    def _policy_rows(self, policy: AccountPolicy | None, path: Path, reflector: str) -> Iterator[CoverageRow]:
        # An account policy serves no log group of the class DELIVERY.
        choice = target_choice(self._target, {**self._params, "delivery_stream": None}, reflector)
        desired = DesiredFilter(reflector)
        return PolicyCoverage(self.api, choice, desired, policy, path, self._options.audit, self._is_copy).rows()

    def _filter_rows(self, path: Path) -> Iterator[CoverageRow]:
        keeps = not read(PurgeReference, self._given, "catch_up_").purge
        sweep = new_sweep(self._target, self._params, self.api, time.monotonic())
        for outcome in sweep.run(write=False):
            row = row_of(outcome, path, keeps_excluded=keeps)
            if row and not self._is_copy(row.log_group):
                yield row
        self.notes += sweep.notes


def _new_file(directory: str | None, target: Target) -> FilePath | None:
    if directory is None:
        return None
    folder = FilePath(directory).expanduser()
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError("rows_directory", f"{folder} cannot be created: {error.strerror}") from error
    return folder / f"{target.identity.account}.{target.region}.ndjson"


class _Rows:
    """Writes rows to a file as they come, and keeps the counts and the first remarkable ones.

    The file is replaced when all rows are in it. A sweep may find out late that a log group belongs to another forwarder: then it has
    a second line, which counts.
    """

    def __init__(self, limit: int, path: FilePath | None) -> None:
        self._limit, self._path = limit, path
        self._file: BinaryIO | None = None
        self._open = ExitStack()
        self._states: Counter[str] = Counter()
        self._causes: Counter[tuple[str, str]] = Counter()
        self._remarkable: dict[str, CoverageRow] = {}
        self._may_return: dict[str, CoverageRow] = {}

    def __enter__(self) -> _Rows:
        if self._path:
            self._file = self._open.enter_context(replacing(self._path, keeps_incomplete=True))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._open.close()

    def add(self, row: CoverageRow) -> None:
        """Add a row, or the second one of a log group."""
        if before := self._may_return.get(row.log_group):
            self._count(before, -1)
            self._remarkable.pop(row.log_group, None)
        if is_function_group(row.log_group):
            self._may_return[row.log_group] = row
        self._count(row, 1)
        if row.state not in _UNREMARKABLE and len(self._remarkable) < self._limit:
            self._remarkable[row.log_group] = row
        if self._file:
            self._file.write(f"{json.dumps(row.plain(), ensure_ascii=True)}\n".encode())

    def _count(self, row: CoverageRow, number: int) -> None:
        self._states[row.state] += number
        if row.cause:
            self._causes[row.state, row.cause] += number

    @property
    def has_any(self) -> bool:
        """Whether a log group was read."""
        return self._states.total() > 0

    def summary(self) -> Result:
        """Return the part of the result that is about the rows."""
        remarkable = sum(self._states[state] for state in STATES if state not in _UNREMARKABLE)
        return {
            "log_groups": self._states.total(),
            "counts": {state: self._states[state] for state in STATES},
            "causes": [
                {"state": state, "cause": cause, "log_groups": number}
                for (state, cause), number in sorted(self._causes.items())
                if number
            ],
            "rows": [row.plain() for _name, row in sorted(self._remarkable.items())],
            "rows_left_out": remarkable - len(self._remarkable),
            "rows_file": str(self._path) if self._path else None,
        }
