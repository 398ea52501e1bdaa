# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JUnit document, by the package junitparser, by expat, and by the rules of the Jenkins xUnit plugin's schema (junit-10)."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.junit import document
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.text import visible
from hypothesis import given
from junitparser import Error, Failure, JUnitXml, TestCase

from .fleets import EVERY_STATE, HOSTILE, fleet, fleets, group, target

# Element: its parents, attributes that it must have, attributes that it may have.
_SCHEMA = {
    "testsuites": ({None}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"testsuites"},
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    ),
    "testcase": ({"testsuite"}, {"name"}, {"time", "classname", "group"}),
    "failure": ({"testcase"}, set(), {"type", "message"}),
    "error": ({"testcase"}, set(), {"type", "message"}),
    "system-out": ({"testcase", "testsuite"}, set(), set()),
}


def follow_schema(element: ElementTree.Element, parent: str | None = None) -> None:
    """Check an element and all in it."""
    parents, required, optional = _SCHEMA[element.tag]
    assert parent in parents
    assert required <= set(element.keys()) <= required | optional
    for name in ("tests", "failures", "errors", "skipped"):
        assert element.get(name, "0").isdecimal()
    assert re.fullmatch(r"\d+\.\d{3}", element.get("time", "0.000"))
    for child in element:
        follow_schema(child, element.tag)


def parsed(report: FleetReport) -> list[TestCase]:
    """Return the test cases."""
    text = "".join(document(report, None)).encode()
    follow_schema(ElementTree.fromstring(text))
    found = JUnitXml.fromstring(text)
    cases = [case for suite in found for case in suite]
    (suite,) = found
    for part in (found, suite):
        assert part.tests == len(cases)
        assert part.failures == sum(isinstance(each, Failure) for case in cases for each in case.result)
        assert part.errors == sum(isinstance(each, Error) for case in cases for each in case.result)
    return cases


def kind(case: TestCase) -> str:
    """Return passed, failure or error."""
    assert len(case.result) <= 1
    return type(case.result[0]).__name__.lower() if case.result else "passed"


@given(fleets)
def test_each_target_is_a_case_with_one_result(report: FleetReport) -> None:
    cases = parsed(report)
    assert len(cases) == len(report.targets)
    for case, each in zip(cases, report.targets, strict=True):
        counts = each.counts()
        is_unread = each.status != "read" or counts["not_checked"]
        is_failed = counts["missing"] or counts["broken"]
        assert kind(case) == ("error" if is_unread else "failure" if is_failed else "passed")
        text = "\n".join([case.system_out, *(f"{result.message}\n{result.text}" for result in case.result)])
        assert text.replace("\n", "").isprintable()
        for row in each.log_groups:
            if row.state not in ("covered", "excluded"):
                assert f"  {visible(row.log_group)}: {visible(row.reason)}" in text.split("\n")
        assert all(f"note: {visible(note)}" in case.system_out.split("\n") for note in each.notes)
        assert visible(each.error) in text


def test_cases_have_account_and_region_as_names() -> None:
    cases = {(case.classname, case.name): kind(case) for case in parsed(EVERY_STATE)}
    assert cases == {
        ("111111111111", "eu-west-1"): "error",  # /f was not checked
        ("111111111111", "us-east-1"): "passed",
        ("222222222222", "eu-west-1"): "error",
        ("unknown account", "stage-us"): "error",
    }


def test_failure_names_log_groups_and_what_is_wrong() -> None:
    log_groups = [
        group("/a", "covered"),
        group("/b", "missing", reason="no filter"),
        group("/c", "broken", reason="old"),
    ]
    (case,) = parsed(fleet(target("a", *log_groups)))
    assert case.result[0].message == "1 not subscribed, 1 broken, of 3 log groups"
    assert case.result[0].text == "missing:\n  /b: no filter\nbroken:\n  /c: old"


def test_unread_target_is_an_error_with_its_reason() -> None:
    case = next(case for case in parsed(EVERY_STATE) if case.classname == "222222222222")
    assert case.result[0].message == "The target was not read to its end: Throttled."


def test_impossible_log_groups_are_output_and_no_failure() -> None:
    (case,) = parsed(fleet(target("a", group("/d", "impossible", "slots", "all slots are taken"))))
    assert kind(case) == "passed"
    assert "impossible:\n  /d: all slots are taken" in case.system_out


def test_long_list_is_bounded_and_says_so() -> None:
    log_groups = [group(f"/{number:06}", "missing", reason="no filter") for number in range(1_250)]
    (case,) = parsed(fleet(target("a", *log_groups)))
    assert case.result[0].text.endswith("  and 1,200 more")
    assert case.result[0].text.count("no filter") == 50
    assert case.result[0].message.startswith("1,250 not subscribed")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_text(name: str) -> None:
    (case,) = parsed(fleet(target(name, group(name, "missing", reason=name), account=name, region=name)))
    assert (case.classname, case.name) == (visible(name), visible(name))
    assert case.result[0].text == f"missing:\n  {visible(name)}: {visible(name)}"
