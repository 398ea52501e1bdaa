# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber as the playbook deploys it: a burst, a sweep after lost events, tags, and groups that cannot be subscribed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from bursts import (
    DEAD_LETTERS,
    FUNCTION,
    WORK,
    Burst,
    burst,
    dead_letters,
    first_line,
    make_groups,
    wait_until_idle,
    waiting,
)
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Fault, Organization, RunningAws
from embedded_aws.population import FULL_GROUP, HALF_GROUP, foreign_state, populate
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, POLICY, REGIONS, Ansible, write_inventory

LOG = f"/aws/lambda/{FUNCTION}"
RETENTION_DAYS = 14
BURST = 45
MADE_UNSEEN, BARED = "/trail/off", "/burst/007"


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    organization = Organization(management=MANAGEMENT, members=(), regions=REGIONS[:1])
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        populate(running, MANAGEMENT, REGIONS[0], groups=2)
        yield running


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    folder = tmp_path_factory.mktemp("subscriber")
    inventory = write_inventory(
        folder,
        [(MANAGEMENT, REGIONS[0])],
        log_groups_exclude=EXCLUDE,
        subscriber_retention_days=RETENTION_DAYS,
        subscriber_slice_seconds=10,
    )
    return Ansible(aws.deploy_environment(), inventory, folder)


@pytest.fixture(scope="module")
def place(aws: RunningAws, ansible: Ansible) -> Deployed:
    """The target with everything deployed."""
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    return Deployed(aws, MANAGEMENT, REGIONS[0])


def filters(place: Deployed, group: str) -> list[dict[str, Any]]:
    """Return our filters on a log group."""
    found = place.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    return [item for item in found if item["destinationArn"].endswith(":log-reflector")]


def wait_until_subscribed(place: Deployed, group: str) -> None:
    wait_until(lambda: filters(place, group), f"a filter of ours on {group}", seen=lambda: reports(place)[-5:])


def wait_until_unsubscribed(place: Deployed, group: str) -> None:
    wait_until(
        lambda: not filters(place, group) and not place.subscription_tags(group),
        f"{group} without our filter and tag",
        seen=lambda: (filters(place, group), place.subscription_tags(group), reports(place)[-5:]),
    )


def retention(place: Deployed, group: str) -> int | None:
    groups = place.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return next(item.get("retentionInDays") for item in groups if item["logGroupName"] == group)


def reports(place: Deployed) -> list[dict[str, Any]]:
    """Return the reports in the function's log, in order."""
    return [json.loads(line) for line in place.log(LOG) if line.startswith("{")]


def lines(place: Deployed, group: str) -> list[str]:
    return [line["message"] for line in place.aws.sink.lines() if line.get("logGroup") == group]


@contextmanager
def trail_off(place: Deployed) -> Iterator[None]:
    """Drop the events of new log groups inside the block."""
    events = place.client("events")
    events.disable_rule(Name=FUNCTION)
    try:
        yield
        place.wait_until_idle()
    finally:
        events.enable_rule(Name=FUNCTION)


@contextmanager
def denied(place: Deployed, resource: str) -> Iterator[None]:
    """Deny the subscriber PutSubscriptionFilter on that group."""
    policy = {"Effect": "Deny", "Action": "logs:PutSubscriptionFilter", "Resource": resource}
    iam, role = place.client("iam"), {"RoleName": FUNCTION, "PolicyName": "somebody-elses"}
    iam.put_role_policy(**role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    try:
        yield
    finally:
        iam.delete_role_policy(**role)


@pytest.fixture(scope="module")
def told(place: Deployed) -> Burst:
    return burst(place, BURST)


def test_subscriber_burst_loses_no_group_and_no_first_line(place: Deployed, told: Burst) -> None:
    # Twice, if the filter and the subscriber's look at the log group had the line in different processes of the reflector.
    first_lines = told.first_lines(place)
    assert first_lines.keys() == set(told.groups)
    assert set(first_lines.values()) <= {1, 2}
    assert dead_letters(place) == 0
    assert [len(filters(place, group)) for group in told.groups] == [1] * BURST
    assert {retention(place, group) for group in told.groups} == {RETENTION_DAYS}
    announced = [report["log_group"] for report in reports(place) if report.get("log_group", "").startswith("/burst/")]
    assert len(announced) > BURST  # some events were delivered twice
    assert all(place.subscription_tags(group) for group in told.groups[:5])


def test_subscriber_chosen_retention_is_kept(place: Deployed) -> None:
    logs, group = place.client("logs"), "/chosen/retention"
    logs.create_log_group(logGroupName=group)
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    place.write(group, first_line(group))
    wait_until(lambda: lines(place, group), f"a line of {group} at the sink", seen=lambda: reports(place)[-5:])
    assert lines(place, group) == [first_line(group)]
    assert retention(place, group) == 3
    assert retention(place, "/aws/lambda/service-00") is None  # it existed before


@pytest.mark.usefixtures("told")
def test_group_that_is_excluded_later_is_no_longer_delivered(place: Deployed, ansible: Ansible) -> None:
    """Its filter stayed, its events were delivered, and verify passed."""
    logs, group = place.client("logs"), "/late/excluded"
    logs.create_log_group(logGroupName=group)
    wait_until_subscribed(place, group)
    wait_until(lambda: place.subscription_tags(group), f"the tag of {group}")
    exclude = {"log_groups_exclude": [*EXCLUDE, "/late/*"]}
    keep = {**exclude, "catch_up_purge": False}
    kept, verified = (ansible.run(f"logreflector.aws.{name}", extra=keep) for name in ("catch_up", "verify"))
    assert kept.status == 0, kept.output
    assert f"1 excluded log group still delivered: {group}" in kept.output
    assert verified.status != 0
    assert f"1 log group is excluded and still delivered, because catch_up_purge is false. The first: {group}" in (
        " ".join(verified.recap().split())
    )
    assert len(filters(place, group)) == 1
    removed = ansible.run("logreflector.aws.catch_up", extra=exclude)
    assert removed.status == 0, removed.output
    assert filters(place, group) == []
    assert not place.subscription_tags(group)
    wait_until_idle(place)


def test_subscriber_sweep_repairs_missed_groups_and_reports_coverage(place: Deployed) -> None:
    logs, foreign = place.client("logs"), foreign_state(place.aws, place.account, place.region)["filters"]
    with trail_off(place):
        make_groups(place, [MADE_UNSEEN, "/denied/unseen"])
    logs.delete_subscription_filter(logGroupName=BARED, filterName=filters(place, BARED)[0]["filterName"])
    place.write(BARED, "without a filter")
    assert filters(place, MADE_UNSEEN) == []
    place.aws.front.clear_journal()
    # Slow answers, so that this many groups are more than a slice.
    place.aws.front.add(Fault(kind="delay", operation="DescribeSubscriptionFilters", seconds=3.5, times=40))
    with denied(place, f"arn:aws:logs:*:{place.account}:log-group:/denied/*"):
        before = len(reports(place))
        place.aws.configure(schedule_speed=24 * 3600 / 20)  # a day of 20 seconds, which are over
        wait_until(
            lambda: waiting(place, WORK) or place.aws.front.calls(caller=subscriber(place)),
            "the message of the schedule",
        )
        place.aws.configure(schedule_speed=1.0)
        wait_until(
            lambda: any("Coverage" in report for report in reports(place)[before:]),
            "the coverage that a sweep reports",
            seen=lambda: reports(place)[before:],
            every=0.5,
        )
        wait_until_idle(place)
    said = reports(place)[before:]
    slices = [report for report in said if "slice" in report]
    assert [report["slice"] for report in slices] == list(range(1, len(slices) + 1))
    assert [report["outcome"] for report in slices] == ["continued"] * (len(slices) - 1) + ["ended"]
    assert len(slices) > 1
    (metrics,) = [report for report in said if "_aws" in report]
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    subscribed = sum(bool(filters(place, group)) for group in groups)
    assert metrics["Groups"] == len(groups)
    assert metrics["Subscribed"] == subscribed == metrics["ShouldBeSubscribed"] - 3
    assert (metrics["NotPossibleSlots"], metrics["NotPossibleClass"], metrics["Failed"]) == (1, 1, 1)
    assert metrics["Coverage"] == round(100 * subscribed / (subscribed + 3), 2)
    assert len(filters(place, BARED)) == len(filters(place, MADE_UNSEEN)) == 1
    assert lines(place, MADE_UNSEEN) == [first_line(MADE_UNSEEN)]
    assert retention(place, MADE_UNSEEN) == RETENTION_DAYS
    # A group younger than two days counts as new: it is unknown since when its filter is missing, so all its events are sent.
    assert set(lines(place, BARED)) == {first_line(BARED), "without a filter"}
    assert foreign_state(place.aws, place.account, place.region)["filters"] == foreign
    assert dead_letters(place) == 0


def subscriber(place: Deployed) -> str:
    """Return the subscriber's caller ARN in the front's journal."""
    return f"arn:aws:sts::{place.account}:assumed-role/{FUNCTION}/{FUNCTION}"


def test_subscriber_denied_group_is_given_up_and_blocks_no_other(place: Deployed) -> None:
    group, others = "/denied/for-good", ["/fine/beside", "/fine/later"]
    # On AWS a failed message is visible again after 30 seconds. Here it is visible as soon as the others are done.
    place.aws.configure(longest_hidden=20.0)
    try:
        with denied(place, f"arn:aws:logs:*:{place.account}:log-group:/denied/*"):
            make_groups(place, [group, others[0]])
            wait_until_subscribed(place, others[0])
            make_groups(place, others[1:])
            wait_until_subscribed(place, others[1])
            assert dead_letters(place) == 0  # the denied group is still retried
            place.aws.configure(longest_hidden=2.5)
            wait_until(
                lambda: waiting(place, DEAD_LETTERS[1]) == 1,
                f"the event of {group} in {DEAD_LETTERS[1]}",
                seen=lambda: [report for report in reports(place) if report.get("log_group") == group],
            )
            wait_until_idle(place)
            assert [lines(place, other) for other in others] == [[first_line(other)] for other in others]
    finally:
        place.aws.configure(longest_hidden=43_200.0)
    assert filters(place, group) == []
    sqs = place.client("sqs")
    url = sqs.get_queue_url(QueueName=DEAD_LETTERS[1])["QueueUrl"]
    (letter,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(letter["Body"])["detail"]["requestParameters"]["logGroupName"] == group
    failed = [report for report in reports(place) if report.get("log_group") == group]
    assert len(failed) == 10
    assert all(re.search(r"logs:PutSubscriptionFilter", report["reason"]) for report in failed)
    sqs.purge_queue(QueueUrl=url)


def test_subscriber_tag_changes_add_and_remove_filters(place: Deployed, ansible: Ansible) -> None:
    logs, team = place.client("logs"), "/team/with-a-filter"
    theirs = f"arn:aws:lambda:{place.region}:{place.account}:function:other-team-shipper"
    run = ansible.run("logreflector.aws.deploy", extra={"log_groups_include_tags": {"forward-logs": ["yes"]}})
    assert run.status == 0, run.output
    logs.create_log_group(logGroupName=team)
    logs.put_subscription_filter(logGroupName=team, filterName="theirs", filterPattern="", destinationArn=theirs)
    logs.create_log_group(logGroupName="/team/born-with-it", tags={"forward-logs": "yes"})
    wait_until_subscribed(place, "/team/born-with-it")
    assert filters(place, team) == []
    arn = f"arn:aws:logs:{place.region}:{place.account}:log-group:{team}"
    logs.tag_resource(resourceArn=arn, tags={"forward-logs": "yes"})
    wait_until(
        lambda: filters(place, team) and place.subscription_tags(team),
        f"filter and tag of {team}",
        seen=lambda: reports(place)[-5:],
    )
    logs.tag_resource(resourceArn=arn, tags={"cost-centre": "12"})
    logs.tag_resource(resourceArn=arn, tags={"forward-logs": "no"})
    wait_until_unsubscribed(place, team)
    logs.tag_resource(resourceArn=arn, tags={"forward-logs": "yes"})
    wait_until_subscribed(place, team)
    logs.untag_resource(resourceArn=arn, tagKeys=["forward-logs"])
    wait_until_unsubscribed(place, team)
    left = logs.describe_subscription_filters(logGroupName=team)["subscriptionFilters"]
    assert [item["filterName"] for item in left] == ["theirs"]
    for group in (FULL_GROUP, HALF_GROUP):
        assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    wait_until_idle(place)
    assert dead_letters(place) == 0
