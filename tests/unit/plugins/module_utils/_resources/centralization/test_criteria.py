# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scopes and selections of AWS's rules: parsed, judged, and compared with the texts that this collection writes."""

from __future__ import annotations

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.criteria import parse_criteria
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.names import matches
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.selection import groups_text
from hypothesis import given
from hypothesis import strategies as st

KEYS = frozenset({"LogGroupName"})


def holds(text: str, name: str | None) -> bool | None:
    criteria = parse_criteria(text, KEYS)
    assert criteria is not None
    return criteria.holds({"LogGroupName": None if name is None else {name}})


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("*", "/a", True),
        ("", "/a", True),
        ("LogGroupName = '/a'", "/a", True),
        ('LogGroupName = "/a"', "/a", True),
        ("LogGroupName != '/a'", "/a", False),
        ("LogGroupName IN ('/a', '/b')", "/b", True),
        ("LogGroupName IN ['/a','/b']", "/c", False),
        ("LogGroupName not  in ('/a','/b')", "/c", True),
        ("LogGroupName LIKE '/a%'", "/ab", True),
        ("LogGroupName LIKE '/a.'", "/ab", False),
        ("LogGroupName NOT LIKE '%b'", "/ab", False),
        ("LogGroupName LIKE '/a%' AND LogGroupName != '/ab' OR LogGroupName = '/z'", "/ab", False),
        ("LogGroupName LIKE '/a%' AND LogGroupName != '/ab' OR LogGroupName = '/z'", "/z", True),
        ("LogGroupName LIKE '/a%'", None, None),
        ("LogGroupName LIKE '/a%' OR LogGroupName = '/z'", None, None),
    ],
)
def test_criteria_hold_as_aws_documents_them(text: str, name: str | None, expected: bool | None) -> None:
    assert holds(text, name) is expected


@pytest.mark.parametrize(
    "text",
    [
        "LogGroupName",
        "LogGroupName ~ '/a'",
        "LogGroupName = /a",
        "LogGroupName = '/a' AND",
        "LogGroupName IN '/a'",
        "LogGroupName = ('/a')",
        "DataSource = 'x'",
        "LogGroupName = '/a'; LogGroupName = '/b'",
    ],
)
def test_criteria_that_cannot_be_parsed_are_unknown(text: str) -> None:
    assert parse_criteria(text, KEYS) is None


def test_refusal_names_the_condition_of_the_nearest_alternative() -> None:
    text = (
        "LogGroupName LIKE '/a%' AND LogGroupName NOT IN ('/ab','/ac') OR LogGroupName = '/z' AND LogGroupName != '/ab'"
    )
    criteria = parse_criteria(text, KEYS)
    assert criteria
    assert criteria.refusal({"LogGroupName": {"/ab"}}) == "LogGroupName NOT IN ('/ab','/ac')"
    assert criteria.refusal({"LogGroupName": {"/ad"}}) == ""
    assert criteria.refusal({"LogGroupName": None}) == ""


def test_refusal_with_many_names_is_cut() -> None:
    names = ",".join(f"'/group-{number}'" for number in range(200))
    criteria = parse_criteria(f"LogGroupName NOT IN ({names})", KEYS)
    assert criteria
    assert len(criteria.refusal({"LogGroupName": {"/group-7"}})) == 200


NAMES = st.text("ab/", min_size=1, max_size=4)
PATTERNS = st.text("ab/*", min_size=1, max_size=4)


@given(st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=3), NAMES)
def test_own_texts_select_what_the_options_say(include: list[str], exclude: list[str], name: str) -> None:
    chosen = not include or any(matches(pattern, name) for pattern in include)
    expected = chosen and not any(matches(pattern, name) for pattern in exclude)
    assert holds(groups_text(include, exclude), name) is expected
