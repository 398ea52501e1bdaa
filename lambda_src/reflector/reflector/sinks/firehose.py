"""Amazon Data Firehose.

Source: its API reference, "PutRecordBatch" (limits, errors of single records), and its developer guide, "Amazon Data
Firehose quota".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..aws import ask
from ..aws_sinks import Records, RecordSink

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Options:
    """`stream`: name of the Firehose stream, in the function's account. `region`: the function's if not given.

    `pack`: several lines are one record, up to 500 of them. Firehose rounds every record up to 5 KB on its bill; destinations
    that take a record for one document (OpenSearch, Splunk, an HTTP endpoint) want false.
    """

    stream: str
    region: str | None = None
    pack: bool = True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.stream):
            raise ValueError("stream: must be a Firehose stream's name: 1 to 64 of letters, digits and _.-")


class Firehose(RecordSink):
    """See `Sink`."""

    request_bytes = 4 * 1024 * 1024
    record_bytes = largest_record = 1000 * 1024  # not adjustable

    def __init__(self, options: Options) -> None:
        super().__init__(pack=options.pack)
        self._options = options

    def put(self, records: Records, timeout: float) -> Sequence[str | None]:
        """See `RecordSink`."""
        answer = ask(
            "firehose",
            "put_record_batch",
            self._options.region,
            timeout=timeout,
            attempts=1,
            DeliveryStreamName=self._options.stream,
            Records=[{"Data": data} for data in records.data],
        )
        return [record.get("ErrorCode") for record in answer.get("RequestResponses", ())]


def sink(options: Options) -> Firehose:
    """The sink."""
    return Firehose(options)


def permissions(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the function's role has to allow: an action and the ARN of a resource, with {partition} and {account} in it."""
    region, stream = options.get("region") or "*", options.get("stream")
    if isinstance(stream, str):
        yield "firehose:PutRecordBatch", f"arn:{{partition}}:firehose:{region}:{{account}}:deliverystream/{stream}"


def own_log_groups(options: Mapping[str, Any]) -> Iterator[str]:
    """The log groups that Firehose itself writes to: forwarding them would feed them."""
    if isinstance(options.get("stream"), str):
        yield f"/aws/kinesisfirehose/{options['stream']}"
