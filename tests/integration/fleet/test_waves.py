# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Six targets in waves with delivery checks through real functions: a failure stops the run, the retry file completes it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deployed import calls_of_runs
from embedded_aws import Call, Configuration, EmbeddedAws, Organization, RunningAws, Settings
from embedded_aws.population import SECRET, populate
from waits import RUN_LIMIT

from playbooks import EXCLUDE, POLICY, Ansible, Run, wait_while_running, write_inventory

ACCOUNTS = [f"{number:012}" for number in range(111111111111, 111111111115)]
REGIONS = ("eu-west-1", "us-east-1")
*SERVED, UNSERVED = ACCOUNTS
"""The last account gets its functions in the run that is interrupted."""
TARGETS = [(account, region) for account in SERVED for region in REGIONS]
DEPLOY = "logreflector.aws.deploy"
RETRY = "log-reflector-deploy.retry"


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start four accounts in two regions. After delivery checks a target has three processes and takes some 125 MB.

    A function takes one event at once, since each more would be one more process.
    """
    organization = Organization(management=ACCOUNTS[0], members=tuple(ACCOUNTS[1:]), regions=REGIONS)
    configuration = Configuration(
        organization=organization, deployer_policy=POLICY, settings=Settings(parallel_events=1)
    )
    with EmbeddedAws(configuration) as running:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda target: populate(running, *target, groups=2), TARGETS))
        for region in REGIONS:
            running.client("secretsmanager", UNSERVED, region).create_secret(Name=SECRET, SecretString=running.sink_url)
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the current directory of the runs."""
    return tmp_path_factory.mktemp("waves")


@pytest.fixture(scope="module")
def fleet(aws: RunningAws, folder: Path) -> Ansible:
    """Return a runner over all targets. The inventory sets the waves and the delivery check."""
    inventory = write_inventory(
        folder, TARGETS, log_groups_exclude=EXCLUDE, deploy_waves=[1, "50%", "100%"], deploy_verify=True
    )
    return Ansible(aws.deploy_environment(), inventory, folder)


@dataclass(frozen=True, slots=True)
class Story:
    """The runs.

    order   the targets in Ansible's order
    left    the retry file after each run
    calls   the deployer's calls in the stopped run
    """

    order: list[str]
    announced: Run
    stopped: Run
    elsewhere: Run
    resumed: Run
    left: dict[str, list[str]]
    calls: list[Call]

    @property
    def waves(self) -> tuple[list[str], list[str], list[str]]:
        return self.order[:1], self.order[1:4], self.order[4:]

    @property
    def broken(self) -> str:
        """Return a target of the second wave that is not the first of it."""
        return self.order[2]


@pytest.fixture(scope="module")
def story(aws: RunningAws, fleet: Ansible, folder: Path) -> Story:
    left: dict[str, list[str]] = {}

    def note(name: str) -> None:
        left[name] = (folder / RETRY).read_text().split() if (folder / RETRY).exists() else []

    announced = fleet.run(DEPLOY, "--check")
    order = [line.split(":")[0] for line in announced.recap().splitlines() if re.match(r"\d{12}\.", line)]
    account, region = order[2].split(".")
    aws.front.clear_journal()
    aws.front.deny("CreateFunction", account=account, region=region)
    stopped = fleet.run(DEPLOY)
    aws.front.clear_faults()
    calls = [call for call in aws.front.calls() if ":assumed-role/log-reflector-deployer/" in call.caller]
    note("stopped")
    elsewhere = fleet.run(DEPLOY, "--limit", order[0])
    note("elsewhere")
    resumed = fleet.run(DEPLOY, "--limit", f"@{RETRY}")
    note("resumed")
    return Story(order, announced, stopped, elsewhere, resumed, left, calls)


def test_waves_with_a_failure_stop(story: Story) -> None:
    assert story.announced.status == 0, story.announced.output
    assert story.stopped.status == 2, story.stopped.output
    assert story.stopped.waves() == [
        "Wave 1 of 3: 1 target ok, 0 failed (limit 0%).",
        "Wave 2 of 3: 2 targets ok, 1 failed (limit 0%). The remaining waves do not start.",
    ]
    recap = story.stopped.recap()
    assert f"{story.broken}: failed. Could not " in recap
    assert "lambda:CreateFunction" in recap
    assert "2 targets not started: wave 2 exceeded its failure limit." in recap
    assert f"To run the 3 targets again that failed or did not start: the same command with --limit @{RETRY}" in recap
    assert re.search(
        r"targets that have it: logreflector.aws.rollback -e rollback_release=0.1.0\+[0-9a-f]{12}$", recap, re.MULTILINE
    )


def test_waves_after_a_failure_are_untouched(story: Story) -> None:
    # Calls to global services have one region, whichever target makes them.
    touched = {f"{call.account}.{call.region}" for call in story.calls if call.service not in ("iam", "sts")}
    first, second, _later = story.waves
    assert touched == {*first, *second}


def test_waves_retry_file_has_remaining_targets(story: Story) -> None:
    left = {story.broken, *story.waves[2]}
    assert set(story.left["stopped"]) == left
    assert story.elsewhere.status == 0, story.elsewhere.output
    assert story.elsewhere.changed_tasks() == []
    assert story.left["elsewhere"] == story.left["stopped"]
    assert story.resumed.status == 0, story.resumed.output
    assert set(story.resumed.changes()) - {"localhost"} == left
    assert story.left["resumed"] == []


def by_account(run: Run) -> list[tuple[str, str]]:
    """Return account and change."""
    return sorted((host.split(".")[0], line) for host, lines in run.changes().items() for line in lines)


def test_waves_check_mode_announces_the_changes_of_both_runs(story: Story) -> None:
    # By account, because any of its targets may have created its roles.
    assert sorted(by_account(story.stopped) + by_account(story.resumed)) == by_account(story.announced)


def test_waves_check_delivery_of_every_target(story: Story, aws: RunningAws) -> None:
    received = [line.get("logGroup") for line in aws.sink.lines()]
    for host in story.order:
        run = story.resumed if host in story.left["stopped"] else story.stopped
        check = run.result(host, "Send a test line through the target")["delivery_check"]
        assert check["seconds_to_delivery"] >= 0
        assert received.count(check["log_group"]) == 1


@pytest.fixture
def few(aws: RunningAws, story: Story, tmp_path: Path) -> Ansible:
    """Return a runner over two deployed targets of an account: a wave for each, and no delivery check."""
    return runner(aws, ACCOUNTS[1], tmp_path)


def runner(aws: RunningAws, account: str, folder: Path) -> Ansible:
    targets = [(account, region) for region in REGIONS]
    inventory = write_inventory(folder, targets, log_groups_exclude=EXCLUDE, deploy_waves="1,1")
    return Ansible(aws.deploy_environment(), inventory, folder)


def test_waves_with_allowed_failures_continue(aws: RunningAws, few: Ansible, tmp_path: Path) -> None:
    aws.front.deny("GetFunction", account=ACCOUNTS[1], region=REGIONS[0])
    try:
        for allowed in ("100%", 1):
            run = few.run(DEPLOY, extra={"deploy_allowed_failures": allowed})
            assert run.status == 2, run.output
            assert run.waves() == [
                f"Wave 1 of 2: 0 targets ok, 1 failed (limit {allowed}).",
                f"Wave 2 of 2: 1 target ok, 0 failed (limit {allowed}).",
            ]
            assert f"{ACCOUNTS[1]}.{REGIONS[0]}: failed. Could not " in run.recap()
            assert f"{ACCOUNTS[1]}.{REGIONS[1]}: failed" not in run.recap()
            assert f"{ACCOUNTS[1]}.{REGIONS[1]}: " in run.recap()
            assert (tmp_path / RETRY).read_text() == f"{ACCOUNTS[1]}.{REGIONS[0]}\n"
    finally:
        aws.front.clear_faults()
    run = few.run(DEPLOY, "--check", "--limit", f"@{RETRY}")
    assert (run.status, (tmp_path / RETRY).exists()) == (0, True)


def test_waves_failed_delivery_check_fails_its_target(aws: RunningAws, few: Ansible) -> None:
    aws.front.deny("FilterLogEvents", account=ACCOUNTS[1], region=REGIONS[0])
    try:
        run = few.run(DEPLOY, extra={"deploy_verify": True})
    finally:
        aws.front.clear_faults()
    assert run.status == 2
    assert "failed. Could not read the log of the reflector" in run.recap()
    assert "1 target not started: wave 1" in run.recap()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("deploy_waves", ["5%", "101%"], "'101%' is not valid"),
        ("deploy_waves", [], "an empty list is not valid"),
        ("deploy_waves", {"first": 1}, "\"{'first': 1}\" is not valid"),
        ("deploy_allowed_failures", "many", "'many' is not valid"),
        ("deploy_verify", None, "'None' is not valid"),
    ],
)
def test_waves_wrong_option_is_refused_before_any_call(
    aws: RunningAws, few: Ansible, option: str, value: Any, told: str
) -> None:
    aws.front.clear_journal()
    run = few.run(DEPLOY, extra={option: value})
    assert run.status == 2
    (failure,) = (line["result"]["msg"] for line in run.results if line["status"] == "failed")
    assert failure.startswith(f"{option}: {told}")
    assert "Traceback" not in run.output
    assert calls_of_runs(aws) == []


def test_waves_with_tags_that_select_nothing_fail(aws: RunningAws, few: Ansible) -> None:
    aws.front.clear_journal()
    run = few.run(DEPLOY, "--tags", "reflector")
    assert run.status == 2, run.output
    assert "targets not started: no task of a wave ran. Do not use --tags or --skip-tags" in run.recap()
    assert calls_of_runs(aws) == []


def test_waves_interrupted_are_finished_by_the_same_command(aws: RunningAws, tmp_path: Path) -> None:
    ansible = runner(aws, UNSERVED, tmp_path)
    aws.front.clear_journal()
    process, _record = ansible.start(DEPLOY)
    wait_while_running(process, lambda: aws.front.calls(operation="CreateFunction"), "the first function")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it for Ctrl-C
    output, _unused = process.communicate(timeout=RUN_LIMIT)
    assert process.returncode == 99, output
    assert "User interrupted execution" in output
    finished = ansible.run(DEPLOY)
    assert finished.status == 0, finished.output
    again = ansible.run(DEPLOY)
    assert (again.status, again.changed_tasks()) == (0, [])
