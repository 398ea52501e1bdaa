# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions: checks of the execution role, updates that exclude each other, and log permissions."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs as logs
from ministack.services import lambda_svc

from . import cloudtrail
from .current import current
from .hooks import Function, original, replace
from .invocations import Target
from .metrics import record_invocation
from .policies import can_assume, role_allowed
from .validation import Answer, error
from .workers import updating

_enforce = original(iam_evaluator, "enforce", "access_key_id", "iam_action", "service", "region", "resource_arn")
_KEPT_UNRESERVED = 100  # (Lambda Developer Guide, "Configuring reserved concurrency for a function")
_SEND_ACTIONS = {"sqs": ("SendMessage", "SQS"), "sns": ("Publish", "SNS")}


def install() -> None:
    replace(lambda_svc, "_create_function", "data")(_hook_create_function)
    replace(lambda_svc, "_update_config", "name", "data")(_hook_update_config)
    replace(lambda_svc, "_update_code", "name", "data")(_hook_update_code)
    replace(lambda_svc, "_put_event_invoke_config", "func_name", "qualifier", "data")(_hook_put_event_invoke_config)
    replace(lambda_svc, "_get_account_settings")(_hook_get_account_settings)
    replace(lambda_svc, "_put_function_concurrency", "func_name", "data")(_hook_put_function_concurrency)
    replace(lambda_svc, "handle_request", "method", "path", "headers", "body", "query_params")(_hook_handle_request)
    replace(lambda_svc, "_execute_function_warm", "func", "event", "request_id")(_hook_execute_function_warm)
    replace(lambda_svc, "_emit_lambda_logs", "func", "request_id", "log_text", "error", "duration_ms", "log_source")(
        _hook_emit_lambda_logs
    )
    replace(lambda_svc, "_schedule_state_transition", "func_name", "delay")(_hook_schedule_state_transition)


def _hook_schedule_state_transition(ministack: Function) -> Function:
    def schedule(func_name: str, _delay: float) -> None:
        ministack(func_name, current.settings.update_delay)

    return schedule


def _hook_create_function(ministack: Function) -> Function:
    def create(data: dict[str, Any]) -> Answer:
        answer: Answer = _role_refusal(data, data.get("Role", "")) or ministack(data)
        return answer

    return create


def _hook_update_config(ministack: Function) -> Function:
    def update(name: str, data: dict[str, Any]) -> Answer:
        config = (lambda_svc._functions.get(name) or {}).get("config") or {}
        role = data.get("Role") or config.get("Role", "")
        refused = update_in_progress(config) or (
            _role_refusal(data, role) if data.keys() & {"Role", "DeadLetterConfig"} else None
        )
        with updating():
            answer: Answer = refused or ministack(name, data)
            if answer[0] == 200:
                # MiniStack keeps a warm worker after a change of its role or log configuration.
                lambda_svc.invalidate_worker(name, qualifier="$LATEST")
        return answer

    return update


def _hook_update_code(ministack: Function) -> Function:
    def update(name: str, data: dict[str, Any]) -> Answer:
        function = lambda_svc._functions.get(name) or {}
        with updating():
            answer: Answer = update_in_progress(function.get("config") or {}) or ministack(name, data)
        return answer

    return update


def _hook_put_event_invoke_config(ministack: Function) -> Function:
    def put(func_name: str, qualifier: str | None, data: dict[str, Any]) -> Answer:
        config = (lambda_svc._functions.get(func_name) or {}).get("config") or {}
        destination = ((data.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
        refused = (
            _destination_refusal(config.get("Role", ""), destination, "The function's execution role")
            if config
            else None
        )
        answer: Answer = refused or ministack(func_name, qualifier, data)
        return answer

    return put


def _hook_get_account_settings(ministack: Function) -> Function:
    def read() -> Answer:
        status, headers, body = ministack()
        settings = json.loads(body)
        settings["AccountLimit"] |= {
            "ConcurrentExecutions": current.settings.account_concurrency,
            "UnreservedConcurrentExecutions": _unreserved(),
        }
        return status, headers, json.dumps(settings).encode()

    return read


def _hook_put_function_concurrency(ministack: Function) -> Function:
    def put(func_name: str, data: dict[str, Any]) -> Answer:
        left = _unreserved(func_name) - int(data.get("ReservedConcurrentExecutions", 0))
        if func_name in lambda_svc._functions and left < _KEPT_UNRESERVED:
            return _invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution"
                f" below its minimum value of [{_KEPT_UNRESERVED}]."
            )
        answer: Answer = ministack(func_name, data)
        return answer

    return put


def _unreserved(without: str = "") -> int:
    """Return what functions other than `without` have not reserved."""
    functions = lambda_svc._functions
    reserved = sum(int(functions[name].get("concurrency") or 0) for name in functions if name != without)
    return current.settings.account_concurrency - reserved


def _hook_handle_request(ministack: Function) -> Function:
    async def handle(method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]) -> Answer:
        if method == "POST" and path.rstrip("/").endswith("/event-invoke-config"):
            # MiniStack lacks UpdateFunctionEventInvokeConfig: put the former values merged with the new ones.
            method, body = "PUT", await _merge_event_invoke_config(ministack, path, headers, body, query_params)
        answer: Answer = await ministack(method, path, headers, body, query_params)
        return answer

    return handle


def _hook_execute_function_warm(ministack: Function) -> Function:
    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = ministack(func, event, request_id)
        if result.get("error") and (result.get("body") or {}).get("errorType") == "Runtime.HandlerError":
            result["body"]["errorType"] = _exception_class(result)
        return result

    return execute


def _hook_emit_lambda_logs(ministack: Function) -> Function:
    def emit(
        func: dict[str, Any], request_id: str, log_text: str, error: bool, duration_ms: int, **options: Any
    ) -> None:
        record_invocation(func.get("config") or func, failed=error, duration_ms=duration_ms)
        if _prepare_log_group(func):
            ministack(func, request_id, log_text, error, duration_ms, **options)

    return emit


async def _merge_event_invoke_config(
    ministack: Function, path: str, headers: Any, body: bytes, query: dict[str, Any]
) -> bytes:
    status, _unused, former = await ministack("GET", path, headers, b"", query)
    return json.dumps((json.loads(former) if status == 200 else {}) | json.loads(body)).encode()


def _exception_class(result: dict[str, Any]) -> str:
    """Return the exception's class from the last line of the trace. MiniStack has it in the log only."""
    message = str(result["body"]["errorMessage"]).partition("\n")[0]
    for line in reversed(str(result.get("log", "")).splitlines()):
        match = re.fullmatch(r"([A-Za-z_][\w.]*)(: " + re.escape(message) + ")?", line)
        if match:
            return match[1].rpartition(".")[2]
    return "Runtime.HandlerError"


def _invalid(message: str) -> Answer:
    return error("InvalidParameterValueException", message)


def _role_refusal(data: dict[str, Any], role_arn: str) -> Answer | None:
    """Return Lambda's error for a role that the caller may not pass, Lambda cannot assume, or that may not send."""
    if "Role" in data:
        denied = _enforce(
            lambda_svc._request_access_key.get(),
            "iam:PassRole",
            "lambda",
            get_region(),
            resource_arn=role_arn,
            service_context={"iam:passedtoservice": "lambda.amazonaws.com"},
        )
        if denied is not None:
            message = (
                f"User: {iam_evaluator.caller_arn()} is not authorized to perform: iam:PassRole on resource: "
                f"{role_arn} because no identity-based policy allows the iam:PassRole action"
            )
            return error("AccessDeniedException", message, 403)
        if not can_assume(role_arn, "lambda.amazonaws.com"):
            return _invalid("The role defined for the function cannot be assumed by Lambda.")
    dead_letters = (data.get("DeadLetterConfig") or {}).get("TargetArn", "")
    return _destination_refusal(role_arn, dead_letters, "The provided execution role")


def _destination_refusal(role_arn: str, destination: str, whose: str) -> Answer | None:
    service = destination.split(":")[2] if destination else ""
    action, name = _SEND_ACTIONS.get(service, ("", ""))
    if not action or role_allowed(role_arn, f"{service}:{action}", destination):
        return None
    where = name if whose == "The provided execution role" else destination
    return _invalid(f"{whose} does not have permissions to call {action} on {where}")


def update_in_progress(config: dict[str, Any]) -> Answer | None:
    """Return Lambda's error if the function is still being created or updated."""
    if config.get("State") != "Pending" and config.get("LastUpdateStatus") != "InProgress":
        return None
    message = (
        "The operation cannot be performed at this time. "
        f"An update is in progress for resource: {config.get('FunctionArn')}"
    )
    return error("ResourceConflictException", message, 409)


def _prepare_log_group(func: dict[str, Any]) -> bool:
    """Create a missing log group as Lambda does; return whether the role may write to it."""
    config = func.get("config") or func
    target = Target.find(config["FunctionArn"])
    if target is None:
        return False
    group, role = target.log_group, config["Role"]
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:"
    if group not in logs._log_groups:
        if not role_allowed(role, "logs:CreateLogGroup", arn):
            return False
        logs._log_groups[group] = {
            "arn": arn.removesuffix("log-stream:") + "*",
            "creationTime": int(time.time() * 1000),
            "retentionInDays": None,
            "logGroupClass": "STANDARD",
            "kmsKeyId": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
        }
        cloudtrail.send_event("CreateLogGroup", {"logGroupName": group}, None, role)
    return all(role_allowed(role, f"logs:{action}", arn) for action in ("CreateLogStream", "PutLogEvents"))
