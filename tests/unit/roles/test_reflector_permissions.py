"""The statements of the reflector's policy: the one for all log groups, and those that the console is to show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_options import (
    sample_expand,
    wanted_statements,
)

ROLE = Path(__file__).resolve().parents[3] / "roles" / "reflector"


def rendered(home: Path, log_groups: Sequence[str]) -> dict[str, Any]:
    files = [argument for part in ("defaults", "vars") for argument in ("-e", f"@{ROLE / part / 'main.yml'}")]
    wanted = "msg={{ [reflector_statements, reflector_trigger_mistake] | to_json }}"
    run = subprocess.run(
        [Path(sys.executable).parent / "ansible", "localhost", "-m", "ansible.builtin.debug", "-a", wanted,
         *files, "-e", json.dumps({"reflector_trigger_log_groups": log_groups, "target_region": "eu-west-1"})],
        env={**os.environ, "HOME": str(home), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True, text=True, check=True, cwd=home,
    )  # fmt: skip
    message = json.loads(run.stdout.partition("=>")[2])["msg"]
    statements, mistake = json.loads(message) if isinstance(message, str) else message
    return {"statements": statements, "mistake": mistake}


def test_each_log_group_has_a_statement_beside_the_one_for_all(tmp_path: Path) -> None:
    names = ["/aws/lambda/checkout_1.x#y", "x" * 512, "/aws/lambda/checkout_1.x#y"]
    found = rendered(tmp_path, names)
    assert found["mistake"] == ""
    params = {"statements": found["statements"], "state": "present", "purge_prefix": "log-reflector-trigger-"}
    made = wanted_statements(params, sample_expand("eu-west-1"))
    groups = [(item.source_arn or "").partition("log-group:")[2] for item in made]
    assert groups == ["*", f"{names[0]}:*", f"{names[1]}:*"]
    assert {(item.principal, item.source_account) for item in made} == {("logs.amazonaws.com", "0" * 12)}
    assert made[0].statement_id == "log-reflector-logs"
    assert all(item.statement_id.startswith("log-reflector-trigger-") for item in made[1:])
    assert len({item.statement_id for item in made}) == 3


@pytest.mark.parametrize("name", ["/aws/*", "x" * 513, "é", "", "a b"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    assert "reflector_trigger_log_groups" in rendered(tmp_path, ["/app/orders", name])["mistake"]
