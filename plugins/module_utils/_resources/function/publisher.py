# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a release: set the tag, publish a version, move the aliases, delete versions that no alias names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..._plan import Change, Result
from ..common import Call
from ..ownership import RELEASE_KEY
from .api import FunctionApi
from .release import (
    CURRENT,
    PREVIOUS,
    WITHDRAWN,
    Release,
    Releases,
    check_release,
    digest_of,
    is_own_version,
    release_tag,
    released,
    unreadable_environment,
    version_description,
)
from .state import Function

KIND = "release of function"
_NEXT = "the next"  # Lambda numbers versions itself


@dataclass(frozen=True, slots=True)
class Publication:
    """Payload of the change.

    description     of the version
    before          the releases before the change
    tag             the call that writes the tag, None if it is set already
    existing        the release if its version exists already
    """

    code_sha256: str
    description: str
    before: Releases
    tag: Call | None = None
    existing: Release | None = None


class ReleasePublisher:
    """The setting `release` of one function."""

    def __init__(self, name: str, release: str, api: FunctionApi, where: Callable[[], str]) -> None:
        self._name, self._release, self._api, self._where = name, check_release(release), api, where

    def tag(self, code_sha256: str) -> str:
        """Return the value of the function's tag."""
        return release_tag(self._release, code_sha256)

    def guard(self, function: Function, releases: Releases) -> None:
        """Raise RefusedError if an alias is foreign, AccessDeniedError if the environment cannot be read."""
        operation = f"keep release {self._release} of function {self._name}"
        releases.guard(operation, self._where())
        if function.configuration.environment is None:
            raise unreadable_environment(function.configuration, f"{operation} with its environment", self._where())

    def plan_first(self, code_sha256: str, description: str) -> list[Change]:
        """Return the change for a new function, which is created with the tag."""
        publication = Publication(code_sha256, version_description(description, self._release), Releases())
        return [Change("create", KIND, self._name, None, self._after(Releases(), None), payload=publication)]

    def plan(self, after: Function, releases: Releases) -> list[Change]:
        """Return at most one change.

        after   the function as it will be after all other changes, with its current tags
        """
        description = version_description(after.configuration.description, self._release)
        before = releases.current
        is_published = before is not None and before.digest == digest_of(after)
        existing = replace(before, name=self._release) if before and is_published else None
        tag, tagged = self.tag(after.code_sha256), (after.tags or {}).get(RELEASE_KEY)
        if before and existing == before and tagged == tag and not releases.is_rolling_back:
            return []
        write = Call("tag_resource", {"Resource": after.arn, "Tags": {RELEASE_KEY: tag}})
        publication = Publication(after.code_sha256, description, releases, None if tagged == tag else write, existing)
        left = {"tag": released(tagged), **releases.plain()}
        right = {"tag": self._release, **self._after(releases, existing)}
        return [Change("update" if before else "create", KIND, self._name, left, right, payload=publication)]

    def apply(self, change: Change) -> None:
        """Make the calls. `current` moves last: until then a rollback restores the release before."""
        publication: Publication = change.payload
        api, before = self._api, publication.before
        if publication.tag:
            api.write_tags(publication.tag)
        current = publication.existing or self._publish(publication)
        previous = _previous(before, current)
        if previous and previous != before.previous:
            api.put_alias(PREVIOUS, previous.version, previous.description(), exists=before.previous is not None)
        if before.withdrawn:
            api.delete_alias(WITHDRAWN)
        if current != before.current:
            api.put_alias(CURRENT, current.version, current.description(), exists=before.current is not None)
        if before.current:
            self._prune({current.version, *([previous.version] if previous else []), *before.elsewhere})

    def _publish(self, publication: Publication) -> Release:
        """Publish a version and return its release. The digest is of what AWS published, not of what was planned."""
        version = Function.from_version(self._api.publish(publication.description, publication.code_sha256))
        return Release(version.version, self._release, digest_of(version))

    def _prune(self, named: set[str]) -> None:
        """Delete this collection's other versions, also those of interrupted runs."""
        for configuration in self._api.list_versions():
            if is_own_version(configuration) and configuration["Version"] not in named:
                self._api.delete_version(configuration["Version"])

    def _after(self, before: Releases, current: Release | None) -> Result:
        previous = _previous(before, current)
        return {
            "current": {"release": self._release, "version": current.version if current else _NEXT},
            "previous": previous.plain() if previous else None,
            "withdrawn": None,
        }


def _previous(before: Releases, current: Release | None) -> Release | None:
    """Return the release before `current` (None: a release that is not published yet)."""
    base = before.base
    if base and current and (base.version, base.name) == (current.version, current.name):
        return before.previous
    return base
