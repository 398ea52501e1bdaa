# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of all targets as lines."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._preflight import CheckedTarget, Preflight


def finding(sentence: str, level: str = "problem", key: str = "foreign", advice: str = "") -> dict[str, str]:
    return {"level": level, "key": key, "sentence": sentence, "advice": advice}


def target(number: int, *findings: dict[str, str], state: str = "not_ready", **more: Any) -> CheckedTarget:
    account = f"{number:012}"
    found = {"state": state, "findings": list(findings)}
    return CheckedTarget(f"shop-{number}.eu-west-1", account, "eu-west-1", found, **more)


def foreign(number: int) -> dict[str, str]:
    where = f"{number:012}/eu-west-1"
    return finding(f"Could not change queue q in {where}: it is not ours", advice="Hand it over.")


def test_targets_with_one_reason_are_one_group_without_their_places() -> None:
    found = Preflight([target(1, foreign(1)), target(2, foreign(2)), target(3, state="ready")])
    assert found.lines() == [
        "PROBLEM: resources that are not ours (2 targets)",
        "  2 targets: Could not change queue q in <account>/<region>: it is not ours",
        "    shop-1.eu-west-1, shop-2.eu-west-1",
        "  To do: Hand it over.",
        "not ready            shop-1.eu-west-1 (account 000000000001, eu-west-1): 1 problem",
        "not ready            shop-2.eu-west-1 (account 000000000002, eu-west-1): 1 problem",
        "ready                shop-3.eu-west-1 (account 000000000003, eu-west-1)",
        "3 targets: 2 not ready, 1 ready.",
    ]
    assert found.left() == ["shop-1.eu-west-1", "shop-2.eu-west-1"]


def test_sentences_that_differ_by_numbers_are_one_group_with_an_example() -> None:
    findings = [finding(f"{number * 1000:,} log groups", "warning", "slots") for number in (1, 2)]
    targets = [target(number, each, state="ready_with_warnings") for number, each in enumerate(findings, start=1)]
    found = Preflight(targets).lines()
    assert found[1:3] == [
        "  2 targets, for example shop-1.eu-west-1: 1,000 log groups",
        "    shop-1.eu-west-1, shop-2.eu-west-1",
    ]
    assert Preflight(targets).left() == []


def test_different_sentences_of_one_reason_are_apart_and_many_targets_are_counted() -> None:
    others = [target(number, foreign(number)) for number in range(2, 12)]
    found = Preflight([target(1, finding("Could not change IAM role r: it is not ours")), *others]).lines()
    assert found[0] == "PROBLEM: resources that are not ours (11 targets)"
    assert found[1].startswith("  10 targets: Could not change queue q")
    assert found[2].endswith("shop-6.eu-west-1 and 5 more")
    assert found[3] == "  shop-1.eu-west-1: Could not change IAM role r: it is not ours"


def test_gravest_level_and_most_frequent_reason_come_first() -> None:
    findings = [
        finding("n", "note", "duration"),
        finding("u", "not_checked", "key"),
        finding("w", "warning", "slots"),
        finding("p", "problem", "names"),
    ]
    found = Preflight([target(1, *findings), target(2, finding("p2")), target(3, finding("p2"))]).lines()
    assert [line for line in found if line.endswith(("target)", "targets)"))] == [
        "PROBLEM: resources that are not ours (2 targets)",
        "PROBLEM: names (1 target)",
        "WARNING: filter slots of log groups (1 target)",
        "NOT CHECKED: KMS keys (1 target)",
        "Note: duration of the catch-up (1 target)",
    ]
    assert "shop-1.eu-west-1 (account 000000000001, eu-west-1): 1 problem, 1 warning, 1 not checked" in found[-4]


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("CredentialsError", "access to the target"),
        ("InvalidInputError", "options"),
        ("", "checks that failed"),
    ],
)
def test_target_that_failed_is_not_ready(kind: str, title: str) -> None:
    failed = CheckedTarget("shop", "", "", None, {"kind": kind, "message": "it broke"})
    lost = CheckedTarget("lost", "", "", None, None)
    found = Preflight([failed, lost])
    assert found.left() == ["shop", "lost"]
    assert any(line.startswith(f"PROBLEM: {title}") for line in found.lines())
    assert any("it broke" in line for line in found.lines())
    assert any("Ansible removed the target from the run" in line for line in found.lines())


def test_hostile_text_is_one_line_without_control_characters() -> None:
    hostile = "/app\x1b[31m\nready  all.targets\r\u202e<script>"
    lines = Preflight([target(1, finding(hostile, advice=hostile))]).lines()
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("ready") for line in lines)
    assert "/app [31m ready all.targets <script>" in lines[1]


def test_rules_that_cannot_be_planned_make_a_checked_target_not_ready() -> None:
    failure = {
        "kind": "RefusedError",
        "operation": "create centralization rules",
        "message": "trusted access is missing",
    }
    checked = target(1, finding("slots are full", level="warning"), state="ready_with_warnings", failure=failure)
    assert checked.state == "not_ready"
    first, second = checked.findings()
    assert (first["key"], first["sentence"]) == (
        "centralization",
        "Could not create centralization rules: trusted access is missing",
    )
    assert second["sentence"] == "slots are full"
    assert target(1, state="ready").state == "ready"
