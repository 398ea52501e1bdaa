"""EventBridge: the target function's policy is checked, what cannot be delivered goes to the target's dead-letter queue.

Source: Amazon EventBridge User Guide, "Using dead-letter queues to process undelivered events".
"""

from __future__ import annotations

import contextvars
import json
import logging
from typing import Any

from ministack.services import eventbridge, sqs

from .hooks import Function, original, replace
from .invocations import Target, invoke_async, send_to_queue
from .policies import service_allowed
from .validation import Answer, error

_log = logging.getLogger("embedded_aws.event_rules")
_queue_by_arn = original(sqs, "_queue_by_arn", "arn")
_rule_key = original(eventbridge, "_rule_key", "rule_name", "bus_name")
# The rule and target that are being served; none for EventBridge Scheduler, which acts with a role of its own.
_serving: contextvars.ContextVar[tuple[str, dict[str, Any]] | None] = contextvars.ContextVar("serving", default=None)
_TARGETS_OF_A_RULE = 5


def install() -> None:
    @replace(eventbridge, "_invoke_target", "target", "event", "rule", "view")
    def invoke_target(ministack: Function) -> Function:
        def invoke(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
            token = _serving.set((rule.get("Arn", ""), target))
            try:
                ministack(target, event, rule, view)
            finally:
                _serving.reset(token)

        return invoke

    @replace(eventbridge, "_dispatch_to_lambda", "arn", "payload")
    def dispatch_to_lambda(_ministack: Function) -> Function:
        return _to_lambda

    @replace(eventbridge, "_put_targets", "data")
    def put_targets(ministack: Function) -> Function:
        def put(data: dict[str, Any]) -> Answer:
            have = eventbridge._targets.get(_key(data)) or []
            ids = {target["Id"] for target in [*have, *data.get("Targets", [])]}
            if len(ids) > _TARGETS_OF_A_RULE:
                return error("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
            answer: Answer = ministack(data)
            return answer

        return put

    @replace(eventbridge, "_delete_rule", "data")
    def delete_rule(ministack: Function) -> Function:
        def delete(data: dict[str, Any]) -> Answer:
            if eventbridge._targets.get(_key(data)):
                return error("ValidationException", "Rule can't be deleted since it has targets.")
            answer: Answer = ministack(data)
            return answer

        return delete

    for name in ("_list_targets_by_rule", "_remove_targets"):
        replace(eventbridge, name, "data")(_of_existing_rule)


def _key(data: dict[str, Any]) -> str:
    key: str = _rule_key(data.get("Rule") or data.get("Name"), data.get("EventBusName") or "default")
    return key


def _of_existing_rule(ministack: Function) -> Function:
    def checked(data: dict[str, Any]) -> Answer:
        if _key(data) not in eventbridge._rules:
            bus = data.get("EventBusName") or "default"
            message = f"Rule {data.get('Rule')} does not exist on EventBus {bus}."
            return error("ResourceNotFoundException", message)
        answer: Answer = ministack(data)
        return answer

    return checked


def _to_lambda(arn: str, payload: str) -> None:
    serving = _serving.get()
    target = Target.find(arn)
    if target is None:
        _undelivered(serving, payload, "NO_RESOURCE", f"Function not found: {arn}")
        return
    by_rule = serving is not None and ":rule/" in serving[0]
    if by_rule and not service_allowed(
        target.policy(), "events.amazonaws.com", "lambda:InvokeFunction", arn, serving[0] if serving else ""
    ):
        message = (
            "User: events.amazonaws.com is not authorized to perform: lambda:InvokeFunction on resource: "
            f"{arn} because no resource-based policy allows the lambda:InvokeFunction action"
        )
        _undelivered(serving, payload, "NO_PERMISSIONS", message)
        return
    invoke_async(target, json.loads(payload))


def _undelivered(serving: tuple[str, dict[str, Any]] | None, payload: str, code: str, message: str) -> None:
    rule_arn, target = serving or ("", {})
    _log.warning("%s: %s", rule_arn, message)
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
