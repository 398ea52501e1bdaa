# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sink that follows a script, without a service. Time passes only when it is used."""

from collections import deque

from reflector.sinks import ACCEPTED, Batch, Chunk, Outcome, Refusal
from reflector_support import payload

AGAIN = Outcome("retry", "busy")
TOO_LARGE = Outcome("too_large", "too large")
UNAUTHORIZED = Outcome("unauthorized", "no")
REFUSED = Outcome("refused", "bad")


class Clock:
    """A clock that advances by waiting, and a little by each attempt."""

    def __init__(self, seconds):
        self.left = seconds
        self.waits = []

    def __call__(self):
        return self.left

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.left -= seconds


class ScriptedSink:
    """Cuts batches into chunks of `size` events; answers with the script's next outcome, then with `after`.

    Its code fails for the events `breaking`. If it hangs, it never answers.
    """

    def __init__(self, clock, script=(), after=ACCEPTED, *, size=2, refusing=(), breaking=(), hangs=False, secrets=0):
        self.clock, self.script, self.after, self.size = clock, deque(script), after, size
        self.refusing = refusing
        self.breaking = breaking
        self.hangs = hangs
        self.secrets = secrets
        self.accepted = []
        self.seen = []
        self.timeouts = []
        self.renewals = 0
        self.cut = 0

    def chunks(self, batch):
        self.cut += 1
        for first in range(0, len(batch.events), self.size):
            positions = range(len(batch.events))[first : first + self.size]
            ids = [batch.events[position]["id"] for position in positions]
            if any(int(name) in self.breaking for name in ids):
                raise RecursionError("private")
            if any(int(name) in self.refusing for name in ids):
                yield Refusal(positions, "never")
            else:
                yield Chunk(positions, ids)

    def send(self, chunk, timeout):
        self.timeouts.append(timeout)
        self.clock.left -= 0.01
        self.seen.append(chunk.content)
        if self.hangs:
            self.clock.left -= timeout
            return Outcome("retry", "the sink did not answer in time")
        outcome = self.script.popleft() if self.script else self.after
        if callable(outcome):
            outcome = outcome(len(chunk.content))
        if isinstance(outcome, Exception):
            raise outcome
        if outcome.verdict in ("accepted", "partial"):
            left = {*outcome.retry, *outcome.refused}
            self.accepted += [name for place, name in enumerate(chunk.content) if place not in left]
        return outcome

    def renew(self):
        self.renewals += 1
        self.secrets -= 1
        return self.secrets >= 0


def batch_of(*messages, first=0):
    events = payload(messages)["logEvents"]
    return Batch("222222222222", "/g", "s", ("f",), events, range(first, first + len(events)))
