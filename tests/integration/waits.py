# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait for states instead of seconds, so that no test depends on the speed of its machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

LIMIT = 600.0
"""Seconds after which a state that did not come is a failure: far more than a busy machine needs."""

RUN_LIMIT = 1800.0
"""The same for a whole ansible-playbook."""


def wait_until(
    condition: Callable[[], T],
    what: str,
    *,
    seen: Callable[[], Any] | None = None,
    every: float = 0,
    limit: float = LIMIT,
) -> T:
    """Return the condition's first true value. The AssertionError names the awaited state and the state that was seen instead.

    seen    reports the present state for the failure; the condition's last value otherwise
    every   seconds between two reads. The default is a tenth of the time waited so far: a read costs CPU time
    """
    begin = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - begin
        if waited > limit:
            raise AssertionError(f"Waited {limit:g} s for {what}. Seen instead: {seen() if seen else value!r}")
        time.sleep(every or min(max(waited / 10, 0.02), 1))
    return value
