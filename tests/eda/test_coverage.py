# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulebook `coverage` subscribes log groups that have lost their filter."""

from __future__ import annotations

import time

from deployed import FUNCTION, Deployed
from rulebooks import FIGURES, Rulebook

RULEBOOK = "coverage"
LOG_GROUP = "/aws/lambda/service-00"


def test_lost_filter_is_set_again(rulebook: Rulebook, deployed: Deployed) -> None:
    """The log group keeps its subscription tag, so only an audit sees that the filter is gone."""
    logs = deployed.client("logs")

    def filters() -> list[str]:
        found = logs.describe_subscription_filters(logGroupName=LOG_GROUP)["subscriptionFilters"]
        return [each["filterName"] for each in found if FUNCTION in each["destinationArn"]]

    (name,) = filters()
    logs.delete_subscription_filter(logGroupName=LOG_GROUP, filterName=name)
    rulebook.queue.receive_events_of("Coverage")
    begin = time.monotonic()
    uncovered = {"count": 1, "examples": [{"log_group": LOG_GROUP, "cause": "failed"}]}
    rulebook.queue.put_event("Log Coverage Changed", {"version": 1, "uncovered": uncovered})
    rulebook.wait(filters, "the filter")
    rulebook.queue.wait_until_settled(rulebook)
    FIGURES.append(f"coverage fell, filter set again, message deleted: {time.monotonic() - begin:.1f} s")
