# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Whose a resource is. What we create carries a mark, a tag; what does not carry it is not changed and not deleted
unless the user says so. Functions, roles, rules and queues share this, with their options for tags. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .._errors import InvalidInputError, RefusedError
from .._plan import Change, Params
from .common import Call

MARK_KEY = "managed-by"
MARK_VALUE = "logreflector.aws"
RELEASE_KEY = "logreflector.aws/release"
"""The tag that tells which release a function runs: no matter of the option tags."""
_KEPT = (MARK_KEY, RELEASE_KEY)
_MARK = f"{MARK_KEY}={MARK_VALUE}"
FOREIGN = f"it does not carry the tag {_MARK}, so this collection did not make it"

OPTIONS: dict[str, Any] = {
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
    "adopt": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
}
"""Documented in doc_fragments/ownership.py."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """One resource and what the options say of it.

    what    "IAM role x", for messages
    where   "<account>/<region>" for messages; a function, since the account may be learnt later
    tags    the tags given, None if the option is not
    """

    what: str
    where: Callable[[], str]
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    adopt: bool = False
    force: bool = False

    @classmethod
    def from_params(cls, what: str, where: Callable[[], str], params: Params) -> Ownership:
        """From a module's options; InvalidInputError for tags that cannot be set."""
        given = params["tags"]
        tags = None if given is None else {str(key): str(value) for key, value in given.items()}
        for key, value in (tags or {}).items():
            if key == MARK_KEY and value != MARK_VALUE:
                raise InvalidInputError(
                    "tags", f"{_MARK} marks what this collection made, so {key} cannot be {value!r}"
                )
            if key == RELEASE_KEY:
                raise InvalidInputError("tags", f"{key!r} is set by the option release of lambda_function")
            if key.lower().startswith("aws:"):
                raise InvalidInputError("tags", f"{key!r} begins with aws:, which only AWS itself sets")
        return cls(what, where, tags, params["purge_tags"], params["adopt"], params["force"])

    @property
    def concerns_tags(self) -> bool:
        """Whether the tags have to be read although nothing else is to be changed."""
        return self.tags is not None or self.adopt

    def first_tags(self) -> dict[str, str]:
        """The tags of a resource that is created: the mark comes with it, not after it."""
        return {**(self.tags or {}), MARK_KEY: MARK_VALUE}

    def wanted_tags(self, actual: Mapping[str, str]) -> dict[str, str]:
        """The tags that are to stand. Neither AWS's own nor ours are ever taken away; adopting sets the mark."""
        kept = dict(actual)
        if self.tags is not None:
            if self.purge_tags:
                kept = {key: value for key, value in actual.items() if key.startswith("aws:") or key in _KEPT}
            kept.update(self.tags)
        if self.adopt:
            kept[MARK_KEY] = MARK_VALUE
        return kept

    def tag_update(
        self,
        kind: str,
        name: str,
        actual: Mapping[str, str] | None,
        *,
        tag: Callable[[dict[str, str]], Call],
        untag: Callable[[list[str]], Call],
    ) -> Iterator[Change]:
        """At most one change, to be made before all others: what is adopted is ours before it is changed.

        kind, name  of the resource, as its changes have them
        actual      its tags, None where they were not read: then there is nothing to compare
        tag, untag  the calls that set tags and take keys away. Away first: a resource holds 50 tags at the most
        """
        if actual is None:
            return
        after = self.wanted_tags(actual)
        to_set, to_remove = tag_difference(actual, after)
        calls = ([untag(to_remove)] if to_remove else []) + ([tag(to_set)] if to_set else [])
        if calls:
            yield Change("update", f"tags of {kind}", name, dict(actual), after, tuple(calls))

    def guard_changes(self, actual: Mapping[str, str], changes: Sequence[Change]) -> None:
        """RefusedError if a resource that is not ours would be changed; one that is right already is fine as it is."""
        if changes and not is_ours(actual) and not self.adopt:
            planned = "; ".join(map(str, changes))
            advice = f"Choose another name, or set adopt: true to make it ours. To be done would be: {planned}."
            raise RefusedError(f"change {self.what}", f"it exists, and {FOREIGN}", advice=advice, where=self.where())

    def guard_deletion(self, actual: Mapping[str, str]) -> None:
        """RefusedError if a resource that is not ours would be deleted."""
        if not is_ours(actual) and not self.force:
            advice = "Set force: true to delete it all the same."
            raise RefusedError(f"delete {self.what}", FOREIGN, advice=advice, where=self.where())


class Owned(Protocol):
    """A resource as it was read; its tags are None where they were not asked for."""

    @property
    def tags(self) -> Mapping[str, str] | None: ...


T = TypeVar("T", bound=Owned)


def owned_plan(
    own: Ownership,
    actual: T | None,
    *,
    present: bool,
    creation: Callable[[], Change],
    deletion: Callable[[T], Change],
    changes: Callable[[T], list[Change]],
) -> list[Change]:
    """The plan of a resource that is made, changed and deleted as one. RefusedError if it is foreign."""
    if actual is None:
        return [creation()] if present else []
    if not present:
        own.guard_deletion(actual.tags or {})
        return [deletion(actual)]
    found = changes(actual)
    if actual.tags is not None:
        own.guard_changes(actual.tags, found)
    return found


def is_ours(tags: Mapping[str, str]) -> bool:
    """Whether the mark is among the tags."""
    return tags.get(MARK_KEY) == MARK_VALUE


def tag_difference(actual: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What to set, and which keys to take away."""
    to_set = {key: value for key, value in wanted.items() if actual.get(key) != value}
    return to_set, sorted(set(actual) - set(wanted))


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as IAM and EventBridge take them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def as_dict(tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags as IAM and EventBridge answer them."""
    return {item["Key"]: item["Value"] for item in tags or ()}
