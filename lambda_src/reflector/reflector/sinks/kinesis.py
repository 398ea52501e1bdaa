# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon Kinesis Data Streams.

Source: its API reference, "PutRecords" (limits, errors of records), and its developer guide, "Handle large records".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..aws import call
from ..aws_sinks import Records, RecordSink, resource_arn
from ..codec import utf8
from ..options import option, required
from . import Batch, Permission

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_ARN = re.compile(r"arn:[a-z0-9-]+:kinesis:(?P<region>[a-z0-9-]+):\d{12}:stream/[a-zA-Z0-9_.-]{1,128}")
_KEY_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    stream: str = required(
        "name of a stream in the function's account, or an ARN; a stream of another account needs a resource policy that allows the"
        " role"
    )
    region: str | None = option(None, "the stream's region", shown="the ARN's, the function's")
    pack: bool = option(
        False,
        "put up to 500 lines and 1 MiB into one record, which consumers must split: a shard accepts 1,000 records a second",
    )

    def __post_init__(self) -> None:
        if not (_NAME.fullmatch(self.stream) or _ARN.fullmatch(self.stream)):
            raise ValueError("stream: must be a Kinesis stream's name, 1 to 128 of letters, digits and _.-, or its ARN")
        if self.region is not None and _ARN.fullmatch(self.stream):
            raise ValueError("region: must not be given with an ARN, which has a region")


class Kinesis(RecordSink):
    """See `Sink`. Order within a log stream holds unless Kinesis throttles some of its records."""

    # The limit is 10 MiB since 2025, but a shard accepts 1 MiB a second: the older limit of 5 MiB is as good.
    request_bytes = 5 * 1024 * 1024
    record_bytes = 1024 * 1024  # including the key
    largest_record = 10 * 1024 * 1024  # if the stream is configured for it

    def __init__(self, options: Options) -> None:
        super().__init__(pack=options.pack)
        arn = _ARN.fullmatch(options.stream)
        self._region = arn["region"] if arn else options.region
        self._stream = {"StreamARN" if arn else "StreamName": options.stream}

    def key(self, batch: Batch) -> str:
        """See `RecordSink`. Records with the same key stay in order."""
        return utf8(batch.log_stream)[:_KEY_LIMIT].decode("utf-8", "ignore") or "-"

    def put(self, records: Records, timeout: float) -> Sequence[str | None]:
        """See `RecordSink`."""
        answer = call(
            "kinesis",
            "put_records",
            self._region,
            timeout=timeout,
            attempts=1,
            Records=[{"Data": data, "PartitionKey": records.key} for data in records.data],
            **self._stream,
        )
        return [record.get("ErrorCode") for record in answer.get("Records", ())]


def permissions(options: Mapping[str, Any]) -> list[Permission]:
    """See `sinks.no_permissions`."""
    stream, region = options.get("stream"), options.get("region") or "*"
    if not isinstance(stream, str):
        return []
    return [("kinesis:PutRecords", resource_arn(stream, f"kinesis:{region}:{{account}}:stream"))]


def sink(options: Options) -> Kinesis:
    """Return the sink."""
    return Kinesis(options)
