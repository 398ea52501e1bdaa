"""The subscriber is given lists of patterns, in whatever form the inventory or the command line has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROLE = Path(__file__).resolve().parents[3] / "roles" / "subscriber"


@pytest.mark.parametrize(
    ("given", "include", "exclude"),
    [
        ({}, ["*"], []),
        ({"log_groups_include": ["/a/*", 7], "log_groups_exclude": ["/b/*"]}, ["/a/*", "7"], ["/b/*"]),
        ({"log_groups_include": "/a/*, /b/*", "log_groups_exclude": "/c/*"}, ["/a/*", "/b/*"], ["/c/*"]),
        ({"log_groups_include": None, "log_groups_exclude": None}, ["*"], []),
        ({"log_groups_include": []}, [], []),
    ],
    ids=["not given", "lists", "texts", "null", "none at all"],
)
def test_patterns_are_lists(tmp_path: Path, given: dict[str, Any], include: list[str], exclude: list[str]) -> None:
    files = [argument for part in ("defaults", "vars") for argument in ("-e", f"@{ROLE / part / 'main.yml'}")]
    run = subprocess.run(
        [Path(sys.executable).parent / "ansible", "localhost", "-m", "ansible.builtin.debug", "-a", "var=subscriber_settings",
         *files, "-e", json.dumps(given)],
        env={**os.environ, "HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    settings = json.loads(run.stdout.partition("=>")[2])["subscriber_settings"]
    assert (settings["include"], settings["exclude"]) == (include, exclude)
