# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The explanation of all targets as lines."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._explanation import ExplainedTarget, Explanation

OK = {"name": "rules", "status": "ok", "fact": "they choose the log group"}
PROBLEM = {"name": "dead_letters", "status": "problem", "fact": "3 wait\x1b[31m"}


def path(outcome: str = "delivered", *, exists: bool | None = True, **more: Any) -> dict[str, Any]:
    return {
        "log_group": "/app",
        "account_id": "111111111111",
        "region": "eu-west-1",
        "exists": exists,
        "stations": [OK, PROBLEM],
        "notes": ["no test line was sent"],
        "verdict": {"outcome": outcome, "sentence": "Events of /app arrive.", "to_do": []},
        **more,
    }


def target(name: str, found: dict[str, Any] | None, **more: Any) -> ExplainedTarget:
    return ExplainedTarget(name, "111111111111", "eu-west-1", found, **more)


def test_lines_of_a_target_are_its_stations_and_its_verdict() -> None:
    to_do = [{"advice": "Replay.", "command": "replay -e a=b"}, {"advice": "Try.", "command": "explain -e send=true"}]
    verdict = {"outcome": "broken", "sentence": "Events of /app do not arrive.", "to_do": to_do}
    found = Explanation("/app", [target("shop", path(verdict=verdict))])
    assert found.lines() == [
        "/app in shop (account 111111111111, eu-west-1)",
        "  OK           rules          they choose the log group",
        "  PROBLEM      dead letters   3 wait [31m",
        "  Note: no test line was sent.",
        "  Verdict: Events of /app do not arrive.",
        "  To do: Replay. ansible-playbook logreflector.aws.replay --limit shop -e a=b",
        "  To do: Try. ansible-playbook logreflector.aws.explain --limit shop -e log_group=/app -e send=true",
    ]
    assert found.left() == ["shop"]


@pytest.mark.parametrize(
    ("outcome", "is_left"), [("delivered", False), ("no_problem", False), ("unknown", True), ("broken", True)]
)
def test_left_are_targets_where_events_are_not_known_to_arrive(outcome: str, is_left: bool) -> None:
    assert Explanation("/app", [target("shop", path(outcome))]).left() == (["shop"] if is_left else [])


def test_targets_without_the_group_take_one_line_and_do_not_fail() -> None:
    without = [target(f"other-{number:02}", path("broken", exists=False)) for number in range(12)]
    found = Explanation("/app", [target("shop", path()), *without])
    assert found.left() == []
    names = ", ".join(f"other-{number:02}" for number in range(10))
    assert found.lines()[-1] == f"There is no log group /app in {names} and 2 more."
    assert sum("other-" in line for line in found.lines()) == 1


def test_group_that_no_target_has_fails_all_of_them() -> None:
    found = Explanation(
        "/app", [target("shop", path("broken", exists=False)), target("mail", path("broken", exists=False))]
    )
    assert found.left() == ["shop", "mail"]
    assert found.lines()[0] == "No target has the log group /app: shop, mail."


def test_target_that_failed_is_named_and_fails_beside_others() -> None:
    failure = {"operation": "assume the role x", "message": "no", "account": "111111111111", "region": "eu-west-1"}
    targets = [target("shop", path()), target("mail", None, failure=failure), target("lost", None)]
    found = Explanation("/app", targets)
    assert found.left() == ["mail", "lost"]
    assert "mail: failed. Could not assume the role x in 111111111111/eu-west-1: no." in found.lines()
    assert any(line.startswith("lost: failed. Ansible removed the target") for line in found.lines())
