# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One story for each of the three modes: deploy, a new log group, lines, report, another release and back, teardown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployed import FUNCTION, Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws, Sink
from waits import wait_until

from playbooks import MANAGEMENT, MEMBER, POLICY, REGIONS, ROOT, Ansible, Run, write_inventory

HOME = REGIONS[0]
CENTRAL = "444444444444"
MODES = ("filters", "account_policy", "centralized")
EARLIER, NEW = "/app/earlier", "/app/new"
RULE = {
    "name": "central",
    "accounts": [MEMBER],
    "source_regions": [HOME],
    "destination_account": CENTRAL,
    "destination_region": HOME,
}
SECOND = {"reflector_memory_size": 512}


@dataclass
class Story:
    """What happened in one mode.

    serving   the target with the reflector: the source itself, or the destination of its copies
    """

    mode: str
    source: Deployed
    serving: Deployed
    sink: Sink
    runs: dict[str, Run] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def write(self, log_group: str) -> None:
        """Write a line, and wait until it is at the sink."""
        message = f"{self.mode} {len(self.written)}"
        self.source.write(log_group, message)
        self.written.append(message)
        wait_until(lambda: self.received()[-1:] == [message], message, seen=lambda: str(self.received()))
        self.serving.wait_until_idle()

    def received(self) -> list[str]:
        """Return the lines of this mode that arrived with the source's own names."""
        names = [(line["message"], line["owner"], line["logGroup"]) for line in self.sink.lines()]
        return [
            message
            for message, owner, group in names
            if message.startswith(f"{self.mode} ") and owner == MEMBER and group in (EARLIER, NEW)
        ]

    def keep_memory(self, name: str) -> None:
        found = self.serving.client("lambda").get_function_configuration(
            FunctionName=FUNCTION, Qualifier="log-reflector-current"
        )
        self.memory[name] = found["MemorySize"]


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """The administrator and the destination have their policies of docs/iam, too."""
    organization = Organization(management=MANAGEMENT, members=(MEMBER, CENTRAL), regions=(HOME,))
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        for account, name in ((MANAGEMENT, "administrator"), (CENTRAL, "destination")):
            document = (ROOT / "docs" / "iam" / f"{name}-policy.json").read_text(encoding="utf-8")
            role = {"RoleName": "log-reflector-deployer", "PolicyName": name}
            running.client("iam", account, HOME).put_role_policy(**role, PolicyDocument=document)
        running.client("logs", MEMBER, HOME).create_log_group(logGroupName=EARLIER)
        yield running


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    found = Sink()
    found.start()
    yield found
    found.stop()


class Playbooks:
    """The playbooks that serve the source in a mode."""

    def __init__(self, aws: RunningAws, sink: Sink, mode: str, folder: Path) -> None:
        central = mode == "centralized"
        variables: dict[str, Any] = {
            "reflector_sinks": {"audit": {"type": "http", "endpoint": sink.url}},
            "reflector_sumo_endpoint": None,
            "reflector_drain_seconds": 0,
            # A new release's workers do not know what a new filter has just delivered, and would send it again.
            "subscriber_backfill_seconds": 0,
            "report_directory": str(folder / "report"),
            "report_flow_hours": 1,
            "report_flow_settle_minutes": 0,
            # The metrics of the embedded AWS are complete at once.
            "report_flow_until": (datetime.now(UTC) + timedelta(minutes=30)).isoformat(),
        }
        if central:
            variables |= {
                "centralization_rules": [RULE],
                "centralization_administrator": f"{MANAGEMENT}.{HOME}",
                "centralization_enable_trusted_access": True,
                "centralization_drain_seconds": 0,
            }
        accounts = (MANAGEMENT, CENTRAL, MEMBER) if central else (MEMBER,)
        path = write_inventory(folder, [(account, HOME) for account in accounts], **variables)
        inventory = json.loads(path.read_text(encoding="utf-8"))
        source = inventory["all"]["children"][f"account_{MEMBER}"]["hosts"][f"{MEMBER}.{HOME}"]
        source["log_groups_mode"] = mode
        path.write_text(json.dumps(inventory), encoding="utf-8")
        self._ansible = Ansible(aws.deploy_environment(), path, folder)
        self._mode, self._serving = mode, CENTRAL if central else MEMBER

    def run(self, name: str, *arguments: str, **extra: Any) -> Run:
        return self._ansible.run(f"logreflector.aws.{name}", *arguments, extra=extra)

    def deploy(self, **extra: Any) -> list[Run]:
        """Deploy what serves the source, and the source."""
        runs = [self.run("centralize", **extra)] if self._mode == "centralized" else []
        return [*runs, self.run("deploy", "--limit", f"{MEMBER}.{HOME}", **extra)]

    def roll_back(self) -> Run:
        return self.run("rollback", "--limit", f"{self._serving}.{HOME}", rollback_verify=False)

    def tear_down(self) -> list[Run]:
        """Remove everything that `deploy` made."""
        removed = [self.run("teardown", "--limit", f"{MEMBER}.{HOME}")]
        if self._mode != "centralized":
            return removed
        return [*removed, self.run("centralize", centralization_state="absent", centralization_delete_copies=True)]


@contextmanager
def new_group(source: Deployed) -> Iterator[None]:
    """Create the new log group for the block."""
    logs = source.client("logs")
    logs.create_log_group(logGroupName=NEW)
    yield
    logs.delete_log_group(logGroupName=NEW)


def is_served(story: Story) -> bool:
    if story.mode != "filters":
        return True  # the account policy and the rule serve a log group from its first event on
    return bool(story.source.client("logs").describe_subscription_filters(logGroupName=NEW)["subscriptionFilters"])


@pytest.fixture(scope="module", params=MODES)
def story(
    request: pytest.FixtureRequest, aws: RunningAws, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    mode: str = request.param
    folder = tmp_path_factory.mktemp(mode)
    playbooks = Playbooks(aws, sink, mode, folder)
    source = Deployed(aws, MEMBER, HOME)
    found = Story(mode, source, Deployed(aws, CENTRAL, HOME) if mode == "centralized" else source, sink)

    def keep(name: str, *runs: Run) -> None:
        for run in runs:
            found.runs[f"{name} {len(found.runs)}"] = run
            assert run.status == 0, run.output

    keep("deploy", *playbooks.deploy())
    found.keep_memory("first")
    found.write(EARLIER)
    with new_group(source):
        wait_until(lambda: is_served(found), "the new log group's service")
        found.write(NEW)
        keep("report", playbooks.run("report"))
        found.report = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))
        keep("deploy the second release", *playbooks.deploy(**SECOND))
        found.keep_memory("second")
        found.write(NEW)
        keep("roll back", playbooks.roll_back())
        found.keep_memory("rolled back")
        found.write(EARLIER)
        keep("tear down", *playbooks.tear_down())
        found.left = [each for place in {found.source, found.serving} for each in place.own_resources()]
    return found


def test_every_line_arrives_once_under_its_own_names(story: Story) -> None:
    assert story.received() == story.written
    assert len(story.written) == 4


def test_report_has_the_log_groups_as_covered_and_explains_every_event(story: Story) -> None:
    (target,) = [each for each in story.report["targets"] if each["host"] == story.source.host]
    states = {row["log_group"]: (row["state"], row["means"]) for row in target["log_groups"] if "means" in row}
    means = {"filters": "filter", "account_policy": "account_policy", "centralized": "centralization"}[story.mode]
    assert states == {EARLIER: ("covered", means), NEW: ("covered", means)}
    assert story.report["is_complete"]
    assert story.report["flow"]["sinks"] == {"audit": 2}
    assert story.report["flow"]["received"] == 2


def test_rollback_restores_the_first_release(story: Story) -> None:
    assert (story.memory["second"], story.memory["rolled back"]) == (512, story.memory["first"])
    assert story.memory["first"] != 512


def test_teardown_leaves_nothing(story: Story) -> None:
    assert story.left == []
    rules = story.source.aws.client("observabilityadmin", MANAGEMENT, HOME)
    assert rules.list_centralization_rules_for_organization()["CentralizationRuleSummaries"] == []
