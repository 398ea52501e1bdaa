# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements with log groups alone: tags, events of new log groups, reading of log events."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from functools import partial

from ansible_collections.logreflector.aws.plugins.module_utils._errors import ReflectorError
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import DEFAULT_SLOTS
from ansible_collections.logreflector.aws.plugins.module_utils._resources.trails import check_trail
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.backfill import READABLE_MS
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi
from botocore.exceptions import ClientError
from embedded_aws.settings import Settings

from ..lab import TAG_KEY, Lab, NotInTimeError, Queue
from ..results import Finding, as_assumed, differs, judge_delay, measurement, not_measured, span

SIMULATED = Settings.like_aws(1, seed=1)
"""The delays that the project's tests simulate."""

LONGEST_EVENT_SECONDS = SIMULATED.event_delay + SIMULATED.event_jitter
READABLE_SECONDS = READABLE_MS / 1000
_MOST_SLOTS = 20  # a bound for the test, above any quota that AWS ever had


@measurement("tag-filter", "ListLogGroups with a tag returns only log groups that carry the tag.")
def tag_filter(lab: Lab) -> Finding:
    """List by a value that no log group has, and by one that a single log group has."""
    api = LogsApi(lab.client("logs"))
    if not api.can_list_by_tag:
        return not_measured("this botocore cannot list log groups by tag", "Install a newer boto3.")
    group = lab.log_group("tag-filter", tags={TAG_KEY: lab.run_id})
    impossible = _listed(lab, f"{lab.run_id}-nobody")
    if impossible:
        text = f"{len(impossible)} log groups returned for a value that no log group has"
        return differs(
            text, "The probe finds that: sweeps read each log group instead. Nothing is lost; sweeps are slow."
        )
    try:
        found = lab.wait("the log group with the tag is listed", lambda: _listed(lab, lab.run_id))
    except NotInTimeError as error:
        return not_measured(str(error), "Run it again with a larger --wait-seconds.")
    if found != {group}:
        return differs(f"listed {', '.join(sorted(found))}", "Please report it to the project.")
    return as_assumed("no log group for an impossible value, the right one for another")


def _listed(lab: Lab, value: str) -> set[str]:
    answer = lab.client("logs").list_log_groups(logGroupTags=[{"key": TAG_KEY, "values": [value]}], limit=1000)
    return {each["logGroupName"] for each in answer["logGroups"]}


@measurement(
    "tag-delay", f"ListLogGroups knows a changed tag within {SIMULATED.tag_delay:g} s (simulated; AWS says nothing)."
)
def tag_delay(lab: Lab) -> Finding:
    """Tag log groups and remove the tag."""
    if not LogsApi(lab.client("logs")).can_list_by_tag:
        return not_measured("this botocore cannot list log groups by tag", "Install a newer boto3.")
    group, value, logs = lab.log_group("tag-delay"), f"{lab.run_id}-late", lab.client("logs")
    arn = lab.log_group_arn(group)
    delays: list[float | None] = []
    for number in range(int(lab.limits.samples)):
        is_listed = partial(_is_listed, lab, group, f"{value}-{number}")
        delays.append(
            _seconds_until(
                lab, partial(logs.tag_resource, resourceArn=arn, tags={TAG_KEY: f"{value}-{number}"}), is_listed
            )
        )
        delays.append(
            _seconds_until(
                lab,
                partial(logs.untag_resource, resourceArn=arn, tagKeys=[TAG_KEY]),
                lambda is_listed=is_listed: not is_listed(),  # type: ignore[misc]
            )
        )
    advice = "Nothing is lost: a log group whose tag is not listed yet is read once more, or by the next audit."
    return judge_delay("listed", _complete(delays), SIMULATED.tag_delay, lab.limits.wait_seconds, advice)


def _is_listed(lab: Lab, group: str, value: str) -> bool:
    return group in _listed(lab, value)


def _seconds_until(lab: Lab, act: Callable[[], object], is_true: Callable[[], bool]) -> float | None:
    """Return the seconds from before an act until something is true, None if it is not in time."""
    began = time.monotonic()
    act()
    try:
        lab.wait("", is_true)
    except NotInTimeError:
        return None
    return time.monotonic() - began


def _complete(delays: Sequence[float | None]) -> list[float]:
    """Return the delays, [] if one is missing."""
    found = [each for each in delays if each is not None]
    return found if len(found) == len(delays) else []


@measurement(
    "event-delay",
    f"CloudTrail's event of CreateLogGroup arrives within {LONGEST_EVENT_SECONDS:g} s (simulated; AWS: best effort).",
)
def event_delay(lab: Lab) -> Finding:
    """Create log groups, and receive their events through a rule and a queue."""
    try:
        note = check_trail(lab.target)
    except ReflectorError as error:
        return not_measured(f"no event can come: {error.message}", error.advice)
    queue = _queue_of_events(lab)
    began = {}
    for number in range(int(lab.limits.samples)):
        now = time.monotonic()
        began[lab.log_group(f"event-{number}")] = now
    arrived = _arrivals(lab, queue, began)
    advice = (
        "Nothing is lost, because a new log group's first events are backfilled and the daily sweep finds it. If events"
        " come late or never, run the delivery check with a larger timeout."
    )
    if arrived and len(arrived) < len(began):
        text = f"{len(arrived)} of {len(began)} events came, after {span(list(arrived.values()))}"
        waited = lab.limits.wait_seconds
        judge = differs if waited >= LONGEST_EVENT_SECONDS else not_measured
        return judge(f"{text}; the others not within {waited:g} s", advice, seconds=list(arrived.values()))
    what = f"{len(began)} events" if arrived else f"{len(began)} events{f' ({note})' if note else ''}"
    return judge_delay(what, list(arrived.values()), LONGEST_EVENT_SECONDS, lab.limits.wait_seconds, advice)


def _queue_of_events(lab: Lab) -> Queue:
    """Create a rule for this run's new log groups, and the queue that it sends to."""
    rule = lab.name("rule", "new-groups")
    queue = lab.queue("new-groups", event_rules=(rule,))
    prefix = rule.removesuffix("new-groups")
    pattern = {
        "source": ["aws.logs"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventName": ["CreateLogGroup"], "requestParameters": {"logGroupName": [{"prefix": prefix}]}},
    }
    lab.client("events").put_rule(Name=rule, EventPattern=json.dumps(pattern), State="ENABLED")
    lab.client("events").put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": queue.arn}])
    return queue


def _arrivals(lab: Lab, queue: Queue, began: dict[str, float]) -> dict[str, float]:
    """Return the seconds from each log group's creation to its event, as far as events come in time."""
    arrived: dict[str, float] = {}

    def receive() -> bool:
        for event in lab.receive(queue):
            group = event["detail"]["requestParameters"]["logGroupName"]
            if group in began:
                arrived.setdefault(group, time.monotonic() - began[group])
        return len(arrived) == len(began)

    with contextlib.suppress(NotInTimeError):
        lab.wait("the events", receive)
    return arrived


@measurement("read-lag", f"FilterLogEvents finds an event within {READABLE_SECONDS:g} s (AWS documents no figure).")
def read_lag(lab: Lab) -> Finding:
    """Write log events and read them."""
    group = lab.log_group("read-lag")
    delays = []
    for number in range(int(lab.limits.samples)):
        line = f"line {number}"
        delays.append(_seconds_until(lab, partial(lab.write, group, line), partial(_is_found, lab, group, line)))
    advice = (
        "The backfill of new log groups reads twice, the second time half a minute later. If events take longer than that,"
        " please report it: READABLE_MS in _subscriptions/backfill.py is too short."
    )
    return judge_delay("found", _complete(delays), READABLE_SECONDS, lab.limits.wait_seconds, advice)


def _is_found(lab: Lab, group: str, line: str) -> bool:
    events = lab.client("logs").filter_log_events(logGroupName=group)["events"]
    return line in {each["message"] for each in events}


@measurement("filter-slots", f"A log group has room for {DEFAULT_SLOTS} subscription filters.")
def filter_slots(lab: Lab) -> Finding:
    """Subscribe a log group of its own until AWS refuses. The pattern matches no event."""
    lab.allow_logs()
    group, logs = lab.log_group("slots"), lab.client("logs")
    for number in range(_MOST_SLOTS):
        try:
            lab.put_filter(group, f"check-{number}", f'"{lab.run_id}-nothing"')
        except ClientError as error:
            if error.response["Error"]["Code"] != "LimitExceededException":
                raise
            break
    found = len(logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"])
    if found == DEFAULT_SLOTS:
        return as_assumed(f"{found} filters", slots=found)
    return differs(f"{found} filters", f"Set log_groups_slots: {found} in the inventory.", slots=found)


MEASUREMENTS = (tag_filter, tag_delay, event_delay, read_lag, filter_slots)
