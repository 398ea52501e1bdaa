# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The releases of a function, kept as Lambda's versions under three aliases. Pure.

`current` names the last complete release, `previous` the one before it, and `withdrawn` the one that a rollback left. A
rollback writes `withdrawn` first, so that an interrupted rollback can be recognised. Nothing is invoked through them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from ..._errors import AccessDeniedError, InvalidInputError, RefusedError
from ..._plan import Result
from .configuration import Configuration

if TYPE_CHECKING:
    from .state import Function

CURRENT = "log-reflector-current"
PREVIOUS = "log-reflector-previous"
WITHDRAWN = "log-reflector-withdrawn"
_ALIASES = (CURRENT, PREVIOUS, WITHDRAWN)

LONGEST_DESCRIPTION = 256
"""Characters of a version's description (Lambda API reference, PublishVersion)."""

_NAME = r"[A-Za-z0-9._+-]{1,64}"
_DESCRIPTION = re.compile(rf"logreflector\.aws ({_NAME}) ([0-9a-f]{{64}})( unfinished)?")
_VERSION_MARK = re.compile(rf" ?\[logreflector\.aws {_NAME}\]$")


@dataclass(frozen=True, slots=True)
class Release:
    """A release and the version that keeps it.

    version     Lambda's number of the version
    name        as the setting `release` gave it
    digest      of code and configuration, see `digest`
    unfinished  for a withdrawn release: it was not complete, and `version` is the one that the rollback restored
    """

    version: str
    name: str
    digest: str
    unfinished: bool = False

    @classmethod
    def from_alias(cls, alias: Mapping[str, Any]) -> Release | None:
        """Return the release in an item of ListAliases, None if this collection did not write its description."""
        match = _DESCRIPTION.fullmatch(alias.get("Description") or "")
        return cls(alias["FunctionVersion"], match[1], match[2], bool(match[3])) if match else None

    def description(self) -> str:
        """Return the alias's description, which marks it as this collection's and saves reading the version."""
        return f"logreflector.aws {self.name} {self.digest}{' unfinished' if self.unfinished else ''}"

    def plain(self) -> Result:
        """Return the values for diffs and results."""
        shown = {"release": self.name, "version": self.version}
        return {**shown, "unfinished": True} if self.unfinished else shown


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases that the aliases name.

    foreign     aliases with these names that this collection did not write
    elsewhere   versions that other aliases name
    """

    current: Release | None = None
    previous: Release | None = None
    withdrawn: Release | None = None
    foreign: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()

    @classmethod
    def from_aliases(cls, aliases: Iterable[Mapping[str, Any]]) -> Releases:
        """Return the releases in all items of ListAliases."""
        own: dict[str, Release] = {}
        foreign, elsewhere = [], set()
        for alias in aliases:
            release = Release.from_alias(alias) if alias["Name"] in _ALIASES else None
            if release:
                own[alias["Name"]] = release
                continue
            if alias["Name"] in _ALIASES:
                foreign.append(alias["Name"])
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            elsewhere |= {alias["FunctionVersion"], *weights}
        current, previous, withdrawn = map(own.get, _ALIASES)
        return cls(current, previous, withdrawn, tuple(sorted(foreign)), frozenset(elsewhere))

    @property
    def is_rolling_back(self) -> bool:
        """Return whether a rollback was begun and not finished: it deletes `previous` last."""
        return bool(self.withdrawn and self.previous)

    @property
    def base(self) -> Release | None:
        """Return the release that a newer one would go back to, never the withdrawn one."""
        if self.withdrawn and self.previous and not self.withdrawn.unfinished:
            return self.previous
        return self.current

    def guard(self, operation: str, where: str) -> None:
        """Raise RefusedError if an alias with one of the names is foreign."""
        if self.foreign:
            names = " and ".join(self.foreign)
            message = f"its alias {names} was not written by this collection, which keeps releases under that name"
            raise RefusedError(operation, message, advice="Give that alias another name, or delete it.", where=where)

    def plain(self) -> Result:
        """Return the values for diffs and results."""
        named = {"current": self.current, "previous": self.previous, "withdrawn": self.withdrawn}
        return {name: release.plain() if release else None for name, release in named.items()}


def check_release(release: str) -> str:
    """Return the name of a release. Raises InvalidInputError if a tag or a description cannot contain it."""
    if not re.fullmatch(_NAME, release, re.ASCII):
        raise InvalidInputError("release", f"{release!r} is not 1 to 64 letters, digits and any of . _ + -")
    return release


def release_tag(release: str, code_sha256: str) -> str:
    """Return the value of the function's release tag."""
    return f"{release} {code_sha256}"


def released(tag: str | None) -> str | None:
    """Return the release in a release tag, None without a tag."""
    return (tag or "").partition(" ")[0] or None


def digest(code_sha256: str, architecture: str, configuration: Configuration) -> str:
    """Return the SHA-256 (hex) of code and configuration as a version keeps them, the environment included.

    Attributes with their default are left out: an attribute that is added later then changes no existing digest.
    """
    usual = {name for name, value in _DEFAULTS.items() if getattr(configuration, name) == value}
    kept = {name: value for name, value in asdict(configuration).items() if name not in usual}
    canonical = json.dumps([code_sha256, architecture, kept], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


_DEFAULTS = {
    item.name: item.default_factory() if item.default_factory is not MISSING else item.default
    for item in fields(Configuration)
    if item.name != "runtime"  # always in the digest
}


def digest_of(function: Function) -> str:
    """Return the digest of a function or version."""
    return digest(function.code_sha256, function.architecture, function.configuration)


def version_description(description: str, release: str) -> str:
    """Return the description for a version: the function's own, and a mark that identifies this collection's versions.

    Raises InvalidInputError if it is longer than Lambda takes.
    """
    marked = f"{description} [logreflector.aws {release}]" if description else f"[logreflector.aws {release}]"
    if len(marked) > LONGEST_DESCRIPTION:
        message = f"with the release's name it has {len(marked)} characters, and a version takes {LONGEST_DESCRIPTION}"
        raise InvalidInputError("description", message)
    return marked


def is_own_version(configuration: Mapping[str, Any]) -> bool:
    """Return whether an item of ListVersionsByFunction carries the mark of this collection."""
    number: str = configuration["Version"]
    return number.isdigit() and bool(_VERSION_MARK.search(configuration.get("Description") or ""))


def without_version_mark(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a version's configuration with the function's own description."""
    return {**configuration, "Description": _VERSION_MARK.sub("", configuration.get("Description") or "")}


def unreadable_environment(configuration: Configuration, operation: str, where: str) -> AccessDeniedError:
    """Return the error for an environment that AWS could not decrypt: it can be neither compared nor kept."""
    return AccessDeniedError(
        operation,
        f"AWS could not decrypt it with the key {configuration.kms_key_arn or 'of the account'}",
        advice="The caller needs kms:Decrypt for that key, and the key must be enabled.",
        where=where,
    )
