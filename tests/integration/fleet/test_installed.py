# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball, installed by `make installed`: its files, and runs of it by ansible-runner, as AWX and ansible-navigator run it.

The runs have the four folders that a collection must work with, and nothing else of the tarball.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
from embedded_aws import RunningAws

from playbooks import EXCLUDE, ROOT, TARGETS, write_inventory

sys.path.insert(0, str(ROOT / "tools"))
import build_tarball

INSTALLED = ROOT / "build" / "installed" / "ansible_collections" / "logreflector" / "aws"
TWO = TARGETS[:2]
FIRST, SECOND = (f"{account}.{region}" for account, region in TWO)
FOLDERS = ("meta", "playbooks", "plugins", "roles")
FILES = (
    ".ansible-lint",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MAINTAINERS",
    "README.md",
    "SECURITY.md",
)
"""At the top, beside the two files that ansible-galaxy writes."""
REPORT = "log-reflector-report.json"


@dataclass(frozen=True)
class Job:
    """A playbook that ansible-runner ran in `project`."""

    result: ansible_runner.Runner
    project: Path

    @cached_property
    def output(self) -> str:
        """The standard output."""
        return str(self.result.stdout.read())

    @cached_property
    def fleet(self) -> dict[str, Any]:
        """The report of the fleet callback."""
        found: dict[str, Any] = json.loads((self.project / REPORT).read_text(encoding="utf-8"))
        return found

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each target."""
        return {host: target["outcome"] for host, target in self.fleet["targets"].items()}

    def waves(self, play: str) -> list[tuple[int, int, int]]:
        """Return number, number of all waves and failed targets of each wave of a play."""
        return [(wave["number"], wave["of"], wave["failed"]) for wave in self.fleet["waves"] if wave["play"] == play]

    def task_result(self, host: str, task: str) -> dict[str, Any]:
        """Return the result of a task from the runner's events."""
        (found,) = (
            event["event_data"]["res"]
            for event in self.result.events
            if event["event"] == "runner_on_ok"
            and event["event_data"]["host"] == host
            and event["event_data"]["task"] == task
        )
        return dict(found)


class Controller:
    """Runs the playbooks of examples/controller, the project that docs/SCALE.md describes for AWX, by ansible-runner."""

    def __init__(self, aws: RunningAws, folder: Path) -> None:
        self._folder = folder
        self._project = folder / "project"
        shutil.copytree(INSTALLED / "examples" / "controller", self._project)
        variables = {
            "log_groups_exclude": EXCLUDE,
            "deploy_waves": [1, "100%"],
            "report_directory": str(folder / "report"),
        }
        (folder / "inventory").mkdir()
        write_inventory(folder / "inventory", TWO, **variables)
        self._environment = {
            **aws.deploy_environment(),
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        }

    def run(self, playbook: str) -> Job:
        """Run a playbook of the project to its end."""
        result = ansible_runner.run(
            private_data_dir=str(self._folder),
            playbook=f"{playbook}.yml",
            envvars=self._environment,
            ident=playbook,
            quiet=True,
        )
        return Job(result, self._project)


@pytest.fixture(scope="module")
def controller(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    folder = tmp_path_factory.mktemp("controller")
    assert (INSTALLED / "MANIFEST.json").is_file(), "run `make installed` first, as `make integration` does"
    for name in FOLDERS:
        shutil.copytree(
            INSTALLED / name, folder / "collections" / "ansible_collections" / "logreflector" / "aws" / name
        )
    return Controller(aws, folder)


def test_runner_failed_wave_is_reported(aws: RunningAws, controller: Controller) -> None:
    """ansible-runner changes the ids of plays, so the callback took each wave for a new play and left the targets out."""
    account, region = TWO[1]
    aws.front.deny("CreateFunction", account=account, region=region)
    try:
        job = controller.run("deploy")
    finally:
        aws.front.clear_faults()
    assert (job.result.status, job.result.rc) == ("failed", 2), job.output
    assert job.outcomes() == {FIRST: "changed", SECOND: "failed"}
    assert job.waves("Deploy") == [(1, 2, 0), (2, 2, 1)]
    assert job.task_result(FIRST, "Deploy everything")["catch_up"]["counts"]["changed"] == 7
    assert "lambda:CreateFunction" in job.fleet["targets"][SECOND]["failure"]
    assert "2 targets: 1 changed, 1 failed in " in job.output


def test_runner_deploys_what_is_left(controller: Controller) -> None:
    job = controller.run("deploy")
    assert (job.result.status, job.result.rc) == ("successful", 0), job.output
    assert job.outcomes() == {FIRST: "ok", SECOND: "changed"}
    assert job.waves("Deploy") == [(1, 2, 0), (2, 2, 0)]
    assert "2 targets: 1 changed, 1 ok in " in job.output
    assert "DEPRECATION" not in job.output


def test_runner_reports(controller: Controller) -> None:
    job = controller.run("report")
    assert (job.result.status, job.result.rc) == ("successful", 0), job.output
    assert job.outcomes() == {FIRST: "ok", SECOND: "ok"}
    (summary,) = (controller._folder / "report").glob("*.html")
    assert FIRST in summary.read_text(encoding="utf-8")


def shipped() -> dict[str, Path]:
    """Return the files of the installed collection by their paths in it."""
    return {str(path.relative_to(INSTALLED)): path for path in INSTALLED.rglob("*") if path.is_file()}


def test_tarball_has_tracked_files_only() -> None:
    """A report with account ids that lay in the checkout was packed."""
    made = {"FILES.json", "MANIFEST.json"}
    assert shipped().keys() - made <= set(map(build_tarball.packed_path, build_tarball.tracked(ROOT)))


def test_tarball_has_the_files_that_run_and_no_tools_for_development() -> None:
    names = shipped().keys()
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders == {*FOLDERS, "changelogs", "docs", "examples", "extensions"}
    assert {name for name in names if "/" not in name} == {*FILES, "FILES.json", "MANIFEST.json"}
    assert {"docs/iam/deployer-policy.json", "docs/iam/inventory-policy.json"} <= names


def test_tarball_has_the_sources_of_the_functions_unchanged() -> None:
    sources = [name for name in build_tarball.tracked(ROOT) if name.startswith(build_tarball.SOURCES)]
    assert sources
    for name in sources:
        assert (INSTALLED / build_tarball.packed_path(name)).read_bytes() == (ROOT / name).read_bytes()
