# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-rulebook, as a user starts it, over the embedded AWS and its queues."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import populate

ROOT = Path(__file__).resolve().parents[2]
for _folder in ("tests/integration/fleet", "tests/integration", "tests", "tests/eda"):
    sys.path.insert(0, str(ROOT / _folder))

from deployed import Deployed  # noqa: E402
from rulebooks import FIGURES, MANAGEMENT, MEMBERS, ORGANIZATIONS_REGION, REGION, EventQueue, Rulebook  # noqa: E402

from playbooks import EXCLUDE, Ansible, write_inventory  # noqa: E402

POLICY = json.loads((ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8"))
EVENTS_POLICY = (ROOT / "docs" / "iam" / "events-policy.json").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def aws() -> Iterator[RunningAws]:
    """Start an organisation. IAM is enforced, with the policies of docs/iam."""
    organization = Organization(management=MANAGEMENT, members=MEMBERS, regions=(REGION, ORGANIZATIONS_REGION))
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        running.client("iam", MANAGEMENT, REGION).put_user_policy(
            UserName="deployer", PolicyName="events", PolicyDocument=EVENTS_POLICY
        )
        for account in (MANAGEMENT, *MEMBERS):
            populate(running, account, REGION, groups=3)
        yield running


@pytest.fixture(scope="session")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an inventory of all accounts. A failed event comes again after a second."""
    folder = tmp_path_factory.mktemp("inventory")
    targets = [(account, REGION) for account in (MANAGEMENT, *MEMBERS)]
    write_inventory(folder, targets, log_groups_exclude=EXCLUDE, event_retry_seconds=1)
    return folder


@pytest.fixture(scope="session")
def deployed(aws: RunningAws, inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Deploy to the management account, which has the bus that events of this collection are sent to."""
    target = Deployed(aws, MANAGEMENT, REGION)
    ansible = Ansible(aws.deploy_environment(), inventory, tmp_path_factory.mktemp("deploy"))
    run = ansible.run("logreflector.aws.deploy", "--limit", target.host)
    assert run.status == 0, run.output
    return target


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures."""
    for line in FIGURES:
        terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def rulebook(
    request: pytest.FixtureRequest, aws: RunningAws, inventory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rulebook]:
    """Start the rulebook that the module names in RULEBOOK, with a queue of its own."""
    name = request.module.RULEBOOK
    region = ORGANIZATIONS_REGION if name == "new_account" else REGION
    queue = EventQueue.create(aws, f"log-reflector-events-{name.replace('_', '-')}", region)
    with Rulebook(name, aws, queue, inventory, tmp_path_factory.mktemp(name)) as running:
        yield running
