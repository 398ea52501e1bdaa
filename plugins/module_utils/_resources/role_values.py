# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An IAM role as it stands, and what the options ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._errors import InvalidInputError, check_name
from .._plan import Params
from .._session import Target
from .common import check_number
from .ownership import as_dict
from .policy_document import Document, given_document, same_meaning, stored_document

PREVIOUS = "-previous"
"""Ends the name of the inline policy that holds the earlier form of another one."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it stands.

    inline      the policies that were asked for, by name; of the others too where all were read
    managed     name by ARN of the attached policies, None where they were not asked for
    """

    name: str
    arn: str = ""
    path: str = "/"
    description: str = ""
    assume_role_policy: Mapping[str, Any] = field(default_factory=dict)
    max_session_duration: int = 3600
    permissions_boundary: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    inline: Mapping[str, Document] = field(default_factory=dict)
    managed: Mapping[str, str] | None = None

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> Role:
        """From GetRole's answer."""
        return cls(
            name=item["RoleName"],
            arn=item["Arn"],
            path=item["Path"],
            description=item.get("Description", ""),
            assume_role_policy=stored_document(item.get("AssumeRolePolicyDocument")),
            max_session_duration=item.get("MaxSessionDuration", 3600),
            permissions_boundary=item.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            tags=as_dict(item.get("Tags")),
        )

    def plain(self) -> dict[str, Any]:
        """The role's own attributes, for diffs and results."""
        shown = ("name", "path", "description", "max_session_duration", "permissions_boundary")
        return {
            **{key: getattr(self, key) for key in shown},
            "assume_role_policy": dict(self.assume_role_policy),
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options ask for; None leaves an attribute alone."""

    path: str | None = None
    description: str | None = None
    assume_role_policy: Document | None = None
    inline: Mapping[str, Document] | None = None
    purge_inline: bool = False
    keep_previous: bool = False
    managed: Sequence[str] | None = None
    purge_managed: bool = False
    permissions_boundary: str | None = None
    max_session_duration: int | None = None

    @classmethod
    def from_params(cls, target: Target, params: Params) -> Wanted:
        """The options, placeholders replaced; InvalidInputError before any question about the role."""
        path = params["path"]
        if path is not None:
            check_name("path", path, r"/|/[!-~]+/", "a path: it begins and ends with a slash, up to 512 characters")
        check_number("max_session_duration", params["max_session_duration"], 3600, 43200)
        trust = params["assume_role_policy"]
        if trust is not None:
            trust = _document(target, "assume_role_policy", trust)
        inline = params["inline_policies"]
        if inline is not None:
            inline = _named_documents(target, inline)
        if inline and params["keep_previous"]:
            _check_previous_names(inline)
        managed = params["managed_policies"]
        return cls(
            path=path,
            description=params["description"],
            assume_role_policy=trust,
            inline=inline,
            purge_inline=params["purge_inline_policies"],
            keep_previous=params["keep_previous"],
            managed=None if managed is None else [target.expand(item) for item in managed],
            purge_managed=params["purge_managed_policies"],
            permissions_boundary=target.expand(params["permissions_boundary"]),
            max_session_duration=params["max_session_duration"],
        )

    def is_kept(self, name: str) -> bool:
        """Whether an inline policy is the earlier form of one that is given, which stays beside it."""
        return self.keep_previous and name.endswith(PREVIOUS) and name.removesuffix(PREVIOUS) in (self.inline or {})

    def inline_differs(self, actual: Mapping[str, Document]) -> bool:
        """Whether a given inline policy is missing or says something else."""
        return any(
            name not in actual or not same_meaning(actual[name], new) for name, new in (self.inline or {}).items()
        )


def _named_documents(target: Target, given: Mapping[Any, Any]) -> dict[str, Document]:
    """Inline policies by name. YAML makes a number of a name like 1."""
    named = {str(name): value for name, value in given.items()}
    if len(named) < len(given):
        raise InvalidInputError("inline_policies", "two of its names are the same text")
    return {name: _document(target, f"inline_policies.{name}", named[name]) for name in sorted(named)}


def _check_previous_names(inline: Mapping[str, Document]) -> None:
    """InvalidInputError where the earlier form of a policy would have no name of its own (PutRolePolicy's API reference)."""
    for name in inline:
        if name + PREVIOUS in inline:
            raise InvalidInputError(
                "inline_policies", f"{name}{PREVIOUS} is where keep_previous puts the earlier {name}"
            )
        if len(name + PREVIOUS) > 128:
            raise InvalidInputError("inline_policies", f"{name} leaves no room for {PREVIOUS} in 128 characters")


def _document(target: Target, option: str, value: Any) -> Document:
    document = given_document(option, target.expand(given_document(option, value)))
    if not document:
        raise InvalidInputError(option, "it is empty, and a role cannot have an empty policy")
    return document
