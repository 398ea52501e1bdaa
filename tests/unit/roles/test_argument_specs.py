# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles' argument specs, which `make generate` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import SPECS

ROLES = Path(__file__).resolve().parents[3] / "roles"


@pytest.fixture(params=sorted(path.name for path in ROLES.iterdir() if (path / "tasks").is_dir()))
def role(request: pytest.FixtureRequest) -> Path:
    return ROLES / request.param


def entry_points(role: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    return loaded["argument_specs"]


def test_argument_specs_every_entry_point_has_one(role: Path) -> None:
    assert set(entry_points(role)) == {path.stem for path in (role / "tasks").glob("*.yml")}


def test_argument_specs_variables_are_options_of_a_module() -> None:
    documented = {
        name
        for role in ("account", "reflector", "subscriber", "catch_up")
        for entry in entry_points(ROLES / role).values()
        for name in entry.get("options", {})
    }
    known = {variable for spec in SPECS.values() for variable in spec.variables().values()}
    assert documented - known == set()


def test_argument_specs_defaults_are_those_of_the_deployment() -> None:
    options = SPECS["deployment"].arguments()["argument_spec"]
    for role in ("reflector", "subscriber", "catch_up"):
        for name, option in entry_points(ROLES / role)["main"]["options"].items():
            assert option.get("default") == options[name].get("default"), name
