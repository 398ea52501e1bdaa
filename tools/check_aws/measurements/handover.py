# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements of the subscriber's queue: its policy, and the hand-over from slice to slice."""

from __future__ import annotations

import contextlib
import json
import time
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ..functions import chain
from ..lab import FUNCTION_SECONDS, LAMBDA, Lab, NotInTimeError, Queue, allow, is_denied
from ..results import Finding, as_assumed, differs, measurement, not_measured

LOOP_HOPS = 16
"""About so many hops Lambda allows (Lambda developer guide, "Use Lambda recursive loop detection")."""
_NEAR = 3
_EVENT_SECONDS = 5.0


@measurement(
    "queue-policy",
    "The work queue's policy admits EventBridge (aws:PrincipalIsAWSService) and senders (aws:PrincipalArn), nobody else.",
)
def queue_policy(lab: Lab) -> Finding:
    """Send an event through a rule to two queues, one of which has a sender; and messages by the sender and by the caller."""
    rule = lab.name("rule", "senders")
    sender = lab.caller_role("sender", allow("sqs:SendMessage", "*"))
    free = lab.queue("free", event_rules=(rule,))
    guarded = lab.queue("guarded", event_rules=(rule,), senders=(sender,))
    source = f"log-reflector-check.{lab.run_id}"
    events = lab.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}), State="ENABLED")
    events.put_targets(Rule=rule, Targets=[{"Id": str(n), "Arn": it.arn} for n, it in enumerate((free, guarded))])
    came = _event_arrives(lab, source, free, guarded)
    _send(lab.client("sqs"), free)  # the caller may send where no policy denies it
    refused = lab.becomes_true(lambda: not _may_send(lab.client("sqs"), guarded))
    sends = lab.session(sender, allow("sqs:SendMessage", guarded.arn)).client("sqs")
    admitted = lab.becomes_true(lambda: _may_send(sends, guarded))
    outcomes = {
        "the event": "came" if came else "did not come",
        "the sender": "was admitted" if admitted else "was refused",
        "the caller": "was refused" if refused else "was admitted",
    }
    text = ", ".join(f"{who} {outcome}" for who, outcome in outcomes.items())
    if came and admitted and refused:
        return as_assumed(text)
    if came and admitted:
        return differs(text, "Others can give the subscriber work; please report it.")
    return differs(text, "The subscriber does not work here: set log_groups_mode: account_policy, and report it.")


def _event_arrives(lab: Lab, source: str, free: Queue, guarded: Queue) -> bool:
    """Send events until one arrives in the free queue; return whether one arrives in the guarded queue as well."""
    sent = float("-inf")

    def send_and_receive() -> bool:
        nonlocal sent
        if time.monotonic() - sent >= _EVENT_SECONDS:
            entry = {"Source": source, "DetailType": "check", "Detail": "{}"}
            lab.client("events").put_events(Entries=[entry])
            sent = time.monotonic()
        return bool(lab.receive(free))

    lab.wait("an event arrives in a queue", send_and_receive)
    try:
        lab.wait("", lambda: lab.receive(guarded), lab.limits.quiet_seconds)
    except NotInTimeError:
        return False
    return True


def _send(sqs: Any, queue: Queue) -> None:
    sqs.send_message(QueueUrl=queue.url, MessageBody="{}")


def _may_send(sqs: Any, queue: Queue) -> bool:
    try:
        _send(sqs, queue)
    except ClientError as error:
        if not is_denied(error):
            raise
        return False
    return True


@measurement("hand-over", f"A sweep can hand over more than {LOOP_HOPS} times: each message begins a new trace.")
def hand_over(lab: Lab) -> Finding:
    """Run a chain of invocations with the subscriber's own code for the trace."""
    reached, hops = _hops(lab, "chain", chain(new_trace=True)), int(lab.limits.hops)
    if not reached:
        return not_measured("the first message was not handled", "Run it again with a larger --wait-seconds.")
    text = f"{reached} of {hops} hand-overs"
    if reached >= hops > LOOP_HOPS:
        return as_assumed(text, hops=reached)
    if reached >= hops:
        return not_measured(text, f"Set --hops above {LOOP_HOPS}.", hops=reached)
    advice = (
        f"Sweeps stop after {reached} slices of two minutes. Please report it, and until then run the playbook catch_up"
        " on a schedule if the target has more log groups than that."
    )
    return differs(text, advice, hops=reached)


@measurement("loop-detection", f"Lambda stops a chain that keeps the trace after about {LOOP_HOPS} hand-overs.")
def loop_detection(lab: Lab) -> Finding:
    """Run a chain with the trace that the SDK sends. It shows that hand-over did not pass by chance."""
    reached, hops = _hops(lab, "loop", chain(new_trace=False)), int(lab.limits.hops)
    if not reached:
        return not_measured("the first message was not handled", "Run it again with a larger --wait-seconds.")
    text = f"{reached} of {hops} hand-overs"
    if abs(reached - LOOP_HOPS) <= _NEAR and reached < hops:
        return as_assumed(f"stopped after {text}", hops=reached)
    advice = "Nothing has to be done if hand-over is as assumed: the sweep does not depend on it."
    return differs(text if reached >= hops else f"stopped after {text}", advice, hops=reached)


def _hops(lab: Lab, suffix: str, source: str) -> int:
    """Start a chain of invocations through a FIFO queue; return how many invocations there were."""
    report = lab.queue(f"{suffix}-report")
    work = lab.queue(f"{suffix}.fifo", content_based_deduplication=True, visibility_timeout=6 * FUNCTION_SECONDS)
    own = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"]
    role = lab.role(suffix, LAMBDA, allow(own, work.arn), allow("sqs:SendMessage", report.arn))
    hops = str(int(lab.limits.hops))
    function, _seconds = lab.function(suffix, role, source, QUEUE_URL=report.url, OWN_QUEUE_URL=work.url, HOPS=hops)
    create = partial(
        lab.client("lambda").create_event_source_mapping,
        FunctionName=function,
        EventSourceArn=work.arn,
        BatchSize=1,
        Tags=lab.tags(),
    )
    lab.accepted(create, ("does not have permissions to call", "cannot be assumed"))
    lab.client("sqs").send_message(QueueUrl=work.url, MessageBody='{"hop": 0}', MessageGroupId="chain")
    return _highest(lab, report, int(lab.limits.hops))


def _highest(lab: Lab, report: Queue, hops: int) -> int:
    """Return the highest number that arrives, until no other does."""
    reached = 0
    seconds = lab.limits.wait_seconds
    with contextlib.suppress(NotInTimeError):
        while reached < hops:
            found = lab.wait("", lambda: lab.receive(report), seconds)
            reached, seconds = max(reached, *found), lab.limits.quiet_seconds
    return reached


MEASUREMENTS = (queue_policy, hand_over, loop_detection)
