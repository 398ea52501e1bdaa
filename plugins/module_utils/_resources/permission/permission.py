# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements in a Lambda function's resource policy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from ..._errors import (
    ConflictError,
    LimitReachedError,
    NotFoundError,
    ReflectorError,
    ThrottledError,
)
from ..._plan import Change, Params, Result
from ..._retry import RetryPolicy
from ..._session import Target
from .policy import (
    SIZE_LIMIT,
    Add,
    ForeignStatementError,
    Goal,
    Policy,
    Remove,
    Step,
    count_fitting,
    goals,
    next_step,
    steps,
    temporary_id_of,
)
from .settings import FunctionAddress, PermissionSettings, desired_statements, sample_expand
from .statement import Statement

_KIND = "lambda permission"
# A change needs five writes at most. More mean that another writer undoes them.
_MOST_STEPS = 15


class LambdaPermission:
    """Identity of a statement: function, qualifier and statement id."""

    def __init__(self, target: Target, settings: PermissionSettings) -> None:
        for expand in (sample_expand(target.region), target.expand):  # the first one refuses before any call
            function = FunctionAddress.named(target, settings.function_name, settings.qualifier, expand)
            statements = desired_statements(settings, expand)
        self._target, self._settings, self._function, self._statements = target, settings, function, statements
        self._ids = [item.statement_id for item in statements]
        self._retry_policy = RetryPolicy(seconds=settings.wait_seconds)
        self._api = PolicyApi(target, function)
        self._policy = Policy(function.resource)
        self._is_stale = True
        self._pending: Sequence[Goal] = ()
        self._is_settled = True

    def read(self) -> Policy:
        """Return the whole policy: its size and foreign statements matter as much as those of this collection."""
        self._policy, self._is_stale = self._api.read(), False
        return self._policy

    def plan(self, actual: Policy) -> list[Change]:
        """Return a change for each statement that differs. Raises ConflictError or LimitReachedError."""
        try:
            plan = (
                goals(actual, self._statements, (), self._settings.purge_prefix)
                if self._settings.present
                else goals(actual, (), self._ids, self._settings.purge_prefix)
            )
        except ForeignStatementError as error:
            raise self._foreign(error.statement_id) from error
        self._check_size(actual, plan)
        self._pending = plan
        statements = actual.statements()
        return [_change(goal, statements.get(goal.statement_id)) for goal in plan]

    def apply(self, change: Change) -> None:
        """Reach the goal of one id step by step. Each step is decided on the policy whose revision guards it.

        The first change adds what all changes add, as far as it fits. So a run waits once before it removes anything.
        """
        pending, self._pending = self._pending, ()
        for each in pending:
            if self._can_add(each, pending):
                self._try(each)
        goal: Goal = change.payload
        for _step in range(_MOST_STEPS):
            if not self._try(goal):
                return
        raise ConflictError(
            f"change statement {goal.statement_id} of {self._function}",
            "another writer keeps changing it",
            where=self._target.where,
        )

    def facts(self, actual: Policy) -> Result:
        """Return the statements of the settings as they exist, and the size of the whole policy."""
        prefix = self._settings.purge_prefix
        own = [
            statement.plain()
            for statement_id, statement in actual.statements().items()
            if statement and (statement_id in self._ids or (prefix and statement_id.startswith(prefix)))
        ]
        return {"statements": sorted(own, key=lambda item: str(item["statement_id"])), "policy_size": actual.size()}

    def _can_add(self, goal: Goal, pending: Sequence[Goal]) -> bool:
        """Return whether the next step adds a statement, and leaves room to replace any of the others after it."""
        if not any(isinstance(step, Remove) for step, _policy in steps(self._policy, pending)):
            return False
        step = next_step(self._policy.statements(), goal)
        if not isinstance(step, Add):
            return False
        largest = max(self._policy.size_of(each.desired) for each in pending if each.desired)
        return self._policy.after(step).size() + largest <= SIZE_LIMIT

    def _try(self, goal: Goal) -> bool:
        return self._retry_policy.wait_out(lambda: self._advance(goal), lambda error: _is_transient(error, goal))

    def _settle(self, step: Step) -> None:
        """Wait before a removal if something was added that CloudWatch Logs may not see yet."""
        if isinstance(step, Remove) and not self._is_settled:
            self._retry_policy.sleep(self._settings.settle_seconds)
            self._is_settled = True

    def _advance(self, goal: Goal) -> bool:
        """Make one write towards the goal, False if it is reached. The policy is read again after every write."""
        try:
            if next_step(self._policy.statements(), goal) is None:
                return False
            if self._is_stale:
                self.read()
            step = next_step(self._policy.statements(), goal)
        except ForeignStatementError as error:
            raise self._foreign(error.statement_id) from error
        if step is None:
            return False
        self._settle(step)
        is_covered = temporary_id_of(goal.statement_id) in self._policy.statements()
        self._is_stale = True
        self._api.write(step, self._policy.revision_id)
        self._policy = self._policy.after(step)
        if isinstance(step, Add) and not is_covered:
            self._is_settled = False
        return True

    def _check_size(self, actual: Policy, plan: Sequence[Goal]) -> None:
        """Raise LimitReachedError if a write would exceed the limit. Removals always fit."""
        states = list(steps(actual, plan))
        grown = [policy for step, policy in states if isinstance(step, Add)]
        peak = max(grown, key=Policy.size, default=actual)
        if not grown or peak.size() <= SIZE_LIMIT:
            return
        end = states[-1][1].size()
        meanwhile = "" if end > SIZE_LIMIT else f" while old and new statements exist together, and {end:,} then"
        largest = ", ".join(f"{name} ({size:,} bytes)" for name, size in peak.largest())
        desired = sum(goal.desired is not None for goal in plan)
        raise LimitReachedError(
            f"change the policy of {self._function}",
            f"it has {actual.size():,} bytes and would have {peak.size():,}{meanwhile}, AWS allows {SIZE_LIMIT:,}. "
            f"Of {desired} statements to write, the first {count_fitting(actual, plan)} fit. "
            f"The largest statements: {largest}",
            advice="One statement with a wildcard source_arn serves all log groups. Remove statements that are no longer "
            "needed first, in a task of their own.",
            where=self._target.where,
        )

    def _foreign(self, statement_id: str) -> ConflictError:
        return ConflictError(
            f"change statement {statement_id} of {self._function}",
            "the statement with this id was not created by AddPermission, so it is somebody else's",
            advice="Choose another statement_id, or remove the statement with the tool that created it.",
            where=self._target.where,
        )


def _change(goal: Goal, before: Statement | None) -> Change:
    action: Literal["create", "update", "delete"] = "create"
    if goal.desired is None:
        action = "delete"
    elif before:
        action = "update"
    after = goal.desired.plain() if goal.desired else None
    return Change(action, _KIND, goal.statement_id, before.plain() if before else None, after, payload=goal)


def _is_transient(error: ReflectorError, goal: Goal) -> bool:
    """Another writer (RevisionId, id just taken), throttling, or a principal too new for Lambda to know."""
    if isinstance(error, (ConflictError, ThrottledError)):
        return error.code != ""
    is_new_principal = goal.desired is not None and goal.desired.principal.startswith("arn:")
    return is_new_principal and error.code == "InvalidParameterValueException"


class PolicyApi:
    """The calls to Lambda about one function's policy: one small method for each API operation."""

    def __init__(self, target: Target, function: FunctionAddress) -> None:
        self._target = target
        self._function = function
        self._client = target.client("lambda")

    def read(self) -> Policy:
        """Return the policy; an empty one if there is none, or no function (yet)."""
        try:
            with self._target.describe_operation(f"read the policy of {self._function}"):
                answer = self._client.get_policy(**self._function.request())
        except NotFoundError:
            return Policy(self._function.resource)
        return Policy.from_document(json.loads(answer["Policy"]), self._function.resource, answer.get("RevisionId"))

    def check_function(self) -> None:
        """Raise NotFoundError if the function, version or alias does not exist."""
        with self._target.describe_operation(f"find {self._function}"):
            self._client.get_function_configuration(**self._function.request())

    def write(self, step: Step, revision_id: str | None) -> None:
        """Make one step on the policy of that revision. Raises ConflictError if it has another one by now.

        A function without a policy has no revision. Even then nothing is overwritten: AddPermission refuses an id that
        is taken.
        """
        guard = {"RevisionId": revision_id} if revision_id else {}
        if isinstance(step, Remove):
            self._remove(step.statement_id, guard)
            return
        with self._target.describe_operation(
            f"add statement {step.statement.statement_id} to the policy of {self._function}"
        ):
            self._client.add_permission(**self._function.request(), **step.statement.request(), **guard)

    def _remove(self, statement_id: str, guard: Mapping[str, str]) -> None:
        """Remove a statement. It is no error if it is already gone."""
        try:
            with self._target.describe_operation(
                f"remove statement {statement_id} from the policy of {self._function}"
            ):
                self._client.remove_permission(**self._function.request(), StatementId=statement_id, **guard)
        except NotFoundError:
            return


def read_policy(target: Target, params: Params, _check_mode: bool) -> Result:
    """Do the work of the module lambda_permission_info."""
    api = PolicyApi(target, FunctionAddress.named(target, params["function_name"], params["qualifier"], target.expand))
    policy = api.read()
    if not policy.entries:
        api.check_function()  # GetPolicy answers the same for "no policy" and "no function"
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
