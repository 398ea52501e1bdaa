# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The base of resources that are created, changed and deleted as one, and that have the owner tag."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

from .._errors import NotFoundError, OutdatedError, ReflectorError, ThrottledError
from .._plan import Change, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import Call
from .ownership import Ownership, owned_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedState:
    """A resource as it was read; `tags` is None if they were not read."""

    tags: Mapping[str, str] | None = None


T = TypeVar("T", bound=OwnedState)


class OwnedResource(ABC, Generic[T]):
    """Read, plan and apply; a subclass adds the calls and the comparison of one kind of resource.

    kind                "queue", for changes and messages
    service             boto3's name of the service
    transient_codes     AWS's error codes to retry writes after, beside throttling
    taken_codes         AWS's error codes if another writer created the same resource first
    """

    kind: ClassVar[str]
    service: ClassVar[str]
    transient_codes: ClassVar[tuple[str, ...]] = ()
    taken_codes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, target: Target, name: str, *, present: bool, tags: Mapping[str, str], wait_seconds: float
    ) -> None:
        self._target, self._name, self._present = target, name, present
        self._own = Ownership(f"{self.kind} {name}", lambda: target.where, tags)
        self._retry_policy = RetryPolicy(seconds=wait_seconds)
        self._deleted = False  # by this run: services may show a deleted resource for up to a minute

    def read(self) -> T | None:
        """Return the resource, None if it does not exist. Tags are read only if the plan depends on them."""
        found = None if self._deleted else self._find()
        if found and (self._own.tags or not self._present or self._changes(found)):
            found = replace(found, tags=self._read_tags(found))
        return found

    def plan(self, actual: T | None) -> list[Change]:
        """Return the changes. Raises RefusedError if they would change or delete a foreign resource."""
        return owned_plan(
            self._own,
            actual,
            present=self._present,
            creation=self._creation,
            deletion=self._deletion,
            changes=self._changes,
        )

    def apply(self, change: Change) -> None:
        """Make the calls of one change."""
        for call in change.payload:
            self._write(call, str(change))

    @abstractmethod
    def facts(self, actual: T | None) -> Result:
        """Return the result's fields."""

    @abstractmethod
    def _find(self) -> T | None:
        """Return the resource without its tags, None if it does not exist."""

    @abstractmethod
    def _read_tags(self, found: T) -> dict[str, str]:
        """Return the resource's tags."""

    @abstractmethod
    def _creation(self) -> Change:
        """Return the change that creates the resource."""

    @abstractmethod
    def _changes(self, actual: T) -> list[Change]:
        """Return the changes of an existing resource, tags first."""

    @abstractmethod
    def _deletion(self, actual: T) -> Change:
        """Return the change that deletes the resource."""

    @property
    def _client(self) -> Any:
        return self._target.client(self.service)

    def _change(self, action: Literal["create", "update", "delete"], before: Any, after: Any, call: Call) -> Change:
        return Change(action, self.kind, self._name, before, after, (call,))

    def _tag_update(self, actual: T, tag: Callable[[dict[str, str]], Call]) -> list[Change]:
        return self._own.tag_update(self.kind, self._name, actual.tags, tag)

    def _write(self, call: Call, operation: str) -> Mapping[str, Any] | None:
        """Make one writing call and return AWS's answer; None if the resource to delete is already gone.

        Raises OutdatedError if another writer created the resource first.
        """

        def make() -> Mapping[str, Any]:
            with self._target.describe_operation(operation):
                return call.made_with(self._client)

        is_deletion = call.method.startswith("delete_")
        try:
            answer = self._retry_policy.wait_out(make, self._is_transient)
        except ReflectorError as error:
            if error.code in self.taken_codes:
                raise OutdatedError(error.operation, error.message, code=error.code, where=error.where) from error
            if not (is_deletion and isinstance(error, NotFoundError)):
                raise
            answer = None
        self._deleted = is_deletion
        return answer

    def _is_transient(self, error: ReflectorError) -> bool:
        return isinstance(error, ThrottledError) or error.code in self.transient_codes
