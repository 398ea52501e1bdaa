# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics, by the OpenMetrics parser and the text format parser of the package prometheus-client."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.openmetrics import exposition
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.text import visible
from hypothesis import given
from prometheus_client import parser as text_format
from prometheus_client.openmetrics import parser

from .fleets import EVERY_STATE, HOSTILE, MADE_AT, fleet, fleets, group, target

Samples = dict[str, list[tuple[dict[str, str], float]]]


def parsed(report: FleetReport) -> Samples:
    """Return the samples by name, without the prefix of the name. Both parsers read the same."""
    text = "".join(exposition(report, None))
    text.encode()
    families = list(parser.text_string_to_metric_families(text))
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    found = _samples(families)
    assert found == _samples(text_format.text_string_to_metric_families(text))
    return found


def _samples(families: Any) -> Samples:
    found: Samples = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name.removeprefix("log_reflector_"), []).append((sample.labels, sample.value))
    return found


@given(fleets)
def test_metrics_add_up_to_the_model(report: FleetReport) -> None:
    found = parsed(report)
    total: Counter[str] = Counter()
    for labels, value in found.get("log_groups", []):
        assert set(labels) == {"account", "region", "host", "state"}
        total[labels["state"]] += int(value)
    assert {state: total[state] for state in report.counts} == report.counts
    assert [(labels["host"], value) for labels, value in found.get("target_read", [])] == [
        (visible(each.host), each.status == "read") for each in report.targets
    ]
    calls = sum(value for _labels, value in found.get("api_calls", []))
    assert calls == sum(number for each in report.targets for number in each.calls.values())
    assert found["report_complete"] == [({}, report.is_complete)]
    assert found["report_timestamp_seconds"] == [({}, report.made_at)]
    assert ("covered_ratio" in found) == (report.percentage is not None)


def test_target_that_was_not_read_has_no_numbers_of_log_groups() -> None:
    found = parsed(EVERY_STATE)
    hosts = {labels["host"] for labels, _value in found["log_groups"]}
    assert hosts == {"prod-eu", "prod-us", "stage-eu"}
    assert {labels["host"]: value for labels, value in found["target_read"]} == {
        "prod-eu": 1,
        "prod-us": 1,
        "stage-eu": 0,
        "stage-us": 0,
    }


def test_metrics_have_time_share_and_calls() -> None:
    found = parsed(EVERY_STATE)
    assert found["report_timestamp_seconds"] == [({}, MADE_AT)]
    assert found["covered_ratio"] == [({}, 0.5)]
    labels = {"account": "111111111111", "region": "eu-west-1", "host": "prod-eu", "operation": "DescribeLogGroups"}
    assert found["api_calls"] == [(labels, 3)]


def test_targets_of_unknown_accounts_are_different_series() -> None:
    unread = [target(host, account="", region="", status="not_checked") for host in ("a", "b")]
    assert [labels["host"] for labels, _value in parsed(fleet(*unread))["target_read"]] == ["a", "b"]


def test_number_of_series_does_not_depend_on_the_log_groups() -> None:
    sizes = {
        len(list(exposition(fleet(target("a", *(group(f"/{each}", "covered") for each in range(size)))), None)))
        for size in (1, 1000)
    }
    assert len(sizes) == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_a_label_value(name: str) -> None:
    found = parsed(fleet(target(name, group(name, "covered"), account=name, region=name)))
    assert found["target_read"] == [(dict.fromkeys(("account", "region", "host"), visible(name)), 1)]
