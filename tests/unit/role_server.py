# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server for STS, CloudWatch Logs and Account Management that gives sessions and knows which of them are valid."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

_SIGNED_BY = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
REFUSED = "The security token included in the request is invalid."


@dataclass
class RoleServer:
    """Sessions are numbered: ASIA1 with the secret secret-1 and the token token-1, and so on.

    lasting   seconds of a session, whatever is requested
    code      AssumeRole is refused with this error code
    revoked   access keys that are refused; the source's key may be among them
    disabled  regions that refuse all keys
    opted     GetRegionOptStatus's answer by region; None is refused for a missing permission
    calls     (operation, region, access key), in order
    """

    url: str = ""
    lasting: int | None = None
    code: str = ""
    revoked: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    opted: dict[str, str | None] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    given: int = 0

    def count(self, operation: str) -> int:
        """Return the number of calls of an operation."""
        return sum(call[0] == operation for call in self.calls)

    def answer(self, operation: str, region: str, key: str, asked: dict[str, str]) -> tuple[int, str]:
        """Return HTTP status and body."""
        with self.lock:
            self.calls.append((operation, region, key))
        if key in self.revoked or region in self.disabled:
            if operation == "DescribeLogGroups":
                return 400, json.dumps({"__type": "UnrecognizedClientException", "message": REFUSED})
            return 403, _error("InvalidClientTokenId", REFUSED)
        if operation == "AssumeRole":
            return (400, _error(self.code, "no")) if self.code else (200, self._session(asked))
        if operation == "getRegionOptStatus":
            status = self.opted.get(asked["RegionName"], "ENABLED")
            if status is None:
                return 403, json.dumps({"__type": "AccessDeniedException", "message": "not authorized"})
            return 200, json.dumps({"RegionName": asked["RegionName"], "RegionOptStatus": status})
        return 200, json.dumps({"logGroups": []})

    def _session(self, asked: dict[str, str]) -> str:
        with self.lock:
            self.given += 1
            number = self.given
        seconds = self.lasting or int(asked.get("DurationSeconds", 3600))
        ends = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        arn = asked["RoleArn"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
        return (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>secret-{number}</SecretAccessKey>"
            f"<SessionToken>token-{number}</SessionToken><Expiration>{ends}</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{arn}/{asked['RoleSessionName']}</Arn><AssumedRoleId>AROA:x</AssumedRoleId>"
            "</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
        )


def _error(code: str, message: str) -> str:
    return f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


class _Handler(BaseHTTPRequestHandler):
    server_of: RoleServer

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        signed = _SIGNED_BY.search(self.headers["Authorization"])
        assert signed, "not signed"
        key, region, service = signed.groups()
        if service == "sts":
            asked = {name: values[0] for name, values in parse_qs(text).items()}
            operation = asked["Action"]
        else:
            asked = json.loads(text or "{}")
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or self.path.strip("/")
        status, answer = self.server_of.answer(operation, region, key, asked)
        self.send_response(status)
        self.send_header("Content-Type", "text/xml" if service == "sts" else "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_unused: object) -> None:
        """Keep the test's output clean."""


@contextlib.contextmanager
def role_server() -> Iterator[RoleServer]:
    """Run a server on the loopback interface inside the block."""
    state = RoleServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_of": state}))
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
