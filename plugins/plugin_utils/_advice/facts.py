# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a target and of the whole run. A fact that was not read is None, and never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...module_utils._parts.volume.figures import Range


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """The log groups of a target, see `group_facts` of the checks before a deployment."""

    total: int
    chosen: int
    excluded: int
    excluded_bytes: int
    encrypted: int
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """Log groups whose filters were read: their number, that of all without a filter of ours, and those without a free slot."""

    read: int
    to_read: int
    full: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One target.

    partition       of AWS: aws, aws-cn, ...; "" if unknown
    mode            that its variables ask for, "" if unknown
    deployed        whether a reflector exists; None if unknown
    rules           what the rules for log groups use, see `rule_facts`
    policy          see PolicyFact
    sinks, routes   types of the sinks, and whether routes drop or redact events; None if unknown
    bytes           written to the chosen log groups in a month
    is_destination  whether a centralization rule copies to it
    """

    region: str = ""
    partition: str = ""
    mode: str = ""
    deployed: bool | None = None
    groups: GroupFacts | None = None
    slots: SlotFacts | None = None
    policy: str | None = None
    trail: bool | None = None
    rules: Mapping[str, bool] | None = None
    sinks: tuple[str, ...] | None = None
    routes: bool | None = None
    bytes: Range | None = None
    is_destination: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The run.

    accounts            number of accounts of its targets
    in_organization     whether the accounts are known to belong to an organisation
    has_destination     whether a destination for copies is named
    bytes               written in a month to the chosen log groups of all targets
    """

    accounts: int = 1
    in_organization: bool = False
    has_destination: bool = False
    bytes: Range | None = None


def facts_of(preflight: Mapping[str, Any] | None, volume: Mapping[str, Any] | None, *, is_destination: bool) -> Facts:
    """Return the facts in the results of preflight_info and volume_info. None stands for a result that does not exist."""
    found = (preflight or {}).get("facts") or {}
    listed, slots = found.get("log_groups"), found.get("filters")
    usage, options = (volume or {}).get("usage"), (volume or {}).get("facts") or {}
    written = volume and volume["log_groups"]["chosen"]["bytes"]
    return Facts(
        region=str((preflight or volume or {}).get("region") or ""),
        partition=str(found.get("partition") or ""),
        mode=str(options.get("mode") or ""),
        deployed=bool(usage["reflector"]) if usage else None,
        groups=GroupFacts(**listed) if listed else None,
        slots=SlotFacts(**slots) if slots else None,
        policy=found.get("account_policy"),
        trail=found.get("trail"),
        rules=found.get("rules"),
        sinks=tuple(options["sinks"]) if "sinks" in options else None,
        routes=options.get("routes"),
        bytes=Range.from_plain(dict(written)) if written else None,
        is_destination=is_destination,
    )
