# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source counts for one destination, from metrics in steps of five minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.flow import SourceCounts
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.flow_read import CopyFlowReader
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import CopyRule, decide_all
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.scope import STEP, Period
from ansible_collections.logreflector.aws.plugins.module_utils._parts.metrics import Series
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import LogGroup

from .test_rules import SOURCE, rule_of

END = 10_000 * STEP


class Metrics:
    """Ten events of each log group in each of the last ten steps."""

    queried = lists = 0

    def __init__(self, *names: str, **sums: int) -> None:
        self._names, self._sums = names, sums

    def series(self, namespace: str, **filters: Any) -> list[Series]:
        if filters["MetricName"] != "IncomingLogEvents":
            return []
        return [Series(namespace, "IncomingLogEvents", (("LogGroupName", name),)) for name in self._names]

    def points(self, series: Sequence[Series]) -> dict[Series, list[tuple[float, float]]]:
        return {each: [(END - step * STEP, 10.0) for step in range(1, 11)] for each in series}

    def sums(self, series: Sequence[Series]) -> Counter[Series]:
        return Counter({each: self._sums.get(each.name, 0) for each in series})


def counted(rule: CopyRule, *groups: LogGroup, **sums: int) -> SourceCounts:
    metrics: Any = Metrics(*(group.name for group in groups), "/another", **sums)
    reader = CopyFlowReader(None, {}, metrics, Period(END - 10 * STEP, END))  # type: ignore[arg-type]
    for group in groups:
        reader.add(group, decide_all((rule,), SOURCE, group))
    return reader._source(reader.scopes[rule.destination], "eu-west-1")


def rule(created_ago: float, changed_ago: float) -> CopyRule:
    """Return a rule that was created and changed so many steps before the end."""
    created, changed = (round((END - ago * STEP) * 1000) for ago in (created_ago, changed_ago))
    return replace(rule_of(), created=created, changed=changed)


def test_events_are_counted_by_what_the_rule_does_with_their_log_group() -> None:
    groups = (LogGroup("/app"), LogGroup("/ia", "INFREQUENT_ACCESS"), LogGroup("/" + "x" * 490), LogGroup("/central/x"))
    found = counted(rule(99, 99), *groups, OutgoingCopiedLogEvents=7, CentralizationThrottled=2)
    assert (found.written, found.unfiltered, found.too_long) == (300, 100, 100)
    assert (found.sent, found.throttled, found.errors) == (7, 2, {})


def test_only_events_from_before_the_creation_are_certainly_not_copied() -> None:
    """A later change of the rule gave the losses of today the name of events that had been copied."""
    found = counted(rule(8, 2), LogGroup("/app"))
    assert (found.before, found.around) == (10, 70), "the step that ends with the creation may be neither"
    found = counted(rule(99, 2), LogGroup("/app"))
    assert (found.before, found.around) == (0, 80)
    assert counted(rule(99, 99), LogGroup("/app")).around == 0
