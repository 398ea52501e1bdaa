# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A receiver of NDJSON, like those of many services and collectors."""

from typing import Any

from contract import EVERY_CASE, TOKEN, Accepted, Case, HttpService, Limits, Reply, embedded, json_value
from reflector_support import Received, status


class Local(HttpService):
    """The secret is a header's value, and a request has as many items as lines."""

    type = "http"
    path = "/ingest/logs?source=aws"
    supports = EVERY_CASE - {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED}
    limits = Limits(request_bytes=300_000, items=700)

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        limits = {"max_bytes": self.limits.request_bytes, "max_events": self.limits.items}
        return {"type": self.type, "endpoint": self.url, "headers": {"X-Api-Key": TOKEN}, **limits, **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"headers": {"X-Api-Key": reference}}

    def text(self, message: str) -> Any:
        """See `Service`."""
        return embedded(message)

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.headers.get("X-Api-Key") == TOKEN

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == self.path, "path")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        text = request.text
        if request.headers["Content-Type"] == "application/x-ndjson":
            self.check(text.endswith(b"\n"), "an unfinished line")
            lines = [json_value(line) for line in text[:-1].split(b"\n")]
        else:
            self.check(request.headers["Content-Type"] == "application/json", "Content-Type")
            lines = json_value(text)
        self.check_limits(len(text), len(lines))
        self.accept([_event(line) for line in lines])
        return status(204)


def _event(line: dict[str, Any]) -> Accepted:
    return Accepted(
        line["id"], line["message"], int(line["timestamp"][1]), line["logGroup"], line["logStream"], line["owner"]
    )
