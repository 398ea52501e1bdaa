# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reasons for and against each way to forward the logs of a target."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Literal

from ...module_utils._parts.volume.figures import DAYS_A_MONTH
from ...module_utils._subscriptions.account_policy import CRITERIA_BYTES
from ...module_utils._subscriptions.rate_limiter import seconds_for
from .._cost.text import volume
from .facts import Context, Facts

Effect = Literal["for", "note", "change", "unknown", "against"]
"""for          speaks for the way
note        a drawback that prevents nothing
change      something has to change before the way fits
unknown     a fact that matters was not read
against     the way does not fit
"""

COPIED_A_SECOND = 2.5e9
"""Bytes that AWS copies to a region for the whole organisation (CloudWatch Logs User Guide, centralization). Not adjustable."""

_PEAK = 10
"""Peaks that are this many times the average are taken to be possible."""
_MANY = 5000
_OBJECTS = ("firehose", "s3")


@dataclass(frozen=True, slots=True)
class Point:
    """One reason.

    key     for programs
    change  what has to change, "" if nothing has
    """

    effect: Effect
    key: str
    sentence: str
    change: str = ""

    def plain(self) -> dict[str, str]:
        """Return the reason for JSON."""
        return asdict(self)


Points = Iterator[Point]


def _filters(facts: Facts, context: Context) -> Points:
    del context
    if not (yield from _listed(facts)):
        return
    yield from _classes(facts)
    yield from _slots(facts)
    if facts.trail is None:
        yield Point("unknown", "trail", "Whether a trail logs the creation of log groups was not read.")
    elif not facts.trail:
        change = "Create a CloudTrail trail that logs write management events."
        yield Point(
            "change", "trail", "No trail logs the creation of log groups, so new ones wait for a sweep.", change
        )
    groups = facts.groups.chosen if facts.groups else 0
    seconds = seconds_for({"DescribeSubscriptionFilters": groups, "PutSubscriptionFilter": groups})
    sentence = f"The first deployment subscribes {_count(groups)} in {_minutes(seconds)} at AWS's rates."
    yield Point("note" if groups > _MANY else "for", "number", sentence)
    if _narrows(facts):
        yield Point("for", "rules", "The rules hold for each new log group at once.")


def _account_policy(facts: Facts, context: Context) -> Points:
    del context
    if not (yield from _listed(facts)):
        return
    yield from _classes(facts)
    if facts.policy is None:
        yield Point("unknown", "account_policy", "The account policy was not read.")
    elif facts.policy == "foreign":
        yield Point("against", "account_policy", "Others have the only account policy of this account and region.")
    elif facts.policy == "refused":
        yield Point("against", "account_policy", "AWS refuses account policies for subscriptions here.")
    if facts.groups and facts.groups.excluded_bytes > CRITERIA_BYTES:
        sentence = (
            f"The exact names of {_count(facts.groups.excluded)} that the rules exclude take"
            f" {facts.groups.excluded_bytes:,} bytes, and AWS takes {CRITERIA_BYTES:,}."
        )
        yield Point("against", "policy_size", sentence)
    if facts.rules is None:
        yield Point("unknown", "rules", "The rules for log groups were not read.")
    elif _narrows(facts):
        change = (
            "Run deploy or catch_up on a schedule: each run stores the names of new log groups that the rules exclude."
        )
        yield Point("change", "rules", "A new log group that the rules exclude is served until the next run.", change)
    yield Point(
        "for", "new_groups", "New log groups are served from their first event, without slots and without a trail."
    )


def _centralized(facts: Facts, context: Context) -> Points:
    if facts.is_destination:
        yield Point("against", "destination", "A rule copies to this target.")
        return
    if not (yield from _listed(facts)):
        return
    if not facts.partition:
        yield Point("unknown", "partition", "The partition was not read.")
    elif facts.partition != "aws":
        yield Point("against", "partition", f"AWS offers no centralization of logs in the partition {facts.partition}.")
    yield from _organization(context)
    yield from _names(facts)
    yield from _classes(facts)
    if facts.groups and facts.groups.encrypted:
        sentence = (
            f"{_count(facts.groups.encrypted)} with a customer managed key: the copies have AWS's key or kms_key_arn."
        )
        yield Point("note", "kms", sentence)
    yield from _throughput(context)
    yield Point("note", "history", "AWS copies no event from before the rule.")
    yield Point(
        "for",
        "members",
        f"Nothing is deployed in the {_accounts(context.accounts)}, and new log groups are copied at once.",
    )


def _firehose(facts: Facts, context: Context) -> Points:
    del context
    if facts.sinks is None or facts.routes is None:
        yield Point("unknown", "sinks", "The sinks were not read.")
        return
    if others := [kind for kind in facts.sinks if kind not in _OBJECTS]:
        yield Point("against", "sinks", f"Firehose to S3 does not serve the sinks of type {', '.join(others)}.")
    elif not facts.sinks:
        yield Point("against", "sinks", "No sink is configured that Firehose to S3 could replace.")
    if facts.routes:
        yield Point("against", "routes", "The routes filter, distribute or redact events, and Firehose does not.")
    yield from _slots(facts)
    yield Point(
        "note",
        "proof",
        "There are no dead letters, no replay and no report, and new log groups are yours to subscribe.",
    )
    if facts.sinks and not others and not facts.routes:
        yield Point("for", "sinks", "All events go to S3 or Firehose as they are, which needs no function.")


WAYS: Mapping[str, Callable[[Facts, Context], Points]] = {
    "filters": _filters,
    "account_policy": _account_policy,
    "centralized": _centralized,
    "firehose": _firehose,
}
"""The ways to forward, by the names that the estimates of their cost have."""


def points_of(way: str, facts: Facts, context: Context) -> tuple[Point, ...]:
    """Return all reasons for and against a way. There is at least one."""
    return tuple(WAYS[way](facts, context))


def _listed(facts: Facts) -> Generator[Point, None, bool]:
    """Yield a reason and return False if the log groups were not read."""
    if facts.groups is not None:
        return True
    yield Point("unknown", "log_groups", "The log groups were not read.")
    return False


def _classes(facts: Facts) -> Points:
    """Yield what no way serves."""
    for log_class, number in sorted((facts.groups.classes if facts.groups else {}).items()):
        if log_class == "DELIVERY":
            change = "Set log_groups_delivery_stream to serve them by Firehose in the mode filters."
            yield Point("note", "class", f"{_count(number)} of the class DELIVERY accept Firehose and S3 only.", change)
        else:
            change = "Create them anew as STANDARD."
            yield Point(
                "note", "class", f"{_count(number)} of the class {log_class} take no subscription in any mode.", change
            )


def _slots(facts: Facts) -> Points:
    slots = facts.slots
    if slots is None:
        yield Point("unknown", "slots", "The filters of the log groups were not read.")
        return
    if slots.full:
        sentence = f"{slots.full:,} of {_count(slots.read)} that were read have no free slot for a filter."
        yield Point("change", "slots", sentence, "Have the owners remove a filter from each of them.")
    if slots.read < slots.to_read:
        sentence = f"The slots of {slots.to_read - slots.read:,} more log groups are not known."
        yield Point("note", "slots_unread", sentence, "Read them all with -e preflight_slots=true.")


def _organization(context: Context) -> Points:
    if context.accounts < 2:
        yield Point("against", "accounts", "The run has one account, so there is nothing to centralize.")
    elif not context.in_organization:
        change = "Use the inventory plugin logreflector.aws.organization, or set centralization_administrator."
        yield Point("unknown", "organization", "Whether the accounts belong to an organisation is not known.", change)
    if not context.has_destination:
        change = "Choose an account and region for the copies: -e advise_destination=HOST."
        yield Point("change", "destination", "No destination for the copies is named.", change)


def _names(facts: Facts) -> Points:
    """Yield what the rules have that AWS's rules cannot express."""
    rules = facts.rules
    if rules is None:
        yield Point("unknown", "rules", "The rules for log groups were not read.")
        return
    for key, word in (("tags", "tags"), ("dates", "dates of creation")):
        if rules[key]:
            change = "Describe the log groups by names."
            yield Point(
                "change", key, f"The rules choose log groups by {word}, and AWS's rules know names only.", change
            )
    if not rules["plain_names"]:
        change = "Write names with no other pattern than *, up to 2,000 characters together."
        yield Point("change", "names", "AWS's rules cannot have the names in the rules.", change)


def _throughput(context: Context) -> Points:
    written = context.bytes
    if written is None or written.high is None:
        yield Point(
            "note", "volume", "The volume of all targets is not known, and AWS copies up to 2.5 GB/s to a region."
        )
        return
    average = written.high / (DAYS_A_MONTH * 86_400)
    if average > COPIED_A_SECOND:
        sentence = (
            f"All targets write {volume(written)} a month, which is above the 2.5 GB/s that AWS copies to a region."
        )
        yield Point("change", "volume", sentence, "Copy to several destination regions.")
    elif average * _PEAK > COPIED_A_SECOND:
        yield Point(
            "note", "volume", "Peaks may be above the 2.5 GB/s that AWS copies to a region. Their events are late."
        )


def _narrows(facts: Facts) -> bool:
    """Return whether the rules leave out log groups by name, tag or date."""
    rules = facts.rules or {}
    return any(rules.get(key) for key in ("names", "tags", "dates"))


def _count(number: int) -> str:
    return "1 log group" if number == 1 else f"{number:,} log groups"


def _accounts(number: int) -> str:
    return "1 account" if number == 1 else f"{number:,} accounts"


def _minutes(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"about {ceil(seconds / 60):,} minutes"
