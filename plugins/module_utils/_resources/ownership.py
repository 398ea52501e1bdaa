# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The owner tag, managed-by=logreflector.aws, and the other tags of a resource. Pure.

Every resource is created with the owner tag. A resource without it is foreign: it is neither changed nor deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from .._errors import InvalidInputError, RefusedError
from .._plan import Change
from .common import Call

OWNER_KEY = "managed-by"
OWNER_VALUE = "logreflector.aws"
RELEASE_KEY = "logreflector.aws/release"
"""The tag that names the release which a function runs; the option tags cannot set it."""
_OWNER_TAG = f"{OWNER_KEY}={OWNER_VALUE}"
FOREIGN = f"it does not have the tag {_OWNER_TAG}, so this collection did not create it"
HAND_OVER = f"hand it over by giving it the tag {_OWNER_TAG}"


@dataclass(frozen=True, slots=True)
class Ownership:
    """One resource and the tags that it is to have beside the owner tag. Tags that others set stay.

    what    "IAM role x", for messages
    where   returns "<account>/<region>" for messages; a function, because the account may become known later

    Raises InvalidInputError for tags that cannot be set.
    """

    what: str
    where: Callable[[], str]
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.tags.items():
            if key == OWNER_KEY and value != OWNER_VALUE:
                raise InvalidInputError("tags", f"{_OWNER_TAG} is the owner tag, so {key} cannot be {value!r}")
            if key == RELEASE_KEY:
                raise InvalidInputError("tags", f"{key!r} is set by the option release")
            if key.lower().startswith("aws:"):
                raise InvalidInputError("tags", f"{key!r} begins with aws:, which only AWS itself sets")

    def creation_tags(self) -> dict[str, str]:
        """Return the tags to create the resource with: the owner tag comes with it, not after it."""
        return {**self.tags, OWNER_KEY: OWNER_VALUE}

    def tag_update(
        self,
        kind: str,
        name: str,
        actual: Mapping[str, str] | None,
        tag: Callable[[dict[str, str]], Call],
    ) -> list[Change]:
        """Return at most one change, which sets the tags that are missing or differ.

        kind, name  of the resource, as its other changes have them
        actual      its tags; None if they were not read, then there is nothing to compare
        tag         returns the call that sets tags
        """
        to_set = {key: value for key, value in self.tags.items() if actual is not None and actual.get(key) != value}
        if actual is None or not to_set:
            return []
        return [Change("update", f"tags of {kind}", name, dict(actual), {**actual, **to_set}, (tag(to_set),))]

    def guard_changes(self, actual: Mapping[str, str], changes: Sequence[Change]) -> None:
        """Raise RefusedError if a foreign resource would be changed; one that needs no change may be used as it is."""
        if changes and not has_owner_tag(actual):
            planned = "; ".join(map(str, changes))
            advice = f"Choose another name, or {HAND_OVER}. Planned: {planned}."
            raise RefusedError(f"change {self.what}", f"it exists, and {FOREIGN}", advice=advice, where=self.where())

    def guard_deletion(self, actual: Mapping[str, str]) -> None:
        """Raise RefusedError if a foreign resource would be deleted."""
        if not has_owner_tag(actual):
            advice = f"Choose another name, or {HAND_OVER}."
            raise RefusedError(f"delete {self.what}", FOREIGN, advice=advice, where=self.where())


class Owned(Protocol):
    """A resource as it was read; `tags` is None if they were not read."""

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
    """Return the plan of a resource that is created, changed and deleted as one. Raises RefusedError if it is foreign."""
    if actual is None:
        return [creation()] if present else []
    if not present:
        own.guard_deletion(actual.tags or {})
        return [deletion(actual)]
    found = changes(actual)
    if actual.tags is not None:
        own.guard_changes(actual.tags, found)
    return found


def has_owner_tag(tags: Mapping[str, str]) -> bool:
    """Return whether the tags include the owner tag."""
    return tags.get(OWNER_KEY) == OWNER_VALUE


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in the form of requests to IAM, EventBridge, CloudWatch and Systems Manager."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def as_dict(tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Return tags from answers of IAM, EventBridge, CloudWatch and Systems Manager."""
    return {item["Key"]: item["Value"] for item in tags or ()}
