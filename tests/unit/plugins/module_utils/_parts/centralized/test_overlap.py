# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target with a reflector of its own that centralization rules copy, too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._parts import entry
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.overlap import (
    overlap,
    refuse_copied_delivery,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import (
    CopyRule,
    Rules,
    SourceTarget,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.criteria import parse_criteria
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import LogGroup

ACCOUNT, REGION = "123456789012", "eu-west-1"
OPTIONS = {"reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint"}


def rule(criteria: str = "LogGroupName NOT LIKE '/aws/lambda/log-reflector%'", **changes: Any) -> CopyRule:
    found = CopyRule(
        name="central",
        destination=("444444444444", REGION),
        regions=frozenset({REGION}),
        pattern="/central/${source.accountId}/${source.region}${source.logGroup}",
        scope=parse_criteria(f"AccountId = '{ACCOUNT}'", frozenset({"AccountId"})),
        groups=parse_criteria(criteria, frozenset({"LogGroupName"})),
    )
    return dataclasses.replace(found, **changes)


def rules(*found: CopyRule, unread: tuple[str, ...] = ()) -> Rules:
    return Rules(SourceTarget(ACCOUNT, REGION), found, unread)


class Api:
    """The listing of log groups."""

    def __init__(self, *names: str) -> None:
        self.names, self.reads = names, 0

    def groups(self) -> Iterator[LogGroup]:
        self.reads += 1
        yield from map(LogGroup, self.names)


def test_overlap_names_the_rule_and_counts_the_log_groups() -> None:
    found = overlap(rules(rule()), Api("/app/a", "/app/b", "/aws/lambda/log-reflector"))["centralization"]
    assert found["rules"] == ["central"]
    assert found["doubled"] == {"groups": 2, "seconds_at_most": None}
    (note,) = found["notes"]
    assert note.startswith("The rule central still copies this target, so events arrive twice. To end that, leave")
    assert "logreflector.aws.centralize" in note


@pytest.mark.parametrize(
    "other",
    [
        rule(problem="Trusted access is not enabled."),
        rule(regions=frozenset({"us-east-1"})),
        rule(destination=(ACCOUNT, REGION)),
    ],
)
def test_overlap_rule_that_copies_nothing_from_here_is_no_overlap(other: CopyRule) -> None:
    """It costs no listing either."""
    api = Api("/app/a")
    assert overlap(rules(other), api) == {"centralization": {"rules": [], "notes": []}}
    assert api.reads == 0


def test_overlap_unread_rules_are_not_reported_as_none() -> None:
    (note,) = overlap(rules(unread=("access denied",)), Api())["centralization"]["notes"]
    assert note == "Whether AWS's centralization copies this target was not checked: access denied"


def test_overlap_without_administrator_is_not_asked() -> None:
    assert overlap(None, Api()) == {}


def test_copied_delivery_names_rule_group_and_remedy() -> None:
    with pytest.raises(RefusedError) as caught:
        refuse_copied_delivery(rules(rule()), ["/aws/lambda/log-reflector", "/aws/lambda/forwarder"])
    text = str(caught.value)
    assert "the rule central copies /aws/lambda/forwarder, to which the delivery itself writes" in text
    assert "Add /aws/lambda/forwarder to own_log_groups of that rule" in text


def test_copied_delivery_pattern_stands_for_a_name_of_it() -> None:
    refuse_copied_delivery(rules(rule("LogGroupName NOT LIKE '/sink/%'")), ["/sink/*"])
    with pytest.raises(RefusedError, match="copies /sink/"):
        refuse_copied_delivery(rules(rule()), ["/sink/*"])


def test_deployment_beside_a_rule_refuses_a_loop_before_any_write(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "read_copying_rules", lambda *_unused: rules(rule("LogGroupName LIKE '%'")))
    result = aws.run("deployment", **OPTIONS)
    assert result["failed"]
    assert "deploy a reflector beside AWS's centralization" in result["msg"]
    assert aws.writes == []


def test_deployment_beside_a_rule_reports_the_overlap(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "read_copying_rules", lambda *_unused: rules(rule()))
    aws.client("logs").create_log_group(logGroupName="/app/a")
    result = aws.run("deployment", **OPTIONS)
    assert "failed" not in result, result
    assert result["centralization"]["doubled"] == {"groups": 1, "seconds_at_most": None}
