# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notifications of a deployed subscriber: from PutEvents through a rule to a queue, with the function's own permissions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import (
    FleetReport,
    TargetReport,
    sort_targets,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.records import lines
from bursts import waiting
from deployed import QUEUE, Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import HALF_GROUP, populate
from jsonschema import Draft202012Validator
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, POLICY, REGIONS, ROOT, Ansible, write_inventory

FUNCTION = "log-reflector-subscriber"
REPAIRED, SILENT = "/aws/lambda/service-00", "/silent/source"
ALARMS = {
    f"{FUNCTION}-{name}"
    for name in ("coverage-changed", "sources-silent", "dead-letters-growing", "notifications-failed")
}
CALLS = ("PutEvents", "ListMetrics", "GetMetricData", "GetLogEvents")
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "notify.schema.json").read_text(encoding="utf-8")))
_minutes = itertools.count()


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    organization = Organization(management=MANAGEMENT, members=(), regions=REGIONS[:1])
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        populate(running, MANAGEMENT, REGIONS[0], groups=3)
        yield running


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    folder = tmp_path_factory.mktemp("notify")
    inventory = write_inventory(folder, [(MANAGEMENT, REGIONS[0])], log_groups_exclude=EXCLUDE, subscriber_notify=True)
    return Ansible(aws.deploy_environment(), inventory, folder)


@pytest.fixture(scope="module")
def place(aws: RunningAws, ansible: Ansible) -> Deployed:
    """The target with everything deployed, and a queue that receives the notifications by a rule."""
    place = Deployed(aws, MANAGEMENT, REGIONS[0])
    place.client("logs").create_log_group(logGroupName=SILENT)
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    events = place.client("events")
    rule = events.put_rule(Name="notifications", EventPattern=json.dumps({"source": ["logreflector.aws"]}))["RuleArn"]
    arn = make_queue(place, "notifications", "events.amazonaws.com", rule)
    assert events.put_targets(Rule="notifications", Targets=[{"Id": "queue", "Arn": arn}])["FailedEntryCount"] == 0
    return place


def make_queue(place: Deployed, name: str, service: str, source: str) -> str:
    """Create a queue that takes messages of the service for the source. Return its ARN."""
    arn = f"arn:aws:sqs:{place.region}:{place.account}:{name}"
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    place.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})
    return arn


def sweep(place: Deployed) -> dict[str, Any]:
    """Run a sweep, as the schedule starts it. Return its report."""
    moment = datetime.now(UTC) - timedelta(hours=1) + timedelta(minutes=next(_minutes))
    event = {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "account": place.account,
        "region": place.region,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {},
    }
    answer = place.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    assert report.get("outcome") == "ended", report
    return report


def received(place: Deployed, number: int = 0) -> dict[str, dict[str, Any]]:
    """Return the notifications in the queue by detail-type, and empty it. Each follows its schema.

    number  of the notifications to wait for
    """
    wait_until(lambda: waiting(place, "notifications") >= number, f"{number} notifications")
    sqs = place.client("sqs")
    url = sqs.get_queue_url(QueueName="notifications")["QueueUrl"]
    found = {}
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            event = json.loads(message["Body"])
            SCHEMA.validate(event)
            assert (event["account"], event["region"]) == (place.account, place.region)
            assert event["detail-type"] not in found
            found[event["detail-type"]] = event["detail"]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def names_in(listed: dict[str, Any]) -> list[str]:
    return [example["log_group"] for example in listed["examples"]]


def fill(place: Deployed, group: str) -> list[str]:
    """Replace our filter of a log group by filters of others, until it has no slot left."""
    logs = place.client("logs")
    before = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    for item in before:
        if item["destinationArn"].endswith(":log-reflector"):
            logs.delete_subscription_filter(logGroupName=group, filterName=item["filterName"])
    theirs = next(item["destinationArn"] for item in before if not item["destinationArn"].endswith(":log-reflector"))
    arn = f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}"
    logs.untag_resource(resourceArn=arn, tagKeys=list(place.subscription_tags(group)))
    names = [f"theirs-{number}" for number in range(5 - sum(item["destinationArn"] == theirs for item in before))]
    for name in names:
        logs.put_subscription_filter(logGroupName=group, filterName=name, filterPattern="", destinationArn=theirs)
    return names


def put_regular_events(place: Deployed, group: str, *, hours_ago: int) -> None:
    """Record that the log group had an event in each hour of nine days, until some hours ago."""
    now = datetime.now(UTC)
    dimensions = [{"Name": "LogGroupName", "Value": group}]
    data = [
        {
            "MetricName": "IncomingLogEvents",
            "Dimensions": dimensions,
            "Value": 1,
            "Timestamp": now - timedelta(hours=hour),
        }
        for hour in range(hours_ago, 9 * 24)
    ]
    place.client("cloudwatch").put_metric_data(Namespace="AWS/Logs", MetricData=data)


@contextmanager
def denied(place: Deployed, action: str) -> Iterator[None]:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
    iam, name = place.client("iam"), {"RoleName": FUNCTION, "PolicyName": "somebody-elses"}
    iam.put_role_policy(**name, PolicyDocument=json.dumps(policy))
    try:
        yield
    finally:
        iam.delete_role_policy(**name)


def own_filters(place: Deployed, group: str) -> int:
    found = place.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    return sum(item["destinationArn"].endswith(":log-reflector") for item in found)


def delete_own_filter(place: Deployed, group: str) -> None:
    logs = place.client("logs")
    (item,) = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    logs.delete_subscription_filter(logGroupName=group, filterName=item["filterName"])


def test_sweep_notifies_of_coverage_silence_and_dead_letters_once(place: Deployed) -> None:
    assert sweep(place)["notifications"] == {
        "events": [],
        "since": None,
        "unchecked_log_groups": 0,
        "failures": [],
    }
    fill(place, HALF_GROUP)
    put_regular_events(place, SILENT, hours_ago=8)
    sqs, url = place.queue()
    sqs.send_message(QueueUrl=url, MessageBody="a dead letter with a secret")
    report = sweep(place)
    assert report["notifications"]["failures"] == []
    found = received(place, 3)
    assert sorted(found) == ["Log Coverage Changed", "Log Dead Letters Growing", "Log Sources Silent"]
    uncovered = found["Log Coverage Changed"]["uncovered"]
    assert uncovered == {"count": 1, "examples": [{"log_group": HALF_GROUP, "cause": "slots"}]}
    assert names_in(found["Log Sources Silent"]["silent"]) == [SILENT]
    assert found["Log Dead Letters Growing"]["queues"] == [{"queue": QUEUE, "before": 0, "now": 1}]
    assert "secret" not in json.dumps(found)
    assert sweep(place)["notifications"]["events"] == []
    assert received(place) == {}
    sqs.purge_queue(QueueUrl=url)
    assert set(place.own_resources()) >= ALARMS


def test_denied_put_events_does_not_stop_subscribing_and_is_made_up_for(place: Deployed) -> None:
    logs = place.client("logs")
    with denied(place, "events:PutEvents"):
        delete_own_filter(place, REPAIRED)
        filters = logs.describe_subscription_filters(logGroupName=HALF_GROUP)["subscriptionFilters"]
        logs.delete_subscription_filter(logGroupName=HALF_GROUP, filterName=filters[0]["filterName"])
        report = sweep(place)
        (failure,) = report["notifications"]["failures"]
        assert "events:PutEvents" in failure
        assert own_filters(place, REPAIRED) == own_filters(place, HALF_GROUP) == 1
        assert received(place) == {}
    sweep(place)
    assert names_in(received(place, 1)["Log Coverage Changed"]["covered"]) == [HALF_GROUP]


def test_without_the_variable_there_are_no_calls_permissions_and_alarms(place: Deployed, ansible: Ansible) -> None:
    run = ansible.run("logreflector.aws.deploy", extra={"subscriber_notify": False})
    assert run.status == 0, run.output
    assert not ALARMS & set(place.own_resources())
    policy = place.client("iam").get_role_policy(RoleName=FUNCTION, PolicyName="log-reflector")["PolicyDocument"]
    assert not any(call in json.dumps(policy) for call in CALLS)
    place.aws.front.clear_journal()
    delete_own_filter(place, REPAIRED)
    assert "notifications" not in sweep(place)
    assert own_filters(place, REPAIRED) == 1
    assert not [call for call in place.aws.front.calls() if call.operation in CALLS]
    assert received(place) == {}


def write_report(path: Path, *, log_groups: int, name: str) -> None:
    """Write a report of 40 targets, each with log groups of that name that are not covered."""
    rows = tuple(CoverageRow(f"{name}{number}", "missing", "missing", name) for number in range(log_groups))
    targets = [
        TargetReport(
            f"{name}{number}",
            f"{number:012}",
            "eu-west-1",
            "partly_read",
            name,
            1_795_000_000,
            notes=(name,),
            log_groups=rows,
        )
        for number in range(40)
    ]
    report = FleetReport(1_795_000_000, sort_targets(targets))
    path.write_text("".join(f"{line}\n" for line in lines(report)), encoding="utf-8")


def test_summary_of_the_report_is_published_within_256_kb_with_hostile_names(
    place: Deployed, ansible: Ansible, tmp_path: Path
) -> None:
    sns, sqs = place.client("sns"), place.client("sqs")
    topic = sns.create_topic(Name="reports")["TopicArn"]
    arn = make_queue(place, "reports", "sns.amazonaws.com", topic)
    url = sqs.get_queue_url(QueueName="reports")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    hostile = "|`<!channel>\n# " + "\u202e" + "\U000e0041" * 200
    write_report(tmp_path / "report.ndjson", log_groups=3, name=hostile)
    extra = {
        "report_merge": [str(tmp_path / "report.ndjson")],
        "report_directory": str(tmp_path / "out"),
        "report_sns_topic": topic,
    }
    assert ansible.run("logreflector.aws.report", "--check", extra=extra).status == 0
    refused = ansible.run("logreflector.aws.report", extra=extra)
    assert refused.status != 0
    assert f"Could not publish the report to {topic}: AuthorizationError" in refused.output
    allow = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}
    place.client("iam").put_user_policy(
        UserName="deployer",
        PolicyName="publish-reports",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    run = ansible.run("logreflector.aws.report", extra=extra)
    assert run.status == 0, run.output
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the message of the topic")
    notification = json.loads(message["Body"])
    text = notification["Message"]
    assert notification["Subject"] == "Log coverage: 0 % of 120, 40 of 40 targets not read"
    assert len(text.encode()) <= 262_144 < (tmp_path / "out" / "report.md").stat().st_size
    assert "0 of 120 chosen log groups are covered" in text
    assert "| missing | 120 |" in text
    assert "**Lists are shortened**" in text
    assert not any(part in text for part in ("<!channel>", "\u202e", "\n# "))
