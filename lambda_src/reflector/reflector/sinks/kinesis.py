"""Amazon Kinesis Data Streams.

Source: its API reference, "PutRecords" (limits, errors of single records), and its developer guide, "Handle large records".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..aws import ask
from ..aws_sinks import Records, RecordSink
from ..codec import utf8
from . import Batch

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_ARN = re.compile(r"arn:[a-z0-9-]+:kinesis:(?P<region>[a-z0-9-]+):\d{12}:stream/[a-zA-Z0-9_.-]{1,128}")
_KEY_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Options:
    """`stream`: name of the stream, or its ARN (another account's stream needs a policy of its own that lets the role in).

    `region`: that of the ARN, or the function's, if not given. `pack`: several lines are one record, up to 500 of them, for
    fewer of the 1,000 records that a shard takes in a second; consumers must part them again. The partition key is the log stream's name.
    """

    stream: str
    region: str | None = None
    pack: bool = False

    def __post_init__(self) -> None:
        if not (_NAME.fullmatch(self.stream) or _ARN.fullmatch(self.stream)):
            raise ValueError("stream: must be a Kinesis stream's name, 1 to 128 of letters, digits and _.-, or its ARN")
        if self.region is not None and _ARN.fullmatch(self.stream):
            raise ValueError("region: must not be given beside an ARN, which names its own")


class Kinesis(RecordSink):
    """See `Sink`. Order holds within a log stream unless Kinesis refuses single records of it for a time."""

    # 10 MiB since 2025, of which a shard takes 1 MiB a second: what was the limit before is as good.
    request_bytes = 5 * 1024 * 1024
    record_bytes = 1024 * 1024  # the key included
    largest_record = 10 * 1024 * 1024  # of a stream that is set to it

    def __init__(self, options: Options) -> None:
        super().__init__(pack=options.pack)
        arn = _ARN.fullmatch(options.stream)
        self._region = arn["region"] if arn else options.region
        self._stream = {"StreamARN" if arn else "StreamName": options.stream}

    def key(self, batch: Batch) -> str:
        """See `RecordSink`: what has the same key stays in order."""
        return utf8(batch.log_stream)[:_KEY_LIMIT].decode("utf-8", "ignore") or "-"

    def put(self, records: Records, timeout: float) -> Sequence[str | None]:
        """See `RecordSink`."""
        answer = ask(
            "kinesis",
            "put_records",
            self._region,
            timeout=timeout,
            attempts=1,
            Records=[{"Data": data, "PartitionKey": records.key} for data in records.data],
            **self._stream,
        )
        return [record.get("ErrorCode") for record in answer.get("Records", ())]


def sink(options: Options) -> Kinesis:
    """The sink."""
    return Kinesis(options)


def permissions(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the function's role has to allow: an action and the ARN of a resource, with {partition} and {account} in it."""
    region, stream = options.get("region") or "*", options.get("stream")
    if isinstance(stream, str):
        is_arn = stream.startswith("arn:")
        yield (
            "kinesis:PutRecords",
            stream if is_arn else f"arn:{{partition}}:kinesis:{region}:{{account}}:stream/{stream}",
        )
