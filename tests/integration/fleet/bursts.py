"""Many new log groups at once, at AWS's rates, with lines in them before their filters: what becomes of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deployed import Deployed, until

FUNCTION = "log-reflector-subscriber"
WORK = f"{FUNCTION}.fifo"
DEAD_LETTERS = (f"{FUNCTION}-dead-letters", f"{FUNCTION}-dead-letters.fifo")
EVENT_DELAY = 2.0
"""Seconds until the subscriber hears of a group: what is written at once is written before the filter."""


@dataclass(frozen=True, slots=True)
class Burst:
    """The groups that were made, and the seconds from the first one until nothing was left to do."""

    groups: tuple[str, ...]
    seconds: float

    def first_lines(self, place: Deployed) -> Counter[str]:
        """How often the first line of each group, by the group's name, is at the sink."""
        wanted = set(self.groups)
        return Counter(
            line["logGroup"]
            for line in place.aws.sink.lines()
            if line.get("logGroup") in wanted and line["message"] == first_line(line["logGroup"])
        )


def first_line(group: str) -> str:
    """What is written into a group as soon as it is there."""
    return f"first line of {group}"


def waiting(place: Deployed, queue: str) -> int:
    """Messages in a queue, those in flight too."""
    sqs = place.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


def dead_letters(place: Deployed) -> int:
    """Of the rules and of the function."""
    return sum(waiting(place, queue) for queue in DEAD_LETTERS)


def make_groups(place: Deployed, names: Iterable[str]) -> None:
    """Groups with their first lines in them."""
    logs = place.client("logs")

    def make(name: str) -> None:
        logs.create_log_group(logGroupName=name)
        place.write(name, first_line(name))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, names))


def burst(place: Deployed, number: int, within: float) -> Burst:
    """So many groups, each of a fifth of them told of twice, while AWS's rates are enforced."""
    names = tuple(f"/burst/{index:03}" for index in range(number))
    before = place.aws.settings()
    place.aws.configure(event_delay=EVENT_DELAY, duplicate_probability=0.2)
    place.aws.front.clear_journal()
    place.aws.front.enforce_rates()
    begun = time.monotonic()
    found = Burst(names, 0.0)
    try:
        make_groups(place, names)
        until(lambda: len(found.first_lines(place)) == number, within, every=1)
        until(lambda: waiting(place, WORK) == 0, within, every=0.5)
        seconds = time.monotonic() - begun
    finally:
        place.aws.front.enforce_rates(None)
        place.aws.configure(event_delay=before.event_delay, duplicate_probability=before.duplicate_probability)
    time.sleep(1)  # a line that came twice would be there by now
    return Burst(names, seconds)
