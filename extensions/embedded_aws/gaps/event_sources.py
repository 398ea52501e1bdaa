# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event source mappings of queues: refusals of CreateEventSourceMapping, and batches that run as other invocations do.

Sources: Lambda Developer Guide, "Using Lambda with Amazon SQS", "Creating and configuring an Amazon SQS event source
mapping" (permissions, FIFO limits), "Handling errors for an SQS event source in Lambda" (partial batch responses).
"""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import lambda_svc, sqs

from .current import current
from .hooks import Function, original, replace
from .invocations import Target, scope_of
from .metrics import record_queue
from .policies import role_allowed
from .validation import Answer, error

_execute = original(lambda_svc, "_execute_function", "func", "event")
_delete = original(sqs, "_delete_messages_for_esm", "queue_url", "receipt_handles")
_queue_by_arn = original(sqs, "_queue_by_arn", "arn")
_find = original(lambda_svc, "_resolve_existing_esm_function", "function_ref")
_function_arn = original(lambda_svc, "_func_arn", "name")
_REQUIRED_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_MAX_FIFO_BATCH = 10
_FAILURES = "batchItemFailures"


def install() -> None:
    @replace(lambda_svc, "_create_esm", "data")
    def create(ministack: Function) -> Function:
        def make(data: dict[str, Any]) -> Answer:
            return _with_state(_refusal(data) or ministack(data), "Creating")

        return make

    @replace(lambda_svc, "_update_esm", "esm_id", "data")
    def update(ministack: Function) -> Function:
        def change(esm_id: str, data: dict[str, Any]) -> Answer:
            mapping = lambda_svc._esms.get(esm_id)
            refused = None
            if mapping is not None:
                refused = _refusal({**mapping, "FunctionName": mapping["FunctionArn"], **data}, esm_id)
            return _with_state(refused or ministack(esm_id, data), "Updating")

        return change

    @replace(lambda_svc, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name")
    def run_sqs_batch(_ministack: Function) -> Function:
        return _run_batch


def _with_state(answer: Answer, state: str) -> Answer:
    """Return the answer with a transitional state. AWS answers before the mapping is ready; MiniStack's is ready."""
    status, headers, body = answer
    if status not in (200, 202):
        return answer
    return 202, headers, json.dumps({**json.loads(body), "State": state}).encode()


def _invalid(message: str) -> Answer:
    return error("InvalidParameterValueException", message)


def _refusal(data: dict[str, Any], present: str | None = None) -> Answer | None:
    """Return AWS's error for a mapping of a queue that could not work. `present`: the id of the mapping to update."""
    arn = data.get("EventSourceArn", "")
    name, qualifier, failed = _find(data.get("FunctionName", ""))
    if failed or arn.split(":")[2:3] != ["sqs"]:
        return None
    target = Target.find(_function_arn(name) + (f":{qualifier}" if qualifier else ""))
    queue = _queue_by_arn(arn)
    if queue is None or target is None:
        return _invalid(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist for this wsdl version."
        )
    return (
        _duplicate_refusal(arn, target, present)
        or _fifo_refusal(arn, data)
        or _role_refusal(arn, target)
        or _visibility_refusal(queue, target)
    )


def _duplicate_refusal(arn: str, target: Target, present: str | None) -> Answer | None:
    for mapping in lambda_svc._esms.values():
        same = (mapping["EventSourceArn"], mapping["FunctionArn"]) == (arn, target.arn)
        if same and mapping["UUID"] != present:
            message = (
                f'An event source mapping with SQS arn (" {arn} ") and function (" {mapping["FunctionName"]} ") '
                f"already exists. Please update or delete the existing mapping with UUID {mapping['UUID']}"
            )
            return error("ResourceConflictException", message, 409)
    return None


def _fifo_refusal(arn: str, data: dict[str, Any]) -> Answer | None:
    size, window = data.get("BatchSize", 10), data.get("MaximumBatchingWindowInSeconds") or 0
    if arn.endswith(".fifo"):
        if size > _MAX_FIFO_BATCH:
            return _invalid(f"Maximum batch size for FIFO queues is {_MAX_FIFO_BATCH}.")
        if window:
            return _invalid("Batching window is not supported for FIFO queues.")
    elif size > _MAX_FIFO_BATCH and not window:
        return _invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    return None


def _role_refusal(arn: str, target: Target) -> Answer | None:
    for action in _REQUIRED_ACTIONS:
        if not role_allowed(target.config["Role"], f"sqs:{action}", arn):
            return _invalid(f"The function execution role does not have permissions to call {action} on SQS")
    return None


def _visibility_refusal(queue: dict[str, Any], target: Target) -> Answer | None:
    hidden, timeout = int(queue["attributes"].get("VisibilityTimeout", "30")), target.config.get("Timeout", 3)
    if hidden >= timeout:
        return None
    return _invalid(f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {timeout} seconds")


def _run_batch(
    esm: dict[str, Any],
    _func_rec: dict[str, Any],
    event: dict[str, Any],
    batch: list[dict[str, Any]],
    queue_url: str,
    _queue_name: str,
) -> None:
    """Invoke the function and delete the messages that it handled. The others return after their visibility timeout."""
    with request_scope(*scope_of(esm["EventSourceArn"])):
        target = Target.find(esm["FunctionArn"])
        if target is None or _role_refusal(esm["EventSourceArn"], target) is not None:
            esm["LastProcessingResult"] = "PROBLEM: the function is gone, or its role may not read the queue."
            _return_messages(batch)
            _back_off(esm)
            return
        result = _execute(target.record, event)
        failed = _failed_message_ids(result, esm, {message["id"] for message in batch})
        done = {message["receipt_handle"] for message in batch if message["id"] not in failed}
        if done:
            _delete(queue_url, done)
            record_queue({"name": esm["EventSourceArn"].rpartition(":")[2]}, "NumberOfMessagesDeleted", len(done))
        esm["LastProcessingResult"] = "OK" if not failed else "PROBLEM: Function call failed"
        if not done:
            _back_off(esm)


def _return_messages(batch: list[dict[str, Any]]) -> None:
    for message in batch:
        message["visible_at"], message["receive_count"] = time.time(), message["receive_count"] - 1


def _back_off(esm: dict[str, Any]) -> None:
    lambda_svc._esm_backoff_until[esm["UUID"]] = time.time() + current.settings.retry_delay


def _failed_message_ids(result: dict[str, Any], esm: dict[str, Any], batch: set[str]) -> set[str]:
    """Return the ids of unhandled messages: all of them after an error or an invalid answer."""
    if result.get("error"):
        return batch
    if "ReportBatchItemFailures" not in esm.get("FunctionResponseTypes", []):
        return set()
    answer = result.get("body")
    if isinstance(answer, str):
        try:
            answer = json.loads(answer or "null")
        except ValueError:
            return batch
    if not answer:
        return set()
    items = answer.get(_FAILURES) if isinstance(answer, dict) and _FAILURES in answer else [None]
    named = {str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in items or []}
    return batch if named - batch else named
