"""The subscriber is given lists of patterns, in whatever form the inventory or the command line has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "subscriber"


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
    settings = subscriber_settings(tmp_path, given)
    assert (settings.get("include", ["*"]), settings.get("exclude", [])) == (include, exclude)


def test_what_the_sinks_write_to_is_left_out_beside_what_the_user_names(tmp_path: Path) -> None:
    given = {"log_groups_own": ["/proxy/*"], "reflector_sinks": {"lake": {"type": "firehose", "stream": "lake"}}}
    assert subscriber_settings(tmp_path, given)["own_log_groups"] == ["/proxy/*", "/aws/kinesisfirehose/lake"]


def subscriber_settings(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What the role gives the function, by the variables of an inventory."""
    files = [argument for part in ("defaults", "vars") for argument in ("-e", f"@{ROLE / part / 'main.yml'}")]
    run = subprocess.run(
        [Path(sys.executable).parent / "ansible", "localhost", "-m", "ansible.builtin.debug", "-a", "var=subscriber_settings",
         *files, "-e", json.dumps(given)],
        env={**os.environ, "HOME": str(folder), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false",
             "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections")},
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(run.stdout.partition("=>")[2])["subscriber_settings"]
    assert found["mistake"] == ""
    settings: dict[str, Any] = json.loads(found["settings"])
    return settings
