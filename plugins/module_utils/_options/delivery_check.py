# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the delivery check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .functions import SUBSCRIBER
from .option import option
from .reflector import ReflectorName


@dataclass(frozen=True, kw_only=True)
class CheckLineOptions:
    """The test line and its log group."""

    log_group_prefix: str = option(
        "/log-reflector/check/",
        "Prefix of the check's log groups. C(delivery-check-) and twelve hexadecimal digits follow.",
        "The subscriber's rules must choose these log groups.",
    )
    line: str | None = option(
        None,
        "Line that is written. The subscriber's filter pattern must match it.",
        "The default is C(log reflector delivery check) and the name of the log group.",
    )
    timeout: int = option(
        600,
        "Seconds to wait for the subscription, and again for the delivery. CloudTrail delivers most events within a few minutes.",
        low=0,
    )


@dataclass(frozen=True, kw_only=True)
class DeliveryCheckOptions(ReflectorName, CheckLineOptions):
    """A test line that is sent through a target."""

    tags: Mapping[str, Any] | None = option(
        None,
        "Tags of the log group, for rules that choose by tags, written as"
        " O(logreflector.aws.subscription_filters#module:include_tags).",
        "The log group gets the first value of a list, and C(delivery-check) if any value matches.",
    )
    subscription: str = option(
        "filter",
        "The expected kind of subscription of the log group.",
        "V(filter) is a subscription filter, which the subscriber creates.",
        "V(account_policy) is the account-level policy. AWS does not report when it is in force for a new log group, so the"
        " line is written again every ten seconds until one has arrived.",
        "V(any) is the account-level policy if one exists that sends to the reflector, and otherwise a filter.",
        "V(centralized) is a copy by AWS's centralization, which the reflector of the destination delivers. It needs O(centralization).",
        choices=("filter", "account_policy", "any", "centralized"),
    )
    state: str = option(
        "present",
        "V(present) sends a line.",
        "V(absent) only removes the log groups that killed runs left behind, whatever their age.",
        choices=("present", "absent"),
    )
    trail: bool = option(
        True,
        "Whether to fail at once if no CloudTrail trail logs write management events: no event reports a new log group then."
        " A trail of the organisation counts. Trails that the caller may not read are a note in the result.",
        "Not needed if the account-level policy serves the log groups.",
    )
    subscriber_function_name: str = option(
        SUBSCRIBER, "Name of the subscriber's function. Its log has the reason if a log group gets no filter."
    )
