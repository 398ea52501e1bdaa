# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that runs MiniStack with its replaced functions. The supervisor starts it with a listening socket. The
process ends with the supervisor, when its standard input ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import uvicorn
from ministack import app
from ministack.core import iam_evaluator, responses

from . import gaps
from .function_processes import FunctionProcesses
from .gaps import regions
from .gaps.current import current
from .http_server import Request, Response, json_response
from .operations import signed_by
from .settings import Configuration

CONTROL = "/_embedded_aws/"
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def main(descriptor: int, directory: str, processes: FunctionProcesses | None) -> None:
    """Serve on an inherited socket. The first line of standard input is the configuration.

    processes   starts Python functions; None: MiniStack itself does
    """
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # for functions: on AWS their folder is read-only
    configuration = Configuration.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()
    gaps.install(configuration.settings, configuration.organization, processes)
    # MiniStack's own choice, hypercorn, takes as much CPU time for a request as MiniStack itself: its parser is written in Python.
    config = uvicorn.Config(
        _with_control_paths(app.app),
        http="httptools",
        ws="none",
        timeout_keep_alive=3600,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[socket.socket(fileno=descriptor)]))


def _end_with_parent(directory: str) -> None:
    sys.stdin.read()
    shutil.rmtree(directory, ignore_errors=True)
    # The process group has this process and the workers of Lambda functions.
    os.killpg(0, signal.SIGKILL)


def _with_control_paths(ministack: Callable[[Scope, Receive, Send], Awaitable[None]]) -> Any:
    async def controlled(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(CONTROL):
            status, value = _control(scope, await _body(receive))
            await _send(send, json_response(value, status))
        elif scope["type"] == "http" and (refused := _region_refusal(scope)):
            await _body(receive)
            await _send(send, refused)
        else:
            await ministack(scope, receive, send)

    return controlled


def _region_refusal(scope: Scope) -> Response | None:
    """Return the error of a call to a region that is not enabled in the caller's account."""
    if not current.settings.disabled_regions:
        return None
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    request = Request(scope["method"], scope["path"], headers)
    key, region, service = signed_by(request)
    return regions.refusal(request, _caller(key)["account"], region, service)


async def _send(send: Send, response: Response) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _control(scope: Scope, body: bytes) -> tuple[int, Any]:
    match scope["method"], scope["path"].removeprefix(CONTROL):
        case "GET", "caller":
            return 200, _caller(unquote(scope["query_string"].decode()))
        case "GET", "events-under-way":
            return 200, current.events_under_way
        case "GET", "settings":
            return 200, json.loads(current.settings.to_json())
        case "PATCH", "settings":
            try:
                current.settings = current.settings.changed(json.loads(body))
            except (TypeError, ValueError) as error:
                return 400, {"message": str(error)}
            return 200, json.loads(current.settings.to_json())
    return 404, {"message": f"There is no {scope['method']} {scope['path']}."}


def _caller(access_key: str) -> dict[str, str]:
    """Return account and ARN of an access key; "" for an unknown one."""
    account = responses._account_from_sts_session(access_key) or iam_evaluator.find_iam_access_key_account(access_key)
    if account is None and access_key.isdigit() and len(access_key) == 12:
        account = access_key
    if account is None:
        return {"account": "", "arn": ""}
    with responses.request_scope(account, "us-east-1"):
        identity = iam_evaluator.resolve_caller_identity(access_key)
    return {"account": account, "arn": identity["userArn"] if identity else f"arn:aws:iam::{account}:root"}
