# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch Logs with the operations for subscriptions, below a real boto3 client, so botocore serialises, pages and retries.

A test can fail or delay any call.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

REGION = "eu-west-1"
ACCOUNT = "222222222222"
PAGE = 50  # AWS's page sizes, of groups and of filters

Spoiler = Callable[[str, dict[str, Any]], "tuple[str, str] | Exception | None"]


@cache
def _session() -> boto3.Session:
    """Return one session for all tests: each new session reads the service's model again."""
    return boto3.Session("testing", "testing", region_name=REGION)


class _Body:
    """The body of an answer, as botocore reads it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, **_unused: Any) -> Any:
        yield self._data


class LogsServer:
    """`groups` maps a group's name to its filters by name (API shape), `classes` names those that are not STANDARD."""

    def __init__(self, *groups: str, slots: int = 5) -> None:
        self.groups: dict[str, dict[str, dict[str, Any]]] = {group: {} for group in groups}
        self.classes: dict[str, str] = {}
        self.created: dict[str, int] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.slots = slots
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.spoil: Spoiler = lambda _operation, _request: None
        self._lock = threading.Lock()

    @cached_property
    def client(self) -> Any:
        """Return a client without retries."""
        client = _session().client("logs", config=Config(retries={"total_max_attempts": 1}))
        client.meta.events.register("before-send.logs", self._on_send)
        return client

    @cached_property
    def session(self) -> boto3.Session:
        """Return a session whose clients call this server."""
        session = boto3.Session("testing", "testing", region_name=REGION)
        session.events.register("before-send.logs", self._on_send)
        return session

    def operations(self, group: str | None = None) -> list[str]:
        """Return the calls so far, of one group or of all."""
        return [name for name, request in self.calls if group in (None, request.get("logGroupName"))]

    def add_filter(self, group: str, name: str, destination: str, **attributes: Any) -> None:
        """Store a filter directly, without a request."""
        self.groups.setdefault(group, {})[name] = {
            "filterName": name,
            "logGroupName": group,
            "filterPattern": "",
            "destinationArn": destination,
            "distribution": "ByLogStream",
            "applyOnTransformedLogs": False,
            "creationTime": 1440442987000,
            **attributes,
        }

    def _on_send(self, request: Any, **_unused: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        asked = json.loads(request.body)
        with self._lock:
            self.calls.append((operation, asked))
            trouble = self.spoil(operation, asked)
            status, answer = self._spoiled(trouble) if trouble else self._answer(operation, asked)
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "1"}
        return AWSResponse(request.url, status, headers, _Body(json.dumps(answer).encode()))

    def _spoiled(self, trouble: tuple[str, str] | Exception) -> tuple[int, dict[str, Any]]:
        if isinstance(trouble, tuple):
            return self._refusal(*trouble)
        raise trouble

    @staticmethod
    def _refusal(code: str, message: str) -> tuple[int, dict[str, Any]]:
        return 400, {"__type": code, "message": message}

    def _answer(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if operation == "DescribeLogGroups":
            prefix = asked.get("logGroupNamePrefix", "")
            return self._page(
                "logGroups", [self._group(name) for name in self.groups if name.startswith(prefix)], asked
            )
        if operation == "ListLogGroups":
            found = [self._group(name) for name in self.groups if self._carries(name, asked["logGroupTags"])]
            return self._page("logGroups", found, asked, asked["limit"])
        if "resourceArn" in asked:
            return self._answer_on_tags(operation, asked)
        filters = self.groups.get(asked["logGroupName"])
        if filters is None:
            return self._refusal("ResourceNotFoundException", "The specified log group does not exist.")
        if operation == "DescribeSubscriptionFilters":
            return self._page("subscriptionFilters", list(filters.values()), asked)
        if operation == "DeleteSubscriptionFilter":
            if filters.pop(asked["filterName"], None) is None:
                return self._refusal("ResourceNotFoundException", "The specified subscription filter does not exist.")
            return 200, {}
        assert operation == "PutSubscriptionFilter", operation
        if asked["filterName"] not in filters and len(filters) >= self.slots:
            return self._refusal("LimitExceededException", "Resource limit exceeded.")
        given = {
            key: value for key, value in asked.items() if key not in ("logGroupName", "filterName", "destinationArn")
        }
        self.add_filter(asked["logGroupName"], asked["filterName"], asked["destinationArn"], **given)
        return 200, {}

    def _answer_on_tags(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = asked["resourceArn"].rpartition(":log-group:")[2]
        if name not in self.groups:
            return self._refusal("ResourceNotFoundException", "The specified log group does not exist.")
        tags = self.tags.setdefault(name, {})
        if operation == "ListTagsForResource":
            return 200, {"tags": tags}
        if operation == "TagResource":
            tags.update(asked["tags"])
        else:
            assert operation == "UntagResource", operation
            self.tags[name] = {key: value for key, value in tags.items() if key not in asked["tagKeys"]}
        return 200, {}

    def _carries(self, name: str, wanted: list[dict[str, Any]]) -> bool:
        tags = self.tags.get(name, {})
        return all(
            item["key"] in tags and (not item.get("values") or tags[item["key"]] in item["values"]) for item in wanted
        )

    def _group(self, name: str) -> dict[str, Any]:
        answer = {"logGroupName": name, "creationTime": self.created.get(name, 1440442987000), "storedBytes": 0}
        return answer | ({"logGroupClass": self.classes[name]} if name in self.classes else {})

    @staticmethod
    def _page(key: str, items: list[Any], asked: dict[str, Any], size: int = PAGE) -> tuple[int, dict[str, Any]]:
        start = int(asked.get("nextToken", 0))
        more = {"nextToken": str(start + size)} if start + size < len(items) else {}
        return 200, {key: items[start : start + size], **more}
