"""One JSON object a log event, one a line: the shape that Sumo Logic's users know, for every sink that takes lines.

{"timestamp":1795367071012,"message":{"level":"info"},"requestID":"5d2c8f1e-...","logStream":"...","logGroup":"..."}
"""

from collections.abc import Iterable, Iterator, Sequence

from .codec import dumps
from .decode import LogEvent
from .records import records
from .sinks import Batch


def json_lines(events: Sequence[LogEvent], suffix: str = "", members: Sequence[str] = ()) -> list[str]:
    """The events' lines, in order, without line breaks.

    `suffix` is JSON text that each line has, a comma first; `members` are those of the event that are taken over as
    they are, where it has them.
    """
    messages, request_ids = records(events)
    # A comprehension over columns: a generator that hands each line on costs a tenth of the whole function.
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
    """The same with all that is known of the events: where they come from, their ids and what was extracted from them."""
    where = f',"logStream":{dumps(batch.log_stream)},"logGroup":{dumps(batch.log_group)},"owner":{dumps(batch.owner)}'
    return json_lines(batch.events, where, ("id", "extractedFields"))


def spans(body: bytes, limit: int) -> Iterator[tuple[int, int, int]]:
    """Where to cut lines that are joined by line breaks, so that a piece has at most `limit` bytes: (start, end, lines).

    A line is never cut: one that is longer than the limit is a piece of its own.
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
    """Positions of items in order, cut so that together they have at most `limit` bytes and `most` items.

    `between` is how many bytes stand between two of them. An item that is longer than the limit is alone.
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
    """The items at these positions, joined to bodies of at most `limit` bytes and `most` items: the positions in one, and its bytes.

    `around` is what stands before the items, between them and after them. An item that is too long is alone.
    """
    head, between, tail = around
    sizes = (len(items[position]) for position in positions)
    for span in batches(sizes, limit - len(head) - len(tail), most, len(between)):
        chosen = positions[span.start : span.stop]
        yield chosen, head + between.join([items[position] for position in chosen]) + tail
