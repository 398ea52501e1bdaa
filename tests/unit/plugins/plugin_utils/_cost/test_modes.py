# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The estimates: they contain the exact computation, grow with the volume, and call unknown what is unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Range
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost import assumptions as given
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.items import Estimate, Item
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.modes import MODES, WAYS, Plan, deployed
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.prices import known_regions, shipped
from hypothesis import given as for_all
from hypothesis import strategies as st

from . import volumes

PRICES = shipped("us-east-1")
TB = Range(1e12, 1e12)


def plan(size: Range | None = TB, events: Range | None = None, **facts: Any) -> Plan:
    return Plan(size, events, {**volumes.FACTS, **facts}, PRICES)


def named(estimate: Estimate, name: str) -> Item:
    return next(item for item in estimate.items if item.name == name)


def cost(estimate: Estimate, name: str) -> Range:
    found = named(estimate, name).cost
    assert found is not None
    return found


def ends(found: Range | None) -> Any:
    """Return both ends, to be compared but for the inexactness of floats."""
    assert found is not None
    return pytest.approx((found.low, found.high)) if found.high is not None else (pytest.approx(found.low), None)


shares = st.floats(0, 1)


def between(assumption: given.Assumption, share: float) -> float:
    return assumption.low + (assumption.high - assumption.low) * share


def contains(range_: Range | None, value: float) -> bool:
    """Whether the value is in the range, but for the inexactness of floats."""
    assert range_ is not None
    return range_.low <= value * (1 + 1e-9) and (range_.high is None or value <= range_.high * (1 + 1e-9))


@for_all(st.floats(1, 1e16), shares, shares, shares, shares, st.sampled_from(sorted(MODES)))
def test_ranges_contain_the_exact_computation(
    size: float, payload: float, wait: float, cpu: float, ratio: float, mode: str
) -> None:
    """The exact computation, with known payloads, waits and compression, is written here once more."""
    estimate = MODES[mode](plan(Range(size, size)))
    requests = size / between(given.PAYLOAD_BYTES, payload)
    seconds = requests * between(given.WAIT_SECONDS, wait) * 0.25
    seconds += size / 1e9 * between(given.CPU_GB_SECONDS_A_GB, cpu)
    assert contains(cost(estimate, "lambda_requests"), requests * 2e-7)
    assert contains(cost(estimate, "lambda_time"), seconds * 0.0000133334)
    assert contains(cost(estimate, "own_log"), requests * 1300 / 1e9 * 0.50)
    assert contains(cost(estimate, "transfer_out"), size / 1e9 * between(given.COMPRESSED, ratio) * 0.09)
    exact = requests * 2e-7 + seconds * 0.0000133334 + size / 1e9 * between(given.COMPRESSED, ratio) * 0.09
    assert estimate.cost.high is not None
    assert exact <= estimate.cost.high * (1 + 1e-9)


@for_all(volumes.ranges, volumes.ranges, volumes.facts, st.sampled_from(sorted(MODES)), st.booleans())
def test_cost_grows_with_the_volume(size: Range, more: Range, facts: dict[str, Any], mode: str, egress: bool) -> None:
    less = MODES[mode](Plan(size, None, facts, PRICES, 1.0, egress))
    most = MODES[mode](Plan(size + more, None, facts, PRICES, 1.0, egress))
    for small, large in zip((*less.items, less.log_service), (*most.items, most.log_service), strict=True):
        assert small.name == large.name
        if small.cost is None or large.cost is None:
            assert small.cost == large.cost
            continue
        assert small.cost.low <= large.cost.low * (1 + 1e-9)
        if large.cost.high is not None:
            assert small.cost.high is not None
            assert small.cost.high <= large.cost.high * (1 + 1e-9)


@for_all(volumes.ranges, volumes.facts)
def test_cost_of_an_exact_volume_is_in_the_range_of_a_vague_one(size: Range, facts: dict[str, Any]) -> None:
    """A volume that is known exactly costs something between the ends of the range that contains it."""
    middle = size.low if size.high is None else (size.low + size.high) / 2
    wide = MODES["filters"](Plan(size, None, facts, PRICES))
    exact = MODES["filters"](Plan(Range(middle, middle), None, facts, PRICES))
    for loose, tight in zip(wide.items, exact.items, strict=True):
        if loose.cost is not None and tight.cost is not None:
            assert contains(loose.cost, tight.cost.low)
            assert tight.cost.high is None or contains(loose.cost, tight.cost.high)


@for_all(volumes.facts, st.sampled_from(sorted(MODES)))
def test_unknown_volume_has_unknown_cost_and_no_upper_end(facts: dict[str, Any], mode: str) -> None:
    estimate = MODES[mode](Plan(None, None, facts, PRICES))
    assert named(estimate, "lambda_requests").cost is None
    assert named(estimate, "lambda_requests").unknown == "the quantity is unknown"
    assert estimate.cost.high is None
    assert "lambda_time" in estimate.unknown


def test_region_without_prices_has_unknown_costs() -> None:
    estimate = MODES["filters"](replace(plan(), prices={}))
    assert {item.unknown for item in estimate.items} == {"the price is unknown"}
    assert estimate.cost == Range(0, None)


def test_volume_without_an_upper_end_has_a_lower_cost_only() -> None:
    item = named(MODES["filters"](plan(Range(1e12, None))), "transfer_out")
    assert ends(item.cost) == (4.5, None)
    assert item.unknown == "no upper end is known"


@for_all(
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(400, 1e6)), max_size=5),
    st.lists(st.tuples(st.integers(1, 40_000), st.floats(1, 20e3)), max_size=5),
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(20e3, 1e6)), max_size=5),
)
def test_requests_contain_functions_quiet_groups_and_busy_groups(
    functions: list[tuple[int, float]], quiet: list[tuple[int, float]], busy: list[tuple[int, float]]
) -> None:
    """Each is a log group: its payloads, and the bytes of one. A function's payload has three lines, another's one."""
    groups = [*functions, *quiet, *busy]
    size = sum(count * bytes_ for count, bytes_ in groups)
    lines = 3 * sum(count for count, _bytes in functions)
    events = lines + sum(count for count, _bytes in [*quiet, *busy])
    own = sum(count * bytes_ for count, bytes_ in functions)
    found = Plan(
        Range(size, size),
        Range(events, events),
        {**volumes.FACTS, "log_groups": len(groups)},
        PRICES,
        functions=(Range(own, own), Range(lines, lines)),
    )
    truth = sum(count for count, _bytes in groups)
    assert contains(named(MODES["filters"](found), "lambda_requests").quantity, truth)


def test_invocations_of_functions_are_payloads_of_their_own() -> None:
    busy = named(MODES["filters"](plan(TB, Range(3e9, 3e9))), "lambda_requests").quantity
    functions = replace(plan(TB, Range(3e9, 3e9)), functions=(TB, Range(3e9, 3e9)))
    found = named(MODES["filters"](functions), "lambda_requests").quantity
    assert ends(busy) == (1e6, 5e7 + 60 * 730 * 60)
    assert ends(found) == (1e6, 1e9)


def test_requests_are_not_more_than_events() -> None:
    estimate = MODES["filters"](plan(TB, Range(100, 200)))
    assert named(estimate, "lambda_requests").quantity == Range(100, 200)


def test_idle_target_costs_its_fixed_items() -> None:
    estimate = MODES["filters"](plan(Range(0, 0)))
    assert ends(cost(estimate, "alarms")) == (0.7, 0.7)
    assert cost(estimate, "secrets").low == pytest.approx(0.4)
    assert ends(cost(estimate, "queue")) == (0.1, 0.35)
    assert cost(estimate, "sweep_metrics").low == pytest.approx(0.1125)
    assert cost(estimate, "lambda_time") == Range(0, 0)


def test_notifications_cost_metrics_and_a_search_for_silent_sources() -> None:
    estimate = MODES["filters"](plan(Range(0, 0), notification_metrics=4, log_groups=1000))
    assert cost(estimate, "sweep_metrics").low == pytest.approx(0.1625)
    assert ends(cost(estimate, "silent_sources")) == (0, 1000 * 730 / 24 * 0.00001)


def test_account_policy_sweeps_nothing() -> None:
    filters, policy = ({item.name for item in MODES[mode](plan()).items} for mode in ("filters", "account_policy"))
    assert filters - policy == {"subscriber_time", "sweep_metrics", "trail_events"}
    assert policy < filters


def test_centralized_stores_copies_and_shares_the_fixed_items_of_one_destination() -> None:
    alone, shared = MODES["centralized"](plan()), MODES["centralized"](replace(plan(), targets=10))
    policy = MODES["account_policy"](plan())
    assert {item.name for item in alone.items} - {item.name for item in policy.items} == {"copy_storage"}
    assert ends(cost(alone, "alarms")) == (0.7, 0.7)
    assert ends(cost(shared, "alarms")) == (0.07, 0.07)
    assert cost(shared, "lambda_time") == cost(alone, "lambda_time") == cost(policy, "lambda_time")
    month = 730 / 24
    assert ends(cost(alone, "copy_storage")) == (1000 * 0.15 * 7 / month * 0.03, 1000 * 365 / month * 0.03)


def test_further_copy_has_a_price_for_each_gigabyte_and_the_first_has_none() -> None:
    backup = MODES["centralized"](replace(plan(), further_copies=1))
    assert ends(cost(backup, "further_copies")) == (50, 50)
    assert "further_copies" not in {item.name for item in MODES["centralized"](plan()).items}


def test_firehose_bills_compressed_bytes_and_their_objects() -> None:
    estimate = WAYS["firehose"](plan(TB, Range(1e6, 1e6)))
    rounding = 1e6 * 5e3 / 1e9
    assert ends(cost(estimate, "firehose_data")) == (50 * 0.029, (250 + rounding) * 0.029)
    assert ends(cost(estimate, "object_storage")) == (50 * 0.023, 250 * 12 * 0.023)
    assert estimate.log_service.cost == Range(0, 0)
    assert not estimate.unknown
    assert WAYS["firehose"](plan(Range(0, 0))).cost == Range(0, 0)


def test_firehose_in_a_region_without_its_price_is_unknown() -> None:
    estimate = WAYS["firehose"](replace(plan(), prices=shipped("eu-west-1")))
    assert estimate.unknown == ("firehose_data",)
    assert estimate.cost.high is None


@for_all(volumes.ranges, volumes.ranges, volumes.facts)
def test_cost_of_firehose_grows_with_the_volume(size: Range, more: Range, facts: dict[str, Any]) -> None:
    less, most = (WAYS["firehose"](Plan(each, None, facts, PRICES)).cost for each in (size, size + more))
    assert less.low <= most.low * (1 + 1e-9)
    assert most.high is None or (less.high is not None and less.high <= most.high * (1 + 1e-9))


def test_filter_pattern_and_routes_open_the_lower_end() -> None:
    estimate = MODES["filters"](plan(filter_pattern=True))
    item = named(estimate, "lambda_requests")
    assert item.quantity is not None
    assert item.quantity.low == 0
    assert item.ends.low_when.startswith("the filter pattern lets nothing pass")
    routed = named(MODES["filters"](plan(routes=True, sinks=["http", "http"])), "transfer_out")
    assert ends(routed.quantity) == (0, 500)
    assert "the routes drop every line" in routed.ends.low_when


def test_sinks_in_aws_send_nothing_out() -> None:
    names = {item.name for item in MODES["filters"](plan(sinks=["s3", "firehose"])).items}
    assert "transfer_out" not in names
    assert "transfer_out" not in {item.name for item in MODES["filters"](replace(plan(), egress=False)).items}


def test_function_in_a_vpc_may_pay_a_nat_gateway() -> None:
    estimate = MODES["filters"](plan(in_vpc=True))
    assert ends(cost(estimate, "nat_gateway_hours")) == (0, 32.85)
    assert cost(estimate, "nat_gateway_data").low == 0


def test_log_that_is_kept_for_ever_says_so() -> None:
    item = named(MODES["filters"](plan(log_retention_days=0)), "own_log_storage")
    assert "kept for ever" in item.ends.high_when


def test_sweeps_of_an_unknown_schedule_are_unknown() -> None:
    estimate = MODES["filters"](plan(sweeps_a_month=None))
    assert {"subscriber_time", "sweep_metrics", "trail_events"} <= set(estimate.unknown)


def test_log_service_without_a_price_is_unknown_and_no_part_of_the_sum() -> None:
    estimate = MODES["filters"](plan())
    assert estimate.log_service.cost is None
    assert estimate.cost.high is not None
    priced = MODES["filters"](replace(plan(), vendor=0.25))
    assert ends(priced.log_service.cost) == (250, 250)


USAGE: dict[str, Any] = {
    "reflector": {
        "memory_mb": 512,
        "architecture": "x86_64",
        "invocations": {"measured": 5, "points": 14, "low": 1e6, "high": 2e6},
        "duration_ms": {"measured": 5, "points": 14, "low": 1e8, "high": 2e8},
        "log_bytes": None,
    },
    "subscriber": None,
    "queue": {
        "empty_receives": {"measured": 1, "points": 14, "low": 400_000, "high": 400_000},
        "received": {"measured": 1, "points": 14, "low": 100, "high": 100},
        "sent": {"measured": 1, "points": 14, "low": 100, "high": 100},
    },
}


def test_deployed_uses_the_functions_own_figures() -> None:
    found = deployed(plan(), USAGE)
    assert found is not None
    requests = named(found, "lambda_requests")
    assert (requests.basis, requests.quantity) == ("measured", Range(1e6, 2e6))
    time = named(found, "lambda_time")
    assert time.quantity == Range(50_000, 100_000)
    assert time.price == PRICES["lambda_gb_second_x86_64"]
    assert named(found, "queue").quantity == Range(400_300, 400_300)
    assert named(found, "own_log").basis == "estimated", "its figure is unknown"
    assert named(found, "subscriber_time").basis == "estimated"
    names = [item.name for item in found.items]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("usage", [None, {}, {"reflector": None, "subscriber": None, "queue": {}}])
def test_nothing_deployed_is_none(usage: dict[str, Any] | None) -> None:
    assert deployed(plan(), usage) is None


@pytest.mark.parametrize("region", known_regions())
@pytest.mark.parametrize("mode", sorted(MODES))
def test_known_region_has_no_unknown_item(region: str, mode: str) -> None:
    estimate = MODES[mode](Plan(TB, None, {**volumes.FACTS, "in_vpc": True}, shipped(region)))
    assert estimate.unknown == ()
