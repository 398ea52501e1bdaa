# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every command in README and docs names playbooks, options, variables, files and API parameters that exist.

tests/integration/fleet/test_guides.py runs those of the guides.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore.session
import pytest
from ansible.cli.doc import DocCLI
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.inventory import InventoryCLI
from ansible.cli.playbook import PlaybookCLI
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import KNOWN_VARIABLES
from botocore import xform_name
from documented_commands import GUIDES, ROOT, all_commands, commands, steps, without_assignment, words

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")])
TASKS = [path for path in PAGES if path == ROOT / "README.md" or path.stem in GUIDES]
REPOSITORY = "https://github.com/logreflector/logreflector.aws"
PARSERS = {
    "ansible-playbook": PlaybookCLI,
    "ansible-inventory": InventoryCLI,
    "ansible-galaxy": GalaxyCLI,
    "ansible-doc": DocCLI,
}
USERS_FILES = {"endpoint.txt"}
# Options of the AWS CLI that are no parameter of an operation.
CLI_OPTIONS = {"region", "query", "output", "profile", "endpoint_url"}
UNCHECKED = {"pip", "source", "collection"}  # `collection=...` sets a variable
INTERNAL = {"not_subscribed", "recap_waves"}  # a field of a result, and a variable that playbooks give to an include


def known_variables() -> set[str]:
    """Return the names of all variables that a playbook reads."""
    read = re.findall(
        r"\b[a-z]+_[a-z_]+\b", "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("playbooks/**/*.yml"))
    )
    return {*KNOWN_VARIABLES, *read, "send", *variables_of_roles()}


def variables_of_roles() -> set[str]:
    """Return the variables of the roles' argument specs."""
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/meta/argument_specs.yml")]
    return {name for text in texts for name in re.findall(r"^      (\w+):$", text, re.MULTILINE)}


def unknown_in_playbook(arguments: list[str]) -> list[str]:
    """Return what an ansible-playbook names that does not exist."""
    cli = PlaybookCLI(["ansible-playbook", *arguments])
    cli.init_parser()
    options = cli.parser.parse_args(arguments)
    names = [name.rpartition(".")[2] for name in options.args if name.startswith("logreflector.aws.")]
    given = [each for item in options.extra_vars for each in ([item] if isinstance(item, str) else item)]
    variables = [name for item in given for name in names_of_variables(item)]
    missing = [name for name in names if not (ROOT / "playbooks" / f"{name}.yml").exists() and name != "NAME"]
    return missing + [name for name in variables if name not in known_variables()]


def names_of_variables(item: str) -> list[str]:
    """Return the variables of one `-e`."""
    if item.startswith("{"):
        return list(json.loads(item))
    return [pair.partition("=")[0] for pair in item.split() if "=" in pair]


def unknown_in_aws(arguments: list[str]) -> list[str]:
    """Return the services, operations, parameters and files of an AWS CLI command that do not exist."""
    while arguments[0].startswith("--"):  # options of every command, and their values
        arguments = arguments[2:]
    service, operation, *rest = arguments
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return [service]
    model = session.get_service_model(service)
    operations = {xform_name(name): name for name in model.operation_names}
    if (name := operation.replace("-", "_")) not in operations:
        return [f"{service} {operation}"]
    shape = model.operation_model(operations[name]).input_shape
    parameters = {xform_name(member) for member in shape.members} if shape else set()
    options = {word[2:].replace("-", "_") for word in rest if word.startswith("--")}
    files = [
        Path(word.removeprefix("file://").removeprefix("$collection/")) for word in rest if word.startswith("file://")
    ]
    missing = [str(path) for path in files if not (ROOT / path).exists() and path.name not in USERS_FILES]
    return sorted(options - parameters - CLI_OPTIONS) + missing


def unknown_in(command: str) -> list[str]:
    """Return what a command names that does not exist."""
    program, *arguments = words(command)
    if program == "ansible-playbook":
        return unknown_in_playbook(arguments)
    if program == "aws":
        return unknown_in_aws(arguments)
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        verbs = [word for word in arguments if "=" not in word and not word.startswith("-")]
        return [verb for verb in verbs if not re.search(rf"^{verb}:", makefile, re.MULTILINE) and not is_bench(verb)]
    if parser := PARSERS.get(program):
        cli = parser([program, *arguments])
        cli.init_parser()
        cli.parser.parse_args(arguments)
    return []


def is_bench(verb: str) -> bool:
    return (ROOT / "bench" / f"{verb.removeprefix('bench-')}.py").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_name_what_exists(page: Path) -> None:
    found = [command for command in all_commands(page.read_text(encoding="utf-8")) if "..." not in command]
    unknown = {command: missing for command in found if (missing := unknown_in(command))}
    assert unknown == {}


@pytest.mark.parametrize("page", TASKS, ids=lambda page: page.stem)
def test_guide_has_only_commands_that_are_checked(page: Path) -> None:
    """A block of a guide may hold no program that no test looks at."""
    text = page.read_text(encoding="utf-8")
    lines = [step.text for step in steps(text) if not step.path]
    checked = set(all_commands(text))
    other = [line for line in lines if without_assignment(line) not in checked]
    assert [line for line in other if line.split(" ")[0].partition("=")[0] not in UNCHECKED] == []


def test_unknown_names_are_found() -> None:
    """The checks above would pass if they found nothing at all."""
    assert unknown_in("ansible-playbook -i inventory logreflector.aws.deplyo -e deploy_wavs=1") == [
        "deplyo",
        "deploy_wavs",
    ]
    assert unknown_in("aws logs put-subscription-filters") == ["logs put-subscription-filters"]
    assert unknown_in("aws logs describe-log-groups --prefix x") == ["prefix"]
    assert unknown_in("aws iam put-role-policy --policy-document file://docs/iam/none.json") == ["docs/iam/none.json"]
    assert unknown_in("make no-such-verb") == ["no-such-verb"]
    assert commands("a \\\n  b\n# c\n\nd") == ["a b", "d"]


def test_readme_links_work_on_galaxy() -> None:
    """Galaxy shows the README without the repository: relative links were dead there."""
    links = re.findall(r"\]\(([^)\s]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith("https://")] == []
    raw = "https://raw.githubusercontent.com/logreflector/logreflector.aws/main/"
    ours = [
        re.sub(rf"^({re.escape(raw)}|{REPOSITORY}/(blob|tree)/main/)", "", link).partition("#")[0] for link in links
    ]
    paths = [path for path in ours if not path.startswith("https://")]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_variables_page_has_every_variable_of_a_playbook() -> None:
    page = (ROOT / "docs" / "VARIABLES.md").read_text(encoding="utf-8")
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("playbooks/**/*.yml")]
    read = {name for text in texts for name in re.findall(r"\b(\w+) \| default\((?!\{\}|'')", text)}
    public = {name for name in read if "_" in name and name not in INTERNAL}
    assert len(public) > 20
    assert sorted(name for name in public if f"`{name}`" not in page) == []


def test_messages_of_the_troubleshooting_page_are_those_of_the_code() -> None:
    """The page quoted messages that had been reworded."""
    page = (ROOT / "docs" / "TROUBLESHOOTING.md").read_text(encoding="utf-8")
    rows = page.partition("## A run fails")[2].partition("## ")[0].splitlines()
    quoted = [
        text for row in rows for text in re.findall(r"`([^`]+)`", row.split("|")[1] if row.startswith("| ") else "")
    ]
    parts = [part.strip(" :") for text in quoted for part in text.removeprefix("Could not ").split("...")]
    sources = [path.read_text(encoding="utf-8") for path in ROOT.glob("plugins/**/*.py")]
    known = (
        "".join(sources).lower() + (ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8").lower()
    )
    assert len(parts) > 10
    assert [part for part in parts if part.removesuffix(": AccessDenied").lower() not in known] == []
