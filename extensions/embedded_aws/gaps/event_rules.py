# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EventBridge: check the policy of a target's function or queue, send undeliverable events to the target's dead-letter
queue, and run schedules faster.

Sources: Amazon EventBridge User Guide, "Using dead-letter queues to process undelivered events" (with its error codes),
"Using resource-based policies for Amazon EventBridge", "Calculating PutEvents event entry size" (256 KB; the SDK's
documentation of 2026 says 1 MB); API Reference, Target and SqsParameters (FIFO queues need content-based deduplication).
"""

from __future__ import annotations

import contextvars
import json
import logging
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, sqs

from .current import current
from .hooks import Function, original, replace
from .invocations import Target, invoke_async, send_to_queue
from .metrics import record
from .policies import service_allowed
from .queues import send
from .validation import Answer, error

_log = logging.getLogger("embedded_aws.event_rules")
_queue_by_arn = original(sqs, "_queue_by_arn", "arn")
_rule_key = original(eventbridge, "_rule_key", "rule_name", "bus_name")
# The rule and target of the current delivery. None for EventBridge Scheduler, which acts with its own role.
_current_target: contextvars.ContextVar[tuple[str, dict[str, Any]] | None] = contextvars.ContextVar(
    "serving", default=None
)
_MAX_TARGETS = 5
_MAX_REQUEST_BYTES = 256 * 1024
_TICK = 0.5  # seconds between two checks of the schedules; MiniStack checks every ten


def install() -> None:
    eventbridge._SCHEDULER_TICK_INTERVAL = _TICK
    replace(eventbridge, "_parse_rate_seconds", "expr")(_hook_parse_rate_seconds)
    replace(eventbridge, "_put_events", "data", "allow_aws_source")(_hook_put_events)
    replace(eventbridge, "_dispatch_to_sqs", "spec", "payload", "sqs_parameters")(_hook_dispatch_to_sqs)
    replace(eventbridge, "_invoke_target", "target", "event", "rule", "view")(_hook_invoke_target)
    replace(eventbridge, "_dispatch_to_lambda", "arn", "payload")(_hook_dispatch_to_lambda)
    replace(eventbridge, "_put_targets", "data")(_hook_put_targets)
    replace(eventbridge, "_delete_rule", "data")(_hook_delete_rule)
    for name in ("_list_targets_by_rule", "_remove_targets"):
        replace(eventbridge, name, "data")(_require_rule)


def _hook_parse_rate_seconds(ministack: Function) -> Function:
    def parse(expr: str) -> float | None:
        seconds: int | None = ministack(expr)
        return None if seconds is None else seconds / current.settings.schedule_speed

    return parse


def _hook_put_events(ministack: Function) -> Function:
    def put(data: dict[str, Any], allow_aws_source: bool = False) -> Answer:
        if sum(_size(entry) for entry in data.get("Entries", [])) >= _MAX_REQUEST_BYTES:
            message = "Total size of the entries in the request is over the limit."
            return error("ValidationException", message)
        answer: Answer = ministack(data, allow_aws_source)
        return answer

    return put


def _hook_dispatch_to_sqs(_ministack: Function) -> Function:
    return _dispatch_to_queue


def _hook_invoke_target(ministack: Function) -> Function:
    def invoke(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        token = _current_target.set((rule.get("Arn", ""), target))
        try:
            ministack(target, event, rule, view)
        finally:
            _current_target.reset(token)

    return invoke


def _hook_dispatch_to_lambda(_ministack: Function) -> Function:
    return _dispatch_to_lambda


def _hook_put_targets(ministack: Function) -> Function:
    def put(data: dict[str, Any]) -> Answer:
        have = eventbridge._targets.get(_key(data)) or []
        ids = {target["Id"] for target in [*have, *data.get("Targets", [])]}
        if len(ids) > _MAX_TARGETS:
            return error("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        for target in data.get("Targets", []):
            if target.get("Arn", "").endswith(".fifo") and "SqsParameters" not in target:
                message = f"Parameter(s) SqsParameters must be specified for target: {target['Id']}."
                return error("ValidationException", message)
        answer: Answer = ministack(data)
        return answer

    return put


def _hook_delete_rule(ministack: Function) -> Function:
    def delete(data: dict[str, Any]) -> Answer:
        if eventbridge._targets.get(_key(data)):
            return error("ValidationException", "Rule can't be deleted since it has targets.")
        # The countdown of a rule begins at its creation, also when it is created again.
        eventbridge._rule_last_fired.pop((get_account_id(), get_region(), _key(data)), None)
        answer: Answer = ministack(data)
        return answer

    return delete


def _key(data: dict[str, Any]) -> str:
    key: str = _rule_key(data.get("Rule") or data.get("Name"), data.get("EventBusName") or "default")
    return key


def _require_rule(ministack: Function) -> Function:
    def checked(data: dict[str, Any]) -> Answer:
        if _key(data) not in eventbridge._rules:
            bus = data.get("EventBusName") or "default"
            message = f"Rule {data.get('Rule')} does not exist on EventBus {bus}."
            return error("ResourceNotFoundException", message)
        answer: Answer = ministack(data)
        return answer

    return checked


def _dispatch_to_lambda(arn: str, payload: str) -> None:
    rule_and_target = _current_target.get()
    target = Target.find(arn)
    if target is None:
        _send_to_dead_letter_queue(rule_and_target, payload, "NO_RESOURCE", f"Function not found: {arn}")
        return
    if _is_refused(rule_and_target, target.policy(), "lambda:InvokeFunction", arn, payload):
        return
    invoke_async(target, json.loads(payload))


def _dispatch_to_queue(spec: Any, payload: str, sqs_parameters: dict[str, Any] | None = None) -> None:
    rule_and_target, arn = _current_target.get(), str(spec)
    queue = _queue_by_arn(arn)
    if queue is None:
        _send_to_dead_letter_queue(
            rule_and_target, payload, "NO_RESOURCE", f"The specified queue does not exist: {arn}"
        )
        return
    if _is_refused(rule_and_target, queue["attributes"].get("Policy"), "sqs:SendMessage", arn, payload):
        return
    group = {key: value for key, value in (sqs_parameters or {}).items() if key == "MessageGroupId"}
    try:
        send(arn, payload, {}, **group)
    except sqs._Err as refused:
        _send_to_dead_letter_queue(rule_and_target, payload, "INVALID_PARAMETER", str(refused))


def _is_refused(
    rule_and_target: tuple[str, dict[str, Any]] | None, policy: Any, action: str, resource: str, payload: str
) -> bool:
    """Return whether the target's policy refuses the rule; send the event to the dead-letter queue then."""
    rule_arn = rule_and_target[0] if rule_and_target else ""
    service = "events.amazonaws.com"
    if ":rule/" not in rule_arn or service_allowed(policy, service, action, resource, rule_arn):
        return False
    message = (
        f"User: {service} is not authorized to perform: {action} on resource: "
        f"{resource} because no resource-based policy allows the {action} action"
    )
    _send_to_dead_letter_queue(rule_and_target, payload, "NO_PERMISSIONS", message)
    return True


def _size(entry: dict[str, Any]) -> int:
    texts = [entry.get(key) or "" for key in ("Source", "DetailType", "Detail")] + (entry.get("Resources") or [])
    return sum(len(text.encode()) for text in texts) + (14 if entry.get("Time") else 0)


def _send_to_dead_letter_queue(
    rule_and_target: tuple[str, dict[str, Any]] | None, payload: str, code: str, message: str
) -> None:
    rule_arn, target = rule_and_target or ("", {})
    _log.warning("%s: %s", rule_arn, message)
    if rule_arn:
        record("AWS/Events", "FailedInvocations", 1, {"RuleName": rule_arn.rpartition("/")[2]})
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    queue = _queue_by_arn(queue_arn)
    policy = queue["attributes"].get("Policy") if queue else None
    if not service_allowed(policy, "events.amazonaws.com", "sqs:SendMessage", queue_arn, rule_arn):
        _log.warning("%s: an event is lost, the policy of %s does not let EventBridge in", rule_arn, queue_arn)
        return
    attributes = {"RULE_ARN": rule_arn, "TARGET_ARN": target["Arn"], "ERROR_CODE": code, "ERROR_MESSAGE": message}
    typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    send_to_queue(queue_arn, payload, typed)
