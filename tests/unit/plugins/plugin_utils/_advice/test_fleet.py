# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice for a run: OUs, JSON and its schema, the table, and the inventory to paste."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Range
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.rules import parse_rules
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice import as_json, terminal
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.fleet import (
    FleetAdvice,
    ReadTarget,
    advise_fleet,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.variables import (
    AdvisedDestination,
    inventory,
    text,
)
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[5]
SCHEMA = json.loads((ROOT / "docs" / "advise.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
HOSTILE = 'evil\x1b[31m: {"x": 1}\n- !!python/object: y'
FACTS: dict[str, Any] = {
    "log_groups": {
        "total": 9,
        "chosen": 9,
        "excluded": 0,
        "excluded_bytes": 0,
        "encrypted": 0,
        "classes": {},
    },
    "filters": {"read": 9, "to_read": 9, "full": 0},
    "account_policy": "none",
    "trail": True,
    "partition": "aws",
    "rules": {"tags": False, "dates": False, "names": False, "pattern": False, "plain_names": True},
}


def target(account: int, region: str = "eu-west-1", ou: str = "/Prod", **facts: Any) -> ReadTarget:
    number = f"{account:012}"
    volume = {
        "facts": {"mode": "filters", "sinks": ["sumologic"], "routes": False},
        "usage": {"reflector": None},
        "log_groups": {"chosen": {"bytes": {"low": 1e9, "high": 2e9}}},
        "notes": [],
    }
    finding = {"level": "problem", "key": "slots", "sentence": HOSTILE, "advice": ""}
    preflight = {"region": region, "facts": {**FACTS, **facts}, "findings": [finding]}
    costs = {way: Range(1, 2) for way in ("filters", "account_policy", "centralized", "firehose")}
    return ReadTarget(f"{number}.{region}", number, region, ou, "", preflight, volume, costs)


def unread(host: str, error: str = "It cannot be reached.") -> ReadTarget:
    return ReadTarget(host, "9" * 12, "eu-west-1", "/Prod", error)


def fleet(*targets: ReadTarget, has_destination: bool = True) -> FleetAdvice:
    return advise_fleet(1_796_000_000, targets, has_administrator=True, has_destination=has_destination)


def parsed(found: FleetAdvice) -> dict[str, Any]:
    document: dict[str, Any] = json.loads("".join(as_json.document(found)))
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
        elif isinstance(schema, list):
            for each in schema:
                yield from objects(each)

    found = list(objects(SCHEMA))
    texts = [each["description"] for part in found for each in part["properties"].values()]
    assert len(texts) > 40
    assert [text for text in texts if not (text.endswith(".") and text[0].isupper() and ". " not in text)] == []
    assert [part for part in found if part["additionalProperties"] is not False] == []


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.sampled_from(["none", "foreign", None])), max_size=5))
def test_document_follows_the_schema_and_counts_every_target(found: list[tuple[int, bool, str | None]]) -> None:
    given_ = [
        target(account, account_policy=policy) if is_read else unread(str(account))
        for account, is_read, policy in found
    ]
    document = parsed(fleet(*given_))
    assert document["targets_read"] + document["targets_unread"] == len(document["targets"]) == len(given_)
    assert document["targets_unread"] == sum(not is_read for _account, is_read, _policy in found)
    assert sum(ou["targets"] for ou in document["ous"]) == len(given_)


def test_target_that_was_not_read_is_named_and_has_no_advice() -> None:
    found = fleet(target(1), unread("lost"))
    assert [each.read.host for each in found.unread] == ["lost"]
    assert "lost: was not read. It cannot be reached." in list(terminal.lines(found))
    document = parsed(found)
    assert document["targets"][-1]["way"] == ""
    assert document["ous"][0]["targets_unread"] == 1


def test_table_has_every_ou_and_target_with_the_price_of_each_way() -> None:
    lines = list(terminal.lines(fleet(*(target(number) for number in range(1, 7)), target(7, ou="/Test", trail=False))))
    assert lines[0].split() == ["OU", "Targets", "Advice", "filters", "account_policy", "centralized", "firehose"]
    prod = next(line for line in lines if "/Prod" in line)
    assert "6        centralized" in prod
    assert "$6.00 to $12.00-" in prod
    assert any("/Test" in line for line in lines)
    assert "Advised because:" in lines


def test_inventory_has_the_modes_and_rules_for_exactly_the_centralized_targets() -> None:
    places = [target(number, region) for number in range(1, 251) for region in ("eu-west-1", "us-east-1")]
    china = target(900, "cn-north-1", partition="aws-cn")
    only_one_region = target(901, "eu-west-1")
    found = inventory(
        fleet(*places, china, only_one_region),
        AdvisedDestination("999999999999", "eu-west-1"),
        {"exclude": ["/aws/x/*"]},
    )
    read = yaml.safe_load(text(found))
    assert read == found
    rules = parse_rules(read["all"]["vars"]["centralization_rules"])
    scopes = {(account, region) for rule in rules for account in rule.accounts for region in rule.source_regions}
    assert scopes == {(each.account, each.region) for each in [*places, only_one_region]}
    assert sum(len(rule.accounts) * len(rule.source_regions) for rule in rules) == len(scopes)
    assert max(len(rule.scope) for rule in rules) <= 2000
    assert {rule.exclude for rule in rules} == {("/aws/x/*",)}
    assert read["all"]["hosts"][china.host] == {"log_groups_mode": "account_policy"}
    assert read["all"]["hosts"][places[0].host] == {"log_groups_mode": "centralized"}


def test_inventory_without_a_destination_centralizes_nothing() -> None:
    found = inventory(fleet(*(target(number) for number in range(1, 9)), has_destination=False), None, {})
    assert "vars" not in found["all"]
    assert {each["log_groups_mode"] for each in found["all"]["hosts"].values()} == {"account_policy"}


def test_targets_that_were_not_read_have_no_mode() -> None:
    assert inventory(fleet(unread("lost")), None, {}) == {"all": {"hosts": {}}}


@pytest.mark.parametrize("name", [HOSTILE, "no", "1e3", "a: b", "- x", "{{ lookup('pipe', 'id') }}"])
def test_hostile_names_stay_text(name: str) -> None:
    hostile = ReadTarget(name, "1" * 12, "eu-west-1", name, "", target(1).preflight, target(1).volume)
    found = fleet(hostile)
    assert list(yaml.safe_load(text(inventory(found, None, {})))["all"]["hosts"]) == [name]
    document = parsed(found)
    assert document["targets"][0]["host"] == document["ous"][0]["path"] == name
    assert document["targets"][0]["problems"] == [HOSTILE]
    printed = list(terminal.lines(found))
    assert len(printed) == len(list(terminal.lines(fleet(target(1)))))
    assert all(line.isprintable() for line in printed)
