# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The readings of one target together: one that fails is named, and the others go on."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError
from ansible_collections.logreflector.aws.plugins.module_utils._options.coverage import CoverageOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.read import FlowReader
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow


class Denied:
    """A target in which every call is denied."""

    where = "111111111111/eu-west-1"

    def client(self, _service: str) -> Denied:
        return self

    def describe_operation(self, operation: str) -> NoReturn:
        raise AccessDeniedError(operation, "not authorized", where=self.where)

    def together(self, *calls: Any) -> list[Any]:
        return [call() for call in calls]

    def get_paginator(self, _operation: str) -> Denied:
        return self

    def get_metric_data(self, **_request: Any) -> None:
        """Stand for the operation."""


@pytest.fixture
def reader() -> FlowReader:
    names = {"reflector": "log-reflector", "subscriber": "log-reflector-subscriber", "queue": "letters"}
    return FlowReader(Denied(), CoverageOptions(), **names)  # type: ignore[arg-type]


def test_every_reading_that_fails_is_named(reader: FlowReader) -> None:
    reader.scope.add(CoverageRow("/a", "not_checked"))
    flow = reader.read("", "", is_listed=True)
    assert {name for name, value in flow.items() if value is None} == {
        *("written", "unsubscribed", "unmatched", "delivery_errors", "delivery_throttles", "forwarded", "received"),
        *("given_up", "given_up_replayed", "expired", "waiting", "undecodable"),
        *("dropped", "sinks", "dead_lettered", "replayed", "purged", "extra_copies"),
    }
    assert flow["facts"] == {}
    assert [note.partition(":")[0] for note in flow["notes"]] == [
        "the events of CloudWatch Logs were not read",
        "the metrics of the reflector were not read",
        "the metrics of the dead-letter queue were not read",
        "the reflector's accounts were not read",
        "the metrics of the subscriber's rules were not read",
        "the dead letters were not read",
        "events of 1 log group that was not checked are not counted",
    ]
    assert "not authorized" in flow["notes"][0]


def test_events_of_log_groups_that_were_not_all_listed_are_unknown(reader: FlowReader) -> None:
    """Their sum would be too small, and look complete."""
    flow = reader.read("", "", is_listed=False)
    assert flow["written"] is None
    assert "the events of CloudWatch Logs were not read: not all log groups could be listed" in flow["notes"]
