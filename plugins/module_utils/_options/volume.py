# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the reading of volumes."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option

METHODS = ("total", "loudest", "statistics", "batches")


@dataclass(frozen=True, kw_only=True)
class VolumeOptions:
    """The metrics that are read, for which period, and the file that log groups are written to."""

    method: str = option(
        "statistics",
        "How the volume of each log group is read from CloudWatch's metrics. The volume of the whole target is always read, by"
        " one call.",
        "V(statistics) makes two calls of GetMetricStatistics for a log group. A million calls a month are free, shared with all"
        " others in the organisation that use them.",
        "V(batches) asks GetMetricData for 500 metrics a call. That is faster, and costs $0.01 for 1,000 metrics, two a log group.",
        "V(loudest) asks Metrics Insights for the 500 log groups with the largest volume. It costs $0.01 for 1,000 metrics that"
        " AWS analyzes, and knows two weeks at most. The volume of the others is unknown, and together not more than the remainder.",
        "V(total) reads no single log group.",
        choices=METHODS,
    )
    days: int = option(14, "Number of days that are read. A month is taken to be like them.", low=1, high=63)
    workers: int = option(10, "Number of AWS calls in progress at once.", low=1)
    prices: bool = option(
        False,
        "Whether the prices of the region are read from AWS's price list (C(pricing:GetProducts), which is free). Without it, and"
        " where it is not permitted, the prices that the collection ships are used.",
    )
    rows_directory: str | None = option(
        None,
        "Directory on the machine where the module runs. The file C(ACCOUNT.REGION.volume.ndjson) in it gets a line of JSON for"
        " every log group.",
        type="path",
    )
