# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An SQS queue: what takes what could not be delivered, or what waits for a function. What it holds is not lost by accident."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._errors import (
    ConflictError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    OutdatedError,
    ReflectorError,
    RefusedError,
    ThrottledError,
    check_name,
)
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import Call, check_number, compact_json, own_arn
from .ownership import Ownership, is_ours
from .policy_document import Document, given_document, same_meaning, statements, stored_document

RETENTION = 14 * 24 * 3600
"""Seconds that a new queue keeps a message: the longest that SQS offers."""
POLICY_BYTES = 8_192
"""Of a queue's policy (page "Amazon SQS policy quotas")."""
EVENT_RULES_SID = "LogReflectorEventRules"
"""The statement that the option allow_event_rules governs; the option policy governs all others."""

_COUNTS = {
    "visible": "ApproximateNumberOfMessages",
    "in flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
# SQS's names of the settings that options speak of, in the words of the options.
_SETTINGS = {
    "MessageRetentionPeriod": "message_retention_period",
    "VisibilityTimeout": "visibility_timeout",
    "KmsMasterKeyId": "kms_master_key_id",
    "SqsManagedSseEnabled": "sqs_managed_sse",
    "Policy": "policy",
    "ContentBasedDeduplication": "content_based_deduplication",
    "RedrivePolicy": "redrive",
}
_NUMBERS = ("message_retention_period", "visibility_timeout")
_SWITCHES = ("sqs_managed_sse", "content_based_deduplication")
_FIFO = ".fifo"
_NAME = (
    r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo",
    "a queue's name: up to 80 of A-Z a-z 0-9 _ -, those of .fifo at its end included",
)
_RECENTLY_DELETED = ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently")
_NAME_TAKEN = ("QueueAlreadyExists", "QueueNameExists")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it stands. `attributes` are SQS's own, all of them text; `tags` None where they were not asked for."""

    name: str
    url: str
    attributes: Mapping[str, str]
    tags: Mapping[str, str] | None = None

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


class DeadLetterQueueResource:
    """Identity: the queue's name in the account and region."""

    def __init__(self, target: Target, params: Params) -> None:
        self._name: str = params["name"]
        check_name("name", self._name, *_NAME)
        self._target = target
        self._present = params["state"] == "present"
        self._given = _given_settings(target, params) if self._present else {}
        self._policy, self._event_rules = _given_policy(target, params) if self._present else (None, None)
        self._redrive = _given_redrive(target, params) if self._present else None
        self._own = Ownership.from_params(f"queue {self._name}", lambda: target.where, params)
        self._discard: bool = params["discard_messages"] or self._own.force
        self._api = QueueApi(target, self._name, RetryPolicy(seconds=params["wait_timeout"]))

    def read(self) -> Queue | None:
        """Two calls: the queue's address and its attributes; one more for its tags if they matter."""
        queue = self._api.queue()
        if queue is None:
            if self._event_rules or (self._redrive and self._redrive.names_a_queue):
                _unused = self._target.identity  # known from here on: `plan` makes no call for the ARNs
            return None
        if self._own.concerns_tags or not self._present or self._changes(queue):
            queue = replace(queue, tags=self._api.tags(queue.url))
        return queue

    def plan(self, actual: Queue | None) -> list[Change]:
        """RefusedError if the queue is foreign, or is to be deleted and still holds messages."""
        if not self._present:
            return [self._deletion(actual)] if actual else []
        if actual is None:
            return [self._creation()]
        changes = self._changes(actual)
        if actual.tags is not None:
            self._own.guard_changes(actual.tags, changes)
        return changes

    def apply(self, change: Change) -> None:
        """The calls of one change; a queue that is gone already when it is to be deleted is no error."""
        for call in change.payload:
            if call.method == "create_queue":
                self._api.create(call, str(change))
            else:
                self._api.write(call, str(change))

    def facts(self, actual: Queue | None) -> Result:
        """The queue as it stands; null if it does not exist."""
        if actual is None:
            return {"queue": None}
        facts = {"name": actual.name, "url": actual.url, "arn": actual.arn, "messages": actual.messages}
        return {"queue": facts}

    def _creation(self) -> Change:
        attributes = {"MessageRetentionPeriod": str(RETENTION), **self._given}
        if not attributes.get("KmsMasterKeyId"):
            attributes.setdefault("SqsManagedSseEnabled", "true")
        attributes["Policy"] = self._wanted_policy("", "") or ""
        attributes["RedrivePolicy"] = self._wanted_redrive("", "")
        if self._name.endswith(_FIFO):
            attributes["FifoQueue"] = "true"
        attributes = {key: value for key, value in attributes.items() if value}
        tags = self._own.first_tags()
        call = Call("create_queue", {"QueueName": self._name, "Attributes": attributes, "tags": tags})
        return Change("create", "queue", self._name, None, {**_plain(attributes), "tags": tags}, (call,))

    def _changes(self, queue: Queue) -> list[Change]:
        tags = self._own.tag_update(
            "queue",
            self._name,
            queue.tags,
            tag=lambda tags: Call("tag_queue", {"QueueUrl": queue.url, "Tags": tags}),
            untag=lambda keys: Call("untag_queue", {"QueueUrl": queue.url, "TagKeys": keys}),
        )
        return [*tags, *self._settings_update(queue)]

    def _settings_update(self, queue: Queue) -> Iterator[Change]:
        before = {key: queue.attributes.get(key, "") for key in _SETTINGS}
        after = {**before, **self._given}
        policy = self._wanted_policy(before["Policy"], queue.arn)
        if policy is not None:
            after["Policy"] = policy
        after["RedrivePolicy"] = self._wanted_redrive(before["RedrivePolicy"], queue.arn)
        if after["KmsMasterKeyId"] not in ("", before["KmsMasterKeyId"]) and before["SqsManagedSseEnabled"] == "true":
            after["SqsManagedSseEnabled"] = "false"  # a queue has one kind of encryption
        if self._given.get("SqsManagedSseEnabled") == "true":
            after["KmsMasterKeyId"] = ""
        changed = {key: value for key, value in after.items() if value != before[key]}
        if changed:
            call = Call("set_queue_attributes", {"QueueUrl": queue.url, "Attributes": changed})
            yield Change("update", "queue", self._name, _plain(before), _plain(after), (call,))

    def _deletion(self, queue: Queue) -> Change:
        tags = queue.tags or {}
        self._own.guard_deletion(tags)
        if queue.messages and not (self._discard and is_ours(tags)):
            listed = ", ".join(f"{number} {state}" for state, number in queue.counts.items())
            advice = (
                "Read them first, or set discard_messages: true to lose them."
                if is_ours(tags)
                else "The queue is not ours, and no option loses another's messages: read or purge them first."
            )
            message = f"it still holds {queue.messages} message{'s' * (queue.messages != 1)} ({listed})"
            raise RefusedError(f"delete {self._own.what}", message, advice=advice, where=self._target.where)
        call = Call("delete_queue", {"QueueUrl": queue.url})
        before = {**_plain({key: queue.attributes.get(key, "") for key in _SETTINGS}), "tags": dict(tags)}
        return Change("delete", "queue", self._name, before, None, (call,))

    def _wanted_policy(self, standing_text: str, sibling: str) -> str | None:
        """The policy's text, "" for none, None if no option speaks of it. What says the same keeps its text.

        The option policy governs every statement but one, allow_event_rules that one.
        """
        if self._policy is None and self._event_rules is None:
            return None
        standing = stored_document(standing_text)
        base = standing if self._policy is None else self._policy
        kept = [item for item in statements(base) if not _is_event_rules(item)]
        if self._event_rules is None:
            kept += [item for item in statements(standing) if _is_event_rules(item)]
        elif self._event_rules:
            kept.append(self._event_rules_statement(self._event_rules, sibling))
        if not kept:
            return ""
        document = {**(base or {"Version": "2012-10-17"}), "Statement": kept}
        if same_meaning(document, standing):
            return standing_text
        text = compact_json(document)
        length = len(text.encode())
        if length > POLICY_BYTES:
            raise LimitReachedError(
                f"write the policy of {self._own.what}",
                f"{length} bytes, SQS allows {POLICY_BYTES}",
                advice="Shorten it with wildcards.",
                where=self._target.where,
            )
        return text

    def _wanted_redrive(self, standing_text: str, sibling: str) -> str:
        """The redrive policy's text, "" for none. What says the same keeps its text, and what no option speaks of as well."""
        if self._redrive is None:
            return standing_text
        wanted = self._redrive.arn(self._target, sibling), self._redrive.max_receive_count
        return standing_text if _redrive_of(standing_text) == wanted else _redrive_text(*wanted)

    def _event_rules_statement(self, rules: list[str], sibling: str) -> Document:
        arns = [
            rule if rule.startswith("arn:") else own_arn(self._target, "events", f"rule/{rule}", sibling)
            for rule in rules
        ]
        return {
            "Sid": EVENT_RULES_SID,
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": sibling or own_arn(self._target, "sqs", self._name),
            "Condition": {"ArnEquals": {"aws:SourceArn": arns}},
        }


@dataclass(frozen=True, slots=True)
class Redrive:
    """The option redrive: where a message goes that was received more than so many times; an empty queue for nowhere."""

    queue: str
    max_receive_count: int

    @property
    def names_a_queue(self) -> bool:
        """Whether the queue's ARN has to be made of its name."""
        return bool(self.queue) and not self.queue.startswith("arn:")

    def arn(self, target: Target, sibling: str) -> str:
        """The ARN of the queue, as `own_arn` makes it; "" for nowhere."""
        return own_arn(target, "sqs", self.queue, sibling) if self.names_a_queue else self.queue


class QueueApi:
    """The calls to SQS about one queue."""

    def __init__(self, target: Target, name: str, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._patience = retry_policy
        self._deleted = False  # by us: SQS goes on to answer for a deleted queue for up to a minute

    @property
    def _client(self) -> Any:
        return self._target.client("sqs")

    def queue(self) -> Queue | None:
        """The queue without its tags, None if it does not exist."""
        if self._deleted:
            return None
        try:
            return self._existing()
        except NotFoundError:
            return None

    def tags(self, url: str) -> dict[str, str]:
        """The queue's tags."""
        with self._target.describe_operation(f"read the tags of queue {self._name}"):
            return dict(self._client.list_queue_tags(QueueUrl=url).get("Tags", {}))

    def create(self, call: Call, operation: str) -> None:
        """Create, waiting out the minute in which SQS refuses the name of a queue that was just deleted."""
        try:
            self.write(call, operation)
        except ConflictError as error:
            if error.code not in _NAME_TAKEN:
                raise
            self._await()
            raise OutdatedError(error.operation, error.message, code=error.code, where=error.where) from error
        self._deleted = False
        self._await()

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call."""

        def make() -> None:
            with self._target.describe_operation(operation):
                call.made_with(self._client)

        try:
            self._patience.wait_out(make, _passes)
        except NotFoundError:
            if call.method != "delete_queue":
                raise
        self._deleted = call.method == "delete_queue"

    def _existing(self) -> Queue:
        with self._target.describe_operation(f"read queue {self._name}"):
            url = self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
            attributes = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})
        return Queue(self._name, url, attributes)

    def _await(self) -> None:
        """A new queue can be used a second after it was made (CreateQueue's documentation)."""
        self._patience.wait_out(self._existing, lambda error: isinstance(error, NotFoundError))


def _given_settings(target: Target, params: Params) -> dict[str, str]:
    """The settings that the user gave, as SQS holds them: text."""
    check_number("message_retention_period", params["message_retention_period"], 60, 1_209_600)
    check_number("visibility_timeout", params["visibility_timeout"], 0, 43_200)
    if params["sqs_managed_sse"] and params["kms_master_key_id"]:
        raise InvalidInputError("sqs_managed_sse", "a queue is encrypted with SQS's own keys or with kms_master_key_id")
    if params["content_based_deduplication"] is not None and not params["name"].endswith(_FIFO):
        raise InvalidInputError("content_based_deduplication", f"only FIFO queues have it, whose names end in {_FIFO}")
    given = {
        "MessageRetentionPeriod": params["message_retention_period"],
        "VisibilityTimeout": params["visibility_timeout"],
        "KmsMasterKeyId": target.expand(params["kms_master_key_id"]),
        "SqsManagedSseEnabled": params["sqs_managed_sse"],
        "ContentBasedDeduplication": params["content_based_deduplication"],
    }
    return {key: _text(value) for key, value in given.items() if value is not None}


def _given_policy(target: Target, params: Params) -> tuple[Document | None, list[str] | None]:
    policy, rules = params["policy"], params["allow_event_rules"]
    if policy is not None:
        policy = given_document("policy", target.expand(given_document("policy", policy)))
        if any(_is_event_rules(item) for item in statements(policy)):
            raise InvalidInputError("policy", f"the Sid {EVENT_RULES_SID} belongs to the option allow_event_rules")
    if rules is not None:
        rules = sorted(set(target.expand(rules)))
    return policy, rules


def _given_redrive(target: Target, params: Params) -> Redrive | None:
    """None where the option is not given."""
    given = params["redrive"]
    if given is None:
        return None
    queue, count = target.expand(given.get("dead_letter_queue")), given.get("max_receive_count")
    if queue is None and count is None:
        return Redrive("", 0)
    if not queue or count is None:
        raise InvalidInputError("redrive", "it needs both dead_letter_queue and max_receive_count, or neither")
    check_number("redrive.max_receive_count", count, 1, 1000)
    name = queue.rsplit(":", 1)[-1]
    check_name("redrive.dead_letter_queue", name, *_NAME)
    if name.endswith(_FIFO) != params["name"].endswith(_FIFO):
        message = (
            f"of {params['name']} and {name} one is a FIFO queue and the other is not, and SQS wants two of a kind"
        )
        raise InvalidInputError("redrive.dead_letter_queue", message)
    if name == params["name"]:
        raise InvalidInputError("redrive.dead_letter_queue", "a queue cannot be its own")
    return Redrive(queue, count)


def _redrive_of(text: str) -> tuple[str, int]:
    """Queue and count of a redrive policy, ("", 0) of none. SQS answers the count as it was set: a number or text."""
    policy = json.loads(text) if text else {}
    return policy.get("deadLetterTargetArn", ""), int(policy.get("maxReceiveCount", 0))


def _redrive_text(arn: str, max_receive_count: int) -> str:
    return compact_json({"deadLetterTargetArn": arn, "maxReceiveCount": max_receive_count}) if arn else ""


def _is_event_rules(statement: Any) -> bool:
    return isinstance(statement, Mapping) and statement.get("Sid") == EVENT_RULES_SID


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Settings in the words of the options, for diffs; what is not set is left out."""
    plain: dict[str, Any] = {_SETTINGS[key]: value for key, value in attributes.items() if key in _SETTINGS and value}
    for key in _NUMBERS:
        if key in plain:
            plain[key] = int(plain[key])
    for key in _SWITCHES:
        if key in plain:
            plain[key] = plain[key] == "true"
    if "redrive" in plain:
        arn, count = _redrive_of(plain["redrive"])
        plain["redrive"] = {"dead_letter_queue": arn, "max_receive_count": count}
    if "policy" in plain:
        plain["policy"] = stored_document(plain["policy"])
    return plain


def _passes(error: ReflectorError) -> bool:
    """The minute after a deletion, or a rate shared with others."""
    return isinstance(error, ThrottledError) or error.code in _RECENTLY_DELETED
