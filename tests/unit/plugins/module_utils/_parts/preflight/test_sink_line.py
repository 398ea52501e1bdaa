# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test line to each sink, against an HTTP server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError
from ansible_collections.logreflector.aws.plugins.module_utils._options.option import read
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.findings import Finding
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.sink_line import sink_findings
from ansible_collections.logreflector.aws.plugins.module_utils._parts.reflector_code import module

SECRET = "ssm:/log-reflector/endpoint"


@contextmanager
def service(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """Serve one status. Yields the URL and the bodies that arrive."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_unused: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/receiver/v1/http/hidden-token", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def findings(target: Any, **options: Any) -> list[Finding]:
    return sink_findings(target, read(ReflectorOptions, options))


def target(value: str | None = None) -> Any:
    """A target whose parameter has that value; None if it must not be read."""

    def get_parameter(**_request: Any) -> Any:
        if value is None:
            raise AccessDeniedError("read it", "ssm:GetParameter")
        return {"Parameter": {"Value": value}}

    return SimpleNamespace(
        region="eu-west-1",
        identity=SimpleNamespace(account="111111111111"),
        client=lambda _service: SimpleNamespace(get_parameter=get_parameter),
        describe_operation=lambda _operation: nullcontext(),
    )


@pytest.mark.parametrize(("status", "level"), [(200, "note"), (401, "problem"), (500, "problem")])
def test_answer_of_the_sink_is_a_finding_without_the_endpoint(status: int, level: str) -> None:
    before = module("secrets")._read
    with service(status) as (url, bodies):
        (found,) = findings(target(url), sumo_endpoint=SECRET, environment={"COMPRESS_DATA": "false"})
    assert (found.level, found.key) == (level, "sink")
    assert "hidden-token" not in found.sentence
    assert len(bodies) == 1
    assert b"log reflector test line of the preflight" in bodies[0]
    assert module("secrets")._read is before


def test_secret_that_cannot_be_read_says_nothing_about_the_sink() -> None:
    (found,) = findings(target(), sumo_endpoint=SECRET)
    assert (found.level, "ssm:GetParameter" in found.sentence) == ("not_checked", True)


def test_sinks_of_the_reflectors_role_get_no_line(capfd: pytest.CaptureFixture[str]) -> None:
    sinks = {"log": {"type": "stdout", "payloads_in_own_log": True}}
    (found,) = findings(target(), sinks=sinks)
    assert (found.level, "the sink log" in found.sentence) == ("not_checked", True)
    assert "test line" not in capfd.readouterr().out
