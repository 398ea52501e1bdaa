# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports for tests: one written by hand with every state, and Hypothesis strategies for any others, with hostile names."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import STATES, CoverageRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.copies import BY_NAME, COUNTS, CopyFlow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.drift import drift
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import (
    FleetReport,
    Status,
    TargetReport,
    sort_targets,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.flow import Flow, TargetFlow
from hypothesis import strategies as st

MADE_AT = 1_795_000_000
LATEST = 253_402_300_798  # the last second but one of the year 9999

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2",
    "@org/team @here <!channel>",
    "\tx",
    "\rx",
    "\uff1d1+1",
    "<script>alert(1)</script>",
    "<!-- --> <img src=x onerror=alert(1)> <b>",
    "</testcase><testcase name='x'>",
    "]]>",
    "&lt;b&gt; &amp; &#x202e;",
    "a`b``c` | d | e \\| f",
    "|",
    "\\",
    "![x](https://example.com/x.png) [x](javascript:alert(1)) https://example.com www.example.com",
    "# heading\n\n* item\n\n| a |\n| --- |",
    '"} 1\n# EOF\nx{a="',
    'a",b="c',
    "\\n\\",
    "\u202egpj.exe\u2066 \u200b\ufeff\u00ad",
    "\x1b[31mred\x1b[0m\x07",
    "\x00\x0b\x85\u2028\ufffe\uffff",
    "\ud800 \udfff",
    "\U000e0041\U0010ffff",
    "naïve 日本 😀",
    "a;=1+1,b\r\nc",
    " leading and trailing ",
    "none",
    "x" * 600,
)

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=20),
    st.text("=+-@\t\r\n|`<>&\"'\\{}[]()#!~*_:/,; \u202e\x00\x1b\ud800a", max_size=12),
)
names = st.one_of(st.sampled_from(["/aws/lambda/a", "/aws/lambda/b", "/ecs/c"]), texts.filter(bool))


# Each strategy is built once: Hypothesis checks a new one in every example, which took most of the time of these tests.
_few_texts = st.lists(texts, max_size=2).map(tuple)
_counts = st.none() | st.integers(0, 10**12)
_counts_by_name = st.none() | st.dictionaries(texts, st.integers(0, 10**12), max_size=3)
_dollars = st.floats(0, 1e3)
_begins = st.integers(0, LATEST - 604_800)
_lengths = st.integers(1, 604_800)
_times = st.just(0) | st.integers(1, LATEST * 1000)


def _row(state: Any, cause: str, reason: str, **values: Any) -> CoverageRow:
    return CoverageRow(
        state=state, cause="" if state == "covered" else cause, reason="" if state == "covered" else reason, **values
    )


rows = st.builds(
    _row,
    log_group=names,
    state=st.sampled_from(STATES),
    cause=st.sampled_from(["slots", "class", "rule", "denied"]) | texts,
    reason=texts,
    means=st.sampled_from(["", "filter", "account_policy", "centralization"]),
    known_by=st.sampled_from(["", "filter", "tag", "account_policy", "rule"]),
    since=_times,
    created=_times,
    others=st.none() | st.lists(texts, max_size=3).map(tuple),
)
"""Rows with any state."""


def _flow(begin: int, length: int, metrics: Any, notes: Any, dollars: float, **counts: Any) -> TargetFlow:
    return TargetFlow(Flow(begin=begin, end=begin + length, **counts), metrics, notes, dollars)


flows = st.builds(
    _flow,
    _begins,
    _lengths,
    st.dictionaries(st.sampled_from(["Errors", "Throttles"]), st.integers(0, 10**9)),
    _few_texts,
    _dollars,
    **{
        each.name: _counts_by_name if each.name in ("dropped", "sinks") else _counts
        for each in fields(Flow)
        if each.name not in ("begin", "end")
    },
)
"""Flows of which any count may be unread."""


def _copy_flow(begin: int, length: int, **values: Any) -> CopyFlow:
    return CopyFlow(begin=begin, end=begin + length, **values)


copy_flows = st.builds(
    _copy_flow,
    _begins,
    _lengths,
    account=st.sampled_from(["444444444444", "555555555555"]),
    region=st.sampled_from(["eu-west-1", "us-east-1"]),
    **{name: _counts_by_name if name in BY_NAME else _counts for name in COUNTS},
    notes=_few_texts,
    dollars=_dollars,
)
"""Flows to a destination, of which any count may be unread."""


def copy_place(flow: CopyFlow) -> tuple[str, str]:
    """Return the destination, which a target has one flow to."""
    return flow.account, flow.region


def _target(status: Any, error: str, place: dict[str, Any], found: list[CoverageRow], **values: Any) -> TargetReport:
    place = {**place, "status": status, "error": "" if status == "read" else error}
    if status == "not_checked":
        return TargetReport(**place)
    return TargetReport(**place, log_groups=tuple(sorted(found, key=lambda row: row.log_group)), **values)


targets = st.builds(
    _target,
    st.sampled_from(get_args(Status)),
    texts,
    st.fixed_dictionaries(
        {
            "host": names,
            "account": st.sampled_from(["", "111111111111", "222222222222"]),
            "region": st.sampled_from(["", "eu-west-1", "us-east-1"]),
        }
    ),
    st.lists(rows, max_size=5, unique_by=lambda row: row.log_group),
    checked_at=st.integers(1, LATEST),
    seconds=st.floats(0, 1e6),
    mode=st.sampled_from(["filters", "account_policy", "centralized"]),
    notes=_few_texts,
    calls=st.dictionaries(st.sampled_from(["DescribeLogGroups", "GetPolicy"]), st.integers(0, 10**6)),
    flow=st.none() | flows,
    copy_flows=st.none() | st.lists(copy_flows, max_size=2, unique_by=copy_place).map(tuple),
)
"""Targets with any status; the account may be unknown."""


def _fleet(made_at: int, found: list[TargetReport]) -> FleetReport:
    return FleetReport(made_at, sort_targets(found))


fleets = st.builds(
    _fleet,
    st.integers(0, LATEST),
    st.lists(targets, max_size=4, unique_by=(lambda each: each.key, lambda each: each.host)),
)
"""Reports; each target and each host is in one once."""


drifts = st.one_of(st.none(), st.builds(drift, fleets, fleets))


NO_EVENTS: dict[str, Any] = {
    **{each.name: 0 for each in fields(Flow) if each.name not in ("begin", "end")},
    "dropped": {},
    "sinks": {},
}
"""The counts of a flow without an event."""


def flow_of(**counts: Any) -> TargetFlow:
    """Return a flow in which every count was read; those that are not given are 0."""
    return TargetFlow(Flow(MADE_AT - 86_400, MADE_AT, **{**NO_EVENTS, **counts}))


def copies_of(**counts: Any) -> CopyFlow:
    """Return a flow to a destination in which every count was read; those that are not given are 0."""
    none: dict[str, Any] = {name: {} if name in BY_NAME else 0 for name in COUNTS}
    return CopyFlow("444444444444", "eu-west-1", MADE_AT - 86_400, MADE_AT, **{**none, **counts})


def group(name: str, state: Any, cause: str = "", reason: str = "", **more: Any) -> CoverageRow:
    """Return a row."""
    return CoverageRow(name, state, cause, reason, **more)


def target(name: str, *log_groups: CoverageRow, **more: Any) -> TargetReport:
    """Return a target that was read."""
    settings = {"account": "111111111111", "region": "eu-west-1", "status": "read", "checked_at": MADE_AT - 100, **more}
    return TargetReport(name, **settings, log_groups=log_groups)


def fleet(*found: TargetReport, made_at: int = MADE_AT) -> FleetReport:
    """Return a report of these targets."""
    return FleetReport(made_at, sort_targets(found))


EVERY_STATE = fleet(
    target(
        "prod-eu",
        group("/a", "covered", means="filter", known_by="tag", since=1_700_000_000_000),
        group("/b", "missing", "missing", "the rules choose it"),
        group("/c", "broken", "outdated", "its filter has other settings"),
        group("/d", "impossible", "slots", "all slots are taken", others=("arn:1", "arn:2")),
        group("/e", "excluded", "rule", "excluded by prefix"),
        group("/f", "not_checked", "denied", "access denied"),
        calls={"DescribeLogGroups": 3},
        notes=("tags were not read",),
        seconds=2.5,
    ),
    target("prod-us", group("/a", "covered", others=()), region="us-east-1"),
    target("stage-eu", group("/a", "covered"), account="222222222222", status="partly_read", error="Throttled."),
    target("stage-us", account="", region="", status="not_checked", error="Could not assume the role.", checked_at=0),
)
