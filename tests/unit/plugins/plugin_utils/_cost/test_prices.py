# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped prices, and those of AWS's price list in their place."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.prices import PRODUCTS
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost import prices
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.prices import (
    known_regions,
    prices_of,
    reading_dollars,
    shipped,
)

DOCUMENT = json.loads(Path(prices.__file__).with_name("prices.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("region", known_regions())
def test_region_has_every_price_of_the_functions_with_a_source_and_a_date(region: str) -> None:
    found = shipped(region)
    assert PRODUCTS.keys() - found.keys() <= {"central_copy", "firehose_gb"}
    for price in found.values():
        assert price.usd > 0
        assert price.source
        assert date(2025, 1, 1) < date.fromisoformat(price.date)


def test_file_names_each_region_once_and_no_unused_source() -> None:
    regions = [region for group in DOCUMENT["groups"] for region in group["regions"]]
    assert len(regions) == len(set(regions))
    assert {source for group in DOCUMENT["groups"] for _usd, source in group["prices"].values()} == set(
        DOCUMENT["sources"]
    )


def test_unknown_region_has_no_price_and_never_that_of_another() -> None:
    assert shipped("mars-north-1") == {}
    assert prices_of("mars-north-1", None) == {}


def test_prices_of_the_price_list_replace_shipped_ones() -> None:
    found = prices_of("eu-west-1", {"prices": {"log_ingestion": 0.6, "new_price": 1.0}, "date": "2026-11-01"})
    assert (found["log_ingestion"].usd, found["log_ingestion"].date) == (0.6, "2026-11-01")
    assert found["log_ingestion"].is_confirmed
    assert found["alarm_metric"] == shipped("eu-west-1")["alarm_metric"]
    assert "new_price" not in found
    assert set(prices_of("mars-north-1", {"prices": {"secret": 0.5}, "date": ""})) == {"secret"}


def test_price_of_reading_the_events_is_that_of_the_region() -> None:
    reading = {"metrics": 1000, "list_calls": 100, "bytes_scanned": 10**9}
    assert reading_dollars("us-east-1", reading) == (0.016, [])
    assert reading_dollars("eu-central-1", reading) == (0.0173, [])


def test_price_of_reading_the_events_is_unknown_where_prices_are() -> None:
    nothing = {"metrics": 0, "list_calls": 0, "bytes_scanned": 0}
    assert reading_dollars("xx-north-1", nothing) == (0.0, [])
    told = ["the price of reading the events is not known in xx-north-1"]
    assert reading_dollars("xx-north-1", {**nothing, "list_calls": 1}) == (0.0, told)
