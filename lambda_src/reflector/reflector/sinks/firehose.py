# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon Data Firehose.

Source: its API reference, "PutRecordBatch" (limits, errors of records), and its developer guide, "Amazon Data
Firehose quota".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..aws import call
from ..aws_sinks import Records, RecordSink
from ..options import option, required
from . import Permission

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink."""

    stream: str = required("name of the Firehose stream in the function's account")
    region: str | None = option(None, "the stream's region", shown="the function's")
    pack: bool = option(True, "put up to 500 lines and 1,000 KiB into one record")

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
        answer = call(
            "firehose",
            "put_record_batch",
            self._options.region,
            timeout=timeout,
            attempts=1,
            DeliveryStreamName=self._options.stream,
            Records=[{"Data": data} for data in records.data],
        )
        return [record.get("ErrorCode") for record in answer.get("RequestResponses", ())]


def permissions(options: Mapping[str, Any]) -> list[Permission]:
    """See `sinks.no_permissions`."""
    stream, region = options.get("stream"), options.get("region") or "*"
    if not isinstance(stream, str):
        return []
    return [("firehose:PutRecordBatch", f"arn:{{partition}}:firehose:{region}:{{account}}:deliverystream/{stream}")]


def own_log_groups(options: Mapping[str, Any]) -> list[str]:
    """See `sinks.no_log_groups`. The group in which the console lets Firehose log errors."""
    stream = options.get("stream")
    return [f"/aws/kinesisfirehose/{stream}"] if isinstance(stream, str) and stream else []


def sink(options: Options) -> Firehose:
    """Return the sink."""
    return Firehose(options)
