# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation site's links and menu. `make site` builds it, and a link that leads nowhere fails the build."""

from __future__ import annotations

import guides
import pytest
from links import RAW, REPOSITORY, ROOT, Pages, repository_path
from reference import adjusted


@pytest.fixture
def pages() -> Pages:
    return Pages({"README.md": "index.md", "CHANGELOG.md": "changelog.md"})


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("docs/FLEET.md", "REFLECTOR.md#replay", "REFLECTOR.md#replay"),
        ("docs/FLEET.md", "../CHANGELOG.md", "../changelog.md"),
        ("docs/FLEET.md", "../roles/recap/README.md", "../collections/logreflector/aws/recap_role.rst"),
        ("docs/FLEET.md", "../plugins/modules/recap.py", "../collections/logreflector/aws/recap_module.rst"),
        ("docs/FLEET.md", "../examples/inventory", f"{REPOSITORY}/tree/main/examples/inventory"),
        ("docs/FLEET.md", "iam/deployer-policy.json", f"{REPOSITORY}/blob/main/docs/iam/deployer-policy.json"),
        ("docs/FLEET.md", "#waves", "#waves"),
        ("docs/FLEET.md", "https://example.com/a.md", "https://example.com/a.md"),
        ("README.md", f"{REPOSITORY}/blob/main/docs/FLEET.md#waves", "guides/FLEET.md#waves"),
        ("README.md", f"{REPOSITORY}/issues", f"{REPOSITORY}/issues"),
    ],
)
def test_link_leads_to_the_site_or_else_to_github(pages: Pages, page: str, link: str, expected: str) -> None:
    assert pages.rewritten(page, f"[text]({link})") == f"[text]({expected})"


def test_picture_is_copied_from_relative_or_absolute_address(pages: Pages) -> None:
    text = pages.rewritten(
        "README.md", f"[![a]({RAW}/docs/report.png)]({REPOSITORY}/blob/main/docs/REPORT.md#the-page)"
    )
    assert text == "[![a](_pictures/report.png)](guides/REPORT.md#the-page)"
    assert pages.rewritten("docs/REPORT.md", "![b](report.png)") == "![b](../_pictures/report.png)"
    assert pages.copied == {"docs/report.png": "_pictures/report.png"}


def test_code_keeps_its_text(pages: Pages) -> None:
    text = "```bash\necho [a](FLEET.md)\n```\n"
    assert pages.rewritten("docs/SCALE.md", text) == text


def test_path_in_the_repository() -> None:
    assert repository_path("docs/A.md", "../README.md") == "README.md"
    assert repository_path("docs/A.md", "") is None
    assert repository_path("docs/A.md", "mailto:somebody") is None


def test_each_page_is_in_one_section_of_the_menu() -> None:
    listed = [name for names in guides.sections().values() for name in names]
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "docs").glob("*.md"))


def test_listing_leads_to_github_and_on_the_site_to_its_pages() -> None:
    listing = guides.listing()
    assert f"* `{guides.title('FLEET')} <{guides.ADDRESS}FLEET.md>`__" in listing
    on_site = guides.for_site(listing, "guides")
    assert f"* :doc:`{guides.title('FLEET')} </guides/FLEET>`" in on_site
    assert guides.ADDRESS not in on_site


def test_role_page_begins_with_its_main_entry_point() -> None:
    title = ".. Entry point title\n\nEntry point ``{}`` -- x\n"
    absent, main = title.format("absent"), title.format("main")
    page = f"Title\n.. contents::\n   :local:\n   :depth: 2\n\n{absent}{main}.. Extra links\nlinks\n"
    assert adjusted(page) == f"Title\n\n{main}{absent}.. Extra links\nlinks\n"


def test_page_of_a_module_loses_only_the_list_of_headings() -> None:
    assert adjusted("Title\n\n.. contents::\n   :local:\n\nText\n   indented\n") == "Title\n\n\nText\n   indented\n"
