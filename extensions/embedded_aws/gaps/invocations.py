# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asynchronous invocation as Lambda does it: retries, the event's age, on-failure destination and dead-letter queue.

Sources: AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation" and "Adding a
dead-letter queue".
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import lambda_svc, sns, sqs

from .current import current
from .hooks import Function, original, replace
from .metrics import record_lambda
from .policies import role_allowed
from .queues import send
from .validation import Answer, error

_log = logging.getLogger("embedded_aws.invocations")
_execute = original(lambda_svc, "_execute_function", "func", "event")
_record_for = original(lambda_svc, "_get_func_record_for_ref", "function_ref")
_name_and_qualifier = original(lambda_svc, "_lambda_function_name_and_qualifier_from_arn", "value")
_queue_by_arn = original(sqs, "_queue_by_arn", "arn")
_publish = original(sns, "publish_internal", "topic_arn", "message", "subject")
_MAX_EVENT_AGE = 21600.0
# Bytes, by invocation type. Lambda API Reference, Invoke.
_MAX_PAYLOAD_BYTES = {"RequestResponse": 6_291_456, "Event": 1_048_576}
_slots_of: dict[str, threading.Semaphore] = {}
_attempted: contextvars.ContextVar[str] = contextvars.ContextVar("attempted", default="")
"""Id of the request that this thread tries: on AWS each attempt has the same."""


def install() -> None:
    @replace(lambda_svc, "invoke_async_with_retry", "func", "event")
    def invoke_async_with_retry(_ministack: Function) -> Function:
        def invoke(func: dict[str, Any], event: Any) -> None:
            arn = (func.get("config") or func)["FunctionArn"]
            with request_scope(*scope_of(arn)):
                target = Target.find(arn)
                if target is not None:
                    invoke_async(target, event)

        return invoke

    @replace(lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started")
    def execute_function_dispatch(ministack: Function) -> Function:
        def execute(func: Any, config: Any, event: Any, request_id: str, started: float) -> dict[str, Any]:
            result: dict[str, Any] = ministack(func, config, event, _attempted.get() or request_id, started)
            return result

        return execute

    @replace(lambda_svc, "handle_request", "method", "path", "headers", "body", "query_params")
    def handle_request(ministack: Function) -> Function:
        async def handle(method: str, path: str, headers: Any, body: bytes, query_params: dict[str, Any]) -> Answer:
            if path.endswith("/invocations") and (refused := _size_refusal(headers, body)):
                return refused
            answer: Answer = await ministack(method, path, headers, body, query_params)
            return answer

        return handle


def _size_refusal(headers: Any, body: bytes) -> Answer | None:
    kind = headers.get("x-amz-invocation-type") or "RequestResponse"
    largest = _MAX_PAYLOAD_BYTES.get(kind)
    if largest is None or len(body) <= largest:
        return None
    message = f"{len(body)} byte payload is too large for the {kind} invocation type (limit {largest} bytes)"
    return error("RequestTooLargeException", message, 413)


def scope_of(arn: str) -> tuple[str, str]:
    parts = arn.split(":")
    return parts[4], parts[3]


@dataclass(frozen=True, slots=True)
class Target:
    """A function of the current account, or a version or alias of it."""

    arn: str
    qualifier: str | None
    function: dict[str, Any]  # MiniStack's record of the function
    record: dict[str, Any]  # the same with the configuration and code of the version that runs

    @classmethod
    def find(cls, arn: str) -> Target | None:
        """Return the function of this ARN; None if it does not exist in the current account and region."""
        if arn.split(":")[3:5] != [get_region(), get_account_id()]:
            return None
        record, config, name = _record_for(arn)
        if not record or not config:
            return None
        function = lambda_svc._functions[name]
        # Versions share the function's reserved concurrency, and the context has the ARN of the invocation.
        runs = {**record, "concurrency": function.get("concurrency"), "config": {**config, "FunctionArn": arn}}
        return cls(arn, _name_and_qualifier(arn)[1], function, runs)

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.record["config"]
        return config

    @property
    def log_group(self) -> str:
        name = self.config["FunctionName"]
        return (self.config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"

    @property
    def event_invoke_config(self) -> dict[str, Any]:
        """Return the configuration of the qualifier. An unqualified function uses that of $LATEST."""
        configs = self.function.get("event_invoke_configs") or {}
        qualifier = self.qualifier or "$LATEST"
        return configs.get(qualifier) or (configs.get("") if qualifier == "$LATEST" else None) or {}

    def policy(self, youngest: float = 0) -> dict[str, Any]:
        """Return the resource policy without statements younger than this age in seconds."""
        born, now = self.function.get("statement_times", {}), time.time()
        statements = [
            statement
            for statement in self.function["policy"]["Statement"]
            if now - born.get((statement["Resource"], statement["Sid"]), 0) >= youngest
        ]
        return {"Version": "2012-10-17", "Statement": statements}


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why Lambda stopped to retry an event."""

    request_id: str
    condition: str  # RetriesExhausted or EventAgeExceeded
    attempts: int
    result: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        body = self.result.get("body")
        return body if isinstance(body, dict) else {}


def invoke_async(target: Target, event: Any) -> None:
    """Queue an event for the function and return at once."""
    record_lambda(target.config["FunctionName"], "AsyncEventsReceived", 1)
    # A new context, so that the function does not inherit the request and its caller.
    context = contextvars.Context()
    current.begin_event()
    thread = threading.Thread(
        target=context.run,
        args=(_invoke_and_report, target, event, scope_of(target.arn)),
        name="lambda-async",
        daemon=True,
    )
    thread.start()


def _invoke_and_report(target: Target, event: Any, scope: tuple[str, str]) -> None:
    with request_scope(*scope):
        try:
            failure = _run_with_retries(target, event)
            if failure is not None:
                _report_failure(target, event, failure)
        except Exception:
            _log.exception("Asynchronous invocation of %s", target.arn)
        finally:
            current.end_event()


def _run_with_retries(target: Target, event: Any) -> Failure | None:
    """Run the function until it succeeds, the retries are used up, or the event is too old."""
    settings = target.event_invoke_config
    retries = settings.get("MaximumRetryAttempts", 2)
    # Compressed like the pauses: a minute on AWS is one retry_delay here.
    longest = settings.get("MaximumEventAgeInSeconds", _MAX_EVENT_AGE) * current.settings.retry_delay / 60
    started, attempts, throttles = time.monotonic(), 0, 0
    request_id = str(uuid.uuid4())
    _attempted.set(request_id)
    name = str(target.config["FunctionName"])
    while True:
        # A retry runs the current function.
        now = Target.find(target.arn)
        if now is None:
            _log.warning("%s is gone: an event is lost", target.arn)
            record_lambda(name, "AsyncEventsDropped", 1)
            return None
        with _worker_slots(target):
            age_ms = (time.monotonic() - started) * 1000
            record_lambda(name, "AsyncEventAge", age_ms, "Milliseconds")
            result = _execute(now.record, event)
        if not result.get("error"):
            return None
        # Throttling uses no retry: it is repeated until the event is too old.
        if result.get("throttle"):
            throttles += 1
            pause = current.settings.retry_delay * min(2 ** (throttles - 1), 300) / 60
        else:
            attempts += 1
            pause = current.settings.retry_delay * attempts
            if attempts > retries:
                return Failure(request_id, "RetriesExhausted", attempts, result)
        if time.monotonic() - started + pause > longest:
            return Failure(request_id, "EventAgeExceeded", attempts, result)
        time.sleep(pause)


def _worker_slots(target: Target) -> threading.Semaphore:
    """Return the semaphore that limits a function's workers, so a burst does not start a process for each event."""
    function = ":".join(target.arn.split(":")[:7])
    return _slots_of.setdefault(function, threading.Semaphore(int(current.settings.parallel_events)))


def _report_failure(target: Target, event: Any, failure: Failure) -> None:
    record_lambda(target.config["FunctionName"], "AsyncEventsDropped", 1)
    destination = target.event_invoke_config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    record = json.dumps(_failure_record(target, event, failure))
    if destination and not _send_as_role(target, destination, record, {}):
        record_lambda(target.config["FunctionName"], "DestinationDeliveryFailures", 1)
    dead_letters = (target.config.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead_letters:
        attributes = {
            "RequestID": _string_attribute(failure.request_id),
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": _string_attribute(str(failure.error.get("errorMessage", ""))[:1024] or "unknown"),
        }
        if not _send_as_role(target, dead_letters, json.dumps(event), attributes):
            record_lambda(target.config["FunctionName"], "DeadLetterErrors", 1)


def _string_attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _failure_record(target: Target, event: Any, failure: Failure) -> dict[str, Any]:
    arn = target.arn if target.qualifier else f"{target.arn}:$LATEST"
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": failure.request_id,
            "functionArn": arn,
            "condition": failure.condition,
            "approximateInvokeCount": failure.attempts,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": target.config.get("Version", "$LATEST"),
            "functionError": failure.result.get("function_error") or "Unhandled",
        },
        "responsePayload": failure.error,
    }


def _send_as_role(target: Target, destination: str, body: str, attributes: dict[str, Any]) -> bool:
    """Send with the function's role, as Lambda does; return whether that worked."""
    service = destination.split(":")[2]
    action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}.get(service)
    if action is None or not role_allowed(target.config["Role"], action, destination):
        _log.warning("%s: an event is lost, the role may not send to %s", target.arn, destination)
        return False
    if service == "sqs":
        return send_to_queue(destination, body, attributes)
    if service == "sns":
        _publish(destination, body, "")
    elif (other := Target.find(destination)) is not None:
        invoke_async(other, json.loads(body))
    return True


def send_to_queue(queue_arn: str, body: str, attributes: dict[str, Any]) -> bool:
    """Send a message; return whether the queue exists."""
    if _queue_by_arn(queue_arn) is None:
        _log.warning("A message is lost: there is no queue %s", queue_arn)
        return False
    send(queue_arn, body, attributes)
    return True
