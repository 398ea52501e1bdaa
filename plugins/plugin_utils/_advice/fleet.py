# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The advice for all targets of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...module_utils._parts.volume.figures import Range
from .decide import Advice, OuAdvice, advise, advise_ou
from .facts import Context, Facts, facts_of


@dataclass(frozen=True, slots=True)
class ReadTarget:
    """What a run read of a target.

    host            its name in the inventory
    ou              path of its OU, "" if unknown
    error           why it was not read, "" if it was
    preflight       of preflight_info's result; None if it was not read
    volume          of volume_info's result; None if it was not read
    costs           AWS's bill for a month by way
    is_destination  whether a centralization rule copies to it
    """

    host: str
    account: str = ""
    region: str = ""
    ou: str = ""
    error: str = ""
    preflight: Mapping[str, Any] | None = None
    volume: Mapping[str, Any] | None = None
    costs: Mapping[str, Range] = field(default_factory=dict)
    is_destination: bool = False

    @property
    def facts(self) -> Facts:
        """The facts that decide."""
        return facts_of(self.preflight, self.volume, is_destination=self.is_destination)

    @property
    def problems(self) -> list[str]:
        """What would make any deployment fail, and what was not checked."""
        found = (self.preflight or {}).get("findings") or ()
        return [str(each["sentence"]) for each in found if each["level"] in ("problem", "not_checked")]

    @property
    def notes(self) -> list[str]:
        """The readings of the volume that failed."""
        return [str(note) for note in (self.volume or {}).get("notes") or ()]


@dataclass(frozen=True, slots=True)
class AdvisedTarget:
    """A target with its advice; None for a target that was not read."""

    read: ReadTarget
    facts: Facts
    advice: Advice | None


@dataclass(frozen=True, slots=True)
class FleetAdvice:
    """All targets, sorted by account and region, and their OUs. `made_at` is in seconds since 1970."""

    made_at: int
    targets: tuple[AdvisedTarget, ...]
    ous: tuple[OuAdvice, ...]
    context: Context

    @property
    def unread(self) -> tuple[AdvisedTarget, ...]:
        """The targets that were not read."""
        return tuple(target for target in self.targets if target.advice is None)


def advise_fleet(
    made_at: int, targets: Iterable[ReadTarget], *, has_administrator: bool, has_destination: bool
) -> FleetAdvice:
    """Return the advice for all targets and OUs.

    has_administrator   whether the inventory names the administrator of centralization rules
    has_destination     whether a destination for copies is named
    """
    ordered = sorted(targets, key=lambda each: (each.account, each.region, each.host))
    facts = [target.facts for target in ordered]
    context = Context(
        accounts=len({target.account for target in ordered if target.account}),
        in_organization=has_administrator or any(target.ou for target in ordered),
        has_destination=has_destination,
        bytes=_written(facts),
    )
    advised = tuple(_advised(target, known, context) for target, known in zip(ordered, facts, strict=True))
    return FleetAdvice(made_at, advised, tuple(_ous(advised, context)), context)


def _advised(target: ReadTarget, facts: Facts, context: Context) -> AdvisedTarget:
    was_read = bool((target.preflight or {}).get("facts") or target.volume)
    return AdvisedTarget(target, facts, advise(facts, context, target.costs) if was_read else None)


def _written(facts: Sequence[Facts]) -> Range | None:
    """Return what all targets write a month; None if one of them is unknown."""
    found = [each.bytes for each in facts]
    if None in found or not found:
        return None
    written = Range(0.0, 0.0)
    for each in found:
        written = written + each if each else written
    return written


def _ous(targets: Iterable[AdvisedTarget], context: Context) -> Iterable[OuAdvice]:
    """Yield the OUs by path. Targets of an unknown OU are together at the end."""
    groups: dict[str, list[AdvisedTarget]] = {}
    for target in targets:
        groups.setdefault(target.read.ou, []).append(target)
    for path in sorted(groups, key=lambda path: (not path, path)):
        found = [target.advice for target in groups[path] if target.advice]
        yield advise_ou(path, found, len(groups[path]) - len(found), context.accounts)
