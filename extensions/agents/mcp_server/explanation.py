# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook explain for one log group of one target."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

SECONDS = 600
_LOG_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_TARGET = re.compile(r"[A-Za-z0-9][\w.-]{0,252}", re.ASCII)
_TAIL = 2000


class ExplanationError(Exception):
    """The playbook could not answer."""


def explain(inventory: Path, log_group: str, target: str) -> dict[str, Any]:
    """Return what the playbook found out. Raises ExplanationError.

    Both names are checked: Ansible runs templates in variables, and patterns and files in a limit.
    """
    if not _LOG_GROUP.fullmatch(log_group):
        raise ExplanationError("log_group is no name of a log group: 1 to 512 of A-Z a-z 0-9 . - _ / #")
    if not _TARGET.fullmatch(target):
        raise ExplanationError("target is no name of a target: letters, digits, . _ and -, as in the report")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "explanation.json"
        variables = json.dumps({"log_group": log_group, "explain_file": str(file), "send": False})
        command = [
            "ansible-playbook",
            "-i",
            str(inventory),
            "--limit",
            target,
            "-e",
            variables,
            "logreflector.aws.explain",
        ]
        output = _run(command)
        if not file.exists():
            raise ExplanationError(f"The playbook explain gave no answer: {output[-_TAIL:]}")
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _run(command: list[str]) -> str:
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except FileNotFoundError:
        raise ExplanationError("ansible-playbook was not found on the PATH of the server") from None
    except subprocess.TimeoutExpired:
        raise ExplanationError(f"The playbook explain did not end within {SECONDS} seconds") from None
    return run.stdout + run.stderr
