# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An IAM role as it was read, and the calls to IAM about it: one small method for each API operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._errors import NotFoundError
from ..._session import Target
from ..common import Call
from ..ownership import as_dict
from ..policy_document import Document, stored_document

BOUNDARY_ADVICE = (
    "Create the policy from docs/iam/boundary-policy.json in this account, or correct account_permissions_boundary."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role as it was read.

    policies    the inline policies by name, as far as they were read
    managed     the ARNs of attached managed policies
    """

    name: str
    arn: str = ""
    path: str = "/"
    description: str = ""
    trust_policy: Mapping[str, Any] = field(default_factory=dict)
    max_session_duration: int = 3600
    permissions_boundary: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, Document] = field(default_factory=dict)
    managed: tuple[str, ...] = ()

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> Role:
        """Return the role in GetRole's answer."""
        return cls(
            name=item["RoleName"],
            arn=item["Arn"],
            path=item["Path"],
            description=item.get("Description", ""),
            trust_policy=stored_document(item.get("AssumeRolePolicyDocument")),
            max_session_duration=item.get("MaxSessionDuration", 3600),
            permissions_boundary=item.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            tags=as_dict(item.get("Tags")),
        )

    def plain(self) -> dict[str, Any]:
        """Return the role's own attributes, for diffs and results."""
        shown = ("name", "path", "description", "max_session_duration", "permissions_boundary")
        return {
            **{key: getattr(self, key) for key in shown},
            "trust_policy": dict(self.trust_policy),
            "tags": dict(self.tags),
        }


def require_boundary(target: Target, arn: str) -> None:
    """Raise NotFoundError if the managed policy that should be a permissions boundary does not exist."""
    try:
        with target.describe_operation(f"read the permissions boundary {arn}"):
            target.client("iam").get_policy(PolicyArn=arn)
    except NotFoundError as error:
        raise error.with_advice(BOUNDARY_ADVICE) from None


class RoleApi:
    """The calls to IAM about one role. Without the role there is no policy, so reads of policies find none."""

    def __init__(self, target: Target, name: str) -> None:
        self._target = target
        self._name = name

    @property
    def _client(self) -> Any:
        return self._target.client("iam")

    def get_role(self) -> Role:
        """Return the role. Raises NotFoundError."""
        with self._target.describe_operation(f"read IAM role {self._name}"):
            return Role.from_api(self._client.get_role(RoleName=self._name)["Role"])

    def find_role(self) -> Role | None:
        """Return the role, None if it does not exist."""
        try:
            return self.get_role()
        except NotFoundError:
            return None

    def find_policy(self, name: str) -> Document | None:
        """Return an inline policy, None if it does not exist."""
        try:
            with self._target.describe_operation(f"read inline policy {name} of IAM role {self._name}"):
                answer = self._client.get_role_policy(RoleName=self._name, PolicyName=name)
        except NotFoundError:
            return None
        return stored_document(answer["PolicyDocument"])

    def list_policies(self) -> list[str]:
        """Return the names of the inline policies."""
        return [str(name) for name in self._list("list_role_policies", "PolicyNames", "inline")]

    def list_managed_policies(self) -> list[str]:
        """Return the ARNs of the attached managed policies."""
        return [item["PolicyArn"] for item in self._list("list_attached_role_policies", "AttachedPolicies", "managed")]

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call."""
        with self._target.describe_operation(operation):
            call.made_with(self._client)

    def _list(self, api_operation: str, field_name: str, kind: str) -> list[Any]:
        try:
            with self._target.describe_operation(f"list the {kind} policies of IAM role {self._name}"):
                pages = self._client.get_paginator(api_operation).paginate(RoleName=self._name)
                return list(pages.build_full_result().get(field_name, []))
        except NotFoundError:
            return []
