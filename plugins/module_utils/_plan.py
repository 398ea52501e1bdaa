# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, plan, apply: the steps of every resource, in every host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ._errors import OutdatedError, ReflectorError
from ._session import Target

Params = Mapping[str, Any]
Result = dict[str, Any]
Work = Callable[[Target, Params, bool], Result]
"""The work of a module: (target, parameters, check mode) -> the task's result."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write that is to be made. `before` and `after` are plain values and hold no secret: they become the diff.

    payload   what `apply` needs and the diff must not show
    """

    action: Literal["create", "update", "delete"]
    kind: str
    name: str
    before: Any = None
    after: Any = None
    payload: Any = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.name}"

    def diff(self) -> dict[str, Any]:
        """Return the change as Ansible's --diff shows it."""
        title = f"{self.kind} {self.name}"
        before = self.before if self.before is not None else ""
        after = self.after if self.after is not None else ""
        return {"before_header": title, "after_header": title, "before": before, "after": after}


class Resource(Protocol):
    """One AWS resource, or a few that belong together.

    read    returns the actual state as plain values, without a write
    plan    pure: returns the changes from `actual` to the desired state, in the order to apply them
    apply   the only writer: carries out one change
    facts   returns the result's fields about `actual`
    """

    def read(self) -> Any: ...
    def plan(self, actual: Any) -> Sequence[Change]: ...
    def apply(self, change: Change) -> None: ...
    def facts(self, actual: Any) -> Result: ...


_TRIES = 3  # of read, plan and apply, if others write the same resource at the same time


def converge(resource: Resource, *, check_mode: bool, read: Callable[[], Any] | None = None) -> Result:
    """Bring one resource into its desired state. An error in between has the changes before it (`done`).

    read    returns the state that was read already; without it the resource is read now
    """
    actual = read() if read else resource.read()
    changes = resource.plan(actual)
    if check_mode or not changes:
        return {**outcome(changes), **resource.facts(actual)}
    done: list[Change] = []
    try:
        actual = _carry_out(resource, changes, done)
    except ReflectorError as error:
        error.done = outcome(done)
        raise
    return {**outcome(done), **resource.facts(actual)}


def _carry_out(resource: Resource, changes: Sequence[Change], done: list[Change]) -> Any:
    """Apply the changes and return the new state. `done` gets each change that was applied, also before an error."""
    for tries_left in reversed(range(_TRIES)):
        try:
            for change in changes:
                resource.apply(change)
                done.append(change)
            break
        except OutdatedError:
            if not tries_left:
                raise
        changes = resource.plan(resource.read())
    return resource.read()


def outcome(changes: Sequence[Change]) -> Result:
    """Return the fields that every result has: changed, changes (a line each), diff."""
    return {
        "changed": bool(changes),
        "changes": [str(change) for change in changes],
        "diff": [change.diff() for change in changes],
    }


def converging(make: Callable[[Target, Params], Resource]) -> Work:
    """Return the work of a module that manages one resource."""

    def work(target: Target, params: Params, check_mode: bool) -> Result:
        return converge(make(target, params), check_mode=check_mode)

    return work
