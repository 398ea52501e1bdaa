# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An SQS queue: for dead letters, or for work that a function takes from it. A queue with messages is not deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import (
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    OutdatedError,
    RefusedError,
    check_name,
)
from .._plan import Change, Result
from .._session import Target
from .common import Call, check_number, compact_json
from .owned_resource import OwnedResource, OwnedState
from .policy_document import Document, same_meaning, stored_document

RETENTION = 14 * 24 * 3600
"""Seconds that a new queue keeps a message: the longest that SQS offers."""
POLICY_BYTES = 8_192
"""Limit of a queue's policy (page "Amazon SQS policy quotas")."""
EVENT_RULES_SID = "LogReflectorEventRules"
"""The statement that lets EventBridge rules send."""
SENDERS_SID = "LogReflectorSenders"
"""The statement that refuses all other principals."""
TLS_SID = "LogReflectorOnlyTls"
"""The statement that refuses calls without TLS."""

_COUNTS = {
    "visible": "ApproximateNumberOfMessages",
    "in flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
_ATTRIBUTES = (
    "MessageRetentionPeriod",
    "VisibilityTimeout",
    "KmsMasterKeyId",
    "SqsManagedSseEnabled",
    "ContentBasedDeduplication",
    "Policy",
    "RedrivePolicy",
)
_FIFO = ".fifo"
_NAME = (
    r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo",
    "a queue's name: up to 80 of A-Z a-z 0-9 _ -, those of .fifo at its end included",
)


class QueueNotEmptyError(RefusedError):
    """A queue that is to be deleted still holds messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """The desired state of a queue. None (and "") leaves a setting alone.

    A new queue keeps messages for 14 days and is encrypted with SQS's own keys (SSE-SQS) if no `kms_key_arn` is given. Its
    policy refuses calls without TLS and lets nobody in but `event_rules`: others could read the log events in it. What
    roles of the account may do is up to their own policies.

    event_rules         names of EventBridge rules that may send. With `kms_key_arn`, the key's
                        policy must also let events.amazonaws.com use kms:GenerateDataKey and kms:Decrypt, or EventBridge
                        cannot send (SQS guide, "Configure KMS permissions for AWS services").
    senders             ARNs of the only principals that may send, "*" and "?" are wildcards, beside AWS services that the
                        policy allows. (): everybody with the permission. Part of the policy, like `event_rules`
    dead_letter_queue   name of the queue for messages that were received more than `max_receive_count` times
    discard_messages    delete the queue even if it holds messages
    wait_seconds        for transient errors. The name of a deleted queue stays taken for 60 seconds (DeleteQueue)
    """

    name: str
    present: bool = True
    event_rules: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    dead_letter_queue: str = ""
    max_receive_count: int = 0
    visibility_timeout: int | None = None
    content_based_deduplication: bool | None = None
    kms_key_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    discard_messages: bool = False
    wait_seconds: float = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(OwnedState):
    """A queue as it was read. `attributes` are SQS's own, all of them text."""

    name: str
    url: str
    attributes: Mapping[str, str]

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return self.attributes.get("QueueArn", "")

    @property
    def counts(self) -> dict[str, int]:
        """Messages by state. SQS counts approximately, and up to a minute late."""
        return {state: int(self.attributes.get(name, 0)) for state, name in _COUNTS.items()}

    @property
    def messages(self) -> int:
        """All messages: visible, in flight, delayed."""
        return sum(self.counts.values())


def read_queue(target: Target, name: str) -> Queue:
    """Return the queue without its tags. Two calls; NotFoundError if it does not exist."""
    client = target.client("sqs")
    with target.describe_operation(f"read queue {name}"):
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})
    return Queue(name=name, url=url, attributes=attributes)


class SqsQueue(OwnedResource[Queue]):
    """Identity: the queue's name in the account and region."""

    kind, service = "queue", "sqs"
    transient_codes = ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently")
    taken_codes = ("QueueAlreadyExists", "QueueNameExists")

    def __init__(self, target: Target, settings: QueueSettings) -> None:
        _check(settings)
        super().__init__(
            target, settings.name, present=settings.present, tags=settings.tags, wait_seconds=settings.wait_seconds
        )
        self._settings = settings

    def apply(self, change: Change) -> None:
        """Make the calls of one change; a new queue can be used a second after CreateQueue (API reference)."""
        try:
            super().apply(change)
        except OutdatedError:
            self._wait_until_usable()
            raise
        if change.action == "create":
            self._wait_until_usable()

    def facts(self, actual: Queue | None) -> Result:
        """Return name, url, arn and messages; None if the queue does not exist."""
        if actual is None:
            return {"queue": None}
        return {"queue": {"name": actual.name, "url": actual.url, "arn": actual.arn, "messages": actual.messages}}

    def _find(self) -> Queue | None:
        if self._settings.present:
            _unused = self._target.identity  # `plan` makes no calls, and needs it for ARNs
        try:
            return read_queue(self._target, self._name)
        except NotFoundError:
            return None

    def _read_tags(self, found: Queue) -> dict[str, str]:
        with self._target.describe_operation(f"read the tags of queue {self._name}"):
            return dict(self._client.list_queue_tags(QueueUrl=found.url).get("Tags", {}))

    def _wait_until_usable(self) -> None:
        self._retry_policy.wait_out(
            lambda: read_queue(self._target, self._name), lambda error: isinstance(error, NotFoundError)
        )

    def _creation(self) -> Change:
        attributes = {"MessageRetentionPeriod": str(RETENTION), **self._desired({})}
        if "KmsMasterKeyId" not in attributes:
            attributes["SqsManagedSseEnabled"] = "true"
        if self._name.endswith(_FIFO):
            attributes["FifoQueue"] = "true"
        attributes = {key: value for key, value in attributes.items() if value}
        tags = self._own.creation_tags()
        call = Call("create_queue", {"QueueName": self._name, "Attributes": attributes, "tags": tags})
        return self._change("create", None, {**_plain(attributes), "tags": tags}, call)

    def _changes(self, actual: Queue) -> list[Change]:
        changes = self._tag_update(actual, lambda tags: Call("tag_queue", {"QueueUrl": actual.url, "Tags": tags}))
        before = {key: actual.attributes.get(key, "") for key in _ATTRIBUTES}
        after = {**before, **self._desired(before)}
        if after["KmsMasterKeyId"] != before["KmsMasterKeyId"] and before["SqsManagedSseEnabled"] == "true":
            after["SqsManagedSseEnabled"] = "false"  # a queue has one kind of encryption
        changed = {key: value for key, value in after.items() if value != before[key]}
        if changed:
            call = Call("set_queue_attributes", {"QueueUrl": actual.url, "Attributes": changed})
            changes.append(self._change("update", _plain(before), _plain(after), call))
        return changes

    def _deletion(self, actual: Queue) -> Change:
        if actual.messages and not self._settings.discard_messages:
            listed = ", ".join(f"{number} {state}" for state, number in actual.counts.items())
            message = f"it still holds {actual.messages} message{'s' * (actual.messages != 1)} ({listed})"
            advice = "Replay, read or purge them first."
            raise QueueNotEmptyError(f"delete {self._own.what}", message, advice=advice, where=self._target.where)
        before = {**_plain(actual.attributes), "tags": dict(actual.tags or {})}
        return self._change("delete", before, None, Call("delete_queue", {"QueueUrl": actual.url}))

    def _desired(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return the attributes that the settings govern. Documents of the same meaning keep their text."""
        settings = self._settings
        desired = {
            "VisibilityTimeout": settings.visibility_timeout,
            "ContentBasedDeduplication": settings.content_based_deduplication,
            "KmsMasterKeyId": settings.kms_key_arn or None,
            "Policy": self._desired_policy(before.get("Policy", "")),
            "RedrivePolicy": self._desired_redrive(before.get("RedrivePolicy", "")),
        }
        return {
            key: str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in desired.items()
            if value is not None
        }

    def _desired_policy(self, before: str) -> str:
        """Return the policy's text. Raises LimitReachedError."""
        rules, senders = self._settings.event_rules, self._settings.senders
        wanted = [
            _tls_statement(self._target.arn("sqs", self._name)),
            *([self._event_rules_statement(rules)] if rules else []),
            *([self._senders_statement(senders)] if senders else []),
        ]
        after = {"Version": "2012-10-17", "Statement": wanted}
        if same_meaning(after, stored_document(before)):
            return before
        text = compact_json(after)
        if (length := len(text.encode())) > POLICY_BYTES:
            message = f"{length} bytes, SQS allows {POLICY_BYTES}"
            raise LimitReachedError(
                f"write the policy of {self._own.what}",
                message,
                advice="Remove rules.",
                where=self._target.where,
            )
        return text

    def _event_rules_statement(self, rules: tuple[str, ...]) -> Document:
        arns = sorted({self._target.arn("events", f"rule/{rule}") for rule in rules})
        return {
            "Sid": EVENT_RULES_SID,
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self._target.arn("sqs", self._name),
            "Condition": {"ArnEquals": {"aws:SourceArn": arns}},
        }

    def _senders_statement(self, senders: tuple[str, ...]) -> Document:
        """Return the statement that denies all others. A principal's own permissions would be enough to send otherwise.

        Source: "Data perimeter policy examples" of AWS, resource-based policy of SQS: services are exempt.
        """
        return {
            "Sid": SENDERS_SID,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:SendMessage",
            "Resource": self._target.arn("sqs", self._name),
            "Condition": {
                "ArnNotLike": {"aws:PrincipalArn": sorted({self._target.expand(arn) for arn in senders})},
                "Bool": {"aws:PrincipalIsAWSService": "false"},
            },
        }

    def _desired_redrive(self, before: str) -> str | None:
        if not self._settings.dead_letter_queue:
            return None
        redrive = {
            "dead_letter_queue": self._target.arn("sqs", self._settings.dead_letter_queue),
            "max_receive_count": self._settings.max_receive_count,
        }
        if _plain_redrive(before) == redrive:
            return before
        return compact_json(
            {"deadLetterTargetArn": redrive["dead_letter_queue"], "maxReceiveCount": redrive["max_receive_count"]}
        )


def _check(settings: QueueSettings) -> None:
    """Raise InvalidInputError for what SQS would refuse."""
    check_name("name", settings.name, *_NAME)
    if not settings.present:
        return
    check_number("visibility_timeout", settings.visibility_timeout, 0, 43_200)
    is_fifo = settings.name.endswith(_FIFO)
    if settings.content_based_deduplication is not None and not is_fifo:
        raise InvalidInputError("content_based_deduplication", f"only FIFO queues have it, whose names end in {_FIFO}")
    dead = settings.dead_letter_queue
    if not dead:
        return
    check_name("dead_letter_queue", dead, *_NAME)
    check_number("max_receive_count", settings.max_receive_count, 1, 1000)
    if dead.endswith(_FIFO) != is_fifo:
        message = f"{settings.name} and {dead} must both be FIFO queues or both be standard queues"
        raise InvalidInputError("dead_letter_queue", message)
    if dead == settings.name:
        raise InvalidInputError("dead_letter_queue", "a queue cannot be its own dead-letter queue")


def _tls_statement(arn: str) -> Document:
    return {
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _plain_redrive(text: str) -> dict[str, Any]:
    """Return queue and count. SQS answers the count as it was set: a number or text."""
    policy = json.loads(text) if text else {}
    count = int(policy.get("maxReceiveCount", 0))
    return {"dead_letter_queue": policy.get("deadLetterTargetArn", ""), "max_receive_count": count}


def _plain(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return attributes for diffs, without those that are not set and without counts and dates."""
    plain: dict[str, Any] = {key: attributes[key] for key in _ATTRIBUTES if attributes.get(key)}
    if "Policy" in plain:
        plain["Policy"] = stored_document(plain["Policy"])
    if "RedrivePolicy" in plain:
        plain["RedrivePolicy"] = _plain_redrive(plain["RedrivePolicy"])
    return plain
