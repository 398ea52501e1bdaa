# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for every module of the collection."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.logreflector.aws.plugins.module_utils._errors import THROTTLING_CODES
from ansible_collections.logreflector.aws.plugins.module_utils._module import CONNECTION, Spec
from ansible_collections.logreflector.aws.plugins.module_utils._parts import reflector_code
from ansible_collections.logreflector.aws.plugins.module_utils._version import VERSION
from ansible_collections.logreflector.aws.plugins.plugin_utils._summaries.options import GROUPS
from ansible_collections.logreflector.aws.plugins.plugin_utils._summary_action import SummaryAction
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import (
    RARELY_CALLED,
    SERVICES,
    SPECS,
    WorkerAction,
)
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.logreflector.aws.plugins"
MODULES = sorted(SPECS)
SUMMARIES = sorted(GROUPS)
# The file of a summary in plugins/modules is documentation only.
DOCUMENTED = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
WITHOUT_CONNECTION: set[str] = set()
# They deploy, send, go back or look at one log group, and manage no single resource.
WITHOUT_STATE = {"log_group_path", "dead_letter_replay", "release_rollback"}

# Defaults of the attributes of an option, in documentation and in argument specs.
_UNSAID: dict[str, Any] = {
    "type": "str",
    "elements": None,
    "required": False,
    "default": None,
    "choices": None,
    "aliases": [],
}


def module(name: str) -> Any:
    return importlib.import_module(f"{PLUGINS}.modules.{name}")


def spec(name: str) -> Spec:
    found = module(name).SPEC
    assert isinstance(found, Spec)
    return found


def documentation(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(module(name).DOCUMENTATION)
    return loaded


def fragment(reference: str) -> dict[str, Any]:
    """Return one fragment, `logreflector.aws.<file>[.<section>]`."""
    file, _unused, section = reference.removeprefix("logreflector.aws.").partition(".")
    holder = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
    loaded: dict[str, Any] = yaml.safe_load(getattr(holder, section.upper() or "DOCUMENTATION"))
    return loaded


def documented_options(name: str) -> dict[str, Any]:
    documented = documentation(name)
    options: dict[str, Any] = {}
    for reference in documented["extends_documentation_fragment"]:
        options.update(fragment(reference).get("options") or {})
    return {**options, **(documented.get("options") or {})}


def essence(options: dict[str, Any], below: str) -> dict[str, Any]:
    """Return the attributes on which documentation and argument spec must agree. `below` is the key of suboptions."""
    return {
        name: {
            **{key: option.get(key, unsaid) for key, unsaid in _UNSAID.items()},
            "aliases": sorted(option.get("aliases", [])),
            "options": essence(option.get(below) or {}, below),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_the_documentation_is_the_argument_spec(name: str) -> None:
    assert essence(documented_options(name), "suboptions") == essence(
        spec(name).arguments()["argument_spec"], "options"
    )


@pytest.mark.parametrize("name", SUMMARIES)
def test_summary_has_an_action_plugin_whose_options_are_documented(name: str) -> None:
    plugin = importlib.import_module(f"{PLUGINS}.action.{name}").ActionModule
    assert issubclass(plugin, SummaryAction)
    options = plugin.spec.arguments()["argument_spec"]
    assert essence(documented_options(name), "suboptions") == essence(options, "options")


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_option_is_described(name: str) -> None:
    def undescribed(options: dict[str, Any]) -> list[str]:
        below = [item for option in options.values() for item in undescribed(option.get("suboptions") or {})]
        return [key for key, option in options.items() if not option.get("description")] + below

    assert undescribed(documented_options(name)) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_an_action_plugin_with_the_same_spec(name: str) -> None:
    plugin = importlib.import_module(f"{PLUGINS}.action.{name}").ActionModule
    assert issubclass(plugin, WorkerAction)
    assert plugin.spec is spec(name)


def test_models_of_every_called_service_are_read_before_the_fork() -> None:
    """A model that a worker reads itself takes most of a target's CPU time."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "plugins" / "module_utils").glob("**/*.py")]
    named = re.compile(r'\bclient\(\s*"([a-z]+[0-9]?)"|^\s*(?:service|SERVICE)\b[^=\n]*= "([a-z]+)"', re.MULTILINE)
    called = {name for text in texts for match in named.findall(text) for name in match if name}
    assert called == {*SERVICES, *RARELY_CALLED}


def test_every_action_plugin_has_a_module() -> None:
    modules, actions = (
        {path.stem for path in (ROOT / "plugins" / folder).glob("*.py")} for folder in ("modules", "action")
    )
    assert actions == modules


def test_the_reflector_tries_again_after_each_throttling_code() -> None:
    """Its package has no module of the collection's errors, so it has a list of its own."""
    assert set(THROTTLING_CODES) <= reflector_code.module("aws")._TRANSIENT_CODES


def test_the_changelog_has_every_module() -> None:
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"].values()
    listed = [module["name"] for release in releases for module in release.get("modules", [])]
    assert sorted(listed) == DOCUMENTED, "run make changelog"


def test_the_action_group_has_every_module_that_connects() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    assert sorted(groups["aws"]) == [name for name in MODULES if name not in WITHOUT_CONNECTION]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_that_connects_takes_the_connection_options_and_says_so(name: str) -> None:
    connects = name not in WITHOUT_CONNECTION
    assert spec(name).connects is connects
    assert (CONNECTION.keys() <= spec(name).arguments()["argument_spec"].keys()) is connects
    fragments = documentation(name)["extends_documentation_fragment"]
    assert ("logreflector.aws.connection" in fragments) is connects
    assert ("logreflector.aws.attributes.group" in fragments) is connects


@pytest.mark.parametrize("name", MODULES)
def test_module_has_state_option_unless_it_has_no_states(name: str) -> None:
    options = {key: option.argument() for key, option in spec(name).options().items()}
    if name in WITHOUT_STATE or name.endswith("_info"):
        assert "state" not in options
    else:
        state = options["state"]
        assert (state["type"], state["default"]) == ("str", "present")
        assert {"present", "absent"} <= {*state["choices"]}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_check_mode_and_diff_do_is_documented(name: str) -> None:
    documented = documentation(name)
    attributes: dict[str, Any] = dict(documented.get("attributes") or {})
    for reference in documented["extends_documentation_fragment"]:
        attributes = {**(fragment(reference).get("attributes") or {}), **attributes}
    assert attributes["check_mode"]["support"] == "full"
    assert {"diff_mode", "idempotent"} <= attributes.keys()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_use_the_full_name_and_only_options_that_exist(name: str) -> None:
    known = {item for key, option in documented_options(name).items() for item in (key, *option.get("aliases", []))}
    own = [
        task[f"logreflector.aws.{name}"]
        for task in yaml.safe_load(module(name).EXAMPLES)
        if f"logreflector.aws.{name}" in task
    ]
    assert own
    for options in own:
        assert set(options or ()) <= known


@pytest.mark.parametrize("name", MODULES)
def test_names_that_hint_at_a_secret_are_kept_or_declared_harmless(name: str) -> None:
    """ansible-test demands a decision on no_log for each option whose name looks like a secret."""
    for option, settings in spec(name).arguments()["argument_spec"].items():
        if any(word in option for word in ("secret_key", "session_token", "password", "external_id")):
            assert settings.get("no_log") is True, option


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_module_file_carries_version_and_return_values(name: str) -> None:
    documented = documentation(name)
    assert documented["module"] == name
    assert Version(documented["version_added"]) <= Version(VERSION)
    assert not documented["short_description"].endswith(".")
    returned = yaml.safe_load(module(name).RETURN)
    assert returned
    assert all({"description", "type", "returned"} <= value.keys() for value in returned.values())


def test_no_two_files_of_the_integration_tests_have_one_name() -> None:
    """pytest imports them by their bare names: it would collect one and stop at the other."""
    names = Counter(path.name for path in (ROOT / "tests" / "integration").rglob("*.py"))
    del names["conftest.py"]
    assert [name for name, times in names.items() if times > 1] == []


def undescribed(results: dict[str, Any], *, sampled: bool = False) -> list[str]:
    """Return the results whose fields neither `contains` nor a sample shows, and those without a description."""
    found: list[str] = []
    for name, result in results.items():
        is_sampled = sampled or "sample" in result
        fields = result.get("contains") or {}
        if not result.get("description") or not result.get("returned"):
            found.append(name)
        if "dict" in (result["type"], result.get("elements")) and not fields and not is_sampled:
            found.append(name)
        found += [f"{name}.{each}" for each in undescribed(fields, sampled=is_sampled)]
    return found


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_result_is_described(name: str) -> None:
    results = yaml.safe_load(module(name).RETURN)
    assert results
    assert undescribed(results) == []
