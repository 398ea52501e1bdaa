# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choice of log groups, and their filter: the options that the catch-up and the subscriber share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .functions import SUBSCRIBER
from .option import option

DEFAULT_SLOTS = 5
"""Filters that a log group may have. AWS's quota page says 5 since August 2026 and said 2 before. It is only a first
check: AWS's own LimitExceededException decides."""

RATE_SHARE = 0.97
"""Share of AWS's rates: a little below them, so that clocks that differ cause no refused call."""

DELIVERY_ROLE = "log-reflector-delivery"
"""The role that CloudWatch Logs assumes to deliver log groups of the class DELIVERY."""

DISTRIBUTIONS = ("ByLogStream", "Random")

_PUT = "PutSubscriptionFilter"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Choice of log groups."""

    include: tuple[str, ...] = option(
        ("*",),
        "Patterns of log group names to subscribe. A pattern is shell-style and matches the whole name, or it is C(re:) and"
        " a regular expression that is searched for in the name.",
        "The exact words C({partition}), C({region}) and C({account}) are replaced by those of the target. Other braces"
        " stay.",
    )
    exclude: tuple[str, ...] = option(
        (), "Patterns of log group names to leave out, as in O(include). They win over O(include)."
    )
    include_tags: Mapping[str, Any] | None = option(
        None,
        "Tags that a log group must carry, up to five. Each key has a value, a list of values of which one must be there, or"
        ' V("") for any value.',
        "AWS filters by them, in one call for a thousand log groups. With a botocore before 1.43.2 the tags of each log group"
        " are read instead, a call each.",
        "With tags the subscriber also acts on log groups that get or lose a tag, and removes its own filter where the"
        " rules no longer choose the log group.",
    )
    exclude_tags: Mapping[str, Any] | None = option(
        None, "Tags of which a log group must carry none, written as in O(include_tags)."
    )
    created_after: str | None = option(
        None,
        "Only log groups that were created then or later. An ISO 8601 date or date and time, in UTC if it has no zone.",
    )
    own_functions: tuple[str, ...] = option(
        (SUBSCRIBER,),
        "Names of other Lambda functions on the delivery path. Their log groups are never subscribed.",
        "Their log groups are the ones with the default names, and the ones that the logging configurations of the"
        " functions and of the reflector name. That takes the permission C(lambda:GetFunctionConfiguration).",
        "If one of them runs in a VPC, the log groups of the flow logs of the VPC and its subnets are left out too. That"
        " takes the permission C(ec2:DescribeFlowLogs).",
    )
    own_log_groups: tuple[str, ...] = option(
        (),
        "Names, and patterns as in O(include), of more log groups that the delivery itself writes to. They are never"
        " subscribed.",
        "The log groups of the functions, of the flow logs of their VPC and of sinks in AWS are found automatically.",
    )


@dataclass(frozen=True, kw_only=True)
class FilterAttributes:
    """Attributes of a subscription filter. An attribute that is not given stays as it is."""

    filter_pattern: str | None = option(
        None,
        'Pattern that events must match. V("") is AWS\'s default and lets every event through.',
        "Without it a new filter lets every event through, and an existing one keeps its pattern.",
        "Placeholders are replaced as in ARNs. Other braces stay.",
    )
    role_arn: str | None = option(
        None,
        "Role that CloudWatch Logs assumes to deliver. Kinesis and Firehose destinations need one, Lambda functions none.",
    )
    distribution: str | None = option(
        None,
        "How events are spread over the shards of a Kinesis stream. V(Random) is refused for Lambda functions.",
        choices=DISTRIBUTIONS,
    )
    apply_on_transformed_logs: bool | None = option(
        None,
        "Whether the filter sees the events after the log group's transformer.",
        sdk=("logs", _PUT, "applyOnTransformedLogs"),
    )
    emit_system_fields: tuple[str, ...] | None = option(
        None,
        "System fields that are added to each event, such as V(@aws.account) and V(@aws.region).",
        sdk=("logs", _PUT, "emitSystemFields"),
    )
    field_selection_criteria: str | None = option(
        None,
        "Expression on system fields that log events must match.",
        sdk=("logs", _PUT, "fieldSelectionCriteria"),
    )


@dataclass(frozen=True, kw_only=True)
class LogGroupOptions(Selection, FilterAttributes):
    """Choice of log groups, their filter, and the rate of calls."""

    slots: int = option(
        DEFAULT_SLOTS,
        "How many filters AWS allows for each log group. A full log group is reported without trying.",
        "AWS's own answer decides. A log group that AWS refuses is reported as C(not_possible), and check mode announces"
        " that only if the number here is right.",
        low=1,
        high=1000,
    )
    merge: bool = option(
        False, "Whether filters of ours are removed from log groups that have more than one, so that one is left."
    )
    delivery_stream: str | None = option(
        None,
        "ARN of a Firehose stream in the target's account and region. Log groups of the class DELIVERY, which accept"
        " filters to Firehose and S3 only, are subscribed to it, in the mode V(filters).",
        "Their events do not pass the reflector: no sink, rule, dead letter or count of events applies to them.",
        "Without it these log groups are reported as C(not_possible). If it was set before, their filters of ours are removed.",
        "Placeholders are replaced as in ARNs.",
    )
    delivery_role_name: str = option(
        DELIVERY_ROLE,
        "Name of the role that CloudWatch Logs assumes to write to O(delivery_stream). A filter of a log group of the class"
        " DELIVERY is ours if it has this role.",
    )
    rate_share: float = option(
        RATE_SHARE,
        "Share of AWS's rates to use, above 0 and up to 1. All callers in the account and region share these rates, so a"
        " smaller share leaves more to others.",
        low=0.001,
        high=1,
    )
    tag_log_groups: bool = option(
        True,
        "Whether log groups that have the right filter get a subscription tag. Without it every run reads every log group.",
        "A tag that cannot be written is no failure. It is reported in the notes of the result.",
    )
