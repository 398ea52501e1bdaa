# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared by tests in which something happens during a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


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
