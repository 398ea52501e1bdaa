# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log groups of a target: which of them cannot be subscribed, who else subscribes them, and how long the catch-up takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

from ..._errors import AccessDeniedError, AwsError, LimitReachedError, NotFoundError, ReflectorError
from ..._plan import Params
from ..._resources.subscriptions.account_subscription_policy import NAME
from ..._resources.subscriptions.shared import logs_api, target_choice
from ..._resources.subscriptions.subscription_filters import desired_filter
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicy, AccountPolicyApi, refuse_foreign
from ..._subscriptions.calls import CannotListByTagError, LogsApi
from ..._subscriptions.choice import Choice
from ..._subscriptions.filters import DELIVERY, DesiredFilter, SubscriptionFilter, holders
from ..._subscriptions.listing import list_tags
from ..._subscriptions.rate_limiter import seconds_for
from .facts import PolicyFact, filter_facts, group_facts, policy_fact
from .findings import Finding, examples, from_error, note, problem, warning

SAMPLE = 25
"""Log groups whose filters are read without preflight_slots: five seconds at AWS's rate."""

_UNREAD: dict[str, Any] = {"log_groups": None, "filters": None, "account_policy": None}
_PAGE = 50  # log groups in an answer of DescribeLogGroups
_CHUNK = 100


@dataclass(slots=True)
class Groups:
    """The log groups of a target, from their listing.

    chosen      the log groups that the rules choose, and that can have a filter
    excluded    the log groups that the rules leave out
    classes     the chosen log groups that take no filter, by class
    tagged      the log groups with our subscription tag; None if that was not read
    encrypted   number of chosen log groups with a customer managed KMS key
    """

    total: int = 0
    chosen: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    classes: dict[str, list[str]] = field(default_factory=dict)
    tagged: frozenset[str] | None = None
    encrypted: int = 0

    @property
    def to_read(self) -> list[str]:
        """The chosen log groups that a catch-up reads one by one."""
        return [name for name in self.chosen if name not in (self.tagged or ())]


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """The options that the checks of log groups need.

    reads_all   whether to read the filters of all log groups, not only of a sample
    """

    params: Params
    mode: str
    reads_all: bool


@dataclass(frozen=True, slots=True)
class GroupFindings:
    """The result of the checks of log groups.

    seconds     that the catch-up takes; None if the log groups were not read
    example     a log group that gets a filter, "" if none does
    facts       log_groups, filters and account_policy (see facts.py); None for what was not read
    """

    findings: list[Finding]
    facts: dict[str, Any] = field(default_factory=lambda: dict(_UNREAD))
    seconds: float | None = None
    example: str = ""


def check_groups(target: Target, options: GroupOptions) -> GroupFindings:
    """Read the log groups of a target, and the filters of those that the catch-up would read, or of a sample."""
    api = logs_api(target, options.params)
    try:
        desired = desired_filter(target, options.params)
        groups = read_groups(
            api, target_choice(target, options.params, desired.destination_arn), desired, options.params
        )
    except ReflectorError as error:
        return GroupFindings([from_error("not_checked", "slots", error)])
    policy, policy_found = _policy_findings(api, options, desired, groups)
    found = [*class_findings(groups.classes), *policy_found]
    listed = group_facts(groups.total, len(groups.chosen), groups.excluded, groups.classes, groups.encrypted)
    facts = {**_UNREAD, "log_groups": listed, "account_policy": policy}
    if options.mode == "account_policy":
        return GroupFindings(found, facts, 0.0)
    filters, unread = read_filters(target, api, groups, reads_all=options.reads_all)
    found += slot_findings(filters, desired, options.params["on_full"])
    found += forwarder_findings(filters, desired)
    found += unread_findings(len(groups.to_read), len(filters), unread)
    seconds = catch_up_seconds(groups, audit=options.params["audit"], share=options.params["rate_share"])
    found += duration_findings(len(groups.chosen), seconds, options.params)
    facts["filters"] = filter_facts(filters, len(groups.to_read), desired, failed=bool(unread))
    return GroupFindings(found, facts, seconds, next(iter(groups.to_read), ""))


def read_groups(api: LogsApi, choice: Choice, desired: DesiredFilter, params: Params) -> Groups:
    """List the log groups: 50 a call, and those with our tag and with the chosen tags a thousand a call."""
    found = Groups()
    listed, _notes = list_tags(api, choice)
    key, value = desired.subscription_tag
    if params["tag_log_groups"] and not params["audit"]:
        try:
            found.tagged = frozenset(api.tagged({key: [value]}))
        except (AccessDeniedError, CannotListByTagError):
            found.tagged = None
    for group in api.groups():
        found.total += 1
        exclusion = choice.exclusion(group) or listed.exclusion(group.name)
        if exclusion is None:
            found.chosen.append(group.name)
            found.encrypted += group.encrypted
        elif exclusion.cause == "class":
            found.classes.setdefault(group.log_class, []).append(group.name)
        else:
            found.excluded.append(group.name)
    return found


def class_findings(classes: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Return a warning for the log groups of each class that takes no filter."""
    usual = "AWS cannot change the class. Exclude them (log_groups_exclude), or create them anew as STANDARD."
    to_firehose = "Set log_groups_delivery_stream to subscribe them to Firehose, or exclude them (log_groups_exclude)."
    return [
        warning(
            "log_class",
            f"{_groups(len(names))} of the class {log_class} cannot be subscribed: {examples(names)}",
            to_firehose if log_class == DELIVERY else usual,
        )
        for log_class, names in sorted(classes.items())
    ]


def _policy_findings(
    api: LogsApi, options: GroupOptions, desired: DesiredFilter, groups: Groups
) -> tuple[PolicyFact | None, list[Finding]]:
    """Read the account policy: one call. Return what it is, None if that is unknown, and the findings."""
    is_needed = options.mode == "account_policy"
    try:
        policy = AccountPolicyApi(api, RetryPolicy(seconds=0)).read()
    except AwsError as error:  # a region or a partition without such policies
        return "refused", [from_error("problem", "account_policy", error)] if is_needed else []
    except ReflectorError as error:
        return None, [from_error("not_checked", "account_policy", error)]
    found = policy_findings(policy, desired.destination_arn, groups.excluded, is_needed=is_needed)
    return policy_fact(policy, desired.destination_arn), found


def policy_findings(
    policy: AccountPolicy | None, reflector: str, excluded: Iterable[str], *, is_needed: bool
) -> list[Finding]:
    """Return what the account policy means for the deployment.

    excluded    the log groups that our policy would have to name
    is_needed   whether the deployment serves the target by a policy
    """
    is_foreign = policy is not None and policy.destination_arn != reflector
    if policy and is_foreign and is_needed:
        return [from_error("problem", "account_policy", refuse_foreign(policy))]
    if policy and is_foreign:
        destination = policy.destination_arn or "an unknown destination"
        return [
            note("forwarders", f"the account policy {policy.name} of others sends every log group to {destination}")
        ]
    if not is_needed:
        return []
    try:
        AccountPolicy(NAME, reflector, excluded=frozenset(excluded)).check_size()
    except LimitReachedError as error:
        return [from_error("problem", "policy_size", error)]
    return []


Filters = Mapping[str, Sequence[SubscriptionFilter]]
"""The filters by log group."""


def read_filters(
    target: Target, api: LogsApi, groups: Groups, *, reads_all: bool
) -> tuple[Filters, list[ReflectorError]]:
    """Return the filters of all log groups that a catch-up would read, or of a sample; and the errors of those that failed.

    The sample is spread over the names.
    """
    names = groups.to_read if reads_all else sample(groups.to_read)
    found: dict[str, Sequence[SubscriptionFilter]] = {}
    errors: list[ReflectorError] = []
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        for name, answer in zip(chunk, target.together(*(partial(_read, api, name) for name in chunk)), strict=True):
            if isinstance(answer, NotFoundError):  # deleted meanwhile
                found[name] = ()
            elif isinstance(answer, ReflectorError):
                errors.append(answer)
            else:
                found[name] = answer
        if errors and len(errors) == len(chunk):  # nobody may read them
            break
    return found, errors


def _read(api: LogsApi, name: str) -> list[SubscriptionFilter] | ReflectorError:
    try:
        return api.filters(name)
    except ReflectorError as error:
        return error


def sample(names: Sequence[str], most: int = SAMPLE) -> list[str]:
    """Return at most so many names, evenly spread."""
    if len(names) <= most:
        return list(names)
    return [names[number * len(names) // most] for number in range(most)]


def slot_findings(filters: Filters, desired: DesiredFilter, on_full: str) -> list[Finding]:
    """Return the log groups whose slots are all taken by others, and by whom."""
    full = {
        name: items
        for name, items in filters.items()
        if len(items) >= desired.slots and not any(map(desired.owns, items))
    }
    if not full:
        return []
    first, items = next(iter(full.items()))
    held = f"the slots of {first} are held by {holders(items)}"
    sentence = f"{_groups(len(full))} without a free slot: {examples(full)}; {held}"
    if on_full == "fail":
        return [problem("slots", sentence, "Have an owner remove a filter, or set catch_up_on_full: report.")]
    if on_full == "account_policy":
        return [warning("slots", f"{sentence}; the whole target will switch to the account policy", "")]
    advice = (
        "Have an owner remove a filter, or serve the target by an account policy: catch_up_on_full: account_policy."
    )
    return [warning("slots", sentence, advice)]


def forwarder_findings(filters: Filters, desired: DesiredFilter) -> list[Finding]:
    """Return the other destinations of the log groups that were read, the most frequent first."""
    counts = Counter(
        destination
        for items in filters.values()
        for destination in {item.destination_arn for item in items if not desired.owns(item)}
    )
    if not counts:
        return []
    listed = [f"{destination} ({_groups(number)})" for destination, number in counts.most_common()]
    sentence = f"others already forward log groups that were read: {examples(listed)}"
    return [
        note("forwarders", sentence, "Their events are then paid for and stored more than once. Their filters stay.")
    ]


def unread_findings(to_read: int, read: int, errors: Sequence[ReflectorError]) -> list[Finding]:
    """Return which part of the log groups was not read."""
    if errors:
        return [from_error("not_checked", "slots", errors[0])]
    if read >= to_read:
        return []
    minutes = _minutes(seconds_for({"DescribeSubscriptionFilters": to_read}))
    sentence = f"the filters of {read:,} of {to_read:,} log groups were read, the slots of the others are not known"
    return [note("slots", sentence, f"Read all with -e preflight_slots=true, which takes {minutes}.")]


def catch_up_seconds(groups: Groups, *, audit: bool, share: float) -> float:
    """Return how long the catch-up takes at AWS's rates if every log group that is to be read needs a filter."""
    new = len(groups.to_read)
    calls = {
        "DescribeLogGroups": ceil(groups.total / _PAGE),
        "DescribeSubscriptionFilters": len(groups.chosen) if audit else new,
        "PutSubscriptionFilter": new,
        "TagResource": new,
    }
    return seconds_for(calls, share)


def duration_findings(chosen: int, seconds: float, params: Params) -> list[Finding]:
    """Return how long the catch-up takes, if that is long, or longer than allowed."""
    limit = params["max_seconds"]
    sentence = f"the catch-up of {_groups(chosen)} takes up to {_minutes(seconds)} at AWS's rates"
    if limit is not None and seconds > limit:
        more = f"{sentence}, and catch_up_max_seconds is {limit:,}"
        advice = "Raise it, or run the catch-up again until it is complete: each run continues."
        return [(problem if params.get("must_complete") else warning)("duration", more, advice)]
    return [note("duration", sentence)] if seconds >= 60 else []


def _minutes(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"about {ceil(seconds / 60):,} minutes"


def _groups(number: int) -> str:
    return "1 log group" if number == 1 else f"{number:,} log groups"
