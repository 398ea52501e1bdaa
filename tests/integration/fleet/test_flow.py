# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events in the report: each station of the path loses a different number, and the report names each difference."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployed import FUNCTION, Deployed
from embedded_aws import Behaviour, RunningAws
from embedded_aws.population import EXCLUDED_GROUP
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, MEMBER, POLICY, REGIONS, Ansible, write_inventory

FINE, DELETED, BOTH = (f"/aws/lambda/service-{number:02}" for number in range(3))
# The metrics of the embedded AWS are complete at once, so the period can include this moment.
UNTIL = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
DEPLOYER = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}
ROUTES = [
    {"log_groups": [BOTH], "sinks": ["sumologic", "archive"]},
    {"log_groups": ["*"], "sinks": ["sumologic"], "drop": ["DEBUG"]},
]


@pytest.fixture(scope="module")
def here(aws: RunningAws) -> Deployed:
    return Deployed(aws, MANAGEMENT, REGIONS[0])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the reports are written to."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def ansible(here: Deployed, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks, with a deployment on one target."""
    folder = tmp_path_factory.mktemp("flow")
    inventory = write_inventory(
        folder,
        [(here.account, here.region)],
        log_groups_exclude=EXCLUDE,
        reflector_sinks={"archive": {"type": "http", "endpoint": here.aws.sink_url}},
        reflector_routes=ROUTES,
        report_directory=str(out),
        report_flow_hours=2,
        report_flow_until=UNTIL,
        replay_idle_timeout=2,
    )
    ansible = Ansible(here.aws.deploy_environment(), inventory, folder)
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    return ansible


def read_flow(ansible: Ansible, out: Path) -> tuple[dict[str, Any], str]:
    """Run the report. Return the flow of the target, and the output."""
    run = ansible.run("logreflector.aws.report")
    assert run.status == 0, run.output
    (target,) = json.loads((out / "report.json").read_text(encoding="utf-8"))["targets"]
    flow: dict[str, Any] = target["flow"]
    return flow, run.output


def differences(flow: dict[str, Any]) -> tuple[int, int, int]:
    """Return the events that left no station in a known way."""
    lost = ("unsubscribed", "unmatched", "delivery_errors", "delivery_throttles", "forwarded")
    between = ("received", "waiting", "given_up", "given_up_replayed", "expired", "undecodable")
    after = ("dead_lettered", "replayed", "purged")
    named = sum(flow["sinks"].values()) + sum(flow["dropped"].values()) + sum(flow[name] for name in after)
    return (
        flow["written"] - sum(flow[name] for name in lost),
        flow["forwarded"] - sum(flow[name] for name in between),
        flow["received"] + flow["extra_copies"] - named,
    )


def lines(number: int, text: str = "line") -> list[str]:
    return [f"{text} {each}" for each in range(number)]


def write(place: Deployed, log_group: str, *messages: str) -> None:
    """Write events and wait until the reflector is done with them."""
    place.write(log_group, *messages)
    place.wait_until_idle()


@contextmanager
def sink_down(place: Deployed) -> Iterator[None]:
    place.aws.sink.behave(Behaviour(status=400))
    yield
    place.aws.sink.behave()


@contextmanager
def no_permission(place: Deployed) -> Iterator[None]:
    """Take CloudWatch Logs' permission to invoke the reflector."""
    functions = place.client("lambda")
    (statement,) = json.loads(functions.get_policy(FunctionName=FUNCTION)["Policy"])["Statement"]
    functions.remove_permission(FunctionName=FUNCTION, StatementId=statement["Sid"])
    yield
    functions.add_permission(
        FunctionName=FUNCTION,
        StatementId=statement["Sid"],
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
        SourceAccount=place.account,
    )


@contextmanager
def function_stopped(place: Deployed) -> Iterator[None]:
    """Let the function run not at all, and Lambda give an event up after a minute (which is shorter here)."""
    functions = place.client("lambda")
    functions.update_function_event_invoke_config(FunctionName=FUNCTION, MaximumEventAgeInSeconds=60)
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    yield
    functions.delete_function_concurrency(FunctionName=FUNCTION)
    functions.update_function_event_invoke_config(FunctionName=FUNCTION, MaximumEventAgeInSeconds=21600)


def lose_events(place: Deployed) -> None:
    """Lose another number of events at each station."""
    logs = place.client("logs")
    with sink_down(place):
        write(place, FINE, *lines(13))  # dead letters that are purged
    with function_stopped(place):
        write(place, FINE, *lines(23))  # Lambda gives them up, and its record is purged
    sqs, url = place.queue()
    wait_until(lambda: place.counts()[0] == 2, "both dead letters in the queue", seen=place.counts)
    sqs.purge_queue(QueueUrl=url)
    with sink_down(place):
        write(place, FINE, *lines(11))  # dead letters that wait
    with function_stopped(place):
        write(place, FINE, *lines(19))  # given up by Lambda, in the queue
    with no_permission(place):
        write(place, FINE, *lines(5))
    write(place, FINE, *lines(17, "DEBUG"), "INFO")
    place.client("lambda").invoke(
        FunctionName=FUNCTION, InvocationType="Event", Payload=json.dumps({"awslogs": {"data": "no base64"}})
    )
    (ours,) = logs.describe_subscription_filters(logGroupName=DELETED)["subscriptionFilters"]
    logs.delete_subscription_filter(logGroupName=DELETED, filterName=ours["filterName"])
    write(place, DELETED, *lines(3))
    place.wait_until_idle()
    place.aws.configure(delivery_throttling=1.0)
    place.write(FINE, *lines(7))


def test_every_event_is_explained_if_nothing_is_lost(ansible: Ansible, here: Deployed, out: Path) -> None:
    write(here, FINE, *lines(4))
    write(here, DELETED, *lines(2))
    write(here, BOTH, *lines(3))
    flow, output = read_flow(ansible, out)
    assert (flow["written"], flow["forwarded"], flow["received"]) == (9, 9, 9)
    assert flow["sinks"] == {"sumologic": 9, "archive": 3}
    assert flow["extra_copies"] == 3
    assert (flow["dropped"], flow["notes"]) == ({}, [])
    assert differences(flow) == (0, 0, 0)
    assert flow["facts"]["Invocations"] == 3
    assert 0 < flow["dollars"] < 0.01
    assert "LastTestLine" not in flow["facts"], "the deployment sends no test line here"
    assert (
        "(later ones are not counted yet): 9 written, 9 forwarded, 9 received, 12 delivered, 0 dropped by rule"
        in output
    )
    assert "Every event is explained. Reading this cost" in output
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Received: every event is explained." in page
    labels = f'account="{here.account}",region="{here.region}",host="{here.host}"'
    assert f'log_reflector_events{{{labels},count="written"}} 9\n' in (out / "report.prom").read_text(encoding="utf-8")


def test_payloads_in_lambdas_queue_are_waiting(ansible: Ansible, here: Deployed, out: Path) -> None:
    functions = here.client("lambda")
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    here.write(FINE, *lines(6))
    flow, output = read_flow(ansible, out)
    functions.delete_function_concurrency(FunctionName=FUNCTION)
    assert flow["waiting"] == 6
    assert "6 waiting" in output
    here.wait_until_idle()
    after, _output = read_flow(ansible, out)
    assert (after["waiting"], after["received"] - flow["received"]) == (0, 6)
    assert differences(after) == (0, 0, 0)


def test_every_loss_is_named_with_its_number(ansible: Ansible, here: Deployed, out: Path) -> None:
    before, _output = read_flow(ansible, out)
    lose_events(here)
    flow, output = read_flow(ansible, out)
    here.aws.configure(delivery_throttling=0.0)
    found = {name: flow[name] - before[name] for name in before if isinstance(before[name], int)}
    assert {name: found[name] for name in ("unsubscribed", "delivery_errors", "delivery_throttles")} == {
        "unsubscribed": 3,
        "delivery_errors": 5,
        "delivery_throttles": 7,
    }
    assert (found["given_up"], found["expired"], found["waiting"]) == (19, 23, 0)
    assert (found["dead_lettered"], found["purged"], found["replayed"]) == (11, 13, 0)
    assert flow["dropped"] == {"routes[1]": 17}
    facts = flow["facts"]
    assert (facts["UndecodablePayloads"], facts["AsyncEventsDropped"], facts["FailedRuleInvocations"]) == (1, 2, 0)
    assert facts["Throttles"] >= 2
    assert facts["MessagesInQueue"] == 3
    assert facts["AsyncEventAge"] > 0
    assert differences(flow) == (0, 0, 0)
    assert "3 without a filter, 5 delivery errors, 7 throttled" in output
    assert "UNEXPLAINED" not in output

    here.wait_until_idle()
    assert ansible.run("logreflector.aws.replay").status == 2, "the undecodable payload stays in the queue"
    after, _output = read_flow(ansible, out)
    assert (after["delivery_throttles"], after["replayed"], after["dead_lettered"], after["purged"]) == (0, 11, 0, 13)
    assert (after["given_up"], after["given_up_replayed"], after["expired"]) == (0, 19, 23)
    assert differences(after) == (0, 0, 0)


def test_counts_that_were_not_read_are_unknown_and_named(ansible: Ansible, here: Deployed, out: Path) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["Statement"].append(
        {"Effect": "Deny", "Action": ["cloudwatch:GetMetricData", "logs:StartQuery"], "Resource": "*"}
    )
    iam = here.client("iam")
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(policy))
    try:
        flow, output = read_flow(ansible, out)
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))
    assert [flow[name] for name in ("written", "forwarded", "received", "sinks", "dropped")] == [None] * 5
    notes = "\n".join(flow["notes"])
    assert "the events of CloudWatch Logs were not read: " in notes
    assert "the reflector's accounts were not read: " in notes
    assert "logs:StartQuery" in notes
    assert "written unknown, forwarded unknown, received unknown, delivered unknown" in output


def test_events_of_an_account_policy_are_explained(aws: RunningAws, tmp_path: Path) -> None:
    place = Deployed(aws, MEMBER, REGIONS[0])
    inventory = write_inventory(
        tmp_path,
        [(place.account, place.region)],
        log_groups_exclude=[EXCLUDED_GROUP],
        log_groups_mode="account_policy",
        report_directory=str(tmp_path / "out"),
        report_flow_hours=2,
        report_flow_until=UNTIL,
    )
    ansible = Ansible(aws.deploy_environment(), inventory, tmp_path)
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    write(place, FINE, *lines(4))
    write(place, EXCLUDED_GROUP, *lines(3))
    began = int(time.time())
    assert ansible.run("logreflector.aws.verify").status == 0
    flow, _output = read_flow(ansible, tmp_path / "out")
    assert flow["written"] == flow["forwarded"] == flow["received"] == flow["sinks"]["sumologic"]
    assert flow["received"] >= 5, "four lines and the test line"
    assert flow["facts"]["LastTestLine"] >= began
    assert 0 <= flow["facts"]["LastTestLineMilliseconds"] <= (time.time() - began) * 1000
    assert differences(flow) == (0, 0, 0)
