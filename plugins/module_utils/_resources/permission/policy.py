# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Lambda function's resource policy as values, and the steps from one policy to another. Pure.

AddPermission cannot overwrite a statement, so a statement is replaced in four steps: a temporary statement with the new content is
added under a derived id, the old statement is removed, the new one is added under its own id, the temporary statement is removed. At
every moment the old or the new content exists. `next_step` decides from the present policy alone: if a run is killed
between two steps, the next run completes the replacement.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..common import compact_json
from .statement import Statement, parse, render, resource_tail_of

SIZE_LIMIT = 20_480
"""Bytes that AWS allows for a function's policy; not adjustable (AWS page "Lambda quotas")."""

_EMPTY_FRAME = {"Version": "2012-10-17", "Id": "default"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of a policy: as AWS has it, and parsed if AddPermission can have created it."""

    raw: Any
    statement: Statement | None

    @property
    def sid(self) -> str | None:
        """The statement's id; one that PutResourcePolicy wrote may have none."""
        sid = self.raw.get("Sid") if isinstance(self.raw, Mapping) else None
        return sid if isinstance(sid, str) else None


@dataclass(frozen=True, slots=True)
class Policy:
    """A function's policy, empty before the first AddPermission.

    resource    the ARN that statements of this policy have as their Resource
    frame       the document without its statements
    """

    resource: str
    entries: tuple[Entry, ...] = ()
    revision_id: str | None = None
    frame: Mapping[str, Any] = field(default_factory=lambda: dict(_EMPTY_FRAME))

    @classmethod
    def from_document(cls, document: Mapping[str, Any], resource: str, revision_id: str | None = None) -> Policy:
        """Return the policy in GetPolicy's document.

        AWS keeps one policy for each qualifier. Emulators keep one for all, so statements of other qualifiers are left out.
        """
        found = document.get("Statement", [])
        items = found if isinstance(found, list) else [found]
        tail = resource_tail_of(resource)
        entries = tuple(Entry(raw, parse(raw, tail)) for raw in items if not _of_other_qualifier(raw, tail))
        frame = {key: value for key, value in document.items() if key != "Statement"}
        return cls(resource, entries, revision_id, frame)

    def size(self) -> int:
        """Return the bytes of the document in AWS's compact form, 0 without statements."""
        if not self.entries:
            return 0
        return byte_size({**self.frame, "Statement": [entry.raw for entry in self.entries]})

    def statements(self) -> dict[str, Statement | None]:
        """Return the statements by id; None for one that AddPermission cannot have created, and for an id used twice."""
        found: dict[str, Statement | None] = {}
        for entry in self.entries:
            if entry.sid is not None:
                found[entry.sid] = None if entry.sid in found else entry.statement
        return found

    def after(self, step: Step) -> Policy:
        """Return the policy after a step, without the new revision, which only AWS knows."""
        if isinstance(step, Remove):
            kept = tuple(entry for entry in self.entries if entry.sid != step.statement_id)
        else:
            raw = render(step.statement, self.resource, self.resource.split(":")[1])
            kept = (*self.entries, Entry(raw, step.statement))
        return replace(self, entries=kept, revision_id=None)

    def size_of(self, statement: Statement) -> int:
        """Return the bytes that a statement takes at most, under its own id or a temporary statement's."""
        temporary = statement.named(temporary_id_of(statement.statement_id))
        return byte_size(render(temporary, self.resource, self.resource.split(":")[1])) + 1

    def largest(self, count: int = 3) -> list[tuple[str, int]]:
        """Return id and bytes of the largest statements."""
        sizes = [(entry.sid or "(without an id)", byte_size(entry.raw)) for entry in self.entries]
        return sorted(sizes, key=lambda item: (-item[1], item[0]))[:count]


def byte_size(value: Any) -> int:
    """Return the bytes of a JSON value in compact form."""
    return len(compact_json(value).encode())


def _of_other_qualifier(raw: Any, tail: str) -> bool:
    resource = raw.get("Resource") if isinstance(raw, Mapping) else None
    if not isinstance(resource, str):
        return False
    name, _unused, qualifier = tail.partition(":")
    other_name, _unused, other = resource_tail_of(resource).partition(":")
    return other_name == name and other != qualifier and "*" not in other and "?" not in other


_TEMPORARY_END = "-lr-temporary"
_TEMPORARY_BASE = 100 - len(_TEMPORARY_END) - 13
LONGEST_PREFIX = _TEMPORARY_BASE
"""A longer purge_prefix would match a statement but not the temporary one in its place."""


def temporary_id_of(statement_id: str) -> str:
    """Return the id of the temporary statement that replaces `statement_id` for a moment: at most 100 characters, AWS's limit.

    It has the hash of the whole id, so that no statement of others is mistaken for a temporary statement.
    """
    digest = hashlib.sha256(statement_id.encode()).hexdigest()[:12]
    return f"{statement_id[:_TEMPORARY_BASE]}-{digest}{_TEMPORARY_END}"


def is_temporary_id(statement_id: str) -> bool:
    """Return whether an id has the form of a temporary statement's id."""
    return re.fullmatch(rf".+-[0-9a-f]{{12}}{_TEMPORARY_END}", statement_id) is not None


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
    """The desired statement under one id; None removes the statement."""

    statement_id: str
    desired: Statement | None


class ForeignStatementError(Exception):
    """An id that is to be changed belongs to a statement that AddPermission cannot have created."""

    def __init__(self, statement_id: str) -> None:
        self.statement_id = statement_id
        super().__init__(statement_id)


def next_step(statements: Mapping[str, Statement | None], goal: Goal) -> Step | None:
    """Return the next write towards `goal`, None if it is reached. Raises ForeignStatementError.

    The old statement is removed only while a temporary statement with the new content exists. That is removed only while the new
    statement exists under its own id.
    """
    now = _own(statements, goal.statement_id)
    if goal.desired is None:
        return Remove(goal.statement_id) if now else None
    temporary_id = temporary_id_of(goal.statement_id)
    temporary = _own(statements, temporary_id)
    if now is None:
        return Add(goal.desired)
    if now == goal.desired:
        return Remove(temporary_id) if temporary else None
    if temporary == goal.desired.named(temporary_id):
        return Remove(goal.statement_id)
    return Remove(temporary_id) if temporary else Add(goal.desired.named(temporary_id))


def _own(statements: Mapping[str, Statement | None], statement_id: str) -> Statement | None:
    found = statements.get(statement_id)
    if found is None and statement_id in statements:
        raise ForeignStatementError(statement_id)
    return found


def goals(policy: Policy, desired: Sequence[Statement], removed: Sequence[str], purge_prefix: str = "") -> list[Goal]:
    """Return what has to change. Raises ForeignStatementError.

    The order needs least room and leaves no gap: leftover temporary statements are removed, statements are replaced, then added.
    Removals come last, so that a permission under a new id exists before the old one is removed.

    desired         statements that must exist exactly like this
    removed         ids that must not exist
    purge_prefix    ids that begin with it and are not desired must not exist; "" is none
    """
    statements = policy.statements()
    leftovers: list[Goal] = []
    updates: list[Goal] = []
    creations: list[Goal] = []
    for statement in desired:
        now = _own(statements, statement.statement_id)
        temporary_id = temporary_id_of(statement.statement_id)
        if now == statement:
            leftovers += [Goal(temporary_id, None)] if statements.get(temporary_id) else []
        else:
            (updates if now else creations).append(Goal(statement.statement_id, statement))
    ids = _removed_ids(statements, desired, removed, purge_prefix)
    return [*leftovers, *updates, *creations, *(Goal(statement_id, None) for statement_id in ids)]


def _removed_ids(
    statements: Mapping[str, Statement | None], desired: Sequence[Statement], removed: Sequence[str], purge_prefix: str
) -> list[str]:
    ids = [statement_id for statement_id in removed if _own(statements, statement_id)]
    ids += [temporary for temporary in map(temporary_id_of, removed) if statements.get(temporary)]
    kept = {name for item in desired for name in (item.statement_id, temporary_id_of(item.statement_id))}
    if purge_prefix:
        ids += [
            statement_id
            for statement_id, statement in statements.items()
            if statement and statement_id.startswith(purge_prefix) and statement_id not in kept
        ]
    return list(dict.fromkeys(ids))


def steps(policy: Policy, plan: Sequence[Goal]) -> Iterator[tuple[Step, Policy]]:
    """Yield each write that the goals need if nobody else writes, with the policy after it."""
    for goal in plan:
        while step := next_step(policy.statements(), goal):
            policy = policy.after(step)
            yield step, policy


def count_fitting(policy: Policy, plan: Sequence[Goal]) -> int:
    """Return how many of the desired statements are written before a write exceeds the limit."""
    count = 0
    for goal in plan:
        for step, after in steps(policy, [goal]):
            policy = after
            if isinstance(step, Add) and policy.size() > SIZE_LIMIT:
                return count
        count += goal.desired is not None
    return count
