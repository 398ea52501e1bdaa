# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements in a Lambda function's resource policy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import ConflictError, LimitReachedError, NotFoundError, ReflectorError, ThrottledError
from .._plan import Change, Params, Result
from .._retry import Patience
from .._session import Target
from .permission_options import FunctionAddress, purge_prefix, sample_expand, wanted_statements
from .permission_policy import (
    SIZE_LIMIT,
    Add,
    ForeignStatementError,
    Goal,
    Policy,
    Remove,
    Step,
    goals,
    next_step,
    steps,
)
from .permission_statement import Statement

_KIND = "lambda permission"

# A goal takes five steps at most; more of them means that somebody undoes them.
_MOST_STEPS = 15


class LambdaPermissionResource:
    """Identity of a statement: function, qualifier and statement id."""

    def __init__(self, target: Target, params: Params) -> None:
        self._present = params["state"] == "present"
        self._prefix = purge_prefix(params["purge_prefix"])
        sample = sample_expand(target.region)  # refuses before the first call, which target.expand may make
        FunctionAddress.named(target, params, sample)
        wanted_statements(params, sample)
        self._function = FunctionAddress.named(target, params, target.expand)
        self._statements = wanted_statements(params, target.expand)
        self._ids = [item.statement_id for item in self._statements]
        self._patience = Patience(seconds=params["wait_timeout"])
        self._target = target
        self._api = PolicyApi(target, self._function)
        self._policy = Policy(self._function.resource)
        self._stale = True

    def read(self) -> Policy:
        """The whole policy: its size and who else is in it matter as much as ours."""
        self._policy, self._stale = self._api.read(), False
        return self._policy

    def plan(self, actual: Policy) -> list[Change]:
        """A change for each statement that is not as it is to be."""
        wanted, doomed = (self._statements, []) if self._present else ([], self._ids)
        try:
            plan = goals(actual, wanted, doomed, self._prefix)
            self._check_size(actual, plan)
        except ForeignStatementError as error:
            raise self._foreign(error.statement_id) from error
        standing = actual.standing()
        return [_change(goal, standing.get(goal.statement_id)) for goal in plan]

    def apply(self, change: Change) -> None:
        """Bring one id to its goal, step by step, each step decided on the policy that it is guarded by."""
        goal: Goal = change.payload
        for _unused in range(_MOST_STEPS):
            if not self._patience.wait_out(lambda: self._advance(goal), lambda error: _passes(error, goal)):
                return
        raise ConflictError(
            f"bring statement {goal.statement_id} of {self._function} to what is wanted",
            "another writer keeps changing it",
            where=self._target.where,
        )

    def facts(self, actual: Policy) -> Result:
        """The statements asked for, as they stand, and the size of the whole policy."""
        ours = [
            statement.plain()
            for statement_id, statement in actual.standing().items()
            if statement and (statement_id in self._ids or (self._prefix and statement_id.startswith(self._prefix)))
        ]
        return {"statements": sorted(ours, key=lambda item: str(item["statement_id"])), "policy_size": actual.size()}

    def _advance(self, goal: Goal) -> bool:
        """One write towards the goal; False when it is reached. Any doubt about the policy is settled by reading it."""
        try:
            if next_step(self._policy.standing(), goal) is None:
                return False
            if self._stale:
                self.read()
            step = next_step(self._policy.standing(), goal)
        except ForeignStatementError as error:
            raise self._foreign(error.statement_id) from error
        if step is None:
            return False
        self._stale = True
        self._api.write(step, self._policy.revision_id)
        self._policy = self._policy.after(step)
        return True

    def _check_size(self, actual: Policy, plan: Sequence[Goal]) -> None:
        states = list(steps(actual, plan))
        grown = [policy for step, policy in states if isinstance(step, Add)]
        peak = max(grown, key=Policy.size, default=actual)
        if not grown or peak.size() <= SIZE_LIMIT:
            return
        end = states[-1][1].size()
        largest = ", ".join(f"{name} ({size:,} bytes)" for name, size in peak.largest())
        meanwhile = (
            "" if end > SIZE_LIMIT else f" on the way, while old and new statements stand together, and {end:,} then"
        )
        raise LimitReachedError(
            f"change the policy of {self._function}",
            f"it has {actual.size():,} bytes and would have {peak.size():,}{meanwhile}, where AWS allows {SIZE_LIMIT:,}. "
            f"The largest statements: {largest}",
            hint="One statement with a wildcard source_arn serves all log groups. Statements that are no longer needed "
            "can be removed first, in a task of their own.",
            where=self._target.where,
        )

    def _foreign(self, statement_id: str) -> ConflictError:
        return ConflictError(
            f"change statement {statement_id} of {self._function}",
            "a statement stands under this id that AddPermission cannot have made, so that it is somebody else's",
            hint="Choose another statement_id, or remove it by the means it was made with.",
            where=self._target.where,
        )


def _change(goal: Goal, before: Statement | None) -> Change:
    action: Any = "delete" if goal.wanted is None else "update" if before else "create"
    after = goal.wanted.plain() if goal.wanted else None
    return Change(action, _KIND, goal.statement_id, before.plain() if before else None, after, payload=goal)


def _passes(error: ReflectorError, goal: Goal) -> bool:
    """Another writer (RevisionId, id just taken), a quota shared with others, a principal too new for Lambda to know."""
    if isinstance(error, (ConflictError, ThrottledError)):
        return error.code != ""
    new_principal = goal.wanted is not None and goal.wanted.principal.startswith("arn:")
    return new_principal and error.code == "InvalidParameterValueException"


class PolicyApi:
    """The calls on one function's policy: one small method an API call, errors translated."""

    def __init__(self, target: Target, function: FunctionAddress) -> None:
        self._target = target
        self._function = function
        self._client = target.client("lambda")

    def read(self) -> Policy:
        """The policy; an empty one where there is none, be it that the function does not exist (yet)."""
        try:
            with self._target.trying(f"read the policy of {self._function}"):
                answer = self._client.get_policy(**self._function.request())
        except NotFoundError:
            return Policy(self._function.resource)
        return Policy.from_document(json.loads(answer["Policy"]), self._function.resource, answer.get("RevisionId"))

    def check_function(self) -> None:
        """NotFoundError if the function, version or alias does not exist."""
        with self._target.trying(f"find {self._function}"):
            self._client.get_function_configuration(**self._function.request())

    def write(self, step: Step, revision_id: str | None) -> None:
        """Carry out one step on the policy of that revision; ConflictError if it has another by now.

        A function without a policy has no revision. Nothing can be overwritten then either: AddPermission refuses an
        id that is taken.
        """
        guard = {"RevisionId": revision_id} if revision_id else {}
        if isinstance(step, Remove):
            self._remove(step.statement_id, guard)
            return
        with self._target.trying(f"add statement {step.statement.statement_id} to the policy of {self._function}"):
            self._client.add_permission(**self._function.request(), **step.statement.request(), **guard)

    def _remove(self, statement_id: str, guard: Mapping[str, str]) -> None:
        """Remove a statement; one that is gone already is no error."""
        try:
            with self._target.trying(f"remove statement {statement_id} from the policy of {self._function}"):
                self._client.remove_permission(**self._function.request(), StatementId=statement_id, **guard)
        except NotFoundError:
            return


def read_policy(target: Target, params: Params, _check_mode: bool) -> Result:
    """The work of lambda_permission_info."""
    api = PolicyApi(target, FunctionAddress.named(target, params, target.expand))
    policy = api.read()
    if not policy.entries:
        api.check_function()  # GetPolicy has one answer for "no policy" and "no function"
    return {
        "changed": False,
        "statements": [
            {
                **(entry.statement.plain() if entry.statement else {"statement_id": entry.sid}),
                "expressible": entry.statement is not None,
                "raw": entry.raw,
            }
            for entry in policy.entries
        ],
        "policy_size": policy.size(),
        "policy_size_limit": SIZE_LIMIT,
        "revision_id": policy.revision_id,
    }
