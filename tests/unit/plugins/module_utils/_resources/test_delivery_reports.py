# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader of a log continues at its last position."""

from __future__ import annotations

from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._resources.delivery_reports import LogReader


class Log:
    """A target whose log answers with the given pages."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._pages = list(pages)

    def client(self, _service: str) -> Log:
        return self

    def describe_operation(self, _operation: str) -> Log:
        return self

    def __enter__(self) -> None:
        """Begin a call."""

    def __exit__(self, *_error: object) -> None:
        """End a call."""

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return self._pages.pop(0)


def page(*ids: str, token: str = "") -> dict[str, Any]:
    events = [{"eventId": each, "message": f'{{"id": "{each}"}}'} for each in ids]
    return {"events": events, "nextToken": token} if token else {"events": events}


def test_reader_continues_at_the_token_and_then_at_a_later_time() -> None:
    """Each read began with the first page again, although the reflector's log is large."""
    log, now = Log(page(token="t"), page("a"), page("a", "b")), [1000.0]
    reader = LogReader(log, "the function f", "/log", "text", clock=lambda: now[0])  # type: ignore[arg-type]
    found = []
    for moment in (1000.0, 1003.0, 1500.0):
        now[0] = moment
        found.append([line["id"] for line in reader.read()])
    now[0] = 1600.0
    assert found == [[], ["a"], ["b"]]
    assert [request.get("nextToken") for request in log.requests] == [None, "t", None]
    assert [request["startTime"] for request in log.requests] == [940_000, 940_000, 940_000]
    log._pages.append(page())
    reader.read()
    assert log.requests[-1]["startTime"] == (1500 - 180) * 1000
    assert {request["filterPattern"] for request in log.requests} == {'"text"'}


def test_reader_skips_lines_that_are_no_json_objects() -> None:
    events = [{"eventId": str(number), "message": text} for number, text in enumerate(("REPORT x", "[1]", '{"a": 1}'))]
    reader = LogReader(Log({"events": events}), "the function f", "/log", "text")  # type: ignore[arg-type]
    assert reader.read() == [{"a": 1}]
