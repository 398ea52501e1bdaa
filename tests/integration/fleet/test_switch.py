# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook switches a target with many log groups between filters, account policy and AWS's centralization, while lines are written.

SWITCHED_GROUPS=200 pytest tests/integration/fleet/test_switch.py     the figures of docs/MODES.md; AWS allows five groups a second
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws, Sink
from threads_in_tests import in_background
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, MEMBER, POLICY, REGIONS, ROOT, Ansible, Run, write_inventory

HOME = REGIONS[0]
CENTRAL = "444444444444"
OTHER = "555555555555"  # keeps the rule alive when it leaves the member
GROUPS = [f"/app/service-{number:03}" for number in range(int(os.environ.get("SWITCHED_GROUPS", "50")))]
SKIPPED = "/skipped/orders"
ADMINISTRATOR = f"{MANAGEMENT}.{HOME}"
DEPLOYER = "log-reflector-deployer"


def rule(*accounts: str) -> dict[str, Any]:
    """Return the rule that copies these accounts, but not the skipped log groups."""
    return {
        "name": "central",
        "accounts": [*accounts],
        "source_regions": [HOME],
        "exclude": ["/skipped/*"],
        "destination_account": CENTRAL,
        "destination_region": HOME,
    }


COPIED, NARROWED = {"centralization_rules": [rule(MEMBER, OTHER)]}, {"centralization_rules": [rule(OTHER)]}


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its log group, and the time of its write in seconds since the epoch."""

    group: str
    began: float
    ended: float


@dataclass
class Lines:
    """The lines of all log groups, by message."""

    written: dict[str, Line] = field(default_factory=dict)

    def within(self, times: Callable[[str], tuple[float, float]]) -> int:
        """Return the number of lines that were written in the time that a function returns for their log group."""
        places = ((line, times(line.group)) for line in self.written.values())
        return sum(begin <= line.ended and line.began <= end for line, (begin, end) in places)


@dataclass
class Place:
    """The organisation of the test: a source, a destination, and an administrator of the rule."""

    aws: RunningAws
    sink: Sink
    ansible: Ansible
    playbook: str

    @property
    def source(self) -> Deployed:
        return Deployed(self.aws, MEMBER, HOME)

    @property
    def destination(self) -> Deployed:
        return Deployed(self.aws, CENTRAL, HOME)

    def run(self, playbook: str, *arguments: str, **variables: Any) -> Run:
        return self.ansible.run(playbook, *arguments, extra=variables)

    def write_rules(self, variables: dict[str, Any]) -> None:
        """Let the administrator write the rules."""
        run = self.run(self.playbook, "--limit", ADMINISTRATOR, **variables)
        assert run.status == 0, run.output

    def deploy(self, mode: str, rules: dict[str, Any], **variables: Any) -> Run:
        """Deploy the source."""
        return self.run(
            "logreflector.aws.deploy", "--limit", self.source.host, log_groups_mode=mode, **rules, **variables
        )

    def moment(self, operation: str, since: float) -> float:
        """Return when the source's first call of an operation began."""
        calls = self.aws.front.calls()
        return min(
            call.began
            for call in calls
            if call.operation == operation and call.account == MEMBER and call.began > since
        )

    @contextmanager
    def writing(self) -> Iterator[Lines]:
        """Write a line to one log group after the other."""
        lines, logs = Lines(), self.source.client("logs")
        stream = f"stream-{time.time_ns()}"
        for group in GROUPS:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)

        def write(ended: threading.Event) -> None:
            while not ended.is_set():
                for group in GROUPS:
                    if ended.wait(0.1):
                        return
                    message = f"line {time.time_ns()}"
                    began = time.time()
                    event = {"timestamp": int(began * 1000), "message": message}
                    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
                    lines.written[message] = Line(group, began, time.time())

        with in_background(write):
            wait_until(lambda: len(lines.written) > 20, "the first lines")
            yield lines
            enough = len(lines.written) + 20
            wait_until(lambda: len(lines.written) > enough, "lines after the switch")

    def counts(self, lines: Lines) -> Counter[str]:
        """Return how often each line arrived at the sink, after all deliveries ended."""
        self.source.wait_until_idle()
        arrived = Counter(line["message"] for line in self.sink.lines())
        return Counter({message: arrived[message] for message in lines.written})


def policy(name: str) -> str:
    return (ROOT / "docs" / "iam" / f"{name}-policy.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("switch")
    organization = Organization(management=MANAGEMENT, members=(MEMBER, CENTRAL, OTHER), regions=(HOME,))
    sink = Sink()
    sink.start()
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as aws:
        iam = aws.client("iam", MANAGEMENT, HOME)
        iam.put_role_policy(RoleName=DEPLOYER, PolicyName="administrator", PolicyDocument=policy("administrator"))
        inventory = write_inventory(
            folder,
            [(MANAGEMENT, HOME), (MEMBER, HOME), (CENTRAL, HOME)],
            reflector_sinks={"audit": {"type": "http", "endpoint": sink.url}},
            reflector_sumo_endpoint=None,
            centralization_administrator=ADMINISTRATOR,
            log_groups_exclude=EXCLUDE,
            catch_up_settle_seconds=1,
        )
        tasks = [{"logreflector.aws.centralization": {"role_variables": True, "enable_trusted_access": True}}]
        rules = folder / "rules.json"
        rules.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        found = Place(aws, sink, Ansible(aws.deploy_environment(), inventory, folder), str(rules))
        for group in [*GROUPS, SKIPPED]:
            found.source.client("logs").create_log_group(logGroupName=group)
        yield found
    sink.stop()


@pytest.fixture(scope="module")
def served(place: Place) -> Place:
    """Deploy the destination, and filters in the source."""
    run = place.run("logreflector.aws.deploy", "--limit", place.destination.host, **COPIED)
    assert run.status == 0, run.output
    first = place.deploy("filters", NARROWED)
    assert first.status == 0, first.output
    return place


def test_rule_that_copies_a_delivery_is_refused(place: Place) -> None:
    """The function has another name than the rule leaves out."""
    run = place.run(place.playbook, "--limit", ADMINISTRATOR, reflector_function_name="forwarder", **COPIED)
    assert run.status != 0
    assert f"rule 'central' would copy /aws/lambda/forwarder of {place.source.host}" in run.output
    client = place.aws.client("observabilityadmin", MANAGEMENT, HOME)
    assert client.list_centralization_rules_for_organization()["CentralizationRuleSummaries"] == []


def test_switch_without_rule_removes_nothing(served: Place) -> None:
    served.write_rules(NARROWED)
    run = served.deploy("centralized", COPIED)
    assert run.status != 0
    assert "no rule copies it" in run.recap()
    assert filters(served) == len(GROUPS) + 1


def test_switch_that_leaves_a_log_group_unserved_is_refused(served: Place) -> None:
    served.write_rules(COPIED)
    for arguments in (("--check",), ()):
        run = served.run(
            "logreflector.aws.deploy",
            "--limit",
            served.source.host,
            *arguments,
            log_groups_mode="centralized",
            **COPIED,
        )
        assert run.status != 0
        assert (
            f"1 log groups that are served now would not be any more: {SKIPPED} (the rule central leaves it out"
            in run.recap()
        )
    assert filters(served) == len(GROUPS) + 1
    served.write_rules(NARROWED)


def filters(place: Place) -> int:
    """Return the number of log groups with a filter of ours."""
    logs = place.source.client("logs")
    return sum(
        item["destinationArn"].endswith(":log-reflector")
        for group in [*GROUPS, SKIPPED]
        for item in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    )


SWITCHES = [
    ("filters", "centralized"),
    ("centralized", "account_policy"),
    ("account_policy", "filters"),
    ("filters", "account_policy"),
    ("account_policy", "centralized"),
    ("centralized", "filters"),
]


@pytest.mark.parametrize(("before", "after"), SWITCHES)
def test_switch_under_a_stream_of_lines_loses_none(
    served: Place, before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only lines of the time that the result predicts arrive twice, and none arrives more often."""
    with served.writing() as lines:
        begin = time.time()
        if after == "centralized":
            served.write_rules(COPIED)
        run = served.deploy(
            after, COPIED if "centralized" in (before, after) else NARROWED, log_groups_allow_unserved=True
        )
        assert run.status == 0, run.output
        result = run.result(served.source.host, "Deploy everything")
        if before == "centralized":
            assert "The rule central still copies this target, so events arrive twice" in run.recap()
            served.write_rules(NARROWED)
        end = time.time()
    counts = served.counts(lines)
    doubled = sum(times == 2 for times in counts.values())
    doubled_groups = reported(result, before, after)
    predicted = prediction(served, doubled_groups["seconds_at_most"], before, after, lines, (begin, end))
    lost = sum(not times for times in counts.values())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{before} -> {after}: {len(counts)} lines, {lost} lost, {doubled} duplicates, at most {predicted} predicted,"
            f" {doubled_groups['groups']} log groups served twice, {end - begin:.0f} s\n"
        )
    assert (min(counts.values()), max(counts.values())) <= (1, 2)
    assert min(counts.values()) == 1
    assert doubled <= predicted
    assert doubled_groups["groups"] >= len(GROUPS)


def reported(result: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    """Return the field `doubled` of a deployment."""
    part = "catch_up" if after == "account_policy" else "account_policy"
    found: dict[str, Any] = result["centralization" if "centralized" in (before, after) else part]["doubled"]
    return found


def prediction(
    place: Place, seconds: float | None, before: str, after: str, lines: Lines, run: tuple[float, float]
) -> int:
    """Return how many lines at most arrive twice: those from the write of the new way to the end of the old one.

    seconds     the reported longest time that a log group is served twice, None: until the rule is narrowed
    """
    begin, end = run
    if seconds is None and after == "filters":
        created = filter_times(place)
        return lines.within(lambda group: (created[group], end))
    if seconds is None:
        return lines.within(lambda _group: (place.moment("PutAccountPolicy", begin), end))
    if after == "centralized":
        return lines.within(lambda _group: (begin, begin + seconds + 1))
    # Each chunk of log groups is served twice for so long, at some time of the switch.
    return round(len(lines.written) / (end - begin) * (seconds + 1))


def filter_times(place: Place) -> dict[str, float]:
    """Return when each log group got its filter."""
    logs = place.source.client("logs")
    return {
        group: item["creationTime"] / 1000
        for group in GROUPS
        for item in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    }


def test_switch_run_again_changes_nothing_and_check_mode_announces_it(served: Place) -> None:
    served.write_rules(COPIED)
    variables = {"log_groups_mode": "centralized", "log_groups_allow_unserved": True, **COPIED}
    host = served.source.host
    planned = served.run("logreflector.aws.deploy", "--limit", host, "--check", **variables)
    first = served.deploy("centralized", COPIED, log_groups_allow_unserved=True, deploy_verify=True)
    assert (planned.status, first.status) == (0, 0), first.output
    assert planned.changes()[host] == first.changes()[host]
    assert "delivery check: copy after" in first.recap()
    assert served.source.own_resources() == []
    again = served.deploy("centralized", COPIED)
    assert (again.status, again.changed_tasks()) == (0, []), again.output
    verify = served.run(
        "logreflector.aws.verify", "--limit", served.source.host, log_groups_mode="centralized", **COPIED
    )
    assert verify.status == 0, verify.output


def test_switch_leaves_nothing_after_teardown(served: Place) -> None:
    served.write_rules(NARROWED)
    for host in (served.source.host, served.destination.host):
        run = served.run("logreflector.aws.teardown", "--limit", host, **NARROWED)
        assert run.status == 0, run.output
    copies = [name for name in served.destination.own_resources() if not name.startswith("/central/")]
    assert (served.source.own_resources(), copies) == ([], [])
