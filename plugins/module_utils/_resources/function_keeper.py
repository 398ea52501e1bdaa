# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Keeping a release: the tag, a published version, the aliases, and away with the versions that nothing names any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .._plan import Change, Params, Result
from .common import Call
from .function_api import FunctionApi
from .function_release import (
    CURRENT,
    PREVIOUS,
    WITHDRAWN,
    Release,
    Releases,
    check_release,
    digest_of,
    is_our_version,
    release_tag,
    released,
    unmarked,
    unreadable_environment,
    version_description,
)
from .function_state import Function
from .ownership import RELEASE_KEY

KIND = "release of function"
_NEXT = "the next"  # Lambda numbers versions itself


@dataclass(frozen=True, slots=True)
class Keeping:
    """Payload of the change.

    description     what the version is to be described as
    before          the releases until now
    tag             the call that writes the tag, None if it stands
    unpublished     the release itself where its version stands already
    """

    code_sha256: str
    description: str
    before: Releases
    tag: Call | None = None
    unpublished: Release | None = None


class ReleaseKeeper:
    """The option `release` of one function."""

    def __init__(self, name: str, release: str, api: FunctionApi, where: Callable[[], str]) -> None:
        self._name, self._release, self._api, self._where = name, release, api, where

    @classmethod
    def from_params(cls, name: str, api: FunctionApi, where: Callable[[], str], params: Params) -> ReleaseKeeper | None:
        """None where no release is given: then nothing is kept, and nothing that was is touched."""
        release = check_release(params["release"])
        return cls(name, release, api, where) if release else None

    def tag(self, code_sha256: str) -> str:
        """The value of the function's tag."""
        return release_tag(self._release, code_sha256)

    def guard(self, function: Function, releases: Releases) -> None:
        """RefusedError if the aliases are not ours, AccessDeniedError if what is to be kept cannot be read."""
        operation = f"keep release {self._release} of function {self._name}"
        releases.guard(operation, self._where())
        if function.settings.environment is None:
            raise unreadable_environment(function.settings, f"{operation} with its environment", self._where())

    def plan_first(self, code_sha256: str, description: str) -> list[Change]:
        """For a function that is created, its tag with it."""
        keeping = Keeping(code_sha256, version_description(description, self._release), Releases())
        return [Change("create", KIND, self._name, None, self._after(Releases(), None), payload=keeping)]

    def plan(self, after: Function, releases: Releases) -> list[Change]:
        """One change for all of it.

        after   the function as it will be once all other changes are made, with the tags it has now
        """
        description = version_description(after.settings.description, self._release)
        before = releases.current
        stands = before is not None and before.digest == digest_of(after)
        unpublished = replace(before, name=self._release) if before and stands else None
        tag, tagged = self.tag(after.code_sha256), (after.tags or {}).get(RELEASE_KEY)
        if before and unpublished == before and tagged == tag and not releases.rolling_back:
            return []
        write = Call("tag_resource", {"Resource": after.arn, "Tags": {RELEASE_KEY: tag}})
        keeping = Keeping(after.code_sha256, description, releases, None if tagged == tag else write, unpublished)
        left = {"tag": released(tagged), **releases.plain()}
        right = {"tag": self._release, **self._after(releases, unpublished)}
        return [Change("update" if before else "create", KIND, self._name, left, right, payload=keeping)]

    def apply(self, change: Change) -> None:
        """`current` moves last: until then the release is not complete, and a rollback goes back to the one before."""
        keeping: Keeping = change.payload
        api, before = self._api, keeping.before
        if keeping.tag:
            api.write_tags(keeping.tag)
        current = keeping.unpublished or self._publish(keeping)
        previous = _previous(before, current)
        if previous and previous != before.previous:
            api.put_alias(PREVIOUS, previous.version, previous.description(), exists=before.previous is not None)
        if before.withdrawn:
            api.delete_alias(WITHDRAWN)
        if current != before.current:
            api.put_alias(CURRENT, current.version, current.description(), exists=before.current is not None)
        if before.current:
            self._prune({current.version, *([previous.version] if previous else []), *before.elsewhere})

    def _publish(self, keeping: Keeping) -> Release:
        """Compare with the version that AWS published, not with the state that was planned from."""
        configuration = unmarked(self._api.publish(keeping.description, keeping.code_sha256))
        version = Function.from_api({"Configuration": configuration}, {})
        return Release(version.version, self._release, digest_of(version))

    def _prune(self, named: set[str]) -> None:
        """Those of interrupted runs go too."""
        for configuration in self._api.list_versions():
            if is_our_version(configuration) and configuration["Version"] not in named:
                self._api.delete_version(configuration["Version"])

    def _after(self, before: Releases, current: Release | None) -> Result:
        previous = _previous(before, current)
        return {
            "current": {"release": self._release, "version": current.version if current else _NEXT},
            "previous": previous.plain() if previous else None,
            "withdrawn": None,
        }


def _previous(before: Releases, current: Release | None) -> Release | None:
    """The release to go back to from `current` (None: one that is yet to be published)."""
    base = before.base
    if base and current and (base.version, base.name) == (current.version, current.name):
        return before.previous
    return base
