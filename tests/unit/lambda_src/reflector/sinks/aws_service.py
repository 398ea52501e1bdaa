# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared parts of the stand-ins for AWS services. The runtime's SDK calls them over real connections."""

import base64
import json
from typing import Any, ClassVar

from contract import EVERY_CASE, Accepted, Case, HttpService, Limits, Reply, echo, embedded, json_value
from reflector.aws import client
from reflector_support import Received, raw, status

REGION = "eu-west-1"
ACCESS_KEY = "AKIATHECONTRACT"

# Headers that depend on the time of the request, not on its content.
OF_THE_MOMENT = {"Host", "Authorization", "X-Amz-Date", "amz-sdk-invocation-id", "amz-sdk-request"}


class AwsService(HttpService):
    """A stand-in for an AWS service. Its sinks have no secret: the credentials are the function's."""

    path = "/"
    # AWS's services send no Retry-After.
    supports = EVERY_CASE - {Case.SECRET, Case.COMPRESSION, Case.RETRY_AFTER, Case.ITEMS_REFUSED}
    codes: ClassVar[dict[Case, tuple[int, str]]]
    """Status and error code of each fault."""

    def start(self) -> None:
        """See `HttpService`. Clears the cached clients, which have the endpoint of an earlier stand-in."""
        super().start()
        client.cache_clear()

    @property
    def environment(self) -> dict[str, str]:
        """See `Service`."""
        return {
            f"AWS_ENDPOINT_URL_{self.type.upper()}": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "of-the-function",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def text(self, message: str) -> Any:
        """See `Service`."""
        return embedded(message)

    def fingerprint(self, request: Received) -> Any:
        """See `Service`."""
        headers = {name: value for name, value in request.headers.items() if name not in OF_THE_MOMENT}
        return request.path, headers, request.body

    def reply(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        try:
            self.check_signature(request)
            if fault in self.codes:
                return self.refusal(request, *self.codes[fault])
            if fault is not None and fault is not Case.ITEMS_AGAIN:
                return self.error(fault, request)
            return self.take(request, fault)
        except Exception as error:  # noqa: BLE001  (a stand-in that stumbles has met what it doesn't know)
            self.violations.append(f"{type(error).__name__}: {error}")
            return self.refusal(request, 400, "ValidationException")

    def check_signature(self, request: Received) -> None:
        """Raise AssertionError unless the request is signed for this service in its region (Signature Version 4)."""
        scheme, _unused, rest = request.headers["Authorization"].partition(" ")
        self.check(scheme == "AWS4-HMAC-SHA256", "Authorization")
        scope = rest.partition(",")[0].split("/")
        self.check(scope[0] == f"Credential={ACCESS_KEY}", "credential")
        self.check(scope[2:] == [REGION, self.type, "aws4_request"], f"scope {scope[2:]}")
        self.check(request.headers["User-Agent"].startswith("Boto3/"), "User-Agent")

    def refusal(self, request: Received, code: int, name: str) -> Reply:
        """Return the service's error. AWS's messages may quote the request."""
        raise NotImplementedError


class RecordService(AwsService):
    """A stand-in for a stream of records. Each line is a record, unless the sink packs lines."""

    target: str
    answer_names: tuple[str, str]
    """Names of the number of failures and of the list of results."""
    limits = Limits()
    codes: ClassVar[dict[Case, tuple[int, str]]]

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        return {"type": self.type, "stream": "the-stream", "pack": False, **overrides}

    def size(self, request: Any) -> int:
        """See `Service`."""
        return sum(map(len, self.records(request)))

    def data(self, request: Received) -> list[bytes]:
        """Return the data of each record."""
        return [base64.b64decode(record["Data"], validate=True) for record in json.loads(request.body)["Records"]]

    def records(self, request: Received) -> list[bytes]:
        """Return the size of each record that counts for the limits."""
        return self.data(request)

    def check_members(self, body: dict[str, Any]) -> None:
        """Raise AssertionError if the request's members are not those of the operation."""
        raise NotImplementedError

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == "/", "path")
        self.check(request.headers["X-Amz-Target"] == self.target, "X-Amz-Target")
        self.check(request.headers["Content-Type"] == "application/x-amz-json-1.1", "Content-Type")
        self.check_members(json.loads(request.body))
        sizes = [len(record) for record in self.records(request)]
        self.check_limits(sum(sizes), len(sizes), max(sizes))
        results = []
        for place, data in enumerate(self.data(request)):
            self.check(data.endswith(b"\n"), "a record without a newline at its end")
            lines = [as_accepted(line) for line in data[:-1].split(b"\n")]
            if fault is Case.ITEMS_AGAIN and place % 2:
                results.append(
                    {"ErrorCode": "InternalFailure", "ErrorMessage": echo(request).decode("utf-8", "replace")}
                )
            else:
                self.accept(lines)
                results.append(self.result(place))
        failed, listed = self.answer_names
        answer = {failed: sum("ErrorCode" in result for result in results), listed: results}
        return status(200, json.dumps(answer).encode(), Content_Type="application/x-amz-json-1.1")

    def result(self, place: int) -> dict[str, str]:
        """Return the service's result for an accepted record."""
        raise NotImplementedError

    def refusal(self, request: Received, code: int, name: str) -> Reply:
        """See `AwsService`."""
        body = {"__type": name, "message": echo(request).decode("utf-8", "replace")}
        return status(code, json.dumps(body).encode(), Content_Type="application/x-amz-json-1.1")

    def error(self, fault: Case, request: Received) -> Reply:
        """See `HttpService`. An answer's body may be incomplete, too."""
        if fault is Case.HALF:
            return raw(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"Reco')
        return super().error(fault, request)


def as_accepted(line: bytes) -> Accepted:
    """Return the event of a line."""
    value = json_value(line)
    known = {"timestamp", "message", "requestID", "logStream", "logGroup", "owner", "id"}
    if not set(value) <= known:
        raise ValueError(f"members {sorted(set(value) - known)}")
    place = value["logGroup"], value["logStream"], value["owner"]
    return Accepted(value["id"], value["message"], int(value["timestamp"][1]), *place)
