# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the report on coverage."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option


@dataclass(frozen=True, kw_only=True)
class CoverageOptions:
    """The reading of a target's coverage, and the file that it is written to."""

    rows_directory: str | None = option(
        None,
        "Directory on the machine where the module runs. The file C(ACCOUNT.REGION.ndjson) in it gets a line of JSON for every"
        " log group. Without it only the result has log groups, up to O(report_limit).",
        type="path",
    )
    audit: bool = option(
        True,
        "Whether the filters of every log group are read.",
        "AWS allows five reads a second, so 5,000 log groups take 17 minutes. With V(false) a log group with a subscription tag"
        " counts as covered; the row says C(known_by=tag).",
    )
    workers: int = option(10, "Number of AWS calls in progress at once.", low=1)
    flow: bool = option(
        False,
        "Whether the events of a period are counted, too: written, forwarded, received, delivered, and where the others are.",
        "CloudWatch's metrics and Logs Insights cost money for each reading; the result says how much.",
    )
    flow_hours: int = option(24, "Length of the period, up to a week.", low=1, high=168)
    flow_settle_minutes: int = option(
        20,
        "Minutes between the end of the period and now. CloudWatch completes metrics within minutes, and lists a new metric"
        " up to 15 minutes late.",
        low=0,
    )
    flow_until: str | None = option(
        None,
        "End of the period in ISO 8601, such as V(2026-11-20T14:30), in UTC if it has no zone. The default is O(flow_settle_minutes) ago.",
        "The log groups are those of now, and dead letters that have been replayed or deleted since then are missing.",
    )
    report_limit: int = option(
        100,
        "Maximum number of log groups in the result that are neither covered nor excluded. The counts include all.",
        low=1,
    )


@dataclass(frozen=True, kw_only=True)
class PurgeReference:
    """Whether the catch-up removes our filters from excluded log groups."""

    purge: bool = option(
        True,
        "Whether a filter of ours in an excluded log group is a defect. Set it as for M(logreflector.aws.catch_up).",
    )
