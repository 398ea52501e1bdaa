# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elasticsearch's bulk API (its documentation, "Bulk index or delete documents")."""

import json
from datetime import datetime
from typing import Any

from contract import TOKEN, Accepted, Case, HttpService, Limits, Reply, json_value
from reflector_support import Received, status


class Local(HttpService):
    """A cluster with one document for each index and id. Its errors quote documents, unless they are filtered."""

    type = "elasticsearch"
    path = "/_bulk?filter_path=items.*.status,items.*.error.type"
    limits = Limits(request_bytes=5_000_000, items=5_000)

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}

    def reset(self) -> None:
        """See `Service`."""
        super().reset()
        self.documents.clear()

    @property
    def environment(self) -> dict[str, str]:
        """See `Service`."""
        return {"AWS_REGION": "eu-central-1"}

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        return {"type": self.type, "endpoint": self.url.removesuffix(self.path), "api_key": TOKEN, **overrides}

    def secret_options(self, reference: str) -> dict[str, Any]:
        """See `Service`."""
        return {"api_key": reference}

    def authorized(self, request: Received) -> bool:
        """See `HttpService`."""
        return request.headers.get("Authorization") == f"ApiKey {TOKEN}"

    def unauthorized(self, request: Received) -> Reply:
        """See `HttpService`."""
        return status(
            401, json.dumps({"error": {"type": "security_exception", "reason": TOKEN}, "status": 401}).encode()
        )

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        self.check(request.path == self.path, f"path {request.path}")
        self.check(request.headers["Content-Type"] == "application/x-ndjson", "Content-Type")
        self.check(request.headers.get("Content-Encoding") in (None, "gzip"), "Content-Encoding")
        self.check(request.text.endswith(b"\n"), "no newline at the end")
        request.text.decode()
        lines = [json_value(line) for line in request.text[:-1].split(b"\n")]
        self.check(len(lines) % 2 == 0, "actions and documents")
        self.check_limits(len(request.text), len(lines) // 2)
        made = [self._document(*pair) for pair in zip(lines[::2], lines[1::2], strict=True)]
        new = [pair for pair in made if pair[0] not in self.documents]
        self.check(len({key for key, _document in new}) == len(new), "two items with one _id")
        kept = dict(
            zip(
                [key for key, _document in new],
                self.accept([_event(document) for _key, document in new], fault),
                strict=True,
            )
        )
        self.documents.update({key: document for key, document in new if kept[key]})
        return status(
            200, json.dumps({"items": [{"create": _result(kept.get(key), fault)} for key, _document in made]}).encode()
        )

    def _document(self, action: Any, document: Any) -> tuple[tuple[str, str], dict[str, Any]]:
        self.check(set(action) == {"create"}, "an action other than create")
        about = action["create"]
        self.check(set(about) == {"_index", "_id"}, "members of an action")
        self.check(0 < len(about["_id"].encode()) <= 512, "_id")
        self.check(about["_index"] == about["_index"].lower() and about["_index"].isascii(), "_index")
        self.check("@timestamp" in document, "no @timestamp, which a data stream needs")
        return (about["_index"], about["_id"]), document


def _result(kept: bool | None, fault: Case | None) -> dict[str, Any]:
    if kept is None:
        return {"status": 409, "error": {"type": "version_conflict_engine_exception"}}
    if kept:
        return {"status": 201}
    if fault is Case.ITEMS_AGAIN:
        return {"status": 429, "error": {"type": "es_rejected_execution_exception"}}
    return {"status": 400, "error": {"type": "document_parsing_exception"}}


def _event(document: dict[str, Any]) -> Accepted:
    assert document["cloud"]["provider"] == "aws"
    assert document["cloud"]["region"] == "eu-central-1"
    place = document["aws"]["cloudwatch"]
    return Accepted(
        document["event"]["id"],
        document["message"],
        round(datetime.fromisoformat(document["@timestamp"]).timestamp() * 1000),
        place["log_group"],
        place["log_stream"],
        document["cloud"]["account"]["id"],
    )
