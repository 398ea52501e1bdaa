# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Native packages of the reflector: one for each runtime and architecture in the fleet, and one if all targets agree."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from embedded_aws import RunningAws

from playbooks import EXCLUDE, MANAGEMENT, MEMBER, REGIONS, Ansible, Run, write_inventory

PLAIN, NATIVE = REGIONS
TARGETS = [(account, region) for account in (MANAGEMENT, MEMBER) for region in REGIONS]
ARM, X86 = 183, 62  # e_machine of an ELF header


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("native")


@pytest.fixture(scope="module")
def mixed(aws: RunningAws, folder: Path) -> tuple[Run, Run]:
    """Deploy twice: one region native, one account x86_64."""
    inventory = write_inventory(
        folder,
        TARGETS,
        log_groups_exclude=EXCLUDE,
        reflector_sumo_endpoint=aws.sink_url,
        reflector_native=f"{{{{ target_region == '{NATIVE}' }}}}",
        reflector_architecture=f"{{{{ 'x86_64' if target_account_id == '{MEMBER}' else 'arm64' }}}}",
    )
    ansible = Ansible({**aws.deploy_environment(), "XDG_CACHE_HOME": str(folder)}, inventory, folder)
    return ansible.run("logreflector.aws.deploy"), ansible.run("logreflector.aws.deploy")


def machines(package: str) -> set[int]:
    with zipfile.ZipFile(package) as archive:
        headers = [archive.read(name)[:20] for name in archive.namelist() if name.endswith(".so")]
    return {int.from_bytes(header[18:], "little") for header in headers}


@pytest.mark.parametrize(
    ("account", "region", "name", "expected"),
    [
        (MANAGEMENT, PLAIN, "reflector.zip", set()),
        (MEMBER, PLAIN, "reflector.zip", set()),
        (MANAGEMENT, NATIVE, "reflector-python3.13-arm64.zip", {ARM}),
        (MEMBER, NATIVE, "reflector-python3.13-x86_64.zip", {X86}),
    ],
)
def test_native_functions_have_the_package_of_their_target(
    aws: RunningAws, mixed: tuple[Run, Run], account: str, region: str, name: str, expected: set[int]
) -> None:
    run, _again = mixed
    assert run.status == 0, run.output
    package = run.result(f"{account}.{region}", "Deploy everything")["packages"]["reflector"]
    assert Path(package["path"]).name == name
    assert machines(package["path"]) == expected
    function = aws.client("lambda", account, region).get_function_configuration(FunctionName="log-reflector")
    assert function["CodeSha256"] == package["code_sha256"]
    assert function["Architectures"] == ["x86_64" if account == MEMBER else "arm64"]


def test_native_second_deployment_changes_nothing(mixed: tuple[Run, Run]) -> None:
    _first, again = mixed
    assert (again.status, again.changed_tasks()) == (0, []), again.output
