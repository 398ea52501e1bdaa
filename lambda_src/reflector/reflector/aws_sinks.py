"""What the sinks have in common that are services of AWS."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .aws import AwsError, passes, plain_code
from .codec import utf8
from .lines import batches, whole_lines
from .sinks import ACCEPTED, Batch, Chunk, Outcome

RECORDS = 500
"""Records of one PutRecords or PutRecordBatch."""

LINES_PER_RECORD = 500
"""Firehose parts the lines of a record again (dynamic partitioning) only up to this many: its PutRecordBatch page."""

_TOO_LARGE = frozenset({"EntityTooLarge", "RequestEntityTooLarge", "RequestEntityTooLargeException"})


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one request: their partition key, their data, and how many events each has."""

    key: str
    data: Sequence[bytes]
    events: Sequence[int]


class RecordSink:
    """A stream of records of newline-terminated lines. A class of it says how they are put, and the stream's limits in bytes.

    `pack`: as many lines as fit are one record.
    """

    request_bytes: int
    record_bytes: int
    largest_record: int
    """Of a record with a single line: a stream may be set to take more than the usual `record_bytes`."""

    def __init__(self, *, pack: bool) -> None:
        self._lines_per_record = LINES_PER_RECORD if pack else 1

    def key(self, batch: Batch) -> str:  # noqa: ARG002
        """The records' partition key, where the service has them."""
        return ""

    def put(self, records: Records, timeout: float) -> Sequence[str | None]:
        """The error code of each record, None for one that was taken. May raise AwsError."""
        raise NotImplementedError

    def chunks(self, batch: Batch) -> Iterator[Chunk[Records]]:
        """See `Sink`."""
        key = self.key(batch)
        extra = len(utf8(key))
        lines = [utf8(f"{line}\n") for line in whole_lines(batch)]
        places = list(batches(map(len, lines), self.record_bytes - extra, self._lines_per_record, between=0))
        data = [b"".join(lines[place.start : place.stop]) for place in places]
        # What is longer than usual may be refused, and its request with it: it travels alone.
        sizes = (
            len(item) + extra if len(item) + extra <= self.record_bytes else self.request_bytes + 1 for item in data
        )
        for span in batches(sizes, self.request_bytes, RECORDS, between=0):
            chosen = slice(span.start, span.stop)
            records = Records(key, data[chosen], [len(place) for place in places[chosen]])
            yield Chunk(range(places[span.start].start, places[span.stop - 1].stop), records)

    def send(self, chunk: Chunk[Records], timeout: float) -> Outcome:
        """See `Sink`."""
        records = chunk.content
        if len(records.data[0]) + len(utf8(records.key)) > self.largest_record:
            return Outcome("refused", f"the event is larger than the {self.largest_record // 1024} KiB of a record")
        try:
            codes = self.put(records, timeout)
        except AwsError as error:
            return outcome_of(error)
        if len(codes) != len(records.data):
            return Outcome("again", "the sink's answer was not whole")
        return parted(codes, records.events)

    def renew(self) -> bool:
        """See `Sink`. The credentials are the function's own."""
        return False


def parted(codes: Sequence[str | None], events: Sequence[int]) -> Outcome:
    """What the error codes of records mean, each of which has so many events."""
    if not any(codes):
        return ACCEPTED
    again: list[int] = []
    refused: dict[int, str] = {}
    reason = ""
    place = 0
    for code, count in zip(codes, events, strict=True):
        places = range(place, place + count)
        place += count
        if code and passes(code):
            reason = f"the sink answered {code} for a record"
            again += places
        elif code:
            refused.update(dict.fromkeys(places, f"the sink refused the record: {plain_code(code)}"))
    if len(again) == place:
        return Outcome("again", reason)
    return Outcome("partly", reason, again=again, refused=refused)


def outcome_of(error: AwsError) -> Outcome:
    """What became of a request that did not succeed."""
    if error.status == 0 and error.passing:
        return Outcome("again", f"the connection to the sink broke ({error.code})")
    if error.status == 0:
        return Outcome("refused", f"the request could not be made: {error.code}")
    if error.passing:
        return Outcome("again", f"the sink answered {error.code}")
    reason = f"{error.operation} was refused: {error.code}"
    return Outcome("too_large" if error.code in _TOO_LARGE or error.status == 413 else "refused", reason)
