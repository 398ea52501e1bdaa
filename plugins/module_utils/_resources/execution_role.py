# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An IAM role that a Lambda function runs as. IAM is global: the forks of several regions may work on one role at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import (
    ConflictError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    OutdatedError,
    ReflectorError,
    ThrottledError,
    check_name,
)
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import Call, compact_json
from .ownership import Ownership, as_list
from .policy_document import Document, same_meaning, size
from .role_api import RoleApi
from .role_values import PREVIOUS, Role, Wanted

INLINE_LIMIT = 10_240
"""Characters of all inline policies of a role together (page "IAM and AWS STS quotas"), not adjustable."""
TRUST_LIMIT = 4_096
"""Characters of a trust policy at the most; 2,048 unless the account's quota was raised, which AWS checks."""

LAMBDA_MAY_ASSUME: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

# A second or two after a detachment IAM may still see the policy at the role.
_PASSING = ("ConcurrentModification", "ConcurrentModificationException", "ServiceFailure", "ServiceFailureException")
_SETTLING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Actual:
    """The role, None if it does not exist; and the ARNs of the managed policies given by name, by that name."""

    role: Role | None
    policy_arns: Mapping[str, str] = field(default_factory=dict)


class ExecutionRoleResource:
    """Identity: the role's name, unique in the account whatever its path."""

    def __init__(self, target: Target, params: Params) -> None:
        self._name: str = params["name"]
        check_name("name", self._name, r"[\w+=,.@-]{1,64}", "a role's name: 1 to 64 of letters, digits and _+=,.@-")
        self._target = target
        self._present = params["state"] == "present"
        self._wanted = Wanted.from_params(target, params) if self._present else Wanted()
        self._own = Ownership.from_params(f"IAM role {self._name}", lambda: target.where, params)
        self._patience = RetryPolicy(seconds=params["wait_timeout"])
        self._is_new = False
        self._api = RoleApi(target, self._name)

    def read(self) -> Actual:
        """One call for the role, one for each inline policy given, one if managed policies are given."""
        role = self._api.role()
        if not self._present:
            try:
                return Actual(self._api.with_attachments(role) if role else None)
            except NotFoundError:
                return Actual(None)  # another fork was faster
        if role:
            role = self._api.with_policies(role, self._wanted)
        attached = role.managed if role and role.managed is not None else {}
        names = {item for item in self._wanted.managed or () if not item.startswith("arn:")}
        return Actual(role, self._api.policy_arns(names, attached))

    def plan(self, actual: Actual) -> list[Change]:
        """The role first, then its policies; for absent the other way round. RefusedError if it is foreign."""
        role = actual.role
        if not self._present:
            if role:
                self._own.guard_deletion(role.tags)
            return list(self._deletion(role)) if role else []
        if role is None:
            new = self._new_role()
            return [self._creation(new), *self._policies(Role(self._name, managed={}), actual.policy_arns)]
        if self._wanted.path not in (None, role.path):
            raise InvalidInputError(
                "path",
                f"role {self._name} exists with the path {role.path}, and IAM cannot move a role to "
                f"{self._wanted.path}. Delete it first (state: absent), or give the path that it has",
            )
        changes = [*self._updates(role), *self._policies(role, actual.policy_arns)]
        self._own.guard_changes(role.tags, changes)
        return changes

    def apply(self, change: Change) -> None:
        """The calls of one change, each waited for while IAM is busy with another writer."""
        for call in change.payload:
            if call.method == "delete_role":
                self._delete(call, str(change))
            elif change.action == "delete":
                self._remove(call, str(change))
            elif call.method == "create_role":
                self._create(call, str(change))
            else:
                self._settling().wait_out(lambda: self._write(call, str(change)), self._not_known_yet)  # noqa: B023 - used at once

    def facts(self, actual: Actual) -> Result:
        """The role as it stands, with those policies that were asked for; null if it does not exist."""
        role = actual.role
        if role is None:
            return {"role": None}
        facts = {"arn": role.arn, **role.plain()}
        if self._wanted.inline is not None:
            facts["inline_policies"] = dict(role.inline)
        if role.managed is not None:
            facts["managed_policies"] = sorted(role.managed)
        return {"role": facts}

    def _new_role(self) -> Role:
        wanted = self._wanted
        return Role(
            name=self._name,
            path=wanted.path or "/",
            description=wanted.description or "",
            assume_role_policy=wanted.assume_role_policy or LAMBDA_MAY_ASSUME,
            max_session_duration=wanted.max_session_duration or 3600,
            permissions_boundary=wanted.permissions_boundary or "",
            tags=self._own.first_tags(),
        )

    def _creation(self, new: Role) -> Change:
        self._check_trust(new.assume_role_policy)
        request = {
            "RoleName": new.name,
            "Path": new.path,
            "AssumeRolePolicyDocument": compact_json(new.assume_role_policy),
            "Description": new.description,
            "MaxSessionDuration": new.max_session_duration,
            "Tags": as_list(new.tags),
        }
        if new.permissions_boundary:
            request["PermissionsBoundary"] = new.permissions_boundary
        return Change("create", "IAM role", self._name, None, new.plain(), (Call("create_role", request),))

    def _updates(self, role: Role) -> Iterator[Change]:
        """Tags first: what is adopted is ours before it is changed."""
        yield from self._own.tag_update(
            "IAM role",
            self._name,
            role.tags,
            tag=lambda tags: self._call("tag_role", Tags=as_list(tags)),
            untag=lambda keys: self._call("untag_role", TagKeys=keys),
        )
        yield from self._boundary_update(role)
        trust = self._wanted.assume_role_policy
        if trust is not None and not same_meaning(role.assume_role_policy, trust):
            self._check_trust(trust)
            call = self._call("update_assume_role_policy", PolicyDocument=compact_json(trust))
            yield self._part("update", "trust policy", dict(role.assume_role_policy), trust, call)
        before = {"description": role.description, "max_session_duration": role.max_session_duration}
        given = {key: getattr(self._wanted, key) for key in before if getattr(self._wanted, key) is not None}
        after = {**before, **given}
        if after != before:
            # UpdateRole sets what it is not given to the default: both are sent, always
            call = self._call(
                "update_role", Description=after["description"], MaxSessionDuration=after["max_session_duration"]
            )
            yield self._part("update", "description and session duration", before, after, call)

    def _boundary_update(self, role: Role) -> Iterator[Change]:
        before, after = role.permissions_boundary, self._wanted.permissions_boundary
        if after is None or after == before:
            return
        if after:
            call = self._call("put_role_permissions_boundary", PermissionsBoundary=after)
            yield self._part("update" if before else "create", "permissions boundary", before or None, after, call)
        else:
            yield self._part(
                "delete", "permissions boundary", before, None, self._call("delete_role_permissions_boundary")
            )

    def _policies(self, role: Role, policy_arns: Mapping[str, str]) -> Iterator[Change]:
        """New and changed ones before those that are taken away: no moment with fewer rights than before and after."""
        yield from self._managed(role, policy_arns)
        yield from self._inline(role)

    def _inline(self, role: Role) -> Iterator[Change]:
        given = self._wanted.inline
        if given is None:
            return
        put = {
            name: new
            for name, new in given.items()
            if name not in role.inline or not same_meaning(role.inline[name], new)
        }
        doomed = [name for name in sorted(set(role.inline) - set(given)) if not self._wanted.is_kept(name)]
        doomed = doomed if self._wanted.purge_inline else []
        kept = self._kept(role, put)
        if put:
            after = {**role.inline, **given, **kept}
            self._check_inline({name: document for name, document in after.items() if name not in doomed})
        for name, new in {**kept, **put}.items():
            call = self._call("put_role_policy", PolicyName=name, PolicyDocument=compact_json(new))
            before = role.inline.get(name)
            yield self._part("update" if before else "create", f"inline policy {name}", before, new, call)
        for name in doomed:
            yield self._inline_removal(name, role.inline[name])

    def _kept(self, role: Role, put: Mapping[str, Document]) -> dict[str, Document]:
        """What policies say until they change, as policies of their own: written first, so no right is missed in between."""
        if not self._wanted.keep_previous:
            return {}
        before = {name + PREVIOUS: role.inline[name] for name in put if name in role.inline}
        return {
            name: document
            for name, document in before.items()
            if name not in role.inline or not same_meaning(role.inline[name], document)
        }

    def _managed(self, role: Role, policy_arns: Mapping[str, str]) -> Iterator[Change]:
        if self._wanted.managed is None:
            return
        attached = role.managed or {}
        wanted = sorted({policy_arns.get(item, item) for item in self._wanted.managed})
        for arn in wanted:
            if arn not in attached:
                call = self._call("attach_role_policy", PolicyArn=arn)
                yield self._part("create", f"attachment of {arn}", None, arn, call)
        if self._wanted.purge_managed:
            yield from (self._detachment(arn) for arn in sorted(set(attached) - set(wanted)))

    def _deletion(self, role: Role) -> Iterator[Change]:
        """Everything that keeps IAM from deleting a role, then the role.

        The permissions boundary is not among it: it goes with the role. Taking it off first would widen what the
        role may do, and need a right that an administrator withholds from those whose roles must carry a boundary.
        """
        yield from (self._detachment(arn) for arn in sorted(role.managed or ()))
        yield from (self._inline_removal(name, None) for name in sorted(role.inline))
        yield Change("delete", "IAM role", self._name, role.plain(), None, (self._call("delete_role"),))

    def _detachment(self, arn: str) -> Change:
        return self._part("delete", f"attachment of {arn}", arn, None, self._call("detach_role_policy", PolicyArn=arn))

    def _inline_removal(self, name: str, before: Document | None) -> Change:
        call = self._call("delete_role_policy", PolicyName=name)
        return self._part("delete", f"inline policy {name}", before or name, None, call)

    def _part(self, action: Any, part: str, before: Any, after: Any, *calls: Call) -> Change:
        return Change(action, f"{part} of IAM role", self._name, before, after, calls)

    def _call(self, method: str, **request: Any) -> Call:
        return Call(method, {"RoleName": self._name, **request})

    def _check_trust(self, trust: Mapping[str, Any]) -> None:
        length = size(trust)
        if length > TRUST_LIMIT:
            raise self._too_long("trust policy", length, TRUST_LIMIT, "")

    def _check_inline(self, inline: Mapping[str, Document]) -> None:
        sizes = {name: size(document) for name, document in inline.items()}
        total = sum(sizes.values())
        if total > INLINE_LIMIT:
            listed = ", ".join(f"{name}: {length}" for name, length in sizes.items())
            raise self._too_long("inline policies together", total, INLINE_LIMIT, listed)

    def _too_long(self, part: str, length: int, limit: int, listed: str) -> LimitReachedError:
        return LimitReachedError(
            f"write the {part} of {self._own.what}",
            f"{length} characters without white space, IAM allows {limit}" + (f" ({listed})" if listed else ""),
            advice="Shorten it with wildcards, or move statements to a managed policy"
            + (", or set keep_previous: false." if PREVIOUS in listed else "."),
            where=self._target.where,
        )

    def _create(self, call: Call, operation: str) -> None:
        self._is_new = True
        try:
            self._write(call, operation)
        except ConflictError as error:
            if error.code != "EntityAlreadyExists":
                raise
            self._await_role()
            raise OutdatedError(error.operation, error.message, code=error.code, where=error.where) from error
        self._await_role()  # its policies are put next, and IAM may not know it yet everywhere

    def _await_role(self) -> None:
        self._patience.wait_out(self._api.existing_role, lambda error: isinstance(error, NotFoundError))

    def _not_known_yet(self, error: ReflectorError) -> bool:
        """IAM is not consistent at once: another of its servers may not have seen the role yet that was just read."""
        return self._is_new and isinstance(error, NotFoundError)

    def _settling(self) -> RetryPolicy:
        return RetryPolicy(min(_SETTLING_SECONDS, self._patience.seconds))

    def _write(self, call: Call, operation: str) -> None:
        self._patience.wait_out(lambda: self._api.write(call, operation), _passes)

    def _delete(self, call: Call, operation: str) -> None:
        self._settling().wait_out(lambda: self._remove(call, operation), lambda error: error.code == "DeleteConflict")

    def _remove(self, call: Call, operation: str) -> None:
        try:
            self._write(call, operation)
        except NotFoundError:
            return  # another fork was faster


def _passes(error: ReflectorError) -> bool:
    """Another writer on the same role, a rate shared with others, a bad moment of IAM's."""
    return isinstance(error, ThrottledError) or error.code in _PASSING
