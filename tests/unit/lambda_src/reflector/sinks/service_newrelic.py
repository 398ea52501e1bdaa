# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New Relic's Log API ("Introduction to the Log API", "Find data in long logs (blobs)", "Timestamp formats in logs")."""

import json
import time
from typing import Any

from contract import EVERY_CASE, TOKEN, Accepted, Case, HttpService, Limits, Reply
from reflector_support import Received, status


class Local(HttpService):
    """New Relic would drop a message beyond its limits, so the sink must not send one."""

    type = "newrelic"
    path = "/log/v1"
    # The answer is one for the whole request, and there is no bound of the logs in it.
    supports = EVERY_CASE - {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED, Case.ITEMS}
    limits = Limits(request_bytes=1_000_000, item_bytes=4_094 + 128_000)
    over_long = "refused"
    oldest_hours = 48

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        endpoint = self.url.removesuffix(self.path)
        attributes = {"logtype": "app"}
        return {"type": self.type, "endpoint": endpoint, "license_key": TOKEN, "attributes": attributes, **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"license_key": reference}

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.headers.get("Api-Key") == TOKEN

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == self.path, "path")
        self.check(request.headers["Content-Type"] == "application/json", "Content-Type")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        (block,) = json.loads(request.text)
        common = block["common"]["attributes"]
        self.check(common["logtype"] == "app", "attributes")
        for log in block["logs"]:
            self.check(set(log) == {"timestamp", "message", "attributes"}, f"members {set(log)}")
            self.check(log["timestamp"] / 1000 > time.time() - self.oldest_hours * 3600, "a log that is too old")
            self.check(len(common) + len(log["attributes"]) + 2 <= 255, "attributes")
            self.check(len(log["message"][4_094:].encode("utf-8", "replace")) <= 128_000, "a message that would be cut")
        self.check_limits(len(request.text), len(block["logs"]))
        where = (common["aws.logGroup"], common["aws.logStream"], common["aws.accountId"])
        self.accept(
            [
                Accepted(log["attributes"]["aws.logEventId"], log["message"], log["timestamp"], *where)
                for log in block["logs"]
            ]
        )
        return status(202, b'{"requestId":"f0e7bfff-001a-b000-0000-0190b1a9e6a1"}')
