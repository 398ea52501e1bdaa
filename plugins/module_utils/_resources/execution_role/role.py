# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The IAM role that a Lambda function, or CloudWatch Logs, assumes. IAM is global: workers of several regions may write one role at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from ..._errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    OutdatedError,
    ReflectorError,
    ThrottledError,
    check_name,
)
from ..._plan import Change, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..common import Call, compact_json
from ..ownership import Ownership, as_list
from ..policy_document import Document, same_meaning, size
from .api import BOUNDARY_ADVICE, Role, RoleApi, require_boundary

POLICY = "log-reflector"
"""The inline policy with everything that the function may do."""
PREVIOUS = f"{POLICY}-previous"
"""The inline policy with the former document of the other one."""
POLICIES_LIMIT = 10_240
"""Characters of all inline policies of a role together (page "IAM and AWS STS quotas"), not adjustable."""

# Without aws:SourceAccount: the Lambda Developer Guide ("Defining Lambda function permissions with an execution role") does
# not say that Lambda sends it. A role cannot be passed to a service of another account (IAM User Guide, "PassRole").
LAMBDA_TRUST: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

# Page "Giving Lambda functions access to resources in an Amazon VPC" of the Lambda Developer Guide, "Required IAM
# permissions". DescribeNetworkInterfaces can only be allowed for all resources.
_VPC_STATEMENT = {
    "Effect": "Allow",
    "Action": [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ],
    "Resource": "*",
}

_TRANSIENT = ("ConcurrentModification", "ConcurrentModificationException", "ServiceFailure", "ServiceFailureException")
# IAM is eventually consistent: a server may not know a role that was just created, or a detachment that was just made.
_SETTLING_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSettings:
    """The desired state of a role. Path and session duration are set at creation and then left alone.

    trust_policy            who may assume it; placeholders as in `policy`
    permissions_boundary    ARN of a managed policy; "" removes the boundary, None leaves it alone
    policy                  the inline policy document; {partition}, {region} and {account} are replaced. The role is the
                            same one in all regions of its account
    kept_managed_policies   ARNs of managed policies that may be attached. All others are detached; placeholders as in `policy`
    keep_previous           whether the former document of the policy stays beside it
    vpc_access              adds what Lambda needs to connect the function to a VPC
    wait_seconds            for transient errors
    """

    name: str
    present: bool = True
    description: str = ""
    permissions_boundary: str | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    kept_managed_policies: tuple[str, ...] = ()
    keep_previous: bool = True
    vpc_access: bool = False
    trust_policy: Mapping[str, Any] = field(default_factory=lambda: LAMBDA_TRUST)
    tags: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 60


class ExecutionRole:
    """Identity: the role's name, unique in the account whatever its path.

    This collection writes one inline policy. Its former document stays beside it, so that a function keeps its permissions
    while it changes to the next release, and after a rollback. Other permissions that somebody gave the role are removed.
    """

    def __init__(self, target: Target, settings: RoleSettings) -> None:
        name = settings.name
        check_name("name", name, r"[\w+=,.@-]{1,64}", "a role's name: 1 to 64 of letters, digits and _+=,.@-")
        if settings.present and not settings.policy.get("Statement"):
            raise InvalidInputError("policy", "it has no statement, and a role cannot have an empty policy")
        self._own = Ownership(f"IAM role {name}", lambda: target.where, settings.tags)
        self._target, self._settings, self._name = target, settings, name
        self._policy = _desired_policy(target, settings) if settings.present else {}
        self._trust: Document = target.expand(dict(settings.trust_policy)) if settings.present else {}
        self._boundary = target.expand(settings.permissions_boundary)
        self._kept = {str(target.expand(arn)) for arn in settings.kept_managed_policies} if settings.present else set()
        self._retry_policy = RetryPolicy(seconds=settings.wait_seconds)
        self._settling = RetryPolicy(seconds=min(_SETTLING_SECONDS, settings.wait_seconds))
        self._api = RoleApi(target, name)
        self._is_new = False

    @property
    def what(self) -> str:
        """The role, for messages."""
        return self._own.what

    @property
    def policy_size(self) -> int:
        """The characters of the desired inline policy, as IAM counts them."""
        return size(self._policy)

    @property
    def keeps_previous(self) -> bool:
        """Whether the former document of the policy stays beside it."""
        return self._settings.keep_previous

    def read(self) -> Role | None:
        """Return the role, None if it does not exist: four calls at once, and one for each policy to replace or delete."""
        api = self._api
        if not self._settings.present:
            return self._read_to_delete()
        found: list[Any] = self._target.together(
            api.find_role, partial(api.find_policy, POLICY), api.list_policies, api.list_managed_policies
        )
        role, policy, names, managed = found
        if role is None:
            return None
        is_written = policy is None or not same_meaning(policy, self._policy)
        is_previous_read = is_written or not self._settings.keep_previous
        others = [name for name in names if name != POLICY and (is_previous_read or name != PREVIOUS)]
        documents = [policy, *self._target.together(*(partial(api.find_policy, name) for name in others))]
        policies = {name: item for name, item in zip((POLICY, *others), documents, strict=True) if item is not None}
        with_policies: Role = replace(role, policies=policies, managed=tuple(managed))
        return with_policies

    def _read_to_delete(self) -> Role | None:
        api = self._api
        found: list[Any] = self._target.together(api.find_role, api.list_policies, api.list_managed_policies)
        role, names, managed = found
        return replace(role, policies={name: {} for name in names}, managed=tuple(managed)) if role else None

    def check_boundary(self, actual: Role | None) -> None:
        """Raise NotFoundError if the permissions boundary is to be set and does not exist. Makes no call otherwise.

        A caller who may not read the policy learns it from the write.
        """
        if self._boundary and self._boundary != (actual.permissions_boundary if actual else ""):
            try:
                require_boundary(self._target, self._boundary)
            except AccessDeniedError:
                return

    def plan(self, actual: Role | None) -> list[Change]:
        """Return the changes: the role, then its policies; to delete it, the other way round.

        Raises RefusedError if the role is foreign, LimitReachedError if the policies are too long.
        """
        if not self._settings.present:
            if actual:
                self._own.guard_deletion(actual.tags)
            return list(self._deletion(actual)) if actual else []
        if actual is None:
            return [self._creation(), *self._policy_changes({})]
        changes = [
            *self._updates(actual),
            *self._policy_changes(actual.policies),
            *self._detachments(set(actual.managed) - self._kept),
        ]
        self._own.guard_changes(actual.tags, changes)
        return changes

    def apply(self, change: Change) -> None:
        """Make the calls of one change.

        Raises OutdatedError if another worker created the role first. What another one deleted first is no error.
        """
        for call in change.payload:
            self._is_new = self._is_new or call.method == "create_role"
            try:
                self._settling.wait_out(partial(self._write, call, str(change)), self._will_settle)
            except NotFoundError as error:
                # IAM says "Scope ARN: ... does not exist or is not attachable".
                if "PermissionsBoundary" in call.request:
                    raise error.with_advice(BOUNDARY_ADVICE) from None
                if change.action != "delete":
                    raise
            except ConflictError as error:
                if error.code != "EntityAlreadyExists":
                    raise
                self._wait_until_readable()
                raise OutdatedError(error.operation, error.message, code=error.code, where=error.where) from error
            if call.method == "create_role":
                self._wait_until_readable()

    def facts(self, actual: Role | None) -> Result:
        """Return the role with its inline policies, as far as they were read; None if it does not exist."""
        if actual is None:
            return {"role": None}
        return {"role": {"arn": actual.arn, **actual.plain(), "policies": dict(actual.policies)}}

    def _creation(self) -> Change:
        settings, tags = self._settings, self._own.creation_tags()
        new = Role(
            name=self._name,
            description=settings.description,
            trust_policy=self._trust,
            permissions_boundary=self._boundary or "",
            tags=tags,
        )
        request: dict[str, Any] = {
            "AssumeRolePolicyDocument": compact_json(self._trust),
            "Description": settings.description,
            "Tags": as_list(tags),
        }
        if self._boundary:
            request["PermissionsBoundary"] = self._boundary
        return Change("create", "IAM role", self._name, None, new.plain(), (self._call("create_role", **request),))

    def _updates(self, role: Role) -> Iterator[Change]:
        tag = self._own.tag_update(
            "IAM role", self._name, role.tags, lambda tags: self._call("tag_role", Tags=as_list(tags))
        )
        yield from tag
        if not same_meaning(role.trust_policy, self._trust):
            call = self._call("update_assume_role_policy", PolicyDocument=compact_json(self._trust))
            yield self._part("update", "trust policy", dict(role.trust_policy), self._trust, call)
        yield from self._boundary_update(role.permissions_boundary)
        if role.description != self._settings.description:
            # UpdateRole sets an attribute that it does not get to its default.
            request = {"Description": self._settings.description, "MaxSessionDuration": role.max_session_duration}
            call = self._call("update_role", **request)
            yield self._part("update", "description", role.description, self._settings.description, call)

    def _boundary_update(self, before: str) -> Iterator[Change]:
        after = self._boundary
        if after is None or after == before:
            return
        if after:
            call = self._call("put_role_permissions_boundary", PermissionsBoundary=after)
            yield self._part("update" if before else "create", "permissions boundary", before or None, after, call)
        else:
            call = self._call("delete_role_permissions_boundary")
            yield self._part("delete", "permissions boundary", before, None, call)

    def _policy_changes(self, policies: Mapping[str, Document]) -> Iterator[Change]:
        """Yield what is written, then what is deleted: the role never has fewer permissions than before and after."""
        before = policies.get(POLICY)
        keep_previous = self._settings.keep_previous
        put: dict[str, Document] = {}
        if before is None or not same_meaning(before, self._policy):
            put = {POLICY: self._policy}
            if keep_previous and before is not None and not same_meaning(before, policies.get(PREVIOUS, {})):
                put = {PREVIOUS: before, **put}
            self._check_size({PREVIOUS: policies.get(PREVIOUS, {}), **put})
        for name, document in put.items():
            call = self._call("put_role_policy", PolicyName=name, PolicyDocument=compact_json(document))
            yield self._part(
                "update" if name in policies else "create", f"inline policy {name}", policies.get(name), document, call
            )
        for name in sorted(set(policies) - {POLICY, *((PREVIOUS,) if keep_previous else ())}):
            yield self._policy_deletion(name, policies[name])

    def _deletion(self, role: Role) -> Iterator[Change]:
        """Yield the deletion of what keeps IAM from deleting a role, then of the role.

        The permissions boundary is deleted with the role. Removing it first would widen what the role may do, and need a
        permission that administrators withhold if roles must have a boundary.
        """
        yield from self._detachments(role.managed)
        yield from (self._policy_deletion(name, None) for name in sorted(role.policies))
        yield Change("delete", "IAM role", self._name, role.plain(), None, (self._call("delete_role"),))

    def _detachments(self, arns: Iterable[str]) -> Iterator[Change]:
        for arn in sorted(arns):
            call = self._call("detach_role_policy", PolicyArn=arn)
            yield self._part("delete", f"attachment of {arn}", arn, None, call)

    def _policy_deletion(self, name: str, before: Document | None) -> Change:
        call = self._call("delete_role_policy", PolicyName=name)
        return self._part("delete", f"inline policy {name}", before or name, None, call)

    def _part(
        self, action: Literal["create", "update", "delete"], part: str, before: Any, after: Any, call: Call
    ) -> Change:
        return Change(action, f"{part} of IAM role", self._name, before, after, (call,))

    def _call(self, method: str, **request: Any) -> Call:
        return Call(method, {"RoleName": self._name, **request})

    def _check_size(self, policies: Mapping[str, Document]) -> None:
        sizes = {name: size(document) for name, document in policies.items() if document}
        if sum(sizes.values()) <= POLICIES_LIMIT:
            return
        listed = ", ".join(f"{name}: {length}" for name, length in sizes.items())
        raise LimitReachedError(
            f"write the inline policies of {self._own.what}",
            f"together they have {sum(sizes.values())} characters without white space, IAM allows {POLICIES_LIMIT} "
            f"({listed})",
            advice="Shorten the policy with wildcards.",
            where=self._target.where,
        )

    def _wait_until_readable(self) -> None:
        self._retry_policy.wait_out(self._api.get_role, lambda error: isinstance(error, NotFoundError))

    def _write(self, call: Call, operation: str) -> None:
        self._retry_policy.wait_out(lambda: self._api.write(call, operation), _is_transient)

    def _will_settle(self, error: ReflectorError) -> bool:
        return error.code == "DeleteConflict" or (self._is_new and isinstance(error, NotFoundError))


def _desired_policy(target: Target, settings: RoleSettings) -> Document:
    """Return the policy as JSON has it, with placeholders replaced."""
    policy: Document = target.expand(json.loads(compact_json(settings.policy)))
    if settings.vpc_access:
        statements = policy["Statement"]
        statements = statements if isinstance(statements, list) else [statements]
        policy["Statement"] = [*statements, _VPC_STATEMENT]
    return policy


def _is_transient(error: ReflectorError) -> bool:
    """Another writer on the same role, throttling, or an internal error of IAM's."""
    return isinstance(error, ThrottledError) or error.code in _TRANSIENT
