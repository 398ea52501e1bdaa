# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Concurrency, cost and dead letters of the reflector while its sink is down for 24 hours. Writes build/bench/outage.json.

A simulation on a virtual clock, without reserved concurrency. Invocations run the reflector's own code: its delivery, with retries and breakers, to a sink that
answers 503 or hangs. "Without limits" is a function that retries until its time is over. Lambda's rules are those of its
developer guide: 1,000 concurrent executions, one invocation at a time in a process, and throttled events wait up to 6 hours and
then go to the dead-letter queue. `SIMULATED` seconds are simulated, and their last third is extrapolated to the outage.

Assumptions: an invocation without a request to the sink takes `HANDLING` seconds, a 503 comes after `ANSWER` seconds, Lambda gives
an event to the process that became free last, and a replay sends `REPLAYED` messages a second.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "lambda_src" / "reflector"))

from _figures import write_figures  # noqa: E402
from reflector import delivery, retries  # noqa: E402
from reflector.delivery import Delivery  # noqa: E402
from reflector.retries import Breaker, RetryBudget  # noqa: E402
from reflector.sinks import Batch, Chunk, Outcome  # noqa: E402

RATES = (1, 10, 100, 1000)
SIMULATED = 600
OUTAGE = 24 * 3600
QUOTA = 1_000
TIMEOUT, RESERVE = 120.0, 15.0
MEMORY_GB = 0.25
HANDLING, ANSWER = 0.3, 0.1
REPLAYED = 20
KEPT = 14 * 24 * 3600
GB_SECOND, REQUEST = 0.0000133334, 0.0000002
"""Dollars, list prices for arm64."""


class Clock:
    """The seconds that an invocation has left."""

    def __init__(self) -> None:
        self.left = TIMEOUT - RESERVE

    def __call__(self) -> float:
        return self.left

    def wait(self, seconds: float) -> None:
        self.left -= seconds


class DownSink:
    """A sink that accepts nothing."""

    def __init__(self, clock: Clock, *, hangs: bool) -> None:
        self._clock = clock
        self._hangs = hangs

    def chunks(self, batch: Batch) -> Any:
        yield Chunk(range(len(batch.events)), None)

    def send(self, _chunk: Any, timeout: float) -> Outcome:
        self._clock.wait(timeout if self._hangs else ANSWER)
        return Outcome("retry", "the sink is down")

    def renew(self) -> bool:
        return False


BATCH = Batch("", "", "", (), [{"timestamp": 1, "message": "x"}], [0])


def duration(breaker: Breaker, *, hangs: bool, limited: bool) -> float:
    """Return the seconds of one invocation, by the reflector's code."""
    if breaker.pause_reason:
        return HANDLING
    clock = Clock()
    budget = RetryBudget() if limited else RetryBudget(seconds=1e9)
    sending = Delivery(DownSink(clock, hangs=hangs), clock, budget=budget, breaker=breaker if limited else None)
    with mock.patch.object(delivery.time, "sleep", clock.wait):
        assert sum(len(left.batch.events) for left in sending.deliver(BATCH)) == 1
    return HANDLING + TIMEOUT - RESERVE - clock.left


@dataclass(slots=True)
class Lambda:
    """The function's processes. Each has its own breaker."""

    hangs: bool
    limited: bool
    now: float = 0.0
    free: list[Breaker] = field(default_factory=list)
    busy: list[tuple[float, int, Breaker]] = field(default_factory=list)
    processes: int = 0
    waiting: deque[float] = field(default_factory=deque)
    numbers: Any = field(default_factory=count)

    def start(self) -> float:
        """Start an invocation. Return its seconds, 0 if it is throttled."""
        if not self.free:
            if self.processes == QUOTA:
                return 0.0
            self.processes += 1
            self.free.append(Breaker(lambda: self.now))
        breaker = self.free.pop()
        seconds = duration(breaker, hangs=self.hangs, limited=self.limited)
        heapq.heappush(self.busy, (self.now + seconds, next(self.numbers), breaker))
        return seconds

    def release(self, until: float) -> None:
        """End the invocations that are over by then."""
        while self.busy and self.busy[0][0] <= until:
            _end, _number, breaker = heapq.heappop(self.busy)
            self.free.append(breaker)


def simulate(rate: int, *, hangs: bool, limited: bool) -> dict[str, Any]:
    """Return the figures of an outage with that many invocations a second."""
    random.seed(1)
    function = Lambda(hangs, limited)
    peak = full = 0
    late_seconds = late_started = 0.0
    seconds = started = 0.0
    for tick in range(SIMULATED * rate):
        function.now = tick / rate
        function.release(function.now)
        function.waiting.append(function.now)
        while function.waiting and (took := function.start()):
            function.waiting.popleft()
            seconds, started = seconds + took, started + 1
            if tick >= SIMULATED * rate * 2 / 3:
                late_seconds, late_started = late_seconds + took, late_started + 1
        peak = max(peak, len(function.busy))
        full += len(function.busy) == QUOTA
    more = (OUTAGE - SIMULATED) / (SIMULATED / 3)
    gb_seconds = (seconds + late_seconds * more) * MEMORY_GB
    invocations = started + late_started * more
    messages = rate * OUTAGE
    always = full / (SIMULATED * rate) > 2 / 3
    return {
        "peak_concurrency": peak,
        "minutes_at_quota": round(OUTAGE / 60 if always else full / rate / 60, 1),
        "gb_seconds": round(gb_seconds),
        "dollars": round(gb_seconds * GB_SECOND + invocations * REQUEST, 2),
        "messages": messages,
        "minutes_of_replay": round(messages / REPLAYED / 60),
        "lost": max(0, messages - KEPT * REPLAYED),
    }


def main() -> None:
    """Simulate, print and write the figures."""
    figures: dict[str, Any] = {
        "policy": {name: getattr(retries, name) for name in retries.__dict__ if name.isupper()},
        "outages": {},
    }
    for hangs in (False, True):
        for limited in (False, True):
            name = f"{'hangs' if hangs else '503'}, {'limits' if limited else 'without limits'}"
            figures["outages"][name] = {rate: simulate(rate, hangs=hangs, limited=limited) for rate in RATES}
            for rate, found in figures["outages"][name].items():
                print(f"{name:22} {rate:5}/s  {found}", flush=True)
    write_figures("outage", figures)


if __name__ == "__main__":
    main()
