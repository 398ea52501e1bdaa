# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Invocations of the function in parallel, each in a thread of its own. Everything else of a replay runs in one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from .event import Answer, Batch


@dataclass(frozen=True, slots=True)
class Ended:
    """A batch whose invocation has ended: with an answer, or with an error."""

    batch: Batch
    answer: Answer | None = None
    error: BaseException | None = None


class Invocations:
    """At most `most` invocations at once.

    The threads are daemons: a run that is interrupted does not wait for invocations, which may take minutes.
    """

    def __init__(self, invoke: Callable[[Batch], Answer], most: int) -> None:
        self._invoke, self._most = invoke, most
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        self.running = 0

    @property
    def has_room(self) -> bool:
        """Whether another invocation may begin."""
        return self.running < self._most

    def start(self, batch: Batch) -> None:
        """Begin an invocation."""
        self.running += 1
        threading.Thread(target=copy_context().run, args=(self._run, batch), daemon=True).start()

    def next_ended(self, seconds: float) -> Ended | None:
        """Return an invocation that has ended, None if none does within the time."""
        try:
            ended = self._ended.get(timeout=seconds) if seconds > 0 else self._ended.get_nowait()
        except Empty:
            return None
        self.running -= 1
        return ended

    def _run(self, batch: Batch) -> None:
        try:
            ended = Ended(batch, answer=self._invoke(batch))
        except BaseException as error:  # noqa: BLE001  the thread that waits raises it
            ended = Ended(batch, error=error)
        self._ended.put(ended)
