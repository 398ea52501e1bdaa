# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Lambda function's resource policy as values, and the steps from one policy to another. Pure: no call is made here.

AddPermission cannot overwrite a statement, so a statement is replaced in four steps: a twin with the new content is
added under a derived id, the old statement is removed, the new one is added under its own id, the twin is removed. At
every moment the old or the new content stands. `next_step` decides from what stands alone, whatever was done before:
a run that was killed between any two steps is picked up by the next.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from .common import compact_json
from .permission_coverage import coverer, is_blanket
from .permission_statement import Statement, parse, render, resource_tail_of

SIZE_LIMIT = 20_480
"""Bytes that AWS allows for a function's policy; not adjustable (AWS page "Lambda quotas")."""

_EMPTY_FRAME = {"Version": "2012-10-17", "Id": "default"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of a policy: as AWS has it, and in the options' words if AddPermission can have made it."""

    raw: Any
    statement: Statement | None

    @property
    def sid(self) -> str | None:
        """Its id; a statement set by PutResourcePolicy may have none."""
        sid = self.raw.get("Sid") if isinstance(self.raw, Mapping) else None
        return sid if isinstance(sid, str) else None


@dataclass(frozen=True, slots=True)
class Policy:
    """A function's policy. Without entries it is the one that a function has before the first AddPermission.

    resource    the ARN that statements of this policy have as their Resource
    """

    resource: str
    entries: tuple[Entry, ...] = ()
    revision_id: str | None = None
    frame: Mapping[str, Any] = field(default_factory=lambda: dict(_EMPTY_FRAME))

    @classmethod
    def from_document(cls, document: Mapping[str, Any], resource: str, revision_id: str | None = None) -> Policy:
        """From GetPolicy's document.

        Emulators keep the statements of all qualifiers in one policy, where AWS keeps a policy for each: those of
        another qualifier are left out.
        """
        found = document.get("Statement", [])
        items = found if isinstance(found, list) else [found]
        tail = resource_tail_of(resource)
        entries = tuple(Entry(raw, parse(raw, tail)) for raw in items if not _of_other_qualifier(raw, tail))
        frame = {key: value for key, value in document.items() if key != "Statement"}
        return cls(resource, entries, revision_id, frame)

    def size(self) -> int:
        """Bytes of the document in the compact form that AWS gives it."""
        if not self.entries:
            return 0
        return byte_size(self.document())

    def document(self) -> dict[str, Any]:
        """As AWS has it."""
        return {**self.frame, "Statement": [entry.raw for entry in self.entries]}

    def standing(self) -> dict[str, Statement | None]:
        """What stands under each id; None under an id that AddPermission cannot have made, or that stands twice."""
        found: dict[str, Statement | None] = {}
        for entry in self.entries:
            if entry.sid is not None:
                found[entry.sid] = None if entry.sid in found else entry.statement
        return found

    def after(self, step: Step) -> Policy:
        """The policy once `step` is carried out; the new revision is AWS's to say."""
        if isinstance(step, Remove):
            kept = tuple(entry for entry in self.entries if entry.sid != step.statement_id)
        else:
            raw = render(step.statement, self.resource, self.resource.split(":")[1])
            kept = (*self.entries, Entry(raw, step.statement))
        return replace(self, entries=kept, revision_id=None)

    def largest(self, count: int = 3) -> list[tuple[str, int]]:
        """The statements that take most room: id and bytes."""
        sizes = [(entry.sid or "(without an id)", byte_size(entry.raw)) for entry in self.entries]
        return sorted(sizes, key=lambda item: (-item[1], item[0]))[:count]


def byte_size(value: Any) -> int:
    """Bytes of a JSON value in compact form."""
    return len(compact_json(value).encode())


def _of_other_qualifier(raw: Any, tail: str) -> bool:
    resource = raw.get("Resource") if isinstance(raw, Mapping) else None
    if not isinstance(resource, str):
        return False
    name, _unused, qualifier = tail.partition(":")
    other_name, _unused, other = resource_tail_of(resource).partition(":")
    return other_name == name and other != qualifier and "*" not in other and "?" not in other


_TWIN_END = "-lr-twin"
_TWIN_BASE = 100 - len(_TWIN_END) - 13
LONGEST_PREFIX = _TWIN_BASE
"""A longer purge_prefix would not recognise the twin of a statement that it recognises."""


def twin_of(statement_id: str) -> str:
    """The id of the statement that stands in while `statement_id` is replaced; at most 100 characters, as AWS wants.

    Recognised by being equal to this, for an id that the caller manages: the hash of the whole id is in it, so that
    no statement of others is taken for a twin.
    """
    digest = hashlib.sha256(statement_id.encode()).hexdigest()[:12]
    return f"{statement_id[:_TWIN_BASE]}-{digest}{_TWIN_END}"


def looks_like_twin(statement_id: str) -> bool:
    """Whether an id is of the form that twins have."""
    return re.fullmatch(rf".+-[0-9a-f]{{12}}{_TWIN_END}", statement_id) is not None


@dataclass(frozen=True, slots=True)
class Add:
    """AddPermission."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class Remove:
    """RemovePermission."""

    statement_id: str


Step: TypeAlias = "Add | Remove"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to stand under one id; None is nothing.

    was     a statement that goes for what it says, not for its id: another one under this id stays
    under   and only while this one stands, which allows what it allowed
    """

    statement_id: str
    wanted: Statement | None
    was: Statement | None = None
    under: Statement | None = None


class ForeignStatementError(Exception):
    """An id that is to be changed is held by a statement that AddPermission cannot have made."""

    def __init__(self, statement_id: str) -> None:
        self.statement_id = statement_id
        super().__init__(statement_id)


class ChangedStatementError(Exception):
    """A statement that was superfluous is not any more: it says something else, or what covered it is gone."""


def next_step(standing: Mapping[str, Statement | None], goal: Goal) -> Step | None:
    """The next write towards `goal`, None when it is reached. Raises ForeignStatementError, ChangedStatementError.

    The old content is removed only where a twin with the new content stands, the twin only where the new content
    stands under its own id.
    """
    if goal.was:
        return _superfluous(standing, goal)
    now = _own(standing, goal.statement_id)
    if goal.wanted is None:
        return Remove(goal.statement_id) if now else None
    twin_id = twin_of(goal.statement_id)
    twin = _own(standing, twin_id)
    if now is None:
        return Add(goal.wanted)
    if now == goal.wanted:
        return Remove(twin_id) if twin else None
    if twin == goal.wanted.named(twin_id):
        return Remove(goal.statement_id)
    return Remove(twin_id) if twin else Add(goal.wanted.named(twin_id))


def _superfluous(standing: Mapping[str, Statement | None], goal: Goal) -> Step | None:
    if goal.statement_id not in standing:
        return None
    covered = goal.under is None or standing.get(goal.under.statement_id) == goal.under
    if standing[goal.statement_id] != goal.was or not covered:
        raise ChangedStatementError
    return Remove(goal.statement_id)


def _own(standing: Mapping[str, Statement | None], statement_id: str) -> Statement | None:
    found = standing.get(statement_id)
    if found is None and statement_id in standing:
        raise ForeignStatementError(statement_id)
    return found


def goals(
    policy: Policy,
    wanted: Sequence[Statement],
    doomed: Sequence[str],
    purge_prefix: str = "",
    *,
    compact: bool = False,
) -> list[Goal]:
    """What has to change, in the order that needs least room without a gap: leftover twins go, then statements are
    replaced, then added; removals come last, so that a permission under a new id stands before the old one goes.
    A statement for many log groups is the first that is written: it may allow what another one did until now.

    wanted          statements that are to stand exactly so
    doomed          ids that are to be gone
    purge_prefix    ids that begin with it and are not wanted are to be gone; "" is none
    compact         statements for single log groups that a wanted one covers are to be gone, whatever their ids: as soon
                    as that one stands, to make room for the others
    """
    standing = policy.standing()
    leftovers: list[Goal] = []
    updates: list[Goal] = []
    creates: list[Goal] = []
    for statement in wanted:
        now = _own(standing, statement.statement_id)
        twin_id = twin_of(statement.statement_id)
        if now == statement:
            leftovers += [Goal(twin_id, None)] if standing.get(twin_id) else []
        else:
            (updates if now else creates).append(Goal(statement.statement_id, statement))
    superfluous = _superfluous_goals(standing, wanted) if compact else []
    early = {goal.statement_id for goal in superfluous}
    removed = _removed(standing, wanted, doomed, purge_prefix)
    writes = [*updates, *creates]
    region = policy.resource.split(":")[3]
    blankets = [goal for goal in writes if goal.wanted and is_blanket(goal.wanted, region)]
    return [
        *leftovers,
        *blankets,
        *superfluous,
        *(goal for goal in writes if goal not in blankets),
        *(Goal(statement_id, None) for statement_id in removed if statement_id not in early),
    ]


def _superfluous_goals(standing: Mapping[str, Statement | None], wanted: Sequence[Statement]) -> list[Goal]:
    kept = _kept(wanted)
    return [
        Goal(statement_id, None, was=statement, under=under)
        for statement_id, statement in standing.items()
        if statement and statement_id not in kept and (under := coverer(statement, wanted))
    ]


def _kept(wanted: Sequence[Statement]) -> set[str]:
    """The ids of the statements and of those that stand in for them."""
    return {name for item in wanted for name in (item.statement_id, twin_of(item.statement_id))}


def _removed(
    standing: Mapping[str, Statement | None], wanted: Sequence[Statement], doomed: Sequence[str], purge_prefix: str
) -> list[str]:
    named = [statement_id for statement_id in doomed if _own(standing, statement_id)]
    named += [twin for twin in map(twin_of, doomed) if standing.get(twin)]
    kept = _kept(wanted)
    if purge_prefix:
        named += [
            statement_id
            for statement_id, statement in standing.items()
            if statement and statement_id.startswith(purge_prefix) and statement_id not in kept
        ]
    return list(dict.fromkeys(named))


def steps(policy: Policy, plan: Sequence[Goal]) -> Iterator[tuple[Step, Policy]]:
    """Each write that the goals take when nobody else writes, with the policy after it."""
    for goal in plan:
        while step := next_step(policy.standing(), goal):
            policy = policy.after(step)
            yield step, policy


def fits(policy: Policy, plan: Sequence[Goal]) -> bool:
    """Whether no write of the plan meets the limit. Removals never do, be the policy ever so full."""
    return all(after.size() <= SIZE_LIMIT for step, after in steps(policy, plan) if isinstance(step, Add))


def fitting(policy: Policy, plan: Sequence[Goal]) -> int:
    """How many of the plan's statements are written before a write meets the limit."""
    count = 0
    for goal in plan:
        for step, after in steps(policy, [goal]):
            policy = after
            if isinstance(step, Add) and policy.size() > SIZE_LIMIT:
                return count
        count += goal.wanted is not None
    return count


def making_room(policy: Policy, plan: Sequence[Goal], idle: Sequence[str]) -> list[Goal]:
    """The plan with as few as can be of the superfluous statements `idle` removed before anything else: those that let
    nobody in, so that they may go before what covers them stands."""
    found = list(plan)
    for number, statement_id in enumerate(idle):
        if fits(policy, found):
            break
        goal = next(goal for goal in found if goal.statement_id == statement_id)
        found.remove(goal)
        found.insert(number, replace(goal, under=None))
    return found


def outcome(policy: Policy, plan: Sequence[Goal]) -> Policy:
    """The policy when all goals are reached."""
    return [policy, *(after for _unused, after in steps(policy, plan))][-1]
