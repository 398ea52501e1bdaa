# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules about subscription filters and the account-level policy."""

from __future__ import annotations

from dataclasses import dataclass

from .catch_up import REPORT_LIMIT, SETTLE_SECONDS, SweepOptions
from .log_groups import DEFAULT_SLOTS, RATE_SHARE, FilterAttributes, LogGroupOptions, Selection
from .option import option, required

_DESTINATION = (
    "ARN of the destination, or the name of a Lambda function in the same account and region.",
    "C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.",
)
_WAIT = (
    "Seconds to wait for what passes by itself: another writer on the same log group, throttling, or a permission of the"
    " function that CloudWatch Logs does not see yet."
)
_WAIT_NOT = "A function that does not exist is reported at once if the caller has the permission C(lambda:GetFunctionConfiguration)."


@dataclass(frozen=True, kw_only=True)
class WaitOption:
    """Time limit of retries."""

    wait_timeout: int = option(60, _WAIT, _WAIT_NOT, low=0)


@dataclass(frozen=True, kw_only=True)
class DestinationOption:
    """Destination of log events."""

    destination_arn: str = required(*_DESTINATION)


@dataclass(frozen=True, kw_only=True)
class CreatedBeforeOption:
    """The other end of created_after."""

    created_before: str | None = option(
        None, "Only log groups that were created before, written as in O(created_after)."
    )


@dataclass(frozen=True, kw_only=True)
class FilterOptions(WaitOption, FilterAttributes):
    """One subscription filter of one log group."""

    log_group: str = required("Name of the log group.", aliases=("log_group_name",))
    name: str | None = option(
        None,
        "Name of the filter.",
        "The default comes from the log group: V(/aws/lambda/testing-the-subscriber) gives"
        " V(aws-lambda-testing-the-subscriber-filter). The platform's own filters have names without C(-filter).",
        "Without a name, a filter of another name that already sends to O(destination_arn) counts as this one if it has the"
        " given attributes. Otherwise the module fails, because events would arrive twice.",
    )
    state: str = option("present", "Whether the filter is to exist.", choices=("present", "absent"))
    destination_arn: str | None = option(
        None,
        *_DESTINATION,
        "Needed if the filter does not exist yet. An attribute that is not given is left as it is.",
    )
    redirect: bool = option(
        False,
        "Whether an existing filter of this name that sends elsewhere may be redirected to O(destination_arn). Without it the"
        " module fails, because the filter may belong to somebody else.",
    )
    slots: int = option(
        DEFAULT_SLOTS,
        "How many filters AWS allows for each log group. A full log group is refused before anything is written.",
        "AWS's own answer decides. A number that is too high costs one refused call.",
        low=1,
    )


@dataclass(frozen=True, kw_only=True)
class FilterInfoOptions:
    """Choice of the filters that are read."""

    log_group: str | None = option(None, "Name of one log group. It must exist.", aliases=("log_group_name",))
    log_group_prefix: str | None = option(
        None,
        "Read all log groups whose names begin with this. Without it and without O(log_group), all log groups.",
    )
    name: str | None = option(None, "Only filters of exactly this name.")
    destination_arn: str | None = option(
        None,
        "Only filters with this destination, an ARN or the name of a Lambda function in the same account and region.",
    )
    wait_timeout: int = option(60, "Seconds to wait while AWS throttles calls.", low=0)


@dataclass(frozen=True, kw_only=True)
class FiltersOptions(DestinationOption, CreatedBeforeOption, WaitOption, SweepOptions, LogGroupOptions):
    """The filters of all log groups of a target."""

    state: str = option(
        "present",
        "V(present) gives every chosen log group a filter of ours.",
        "V(absent) removes our filters from every chosen log group, and nothing else.",
        choices=("present", "absent"),
    )


@dataclass(frozen=True, kw_only=True)
class AccountPolicyOptions(DestinationOption, CreatedBeforeOption, WaitOption, Selection):
    """One policy for all log groups of a target."""

    state: str = option(
        "present",
        "V(present) has the policy serve the log groups, and removes our filters.",
        "V(absent) gives the log groups filters and deletes the policy. Without a policy of ours it does nothing.",
        choices=("present", "absent"),
    )
    name: str = option("log-reflector", "Name of a new policy. A policy of ours that exists keeps its name.")
    filter_pattern: str | None = option(
        None,
        "Pattern that events must match. Without it a new policy lets every event through, and an existing one keeps its"
        " pattern.",
    )
    replace_filters: bool = option(
        True,
        "Whether our filters and the policy replace each other. When a target changes its mode, this reads every log group,"
        " five a second.",
        "With V(false) filters stay as they are. Together with the policy each of their events arrives twice, and with"
        " O(state=absent) log groups that only the policy serves are no longer served.",
    )
    audit: bool = option(
        False,
        "Whether every log group is checked for filters of ours that exist together with the policy.",
        "Without it the tagged ones are checked, and all of them while a change of mode is unfinished.",
    )
    purge: bool = option(
        False,
        "With O(state=present), whether our filter is also removed from log groups that the rules leave out.",
        "Those with a subscription tag are found, and all of them with O(audit) or while the target changes its mode.",
        "With V(false) these log groups are still delivered. The result counts and names them as C(kept).",
    )
    tag_log_groups: bool = option(True, "Whether log groups that get a filter get a subscription tag.")
    slots: int = option(
        DEFAULT_SLOTS,
        "How many filters AWS allows for each log group. With O(state=absent) nothing is changed if a log group that the"
        " policy serves is full.",
        low=1,
    )
    settle_seconds: int = option(
        SETTLE_SECONDS,
        "Seconds between writing a policy or filters and removing what served before. Meanwhile events arrive twice.",
        "AWS does not say how long a subscription policy takes to be in force in all log groups. For its other account"
        " policies it says up to 300 seconds.",
        low=0,
    )
    rate_share: float = option(RATE_SHARE, "Share of AWS's rates to use, above 0 and up to 1.", low=0.001, high=1)
    report_limit: int = option(REPORT_LIMIT, "Maximum number of entries in each list of the result.", low=1)
