# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The assumptions of the estimates, where AWS and the logs do not say. Each has two ends, with a reason in words.

The figures are from docs/COST.md and bench/README.md. A deployed function's own figures replace them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ends:
    """The cases in which the lower and the upper end of a range are true; "" where it always is."""

    low_when: str
    high_when: str


ALWAYS = Ends("", "")


@dataclass(frozen=True, slots=True)
class Assumption:
    """A quantity between two ends, and when each is true."""

    low: float
    high: float
    low_when: str
    high_when: str


MB, GB, TB = 1e6, 1e9, 1e12
"""Bytes. AWS bills some gigabytes as 2^30 bytes, which makes them 7 % cheaper."""

PAYLOAD_BYTES = Assumption(
    1e6,
    20e3,
    "CloudWatch Logs sends payloads of 1 MB of text",
    "payloads have 20 KB, and each log group sends a small one every minute; each invocation of a Lambda function is a payload"
    " of its own",
)
"""Decompressed bytes of an invocation. AWS does not document how CloudWatch Logs cuts payloads."""

SMALL_PAYLOADS = 730 * 60.0
"""Small payloads of a log group in a month at the upper end: one a minute."""

FUNCTION_LINES, FUNCTION_BYTES = 3.0, 400.0
"""A Lambda function's invocation writes START, END and REPORT at least."""

WAIT_SECONDS = Assumption(0.03, 0.3, "the sink answers within 30 ms", "the sink answers within 300 ms")
"""Time of an invocation in which the function waits for the sink."""

CPU_GB_SECONDS_A_GB = Assumption(
    13.8, 55.4, "lines are plain text, or the package is native", "lines are costly to parse or to redact"
)
"""Processing takes 8 to 32 ms of CPU per MB; a CPU second is 1.73 GB-s with any memory size (bench/README.md)."""

COMPRESSED = Assumption(0.05, 0.25, "lines compress to a twentieth", "lines compress to a quarter")
"""Share of the bytes that leave after gzip. bench/README.md has 0.108."""

OWN_LOG_BYTES = Assumption(1200.0, 1600.0, "one sink", "several sinks or reasons in the accounting line")
"""Bytes of the reflector's own log for an invocation: accounting line, START, END and REPORT."""

STORED = Assumption(0.15, 1.0, "CloudWatch Logs compresses its archive to 15 %", "it does not compress")

COPY_DAYS = Assumption(
    7.0, 365.0, "copies expire after a week", "copies are kept, and this is their storage after a year"
)
"""AWS never expires the copies of the mode centralized unless somebody sets a retention."""

FIREHOSE_STEP_BYTES = 5e3
FIREHOSE_STEP = Assumption(0.0, 1.0, "AWS bills the bytes of a record", "AWS rounds each record up to 5 KB")
"""AWS's price page bills records in steps of 5 KB, and vended logs without steps. Which of both a filter is, it does not say."""

OBJECT_MONTHS = Assumption(1.0, 12.0, "objects expire after a month", "objects are kept for a year")

OBJECT_BYTES = Assumption(128e6, 1e6, "Firehose buffers 128 MB", "Firehose buffers 1 MB and flushes every minute")

QUEUE_POLLS = Assumption(0.2e6, 0.7e6, "Lambda runs 2 pollers", "Lambda runs 5 pollers")
"""Requests a month to the subscriber's FIFO queue. AWS does not say how many pollers an idle queue has."""

FAILURE_METRICS = Assumption(0.0, 3.0, "nothing fails", "all three metrics of failures are above 0 in every hour")

SUBSCRIBER_METRICS = 9
SWEEP_METRIC_HOURS = 1 / 730
"""A sweep sends the subscriber's metrics once, and each is billed for that hour."""

READS_A_SECOND = 5.0
"""Log groups that a sweep reads (CloudWatch Logs User Guide, "CloudWatch Logs quotas")."""

INVOCATIONS_A_SECRET_READ = 1000.0
"""A new execution environment reads the secret; each serves many invocations."""

HOURS_A_MONTH = 730.0
DAYS_A_MONTH = HOURS_A_MONTH / 24
