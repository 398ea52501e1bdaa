# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reading the flow costs. List prices of us-east-1 without the free tier, as of November 2026 (CloudWatch pricing page)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

PRICES_OF = "2026-11"
"""The month of the prices."""
_METRIC = 0.01 / 1000  # GetMetricData, for each metric that is asked for
_REQUEST = 0.01 / 1000  # ListMetrics
_SCANNED_BYTE = 0.005 / 10**9  # Logs Insights


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: metrics in GetMetricData, calls of ListMetrics, bytes that queries of Logs Insights scanned."""

    metrics: int
    list_calls: int
    bytes_scanned: int

    def plain(self) -> dict[str, int]:
        """Return the numbers for a result."""
        return asdict(self)


def dollars(reading: Reading) -> float:
    """Return the price of a reading."""
    total = reading.metrics * _METRIC + reading.list_calls * _REQUEST + reading.bytes_scanned * _SCANNED_BYTE
    return round(total, 6)
