# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting out what passes by itself, within a stated limit. Imports no Ansible: the subscriber Lambda carries this file."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ._errors import ReflectorError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try again: full-jitter exponential backoff, `seconds` in all.

    The clock is a field so that tests pass without waiting.
    """

    seconds: float = 60.0
    first_delay: float = 0.5
    longest_delay: float = 8.0
    sleep: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)

    def wait_out(self, call: Callable[[], T], passes: Callable[[ReflectorError], bool]) -> T:
        """Answer of `call`, tried again while it raises an error that `passes` says will pass; then that error."""
        end = self.clock() + self.seconds
        delay = self.first_delay
        while True:
            try:
                return call()
            except ReflectorError as error:
                pause = random.uniform(delay / 2, delay)  # noqa: S311 - jitter, not a secret
                if not passes(error) or self.clock() + pause > end:
                    raise
                self.sleep(pause)
                delay = min(delay * 2, self.longest_delay)
