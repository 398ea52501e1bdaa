# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared by tests in which something happens during a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace
from unittest import mock


@contextmanager
def in_background(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run each work in a thread during the block. Set their argument at its end, wait for them, and raise their errors."""
    ended = threading.Event()
    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(work, ended) for work in works]
        try:
            yield
        finally:
            ended.set()
    for future in futures:
        future.result()


@contextmanager
def work_in_pauses(work: Callable[[], None], *modules: ModuleType) -> Iterator[None]:
    """Do this work in each pause of these modules. Their clock moves with their pauses only."""
    now = 0.0

    def pause(seconds: float) -> None:
        nonlocal now
        work()
        now += seconds

    virtual = SimpleNamespace(time=time.time, monotonic=lambda: now, sleep=pause)
    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(mock.patch.object(module, "time", virtual))
        yield
