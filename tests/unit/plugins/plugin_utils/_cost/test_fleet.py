# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sums of a fleet, and their renderings, with hostile names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Measured, Range, VolumeRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost import as_json, terminal
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.fleet import (
    Choices,
    FleetCost,
    TargetCost,
    sort_targets,
    target_cost,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.items import Estimate
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.modes import WAYS, Plan
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.text import NAMES, count, dollars, share
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.text import volume as size_text
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from .._report.fleets import HOSTILE
from . import volumes
from .volumes import DAYS, volume

SCHEMA = json.loads((Path(__file__).parents[5] / "docs" / "cost.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def row(name: str, size: int | None, state: Any = "chosen") -> VolumeRow:
    measured = None if size is None else Measured(size, 14)
    return VolumeRow(name, state, "", measured, measured)


def target(host: str, *rows: VolumeRow, vendor: float | None = None, **more: Any) -> TargetCost:
    found = volume(*rows, **{"whole": (Measured(10**10, 14), Measured(10**6, 14)), **more})
    return target_cost(host, found, Choices(vendor), [each.plain(DAYS) for each in rows])


def fleet(*targets: TargetCost, **choices: Any) -> FleetCost:
    return FleetCost(1_795_000_000, sort_targets(targets), Choices(**choices))


UNREAD = TargetCost("dark", "222222222222", "eu-west-1", error="Could not assume the role.")


@st.composite
def targets(draw: st.DrawFn) -> TargetCost:
    """Return a target with any volume, that was read or not."""
    host = draw(st.sampled_from([f"host-{number}" for number in range(20)]))
    if draw(st.booleans()):
        return TargetCost(host, error=draw(st.sampled_from(HOSTILE)))
    rows = draw(volumes.rows())
    whole = tuple(draw(st.one_of(st.none(), volumes.measures)) for _metric in range(2))
    region, notes = draw(st.sampled_from(volumes.REGIONS)), draw(st.lists(st.sampled_from(HOSTILE), max_size=2))
    found = volume(*rows, whole=whole, region=region, notes=notes, facts=draw(volumes.facts))  # type: ignore[arg-type]
    return target_cost(
        host, found, Choices(draw(st.one_of(st.none(), st.floats(0, 10)))), [r.plain(DAYS) for r in rows]
    )


fleets = st.lists(targets(), max_size=4).map(lambda found: fleet(*found))


def parsed(found: FleetCost) -> dict[str, Any]:
    """Return the document, which has to follow the schema."""
    document: dict[str, Any] = json.loads("".join(as_json.document(found)), parse_constant=pytest.fail)
    VALIDATOR.validate(document)
    return document


def test_schema_is_valid_and_describes_every_property_in_a_sentence() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    def objects(schema: Any) -> Any:
        if isinstance(schema, dict):
            if "properties" in schema:
                yield schema
            for each in schema.values():
                yield from objects(each)

    found = list(objects(SCHEMA))
    texts = [each["description"] for part in found for each in part["properties"].values()]
    assert [text for text in texts if not (text.endswith(".") and text[0].isupper() and ". " not in text)] == []
    assert [part for part in found if part["additionalProperties"] is not False] == []
    assert set(SCHEMA["$defs"]["estimates"]["properties"]) == set(WAYS)


@given(fleets)
def test_document_follows_the_schema_and_adds_up(found: FleetCost) -> None:
    document = parsed(found)
    assert [each["host"] for each in document["targets"]] == [each.host for each in found.targets]
    read = [each for each in document["targets"] if each["total"] is not None]
    for mode in WAYS:
        lows = [each["estimates"][mode]["cost"]["low"] for each in read]
        assert document["cost"][mode]["low"] == pytest.approx(sum(lows))
    own = [each["estimates"][each["mode"]]["cost"]["low"] for each in read]
    assert document["configured_cost"]["low"] == pytest.approx(sum(own))
    groups = [group for each in read for group in each["log_groups"]]
    chosen = [group for group in groups if group["state"] == "chosen"]
    assert document["written"]["chosen"]["log_groups"] == len(chosen)
    assert document["written"]["chosen"]["unknown"] == sum(group["bytes"] is None for group in chosen)


@given(fleets)
def test_terminal_lines_end_and_name_what_was_not_read(found: FleetCost) -> None:
    lines = list(terminal.summary(found))
    text = "\n".join(lines)
    for each in found.unread_targets:
        assert f"{each.host}: was not read." in text
    assert ("unknown" in text) or found.written("bytes").high is not None


def test_unread_target_is_in_no_sum_and_is_named() -> None:
    found = fleet(target("a", row("/a", 10**10)), UNREAD)
    document = parsed(found)
    assert (document["targets_read"], document["targets_unread"]) == (1, 1)
    assert document["targets"][1]["total"] is None
    assert document["targets"][1]["estimates"] == {}
    assert "dark: was not read. Could not assume the role." in "\n".join(terminal.summary(found))


def test_fleet_without_targets_costs_nothing_and_knows_no_share() -> None:
    document = parsed(fleet())
    assert document["unknown_share"] is None
    assert document["deployed"] == {"targets": 0, "unknown": 0, "cost": None}


def test_largest_are_twenty_of_all_targets() -> None:
    one = target("a", *(row(f"/a/{n}", n) for n in range(30)))
    two = target("b", *(row(f"/b/{n}", n * 1000) for n in range(30)), region="eu-west-1")
    found = fleet(one, two).largest()
    assert len(found) == 20
    assert found[0].name.startswith("/b/")
    assert [group.bytes.low for group in found if group.bytes] == sorted(
        (group.bytes.low for group in found if group.bytes), reverse=True
    )


def test_unknown_share_and_unattributed_share_are_of_the_chosen_groups_and_of_the_volume() -> None:
    found = fleet(target("a", row("/a", 75 * 10**8), row("/b", None), row("/c", None, "excluded")))
    assert found.unknown_share == 0.5
    assert found.unattributed_share == pytest.approx(0.25)
    assert fleet(target("a", row("/a", 1), whole=(None, None))).unattributed_share is None


def test_reading_is_free_at_the_lower_end_and_unknown_without_prices() -> None:
    found = target("a", row("/a", 1), row("/b", 2))
    assert found.reading_cost is not None
    assert (found.reading_cost.low, found.reading_cost.high) == (pytest.approx(0.00005), pytest.approx(0.00009))
    assert target("m", row("/a", 1), region="mars-north-1").reading_cost is None


def test_region_without_prices_is_named() -> None:
    found = fleet(target("a", row("/a", 1), region="mars-north-1"), target("b", row("/a", 1)))
    assert parsed(found)["unpriced_regions"] == ["mars-north-1"]
    assert found.cost("filters").high is None
    assert "Prices are unknown in mars-north-1" in "\n".join(terminal.summary(found))


def test_log_service_of_one_target_without_a_price_is_unknown_for_all() -> None:
    assert fleet(target("a", row("/a", 1), vendor=1.0), target("b", row("/a", 1))).log_service("filters") is None
    assert fleet(target("a", row("/a", 1), vendor=1.0)).log_service("filters") is not None


def test_every_item_has_a_name() -> None:
    plan = Plan(Range(1, 1), None, {**volumes.FACTS, "in_vpc": True, "notification_metrics": 4}, {}, further_copies=1)
    names = {item.name for estimate in WAYS.values() for item in estimate(plan).items}
    assert names | {"log_service"} == set(NAMES)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("cost", "by_magic"), {"low": 0, "high": 0}),
        (("targets", 0, "estimates", "filters", "items", 0, "cost"), 1),
        (("targets", 0, "log_groups", 0, "state"), "fine"),
        (("more",), 1),
    ],
)
def test_schema_refuses_other_members_and_values(place: tuple[Any, ...], value: Any) -> None:
    found = parsed(fleet(target("a", row("/a", 1))))
    inner: Any = found
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValidationError):
        VALIDATOR.validate(found)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "unknown"),
        (Range(0, None), "unknown"),
        (Range(1.2, None), "at least $1.20"),
        (Range(1.201, 1.204), "$1.20"),
        (Range(1.2, 3400), "$1.20 to $3,400"),
    ],
)
def test_dollars_are_a_range_or_unknown(found: Range | None, text: str) -> None:
    assert dollars(found) == text


def test_quantities_in_words() -> None:
    assert size_text(Range(0, 0)) == "0 MB"
    assert size_text(Range(5e6, 2.5e12)) == "5 MB to 2.5 TB"
    assert size_text(None) == "unknown"
    assert count(Range(1500, 2.34e9)) == "1,500 to 2.34 billion"
    assert share(None) == "unknown"
    assert share(0.125) == "12.5 %"


def test_estimates_are_of_the_model() -> None:
    found = target("a", row("/a", 1)).estimates
    assert {type(each) for each in found.values()} == {Estimate}
