# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The releases of a function, kept as Lambda's own versions under three aliases. Pure.

`current` names the last complete release, `previous` the one before it, `withdrawn` the one that was rolled back (or is
being: it comes first, so that a rollback cut short is known for one). Nothing is invoked through them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from .._errors import AccessDeniedError, InvalidInputError, RefusedError
from .._plan import Result
from .function_settings import Settings

if TYPE_CHECKING:
    from .function_state import Function

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

    version     Lambda's number of it
    name        as the option `release` gave it
    digest      of code and configuration, see `digest`
    unfinished  of a withdrawn one: what ran was no complete release, and `version` is the one gone back to
    """

    version: str
    name: str
    digest: str
    unfinished: bool = False

    @classmethod
    def from_alias(cls, alias: Mapping[str, Any]) -> Release | None:
        """From an item of ListAliases; None if its description is not ours."""
        match = _DESCRIPTION.fullmatch(alias.get("Description") or "")
        return cls(alias["FunctionVersion"], match[1], match[2], bool(match[3])) if match else None

    def description(self) -> str:
        """The alias's description: what makes the alias ours, and spares later runs a look at the version."""
        return f"logreflector.aws {self.name} {self.digest}{' unfinished' if self.unfinished else ''}"

    def plain(self) -> Result:
        """For diffs and results."""
        shown = {"release": self.name, "version": self.version}
        return {**shown, "unfinished": True} if self.unfinished else shown


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases that the aliases name.

    foreign     our names on somebody else's aliases
    elsewhere   versions that other aliases send to
    """

    current: Release | None = None
    previous: Release | None = None
    withdrawn: Release | None = None
    foreign: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()

    @classmethod
    def from_aliases(cls, aliases: Iterable[Mapping[str, Any]]) -> Releases:
        """From all items of ListAliases."""
        ours: dict[str, Release] = {}
        foreign, elsewhere = [], set()
        for alias in aliases:
            release = Release.from_alias(alias) if alias["Name"] in _ALIASES else None
            if release:
                ours[alias["Name"]] = release
                continue
            if alias["Name"] in _ALIASES:
                foreign.append(alias["Name"])
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            elsewhere |= {alias["FunctionVersion"], *weights}
        return cls(
            ours.get(CURRENT), ours.get(PREVIOUS), ours.get(WITHDRAWN), tuple(sorted(foreign)), frozenset(elsewhere)
        )

    @property
    def rolling_back(self) -> bool:
        """Whether a rollback was begun and not ended: `previous` is the last that goes."""
        return bool(self.withdrawn and self.previous)

    @property
    def base(self) -> Release | None:
        """The release to go back to from a newer one: never the one that is being withdrawn."""
        if self.withdrawn and self.previous and not self.withdrawn.unfinished:
            return self.previous
        return self.current

    def guard(self, operation: str, where: str) -> None:
        """RefusedError if somebody else uses the names."""
        if self.foreign:
            names = " and ".join(self.foreign)
            message = f"its alias {names} was not written by this collection, which keeps releases under that name"
            raise RefusedError(operation, message, advice="Give that alias another name, or delete it.", where=where)

    def plain(self) -> Result:
        """For diffs and results."""
        named = {"current": self.current, "previous": self.previous, "withdrawn": self.withdrawn}
        return {name: release.plain() if release else None for name, release in named.items()}


def check_release(release: str | None) -> str | None:
    """The option `release`; InvalidInputError if it cannot stand in a tag and a description."""
    if release is not None and not re.fullmatch(_NAME, release, re.ASCII):
        raise InvalidInputError("release", f"{release!r} is not 1 to 64 letters, digits and any of . _ + -")
    return release


def release_tag(release: str, code_sha256: str) -> str:
    """The value of the function's release tag."""
    return f"{release} {code_sha256}"


def released(tag: str | None) -> str | None:
    """The release in a release tag; None without one."""
    return (tag or "").partition(" ")[0] or None


def digest(code_sha256: str, architecture: str, settings: Settings) -> str:
    """SHA-256 (hex) over code and all that a version keeps of the configuration, the environment included.

    What has its default is left out, so that a setting this collection learns of later changes no digest.
    """
    usual = {name for name, value in _DEFAULTS.items() if getattr(settings, name) == value}
    kept = {name: value for name, value in asdict(settings).items() if name not in usual}
    canonical = json.dumps([code_sha256, architecture, kept], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


_DEFAULTS = {
    item.name: item.default_factory() if item.default_factory is not MISSING else item.default
    for item in fields(Settings)
    if item.name != "runtime"  # ours, and another one tomorrow
}


def digest_of(function: Function) -> str:
    """The digest of a function or version as it stands."""
    return digest(function.code_sha256, function.architecture, function.settings)


def version_description(description: str, release: str) -> str:
    """The description that a version gets: the function's own, and the mark that tells our versions from others'.

    InvalidInputError if that is longer than Lambda takes.
    """
    marked = f"{description} [logreflector.aws {release}]" if description else f"[logreflector.aws {release}]"
    if len(marked) > LONGEST_DESCRIPTION:
        message = f"with the release's name it has {len(marked)} characters, and a version takes {LONGEST_DESCRIPTION}"
        raise InvalidInputError("description", message)
    return marked


def is_our_version(configuration: Mapping[str, Any]) -> bool:
    """Whether an item of ListVersionsByFunction carries the mark."""
    number: str = configuration["Version"]
    return number.isdigit() and bool(_VERSION_MARK.search(configuration.get("Description") or ""))


def unmarked(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A version's configuration with the function's own description."""
    return {**configuration, "Description": _VERSION_MARK.sub("", configuration.get("Description") or "")}


def unreadable_environment(settings: Settings, operation: str, where: str) -> AccessDeniedError:
    """Return the error for an environment that AWS could not decrypt: it can neither be compared nor kept."""
    return AccessDeniedError(
        operation,
        f"AWS could not decrypt it with the key {settings.kms_key_arn or 'of the account'}",
        advice="The caller needs kms:Decrypt for that key, and the key has to be enabled.",
        where=where,
    )
