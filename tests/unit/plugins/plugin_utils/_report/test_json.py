# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON document and its schema, by the package jsonschema."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import STATES, CoverageRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.as_json import document
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.copies import COUNTS, CopyFlow, FleetCopies
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.drift import (
    Change,
    Difference,
    Drift,
    drift,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport, Status, TargetReport
from hypothesis import given
from jsonschema import Draft202012Validator, ValidationError

from .fleets import EVERY_STATE, drifts, fleet, fleets, group, target

SCHEMA = json.loads((Path(__file__).parents[5] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
PARTS = SCHEMA["$defs"]


def parsed(report: FleetReport, change: Drift | None = None) -> dict[str, Any]:
    """Return the document, which has to follow the schema."""
    found = json.loads("".join(document(report, change)), parse_constant=pytest.fail)
    VALIDATOR.validate(found)
    return dict(found)


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for each in schema.values():
            yield from _objects(each)


def test_schema_is_valid_and_describes_every_property_in_a_sentence() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    objects = list(_objects(SCHEMA))
    texts = [each["description"] for part in objects for each in part["properties"].values()]
    assert [text for text in texts if not (text.endswith(".") and text[0].isupper() and ". " not in text)] == []
    assert [part for part in objects if part["additionalProperties"] is not False] == []


def test_schema_has_the_fields_of_the_model() -> None:
    def names(kind: Any) -> set[str]:
        return {each.name for each in fields(kind)}

    assert set(PARTS["log_group"]["properties"]) == names(CoverageRow)
    assert set(PARTS["target"]["properties"]) == names(TargetReport) | {"checked_at_text", "counts"}
    assert set(PARTS["difference"]["properties"]) == names(Difference)
    assert set(PARTS["copy_flow"]["properties"]) == names(CopyFlow)
    assert set(PARTS["fleet_copies"]["properties"]) == {"begin", "end", *COUNTS, *names(FleetCopies)} - {"flow"}
    assert PARTS["state"]["enum"] == list(STATES) == list(PARTS["counts"]["properties"])
    assert PARTS["target"]["properties"]["status"]["enum"] == list(get_args(Status))
    assert set(PARTS["difference"]["properties"]["change"]["enum"]) == set(get_args(Change))
    assert set(PARTS["drift"]["properties"]["counts"]["properties"]) == set(get_args(Change))


@given(fleets, drifts)
def test_document_follows_the_schema_and_has_everything(report: FleetReport, change: Drift | None) -> None:
    found = parsed(report, change)
    assert [each["host"] for each in found["targets"]] == [each.host for each in report.targets]
    rows = [CoverageRow.from_plain(row) for each in found["targets"] for row in each["log_groups"]]
    assert rows == [row for each in report.targets for row in each.log_groups]
    assert found["counts"] == report.counts
    assert Counter(found["counts"]) == sum((Counter(each["counts"]) for each in found["targets"]), Counter())
    assert found["percentage"] == report.percentage
    assert found["is_complete"] == report.is_complete
    assert (found["drift"] is None) == (change is None)
    if change:
        assert [Difference(**each) for each in found["drift"]["differences"]] == list(change.differences)
        assert sum(found["drift"]["counts"].values()) == len(change.differences)


def test_document_of_an_unread_target_has_status_and_error() -> None:
    unread = parsed(EVERY_STATE)["targets"][0]
    assert (unread["status"], unread["error"]) == ("not_checked", "Could not assume the role.")
    assert "checked_at_text" not in unread


def test_percentage_of_nothing_chosen_is_null() -> None:
    assert parsed(fleet(target("a", group("/a", "excluded", "rule"))))["percentage"] is None


def test_document_without_targets_is_valid() -> None:
    assert parsed(fleet())["targets"] == []


def test_document_names_causes_and_changes() -> None:
    found = parsed(EVERY_STATE, drift(fleet(target("prod-eu", group("/b", "covered"))), EVERY_STATE))
    assert {"state": "impossible", "cause": "slots", "log_groups": 1} in found["causes"]
    assert found["drift"]["counts"]["newly_uncovered"] == 1
    assert found["drift"]["is_worse"] is True


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("targets", 1, "log_groups", 0, "state"), "fine"),
        (("targets", 1, "log_groups", 0, "note"), "x"),
        (("targets", 1, "status"), "unread"),
        (("targets", 0, "calls"), {"GetPolicy": "1"}),
        (("percentage",), "100"),
        (("counts", "fine"), 1),
        (("drift",), {}),
        (("more",), 1),
    ],
)
def test_schema_refuses_other_members_and_values(place: tuple[Any, ...], value: Any) -> None:
    found = parsed(EVERY_STATE)
    inner: Any = found
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValidationError):
        VALIDATOR.validate(found)
