# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole life of a fleet under the oldest ansible-core, boto3 and botocore that the collection takes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from ansible_collections.logreflector.aws.plugins.module_utils._version import OLDEST_SDK
from deployed import Deployed
from embedded_aws import RunningAws

from playbooks import EXCLUDE, MEMBER, REGIONS, ROOT, Ansible, write_inventory

OLDEST = ROOT / ".venv" / "oldest"
TARGETS = [(MEMBER, region) for region in REGIONS]


@pytest.fixture(scope="module")
def oldest(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    folder = tmp_path_factory.mktemp("oldest")
    inventory = write_inventory(
        folder, TARGETS, log_groups_exclude=EXCLUDE, deploy_waves=[1, "100%"], deploy_verify=True, rollback_waves=[1]
    )
    environment = {**aws.deploy_environment(), "PYTHONPATH": str(OLDEST)}
    return Ansible(environment, inventory, folder, [sys.executable, "-m", "ansible", "playbook"])


def version_with(path: str, program: str) -> str:
    """Return what a program prints with this PYTHONPATH."""
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, env={"PYTHONPATH": path}, text=True).strip()


def test_oldest_versions_are_those_that_the_collection_names() -> None:
    ansible = "from ansible.release import __version__; print(__version__.rpartition('.')[0])"
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    oldest = runtime["requires_ansible"] if sys.version_info < (3, 14) else ">=2.20.0"
    assert f">={version_with(str(OLDEST), ansible)}.0" == oldest
    sdk = "import boto3, botocore; print(boto3.__version__, botocore.__version__)"
    assert version_with(str(OLDEST), sdk) == f"{OLDEST_SDK} {OLDEST_SDK}" != version_with("", sdk)


def test_oldest_ansible_stops_after_a_failed_wave_and_runs_all_playbooks(aws: RunningAws, oldest: Ansible) -> None:
    def play(name: str, **extra: object) -> str:
        run = oldest.run(f"logreflector.aws.{name}", extra=extra)
        assert run.status == 0, run.output
        return run.recap() if run.changed_tasks() else f"unchanged\n{run.recap()}"

    aws.front.deny("CreateFunction", account=MEMBER, region=REGIONS[0])
    failed = oldest.run("logreflector.aws.deploy")
    aws.front.clear_faults()
    assert failed.status == 2, failed.output
    assert "2 targets: 1 failed, 1 not started." in failed.recap()
    assert "delivery check: filter after" in play("deploy")
    assert play("deploy", deploy_verify=False).startswith("unchanged")
    play("deploy", reflector_memory_size=320, deploy_verify=False)
    assert "reflector is back at 0.1.0" in play("rollback")
    assert "2 targets: reflector 0.1.0" in play("status")
    play("catch_up")
    play("verify")
    play("replay")
    play("teardown")
    assert [name for target in TARGETS for name in Deployed(aws, *target).own_resources()] == []
