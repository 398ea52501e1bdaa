"""The settings in force and the number of events under way: what all patches share."""

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
