# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many new log groups at once, at AWS's rates, with lines in them before their filters."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deployed import Deployed
from waits import LIMIT, wait_until

FUNCTION = "log-reflector-subscriber"
WORK = f"{FUNCTION}.fifo"
DEAD_LETTERS = (f"{FUNCTION}-dead-letters", f"{FUNCTION}-dead-letters.fifo")
EVENT_DELAY = 2.0
"""Seconds until the subscriber gets the event of a new group. Lines of that time are older than the filter."""


@dataclass(frozen=True, slots=True)
class Burst:
    """The created groups, and the seconds from the first one until the subscriber had no work left."""

    groups: tuple[str, ...]
    seconds: float

    def first_lines(self, place: Deployed) -> Counter[str]:
        """Return how often the first line of each group is at the sink, by the group's name."""
        wanted = set(self.groups)
        return Counter(
            line["logGroup"]
            for line in place.aws.sink.lines()
            if line.get("logGroup") in wanted and line["message"] == first_line(line["logGroup"])
        )


def first_line(group: str) -> str:
    """Return the line that is written to a group directly after its creation."""
    return f"first line of {group}"


def waiting(place: Deployed, queue: str) -> int:
    """Return the number of messages in a queue, including those in flight."""
    sqs = place.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


def wait_until_idle(place: Deployed, limit: float = LIMIT) -> None:
    """Wait until the subscriber has no message and the reflector has accounted for each invocation."""
    wait_until(
        lambda: waiting(place, WORK) == 0,
        f"an empty queue {WORK}",
        seen=lambda: f"{waiting(place, WORK)} messages",
        every=0.5,
        limit=limit,
    )
    place.wait_until_idle()


def dead_letters(place: Deployed) -> int:
    """Return the number of dead letters of the rules and of the function."""
    return sum(waiting(place, queue) for queue in DEAD_LETTERS)


def make_groups(place: Deployed, names: Iterable[str]) -> None:
    """Create log groups and write their first lines."""
    logs = place.client("logs")

    def make(name: str) -> None:
        logs.create_log_group(logGroupName=name)
        place.write(name, first_line(name))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, names))


def burst(place: Deployed, number: int, limit: float = LIMIT) -> Burst:
    """Make so many groups at AWS's rates, a fifth of them announced twice. Wait until the subscriber has no work left.

    limit   seconds
    """
    names = tuple(f"/burst/{index:03}" for index in range(number))
    before = place.aws.settings()
    place.aws.configure(event_delay=EVENT_DELAY, duplicate_probability=0.2)
    place.aws.front.clear_journal()
    place.aws.front.enforce_rates()
    begun = time.monotonic()
    found = Burst(names, 0.0)
    try:
        make_groups(place, names)
        wait_until(
            lambda: len(found.first_lines(place)) == number,
            f"the first lines of {number} log groups",
            seen=lambda: f"{len(found.first_lines(place))} first lines",
            every=1,
            limit=limit,
        )
        wait_until_idle(place, limit)
        seconds = time.monotonic() - begun
    finally:
        place.aws.front.enforce_rates(None)
        place.aws.configure(event_delay=before.event_delay, duplicate_probability=before.duplicate_probability)
    return Burst(names, seconds)
