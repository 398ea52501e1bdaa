# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon Kinesis Data Streams (API reference, "PutRecords")."""

import json
from typing import Any, ClassVar

from aws_service import RecordService
from contract import LOG_STREAM, Case, Limits
from reflector_support import Received


class Local(RecordService):
    """An item is a record with its partition key. The stream accepts records of up to 10 MiB."""

    type = "kinesis"
    target = "Kinesis_20131202.PutRecords"
    answer_names = "FailedRecordCount", "Records"
    limits = Limits(request_bytes=5 * 1024 * 1024, items=500, item_bytes=1024 * 1024)
    codes: ClassVar[dict[Case, tuple[int, str]]] = {
        Case.THROTTLED: (400, "ProvisionedThroughputExceededException"),
        Case.UNAVAILABLE: (500, "InternalFailure"),
        Case.TOO_LARGE: (413, "RequestEntityTooLargeException"),
        Case.REFUSED: (400, "AccessDeniedException"),
    }

    def records(self, request: Received) -> list[bytes]:
        """See `RecordService`."""
        keys = [record["PartitionKey"].encode() for record in json.loads(request.body)["Records"]]
        return [key + data for key, data in zip(keys, self.data(request), strict=True)]

    def check_members(self, body: dict[str, Any]) -> None:
        """See `RecordService`."""
        self.check(set(body) == {"StreamName", "Records"}, f"members {sorted(body)}")
        self.check(body["StreamName"] == "the-stream", "StreamName")
        for record in body["Records"]:
            self.check(set(record) == {"Data", "PartitionKey"}, "members of a record")
            self.check(record["PartitionKey"] == LOG_STREAM, "PartitionKey")

    def result(self, place: int) -> dict[str, str]:
        """See `RecordService`."""
        return {"SequenceNumber": f"4954{place:052d}", "ShardId": "shardId-000000000000"}
