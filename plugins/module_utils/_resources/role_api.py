# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The calls to IAM about one role: one small method an API call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._errors import NotFoundError
from .._session import Target
from .common import Call
from .policy_document import Document, stored_document
from .role_values import Role, Wanted


class RoleApi:
    """The calls to IAM about one role."""

    def __init__(self, target: Target, name: str) -> None:
        self._target = target
        self._name = name

    @property
    def _client(self) -> Any:
        return self._target.client("iam")

    def existing_role(self) -> Role:
        """GetRole: the role with trust policy, boundary and tags. NotFoundError if it does not exist."""
        with self._target.describe_operation(f"read IAM role {self._name}"):
            return Role.from_api(self._client.get_role(RoleName=self._name)["Role"])

    def role(self) -> Role | None:
        """The role, None if it does not exist."""
        try:
            return self.existing_role()
        except NotFoundError:
            return None

    def with_attachments(self, role: Role) -> Role:
        """The role with the names of all its policies; the documents of the inline ones are not read."""
        return replace(role, inline={name: {} for name in self._inline_names()}, managed=self._attached())

    def with_policies(self, role: Role, wanted: Wanted) -> Role:
        """The role with the policies that the options speak of.

        All inline policies are read only where one is to be written (their sizes count together) or purged. Those that
        stay in any case (`Wanted.is_kept`) only where one is written.
        """
        inline = {name: document for name in wanted.inline or () if (document := self._inline_policy(name)) is not None}
        written = wanted.inline is not None and wanted.inline_differs(inline)
        if wanted.inline is not None and (written or wanted.purge_inline):
            others = [name for name in self._inline_names() if name not in inline and name not in wanted.inline]
            others = [name for name in others if written or not wanted.is_kept(name)]
            inline |= {name: document for name in others if (document := self._inline_policy(name)) is not None}
        return replace(role, inline=inline, managed=None if wanted.managed is None else self._attached())

    def policy_arns(self, names: set[str], attached: Mapping[str, str]) -> dict[str, str]:
        """The ARNs of managed policies by name: attached ones, the account's own, AWS's, in this order.

        Asks AWS only for names that are not attached. NotFoundError names those that nobody has.
        """
        found = {name: arn for arn, name in attached.items() if name in names}
        for scope in ("Local", "AWS"):
            missing = names - set(found)
            if missing:
                found |= self._policies_of(scope, missing)
        missing = names - set(found)
        if missing:
            raise NotFoundError(
                f"attach managed policies to IAM role {self._name}",
                f"there is no policy of the name {', '.join(sorted(missing))}",
                advice="Give the ARN, or the exact name without its path.",
                where=self._target.where,
            )
        return found

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call."""
        with self._target.describe_operation(operation):
            call.made_with(self._client)

    def _policies_of(self, scope: str, names: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._target.describe_operation("list the managed policies"):
            for page in self._client.get_paginator("list_policies").paginate(Scope=scope):
                found |= {item["PolicyName"]: item["Arn"] for item in page["Policies"] if item["PolicyName"] in names}
                if len(found) == len(names):
                    break
        return found

    def _inline_policy(self, name: str) -> Document | None:
        try:
            with self._target.describe_operation(f"read inline policy {name} of IAM role {self._name}"):
                answer = self._client.get_role_policy(RoleName=self._name, PolicyName=name)
        except NotFoundError:
            return None
        return stored_document(answer["PolicyDocument"])

    def _inline_names(self) -> list[str]:
        with self._target.describe_operation(f"list the inline policies of IAM role {self._name}"):
            pages = self._client.get_paginator("list_role_policies").paginate(RoleName=self._name).build_full_result()
        return list(pages.get("PolicyNames", []))

    def _attached(self) -> dict[str, str]:
        with self._target.describe_operation(f"list the managed policies of IAM role {self._name}"):
            paginator = self._client.get_paginator("list_attached_role_policies")
            pages = paginator.paginate(RoleName=self._name).build_full_result()
        return {item["PolicyArn"]: item["PolicyName"] for item in pages.get("AttachedPolicies", [])}
