# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo and the guides agree: the guides' commands work after `make demo KEEP=1`. CI runs the demo itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from documented_commands import GUIDES, ROOT, all_commands, steps, without_assignment
from embedded_aws import RunningAws
from embedded_aws.state import State
from test_documented_commands import unknown_in

sys.path.insert(0, str(ROOT / "examples"))
import demo_stage
from demo_centralized import CentralizedDemo
from demo_filters import DOCUMENTED_GROUP, Demo
from demo_stage import Stage, next_steps

PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in GUIDES)]


def hosts_of_organization(stage: type[Stage]) -> set[str]:
    """Return the hosts that the inventory plugin makes of a demo's organisation."""
    described, regions = stage.organization.described, stage.organization.regions
    return {f"{account.name}.{region}" for account in described.values() for region in regions}


def hosts_of_file(stage: type[Stage]) -> set[str]:
    """Return the hosts of a demo's inventory."""
    groups = yaml.safe_load((ROOT / stage.inventory / "targets.yml").read_text(encoding="utf-8"))["all"]["children"]
    return {host for group in groups.values() for host in group["hosts"]}


def test_target_of_the_guides_exists_in_the_demo() -> None:
    """A user of the demo typed START's `--limit shop.eu-west-1`, and no host matched."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    limits = {host for text in texts for line in all_commands(text) for host in re.findall(r"--limit (\w\S*)", line)}
    assert "shop.eu-west-1" in limits
    named = {host for host in limits if host.count(".") == 1}
    assert named <= hosts_of_organization(Demo)
    assert named <= hosts_of_file(Demo)


def test_log_group_of_the_guides_exists_in_the_demo() -> None:
    """The demo had no log group of the name that README and TROUBLESHOOTING explain."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    found = {name for text in texts for line in all_commands(text) for name in re.findall(r"log_group=(\S+)", line)}
    assert found == {DOCUMENTED_GROUP}


def test_inventories_of_the_demos_name_accounts_as_the_organization_does() -> None:
    assert hosts_of_file(Demo) == hosts_of_organization(Demo)
    assert hosts_of_file(CentralizedDemo) <= hosts_of_organization(CentralizedDemo)


def test_inventory_of_start_suits_the_accounts_of_the_demo() -> None:
    """The management account, which START leaves out, is the demo's."""
    found = steps((ROOT / "docs" / "START.md").read_text(encoding="utf-8"))
    (plugin,) = [yaml.safe_load(step.text) for step in found if step.path.endswith("organization.yml")]
    assert plugin["exclude"]["accounts"] == [Demo.organization.management]


@pytest.fixture
def aws() -> RunningAws:
    """A handle on an embedded AWS that does not run."""
    url = "http://127.0.0.1:1"
    return RunningAws(
        State(
            endpoint_url=url,
            front_url=url,
            sink_url=url,
            sink_control_url=url,
            pid=1,
            organization_id="o-1",
            management_account="111111111111",
            accounts=["111111111111"],
            regions=["eu-west-1"],
            deployer_role="log-reflector-deployer",
            environment={"AWS_ACCESS_KEY_ID": "of the demo"},
            log="",
        )
    )


def test_next_steps_name_commands_that_exist_and_accounts(aws: RunningAws) -> None:
    for stage in (Demo, CentralizedDemo):
        text = next_steps(aws, stage)
        lines = [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines()]
        commands = [command for line in lines if (command := without_assignment(line)).startswith(("aws ", "ansible-"))]
        assert any("put-log-events" in command for command in commands)
        assert {command: unknown_in(command) for command in commands} == {command: [] for command in commands}
        assert "222222222222 shop" in text


def test_environment_of_the_demo_replaces_the_users(
    aws: RunningAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 looked for the user's profile in the demo's configuration, which has none."""
    monkeypatch.setattr(demo_stage, "ENVIRONMENT", tmp_path / "environment.sh")
    demo_stage.write_environment(aws, Demo.inventory)
    own = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "token",
        "ANSIBLE_FORKS": "1",
        "ANSIBLE_CONFIG": "/mine",
        "MINE": "1",
    }
    script = ". ./environment.sh && exec env -0"
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **own},
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert (found["AWS_ACCESS_KEY_ID"], found["ANSIBLE_FORKS"], found["MINE"]) == ("of the demo", "6", "1")
    assert not found.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN", "ANSIBLE_CONFIG"}
