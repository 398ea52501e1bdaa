# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts and regions of a fleet: sessions that are cached between runs, regions that are disabled, regions that fail."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from embedded_aws import RunningAws

from playbooks import MEMBER, POLICY, REGIONS, TARGETS, Ansible, Run, write_inventory

DISABLED = "ap-east-1"
WITHOUT = f"{MEMBER}.{DISABLED}"
SILENT = f"{MEMBER}.{REGIONS[0]}"
PLACES = [*TARGETS, (MEMBER, DISABLED)]
OTHERS = [f"{account}.{region}" for account, region in PLACES if f"{account}.{region}" not in (WITHOUT, SILENT)]


@pytest.fixture
def fleet(aws: RunningAws, tmp_path: Path) -> Ansible:
    """Return a runner with its own home folder."""
    aws.configure(disabled_regions=[f"{MEMBER}/{DISABLED}"])
    return Ansible(aws.deploy_environment(), write_inventory(tmp_path, PLACES), tmp_path)


def play(fleet: Ansible, folder: Path, *arguments: str, tasks: int = 1, environment: Any = ()) -> Run:
    """Run a playbook with `tasks` tasks on every target. With an environment each task is a module process."""
    given = {"region": "{{ target_region }}", "assume_role_arn": "{{ target_role_arn }}"}
    queue = {"logreflector.aws.subscription_filter_info": {"log_group_prefix": "/none"}, "environment": environment}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {"group/logreflector.aws.aws": given},
        "tasks": [{"name": f"Queue {number}", **queue} for number in range(tasks)],
    }
    playbook = folder / "places.json"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    return fleet.run(str(playbook), *arguments)


def failures(run: Run) -> dict[str, str]:
    return {line["host"]: line["result"]["msg"] for line in run.results if line["status"] == "failed"}


def assumed(aws: RunningAws) -> list[tuple[str, str]]:
    """Return account and region of every AssumeRole since the journal was cleared."""
    return [(call.account, call.region) for call in aws.front.calls() if call.operation == "AssumeRole"]


def test_region_disabled_and_region_silent_give_different_errors(
    aws: RunningAws, fleet: Ansible, tmp_path: Path
) -> None:
    aws.front.silence(MEMBER, REGIONS[0])
    try:
        run = play(fleet, tmp_path)
    finally:
        aws.front.clear_faults()
    failed = failures(run)
    assert set(failed) == {WITHOUT, SILENT}
    assert failed[WITHOUT] == (
        f"Could not list the log groups in {MEMBER}/{DISABLED}: RegionDisabled: the region {DISABLED} is not enabled in "
        "this account (DISABLED). Enable the region, or remove this target from the inventory."
    )
    assert f"in {MEMBER}/{REGIONS[0]}: " in failed[SILENT]
    assert "The region is enabled in this account: check that its endpoint can be reached from here." in failed[SILENT]
    assert "Traceback" not in run.output
    assert {line["host"] for line in run.results if line["status"] == "ok"} == set(OTHERS)
    asked = [call for call in aws.front.calls() if call.operation == "GetRegionOptStatus"]
    assert [call.account for call in asked] == [MEMBER, MEMBER]


def test_region_disabled_without_permission_to_read_gives_likely_cause(
    aws: RunningAws, fleet: Ansible, tmp_path: Path
) -> None:
    iam = aws.client("iam", MEMBER, REGIONS[0])
    statements = [item for item in POLICY["Statement"] if item["Action"] != "account:GetRegionOptStatus"]
    assert len(statements) == len(POLICY["Statement"]) - 1
    role = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}
    iam.put_role_policy(**role, PolicyDocument=json.dumps({**POLICY, "Statement": statements}))
    try:
        failed = failures(play(fleet, tmp_path, "--limit", WITHOUT))
    finally:
        iam.put_role_policy(**role, PolicyDocument=json.dumps(POLICY))
    assert "InvalidClientTokenId" in failed[WITHOUT] or "UnrecognizedClientException" in failed[WITHOUT]
    assert "if the region is not enabled" in failed[WITHOUT]
    assert "account:GetRegionOptStatus" in failed[WITHOUT]


def test_session_serves_all_tasks_and_the_next_run(aws: RunningAws, fleet: Ansible, tmp_path: Path) -> None:
    host = f"{MEMBER}.{REGIONS[0]}"
    aws.front.clear_journal()
    runs = [play(fleet, tmp_path, "--limit", host, "-vvv", "--diff", tasks=10)]
    assert len(assumed(aws)) == 1
    cache = tmp_path / ".aws" / "boto" / "cache"
    (kept,) = cache.iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (kept, cache)] == [0o600, 0o700]
    aws.front.clear_journal()
    runs.append(play(fleet, tmp_path, "--limit", host, "-vvv", "--diff", tasks=10))
    runs.append(play(fleet, tmp_path, "--limit", host, "-vvv", tasks=2, environment={"A": "b"}))
    assert assumed(aws) == []
    credentials = json.loads(kept.read_text())["Credentials"]
    for run in runs:
        assert (run.status, failures(run)) == (0, {})
        for part in ("SecretAccessKey", "SessionToken"):
            assert credentials[part] not in run.output
            assert credentials[part] not in json.dumps(run.results)


def test_session_revoked_is_replaced(aws: RunningAws, fleet: Ansible, tmp_path: Path) -> None:
    host = f"{MEMBER}.{REGIONS[0]}"
    play(fleet, tmp_path, "--limit", host)
    (kept,) = (tmp_path / ".aws" / "boto" / "cache").iterdir()
    answer = json.loads(kept.read_text())
    answer["Credentials"]["AccessKeyId"] = "ASIAREVOKEDREVOKED00"
    kept.write_text(json.dumps(answer))
    aws.front.clear_journal()
    assert failures(play(fleet, tmp_path, "--limit", host)) == {}
    assert len(assumed(aws)) == 1
    assert json.loads(kept.read_text())["Credentials"]["AccessKeyId"] != "ASIAREVOKEDREVOKED00"
