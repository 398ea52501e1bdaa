# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A default in a playbook or role is the one that the variable's description has."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.option import Option
from ansible_collections.logreflector.aws.plugins.plugin_utils import _playbook_options
from ansible_collections.logreflector.aws.plugins.plugin_utils._summaries.options import GROUPS
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import KNOWN_VARIABLES, SPECS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")))
DEFAULT = re.compile(r"\b([a-z_]+) \| default\(('[^']*'|\[[^\]]*\]|\w+)\)")
# The default of a required option only moves the error to the module, which names the variable.
REQUIRED = {"log_group"}


def described() -> dict[str, Option]:
    """Return the description of each variable."""
    groups = itertools.chain(_playbook_options.GROUPS, *GROUPS.values(), *(spec.groups for spec in SPECS.values()))
    found: dict[str, Option] = {}
    for group in groups:
        for variable, option in group.by_variable().items():
            found.setdefault(variable, option)
    return found


def defaults(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the variables with a constant default in a file."""
    for name, text in DEFAULT.findall(path.read_text(encoding="utf-8")):
        if text not in ("omit", "undef"):
            yield name, ast.literal_eval({"true": "True", "false": "False"}.get(text, text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_default_of_a_variable_is_that_of_its_description(path: Path) -> None:
    options = described()
    found = {name: default for name, default in defaults(path) if name in options and name not in REQUIRED}
    wanted = {name: options[name].default for name in found}
    assert found == {name: list(each) if isinstance(each, tuple) else each for name, each in wanted.items()}


def test_variables_of_playbooks_are_known() -> None:
    variables = {variable for group in _playbook_options.GROUPS for variable in group.by_variable()}
    assert variables <= KNOWN_VARIABLES


def test_defaults_are_found() -> None:
    found = dict(itertools.chain.from_iterable(map(defaults, FILES)))
    assert found["deploy_waves"] == ["1", "5%", "25%", "100%"]
    assert found["rollback_verify"] is True
    assert found["event_run_seconds"] == 3600
