# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Execution environments: what starts their processes, and updates.

A running invocation ends with the old code, as on AWS, and no new one starts with it.

Source: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle".
"""

from __future__ import annotations

import contextlib
import contextvars
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from ..function_processes import FunctionProcess, FunctionProcesses
from .hooks import Function, original, replace

_kill = original(lambda_runtime, "kill_workers", "workers")
_key = original(lambda_runtime, "_worker_key", "func_name", "config", "qualifier")
_class_for = original(lambda_runtime, "_worker_class_for", "config")
_updating: contextvars.ContextVar[bool] = contextvars.ContextVar("updating", default=False)


@contextlib.contextmanager
def updating() -> Iterator[None]:
    """Let workers of functions that are updated in this block finish. A worker beyond its timeout is killed."""
    token = _updating.set(True)
    try:
        yield
    finally:
        _updating.reset(token)


class _Subprocess:
    """Replaces the module subprocess where MiniStack starts functions: one in Python becomes a fork."""

    def __init__(self, processes: FunctionProcesses) -> None:
        self._processes = processes

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: list[str], **options: Any) -> FunctionProcess | subprocess.Popen[str]:
        if command[0] == sys.executable:
            return self._processes.start(command[1], options["cwd"], options["env"])
        return subprocess.Popen(command, **options)


def install(processes: FunctionProcesses | None) -> None:
    original(lambda_runtime.Worker, "_spawn", "self")  # it names lambda_runtime.subprocess
    if processes:
        lambda_runtime.subprocess = _Subprocess(processes)

    @replace(lambda_svc, "invalidate_worker", "func_name", "qualifier", "account", "region")
    def invalidate_worker(ministack: Function) -> Function:
        def invalidate(
            func_name: str, qualifier: str | None = None, account: str | None = None, region: str | None = None
        ) -> None:
            # Without these, MiniStack ends the workers of that name in all accounts and regions.
            account, region = account or get_account_id(), region or get_region()
            if _updating.get():
                _end_workers_when_done(_take_busy_workers(f"{account}:{region}:{func_name}:{qualifier}"))
            ministack(func_name, qualifier, account, region)

        return invalidate

    @replace(lambda_svc, "acquire_worker", "func_name", "config", "code_zip", "qualifier")
    def acquire_worker(ministack: Function) -> Function:
        def acquire(
            func_name: str, config: dict[str, Any], code_zip: bytes, qualifier: str = "$LATEST", **options: Any
        ) -> tuple[Any, str]:
            now = ((lambda_svc._functions.get(func_name) or {}).get("config") or {}).get("RevisionId")
            if qualifier != "$LATEST" or config.get("RevisionId") == now:
                leased: tuple[Any, str] = ministack(func_name, config, code_zip, qualifier=qualifier, **options)
                return leased
            # The code was read before an update and starts after it. In the pool it would serve later invocations too.
            worker = _class_for(config)(func_name, config, code_zip)
            worker.in_use = True
            _end_workers_when_done([worker])
            return worker, "spawn"

        return acquire


def _take_busy_workers(key: str) -> list[Any]:
    """Remove busy workers of a function from the pool and return them."""
    with lambda_runtime._lock:
        workers = lambda_runtime._workers.get(key, [])
        busy = [worker for worker in workers if worker.in_use]
        lambda_runtime._workers[key] = [worker for worker in workers if not worker.in_use]
    return busy


def _end_workers_when_done(workers: list[Any]) -> None:
    deadline = time.monotonic() + max((worker.config.get("Timeout", 3) for worker in workers), default=0) + 1

    def wait() -> None:
        while any(worker.in_use for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        _kill(workers)

    if workers:
        threading.Thread(target=wait, daemon=True).start()
