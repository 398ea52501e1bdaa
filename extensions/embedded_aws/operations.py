# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the AWS operation of an HTTP request, and format errors as its service does."""

from __future__ import annotations

import json
import re
import uuid
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.loaders import create_loader

from .http_server import Request, Response

# Every other operation may change something.
_READS = (
    "AssumeRole",
    "BatchGet",
    "Decode",
    "Describe",
    "Filter",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Receive",
    "Search",
    "Simulate",
    "StartQuery",
    "Test",
)


class Caller(NamedTuple):
    """The signer of a request, with region and service."""

    access_key: str
    region: str
    service: str


_RPC_PATH = re.compile(r"/service/[^/]+/operation/([^/?]+)")
_IAM_NAMES = {"monitoring": "cloudwatch"}  # services whose signing name differs
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]*)/([^/]+)/aws4_request")


def signed_by(request: Request) -> Caller:
    """Return the signature's access key, region and service; "" for an unsigned request."""
    match = _CREDENTIAL.search(request.header("authorization"))
    return Caller(*match.groups()) if match else Caller("", "", "")


def is_write(operation: str) -> bool:
    return not operation.startswith(_READS)


def operation_of(request: Request, service: str) -> str:
    """Return AWS's name of the operation; method and path if the service's model has none."""
    if target := request.header("x-amz-target"):
        return target.rpartition(".")[2]
    if is_query(request):
        return parse_qs(request.body.decode("latin-1")).get("Action", ["?"])[0]
    if found := _RPC_PATH.fullmatch(request.path):
        return found[1]
    for method, pattern, name in _routes(service):
        if method == request.method and pattern.fullmatch(request.path):
            return name
    return f"{request.method} {request.path}"


def is_query(request: Request) -> bool:
    """Return whether the request uses the query protocol, which answers in XML."""
    return request.header("content-type").startswith("application/x-www-form-urlencoded")


@cache
def _routes(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Return method, path and name of a REST service's operations from botocore's model, most specific path first."""
    try:
        model = create_loader().load_service_model(service, "service-2")
    except UnknownServiceError:
        return ()
    found = [(item["http"]["method"], item["http"]["requestUri"], name) for name, item in model["operations"].items()]
    found.sort(key=lambda route: -len(re.sub(r"\{[^}]*\}", "", route[1])))
    return tuple((method, _path_pattern(uri.partition("?")[0]), name) for method, uri, name in found)


def _path_pattern(uri: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", uri.rstrip("/"))
    exact = [(".+" if part.endswith("+}") else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts]
    return re.compile("".join(exact) + "/?")


def error_response(
    request: Request, service: str, status: int, code: str, message: str, retry_after: str | None = None
) -> Response:
    """Return an error in the service's protocol: XML for query services, CBOR or JSON for the others."""
    request_id = str(uuid.uuid4())
    headers: tuple[tuple[str, str], ...] = (("x-amzn-RequestId", request_id),)
    if retry_after is not None:
        headers += (("Retry-After", retry_after),)
    if is_query(request):
        body = (
            "<ErrorResponse><Error><Type>Sender</Type>"
            f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Response(status, body.encode(), (*headers, ("Content-Type", "text/xml")))
    if request.header("x-amz-target"):
        kind = request.header("content-type") or "application/x-amz-json-1.1"
        value = {"__type": code, "message": message}
        return Response(status, json.dumps(value).encode(), (*headers, ("Content-Type", kind)))
    if _RPC_PATH.fullmatch(request.path):
        import cbor2  # noqa: PLC0415  only CloudWatch's clients need it

        cbor = cbor2.dumps({"__type": code, "message": message})
        return Response(
            status, cbor, (*headers, ("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"))
        )
    # REST services name the error in a header; Lambda spells the message with a capital, and Type beside it.
    value = {"Type": "User", "Message": message, "message": message} if service == "lambda" else {"message": message}
    headers = (*headers, ("x-amzn-ErrorType", code), ("Content-Type", "application/json"))
    return Response(status, json.dumps(value).encode(), headers)


def throttled(request: Request, service: str, retry_after: str | None = None) -> Response:
    if service in ("lambda", "observabilityadmin"):
        return error_response(request, service, 429, "TooManyRequestsException", "Rate Exceeded.", retry_after)
    code = "Throttling" if is_query(request) else "ThrottlingException"
    return error_response(request, service, 400, code, "Rate exceeded", retry_after)


def denied(request: Request, service: str, operation: str, caller_arn: str, resource: str) -> Response:
    action = f"{_IAM_NAMES.get(service, service)}:{'InvokeFunction' if operation == 'Invoke' else operation}"
    message = (
        f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
    if is_query(request):
        return error_response(request, service, 403, "AccessDenied", message)
    status = 403 if service == "lambda" else 400
    return error_response(request, service, status, "AccessDeniedException", message)
