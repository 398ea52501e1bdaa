# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A function's resource policy: revisions, qualifiers, stored form and refusals.

Sources: AWS Lambda API Reference, AddPermission, GetPolicy, RemovePermission, PutResourcePolicy, GetResourcePolicy,
DeleteResourcePolicy; Lambda quotas (20 KB).
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from .hooks import Function, original, replace
from .validation import Answer, error, success

_MAX_POLICY_BYTES = 20480
_qualifier_of = original(lambda_svc, "_qualifier_from_path_or_query", "path_qualifier", "query_params")
_arn_of = original(lambda_svc, "_policy_resource_arn", "func_name", "qualifier")
_qualifier_exists = original(lambda_svc, "_function_qualifier_exists", "func", "qualifier")
_PRINCIPAL = re.compile(
    r"\*|[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|alexa\.com)|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+"
)
_STATEMENT_ID = re.compile(r"[a-zA-Z0-9\-_]{1,100}")
_ACTION = re.compile(r"lambda:[*]|lambda:[a-zA-Z]+|[*]")
# AddPermission's parameter, and the operator and key that AWS stores for it.
_CONDITIONS = (
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
)


def install() -> None:
    @replace(lambda_svc, "_add_permission", "func_name", "data", "query_params", "path_qualifier")
    def add_permission(_ministack: Function) -> Function:
        return _answer_refusals(_add)

    @replace(lambda_svc, "_remove_permission", "func_name", "sid", "query_params", "path_qualifier")
    def remove_permission(_ministack: Function) -> Function:
        return _answer_refusals(_remove)

    @replace(lambda_svc, "_get_policy", "func_name", "query_params", "path_qualifier")
    def get_policy(_ministack: Function) -> Function:
        return _answer_refusals(_get)

    @replace(lambda_svc, "handle_request", "method", "path", "headers", "body", "query_params")
    def handle_request(ministack: Function) -> Function:
        async def handle(method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]) -> Answer:
            _before, found, arn = unquote(path).partition("/resource-policy/")
            if found:
                return _answer_refusals(_RESOURCE_POLICY_OPERATIONS[method])(
                    arn, json.loads(body or b"{}"), query_params
                )
            answer: Answer = await ministack(method, path, headers, body, query_params)
            return answer

        return handle


class _RefusalError(Exception):
    """Carries AWS's error to the request's entry point."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.answer = error(code, message, status)


def _invalid(message: str) -> _RefusalError:
    return _RefusalError("InvalidParameterValueException", message, 400)


class _Policy:
    """The policy of a function, a version or an alias. Each has its own statements and revision."""

    def __init__(self, name: str, query: dict[str, Any] | None, path_qualifier: str | None) -> None:
        qualifier = _qualifier_of(path_qualifier, query)
        self.arn: str = _arn_of(name, None if qualifier == "$LATEST" else qualifier)
        function = lambda_svc._functions.get(name)
        if not _qualifier_exists(function, qualifier):
            raise _RefusalError("ResourceNotFoundException", f"Function not found: {_arn_of(name, qualifier)}", 404)
        self._function: dict[str, Any] = function
        self._revisions: dict[str, str] = function.setdefault("policy_revisions", {})

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [item for item in self._function["policy"]["Statement"] if item["Resource"] == self.arn]

    @property
    def revision(self) -> str:
        return self._revisions.get(self.arn, "")

    def check_revision(self, expected: str | None) -> None:
        if expected and expected != self.revision:
            raise _RefusalError(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest RevisionId. "
                "Call the GetPolicy API to retrieve the latest RevisionId for your resource.",
                412,
            )

    def add(self, statement: dict[str, Any]) -> None:
        self._function["policy"]["Statement"].append(statement)
        self._function.setdefault("statement_times", {})[self.arn, statement["Sid"]] = time.time()
        self._revisions[self.arn] = str(uuid.uuid4())

    def put(self, statements: list[dict[str, Any]]) -> None:
        """Replace all statements at once. Unchanged statements keep their age."""
        now, born = time.time(), self._function.setdefault("statement_times", {})
        for statement in statements:
            if statement not in self.statements:
                born[self.arn, statement.get("Sid")] = now
        others = [item for item in self._function["policy"]["Statement"] if item["Resource"] != self.arn]
        self._function["policy"]["Statement"] = [*others, *statements]
        self._revisions[self.arn] = str(uuid.uuid4())

    def remove(self, statement: dict[str, Any]) -> None:
        self._function["policy"]["Statement"].remove(statement)
        self._revisions[self.arn] = str(uuid.uuid4())


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"))


def _answer_refusals(operation: Callable[..., Answer]) -> Callable[..., Answer]:
    """Return the operation with a refusal as its answer."""

    def answer(*arguments: Any) -> Answer:
        try:
            return operation(*arguments)
        except _RefusalError as refused:
            return refused.answer

    return answer


def _add(name: str, data: dict[str, Any], query: dict[str, Any] | None, path_qualifier: str | None) -> Answer:
    policy = _Policy(name, query, path_qualifier)
    statement = _statement(data, policy.arn)
    policy.check_revision(data.get("RevisionId"))
    if any(item["Sid"] == statement["Sid"] for item in policy.statements):
        raise _RefusalError(
            "ResourceConflictException",
            f"The statement id ({statement['Sid']}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement.",
            409,
        )
    size = len(_document([*policy.statements, statement]).encode())
    if size > _MAX_POLICY_BYTES:
        message = f"The final policy size ({size}) is bigger than the limit ({_MAX_POLICY_BYTES})."
        raise _RefusalError("PolicyLengthExceededException", message, 400)
    policy.add(statement)
    return success({"Statement": json.dumps(statement)}, 201)


def _remove(name: str, sid: str, query: dict[str, Any] | None, path_qualifier: str | None) -> Answer:
    policy = _Policy(name, query, path_qualifier)
    found = [item for item in policy.statements if item["Sid"] == sid]
    if not found:
        raise _RefusalError("ResourceNotFoundException", f"Statement {sid} is not found in resource policy.", 404)
    policy.check_revision(((query or {}).get("RevisionId") or [None])[0])
    policy.remove(found[0])
    return 204, {}, b""


def _get(name: str, query: dict[str, Any] | None, path_qualifier: str | None) -> Answer:
    policy = _Policy(name, query, path_qualifier)
    if not policy.statements:
        raise _RefusalError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    return success({"Policy": _document(policy.statements), "RevisionId": policy.revision})


def _policy_of_arn(arn: str) -> _Policy:
    parts = arn.split(":")
    if parts[:3] != ["arn", "aws", "lambda"] or parts[5:6] != ["function"] or not 7 <= len(parts) <= 8:
        raise _invalid(f"{arn} is not the ARN of a function.")
    if parts[3:5] != [get_region(), get_account_id()]:
        raise _RefusalError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    return _Policy(parts[6], None, parts[7] if len(parts) == 8 else None)


def _put_resource_policy(arn: str, data: dict[str, Any], _query: Any) -> Answer:
    policy, text = _policy_of_arn(arn), data.get("Policy") or ""
    if len(text.encode()) > _MAX_POLICY_BYTES:
        message = f"The final policy size ({len(text.encode())}) is bigger than the limit ({_MAX_POLICY_BYTES})."
        raise _RefusalError("PolicyLengthExceededException", message, 400)
    statements = _parse_statements(text, policy.arn)
    policy.check_revision(data.get("RevisionId"))
    policy.put(statements)
    return success({"Policy": _document(policy.statements), "RevisionId": policy.revision})


def _get_resource_policy(arn: str, _data: dict[str, Any], _query: Any) -> Answer:
    policy = _existing_policy(arn)
    return success({"Policy": _document(policy.statements), "RevisionId": policy.revision})


def _delete_resource_policy(arn: str, _data: dict[str, Any], query: dict[str, Any] | None) -> Answer:
    policy = _existing_policy(arn)
    policy.check_revision(((query or {}).get("RevisionId") or [None])[0])
    policy.put([])
    return 204, {}, b""


def _existing_policy(arn: str) -> _Policy:
    policy = _policy_of_arn(arn)
    if not policy.statements:
        raise _RefusalError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    return policy


_RESOURCE_POLICY_OPERATIONS = {
    "PUT": _put_resource_policy,
    "GET": _get_resource_policy,
    "DELETE": _delete_resource_policy,
}


def _parse_statements(text: str, resource: str) -> list[dict[str, Any]]:
    try:
        statements = json.loads(text)["Statement"]
        statements = [statements] if isinstance(statements, dict) else list(statements)
        fit = [item["Effect"] in ("Allow", "Deny") and item["Principal"] and item["Action"] for item in statements]
        resources = {item["Resource"] for item in statements}
        ids = [item["Sid"] for item in statements if "Sid" in item]
    except (KeyError, TypeError, ValueError):
        raise _invalid("The policy is not a JSON document with complete statements.") from None
    if not statements or not all(fit) or len(set(ids)) != len(ids):
        raise _invalid("Each statement needs an effect, a principal and an action, and an id of its own.")
    if resources != {resource}:
        raise _invalid(f"The resource of each statement must be {resource}.")
    return statements


def _statement(data: dict[str, Any], resource: str) -> dict[str, Any]:
    sid, action = data.get("StatementId", ""), data.get("Action", "")
    if not _STATEMENT_ID.fullmatch(sid):
        raise _RefusalError(
            "ValidationException",
            f"1 validation error detected: Value '{sid}' at 'statementId' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
            400,
        )
    if not _ACTION.fullmatch(action):
        raise _invalid(f"Action {action!r} is not valid.")
    if data.get("FunctionUrlAuthType") and action != "lambda:InvokeFunctionUrl":
        raise _invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
    conditions: dict[str, dict[str, str]] = {}
    for parameter, operator, key in _CONDITIONS:
        if data.get(parameter):
            conditions.setdefault(operator, {})[key] = data[parameter]
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": _principal(data.get("Principal", "")),
        "Action": action,
        "Resource": resource,
    }
    return statement | ({"Condition": conditions} if conditions else {})


def _principal(value: str) -> str | dict[str, str]:
    if not _PRINCIPAL.fullmatch(value):
        raise _invalid("The provided principal was invalid. Please check the principal and try again.")
    if value == "*":
        return value
    if value.isdigit():
        return {"AWS": f"arn:aws:iam::{value}:root"}
    return {"AWS" if value.startswith("arn:") else "Service": value}
