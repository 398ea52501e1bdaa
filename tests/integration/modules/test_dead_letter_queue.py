"""The life of a queue on two servers: announced, made, again, changed, again in other words, deleted, deleted again."""

from __future__ import annotations

import json
from typing import Any

NAME = "it-dead-letter-queue"
STATEMENT = {
    "Sid": "theirs",
    "Effect": "Allow",
    "Principal": {"AWS": "{account}"},
    "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
    "Resource": "arn:{partition}:sqs:{region}:{account}:" + NAME,
}


def same_announced_and_done(cloud: Any, **options: Any) -> dict[str, Any]:
    """Check mode, the real run, the run after it: announced is what is done, and then nothing is left to do."""
    announced = cloud.run("dead_letter_queue", check_mode=True, name=NAME, **options)
    assert announced.get("changed") is True, announced
    done = cloud.run("dead_letter_queue", name=NAME, **options)
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    again = cloud.run("dead_letter_queue", name=NAME, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    return done


def test_rhythm(cloud: Any) -> None:
    created = same_announced_and_done(cloud, allow_event_rules=["one", "two"], tags={"a": "1"})
    assert created["changes"] == [f"create queue {NAME}"]
    assert created["diff"][0]["after"]["message_retention_period"] == 1209600
    assert created["diff"][0]["after"]["sqs_managed_sse"] is True
    assert created["queue"]["arn"].endswith(f":{NAME}")
    url = created["queue"]["url"]

    changed = same_announced_and_done(
        cloud,
        message_retention_period=600,
        visibility_timeout=61,
        policy={"Version": "2012-10-17", "Statement": [STATEMENT]},
        tags={"b": "2"},
    )
    assert changed["changes"] == [f"update tags of queue {NAME}", f"update queue {NAME}"]
    sids = [item["Sid"] for item in changed["diff"][1]["after"]["policy"]["Statement"]]
    assert sids == ["theirs", "LogReflectorEventRules"]
    assert cloud.client("sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2", "managed-by": "logreflector.aws"}

    shuffled = {
        **STATEMENT,
        "Action": STATEMENT["Action"][::-1],
        "Principal": {"AWS": ["arn:{partition}:iam::{account}:root"]},
    }
    again = cloud.run(
        "dead_letter_queue",
        name=NAME,
        policy={"Statement": shuffled, "Version": "2012-10-17"},
        allow_event_rules=["two", "one"],
    )
    assert again["changed"] is False
    assert "policy" not in same_announced_and_done(cloud, policy={}, allow_event_rules=[])["diff"][0]["after"]

    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="precious")
    for check_mode in (True, False):
        refused = cloud.run("dead_letter_queue", check_mode=check_mode, name=NAME, state="absent")
        assert "it still holds 1 message (1 visible, 0 in flight, 0 delayed)" in refused["msg"]
    cloud.client("sqs").purge_queue(QueueUrl=url)
    assert same_announced_and_done(cloud, state="absent")["queue"] is None
    assert not cloud.client("sqs").list_queues(QueueNamePrefix=NAME).get("QueueUrls")


def test_a_fifo_queue_in_front_of_a_function(cloud: Any) -> None:
    name, dead = "it-work.fifo", "it-given-up.fifo"
    assert cloud.run("dead_letter_queue", name=dead)["changed"] is True
    redrive = {"dead_letter_queue": dead, "max_receive_count": 4}
    options = {"name": name, "content_based_deduplication": True, "visibility_timeout": 900, "redrive": redrive}
    announced = cloud.run("dead_letter_queue", check_mode=True, **options)
    created = cloud.run("dead_letter_queue", **options)
    assert created["diff"] == announced["diff"]
    assert cloud.run("dead_letter_queue", **options)["changed"] is False
    assert cloud.run("dead_letter_queue", name=name, redrive={**redrive, "max_receive_count": 5})["changed"] is True
    sqs, url = cloud.client("sqs"), created["queue"]["url"]
    stands = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (stands["FifoQueue"], stands["ContentBasedDeduplication"]) == ("true", "true")
    assert str(json.loads(stands["RedrivePolicy"])["maxReceiveCount"]) == "5"
    for _again in range(2):
        sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="g")
    assert cloud.run("dead_letter_queue", name=name)["queue"]["messages"] == 1
    assert cloud.run("dead_letter_queue", name=name, redrive={})["changed"] is True
    assert cloud.run("dead_letter_queue", name=name, redrive={})["changed"] is False
    for queue in (name, dead):
        assert cloud.run("dead_letter_queue", name=queue, state="absent", force=True)["changed"] is True


def test_a_foreign_queue(cloud: Any) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="it-foreign")["QueueUrl"]
    for options in ({"visibility_timeout": 7}, {"state": "absent"}, {"allow_event_rules": ["x"]}):
        assert cloud.run("dead_letter_queue", name="it-foreign", **options)["error_kind"] == "RefusedError"
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"] == "30"
    assert cloud.run("dead_letter_queue", name="it-foreign", state="absent", force=True)["changed"] is True
