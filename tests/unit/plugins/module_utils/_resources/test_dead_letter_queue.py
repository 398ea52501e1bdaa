"""The plan for a queue: settings as text, one statement of the policy that is ours, and messages that are not lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    InvalidInputError,
    LimitReachedError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.dead_letter_queue import (
    DeadLetterQueueResource,
    Queue,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from ansible_collections.logreflector.aws.plugins.modules.dead_letter_queue import SPEC

MARK = {"managed-by": "logreflector.aws"}
ARN = "arn:aws-us-gov:sqs:eu-west-1:111111111111:q"
RULE = "arn:aws-us-gov:events:eu-west-1:111111111111:rule/"
THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": ARN}


def policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def ours(*rules: str) -> dict[str, Any]:
    return {
        "Sid": "LogReflectorEventRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": ARN,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(rules)}},
    }


def resource(**params: Any) -> DeadLetterQueueResource:
    validated = ArgumentSpecValidator(**SPEC.arguments()).validate({"region": "eu-west-1", "name": "q", **params})
    assert not validated.error_messages, validated.error_messages
    target = Target(None, "eu-west-1")
    target.__dict__["identity"] = Identity("111111111111", "arn:aws-us-gov:iam::111111111111:user/me")
    return DeadLetterQueueResource(target, validated.validated_parameters)


def standing(tags: Any = None, **attributes: str) -> Queue:
    defaults = {"QueueArn": ARN, "MessageRetentionPeriod": "1209600", "VisibilityTimeout": "30"}
    return Queue("q", "https://q", {**defaults, "SqsManagedSseEnabled": "true", **attributes}, tags)


def holding(visible: int, in_flight: int, delayed: int, tags: Any) -> Queue:
    return standing(
        tags,
        ApproximateNumberOfMessages=str(visible),
        ApproximateNumberOfMessagesNotVisible=str(in_flight),
        ApproximateNumberOfMessagesDelayed=str(delayed),
    )


def set_attributes(changes: Any) -> dict[str, str]:
    ((change,),) = (changes,)
    ((call,),) = (change.payload,)
    assert call.method == "set_queue_attributes"
    return dict(call.request["Attributes"])


@pytest.mark.parametrize(
    ("params", "attributes"),
    [
        ({}, {"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "true"}),
        ({"sqs_managed_sse": False}, {"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "false"}),
        ({"kms_master_key_id": "alias/k"}, {"MessageRetentionPeriod": "1209600", "KmsMasterKeyId": "alias/k"}),
        (
            {"message_retention_period": 60, "visibility_timeout": 0, "kms_master_key_id": ""},
            {"MessageRetentionPeriod": "60", "VisibilityTimeout": "0", "SqsManagedSseEnabled": "true"},
        ),
    ],
)
def test_a_new_queue(params: dict[str, Any], attributes: dict[str, str]) -> None:
    (creation,) = resource(tags={"a": "b"}, **params).plan(None)
    (call,) = creation.payload
    assert call.request == {"QueueName": "q", "Attributes": attributes, "tags": {"a": "b", **MARK}}


def test_a_new_queue_that_rules_may_send_to() -> None:
    (creation,) = resource(allow_event_rules=["r", "bus/s", "arn:{partition}:events:x:1:rule/t"]).plan(None)
    expected = ours("arn:aws-us-gov:events:x:1:rule/t", f"{RULE}bus/s", f"{RULE}r")
    assert sorted(creation.after["policy"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"]) == sorted(
        expected["Condition"]["ArnEquals"]["aws:SourceArn"]
    )
    assert creation.after["policy"]["Statement"][0]["Resource"] == ARN


def test_what_is_not_given_is_left_alone() -> None:
    actual = standing(MessageRetentionPeriod="60", Policy=json.dumps(policy(THEIRS)), SqsManagedSseEnabled="false")
    assert resource().plan(actual) == []


def test_settings_are_compared_as_text_and_only_changed_ones_sent() -> None:
    given = {"message_retention_period": 1209600, "visibility_timeout": 31, "sqs_managed_sse": True}
    assert set_attributes(resource(**given).plan(standing())) == {"VisibilityTimeout": "31"}


@pytest.mark.parametrize(
    ("before", "given", "sent"),
    [
        (
            {"SqsManagedSseEnabled": "true"},
            {"kms_master_key_id": "k"},
            {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "false"},
        ),
        (
            {"SqsManagedSseEnabled": "false", "KmsMasterKeyId": "k"},
            {"sqs_managed_sse": True},
            {"SqsManagedSseEnabled": "true", "KmsMasterKeyId": ""},
        ),
        ({"SqsManagedSseEnabled": "false", "KmsMasterKeyId": "k"}, {"kms_master_key_id": ""}, {"KmsMasterKeyId": ""}),
        ({"SqsManagedSseEnabled": "true"}, {"sqs_managed_sse": False}, {"SqsManagedSseEnabled": "false"}),
    ],
)
def test_one_kind_of_encryption(before: dict[str, str], given: dict[str, Any], sent: dict[str, str]) -> None:
    assert set_attributes(resource(**given).plan(standing(**before))) == sent


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        (None, {"allow_event_rules": ["r"]}, [ours(f"{RULE}r")]),
        ([THEIRS], {"allow_event_rules": ["r"]}, [THEIRS, ours(f"{RULE}r")]),
        ([THEIRS, ours("arn:old")], {"allow_event_rules": ["r"]}, [THEIRS, ours(f"{RULE}r")]),
        ([THEIRS, ours("arn:old")], {"allow_event_rules": []}, [THEIRS]),
        ([ours("arn:old")], {"allow_event_rules": []}, None),
        ([ours("arn:old")], {"policy": policy(THEIRS)}, [THEIRS, ours("arn:old")]),
        ([THEIRS, ours("arn:old")], {"policy": {}}, [ours("arn:old")]),
        ([THEIRS], {"policy": {}}, None),
        ([THEIRS], {"policy": {}, "allow_event_rules": ["r"]}, [ours(f"{RULE}r")]),
        ([THEIRS], {"policy": policy({**THEIRS, "Sid": "x"}), "allow_event_rules": []}, [{**THEIRS, "Sid": "x"}]),
    ],
)
def test_policy_and_our_one_statement(before: Any, given: dict[str, Any], after: Any) -> None:
    actual = standing(Policy=json.dumps(policy(*before))) if before else standing()
    sent = set_attributes(resource(**given).plan(actual))
    assert list(sent) == ["Policy"]
    assert (json.loads(sent["Policy"])["Statement"] if sent["Policy"] else None) == after


@pytest.mark.parametrize(
    ("before", "given"),
    [
        ([THEIRS, ours(f"{RULE}r")], {"allow_event_rules": ["r"]}),
        ([THEIRS, ours(f"{RULE}s", f"{RULE}r")], {"allow_event_rules": ["r", "s", "r"]}),
        ([THEIRS], {"policy": policy({**THEIRS, "Principal": {"AWS": "*"}, "Action": ["SQS:SendMessage"]})}),
        ([THEIRS], {"allow_event_rules": []}),
        (None, {"policy": {}, "allow_event_rules": []}),
    ],
)
def test_a_policy_that_says_the_same_is_not_sent(before: Any, given: dict[str, Any]) -> None:
    actual = standing(Policy=json.dumps(policy(*before))) if before else standing()
    assert resource(**given).plan(actual) == []


def test_the_version_of_anothers_policy_stays() -> None:
    before = {"Version": "2008-10-17", "Id": "i", "Statement": THEIRS}
    sent = set_attributes(resource(allow_event_rules=["r"]).plan(standing(Policy=json.dumps(before))))
    after = json.loads(sent["Policy"])
    assert (after["Version"], after["Id"], len(after["Statement"])) == ("2008-10-17", "i", 2)


def test_the_limit_of_the_policy() -> None:
    with pytest.raises(LimitReachedError, match="SQS allows 8192"):
        resource(allow_event_rules=[f"rule-{number}" for number in range(200)]).plan(standing())


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"name": "q.fif0"}, "name"),
        ({"name": ".fifo"}, "name"),
        ({"name": "a" * 76 + ".fifo"}, "name"),
        ({"content_based_deduplication": False}, "content_based_deduplication"),
        ({"redrive": {"dead_letter_queue": "d"}}, "redrive"),
        ({"redrive": {"max_receive_count": 3}}, "redrive"),
        ({"redrive": {"dead_letter_queue": "", "max_receive_count": 3}}, "redrive"),
        ({"redrive": {"dead_letter_queue": "d", "max_receive_count": 0}}, "redrive.max_receive_count"),
        ({"redrive": {"dead_letter_queue": "d", "max_receive_count": 1001}}, "redrive.max_receive_count"),
        ({"redrive": {"dead_letter_queue": "d.fifo", "max_receive_count": 3}}, "redrive.dead_letter_queue"),
        ({"redrive": {"dead_letter_queue": "a b", "max_receive_count": 3}}, "redrive.dead_letter_queue"),
        ({"redrive": {"dead_letter_queue": "q", "max_receive_count": 3}}, "redrive.dead_letter_queue"),
        ({"name": "a" * 81}, "name"),
        ({"message_retention_period": 59}, "message_retention_period"),
        ({"message_retention_period": 1209601}, "message_retention_period"),
        ({"visibility_timeout": 43201}, "visibility_timeout"),
        ({"sqs_managed_sse": True, "kms_master_key_id": "k"}, "sqs_managed_sse"),
        ({"policy": {"Version": "2012-10-17"}}, "policy"),
        ({"policy": policy(ours("arn:x"))}, "policy"),
    ],
)
def test_refused_before_any_call(params: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        resource(**params)


DEAD = "arn:aws-us-gov:sqs:eu-west-1:111111111111:d"


def test_a_new_fifo_queue() -> None:
    redrive = {"dead_letter_queue": "d.fifo", "max_receive_count": 4}
    (creation,) = resource(name="q.fifo", content_based_deduplication=True, redrive=redrive).plan(None)
    sent = creation.payload[0].request["Attributes"]
    assert (sent["FifoQueue"], sent["ContentBasedDeduplication"]) == ("true", "true")
    assert json.loads(sent["RedrivePolicy"]) == {"deadLetterTargetArn": f"{DEAD}.fifo", "maxReceiveCount": 4}
    assert creation.after["content_based_deduplication"] is True
    assert creation.after["redrive"] == {"dead_letter_queue": f"{DEAD}.fifo", "max_receive_count": 4}


def test_a_standard_queue_is_never_called_one() -> None:
    assert "FifoQueue" not in resource().plan(None)[0].payload[0].request["Attributes"]


@pytest.mark.parametrize("count", [4, "4"])  # SQS answers it as it was set
@pytest.mark.parametrize("name", ["d", DEAD, "arn:{partition}:sqs:{region}:{account}:d"])
def test_a_redrive_that_says_the_same_is_not_sent(count: Any, name: str) -> None:
    before = json.dumps({"maxReceiveCount": count, "deadLetterTargetArn": DEAD})
    redrive = {"dead_letter_queue": name, "max_receive_count": 4}
    assert resource(redrive=redrive).plan(standing(RedrivePolicy=before)) == []
    assert resource().plan(standing(RedrivePolicy=before)) == []
    assert resource(redrive={}).plan(standing()) == []


def test_a_redrive_is_changed_and_removed() -> None:
    before = json.dumps({"maxReceiveCount": 3, "deadLetterTargetArn": DEAD})
    changed = resource(redrive={"dead_letter_queue": "d", "max_receive_count": 4}).plan(standing(RedrivePolicy=before))
    assert json.loads(set_attributes(changed)["RedrivePolicy"])["maxReceiveCount"] == 4
    assert changed[0].before["redrive"]["max_receive_count"] == 3
    removed = resource(redrive={}).plan(standing(RedrivePolicy=before))
    assert set_attributes(removed) == {"RedrivePolicy": ""}
    assert "redrive" not in removed[0].after


def test_deduplication_is_switched_in_place() -> None:
    before = standing(FifoQueue="true", ContentBasedDeduplication="false")
    changed = resource(name="q.fifo", content_based_deduplication=True).plan(before)
    assert set_attributes(changed) == {"ContentBasedDeduplication": "true"}
    assert resource(name="q.fifo", content_based_deduplication=False).plan(before) == []


@pytest.mark.parametrize("counts", [(1, 0, 0), (0, 2, 0), (0, 0, 3), (4, 5, 6)])
def test_a_queue_that_holds_messages_is_not_deleted(counts: tuple[int, int, int]) -> None:
    total = sum(counts)
    sentence = rf"holds {total} messages? \({counts[0]} visible, {counts[1]} in flight, {counts[2]} delayed\)"
    with pytest.raises(RefusedError, match=sentence):
        resource(state="absent").plan(holding(*counts, MARK))
    for option in ("force", "discard_messages"):
        assert len(resource(state="absent", **{option: True}).plan(holding(*counts, MARK))) == 1


def test_foreign_queues_are_guarded() -> None:
    with pytest.raises(RefusedError, match="adopt: true"):
        resource(visibility_timeout=1).plan(standing({}))
    assert resource(visibility_timeout=30).plan(standing({})) == []
    adopted = resource(visibility_timeout=1, adopt=True).plan(standing({"a": "b"}))
    assert [str(change) for change in adopted] == ["update tags of queue q", "update queue q"]
    with pytest.raises(RefusedError, match="force: true"):
        resource(state="absent").plan(holding(0, 0, 0, {}))
    assert len(resource(state="absent", force=True).plan(holding(0, 0, 0, {}))) == 1


def test_whoever_discards_messages_does_not_mean_queues_of_others() -> None:
    with pytest.raises(RefusedError, match="force: true"):
        resource(state="absent", discard_messages=True).plan(holding(0, 0, 0, {}))


def test_no_option_loses_the_messages_of_a_foreign_queue() -> None:
    with pytest.raises(RefusedError, match="not ours"):
        resource(state="absent", force=True, adopt=True).plan(holding(1, 0, 0, {}))
