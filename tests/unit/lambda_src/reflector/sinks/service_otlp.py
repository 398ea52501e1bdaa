# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An OTLP/HTTP receiver (OpenTelemetry's "OTLP Specification")."""

import json
import re
from typing import Any

from contract import EVERY_CASE, TOKEN, Accepted, Case, HttpService, Limits, Reply, json_value
from reflector_support import Received, status


class Local(HttpService):
    """A receiver with a key in a header. It rejects the last `rejects` records of each request."""

    type = "otlp"
    path = "/v1/logs"
    # The protocol reports how many records were rejected, not which, and has no limit on their number.
    supports = EVERY_CASE - {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED, Case.ITEMS}
    limits = Limits(request_bytes=1_000_000)

    def __init__(self) -> None:
        super().__init__()
        self.rejects = 0

    def reset(self) -> None:
        """See `Service`."""
        super().reset()
        self.rejects = 0

    @property
    def environment(self) -> dict[str, str]:
        """See `Service`."""
        return {"AWS_REGION": "eu-central-1"}

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        attributes = {"deployment.environment.name": "test"}
        endpoint = self.url.removesuffix(self.path)
        known = {"headers": {"X-Api-Key": TOKEN}, "resource_attributes": attributes}
        return {"type": self.type, "endpoint": endpoint, **known, **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"headers": {"X-Api-Key": reference}}

    def text(self, message: str) -> Any:
        """A string of Protocol Buffers has no lone surrogates."""
        return re.sub("[\ud800-\udfff]", "\ufffd", message.removesuffix("\n"))

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.headers.get("X-Api-Key") == TOKEN

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == self.path, "path")
        self.check(request.headers["Content-Type"] == "application/json", "Content-Type")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        (resource_logs,) = json_value(request.text)["resourceLogs"]
        resource = _attributes(resource_logs["resource"]["attributes"])
        self.check(resource["cloud.provider"] == "aws", "cloud.provider")
        self.check(resource["cloud.region"] == "eu-central-1", "cloud.region")
        self.check(resource["deployment.environment.name"] == "test", "resource_attributes")
        (scope_logs,) = resource_logs["scopeLogs"]
        self.check(scope_logs["scope"]["name"] == "logreflector.aws", "scope")
        records = scope_logs["logRecords"]
        self.check_limits(len(request.text), len(records))
        events = [self._event(resource, record) for record in records]
        rejected = min(self.rejects, len(events))
        self.accept(events[: len(events) - rejected])
        said = {"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": TOKEN}} if rejected else {}
        return status(200, json.dumps(said).encode(), Content_Type="application/json")

    def _event(self, resource: dict[str, Any], record: dict[str, Any]) -> Accepted:
        known = {"timeUnixNano", "observedTimeUnixNano", "severityNumber", "severityText", "body", "attributes"}
        self.check(set(record) <= known, "a record's members")
        time = record["timeUnixNano"]
        self.check(isinstance(time, str) and re.fullmatch(r"[0-9]{1,20}", time), "timeUnixNano is no string of digits")
        message = record["body"]["stringValue"]
        message.encode()  # a lone surrogate fails the request
        (log_group,), (log_stream,) = resource["aws.log.group.names"], resource["aws.log.stream.names"]
        uid = _attributes(record["attributes"])["log.record.uid"]
        return Accepted(uid, message, int(time) // 1_000_000, log_group, log_stream, resource["cloud.account.id"])


def _attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    values = {pair["key"]: _value(pair["value"]) for pair in pairs}
    assert len(values) == len(pairs), "a key twice"
    return values


def _value(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return {"stringValue": lambda: content, "arrayValue": lambda: [_value(item) for item in content["values"]]}[kind]()
