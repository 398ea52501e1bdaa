# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook whose output nobody reads, as after `| head`. Needs no AWS: the target cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from waits import RUN_LIMIT

ROOT = Path(__file__).resolve().parents[3]
HOSTS = "shop.eu-west-1 ansible_connection=local target_region=eu-west-1\n"


def play_unread(folder: Path, playbook: str, **variables: str) -> tuple[int, str]:
    """Run a playbook into a pipe without a reader. Return the exit status and the errors."""
    (folder / "hosts").write_text(HOSTS, encoding="utf-8")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))},
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "PYTHONUNBUFFERED": "1",  # as in containers: each line is written at once
        **variables,
    }
    command = ["ansible-playbook", "-i", "hosts", playbook]
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=RUN_LIMIT,
        )
    finally:
        os.close(write_end)
    return done.returncode, done.stderr


@pytest.mark.parametrize("display", ["ansible.builtin.default", "logreflector.aws.fleet"])
def test_report_without_reader_ends_with_its_files_and_status(tmp_path: Path, display: str) -> None:
    """`report | head` never ended: ansible-core's thread for the texts of workers ends at the first broken pipe."""
    status, errors = play_unread(tmp_path, "logreflector.aws.report", ANSIBLE_STDOUT_CALLBACK=display)
    assert status == 2, errors  # the target was not read
    assert "Could not write the output: Broken pipe. The run continues without it." in errors
    assert "Traceback" not in errors
    assert (tmp_path / "log-reflector-report" / "report.html").is_file()


def test_fleet_callback_without_reader_writes_its_report(tmp_path: Path) -> None:
    """A broken pipe in the table at the end stopped the callback before it wrote the file."""
    (tmp_path / "play.yml").write_text("- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.fail: {}}]}\n")
    status, errors = play_unread(tmp_path, "play.yml", ANSIBLE_STDOUT_CALLBACK="logreflector.aws.fleet")
    assert (status, "Broken pipe" in errors, "Traceback" in errors) == (2, False, False), errors
    assert json.loads((tmp_path / "log-reflector-report.json").read_text())["status"] == "finished"
