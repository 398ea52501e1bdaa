# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One test line to each sink, sent from this machine by the reflector's own code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..._errors import InvalidInputError, ReflectorError
from ..._options.reflector import ReflectorOptions
from ..._resources.replay.event import one_line
from ..._session import Target
from ..reflector import stored_rules
from ..reflector_code import module
from .findings import Finding, from_error, not_checked, note, problem

LOG_GROUP = "/log-reflector/preflight"
_MESSAGE = "log reflector test line of the preflight"
_SECONDS = 15.0
_ELSEWHERE = ("firehose", "kinesis", "s3", "stdout")
"""Sinks that write with the reflector's role, or to its own log."""


def sink_findings(target: Target, options: ReflectorOptions) -> list[Finding]:
    """Send a line to each sink over HTTP, and return what it answered."""
    found: list[Finding] = []
    with _reading_with(target) as unread:
        for name, sink in sorted(_sinks(options).items()):
            kind = (options.sinks.get(name) or {}).get("type", "sumologic")
            if kind in _ELSEWHERE:
                text = f"no test line was sent to the sink {name}: only the reflector can write to a sink of the type {kind}"
                found.append(not_checked("sink", text))
            else:
                answer = _send(name, sink, target.identity.account)
                # Without its secret a sink refuses every line, which says nothing about the sink.
                found.append(from_error("not_checked", "sink", unread[0]) if unread else answer)
                unread.clear()
    return found


@contextmanager
def _reading_with(target: Target) -> Iterator[list[ReflectorError]]:
    """Let the reflector's code read secrets with the credentials of the target, and not with those of its environment.

    Yields the errors of secrets that could not be read.
    """
    secrets: Any = module("secrets")
    before = secrets._read
    unread: list[ReflectorError] = []

    def read(service: str, name: str, region: str | None) -> str:
        try:
            return _read_secret(target, service, name, region)
        except ReflectorError as error:
            unread.append(error)
            raise secrets.SecretError(error.code) from None

    secrets._read = read
    try:
        yield unread
    finally:
        secrets._read = before


def _read_secret(target: Target, service: str, name: str, region: str | None) -> str:
    operation = f"read {service} {name}"
    if region not in (None, target.region):
        raise ReflectorError(operation, f"it is in the region {region}", where=target.where)
    with target.describe_operation(operation):
        if service == "ssm":
            return str(target.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        return str(target.client("secretsmanager").get_secret_value(SecretId=name).get("SecretString") or "")


def _sinks(options: ReflectorOptions) -> dict[str, Any]:
    """Return the sinks by name as the reflector's code makes them."""
    environment = {name: str(value) for name, value in options.environment.items()}
    more = {"SUMO_ENDPOINT": options.sumo_endpoint, "REFLECTOR_RULES": stored_rules(options).text}
    try:
        return dict(module("config").checked({**environment, **more}).sinks)
    except ValueError as error:
        raise InvalidInputError("reflector_sinks", str(error)) from error


def _send(name: str, sink: Any, account: str) -> Finding:
    """Send the line in one request and return the sink's answer."""
    protocol, decode = module("sinks"), module("decode")
    event = decode.LogEvent(id="0" * 56, timestamp=int(time.time() * 1000), message=_MESSAGE)
    batch = protocol.Batch(account, LOG_GROUP, "preflight", (), [event], [0])
    began = time.monotonic()
    for chunk in sink.chunks(batch):
        reason = chunk.reason if isinstance(chunk, protocol.Refusal) else ""
        if not reason:
            outcome = sink.send(chunk, _SECONDS)
            reason = "" if outcome.verdict == "accepted" else f"{outcome.verdict}: {outcome.reason}"
        if reason:
            return problem("sink", f"the sink {name} did not accept the test line: {one_line(reason)}", _ADVICE)
    return note("sink", f"the sink {name} accepted a test line from this machine in {time.monotonic() - began:.1f} s")


_ADVICE = "Check the endpoint, its secret, and the way from this machine to it."
