# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target with a reflector of its own that AWS's centralization copies as well: duplicates for a while, and never a loop."""

from __future__ import annotations

from collections.abc import Iterable

from ..._errors import RefusedError
from ..._plan import Params, Result
from ..._session import Target
from ..._subscriptions.calls import LogsApi
from ..._subscriptions.choice import LogGroup
from .destinations import read_rules_of
from .places import Places
from .rules import CopyRule, Rules, decide_all

_END = (
    "To end that, leave the target out of the rule in centralization_rules, and run"
    " ansible-playbook logreflector.aws.centralize."
)


def read_copying_rules(target: Target, params: Params) -> Rules | None:
    """Return the rules for the target, None if the inventory names no administrator: then no rule of ours exists."""
    return read_rules_of(target, params) if Places.from_params(params).administrator else None


def active(rules: Rules | None) -> tuple[CopyRule, ...]:
    """Return the rules that copy from the target, or may."""
    return tuple(rule for rule in rules.relevant() if not rule.problem) if rules else ()


def refuse_copied_delivery(rules: Rules, own_log_groups: Iterable[str]) -> None:
    """Raise RefusedError if a rule copies log groups that the target's own delivery writes to.

    Each delivery of the target would cause a copy, whose delivery may cause the next one. A pattern stands for a name of it.
    """
    for pattern in own_log_groups:
        name = pattern.replace("*", "")
        decision = decide_all(rules.rules, rules.source, LogGroup(name))[0]
        if decision.outcome == "copied" and decision.rule:
            raise RefusedError(
                "deploy a reflector beside AWS's centralization",
                f"the rule {decision.rule.name} copies {name}, to which the delivery itself writes, so deliveries would cause"
                " deliveries",
                advice=f"Add {pattern} to own_log_groups of that rule in centralization_rules, and run ansible-playbook"
                " logreflector.aws.centralize.",
                where=rules.source.name,
            )


def overlap(rules: Rules | None, api: LogsApi) -> Result:
    """Return the notes about rules that still copy the target, and how many log groups are served twice. Reads the log groups."""
    if rules is None:
        return {}
    copying = active(rules)
    notes = [f"The rule {rule.name} still copies this target, so events arrive twice. {_END}" for rule in copying]
    notes += [f"Whether AWS's centralization copies this target was not checked: {each}" for each in rules.unread]
    found: Result = {"rules": [rule.name for rule in copying], "notes": notes}
    if copying:
        decisions = (decide_all(copying, rules.source, group)[0] for group in api.groups())
        groups = sum(each.outcome == "copied" for each in decisions)
        found["doubled"] = {"groups": groups, "seconds_at_most": None}
    return {"centralization": found}
