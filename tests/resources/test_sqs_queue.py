# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SqsQueue: settings as text, one statement of the policy, and messages that are not lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    InvalidInputError,
    LimitReachedError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.sqs_queue import QueueSettings, SqsQueue
from aws_in_tests import OWNER, Cloud

THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage", "Resource": "*"}
NOT_THERE = "AWS.SimpleQueueService.NonExistentQueue: no such queue"
DELETED_RECENTLY = "AWS.SimpleQueueService.QueueDeletedRecently: wait 60 seconds"
NAME = "queue"


def run(cloud: Cloud, *, check_mode: bool = False, **settings: Any) -> dict[str, Any]:
    return cloud.converge(SqsQueue, QueueSettings(**{"name": NAME, **settings}), check_mode=check_mode)


def change(cloud: Cloud, **settings: Any) -> dict[str, Any]:
    return cloud.converge_and_repeat(SqsQueue, QueueSettings(**{"name": NAME, **settings}))


def attributes(cloud: Cloud, name: str = NAME) -> dict[str, str]:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])


def event_rules(cloud: Cloud, *rules: str) -> dict[str, Any]:
    return {
        "Sid": "LogReflectorEventRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": cloud.arn("sqs", NAME),
        "Condition": {"ArnEquals": {"aws:SourceArn": [cloud.arn("events", f"rule/{rule}") for rule in rules]}},
    }


def only_tls(cloud: Cloud, name: str = NAME) -> dict[str, Any]:
    return {
        "Sid": "LogReflectorOnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": cloud.arn("sqs", name),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_queue_life_cycle(cloud: Cloud) -> None:
    created = change(cloud, event_rules=("two", "one"), tags={"a": "1"}, visibility_timeout=60)
    assert (created["changes"], cloud.writes) == ([f"create queue {NAME}"], ["CreateQueue"])
    queue, sqs = created["queue"], cloud.client("sqs")
    assert (queue["name"], queue["arn"], queue["messages"]) == (NAME, cloud.arn("sqs", NAME), 0)
    before = attributes(cloud)
    names = ("MessageRetentionPeriod", "VisibilityTimeout", "SqsManagedSseEnabled")
    assert [before[name] for name in names] == ["1209600", "60", "true"]
    assert json.loads(before["Policy"])["Statement"] == [only_tls(cloud), event_rules(cloud, "one", "two")]
    assert sqs.list_queue_tags(QueueUrl=queue["url"])["Tags"] == {"a": "1", **OWNER}

    assert not run(cloud, event_rules=("one", "two"), visibility_timeout=60)["changed"]
    assert cloud.calls == ["GetCallerIdentity", "GetQueueUrl", "GetQueueAttributes"]
    changed = change(cloud, visibility_timeout=61, event_rules=("two",), tags={"b": "2"})
    assert changed["changes"] == [f"update tags of queue {NAME}", f"update queue {NAME}"]
    assert cloud.writes == ["TagQueue", "SetQueueAttributes"]
    diff = changed["diff"][1]
    assert (diff["before"]["VisibilityTimeout"], diff["after"]["VisibilityTimeout"]) == ("60", "61")
    assert sqs.list_queue_tags(QueueUrl=queue["url"])["Tags"] == {"a": "1", "b": "2", **OWNER}
    assert attributes(cloud)["MessageRetentionPeriod"] == "1209600"

    assert change(cloud, present=False)["queue"] is None
    assert cloud.writes == ["DeleteQueue"]
    assert not run(cloud, present=False)["changed"]
    assert cloud.calls == ["GetQueueUrl"]


@pytest.mark.parametrize("in_flight", [False, True])
def test_queue_with_messages_is_not_deleted(cloud: Cloud, in_flight: bool) -> None:
    name = f"messages-{in_flight}"
    url, sqs = run(cloud, name=name, visibility_timeout=600)["queue"]["url"], cloud.client("sqs")
    for text in ("one", "two"):
        sqs.send_message(QueueUrl=url, MessageBody=text)
    if in_flight:
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    counts = "1 visible, 1 in flight, 0 delayed" if in_flight else "2 visible, 0 in flight, 0 delayed"
    for check_mode in (True, False):
        with pytest.raises(RefusedError, match=rf"it still holds 2 messages \({counts}\). Replay, read or purge"):
            run(cloud, name=name, present=False, check_mode=check_mode)
        assert cloud.writes == []
    assert run(cloud, name=name)["queue"]["messages"] == 2
    assert change(cloud, name=name, present=False, discard_messages=True)["queue"] is None


def test_queue_with_delayed_messages_is_not_deleted(cloud: Cloud) -> None:
    cloud.client("sqs").create_queue(QueueName="delayed", Attributes={"DelaySeconds": "600"}, tags=OWNER)
    cloud.client("sqs").send_message(QueueUrl=run(cloud, name="delayed")["queue"]["url"], MessageBody="later")
    with pytest.raises(RefusedError, match=r"1 message \(0 visible, 0 in flight, 1 delayed\)"):
        run(cloud, name="delayed", present=False)


def test_queue_fifo_with_redrive(cloud: Cloud) -> None:
    work, dead = "work.fifo", "dead.fifo"
    assert change(cloud, name=dead)["changed"]
    redrive = {"dead_letter_queue": dead, "max_receive_count": 4}
    settings = {"name": work, "content_based_deduplication": True, "visibility_timeout": 900, **redrive}
    created = change(cloud, **settings)
    before = attributes(cloud, work)
    assert (before["FifoQueue"], before["ContentBasedDeduplication"]) == ("true", "true")
    policy = json.loads(before["RedrivePolicy"])
    assert (policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])) == (cloud.arn("sqs", dead), 4)

    sqs, url = cloud.client("sqs"), created["queue"]["url"]
    # SQS returns the count as it was set: a number or text.
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({**policy, "maxReceiveCount": "4"}, indent=1)}
    )
    assert not run(cloud, **settings)["changed"]
    assert not run(cloud, name=work)["changed"]
    changed = change(cloud, **{**settings, "max_receive_count": 5, "content_based_deduplication": False})
    assert cloud.writes == ["SetQueueAttributes"]
    assert changed["diff"][0]["after"]["RedrivePolicy"]["max_receive_count"] == 5
    after = attributes(cloud, work)
    assert str(json.loads(after["RedrivePolicy"])["maxReceiveCount"]) == "5"
    assert after["ContentBasedDeduplication"] == "false"
    assert change(cloud, name=work, present=False)["queue"] is None


def test_queue_policy_of_others_is_replaced(cloud: Cloud) -> None:
    """Somebody who created the queue first, or changed its policy, could go on reading the log events in it."""
    name = "policy"
    url, sqs = run(cloud, name=name)["queue"]["url"], cloud.client("sqs")
    for theirs in ({**THEIRS, "Resource": cloud.arn("sqs", name)}, {**only_tls(cloud, name), "Effect": "Allow"}):
        policy = {"Version": "2008-10-17", "Id": "i", "Statement": theirs}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        changed = change(cloud, name=name)
        assert changed["diff"][0]["before"]["Policy"] == policy
        assert json.loads(attributes(cloud, name)["Policy"])["Statement"] == [only_tls(cloud, name)]
    change(cloud, name=name, event_rules=("old",))
    change(cloud, name=name, event_rules=("new", "new"))
    statement = json.loads(attributes(cloud, name)["Policy"])["Statement"][1]
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == [cloud.arn("events", "rule/new")]
    change(cloud, name=name)
    assert json.loads(attributes(cloud, name)["Policy"])["Statement"] == [only_tls(cloud, name)]


def test_queue_policy_too_large_is_refused(cloud: Cloud) -> None:
    with pytest.raises(LimitReachedError, match="SQS allows 8192"):
        run(cloud, name="large", event_rules=tuple(f"rule-{number}" for number in range(200)))
    assert cloud.writes == []


def test_queue_encryption_changes_to_a_key(cloud: Cloud) -> None:
    change(cloud, name="key-first", kms_key_arn="alias/k")
    assert attributes(cloud, "key-first")["KmsMasterKeyId"] == "alias/k"
    change(cloud, name="key-later")
    changed = change(cloud, name="key-later", kms_key_arn="alias/k")
    assert changed["diff"][0]["after"]["SqsManagedSseEnabled"] == "false"
    assert attributes(cloud, "key-later")["KmsMasterKeyId"] == "alias/k"
    for key in (None, ""):
        assert not run(cloud, name="key-later", kms_key_arn=key)["changed"]


def test_queue_foreign_is_refused(cloud: Cloud) -> None:
    sqs, name = cloud.client("sqs"), "foreign"
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"}, tags={"owner": "them"})["QueueUrl"]
    before = attributes(cloud, name)
    for settings in (
        {"visibility_timeout": 5},
        {"visibility_timeout": 6},
        {"tags": {"a": "b"}},
        {"event_rules": ("x",)},
        {"present": False},
        {"present": False, "discard_messages": True},
    ):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match="hand it over"):
                run(cloud, name=name, check_mode=check_mode, **settings)
            assert cloud.writes == []
    assert attributes(cloud, name) == before
    sqs.tag_queue(QueueUrl=url, Tags=OWNER)
    assert change(cloud, name=name, visibility_timeout=6)["changed"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"owner": "them", **OWNER}


def test_queue_creation_waits_until_a_deleted_name_is_free(cloud: Cloud) -> None:
    cloud.answer("CreateQueue", DELETED_RECENTLY, "QueueDeletedRecently: wait", "ThrottlingException: slow down")
    cloud.answer("GetQueueUrl", NOT_THERE, NOT_THERE)  # before and after: a new queue can be used after a second
    assert run(cloud, name="deleted-recently")["changed"]
    assert cloud.writes == ["CreateQueue"] * 4


def test_queue_wait_ends(cloud: Cloud) -> None:
    cloud.answer("CreateQueue", *[DELETED_RECENTLY] * 3)
    with pytest.raises(ReflectorError, match=r"Could not create queue never.*QueueDeletedRecently") as failed:
        run(cloud, name="never", wait_seconds=0)
    assert failed.value.done["changed"] is False


def test_queue_created_by_another_writer_is_updated(cloud: Cloud) -> None:
    cloud.client("sqs").create_queue(QueueName="raced", tags=OWNER)
    cloud.answer("GetQueueUrl", NOT_THERE, NOT_THERE)
    cloud.answer("CreateQueue", "QueueAlreadyExists: with other attributes")
    assert run(cloud, name="raced", visibility_timeout=7)["changes"] == ["update queue raced"]
    assert cloud.writes == ["CreateQueue", "SetQueueAttributes"]


def test_queue_deleted_by_another_writer_is_no_error(cloud: Cloud) -> None:
    run(cloud, name="gone")
    cloud.answer("DeleteQueue", NOT_THERE)
    assert run(cloud, name="gone", present=False)["queue"] is None


def test_queue_denied_call_names_the_operation(cloud: Cloud) -> None:
    cloud.answer("GetQueueUrl", "AccessDenied: not authorized")
    with pytest.raises(AccessDeniedError, match=r"Could not read queue.*GetQueueUrl"):
        run(cloud)


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"name": "q.fif0"}, "name"),
        ({"name": ".fifo"}, "name"),
        ({"name": "a" * 76 + ".fifo"}, "name"),
        ({"name": "a" * 81}, "name"),
        ({"content_based_deduplication": False}, "content_based_deduplication"),
        ({"dead_letter_queue": "d"}, "max_receive_count"),
        ({"dead_letter_queue": "d", "max_receive_count": 1001}, "max_receive_count"),
        ({"dead_letter_queue": "d.fifo", "max_receive_count": 3}, "dead_letter_queue"),
        ({"dead_letter_queue": "a b", "max_receive_count": 3}, "dead_letter_queue"),
        ({"dead_letter_queue": NAME, "max_receive_count": 3}, "dead_letter_queue"),
        ({"visibility_timeout": 43201}, "visibility_timeout"),
        ({"tags": {"aws:x": "y"}}, "tags"),
    ],
)
def test_queue_invalid_settings_are_refused(settings: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        SqsQueue(None, QueueSettings(**{"name": NAME, **settings}))  # type: ignore[arg-type]


def test_queue_senders_are_the_only_principals_that_may_send(cloud: Cloud) -> None:
    """Everybody with sqs:SendMessage on all queues could give the subscriber work."""
    name = "senders"
    role = "arn:{partition}:iam::{account}:role/subscriber"
    change(cloud, name=name, event_rules=("one",), senders=(role, "arn:*:role/operators/*"))
    _tls, rules, senders = json.loads(attributes(cloud, name)["Policy"])["Statement"]
    assert (rules["Effect"], senders["Effect"], senders["Principal"]) == ("Allow", "Deny", "*")
    assert (senders["Action"], senders["Resource"]) == ("sqs:SendMessage", cloud.arn("sqs", name))
    assert senders["Condition"] == {
        "ArnNotLike": {"aws:PrincipalArn": ["arn:*:role/operators/*", cloud.target().expand(role)]},
        "Bool": {"aws:PrincipalIsAWSService": "false"},
    }
    change(cloud, name=name, event_rules=("one",))
    assert [item["Sid"] for item in json.loads(attributes(cloud, name)["Policy"])["Statement"]] == [
        "LogReflectorOnlyTls",
        "LogReflectorEventRules",
    ]
