# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements in a Lambda function's resource policy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import (
    AccessDeniedError,
    AwsError,
    ConflictError,
    LimitReachedError,
    NotFoundError,
    OutdatedError,
    ReflectorError,
    ThrottledError,
)
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.calls import LogsApi
from .common import compact_json
from .permission_coverage import log_group_of
from .permission_options import FunctionAddress, compacts, purge_prefix, sample_expand, wanted_statements
from .permission_policy import (
    SIZE_LIMIT,
    Add,
    ChangedStatementError,
    ForeignStatementError,
    Goal,
    Policy,
    Remove,
    Step,
    fits,
    fitting,
    goals,
    making_room,
    next_step,
    outcome,
    steps,
)
from .permission_statement import Statement, resource_tail_of

_KIND = "lambda permission"
_WHOLE_KIND = "lambda policy"

# A goal takes five steps at most; more of them means that somebody undoes them.
_MOST_STEPS = 15


# What AWS, or what stands in for it, answers where PutResourcePolicy is not to be had: not allowed, not known, or not with
# a statement that stands (PublicPolicyException).
_NO_WHOLE = (AccessDeniedError, AwsError, LimitReachedError, NotFoundError)


@dataclass(frozen=True, slots=True)
class Found:
    """What stands, and what compaction may do where the policy is too full for the statement that covers others.

    whole   whether the policy can be replaced in one write
    idle    ids of superfluous statements whose log groups have no filter to this function, as many as are needed
    """

    policy: Policy
    whole: bool = False
    idle: tuple[str, ...] = ()


class _Whole:
    """A change's payload: all goals are reached in one write."""


class LambdaPermissionResource:
    """Identity of a statement: function, qualifier and statement id."""

    def __init__(self, target: Target, params: Params) -> None:
        self._present = params["state"] == "present"
        self._prefix = purge_prefix(params["purge_prefix"])
        sample = sample_expand(target.region)  # refuses before the first call, which target.expand may make
        FunctionAddress.named(target, params, sample)
        compacts(params, wanted_statements(params, sample), target.region)
        self._function = FunctionAddress.named(target, params, target.expand)
        self._statements = wanted_statements(params, target.expand)
        self._compact = compacts(params, self._statements, target.region)
        self._ids = [item.statement_id for item in self._statements]
        self._patience = RetryPolicy(seconds=params["wait_timeout"])
        self._target = target
        self._api = PolicyApi(target, self._function)
        self._policy = Policy(self._function.resource)
        self._stale = True
        self._no_whole = ""  # why the policy cannot be replaced in one write, once that is known

    def read(self) -> Found:
        """The whole policy: its size and who else is in it matter as much as ours."""
        policy = self._refresh()
        if not self._compact:
            return Found(policy)
        plan = self._goals(policy)
        if fits(policy, plan):
            return Found(policy)
        if not self._no_whole:
            self._no_whole = self._api.why_not_whole(policy)
        return Found(policy, idle=self._idle(policy, plan)) if self._no_whole else Found(policy, whole=True)

    def plan(self, actual: Found) -> list[Change]:
        """A change for each statement that is not as it is to be; one for all of them where there is room for no other way."""
        policy, plan = actual.policy, self._goals(actual.policy)
        if actual.whole:
            return [self._whole_change(policy, outcome(policy, plan))]
        plan = making_room(policy, plan, actual.idle)
        self._check_size(policy, plan)
        standing = policy.standing()
        return [_change(goal, standing.get(goal.statement_id)) for goal in plan]

    def apply(self, change: Change) -> None:
        """Bring one id to its goal, step by step, each step decided on the policy that it is guarded by."""
        if isinstance(change.payload, _Whole):
            self._replace()
            return
        goal: Goal = change.payload
        for _unused in range(_MOST_STEPS):
            if not self._patience.wait_out(lambda: self._advance(goal), lambda error: _passes(error, goal)):
                return
        raise ConflictError(
            f"bring statement {goal.statement_id} of {self._function} to what is wanted",
            "another writer keeps changing it",
            where=self._target.where,
        )

    def facts(self, actual: Found) -> Result:
        """The statements asked for, as they stand, and the size of the whole policy."""
        ours = [
            statement.plain()
            for statement_id, statement in actual.policy.standing().items()
            if statement and (statement_id in self._ids or (self._prefix and statement_id.startswith(self._prefix)))
        ]
        return {
            "statements": sorted(ours, key=lambda item: str(item["statement_id"])),
            "policy_size": actual.policy.size(),
        }

    def _refresh(self) -> Policy:
        self._policy, self._stale = self._api.read(), False
        return self._policy

    def _goals(self, policy: Policy) -> list[Goal]:
        wanted, doomed = (self._statements, []) if self._present else ([], self._ids)
        try:
            return goals(policy, wanted, doomed, self._prefix, compact=self._compact)
        except ForeignStatementError as error:
            raise self._foreign(error.statement_id) from error

    def _advance(self, goal: Goal) -> bool:
        """One write towards the goal; False when it is reached. Any doubt about the policy is settled by reading it."""
        try:
            if next_step(self._policy.standing(), goal) is None:
                return False
            if self._stale:
                self._refresh()
            step = next_step(self._policy.standing(), goal)
        except ForeignStatementError as error:
            raise self._foreign(error.statement_id) from error
        except ChangedStatementError as error:
            self._stale = True
            raise OutdatedError(
                f"remove statement {goal.statement_id} of {self._function}",
                "it or the statement that covers it is not what it was",
                where=self._target.where,
            ) from error
        if step is None:
            return False
        self._stale = True
        self._api.write(step, self._policy.revision_id)
        self._policy = self._policy.after(step)
        return True

    def _replace(self) -> None:
        """Reach all goals in one write. OutdatedError where AWS refuses it, so that the frame plans another way."""

        def write() -> None:
            found = self._api.read_whole()
            self._api.write_whole(outcome(found, self._goals(found)), found.revision_id)

        self._stale = True
        try:
            self._patience.wait_out(write, lambda error: isinstance(error, (ConflictError, ThrottledError)))
        except _NO_WHOLE as error:
            self._no_whole = str(error)
            raise OutdatedError(
                error.operation, error.message, advice=error.advice, code=error.code, where=error.where
            ) from error

    def _idle(self, policy: Policy, plan: Sequence[Goal]) -> tuple[str, ...]:
        """Superfluous statements that let nobody in, as many as are needed. A call of CloudWatch Logs each."""
        api = LogsApi(self._target.client("logs"), lambda: self._target.where, self._patience)
        name = _function_name(self._function.resource)
        idle: list[str] = []
        for goal in plan:
            if not goal.was or self._has_filter(api, log_group_of(goal.was), name):
                continue
            idle.append(goal.statement_id)
            if fits(policy, making_room(policy, plan, idle)):
                break
        return tuple(idle)

    def _has_filter(self, api: LogsApi, log_group: str, function: str) -> bool:
        try:
            return any(_function_name(item.destination_arn) == function for item in api.filters(log_group))
        except NotFoundError:
            return False

    def _whole_change(self, before: Policy, after: Policy) -> Change:
        if after.size() > SIZE_LIMIT:
            raise self._too_large(before, after, self._goals(before))
        return Change("update", _WHOLE_KIND, self._function.address, _plain(before), _plain(after), payload=_Whole())

    def _check_size(self, actual: Policy, plan: Sequence[Goal]) -> None:
        states = list(steps(actual, plan))
        grown = [policy for step, policy in states if isinstance(step, Add)]
        peak = max(grown, key=Policy.size, default=actual)
        if not grown or peak.size() <= SIZE_LIMIT:
            return
        end = states[-1][1].size()
        meanwhile = (
            "" if end > SIZE_LIMIT else f" on the way, while old and new statements stand together, and {end:,} then"
        )
        raise self._too_large(actual, peak, plan, meanwhile)

    def _too_large(self, actual: Policy, peak: Policy, plan: Sequence[Goal], meanwhile: str = "") -> LimitReachedError:
        largest = ", ".join(f"{name} ({size:,} bytes)" for name, size in peak.largest())
        wanted = sum(goal.wanted is not None for goal in plan)
        advice = (
            "One statement with a wildcard source_arn serves all log groups. Statements that are no longer needed "
            "can be removed first, in a task of their own."
        )
        if self._no_whole:
            advice = (
                "Too few of the superfluous statements belong to log groups without a filter to this function, and the whole "
                f"policy could not be replaced in one write: {self._no_whole} Make that possible, or remove a statement that "
                "is not needed."
            )
        return LimitReachedError(
            f"change the policy of {self._function}",
            f"it has {actual.size():,} bytes and would have {peak.size():,}{meanwhile}, where AWS allows {SIZE_LIMIT:,}. "
            f"Of {wanted} statements to write, the first {fitting(actual, plan)} fit. The largest statements: {largest}",
            advice=advice,
            where=self._target.where,
        )

    def _foreign(self, statement_id: str) -> ConflictError:
        return ConflictError(
            f"change statement {statement_id} of {self._function}",
            "a statement stands under this id that AddPermission cannot have made, so that it is somebody else's",
            advice="Choose another statement_id, or remove it by the means it was made with.",
            where=self._target.where,
        )


def _change(goal: Goal, before: Statement | None) -> Change:
    action: Any = "delete" if goal.wanted is None else "update" if before else "create"
    after = goal.wanted.plain() if goal.wanted else None
    return Change(action, _KIND, goal.statement_id, before.plain() if before else None, after, payload=goal)


def _plain(policy: Policy) -> list[dict[str, Any]]:
    """The statements that AddPermission can have made, by their ids; the others are what they were."""
    return [statement.plain() for _unused, statement in sorted(policy.standing().items()) if statement]


def _function_name(arn: str) -> str:
    """Of a function's ARN, with or without a qualifier; "" for anything else."""
    return resource_tail_of(arn).partition(":")[0]


def _passes(error: ReflectorError, goal: Goal) -> bool:
    """Another writer (RevisionId, id just taken), a quota shared with others, a principal too new for Lambda to know.

    And a policy that was read before the last write to it had come everywhere.
    """
    if isinstance(error, OutdatedError):
        return True
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
            with self._target.describe_operation(f"read the policy of {self._function}"):
                answer = self._client.get_policy(**self._function.request())
        except NotFoundError:
            return Policy(self._function.resource)
        return Policy.from_document(json.loads(answer["Policy"]), self._function.resource, answer.get("RevisionId"))

    def why_not_whole(self, policy: Policy) -> str:
        """Why this policy cannot be replaced in one write, as far as that is known without one; "" if it can."""
        if not hasattr(self._client, "put_resource_policy"):
            return "This botocore does not know PutResourcePolicy."
        try:
            whole = self.read_whole()
        except _NO_WHOLE as error:
            return str(error)
        kept = [entry.raw for entry in whole.entries]
        missing = any(entry.raw not in kept for entry in policy.entries)
        return "GetResourcePolicy shows another policy than GetPolicy." if missing else ""

    def read_whole(self) -> Policy:
        """The policy with the revision that PutResourcePolicy takes."""
        with self._target.describe_operation(f"read the whole policy of {self._function}"):
            answer = self._client.get_resource_policy(ResourceArn=self._arn)
        return Policy.from_document(json.loads(answer["Policy"]), self._arn, answer["RevisionId"])

    def write_whole(self, policy: Policy, revision_id: str | None) -> None:
        """Replace the policy of that revision by this one; ConflictError if it has another by now."""
        with self._target.describe_operation(f"replace the policy of {self._function}"):
            self._client.put_resource_policy(
                ResourceArn=self._arn, Policy=compact_json(policy.document()), RevisionId=revision_id
            )

    @property
    def _arn(self) -> str:
        return self._function.owned_by(self._target.identity.account).resource

    def check_function(self) -> None:
        """NotFoundError if the function, version or alias does not exist."""
        with self._target.describe_operation(f"find {self._function}"):
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
        with self._target.describe_operation(
            f"add statement {step.statement.statement_id} to the policy of {self._function}"
        ):
            self._client.add_permission(**self._function.request(), **step.statement.request(), **guard)

    def _remove(self, statement_id: str, guard: Mapping[str, str]) -> None:
        """Remove a statement; one that is gone already is no error."""
        try:
            with self._target.describe_operation(
                f"remove statement {statement_id} from the policy of {self._function}"
            ):
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
