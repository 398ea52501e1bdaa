# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the catch-up: how existing log groups are subscribed."""

from __future__ import annotations

from dataclasses import dataclass

from .._errors import InvalidInputError
from .option import option

MODES = ("filters", "account_policy", "centralized")
SETTLE_SECONDS = 60
REPORT_LIMIT = 1000


_PURGE = (
    "Whether our filter is removed from log groups that the rules leave out.",
    "Without O(audit) only from those that carry the subscription tag.",
    "With V(false) these log groups are still delivered. The result counts and names them as C(kept).",
)


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Options of one sweep over the log groups of a target."""

    audit: bool = option(
        False,
        "Whether every log group is read, whatever its subscription tag is. A removal always reads every log group.",
        "Without it a run does not see what happened to a tagged log group since it was tagged: somebody may have deleted or"
        " changed its filter, or added others.",
        "AWS allows five reads a second, so 5,000 log groups take 17 minutes.",
    )
    purge: bool = option(
        False,
        *_PURGE,
    )
    on_full: str = option(
        "report",
        "Treatment of log groups whose filter slots are all taken by others.",
        "V(report) names them as C(not_possible).",
        "V(fail) also makes the task fail, after all other log groups were subscribed.",
        "V(account_policy) switches the whole target to the account-level policy, which uses no slots, as soon as one log"
        " group is full, and removes our filters. The target stays with it, see"
        " M(logreflector.aws.account_subscription_policy).",
        choices=("report", "fail", "account_policy"),
    )
    backfill_seconds: int = option(
        0,
        "When a log group is subscribed for the first time, also forward its events of the last N seconds. V(0) forwards"
        " none.",
        "It takes the permissions C(logs:FilterLogEvents) on the log groups and C(lambda:InvokeFunction) on the reflector,"
        " and calls by volume, of which AWS allows five a second.",
        "Each event is sent at least once. A run that is killed between the filter and its events does not return to them.",
        low=0,
    )
    max_seconds: int | None = option(
        None,
        "After so many seconds no further log group is begun, and C(complete) in the result is false. The default is no"
        " limit.",
        "The next run continues there, because finished log groups carry the subscription tag. With O(audit) it needs"
        " O(start_after).",
        low=1,
    )
    workers: int = option(10, "Number of AWS calls in progress at once.", low=1)
    start_after: str | None = option(
        None,
        "Pass over log groups up to this name, in the order of their names. Use C(stopped_after) of the run before.",
    )
    report_limit: int = option(
        REPORT_LIMIT, "Maximum number of entries in each list of the result. The counts include all.", low=1
    )


@dataclass(frozen=True, kw_only=True)
class ModeOptions:
    """Filters, one account-level policy, or AWS's centralization."""

    mode: str = option(
        "filters",
        "Whether log groups are served by subscription filters, by one account-level subscription policy, or by AWS's"
        " centralization, which copies them to a destination (V(centralized)).",
        "A change of mode loses no event, see docs/MODES.md. With V(account_policy) the subscriber's rules are"
        " disabled.",
        "A host whose account and region are the destination of a rule of C(centralization_rules) has the default"
        " V(account_policy).",
        choices=MODES,
    )


def refuse_centralized(mode: str, name: str) -> None:
    """Raise InvalidInputError for the mode in which nothing is deployed to a target.

    name    the option as the user knows it
    """
    if mode == "centralized":
        message = "AWS's centralization serves a target with the mode centralized, so nothing is deployed there"
        raise InvalidInputError(name, f"{message}. Set another mode, or leave the target out of this run")


@dataclass(frozen=True, kw_only=True)
class CatchUpOptions(SweepOptions):
    """The catch-up of a deployment."""

    purge: bool = option(True, *_PURGE)

    must_complete: bool = option(
        False, "Whether a target fails if O(max_seconds) was not enough for all its log groups."
    )
    settle_seconds: int = option(
        SETTLE_SECONDS,
        "Seconds between writing a policy or filters and removing what served before, when the mode changes. Meanwhile"
        " events arrive twice.",
        "AWS does not say how long a subscription policy takes to be in force in all log groups. For its other account"
        " policies it says up to 300 seconds.",
        low=0,
    )


@dataclass(frozen=True, kw_only=True)
class AnnouncedReflector:
    """The reflector that a check-mode run assumes."""

    reflector_announced: bool = option(
        False,
        "In check mode, whether a task before has announced the reflector, which therefore need not exist yet. Without it"
        " the module fails if there is no reflector, as it does outside check mode.",
    )
