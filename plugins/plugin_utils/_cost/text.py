# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures and names of an estimate in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...module_utils._parts.volume.figures import Range
from .assumptions import GB, MB, TB

UNKNOWN = "unknown"

NAMES: Mapping[str, str] = {
    "lambda_requests": "Lambda requests",
    "lambda_time": "Lambda time of the reflector",
    "own_log": "The reflector's own log",
    "own_log_storage": "Storage of that log",
    "secret_reads": "Reads of the secrets",
    "transfer_out": "Transfer out of AWS",
    "nat_gateway_data": "Data through a NAT gateway",
    "nat_gateway_hours": "Hours of a NAT gateway",
    "copy_storage": "Storage of the copies",
    "further_copies": "Further copies",
    "firehose_data": "Data into Firehose",
    "object_storage": "Storage in S3",
    "object_requests": "Objects written to S3",
    "alarms": "Alarms",
    "metrics": "Metrics of failures",
    "queue": "Polls of the subscriber's queue",
    "secrets": "Secrets",
    "subscriber_time": "Lambda time of the subscriber",
    "sweep_metrics": "Metrics of the sweeps",
    "silent_sources": "Search for silent sources",
    "trail_events": "Events in a second CloudTrail trail",
    "log_service": "Log service",
}
"""The names of items."""

WITHOUT_US: Mapping[str, str] = {"firehose": "Firehose directly to S3, without this collection"}
"""Ways to forward logs without a deployment of this collection, with their names."""


def dollars(cost: Range | None) -> str:
    """Return the cost: "$1.20 to $3.40", "at least $1.20" or "unknown"."""
    return _range(cost, _dollars)


def volume(size: Range | None) -> str:
    """Return a number of bytes in MB, GB or TB."""
    return _range(size, _bytes)


def count(number: Range | None) -> str:
    """Return a number of events."""
    return _range(number, _number)


def share(part: float | None) -> str:
    """Return a share in percent."""
    return UNKNOWN if part is None else f"{part * 100:.3g} %"


def _range(found: Range | None, text: Callable[[float], str]) -> str:
    if found is None:
        return UNKNOWN
    low = text(found.low)
    if found.high is None:
        return f"at least {low}" if found.low else UNKNOWN
    high = text(found.high)
    return low if low == high else f"{low} to {high}"


def _bytes(value: float) -> str:
    for size, word in ((TB, "TB"), (GB, "GB")):
        if value >= size:
            return f"{_number(value / size)} {word}"
    return f"{_number(value / MB)} MB"


def _dollars(value: float) -> str:
    return f"${value:,.0f}" if value >= 1000 else f"${value:,.2f}"


def _number(value: float) -> str:
    """Return a number with three significant digits, in words if it is large."""
    for size, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if value >= size:
            return f"{value / size:,.3g}{word}" if value < size * 1000 else f"{value / size:,.0f}{word}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
