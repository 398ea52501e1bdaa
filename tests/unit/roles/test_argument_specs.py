"""The roles' argument specs say what their tasks and defaults do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
# What is needed has no default, nor has what is left alone if it is not given: Ansible 2.17 and 2.18 would validate
# "{{ omit }}" as a value.
WITHOUT_DEFAULT = {
    "account_permissions_boundary",
    "account_reflector_secret_arns",
    "catch_up_max_seconds",
    "reflector_reserved_concurrency",
    "reflector_sumo_endpoint",
}


def load(role: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((role / name).read_text(encoding="utf-8"))


@pytest.fixture(params=sorted(path.name for path in ROLES.iterdir() if (path / "tasks").is_dir()))
def role(request: pytest.FixtureRequest) -> Path:
    return ROLES / request.param


@pytest.fixture
def entry_points(role: Path) -> dict[str, Any]:
    return load(role, "meta/argument_specs.yml")["argument_specs"]


def test_every_entry_point_has_a_spec(role: Path, entry_points: dict[str, Any]) -> None:
    assert set(entry_points) == {path.stem for path in (role / "tasks").glob("*.yml")}


def test_every_variable_is_specified(role: Path, entry_points: dict[str, Any]) -> None:
    options = {name for entry in entry_points.values() for name in entry["options"]}
    assert options - WITHOUT_DEFAULT == set(load(role, "defaults/main.yml"))


def test_defaults_agree(role: Path, entry_points: dict[str, Any]) -> None:
    defaults = load(role, "defaults/main.yml")
    for entry in entry_points.values():
        for name, option in entry["options"].items():
            if "{{" not in str(defaults.get(name)):
                assert option.get("default") == defaults.get(name), name


@pytest.mark.parametrize("name", ["reflector", "subscriber"])
def test_the_release_is_the_collections_version(name: str) -> None:
    galaxy = yaml.safe_load((ROLES.parent / "galaxy.yml").read_text(encoding="utf-8"))
    assert load(ROLES / name, "vars/main.yml")[f"{name}_release"] == galaxy["version"]
