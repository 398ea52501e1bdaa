# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An event source of ansible-rulebook: events of EventBridge in an SQS queue, checked.

ansible-rulebook hands an event to the playbook as extra variables, and Ansible evaluates templates in those. So no text of a message is
passed on: only a kind from a fixed list, and fields that match strict patterns. A message that does not fit is left to the queue's
redrive policy, which moves it to the dead-letter queue.

The playbook deletes the message, as its last step: ansible-rulebook's `feedback` is sent when its engine has received the event, and not
when the action has succeeded.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DOCUMENTATION = r"""
short_description: Checked events of an SQS queue
description:
  - Receives messages that EventBridge put into a standard queue, one at a time, and passes on those of a known kind.
  - An event has the fields C(kind), C(account), C(region) (empty for V(new_account)), C(hosts), C(receives), C(queue_url),
    C(queue_region) and C(receipt_handle).
  - Every other message is left to the redrive policy of the queue. The source refuses a queue without one.
options:
  queue_url:
    description: URL of the queue.
    type: str
    required: true
  region:
    description: Region of the queue.
    type: str
    required: true
  kinds:
    description: Kinds that are passed on.
    type: list
    elements: str
    choices: [new_account, dead_letters, coverage]
    default: [new_account, dead_letters, coverage]
  visibility_timeout:
    description:
      - Seconds for which a message is hidden while its event waits for the events before it, 60 to 36000. The playbook sets the time that
        it needs itself.
    type: int
    default: 14400
  profile:
    description: Named profile of the AWS configuration files.
    type: str
"""

EXAMPLES = r"""
- logreflector.aws.sqs_events:
    queue_url: https://sqs.us-east-1.amazonaws.com/111111111111/log-reflector-new-account
    region: us-east-1
    kinds: [new_account]
"""

LOGGER = logging.getLogger(__name__)

LARGEST = 262_144
"""Characters of a message that is read. An event of EventBridge has at most 256 KB."""
LONG_POLL_SECONDS = 20
LONGEST_RETRY_EXPONENT = 6
"""After errors of AWS the source waits 2, 4, ... and at most 64 seconds."""

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]{2,10}){1,3}-[0-9]{1,2}")
_RECEIPT_HANDLE = re.compile(r"[A-Za-z0-9+/=_-]{1,1024}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_CODE = re.compile(r"[A-Za-z0-9_.]{1,100}")
_QUEUE_URL = re.compile(r"https?://[A-Za-z0-9.:-]+/[0-9]{12}/[A-Za-z0-9_-]{1,80}")

Event = dict[str, Any]


class RejectedError(Exception):
    """A message is not one of the known events. The text has nothing of the message."""


def parse_event(body: Any, kinds: Sequence[str]) -> Event:
    """Return kind, account, region and hosts of the event in a message. RejectedError for everything else. Never another error."""
    if not isinstance(body, str) or len(body) > LARGEST:
        raise RejectedError(f"the message has more than {LARGEST} characters")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise RejectedError("the message is no JSON") from None
    kind, account, region = _known_event(event)
    if kind not in kinds:
        raise RejectedError(f"this source does not take events of the kind {kind}")
    if not _fits(_ACCOUNT, account):
        raise RejectedError("the account is not 12 digits")
    if kind == NEW_ACCOUNT:
        return {"kind": kind, "account": account, "region": "", "hosts": f"account_{account}"}
    if not _fits(_REGION, region):
        raise RejectedError("the region is not the name of a region")
    hosts = f"account_{account}:&region_{region.replace('-', '_')}"
    return {"kind": kind, "account": account, "region": region, "hosts": hosts}


NEW_ACCOUNT = "new_account"
_OWN_KINDS = {"Log Dead Letters Growing": "dead_letters", "Log Coverage Changed": "coverage"}
KINDS = (NEW_ACCOUNT, *_OWN_KINDS.values())


def _known_event(event: Any) -> tuple[str, Any, Any]:
    """Return the kind, the account and the region of an event. Account and region are not checked yet."""
    source, detail_type = _at(event, "source"), _at(event, "detail-type")
    if source == "logreflector.aws" and isinstance(detail_type, str) and detail_type in _OWN_KINDS:
        # Outside of `detail`, so EventBridge itself wrote them: nobody can send events in the name of another account.
        return _OWN_KINDS[detail_type], _at(event, "account"), _at(event, "region")
    name = _at(event, "detail", "eventName")
    for account_event in _ACCOUNT_EVENTS:
        if (account_event.source, account_event.detail_type, account_event.name) == (source, detail_type, name):
            return NEW_ACCOUNT, account_event.account(event), ""
    raise RejectedError("the event is of no known kind")


@dataclass(frozen=True)
class AccountEvent:
    """An event about an account that joined, was created or moved.

    account_at   where the account id is in `detail`
    state_at     where the state is, which has to be SUCCEEDED
    """

    source: str
    detail_type: str
    name: str
    account_at: tuple[str, ...]
    state_at: tuple[str, ...] = ()

    def account(self, event: Any) -> Any:
        """Return the account. RejectedError if what the event reports did not succeed."""
        failed = _at(event, "detail", "errorCode") is not None
        if failed or (self.state_at and _at(event, "detail", *self.state_at) != "SUCCEEDED"):
            raise RejectedError("the event reports no success")
        return _at(event, "detail", *self.account_at)


_SERVICE_EVENT, _API_CALL = "AWS Service Event via CloudTrail", "AWS API Call via CloudTrail"
_CREATED = ("serviceEventDetails", "createAccountStatus")
_MANAGED = ("serviceEventDetails", "createManagedAccountStatus")
# Organizations User Guide, "Logging API calls with AWS CloudTrail"; Control Tower User Guide, "Lifecycle events".
_ACCOUNT_EVENTS = (
    AccountEvent(
        "aws.organizations", _SERVICE_EVENT, "CreateAccountResult", (*_CREATED, "accountId"), (*_CREATED, "state")
    ),
    AccountEvent("aws.organizations", _API_CALL, "MoveAccount", ("requestParameters", "accountId")),
    AccountEvent(
        "aws.controltower",
        _SERVICE_EVENT,
        "CreateManagedAccount",
        (*_MANAGED, "account", "accountId"),
        (*_MANAGED, "state"),
    ),
)


def _at(value: Any, *path: str) -> Any:
    """Return what is at a path of keys, None if there is nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _fits(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def accept_message(message: Mapping[str, Any], kinds: Sequence[str]) -> Event:
    """Return the event of a message as SQS returns it, with what a playbook needs to delete the message. Raises RejectedError."""
    handle = message.get("ReceiptHandle")
    if not _fits(_RECEIPT_HANDLE, handle):
        raise RejectedError("its receipt handle has unknown characters")
    return {**parse_event(message.get("Body"), kinds), "receipt_handle": handle, "receives": receives_of(message)}


def receives_of(message: Mapping[str, Any]) -> int:
    """Return how often the message was received, this time included."""
    count = str(_at(message, "Attributes", "ApproximateReceiveCount") or "1")
    return int(count) if re.fullmatch(r"[0-9]{1,6}", count) else 1


@dataclass(frozen=True)
class Arguments:
    """The arguments of the source in a rulebook."""

    queue_url: str
    region: str
    kinds: tuple[str, ...] = KINDS
    visibility_timeout: int = 14_400
    profile: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Arguments:
        """Return the checked arguments. Raises ValueError, with the name of the argument."""
        unknown = sorted(set(given) - {*cls.__dataclass_fields__})
        if unknown:
            raise ValueError(
                f"There is no argument {', '.join(unknown)}. There are {', '.join(cls.__dataclass_fields__)}."
            )
        missing = [name for name in ("queue_url", "region") if not given.get(name)]
        if missing:
            raise ValueError(f"Set {' and '.join(missing)}.")
        found = cls(**{**given, "kinds": tuple(given.get("kinds") or KINDS)})
        if not _fits(_QUEUE_URL, found.queue_url):
            raise ValueError(
                "queue_url is no URL of a standard queue, such as https://sqs.REGION.amazonaws.com/ACCOUNT/NAME."
            )
        if not _fits(_REGION, found.region):
            raise ValueError("region is not the name of a region, such as eu-west-1.")
        if unknown_kinds := [str(kind) for kind in found.kinds if kind not in KINDS]:
            raise ValueError(f"kinds has {', '.join(unknown_kinds)}. The kinds are {', '.join(KINDS)}.")
        seconds = found.visibility_timeout
        if not isinstance(seconds, int) or isinstance(seconds, bool) or not 60 <= seconds <= 36_000:
            raise ValueError("visibility_timeout is no number of seconds from 60 to 36000.")
        return found


@dataclass
class Consumer:
    """The queue. Its methods call AWS, so they run in threads.

    A message that was received and not passed on is released when the source stops: it would be hidden for hours otherwise.
    """

    sqs: Any
    arguments: Arguments
    _pending: Mapping[str, Any] | None = None
    _is_stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Raise ValueError if the queue has no redrive policy: a message that nobody takes would come back for ever."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.arguments.queue_url, AttributeNames=["RedrivePolicy"])
        if not answer.get("Attributes", {}).get("RedrivePolicy"):
            raise ValueError(f"Queue {self.name} has no redrive policy. Give it one with a dead-letter queue.")

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.arguments.queue_url.rpartition("/")[2]

    def receive(self) -> Mapping[str, Any] | None:
        """Return the next message, None if none arrives within 20 seconds or the source has been stopped meanwhile."""
        answer = self.sqs.receive_message(
            QueueUrl=self.arguments.queue_url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=LONG_POLL_SECONDS,
            VisibilityTimeout=self.arguments.visibility_timeout,
            AttributeNames=["ApproximateReceiveCount"],
        )
        with self._lock:
            self._pending = next(iter(answer.get("Messages", [])), None)
            if self._is_stopped:
                self._release_pending()
            return self._pending

    def pass_over(self) -> None:
        """Remember that somebody else works on the message now."""
        with self._lock:
            self._pending = None

    def stop(self) -> None:
        """Release the message that nobody works on, now or as soon as it arrives."""
        with self._lock:
            self._is_stopped = True
            self._release_pending()

    def _release_pending(self) -> None:
        if self._pending is not None:
            self.release(self._pending)
            self._pending = None

    def release(self, message: Mapping[str, Any]) -> None:
        """Make a message visible again. SQS moves it to the dead-letter queue after as many receipts as the redrive policy says."""
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.arguments.queue_url, ReceiptHandle=message.get("ReceiptHandle"), VisibilityTimeout=0
            )
        except Exception as error:  # it becomes visible when its timeout ends
            LOGGER.warning("Could not release a message of queue %s: %s", self.name, describe_error(error))

    def take(self, message: Mapping[str, Any]) -> Event | None:
        """Return the event in a message. None, and a line in the log, if the message is rejected."""
        try:
            event = accept_message(message, self.arguments.kinds)
        except RejectedError as error:
            found = message.get("MessageId")
            message_id = found if _fits(_MESSAGE_ID, found) else "without an id"
            LOGGER.warning(
                "Rejected message %s of queue %s, receipt %d: %s", message_id, self.name, receives_of(message), error
            )
            self.release(message)
            return None
        return {**event, "queue_url": self.arguments.queue_url, "queue_region": self.arguments.region}


def describe_error(error: Exception) -> str:
    """Return the kind and the code of an error. Its text may have parts of the request."""
    code = _at(getattr(error, "response", None), "Error", "Code")
    return f"{type(error).__name__}{f' ({code})' if _fits(_CODE, code) else ''}"


async def pass_on(consumer: Consumer, queue: Any, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
    """Put the events of the queue into ansible-rulebook's queue, until the task is cancelled. Errors of AWS are retried."""
    failures = 0
    while True:
        try:
            message = await asyncio.to_thread(consumer.receive)
            failures = 0
        except Exception as error:  # whatever it is: a source that ends stops the rulebook
            failures += 1
            LOGGER.warning("Could not receive messages of queue %s: %s", consumer.name, describe_error(error))
            await sleep(2.0 ** min(failures, LONGEST_RETRY_EXPONENT))
            continue
        if message is None:
            continue
        event = await asyncio.to_thread(consumer.take, message)
        if event is not None:
            await queue.put(event)
        consumer.pass_over()


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Entry point of ansible-rulebook."""
    import boto3  # noqa: PLC0415  # the checks above need no SDK

    arguments = Arguments.parse(args)
    session = boto3.Session(profile_name=arguments.profile, region_name=arguments.region)
    consumer = Consumer(session.client("sqs"), arguments)
    await asyncio.to_thread(consumer.check)
    try:
        await pass_on(consumer, queue)
    finally:
        consumer.stop()
