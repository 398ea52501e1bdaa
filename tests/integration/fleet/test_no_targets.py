# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook without targets fails and says why, with Ansible's own display."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from warm_ansible import warm_ansible

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
HOSTS = "[prod]\nshop.eu-west-1\n[dev]\ntest.eu-west-1\n[all:vars]\nansible_connection=local\n"


def play(folder: Path, playbook: str, *arguments: str) -> tuple[int | None, str]:
    """Run a playbook with Ansible's default settings. Return the exit status and the output."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))},
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
    }
    given = [f"logreflector.aws.{playbook}", *arguments]
    run = warm_ansible(environment).start("ansible-playbook", given, environment, folder)
    output, _unused = run.communicate()
    return run.returncode, output


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbook_with_empty_inventory_fails(tmp_path: Path, playbook: str) -> None:
    (tmp_path / "empty").mkdir()
    status, output = play(tmp_path, playbook, "-i", "empty")
    assert status != 0
    assert "No target matches the hosts 'all'; nothing was done." in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "No target matches the hosts 'all'; nothing was done."),
        (("-i", "missing"), "No target matches the hosts 'all'; nothing was done."),
        (("-i", "missing", "--limit", "shop.eu-west-1"), "'all' and --limit shop.eu-west-1; nothing was done."),
        (("-i", "hosts", "--limit", "dev", "-e", "logreflector_hosts=prod"), "'prod' and --limit dev; nothing"),
        (("-i", "hosts", "-e", "logreflector_hosts=prd"), "No target matches the hosts 'prd'; nothing was done."),
        (("-i", "hosts", "--limit", "nobody"), "leaves us with no hosts to target"),
    ],
)
def test_playbook_whose_pattern_and_limit_match_nothing_fails(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "hosts").write_text(HOSTS, encoding="utf-8")
    status, output = play(tmp_path, "status", *arguments)
    assert status != 0
    assert message in " ".join(output.split())


def test_playbook_syntax_check_needs_no_inventory(tmp_path: Path) -> None:
    status, output = play(tmp_path, "deploy", "--syntax-check")
    assert status == 0, output


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbook_with_tags_of_no_task_is_no_success(tmp_path: Path, playbook: str) -> None:
    """These targets have no account and no region, so a playbook that looks at them fails."""
    (tmp_path / "hosts").write_text(HOSTS, encoding="utf-8")
    status, output = play(tmp_path, playbook, "-i", "hosts", "--tags", "typo")
    assert status in (2, 4), output
