# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Splunk's HTTP Event Collector ("Format events for HTTP Event Collector", "Troubleshoot HTTP Event Collector")."""

import json
from typing import Any

from contract import EVERY_CASE, TOKEN, Accepted, Case, HttpService, Limits, Reply
from reflector_support import Received, status

_MEMBERS = {"time", "host", "source", "sourcetype", "index", "event", "fields"}


class Local(HttpService):
    """A body has one event after the other, with or without whitespace between them."""

    type = "splunk_hec"
    path = "/services/collector/event"
    # The answer is one for the whole request, and there is no bound of the events in it.
    supports = EVERY_CASE - {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED, Case.ITEMS}
    limits = Limits(request_bytes=1_000_000)

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        endpoint = self.url.removesuffix(self.path)
        return {"type": self.type, "endpoint": endpoint, "token": TOKEN, "index": "main", **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"token": reference}

    def text(self, message: str) -> Any:
        """See `Service`."""
        text = message.removesuffix("\n")
        return text if text.strip() else {"message": text}

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.headers.get("Authorization") == f"Splunk {TOKEN}"

    def unauthorized(self, request: Received) -> Reply:
        """See `HttpService`."""
        return status(403, b'{"text":"Invalid token","code":4}')

    def error(self, fault: Case, request: Received) -> Reply:
        """See `HttpService`."""
        bodies = {
            Case.UNAVAILABLE: (503, {"text": f"Server is busy {TOKEN}", "code": 9, "invalid-event-number": 1}),
            Case.REFUSED: (400, {"text": request.text.decode(), "code": 7, "invalid-event-number": 1}),
        }
        if fault not in bodies:
            return super().error(fault, request)
        code, body = bodies[fault]
        return status(code, json.dumps(body).encode())

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == self.path, "path")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        text, events, at = request.text.decode(), [], 0
        while at < len(text):
            event, at = json.JSONDecoder(parse_float=str).raw_decode(text, at)
            at += len(text[at:]) - len(text[at:].lstrip()) if text[at : at + 1].isspace() else 0
            events.append(self._event(event))
        self.check_limits(len(request.text), len(events))
        self.accept(events)
        return status(200, b'{"text":"Success","code":0}')

    def _event(self, event: dict[str, Any]) -> Accepted:
        self.check(set(event) <= _MEMBERS, f"members {set(event)}")
        # Codes 12 and 13.
        blank = event["event"] is None or (isinstance(event["event"], str) and not event["event"].strip())
        self.check(not blank, "Event field cannot be blank")
        # Code 15: indexed fields are flat.
        self.check(all(isinstance(value, str) for value in event["fields"].values()), "fields")
        seconds, _point, fraction = event["time"].partition(".")
        self.check(len(fraction) == 3, "time")
        fields = event["fields"]
        milliseconds = int(seconds) * 1000 + int(fraction)
        return Accepted(
            fields["event_id"], event["event"], milliseconds, event["source"], fields["log_stream"], event["host"]
        )
