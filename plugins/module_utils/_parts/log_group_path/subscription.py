# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first half of the path: the log group, the rules, and what sends the log group's events to the reflector."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..._errors import ReflectorError
from ..._resources.dead_letters import age
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicy
from ..._subscriptions.calls import LogsApi, can_read_tags
from ..._subscriptions.choice import Choice, Exclusion, LogGroup
from ..._subscriptions.coverage import CoverageRow, Path, PolicyCoverage, row_of
from ..._subscriptions.filters import DELIVERY, DesiredFilter, SubscriptionFilter, holders, slots_taken
from ..._subscriptions.loops import LoopDetector, is_evidence, is_function_group
from ..._subscriptions.planning import GroupPlanner, SweepSettings
from ..._subscriptions.tagging import SubscriptionTags
from .stations import Station, ok, problem, unknown, unread

_CATCH_UP = "catch_up -e catch_up_audit=true"
ADVICE: dict[str, tuple[str, str]] = {
    "missing": ("Subscribe the log group.", _CATCH_UP),
    "outdated": ("Give the filter the settings of the deployment.", _CATCH_UP),
    "duplicate": ("Remove the second subscription.", f"{_CATCH_UP} -e log_groups_merge=true"),
    "delivered": ("Remove the subscription, or let the rules choose the log group.", _CATCH_UP),
    "slots": (
        "Have an owner remove a filter, or serve the target by an account policy: set catch_up_on_full: account_policy.",
        _CATCH_UP,
    ),
    "loop": (
        "Leave it: log groups of other forwarders are never subscribed, because the two could feed each other.",
        "",
    ),
    "foreign_policy": (
        "That policy belongs to others. Serve the target by filters: set log_groups_mode: filters.",
        _CATCH_UP,
    ),
}
"""The advice for each cause of a row of the coverage."""


def moment(milliseconds: int) -> str:
    """Return a time in ms since 1970 as text, with its age."""
    seconds = milliseconds / 1000
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    return f"{text} ({age(max(0, round(time.time() - seconds)))} ago)"


def read_group(api: LogsApi, name: str) -> LogGroup | None:
    """Return the log group, None if it does not exist. AWS lists log groups sorted by name, so it is the first one of its prefix."""
    found = next(api.groups(name), None)
    return found if found and found.name == name else None


def read_last_event(target: Target, log_group: str) -> int | None:
    """Return the time of the log group's last event in ms since 1970, None if it has none.

    CloudWatch Logs updates it up to an hour late (API reference, LogStream).
    """
    with target.describe_operation(f"read the log streams of log group {log_group}"):
        answer = target.client("logs").describe_log_streams(
            logGroupName=log_group, orderBy="LastEventTime", descending=True, limit=1
        )
    streams = answer.get("logStreams") or [{}]
    found: int | None = streams[0].get("lastEventTimestamp")
    return found


def group_station(group: LogGroup, last_event: int | ReflectorError | None, *, delivers: bool = False) -> Station:
    """Return the station of a log group that exists.

    last_event  ms since 1970, None if there is none, or the error of reading it
    delivers    whether log groups of the class DELIVERY are subscribed to a Firehose stream
    """
    written = (
        f"its last event was not read: {last_event}"
        if isinstance(last_event, ReflectorError)
        else f"its last event is of {moment(last_event)}"
        if last_event is not None
        else "it has no event"
    )
    kept = f"keeps events {group.retention} days" if group.retention else "keeps events for ever"
    fact = f"it exists since {moment(group.created)}, has the class {group.log_class} and {kept}; {written}"
    if group.log_class == "STANDARD" or (delivers and group.log_class == DELIVERY):
        return ok("log_group", fact)
    if group.log_class == DELIVERY:
        advice = "Set log_groups_delivery_stream, and Firehose serves it in the mode filters."
        return problem(
            "log_group",
            "class",
            f"its class {group.log_class} takes filters to Firehose and S3 only; {fact}",
            advice=advice,
        )
    return problem(
        "log_group",
        "class",
        f"its class {group.log_class} takes no filter to a Lambda function; {fact}",
        advice="AWS cannot change the class. Create a log group of the class STANDARD and let the source write to it.",
    )


def missing_group(name: str, where: str) -> Station:
    """Return the station of a log group that does not exist."""
    return problem(
        "log_group",
        "missing",
        f"there is no log group {name} in {where}",
        advice="Check the name, the account and the region. Most services create a log group with its first event.",
    )


@dataclass(slots=True)
class Subscription:
    """Reads and judges the rules and the subscription of one log group.

    choice      the rules, None if they could not be read
    excluded    why the rules leave it out, as far as they were read
    ours        our filter, if there is one
    """

    target: Target
    api: LogsApi
    group: LogGroup
    desired: DesiredFilter
    choice: Choice | None = None
    excluded: Exclusion | None = None
    ours: SubscriptionFilter | None = None

    def rules_station(self, choice: Choice) -> Station:
        """Return whether the rules choose the log group. Its class is a matter of another station."""
        self.choice = choice
        if choice.needs_tags and not can_read_tags(self.group.name):
            return unknown("rules", "tags", 'the rules ask for tags, and AWS reads no tags of a name with "#"')
        if choice.needs_tags:
            self.group = replace(self.group, tags=self.api.tags(self._arn(self.group.name)))
        self.excluded = choice.exclusion(replace(self.group, log_class="STANDARD"))
        if self.excluded is None:
            return ok("rules", "they choose the log group")
        return problem(
            "rules",
            "excluded",
            f"they leave the log group out: {self.excluded.reason}",
            advice="If its events are to arrive, change log_groups_include, log_groups_exclude or the tags.",
            command="deploy",
        )

    def filter_station(self) -> Station:
        """Return whether a filter sends the log group's events to the reflector as it should."""
        choice = self.choice or Choice(("*",), ())
        filters = self.api.filters(self.group.name)
        planner = GroupPlanner(choice, self.desired, SweepSettings(), LoopDetector())
        self._learn_of_loop(planner)
        outcome = planner.from_filters(replace(self.group, log_class="STANDARD"), filters)
        self.ours = next((item for item in filters if self.desired.owns(item)), None)
        if (row := row_of(outcome, Path(), keeps_excluded=False)) is None:
            return unknown("subscription", "gone", "the log group was deleted meanwhile")
        if row.cause == "slots":
            row = replace(row, reason=slots_taken(filters))  # the fact names their holders
        return self._station(row, self._filter_fact(filters))

    def policy_station(self, policy: AccountPolicy | None) -> Station:
        """Return whether the account policy sends the log group's events to the reflector as it should."""
        choice = self.choice or Choice(("*",), ())
        coverage = PolicyCoverage(self.api, choice, self.desired, policy, Path(), reads_filters=True)
        filters = self.api.filters(self.group.name)
        row = coverage.row(self.group, self.excluded, filters)
        if policy is None:
            return self._station(row, "there is no account policy")
        pattern = _pattern(policy.filter_pattern)
        return self._station(row, f"the account policy {policy.name} sends {pattern}; {_others(filters, self.desired)}")

    def _arn(self, name: str) -> str:
        return self.target.arn("logs", f"log-group:{name}")

    def _learn_of_loop(self, planner: GroupPlanner) -> None:
        """Find out whether the log group is another forwarder's, by the tag that a sweep wrote."""
        if not is_function_group(self.group.name):
            return
        tags = SubscriptionTags(self.api, self._arn, self.desired.subscription_tag, enabled=True)
        if is_evidence(evidence := tags.read_evidence(self.group.name)):
            planner.loops.confirm(self.group.name, planner.foreign(self.api.filters(evidence)))

    def _filter_fact(self, filters: list[SubscriptionFilter]) -> str:
        others = f"{_others(filters, self.desired)}; {len(filters)} of {self.desired.slots} slots taken"
        if self.ours is None:
            place = self.desired.destination_arn if self.desired.role_arn else "the reflector"
            return f"no filter sends to {place}; {others}"
        pattern = _pattern(self.ours.filter_pattern)
        since = moment(self.ours.created)
        place = f" to {self.ours.destination_arn}" if self.desired.role_arn else ""
        return f"the filter {self.ours.name} sends {pattern}{place} since {since}; {others}"

    def _station(self, row: CoverageRow, fact: str) -> Station:
        if row.state == "covered":
            return ok("subscription", fact)
        if row.state == "excluded" and row.cause != "loop":
            return ok("subscription", f"{fact}, as the rules want")
        if row.state == "not_checked":
            return unknown("subscription", row.cause, row.reason)
        advice, command = ADVICE.get(row.cause, ("", ""))
        return problem("subscription", row.cause, f"{row.reason}; {fact}", advice=advice, command=command)


def excluded_and_delivered(rules: Station, subscription: Station) -> Station:
    """Return the station of the rules, without a problem if the log group's events are delivered although they leave it out."""
    return replace(rules, status="ok", cause="") if subscription.cause == "delivered" else rules


def unread_subscription(error: ReflectorError) -> Station:
    """Return the station of a subscription that could not be read. AWS refuses calls for a log group that it is deleting."""
    if error.code != "InvalidOperationException":
        return unread("subscription", error)
    return problem(
        "subscription",
        "in_deletion",
        f"AWS is deleting the log group: {error.message}",
        advice="Wait until it is gone. A new log group of that name is subscribed again.",
    )


def _pattern(pattern: str) -> str:
    return f"events that match {pattern!r}" if pattern else "every event"


def _others(filters: Iterable[SubscriptionFilter], desired: DesiredFilter) -> str:
    others = holders(item for item in filters if not desired.owns(item))
    return f"filters of others: {others}" if others else "no filter of others"
