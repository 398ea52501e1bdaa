# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grafana Loki's push API (its documentation, "Loki HTTP API" and "Enforce rate limits and push request validation")."""

import re
from datetime import UTC, datetime
from typing import Any

from contract import EVERY_CASE, TOKEN, Accepted, Case, HttpService, Limits, Reply, json_value
from reflector_support import Received, status

LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


class Local(HttpService):
    """A Loki that stores valid lines, drops duplicates, and reports only bounds for refused lines."""

    type = "loki"
    path = "/loki/api/v1/push"
    # One answer for the whole request, and no bound but on its bytes.
    supports = EVERY_CASE - {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED, Case.ITEMS}
    limits = Limits(request_bytes=1_048_576, item_bytes=262_144)

    def __init__(self) -> None:
        super().__init__()
        self.oldest = self.newest = self.max_line_size = 0  # ms, ms, bytes; 0: no limit
        self._seen: set[tuple[str, str, str]] = set()

    def reset(self) -> None:
        """See `Service`."""
        super().reset()
        self.oldest = self.newest = self.max_line_size = 0
        self._seen.clear()

    @property
    def environment(self) -> dict[str, str]:
        """See `Service`."""
        return {"AWS_REGION": "eu-central-1"}

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        secret = {"tenant_id": "team-a", "bearer_token": TOKEN}
        endpoint = self.url.removesuffix(self.path)
        return {"type": self.type, "endpoint": endpoint, "labels": {"job": "aws"}, **secret, **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"bearer_token": reference}

    def text(self, message: str) -> Any:
        """Loki's JSON parser refuses the escape of a lone surrogate."""
        return re.sub("[\ud800-\udfff]", "\ufffd", message.removesuffix("\n"))

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == self.path, "path")
        self.check(request.headers["Content-Type"] == "application/json", "Content-Type")
        self.check(request.headers["X-Scope-OrgID"] == "team-a", "X-Scope-OrgID")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        body = json_value(request.text)
        self.check(set(body) == {"streams"}, "members of the body")
        (stream,) = body["streams"]
        self.check(set(stream) == {"stream", "values"}, "members of a stream")
        labels, values = stream["stream"], stream["values"]
        self.check(labels and all(LABEL.fullmatch(name) and value for name, value in labels.items()), "labels")
        self.check(all(isinstance(value, str) and len(value.encode()) <= 2048 for value in labels.values()), "labels")
        largest = max((len(value[1].encode()) for value in values), default=0)
        self.check_limits(len(request.text), len(values), largest)
        good, faults = [], []
        for value in values:
            self._check_entry(value)
            fault_of_it = self._fault(value)
            if fault_of_it:
                faults.append(fault_of_it)
            elif (key := (repr(labels), value[0], value[1])) not in self._seen:
                self._seen.add(key)
                good.append(_event(labels, value))
        self.accept(good)
        return status(400, "\n".join(faults[:10]).encode()) if faults else status(204)

    def _check_entry(self, value: Any) -> None:
        """Check an entry: time and line as strings, then an object of strings (structured metadata)."""
        self.check(len(value) in (2, 3), "an entry's length")
        self.check(isinstance(value[0], str) and re.fullmatch(r"[0-9]{19}", value[0]), "a time is no string of ns")
        for text in value[1], *(part for pair in (value[2] if len(value) == 3 else {}).items() for part in pair):
            self.check(isinstance(text, str), "an entry has something else than strings")
            text.encode()  # a lone surrogate fails the request

    def _fault(self, value: Any) -> str:
        milliseconds = int(value[0]) // 1_000_000
        stream = '{job="aws", log_group="/app/orders"}'
        if milliseconds < self.oldest:
            return (
                f"entry for stream '{stream}' has timestamp too old: {_rfc3339(milliseconds)},"
                f" oldest acceptable timestamp is: {_rfc3339(self.oldest)}"
            )
        if self.newest and milliseconds > self.newest:
            return f"entry for stream '{stream}' has timestamp too new: {_rfc3339(milliseconds)}"
        if self.max_line_size and len(value[1].encode()) > self.max_line_size:
            return f"Max entry size '{self.max_line_size}' bytes exceeded for stream '{stream}' while adding an entry"
        return ""


def _event(labels: dict[str, str], value: list[Any]) -> Accepted:
    known = {**labels, **(value[2] if len(value) == 3 else {})}
    assert known.get("region") == "eu-central-1", "region"
    return Accepted(
        known.get("event_id"),
        value[1],
        int(value[0]) // 1_000_000,
        known.get("log_group"),
        known.get("log_stream"),
        known.get("owner"),
    )


def _rfc3339(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat().replace("+00:00", "Z")
