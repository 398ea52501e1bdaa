# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user follows the guides and the README: writes their inventories, and types each of their playbook commands, in order.

The other commands (AWS CLI, ansible-galaxy, make) are checked in tests/unit/test_documented_commands.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deployed import Deployed
from documented_commands import GUIDES, Step, all_commands, steps, words
from embedded_aws import Account, Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import populate

from playbooks import BOUNDARY_POLICY, BOUNDED_POLICY, MANAGEMENT, MEMBER, REGIONS, ROOT, Ansible

HOST = f"shop.{REGIONS[0]}"
SEND_POLICY = json.loads((ROOT / "docs" / "iam" / "test-line-policy.json").read_text(encoding="utf-8"))
PAGES = {
    "README": ROOT / "README.md",
    **{name: ROOT / "docs" / f"{name}.md" for name in GUIDES},
}
# The README's inventory is that of the guides with another list of regions, and GROW ends with two of them.
ORDER = ["START", "GROW", *(name for name in PAGES if name not in ("START", "GROW", "README")), "README"]
# They end what the other pages need, so a user types them last.
LAST = "logreflector.aws.teardown"


def all_steps(page: str) -> list[Step]:
    """Return the files and the commands of a page, those of blocks first."""
    text = PAGES[page].read_text(encoding="utf-8")
    ordered = steps(text)
    typed = {step.text for step in ordered}
    return [*ordered, *(Step(command) for command in all_commands(text) if command not in typed)]


def is_playbook(step: Step) -> bool:
    return step.text.startswith("ansible-playbook ") and "..." not in step.text


def typed_commands() -> list[str]:
    """Return each playbook command once."""
    found = [step.text for page in ORDER for step in all_steps(page) if is_playbook(step)]
    return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start the organisation of START: the role of the StackSet's bounded variant is in the account `shop`."""
    organization = Organization(
        management=MANAGEMENT,
        members=(MEMBER,),
        regions=REGIONS,
        described={MANAGEMENT: Account(name="management"), MEMBER: Account(name="shop", ou="/Workloads/Prod")},
        empty_ous=("/Workloads/Test",),
    )
    policy = {**BOUNDED_POLICY, "Statement": [*BOUNDED_POLICY["Statement"], *SEND_POLICY["Statement"]]}
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=policy)) as running:
        running.client("iam", MEMBER, REGIONS[0]).create_policy(
            PolicyName="log-reflector-boundary", PolicyDocument=BOUNDARY_POLICY
        )
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda region: populate(running, MEMBER, region, groups=1), REGIONS))
        running.client("logs", MEMBER, REGIONS[0]).create_log_group(logGroupName="/aws/lambda/payments")
        yield running


@pytest.fixture(scope="module")
def followed(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Return exit status and output of each command, typed in the folder where the inventories are."""
    folder = tmp_path_factory.mktemp("guides")
    ansible = Ansible(aws.deploy_environment(), Path("inventory"), folder)
    found: dict[str, tuple[int, str]] = {}
    last: list[Step] = []
    for page in ORDER:
        for step in all_steps(page):
            if step.path and page != "README":
                write(folder, step)
            elif is_playbook(step) and LAST in step.text:
                last.append(step)
            elif is_playbook(step) and step.text not in found:
                found[step.text] = run(ansible, step)
    found.update({step.text: run(ansible, step) for step in last if step.text not in found})
    return found


def write(folder: Path, step: Step) -> None:
    """Write a file of a guide, and beside it what makes these runs short."""
    path = folder / step.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.text, encoding="utf-8")
    quick = folder / "inventory" / "group_vars" / f"account_{MEMBER}.yml"
    quick.parent.mkdir(exist_ok=True)
    quick.write_text("reflector_drain_seconds: 0\nreflector_settle_seconds: 0\n", encoding="utf-8")


def run(ansible: Ansible, step: Step) -> tuple[int, str]:
    """Run a command, without the words `ansible-playbook -i inventory`."""
    program, option, inventory, playbook, *arguments = words(step.text)
    assert (program, option, inventory) == ("ansible-playbook", "-i", "inventory"), step.text
    finished = ansible.run(playbook, *arguments)
    return finished.status, finished.output


@pytest.mark.parametrize("command", typed_commands())
def test_command_of_a_guide_succeeds(followed: dict[str, tuple[int, str]], command: str) -> None:
    status, output = followed[command]
    assert status == 0, output


def test_first_deployment_is_as_the_guide_shows(followed: dict[str, tuple[int, str]]) -> None:
    start = "ansible-playbook -i inventory logreflector.aws."
    ready = output_of(followed, f"{start}preflight --limit {HOST}")
    assert re.search(rf"^ready( with warnings)? +{HOST} \(account {MEMBER}, {REGIONS[0]}\)", ready, re.MULTILINE), ready
    deployed = output_of(followed, f"{start}deploy --limit {HOST}")
    assert "Wave 1 of 1: 1 target ok, 0 failed (limit 0%)." in deployed
    assert f"{HOST}: changed. " in deployed
    assert "delivery check: filter after " in deployed


def test_last_command_of_the_guides_leaves_nothing(followed: dict[str, tuple[int, str]], aws: RunningAws) -> None:
    assert followed
    assert [Deployed(aws, MEMBER, region).own_resources() for region in REGIONS] == [[], []]


def output_of(followed: dict[str, tuple[int, str]], command: str) -> str:
    return followed[command][1]
