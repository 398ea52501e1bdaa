# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a sweep as CloudWatch metrics: a line in the function's log (CloudWatch User Guide, "Embedded metric format")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from logreflector._subscriptions.tally import FAILURES

NAMESPACE = "LogReflector"

NOT_SERVED = ("not_possible", *FAILURES)
"""The kinds of outcomes that leave a chosen log group without its filter."""


def coverage(counts: Mapping[str, int]) -> dict[str, float]:
    """Return the metrics by name for the counts of a whole sweep. Coverage is in percent, 100 if no group is chosen."""
    number = {name: counts.get(name, 0) for name in ("groups", "subscribed", "excluded", *NOT_SERVED)}
    chosen = number["subscribed"] + sum(number[name] for name in NOT_SERVED)
    return {
        "Groups": number["groups"],
        "ShouldBeSubscribed": chosen,
        "Subscribed": number["subscribed"],
        "Excluded": number["excluded"],
        "NotPossible": number["not_possible"],
        "NotPossibleSlots": counts.get("not_possible_slots", 0),
        "NotPossibleClass": counts.get("not_possible_class", 0),
        "Failed": sum(number[name] for name in FAILURES),
        "Coverage": round(100 * number["subscribed"] / chosen, 2) if chosen else 100.0,
    }


def metric_line(counts: Mapping[str, int], function: str, at: int) -> str:
    """Return the log line of a sweep; `at` is in ms since 1970."""
    # A field and no metric, which would cost money.
    return embedded(coverage(counts), function, at, OtherForwarders=counts.get("other_forwarders", 0))


def embedded(metrics: Mapping[str, float], function: str, at: int, **fields: Any) -> str:
    """Return a log line that CloudWatch takes as metrics of the function; `at` is in ms since 1970."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": "Percent" if name == "Coverage" else "Count"} for name in metrics],
    }
    described = {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, "FunctionName": function}
    return json.dumps({**described, **metrics, **fields})
