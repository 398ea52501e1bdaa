# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An emulated organisation with the deployer's policy of docs/iam, and Ansible as an engineer runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import populate

sys.path.insert(0, str(Path(__file__).resolve().parent))
from playbooks import EXCLUDE, MANAGEMENT, MEMBER, POLICY, REGIONS, TARGETS, Ansible, write_inventory


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start two populated accounts. IAM is enforced, with the deployer's policy of docs/iam."""
    organization = Organization(management=MANAGEMENT, members=(MEMBER,), regions=REGIONS)
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda target: populate(running, *target, groups=6), TARGETS))
        yield running


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Return a runner of playbooks for all targets."""
    folder = tmp_path_factory.mktemp("ansible")
    inventory = write_inventory(folder, TARGETS, log_groups_exclude=EXCLUDE)
    return Ansible(aws.deploy_environment(), inventory, folder)
