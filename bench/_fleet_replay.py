# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records the calls that a playbook makes, so that bare boto3 can repeat them."""

from __future__ import annotations

import itertools
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore.session

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "extensions"))

from embedded_aws.front import GLOBAL_SERVICES  # noqa: E402
from embedded_aws.http_server import Connection, HttpClient, HttpServer, Request, Response  # noqa: E402
from embedded_aws.operations import operation_of, signed_by  # noqa: E402

_SDK_NAMES = {"monitoring": "cloudwatch"}  # of services that sign by another name

Call = tuple[str, str, dict[str, Any]]
"""Service, operation, parameters as boto3 takes them."""


class Recorder:
    """A proxy before an endpoint that records all calls but AssumeRole."""

    def __init__(self, endpoint_url: str) -> None:
        host, _unused, port = endpoint_url.removeprefix("http://").partition(":")
        self._upstream = host, int(port)
        self._clients = threading.local()
        self._session = botocore.session.Session()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._calls: list[tuple[int, str, Call]] = []
        self._server = HttpServer(self._handle)
        self.url = self._server.url

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Serve while the block runs."""
        self._server.start()
        try:
            yield self
        finally:
            self._server.stop()

    def by_region(self, leader: str) -> dict[str, list[Call]]:
        """Return the calls of each region in order. Calls of global services belong to the leader."""
        found: dict[str, list[Call]] = {}
        for _unused, region, call in sorted(self._calls, key=lambda item: item[0]):
            found.setdefault(leader if call[0] in GLOBAL_SERVICES else region, []).append(call)
        return found

    def _handle(self, request: Request, _connection: Connection) -> Response:
        number = next(self._numbers)
        _unused, region, signed = signed_by(request)
        service = _SDK_NAMES.get(signed, signed)
        operation = operation_of(request, signed)
        if operation != "AssumeRole":
            with self._lock:  # botocore's models read themselves lazily
                model = self._session.get_service_model(service).operation_model(operation)
                self._calls.append((number, region, (service, operation, parameters(model, request))))
        client: HttpClient | None = getattr(self._clients, "client", None)
        if client is None:
            client = self._clients.client = HttpClient(*self._upstream)
        return client.send(request)


def parameters(model: Any, request: Request) -> dict[str, Any]:
    """Return the parameters of the boto3 call that sent this request.

    Supports what reading calls need: no lists in the query protocol, no headers, no blobs (botocore, serialize.py).
    """
    members = model.input_shape.members if model.input_shape else {}
    # CloudWatch has several protocols: the request's content type shows which one.
    is_json = "x-amz-json" in request.header("content-type")
    match "json" if is_json else model.service_model.metadata["protocol"]:
        case "json":
            found: dict[str, Any] = json.loads(request.body or b"{}")
            return found
        case "query":
            given = dict(parse_qsl(request.body.decode()))
        case protocol:
            if protocol != "rest-json" or request.body:
                raise ValueError(f"{model.name}: a {protocol} request with a body is not understood here.")
            path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", model.http["requestUri"].rstrip("/"))
            match = re.fullmatch(path + "/?", request.path)
            assert match, (path, request.path)
            given = {
                **dict(parse_qsl(request.query)),
                **{key: unquote(text) for key, text in match.groupdict().items()},
            }
    values: dict[str, Any] = {}
    for member, shape in members.items():
        if (text := given.get(shape.serialization.get("name", member))) is not None:
            values[member] = int(text) if shape.type_name in ("integer", "long") else text
    return values
