# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes as the module volume_info returns them: written by hand, and Hypothesis strategies for any others."""

from __future__ import annotations

from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import (
    METRICS,
    STATES,
    Measured,
    Range,
    VolumeRow,
    plain_measured,
    remainder,
    volume_of,
)
from hypothesis import strategies as st

from .._report.fleets import names, texts

DAYS = 13.5
REGIONS = ("us-east-1", "eu-west-1", "mars-north-1")

FACTS: dict[str, Any] = {
    "mode": "filters",
    "memory_mb": 256,
    "architecture": "arm64",
    "subscriber_memory_mb": 256,
    "subscriber_architecture": "arm64",
    "log_retention_days": 30,
    "in_vpc": False,
    "sinks": ["sumologic"],
    "routes": False,
    "filter_pattern": False,
    "secrets": 1,
    "alarm_metrics": 7,
    "notification_metrics": 0,
    "sweeps_a_month": 730 / 24,
    "audit_days": 1,
    "log_groups": 60,
}

measures = st.builds(Measured, st.integers(0, 10**16), st.integers(1, 14))
ranges = st.builds(
    lambda low, more: Range(low, None if more is None else low + more),
    st.floats(0, 1e15),
    st.one_of(st.none(), st.floats(0, 1e15)),
)
facts = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["filters", "account_policy", "centralized"]),
        "memory_mb": st.sampled_from([128, 256, 1769, 10240]),
        "architecture": st.sampled_from(["arm64", "x86_64"]),
        "subscriber_memory_mb": st.sampled_from([128, 512]),
        "subscriber_architecture": st.sampled_from(["arm64", "x86_64"]),
        "log_retention_days": st.sampled_from([0, 1, 30, 3653]),
        "in_vpc": st.booleans(),
        "sinks": st.lists(st.sampled_from(["sumologic", "s3", "http"]), max_size=3),
        "routes": st.booleans(),
        "filter_pattern": st.booleans(),
        "secrets": st.integers(0, 3),
        "alarm_metrics": st.just(7),
        "notification_metrics": st.sampled_from([0, 4]),
        "sweeps_a_month": st.one_of(st.none(), st.floats(0, 800)),
        "audit_days": st.integers(1, 30),
        "log_groups": st.integers(0, 10**6),
    }
)


def volume(
    *rows: VolumeRow, whole: tuple[Measured | None, Measured | None] = (None, None), **more: Any
) -> dict[str, Any]:
    """Return the volume of a target with these log groups, as the module returns it."""
    sums = dict(zip(METRICS, whole, strict=True))
    known = {metric: remainder([getattr(row, metric) for row in rows], sums[metric]) for metric in METRICS}
    return {
        "account_id": "111111111111",
        "region": "us-east-1",
        "days": DAYS,
        "total": {metric: plain_measured(sums[metric], DAYS) for metric in METRICS},
        "remainder": {metric: plain_measured(known[metric], DAYS) for metric in METRICS},
        "log_groups": volume_of(rows, sums, DAYS),
        "largest": [row.plain(DAYS) for row in rows if row.bytes][:20],
        "usage": None,
        "facts": FACTS,
        "prices": None,
        "notes": [],
        "reading": {"calls": {"GetMetricData": 2, "GetMetricStatistics": 2 * len(rows)}, "metrics": 5},
        **more,
    }


@st.composite
def rows(draw: st.DrawFn) -> list[VolumeRow]:
    """Return log groups with any names and volumes."""
    found = draw(st.lists(names, max_size=6, unique=True))
    return [
        VolumeRow(
            name,
            draw(st.sampled_from(STATES)),
            draw(texts),
            draw(st.one_of(st.none(), measures)),
            draw(st.one_of(st.none(), measures)),
        )
        for name in found
    ]
