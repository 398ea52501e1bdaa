# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon Data Firehose (API reference, "PutRecordBatch")."""

from typing import Any, ClassVar

from aws_service import RecordService
from contract import Case, Limits


class Local(RecordService):
    """An item is a record. test_aws_sinks.py tests records of several lines."""

    type = "firehose"
    target = "Firehose_20150804.PutRecordBatch"
    answer_names = "FailedPutCount", "RequestResponses"
    limits = Limits(request_bytes=4 * 1024 * 1024, items=500, item_bytes=1000 * 1024)
    over_long = "refused"
    codes: ClassVar[dict[Case, tuple[int, str]]] = {
        Case.THROTTLED: (503, "ServiceUnavailableException"),  # "throughput limits may have been exceeded"
        Case.UNAVAILABLE: (500, "InternalFailure"),
        Case.TOO_LARGE: (413, "RequestEntityTooLargeException"),
        Case.REFUSED: (400, "ResourceNotFoundException"),
    }

    def check_members(self, body: dict[str, Any]) -> None:
        """See `RecordService`."""
        self.check(set(body) == {"DeliveryStreamName", "Records"}, f"members {sorted(body)}")
        self.check(body["DeliveryStreamName"] == "the-stream", "DeliveryStreamName")
        self.check(all(set(record) == {"Data"} for record in body["Records"]), "members of a record")

    def result(self, place: int) -> dict[str, str]:
        """See `RecordService`."""
        return {"RecordId": f"record-{place}"}
