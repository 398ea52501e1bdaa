# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log events as lines, one JSON object each: the format that Sumo Logic's users know, for all sinks that accept lines.

{"timestamp":1795367071012,"message":{"level":"info"},"requestID":"5d2c8f1e-...","logStream":"...","logGroup":"..."}

The timestamp is that of the log event, unchanged: milliseconds since 1970.
"""

from collections.abc import Iterable, Iterator, Sequence

from .codec import dumps
from .decode import LogEvent
from .records import records
from .sinks import Batch


def json_lines(events: Sequence[LogEvent], suffix: str = "", members: Sequence[str] = ()) -> list[str]:
    """Return the events' lines, in order, without line breaks.

    `suffix`: JSON text for each line, with a leading comma. `members`: names of the event's members to copy unchanged.
    """
    messages, request_ids = records(events)
    # A comprehension over columns: a generator of lines would cost a tenth of the whole function.
    requests = {name: f',"requestID":"{name}"' if name else "" for name in set(request_ids)}
    if not members:
        return [
            f'{{"timestamp":{event["timestamp"]},"message":{message}{requests[name]}{suffix}}}'
            for event, message, name in zip(events, messages, request_ids, strict=True)
        ]
    return [
        f'{{"timestamp":{event["timestamp"]},"message":{message}{requests[name]}{suffix}{_own(event, members)}}}'
        for event, message, name in zip(events, messages, request_ids, strict=True)
    ]


def _own(event: LogEvent, members: Sequence[str]) -> str:
    return "".join(f',"{name}":{dumps(event[name])}' for name in members if name in event)  # type: ignore[literal-required]


def whole_lines(batch: Batch) -> list[str]:
    """Return the lines with the events' origin, ids and extracted fields."""
    where = f',"logStream":{dumps(batch.log_stream)},"logGroup":{dumps(batch.log_group)},"owner":{dumps(batch.owner)}'
    return json_lines(batch.events, where, ("id", "extractedFields"))


def spans(body: bytes, limit: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, number of lines) of pieces with at most `limit` bytes. `body` is lines joined by line breaks.

    A line is never cut: a longer one is a piece of its own.
    """
    start = 0
    while len(body) - start > limit:
        end = body.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            end = body.find(b"\n", start + limit)
            if end < 0:
                break
        yield start, end, body.count(b"\n", start, end) + 1
        start = end + 1
    yield start, len(body), body.count(b"\n", start) + 1


def batches(sizes: Iterable[int], limit: int, most: int, between: int = 1) -> Iterator[range]:
    """Yield ranges of consecutive items with at most `limit` bytes and `most` items together.

    `between`: bytes of the separator. An item that is longer than the limit is alone.
    """
    start = end = total = 0
    for size in sizes:
        if end > start and (total + between + size > limit or end - start == most):
            yield range(start, end)
            start, total = end, 0
        total += size + (between if end > start else 0)
        end += 1
    if end > start:
        yield range(start, end)


def bodies(
    items: Sequence[bytes], positions: Sequence[int], limit: int, most: int, around: tuple[bytes, bytes, bytes]
) -> Iterator[tuple[Sequence[int], bytes]]:
    """Join the items at these positions to bodies of at most `limit` bytes and `most` items. Yield positions and bytes of each.

    `around`: the bytes before, between and after the items. An item that is longer than the limit is alone.
    """
    head, between, tail = around
    sizes = (len(items[position]) for position in positions)
    for span in batches(sizes, limit - len(head) - len(tail), most, len(between)):
        chosen = positions[span.start : span.stop]
        yield chosen, head + between.join([items[position] for position in chosen]) + tail
