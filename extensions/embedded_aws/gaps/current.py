# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The current settings and the number of events in progress: what all patches share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ..settings import Settings


@dataclass(slots=True)
class Current:
    settings: Settings = field(default_factory=Settings)
    events_under_way: int = 0  # CloudTrail's, and asynchronous invocations with their retries; queues show theirs
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin_event(self) -> None:
        with self._lock:
            self.events_under_way += 1

    def end_event(self) -> None:
        with self._lock:
            self.events_under_way -= 1


current = Current()
