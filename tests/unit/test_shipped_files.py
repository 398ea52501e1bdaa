# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of the collection's tarball, and the links of its pages."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.logreflector.aws.plugins.module_utils._version import VERSION
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import KNOWN_VARIABLES
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
IGNORED = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
LICENCE = "-".join(("SPDX", "License", "Identifier:"))  # `reuse lint` takes the whole text for the licence of this file
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")])


def is_shipped(path: str) -> bool:
    """Return whether `ansible-galaxy collection build` packs the path."""
    parts = path.split("/")
    names = [*parts, *("/".join(parts[: end + 1]) for end in range(len(parts)))]
    return not any(fnmatch.fnmatch(name, pattern) for name in names for pattern in IGNORED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_links_lead_to_shipped_files(page: Path) -> None:
    """Two pages linked to bench/README.md, which the tarball does not contain."""
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    found = [(page.parent / link).resolve().relative_to(ROOT) for link in links]
    assert [str(path) for path in found if not (ROOT / path).exists() or not is_shipped(str(path))] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = [heading.replace("`", "") for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_page_links_lead_to_headings_that_exist(page: Path) -> None:
    """Two pages linked to headings that had another name meanwhile."""
    text = page.read_text(encoding="utf-8").replace(
        "https://github.com/logreflector/logreflector.aws/blob/main/", f"{ROOT}/"
    )
    links = re.findall(r"\]\(((?!https?://)[^)#\s]*(?:\.md)?)#([^)\s]+)\)", text)
    targets = [((page.parent / path) if path else page, anchor) for path, anchor in links]
    assert [f"{target.name}#{anchor}" for target, anchor in targets if anchor not in anchors(target)] == []


def test_contributing_names_files_that_exist() -> None:
    """A table sent contributors to a file that did not have the list."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Where to look")[2].partition("\n## ")[0]
    paths = re.findall(r"`([\w/]+(?:\.py|/))`", section)
    private = ROOT / "plugins" / "module_utils"
    missing = [path for path in paths if not ((private if path.startswith("_") else ROOT) / path).exists()]
    assert paths
    assert missing == []


@pytest.mark.parametrize("name", ["log-reflector-report.json", "log-reflector-deploy.retry"])
def test_files_of_a_run_are_neither_shipped_nor_committed(name: str) -> None:
    """The report of a run, with account ids and failures, was packed into the tarball."""
    assert not is_shipped(name)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert any(fnmatch.fnmatch(name, pattern) for pattern in ignored)


CONTROLLER = ROOT / "examples" / "controller"


def test_job_templates_run_playbooks_of_the_project_with_known_variables() -> None:
    configuration = yaml.safe_load((CONTROLLER / "controller.yml").read_text(encoding="utf-8"))
    projects, inventories, templates = (
        configuration[f"controller_{kind}"] for kind in ("projects", "inventories", "templates")
    )
    assert {template["playbook"] for template in templates} == {
        path.name for path in CONTROLLER.glob("*.yml") if "import_playbook" in path.read_text(encoding="utf-8")
    }
    for template in templates:
        assert template["project"] in {project["name"] for project in projects}
        assert template["inventory"] in {inventory["name"] for inventory in inventories}
        questions = template.get("survey_spec", {}).get("spec", [])
        assert bool(questions) is template.get("survey_enabled", False)
        assert {question["variable"] for question in questions} <= KNOWN_VARIABLES
        assert all(question["default"] in question.get("choices", [question["default"]]) for question in questions)


def test_project_of_the_controller_takes_this_version() -> None:
    needed = yaml.safe_load((CONTROLLER / "collections" / "requirements.yml").read_text(encoding="utf-8"))
    (collection,) = needed["collections"]
    assert collection["name"] == "logreflector.aws"
    assert SpecifierSet(collection["version"]).contains(VERSION)


def test_trust_policy_names_no_account() -> None:
    """The policy trusted account 111111111111, so a user who copied it trusted a stranger."""
    text = (ROOT / "docs" / "iam" / "deployer-trust-policy.json").read_text(encoding="utf-8")
    assert json.loads(text)["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::MANAGEMENT_ACCOUNT_ID:root"}
    assert not re.search(r"\d{12}", text)


def test_python_files_name_their_licence() -> None:
    folders = ("bench", "examples", "extensions", "lambda_src", "plugins", "tests", "tools")
    texts = {path: path.read_text(encoding="utf-8") for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")}
    assert [str(path) for path, text in texts.items() if text and f"{LICENCE} GPL-3.0" not in text] == []


def test_build_of_the_tarball_needs_no_development_tools() -> None:
    """`make build` first installed every tool for tests, which took most of its time."""
    command = ["make", "--dry-run", "--always-make", "build"]
    planned = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "tools/build_tarball.py" in planned
    assert set(re.findall(r"requirements\S*\.txt", planned)) == {"requirements-demo.txt"}


PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda playbook: playbook.stem)
def test_playbook_runs_its_last_play_with_any_tags(playbook: Path) -> None:
    """`verify --tags typo` ran no task and ended with 0."""
    assert yaml.safe_load(playbook.read_text(encoding="utf-8"))[-1]["tags"] == "always"


def test_page_of_playbooks_and_roles_has_them_all() -> None:
    page = (ROOT / "docs" / "PLAYBOOKS.md").read_text(encoding="utf-8")
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    listed = {
        name for cell in re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }
    assert listed == {playbook.stem for playbook in PLAYBOOKS}
    assert set(re.findall(r"\.\./roles/(\w+)/README", page)) == roles


def test_markdown_lines_have_at_most_100_columns() -> None:
    """Code, tables, links and pictures cannot be broken."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    found = []
    for page in pages:
        text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for line in text.splitlines():
            breakable = re.sub(r"`[^`]*`|\(http\S*\)", "", line)
            if len(breakable) > 100 and not line.startswith("    ") and not line.lstrip().startswith(("|", "[![")):
                found.append((page.name, line))
    assert found == []
