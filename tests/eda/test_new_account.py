# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulebook `new_account`: an account joins and is covered, and no message makes it do anything else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deployed import FUNCTION, Deployed
from embedded_aws import RunningAws
from rulebooks import FIGURES, MEMBERS, MOST_RECEIVES, REGION, Rulebook, from_eventbridge, joined
from waits import wait_until

RULEBOOK = "new_account"
ROLE = "log-reflector-deployer"
STRANGER = "999999999999"
BURST = 5


@pytest.fixture(autouse=True)
def _empty_queues(rulebook: Rulebook) -> Iterator[None]:
    """Check after each test that no message is left."""
    rulebook.queue.allow_receives(MOST_RECEIVES)
    yield
    assert (rulebook.queue.count(), rulebook.queue.dead_letters()) == (0, 0)


def test_account_that_joins_is_covered(aws: RunningAws, rulebook: Rulebook) -> None:
    here = Deployed(aws, MEMBERS[0], REGION)
    begin = time.monotonic()
    rulebook.queue.send(joined(here.account))
    rulebook.queue.wait_until_settled(rulebook)
    deployed = time.monotonic() - begin
    here.write("/aws/lambda/service-00", "first line")
    rulebook.wait(lambda: [line for line in aws.sink.lines() if line["message"] == "first line"], "a line at the sink")
    FIGURES.append(f"account joined, deployed, message deleted: {deployed:.1f} s")
    FIGURES.append(f"account joined, first line at the sink: {time.monotonic() - begin:.1f} s")


def test_burst_of_duplicates_and_old_events_changes_nothing(aws: RunningAws, rulebook: Rulebook) -> None:
    before = aws.client("lambda", MEMBERS[0], REGION).get_function(FunctionName=FUNCTION)["Configuration"]
    moved = from_eventbridge(
        "aws.organizations",
        "AWS API Call via CloudTrail",
        {"eventName": "MoveAccount", "requestParameters": {"accountId": MEMBERS[0], "sourceParentId": "r-ab12"}},
    )
    begin = len(rulebook.log())
    for event in (joined(MEMBERS[0]), moved, *(joined(MEMBERS[0]) for _unused in range(BURST - 2))):
        rulebook.queue.send(event)
    rulebook.queue.wait_until_settled(rulebook)

    def plays() -> list[str]:
        return re.findall(r"^PLAY \[Begin\]|^PLAY RECAP", rulebook.log()[begin:], re.MULTILINE)

    # A playbook prints its recap after its last step has deleted the message.
    wait_until(lambda: plays().count("PLAY RECAP") == BURST, "the end of the last playbook", seen=plays)
    assert plays() == ["PLAY [Begin]", "PLAY RECAP"] * BURST, "one playbook at a time, however many events wait"
    after = aws.client("lambda", MEMBERS[0], REGION).get_function(FunctionName=FUNCTION)["Configuration"]
    assert after["RevisionId"] == before["RevisionId"]


def replaced(value: Any, text: str) -> Any:
    """Return a value with a text in place of each text in it."""
    if isinstance(value, dict):
        return {key: replaced(each, text) for key, each in value.items()}
    return text if isinstance(value, str) else value


def with_hostile_texts(hostile: str) -> list[dict[str, Any]]:
    """Return events with a hostile account, and with hostile texts in each field."""
    detail = joined(hostile)["detail"]
    envelope = joined(MEMBERS[0])
    return [
        joined(hostile),
        joined(f"{MEMBERS[0]}{hostile}"),
        replaced(joined(MEMBERS[0]), hostile),
        {**envelope, "detail": replaced(detail, hostile)},
        {**envelope, "source": hostile},
        {**envelope, "detail-type": hostile},
    ]


def test_hostile_texts_are_neither_run_nor_printed(rulebook: Rulebook, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    hostile = "{{ lookup('pipe', 'touch " + str(marker) + "') }}"
    events = with_hostile_texts(hostile)
    for event in events:
        rulebook.queue.send(event)
    rulebook.queue.wait_until_settled(rulebook, dead_letters=len(events))
    # An event of a known account, with hostile texts in all fields that are not needed, is an ordinary event.
    event = joined(MEMBERS[0])
    event |= dict.fromkeys(("id", "time", "region", "account", "version"), hostile)
    event["detail"]["serviceEventDetails"]["createAccountStatus"]["accountName"] = hostile
    event["detail"]["{{ 1 + 1 }}"] = event[hostile] = hostile
    rulebook.queue.send(event)
    rulebook.queue.wait_until_settled(rulebook)
    assert not marker.exists()
    assert str(marker) not in rulebook.log()


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        "null",
        '"' + "\U0001f600" * 9,
        "[" * 100_000,
        "9" * 100_000,
        '{"a": "' + "x" * 250_000 + '"}',
        "\u202e\u2028 secret of the message",
    ],
    ids=["text", "list", "null", "open", "deep", "number", "large", "controls"],
)
def test_garbage_goes_to_the_dead_letter_queue(rulebook: Rulebook, body: str) -> None:
    rulebook.queue.send(body)
    rulebook.queue.wait_until_settled(rulebook, dead_letters=1)
    assert "secret of the message" not in rulebook.log()


def failed_creation() -> dict[str, Any]:
    event = joined(MEMBERS[0])
    event["detail"]["serviceEventDetails"]["createAccountStatus"]["state"] = "FAILED"
    return event


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (lambda: from_eventbridge("aws.organizations", "AWS API Call via CloudTrail", {}), "of no known kind"),
        (lambda: from_eventbridge("logreflector.aws", "Log Sources Silent", {}, MEMBERS[0]), "of no known kind"),
        (lambda: from_eventbridge("logreflector.aws", "Log Coverage Changed", {}, MEMBERS[0]), "the kind coverage"),
        (failed_creation, "reports no success"),
    ],
)
def test_other_event_is_rejected(rulebook: Rulebook, event: Callable[[], dict[str, Any]], reason: str) -> None:
    before = len(rulebook.log())
    rulebook.queue.send(event())
    rulebook.queue.wait_until_settled(rulebook, dead_letters=1)
    assert reason in rulebook.log()[before:]


def test_account_that_is_in_no_inventory_is_tried_again_until_it_is_given_up(rulebook: Rulebook) -> None:
    before = len(rulebook.log())
    rulebook.queue.send(joined(STRANGER))
    rulebook.queue.wait_until_settled(rulebook, dead_letters=1)
    assert f"No host of the inventory matches account_{STRANGER}" in rulebook.log()[before:]


def test_account_without_the_deployers_role_is_tried_until_the_role_exists(aws: RunningAws, rulebook: Rulebook) -> None:
    """The StackSet creates the role some time after the account has joined."""
    iam = aws.client("iam", MEMBERS[1], REGION)
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    nobody = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=nobody)
    rulebook.queue.allow_receives(1000)
    before = len(rulebook.log())
    rulebook.queue.send(joined(MEMBERS[1]))
    rulebook.wait(lambda: "1 could not be read" in rulebook.log()[before:], "a failed attempt")
    assert (rulebook.queue.count(), rulebook.queue.dead_letters()) == (1, 0)
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust))
    rulebook.queue.wait_until_settled(rulebook)
    assert FUNCTION in Deployed(aws, MEMBERS[1], REGION).own_resources()
