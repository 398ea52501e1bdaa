# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of a target that decide which mode fits it, as the checks before a deployment read them. Pure.

A fact that was not read is None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..._options.log_groups import LogGroupOptions
from ..._resources.centralization.selection import groups_text
from ..._subscriptions.account_policy import AccountPolicy, size
from ..._subscriptions.filters import DesiredFilter, SubscriptionFilter

LONGEST_SELECTION = 2000
"""Characters of a centralization rule's selection of log groups (API reference, SourceLogsConfiguration)."""

_PLAIN = re.compile(r"[.\-_/#A-Za-z0-9*]+")

PolicyFact = Literal["none", "own", "foreign", "refused"]
"""The account policy of the target: there is none, it is ours, it is of others, or AWS refuses such policies here."""


def group_facts(
    total: int, chosen: int, excluded: Sequence[str], classes: Mapping[str, Sequence[str]], encrypted: int
) -> dict[str, Any]:
    """Return the facts of the listing.

    excluded    the log groups that the rules leave out
    classes     the chosen log groups that take no filter to the reflector, by class
    encrypted   number of chosen log groups with a customer managed KMS key
    """
    return {
        "total": total,
        "chosen": chosen,
        "excluded": len(excluded),
        "excluded_bytes": size(excluded),
        "classes": {log_class: len(names) for log_class, names in sorted(classes.items())},
        "encrypted": encrypted,
    }


def filter_facts(
    filters: Mapping[str, Sequence[SubscriptionFilter]], to_read: int, desired: DesiredFilter, *, failed: bool
) -> dict[str, Any] | None:
    """Return how many of the log groups that were read have no free slot; None if none could be read.

    to_read     number of log groups that have no filter of ours, as far as tags show
    """
    if failed and not filters:
        return None
    full = [items for items in filters.values() if len(items) >= desired.slots and not any(map(desired.owns, items))]
    return {"read": len(filters), "to_read": to_read, "full": len(full)}


def policy_fact(policy: AccountPolicy | None, reflector: str) -> PolicyFact:
    """Return what the account policy that was read is."""
    if policy is None:
        return "none"
    return "own" if policy.destination_arn == reflector else "foreign"


def rule_facts(log_groups: LogGroupOptions) -> dict[str, bool]:
    """Return what the rules for log groups use."""
    return {
        "tags": bool(log_groups.include_tags or log_groups.exclude_tags),
        "dates": bool(log_groups.created_after),
        "names": tuple(log_groups.include) != ("*",) or bool(log_groups.exclude),
        "pattern": bool(log_groups.filter_pattern),
        "plain_names": _has_plain_names(log_groups),
    }


def _has_plain_names(log_groups: LogGroupOptions) -> bool:
    """Return whether a centralization rule can have the same names: AWS knows * and no other pattern."""
    include = () if tuple(log_groups.include) == ("*",) else tuple(log_groups.include)
    names = (*include, *log_groups.exclude, *log_groups.own_log_groups)
    text = groups_text(include, (*log_groups.exclude, *log_groups.own_log_groups))
    return all(map(_PLAIN.fullmatch, names)) and len(text) <= LONGEST_SELECTION
