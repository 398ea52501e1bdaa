# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sumo Logic's HTTP source (its documentation, "Upload Logs to an HTTP Source")."""

from typing import Any

from contract import (
    EVERY_CASE,
    STALE,
    TOKEN,
    Accepted,
    Case,
    HttpService,
    Limits,
    Reply,
    embedded,
    json_value,
)
from reflector_support import Received, status


class Local(HttpService):
    """The secret is the URL's path, and a request has as many items as lines."""

    type = "sumologic"
    path = f"/receiver/v1/http/{TOKEN}"
    # There is one answer for the whole request. An account has its own source, and the id identifies the event.
    supports = EVERY_CASE - {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED, Case.ITEMS, Case.OWNER}
    limits = Limits(request_bytes=1_000_000)

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        kept = {"include_log_info": True, "include_event_id": True}
        return {"type": self.type, "endpoint": self.url, **kept, **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"endpoint": reference}

    def secret(self, *, stale: bool) -> str:
        """See `Service`."""
        return self.url.replace(TOKEN, STALE) if stale else self.url

    def text(self, message: str) -> Any:
        """See `Service`."""
        return embedded(message)

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.path.endswith(TOKEN)

    def unauthorized(self, request: Received) -> Reply:
        """See `HttpService`."""
        return status(401)

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.headers["X-Sumo-Name"] == "web/1", "X-Sumo-Name")
        self.check(request.headers["X-Sumo-Host"] == "/app/orders", "X-Sumo-Host")
        self.check(request.headers["X-Sumo-Client"], "X-Sumo-Client")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        request.text.decode()
        self.check_limits(len(request.text), len(request.lines))
        lines = [json_value(line) for line in request.lines]
        self.accept([_event(line) for line in lines])
        return status(200)


def _event(line: dict[str, Any]) -> Accepted:
    return Accepted(line["id"], line["message"], int(line["timestamp"][1]), line["logGroup"], line["logStream"])
