# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One fleet, four runs of Ansible at once: as docs/SCALE.md starts them, and as job slices of AWX."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws, role_arn
from embedded_aws.population import populate
from threads_in_tests import in_background
from waits import RUN_LIMIT

from playbooks import EXCLUDE, POLICY, REGIONS, ROOT, Ansible, Run, write_inventory

ACCOUNTS = [f"{number:012}" for number in range(111111111111, 111111111115)]
TARGETS = [(account, region) for account in ACCOUNTS for region in REGIONS]
HOSTS = [f"{account}.{region}" for account, region in TARGETS]
SLICES = 4
DEPLOY, TEARDOWN = "logreflector.aws.deploy", "logreflector.aws.teardown"
OURS = ("log-reflector", "log-reflector-subscriber")  # functions and roles alike
# Values that differ each time a resource is created.
OF_THE_MOMENT = {
    "CodeLocation",
    "AlarmConfigurationUpdatedTimestamp",
    "CreateDate",
    "CreatedTimestamp",
    "EventSourceMappingArn",
    "LastModified",
    "LastModifiedTimestamp",
    "Location",
    "ResponseMetadata",
    "RevisionId",
    "RoleId",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "UUID",
    "creationTime",
}


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start four accounts in two regions. IAM is enforced."""
    organization = Organization(management=ACCOUNTS[0], members=tuple(ACCOUNTS[1:]), regions=REGIONS)
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda target: populate(running, *target, groups=2), TARGETS))
        yield running


class Fleet(Ansible):
    """Runs playbooks over all targets, from one folder and one home."""

    def __init__(self, aws: RunningAws, folder: Path) -> None:
        self.folder = folder
        self.inventory = folder / "inventory"
        self.cache = folder / "cache" / "log-reflector"
        self.inventory.mkdir()
        plugin = {
            "plugin": "logreflector.aws.organization",
            "regions": list(REGIONS),
            "hostname": "{account_id}.{region}",
            "role_arn": role_arn("{account_id}"),
        }
        (self.inventory / "organization.yml").write_text(yaml.safe_dump(plugin))
        static = json.loads(write_inventory(folder, [], log_groups_exclude=EXCLUDE, target_role_arn=None).read_text())
        (self.inventory / "group_vars").mkdir()
        (self.inventory / "group_vars" / "all.json").write_text(json.dumps(static["all"]["vars"]))
        self._given = {
            **aws.deploy_environment(),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "LOG_REFLECTOR_SESSION_CACHE": str(folder / "sessions"),
        }
        super().__init__(self._given, self.inventory, folder)

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a bash script with the fleet callback, which writes a report."""
        environment = {**self.environment, "ANSIBLE_CALLBACKS_ENABLED": "logreflector.aws.fleet"}
        return subprocess.run(
            ["bash", "-euc", script],
            env=environment,
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT,
        )

    def as_awx(self) -> list[Ansible]:
        """Return slices as AWX creates them: every fourth host of the imported inventory, in a script, without all other hosts."""
        exported = self.shell("ansible-inventory -i inventory --list --export")
        imported = json.loads(exported.stdout)
        names = sorted(imported["_meta"]["hostvars"])
        assert names == HOSTS
        return [self._slice(imported, names[number::SLICES], number) for number in range(SLICES)]

    def _slice(self, imported: Mapping[str, Any], hosts: list[str], number: int) -> Ansible:
        variables = imported["_meta"]["hostvars"]
        groups = {
            name: {**group, "hosts": [host for host in group["hosts"] if host in hosts]} if "hosts" in group else group
            for name, group in imported.items()
            if name != "_meta"
        }
        data = {**groups, "_meta": {"hostvars": {host: variables[host] for host in hosts}}}
        script = self.folder / f"awx-{number}"
        script.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(data)!r})\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return Ansible(self._given, script, self.folder)


@pytest.fixture(scope="module")
def fleet(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return Fleet(aws, tmp_path_factory.mktemp("fleet"))


def recipe() -> str:
    """Return the first script of docs/SCALE.md."""
    page = (ROOT / "docs" / "SCALE.md").read_text(encoding="utf-8")
    found = re.search(r"^```bash\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@dataclass
class Packages:
    """The packages that a reader of the cache saw: hashes by file, and the number of reads."""

    hashes: dict[str, set[str]] = field(default_factory=dict)
    reads: int = 0


@contextmanager
def watched(folder: Path) -> Iterator[Packages]:
    """Read the packages again and again inside the block, as runs do that upload a package of another run."""
    seen = Packages()

    def watch(ended: threading.Event) -> None:
        looked_at: dict[str, tuple[int, int, int]] = {}
        while not ended.wait(0.001):
            for path in folder.glob("*.zip"):
                status = path.stat()
                seen.reads += 1
                if (now := (status.st_ino, status.st_size, status.st_mtime_ns)) != looked_at.get(path.name):
                    looked_at[path.name] = now
                    seen.hashes.setdefault(path.name, set()).add(hashlib.sha256(path.read_bytes()).hexdigest())

    with in_background(watch):
        yield seen


def lasting(value: Any) -> Any:
    """Return a value without volatile fields, with sorted lists."""
    if isinstance(value, Mapping):
        return {key: lasting(item) for key, item in value.items() if key not in OF_THE_MOMENT}
    if isinstance(value, list):
        return sorted((lasting(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    return value


def of_target(target: Deployed) -> dict[str, Any]:
    """Return functions, queues, mappings, alarms, rules and filters of a target."""
    functions, events, logs, sqs = (target.client(name) for name in ("lambda", "events", "logs", "sqs"))
    found: dict[str, Any] = {}
    for name in OURS:
        found[f"function {name}"] = {
            "function": functions.get_function(FunctionName=name),
            "invocation": functions.get_function_event_invoke_config(FunctionName=name),
            "aliases": functions.list_aliases(FunctionName=name)["Aliases"],
            "versions": functions.list_versions_by_function(FunctionName=name)["Versions"],
        }
        found[f"mappings of {name}"] = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    found["policy"] = json.loads(functions.get_policy(FunctionName=OURS[0])["Policy"])
    found["alarms"] = target.client("cloudwatch").describe_alarms()["MetricAlarms"]
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        found[f"rule {rule['Name']}"] = {"rule": rule, "targets": targets}
    for url in sqs.list_queues().get("QueueUrls", []):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        found[f"queue {url}"] = {**attributes, "Policy": json.loads(attributes.get("Policy", "{}"))}
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            filters = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
            found[f"log group {name}"] = {
                "retention": group.get("retentionInDays"),
                "filters": filters,
                "marks": target.subscription_tags(name),
            }
    return found


def of_account(target: Deployed) -> dict[str, Any]:
    """Return the execution roles with all their policies."""
    iam = target.client("iam")
    return {
        f"role {name}": {
            "role": iam.get_role(RoleName=name)["Role"],
            "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
            "inline": {
                policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
            },
        }
        for name in sorted(item["RoleName"] for item in iam.list_roles()["Roles"])
        if name in OURS
    }


def snapshot(aws: RunningAws) -> dict[str, Any]:
    """Return everything that a deployment creates, comparable with another deployment."""
    with ThreadPoolExecutor(4) as pool:
        targets = list(pool.map(lambda place: of_target(Deployed(aws, *place)), TARGETS))
    found: dict[str, Any] = dict(zip(HOSTS, targets, strict=True))
    for account in ACCOUNTS:
        found[account] = of_account(Deployed(aws, account, REGIONS[0]))
    cleaned: dict[str, Any] = lasting(found)
    return cleaned


@dataclass(frozen=True, slots=True)
class Story:
    """Four slices, one more run over all, the teardown in two slices by account, one run over all, two slices of AWX."""

    script: subprocess.CompletedProcess[str]
    reports: list[dict[str, Any]]
    packages: Packages
    cached: set[str]
    by_slices: dict[str, Any]
    afterwards: Run
    torn_down: list[Run]
    left: list[str]
    single: Run
    by_one: dict[str, Any]
    awx: list[Run]
    by_awx: dict[str, Any]


def at_once(runs: list[tuple[Ansible, str, list[str]]]) -> list[Run]:
    """Start playbooks at the same time and wait for all of them."""
    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(lambda run: run[0].run(run[1], *run[2]), runs))


@pytest.fixture(scope="module")
def story(aws: RunningAws, fleet: Fleet) -> Story:
    with watched(fleet.cache) as packages:
        script = fleet.shell(recipe())
    reports = [json.loads(path.read_text()) for path in sorted(fleet.folder.glob("slice-*.json"))]
    cached = {path.name for path in fleet.cache.iterdir()}
    by_slices = snapshot(aws)
    afterwards = fleet.run(DEPLOY)
    halves = [":".join(f"account_{account}" for account in half) for half in (ACCOUNTS[:2], ACCOUNTS[2:])]
    torn_down = at_once([(fleet, TEARDOWN, ["--limit", half]) for half in halves])
    left = [name for place in TARGETS for name in Deployed(aws, *place).own_resources()]
    single = fleet.run(DEPLOY)
    by_one = snapshot(aws)
    # The first two slices have both regions of two accounts, each in another run.
    awx = at_once([(part, DEPLOY, []) for part in fleet.as_awx()[:2]])
    return Story(
        script,
        reports,
        packages,
        cached,
        by_slices,
        afterwards,
        torn_down,
        left,
        single,
        by_one,
        awx,
        snapshot(aws),
    )


def test_slices_deploy_at_once(story: Story) -> None:
    assert story.script.returncode == 0, story.script
    assert [report["counts"]["changed"] for report in story.reports] == [2] * SLICES
    assert sorted(host for report in story.reports for host in report["targets"]) == HOSTS
    # The runs overlapped, and no slice had both regions of an account.
    by_start = sorted(story.reports, key=lambda report: report["started"])
    assert all(later["started"] < earlier["ended"] for earlier, later in pairwise(by_start))
    for report in story.reports:
        assert len({target["account"] for target in report["targets"].values()}) == 2


def test_slices_give_the_result_of_one_run(story: Story) -> None:
    assert story.single.status == 0, story.single.output
    assert story.by_slices == story.by_one
    assert {name.split()[0] for name in story.by_one[HOSTS[0]]} == {
        "function",
        "mappings",
        "policy",
        "alarms",
        "rule",
        "queue",
        "log",
    }
    for account in ACCOUNTS:
        assert set(story.by_one[account]) == {f"role {name}" for name in OURS}
        written = json.dumps(story.by_one[account])
        assert all(f"arn:aws:logs:{region}:{account}:log-group:*" in written for region in REGIONS)


def test_slices_then_one_run_changes_nothing(story: Story) -> None:
    assert story.afterwards.status == 0, story.afterwards.output
    assert story.afterwards.changed_tasks() == []


def test_slices_sharing_a_cache_read_only_whole_packages(story: Story) -> None:
    assert story.cached == {"reflector.zip", "subscriber.zip"}
    assert set(story.packages.hashes) == story.cached
    assert all(len(hashes) == 1 for hashes in story.packages.hashes.values())
    assert story.packages.reads > 20


def test_slices_of_whole_accounts_tear_down_everything(story: Story) -> None:
    assert [run.status for run in story.torn_down] == [0, 0], [run.output for run in story.torn_down]
    assert story.left == []


def test_slices_with_one_region_of_an_account_change_nothing(story: Story) -> None:
    assert [run.status for run in story.awx] == [0, 0], [run.output for run in story.awx]
    assert [run.changed_tasks() for run in story.awx] == [[], []]
    reached = [{line["host"] for line in run.results} - {"localhost"} for run in story.awx]
    assert reached == [set(HOSTS[0::SLICES]), set(HOSTS[1::SLICES])]
    assert story.by_awx == story.by_one


def test_slices_teardown_keeps_roles_that_other_regions_need(aws: RunningAws, fleet: Fleet, story: Story) -> None:
    first = fleet.as_awx()[0]
    run = first.run(TEARDOWN)
    assert run.status == 0, run.output
    account, region = TARGETS[0]
    functions = Deployed(aws, account, region).client("lambda").list_functions()["Functions"]
    assert not {function["FunctionName"] for function in functions} & set(OURS)
    assert len(of_account(Deployed(aws, account, region))) == len(OURS)
    assert lasting(of_target(Deployed(aws, *TARGETS[1]))) == story.by_one[HOSTS[1]]
    last = fleet.run(TEARDOWN)
    assert last.status == 0, last.output
    assert [name for place in TARGETS for name in Deployed(aws, *place).own_resources()] == []
