# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's log intake ("Send logs" of its API)."""

import json
import time
from typing import Any

from contract import EVERY_CASE, TOKEN, Accepted, Case, HttpService, Limits, Reply
from reflector_support import Received, status

_MEMBERS = {"message", "timestamp", "id", "ddsource", "ddtags", "hostname", "service", "aws"}


class Local(HttpService):
    """Datadog would truncate a log beyond its limits, so the sink must not send one."""

    type = "datadog"
    path = "/api/v2/logs"
    supports = EVERY_CASE - {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED}
    limits = Limits(request_bytes=5_000_000, items=1000, item_bytes=1_000_000)
    over_long = "refused"
    oldest_hours = 18

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        endpoint = self.url.removesuffix(self.path)
        return {"type": self.type, "endpoint": endpoint, "api_key": TOKEN, "ddtags": "env:test", **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"api_key": reference}

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.headers.get("DD-API-KEY") == TOKEN

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == self.path, "path")
        self.check(request.headers["Content-Type"] == "application/json", "Content-Type")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        logs = json.loads(request.text)
        sizes = [
            len(json.dumps(log, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")) for log in logs
        ]
        self.check_limits(len(request.text), len(logs), max(sizes))
        self.accept([self._event(log) for log in logs])
        return status(202, b"{}")

    def _event(self, log: dict[str, Any]) -> Accepted:
        self.check(set(log) <= _MEMBERS, f"members {set(log)}")
        self.check(isinstance(log["message"], str), "message")
        self.check(log["timestamp"] / 1000 > time.time() - self.oldest_hours * 3600, "a log that is too old")
        self.check(log["hostname"] == "/app/orders", "hostname")
        self.check(log["ddsource"] == "cloudwatch", "ddsource")
        self.check(log["ddtags"] == "env:test", "ddtags")
        where = log["aws"]["awslogs"]
        return Accepted(
            log["id"], log["message"], log["timestamp"], where["logGroup"], where["logStream"], where["owner"]
        )
