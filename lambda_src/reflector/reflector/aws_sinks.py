# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts that the sinks for AWS services share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .aws import AwsError, is_transient, plain_code
from .codec import utf8
from .lines import batches, whole_lines
from .sinks import ACCEPTED, Batch, Chunk, Outcome

MAX_RECORDS = 500
"""Records of one PutRecords or PutRecordBatch."""

LINES_PER_RECORD = 500
"""Firehose's dynamic partitioning splits a record into at most this many (API reference, "PutRecordBatch")."""

_TOO_LARGE = frozenset({"EntityTooLarge", "RequestEntityTooLarge", "RequestEntityTooLargeException"})


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one request: their partition key, their data, and the number of events in each."""

    key: str
    data: Sequence[bytes]
    events: Sequence[int]


class RecordSink:
    """Base for sinks that put records of newline-terminated lines into a stream.

    A subclass sets the stream's limits in bytes and implements `put`. With `pack`, a record holds as many lines as fit.
    """

    request_bytes: int
    record_bytes: int
    largest_record: int
    """Limit for a record with one line. A stream may be configured to take more than the usual `record_bytes`."""

    def __init__(self, *, pack: bool) -> None:
        self._lines_per_record = LINES_PER_RECORD if pack else 1

    def key(self, batch: Batch) -> str:  # noqa: ARG002
        """Return the records' partition key, if the service has partition keys."""
        return ""

    def put(self, records: Records, timeout: float) -> Sequence[str | None]:
        """Send the records. Return the error code of each, None for an accepted one. May raise AwsError."""
        raise NotImplementedError

    def chunks(self, batch: Batch) -> Iterator[Chunk[Records]]:
        """See `Sink`."""
        key = self.key(batch)
        extra = len(utf8(key))
        lines = [utf8(f"{line}\n") for line in whole_lines(batch)]
        places = list(batches(map(len, lines), self.record_bytes - extra, self._lines_per_record, between=0))
        data = [b"".join(lines[place.start : place.stop]) for place in places]
        # The service may refuse a record above the usual limit with its whole request: it is sent alone.
        sizes = (
            len(item) + extra if len(item) + extra <= self.record_bytes else self.request_bytes + 1 for item in data
        )
        for span in batches(sizes, self.request_bytes, MAX_RECORDS, between=0):
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
            return outcome_of_error(error)
        if len(codes) != len(records.data):
            return Outcome("retry", "the sink's answer was not whole")
        return outcome_of_records(codes, records.events)

    def renew(self) -> bool:
        """See `Sink`. The credentials are the function's own."""
        return False


def outcome_of_records(codes: Sequence[str | None], events: Sequence[int]) -> Outcome:
    """Return the outcome of a request from the error code of each record and the number of events in each."""
    if not any(codes):
        return ACCEPTED
    retry: list[int] = []
    refused: dict[int, str] = {}
    reason = ""
    place = 0
    for code, count in zip(codes, events, strict=True):
        places = range(place, place + count)
        place += count
        if code and is_transient(code):
            reason = f"the sink answered {code} for a record"
            retry += places
        elif code:
            refused.update(dict.fromkeys(places, f"the sink refused the record: {plain_code(code)}"))
    if len(retry) == place:
        return Outcome("retry", reason)
    return Outcome("partial", reason, retry=retry, refused=refused)


def outcome_of_error(error: AwsError) -> Outcome:
    """Return the outcome of a request that failed as a whole."""
    if error.status == 0 and error.transient:
        return Outcome("retry", f"the connection to the sink broke ({error.code})")
    if error.status == 0:
        return Outcome("refused", f"the request could not be made: {error.code}")
    if error.transient:
        return Outcome("retry", f"the sink answered {error.code}")
    reason = f"{error.operation} was refused: {error.code}"
    return Outcome("too_large" if error.code in _TOO_LARGE or error.status == 413 else "refused", reason)


def resource_arn(name: str, place: str) -> str:
    """Return the name if it is an ARN, else the ARN of that name. `place` is the ARN's part between partition and name."""
    return name if name.startswith("arn:") else f"arn:{{partition}}:{place}/{name}"
