# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The current settings and the number of events in progress: what all patches share."""

from __future__ import annotations

import contextvars
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..settings import Settings


@dataclass(slots=True)
class Current:
    settings: Settings = field(default_factory=Settings)
    events_under_way: int = (
        0  # CloudTrail's events, and asynchronous invocations with their retries; queues count their own messages
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _random: random.Random = field(default_factory=random.Random)
    _seed: int = 0

    def random(self) -> float:
        """Return a number from 0 to 1, from the seed of the settings."""
        with self._lock:
            if self._seed != self.settings.seed:
                self._seed = self.settings.seed
                self._random = random.Random(self._seed)
            return self._random.random()

    def is_older(self, seconds: float, *, since_ms: float) -> bool:
        """Return whether that many seconds have passed since a time in milliseconds."""
        return not seconds or time.time() - since_ms / 1000 >= seconds

    def begin_event(self) -> None:
        with self._lock:
            self.events_under_way += 1

    def end_event(self) -> None:
        with self._lock:
            self.events_under_way -= 1

    def run_later(self, seconds: float, work: Callable[[], None]) -> None:
        """Run the work after that time, with account and region of the current call, as an event in progress."""
        context = contextvars.copy_context()

        def run() -> None:
            try:
                context.run(work)
            finally:
                self.end_event()

        self.begin_event()
        timer = threading.Timer(seconds, run)
        timer.daemon = True
        timer.start()


current = Current()
