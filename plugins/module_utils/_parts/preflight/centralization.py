# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS's centralization does with the log groups of a target: copies with names that are too long, and events that arrive twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..._resources.centralization.rules import parse_rules
from ..._resources.centralization.settings import OTHER_PARTITIONS, RuleSettings
from ..._resources.subscriptions.shared import logs_api
from ..._session import Target
from ..._subscriptions.choice import LogGroup
from ..centralized.rules import CopyRule, SourceTarget, decide_all
from .findings import Finding, examples, problem, warning

KEY = "centralization"
_WAIT_SECONDS = 60


def check_centralization(target: Target, rules: Any, mode: str) -> list[Finding]:
    """Read the log groups of a target, and return what the rules of the variable centralization_rules mean for it."""
    parsed = [rule for rule in parse_rules(rules) if rule.present]
    if mode == "centralized" and (found := region_findings(target.region, parsed)):
        return found
    if not any(target.region in rule.source_regions for rule in parsed):
        return []
    api = logs_api(target, {"wait_timeout": _WAIT_SECONDS})
    return group_findings(parsed, SourceTarget(target.identity.account, target.region), api.groups(), mode)


def region_findings(region: str, rules: Sequence[RuleSettings]) -> list[Finding]:
    """Return why no log group of a region can be copied. Pure."""
    if region.startswith(OTHER_PARTITIONS):
        advice = "Set log_groups_mode to filters or account_policy there."
        return [problem(KEY, f"AWS offers no centralization of logs in {region}", advice)]
    if not any(region in rule.source_regions for rule in rules):
        advice = "Add the region to source_regions of a rule, or set another log_groups_mode."
        return [problem(KEY, f"log_groups_mode is centralized, and no rule copies from {region}", advice)]
    return []


def group_findings(
    rules: Sequence[RuleSettings], source: SourceTarget, groups: Iterable[LogGroup], mode: str
) -> list[Finding]:
    """Return the findings about all log groups of a target. Pure."""
    by_cause: dict[str, list[str]] = {}
    copying = tuple(map(CopyRule.from_settings, rules))
    for group in groups:
        decision = decide_all(copying, source, group)[0]
        # The organisation is not read, so a scope may be unknown.
        key = "copied" if decision.outcome in ("copied", "unknown") else decision.cause
        by_cause.setdefault(key, []).append(group.name)
    found: list[Finding] = []
    if long := by_cause.get("name"):
        sentence = f"the names of copies of {len(long):,} log groups would be longer than 512 characters, so AWS drops their events"
        advice = "Shorten log_group_name_pattern, or exclude them in the rule and serve them by a filter."
        found.append(warning(KEY, f"{sentence}: {examples(_short(long))}", advice))
    if mode == "centralized" and (classes := by_cause.get("class")):
        sentence = f"copies of {len(classes):,} log groups take no subscription because of their class: {examples(_short(classes))}"
        found.append(warning(KEY, sentence, "AWS cannot change the class. Create them anew as STANDARD."))
    if mode != "centralized" and (copied := by_cause.get("copied")):
        sentence = (
            f"log_groups_mode is {mode}, and rules also select {len(copied):,} log groups: {examples(_short(copied))}"
        )
        advice = "If the account is in the rule's scope, their events arrive twice. Set log_groups_mode: centralized, or narrow the rule."
        found.append(warning(KEY, sentence, advice))
    return found


def _short(names: Iterable[str]) -> list[str]:
    """Return names that fit in a sentence."""
    return [name if len(name) <= 80 else f"{name[:77]}..." for name in names]
