# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball, installed into an empty path by `make installed`, deploys by its playbook's full name."""

from __future__ import annotations

from pathlib import Path

from embedded_aws import RunningAws

from playbooks import EXCLUDE, ROOT, TARGETS, Ansible, write_inventory

INSTALLED = ROOT / "build" / "installed"


def test_installed_collection_deploys(aws: RunningAws, tmp_path: Path) -> None:
    collection = INSTALLED / "ansible_collections" / "logreflector" / "aws"
    assert (collection / "MANIFEST.json").is_file(), "run `make installed` first, as `make integration` does"
    inventory = write_inventory(tmp_path, TARGETS[:1], log_groups_exclude=EXCLUDE)
    environment = {**aws.deploy_environment(), "ANSIBLE_COLLECTIONS_PATH": str(INSTALLED)}
    run = Ansible(environment, inventory, tmp_path, ["ansible-playbook"]).run("logreflector.aws.deploy", "-v")
    assert run.status == 0, run.output
    assert run.catch_up(f"{TARGETS[0][0]}.{TARGETS[0][1]}")["counts"]["changed"] == 7


def test_installed_collection_has_the_files_that_run() -> None:
    collection = INSTALLED / "ansible_collections" / "logreflector" / "aws"
    for needed in (
        "lambda_src/reflector/handler.py",
        "lambda_src/subscriber/handler.py",
        "lambda_src/requirements-native.txt",
        "docs/iam/deployer-policy.json",
        "docs/iam/inventory-policy.json",
    ):
        assert (collection / needed).is_file()
    for needless in (".venv", "build", ".git", "bench"):
        assert not (collection / needless).exists()
