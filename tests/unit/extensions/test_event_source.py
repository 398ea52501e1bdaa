# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source of ansible-rulebook without ansible-rulebook: what it passes on, and what it does with the queue."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from moto.events.models import EventPattern

ROOT = Path(__file__).resolve().parents[3]
EDA = ROOT / "extensions" / "eda"
sys.path.insert(0, str(EDA / "plugins" / "event_source"))

import sqs_events  # noqa: E402
from sqs_events import KINDS, LARGEST, Arguments, Consumer, RejectedError, accept_message, parse_event  # noqa: E402

ACCOUNT, REGION = "222222222222", "eu-west-1"
URL = "https://sqs.us-east-1.amazonaws.com/111111111111/log-reflector-events-new-account"
HOSTILE = "{{ lookup('pipe', 'touch /tmp/pwned') }}"
SERVICE_EVENT, API_CALL = "AWS Service Event via CloudTrail", "AWS API Call via CloudTrail"


def event(source: str, detail_type: str, detail: Any, **envelope: Any) -> str:
    return json.dumps({"source": source, "detail-type": detail_type, "detail": detail, **envelope})


def created(account: Any = ACCOUNT, state: str = "SUCCEEDED") -> str:
    status = {"accountId": account, "state": state}
    detail = {"eventName": "CreateAccountResult", "serviceEventDetails": {"createAccountStatus": status}}
    return event("aws.organizations", SERVICE_EVENT, detail)


def moved(account: Any = ACCOUNT, **more: Any) -> str:
    detail = {"eventName": "MoveAccount", "requestParameters": {"accountId": account}, **more}
    return event("aws.organizations", API_CALL, detail)


def managed(account: Any = ACCOUNT, state: str = "SUCCEEDED") -> str:
    status = {"account": {"accountId": account, "accountName": HOSTILE}, "state": state}
    detail = {"eventName": "CreateManagedAccount", "serviceEventDetails": {"createManagedAccountStatus": status}}
    return event("aws.controltower", SERVICE_EVENT, detail)


def own(detail_type: str, account: Any = ACCOUNT, region: Any = REGION) -> str:
    return event("logreflector.aws", detail_type, {"version": 1}, account=account, region=region)


def rejected(body: Any, kinds: Any = KINDS) -> str:
    """Return why a message is rejected."""
    with pytest.raises(RejectedError) as caught:
        parse_event(body, kinds)
    return str(caught.value)


@pytest.mark.parametrize("body", [created(), moved(), managed()], ids=["created", "moved", "managed"])
def test_account_that_joins_is_a_new_account(body: str) -> None:
    expected = {"kind": "new_account", "account": ACCOUNT, "region": "", "hosts": f"account_{ACCOUNT}"}
    assert parse_event(body, KINDS) == expected


@pytest.mark.parametrize(
    ("detail_type", "kind"), [("Log Dead Letters Growing", "dead_letters"), ("Log Coverage Changed", "coverage")]
)
def test_own_event_names_one_target(detail_type: str, kind: str) -> None:
    found = parse_event(own(detail_type), KINDS)
    assert found == {
        "kind": kind,
        "account": ACCOUNT,
        "region": REGION,
        "hosts": f"account_{ACCOUNT}:&region_eu_west_1",
    }


def test_account_of_an_own_event_is_not_read_from_its_detail() -> None:
    """Everybody who may call PutEvents chooses the detail, and EventBridge writes the account."""
    body = json.loads(own("Log Dead Letters Growing"))
    body["detail"] |= {"account": "999999999999", "region": "us-east-1"}
    assert parse_event(json.dumps(body), KINDS)["hosts"] == f"account_{ACCOUNT}:&region_eu_west_1"


@pytest.mark.parametrize(
    "account", [HOSTILE, "22222222222", f"{ACCOUNT}\n", "\uff12" * 12, 222222222222, None, [ACCOUNT], ""]
)
@pytest.mark.parametrize("make", [created, moved, managed, lambda account: own("Log Coverage Changed", account)])
def test_account_that_is_not_12_digits_is_rejected(make: Any, account: Any) -> None:
    assert rejected(make(account)) == "the account is not 12 digits"


@pytest.mark.parametrize("region", [HOSTILE, "eu-west-1\n", "EU-WEST-1", "eu_west_1", "eu-west-1:&all", "", None, 1])
def test_region_that_is_no_region_is_rejected(region: Any) -> None:
    assert rejected(own("Log Coverage Changed", region=region)) == "the region is not the name of a region"


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "cn-northwest-1", "ap-southeast-7", "eusc-de-east-1", "us-isob-east-1"]
)
def test_regions_of_all_partitions_are_known(region: str) -> None:
    assert parse_event(own("Log Coverage Changed", region=region), KINDS)["region"] == region


@pytest.mark.parametrize("body", [created(state="FAILED"), managed(state="FAILED"), moved(errorCode="AccessDenied")])
def test_event_that_reports_no_success_is_rejected(body: str) -> None:
    assert rejected(body) == "the event reports no success"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("no JSON", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("9" * 10_000, "no JSON"),
        ("null", "no known kind"),
        ('["source"]', "no known kind"),
        (event("aws.organizations", API_CALL, {"eventName": "CloseAccount"}), "no known kind"),
        (event(HOSTILE, HOSTILE, HOSTILE), "no known kind"),
        (event("logreflector.aws", "Log Sources Silent", {}), "no known kind"),
        (event("aws.organizations", API_CALL, {"eventName": "CreateAccountResult"}), "no known kind"),
        (json.dumps({"source": {}, "detail-type": ["Log Coverage Changed"]}), "no known kind"),
        ("x" * (LARGEST + 1), "more than"),
        (None, "more than"),
        (b"bytes", "more than"),
    ],
)
def test_everything_else_is_rejected(body: Any, reason: str) -> None:
    assert reason in rejected(body)


def test_kind_of_another_rulebook_is_rejected() -> None:
    assert rejected(created(), ("coverage",)) == "this source does not take events of the kind new_account"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from([HOSTILE, ACCOUNT, REGION]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
SAFE = re.compile(r"[A-Za-z0-9_:&/.+=-]*")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a known event with other values in some places."""
    value = json.loads(draw(st.sampled_from([created(), moved(), managed(), own("Log Coverage Changed")])))
    for _unused in range(draw(st.integers(1, 3))):
        place: Any = value
        while True:
            key = draw(st.sampled_from(sorted(place)))
            if not isinstance(place[key], dict) or not place[key] or draw(st.booleans()):
                break
            place = place[key]
        place[key] = draw(JSON)
    return json.dumps(value)


@given(body=st.text() | st.binary() | JSON.map(json.dumps) | mutated())
def test_message_of_any_content_is_accepted_with_safe_fields_or_rejected(body: Any) -> None:
    found, reason = {}, ""
    try:
        found = parse_event(body, KINDS)
    except RejectedError as error:
        reason = str(error)
    if found:
        assert set(found) == {"kind", "account", "region", "hosts"}
        assert all(isinstance(text, str) and SAFE.fullmatch(text) for text in found.values())
        assert re.fullmatch(r"account_[0-9]{12}(:&region_[a-z0-9_]+)?", found["hosts"])
    else:
        assert reason.startswith(("the ", "this source"))
        assert "{" not in reason


@given(count=st.none() | st.text() | st.integers() | st.lists(st.text()))
def test_receives_of_arbitrary_count_is_a_small_number(count: Any) -> None:
    found = sqs_events.receives_of({"Attributes": {"ApproximateReceiveCount": count}})
    assert type(found) is int
    assert 0 <= found < 1_000_000


@pytest.mark.parametrize("handle", [HOSTILE, "", None, "a b", "x" * 1025])
def test_receipt_handle_with_other_characters_is_rejected(handle: Any) -> None:
    with pytest.raises(RejectedError, match="receipt handle"):
        accept_message({"ReceiptHandle": handle, "Body": created()}, KINDS)


GIVEN = {"queue_url": URL, "region": "us-east-1"}


@pytest.mark.parametrize(
    ("given_arguments", "message"),
    [
        ({}, "Set queue_url and region."),
        ({**GIVEN, "queue": "x"}, "There is no argument queue."),
        ({**GIVEN, "queue_url": f"{URL}.fifo"}, "queue_url is no URL of a standard queue"),
        ({**GIVEN, "queue_url": f"https://h/{ACCOUNT}/{HOSTILE}"}, "queue_url is no URL"),
        ({**GIVEN, "region": HOSTILE}, "region is not the name of a region"),
        ({**GIVEN, "kinds": ["new_account", "other"]}, "kinds has other."),
        ({**GIVEN, "visibility_timeout": 5}, "visibility_timeout is no number"),
        ({**GIVEN, "visibility_timeout": "600"}, "visibility_timeout is no number"),
    ],
)
def test_wrong_argument_of_the_rulebook_is_named(given_arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Arguments.parse(given_arguments)


class Sqs:
    """The calls to a queue. `answers` of receive_message in order: messages, or errors."""

    def __init__(self, *answers: Any, redrive: str = "{}") -> None:
        self.answers, self.redrive = list(answers), redrive
        self.released: list[str] = []
        self.received = 0

    def get_queue_attributes(self, **_request: Any) -> dict[str, Any]:
        return {"Attributes": {"RedrivePolicy": self.redrive} if self.redrive else {}}

    def receive_message(self, **request: Any) -> dict[str, Any]:
        assert (request["MaxNumberOfMessages"], request["VisibilityTimeout"]) == (1, 14_400)
        self.received += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return {"Messages": [answer]} if answer else {}

    def change_message_visibility(self, **request: Any) -> None:
        assert request["VisibilityTimeout"] == 0
        self.released.append(request["ReceiptHandle"])


def message(handle: str, body: str) -> dict[str, Any]:
    count = {"ApproximateReceiveCount": "2"}
    return {"MessageId": f"id-{handle}", "ReceiptHandle": handle, "Body": body, "Attributes": count}


def run_source(sqs: Sqs, *, until: int, room: int = 0) -> tuple[list[dict[str, Any]], list[float]]:
    """Run the source until it has received so often. Return what it passed on, and how long it slept after errors.

    room   of ansible-rulebook's queue; 0 is endless
    """
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def work() -> list[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(room)
        consumer = Consumer(sqs, Arguments.parse(GIVEN))
        task = asyncio.create_task(sqs_events.pass_on(consumer, queue, sleep))
        while sqs.received < until or (room and not queue.full()):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        consumer.stop()
        return [queue.get_nowait() for _unused in range(queue.qsize())]

    return asyncio.run(work()), slept


def test_source_passes_on_known_events_and_releases_others(caplog: pytest.LogCaptureFixture) -> None:
    sqs = Sqs(message("one", created()), message("two", f'{{"a": "{HOSTILE}"}}'), message("three", moved()))
    with caplog.at_level(logging.WARNING):
        events, _slept = run_source(sqs, until=5)
    assert [each["receipt_handle"] for each in events] == ["one", "three"]
    assert events[0]["queue_url"] == URL
    assert (events[0]["queue_region"], events[0]["receives"]) == ("us-east-1", 2)
    assert sqs.released == ["two"]
    assert (
        "Rejected message id-two of queue log-reflector-events-new-account, receipt 2: the event is of no known"
        in caplog.text
    )
    assert HOSTILE not in caplog.text


def test_source_survives_errors_of_aws_and_waits_longer_after_each(caplog: pytest.LogCaptureFixture) -> None:
    errors = [OSError(HOSTILE) for _unused in range(9)]
    events, slept = run_source(Sqs(*errors, message("one", created())), until=11)
    assert slept == [2, 4, 8, 16, 32, 64, 64, 64, 64]
    assert len(events) == 1
    assert "Could not receive messages of queue log-reflector-events-new-account: OSError" in caplog.text
    assert HOSTILE not in caplog.text


def test_stopped_source_releases_the_event_that_had_no_room() -> None:
    """Otherwise the message would be hidden for hours although nobody works on it."""
    sqs = Sqs(message("one", created()), message("two", created()))
    events, _slept = run_source(sqs, until=2, room=1)
    assert [each["receipt_handle"] for each in events] == ["one"]
    assert sqs.released == ["two"]


def test_message_that_arrives_after_the_source_has_stopped_is_released() -> None:
    sqs = Sqs(message("late", created()))
    consumer = Consumer(sqs, Arguments.parse(GIVEN))
    consumer.stop()
    assert consumer.receive() is None
    assert sqs.released == ["late"]


def test_queue_without_redrive_policy_is_refused() -> None:
    Consumer(Sqs(), Arguments.parse(GIVEN)).check()
    with pytest.raises(ValueError, match="log-reflector-events-new-account has no redrive policy"):
        Consumer(Sqs(redrive=""), Arguments.parse(GIVEN)).check()


def test_plugin_loads_as_ansible_rulebook_loads_it() -> None:
    """It runs the file, which is no module of a package then."""
    loaded = runpy.run_path(str(EDA / "plugins" / "event_source" / "sqs_events.py"))
    assert asyncio.iscoroutinefunction(loaded["main"])
    assert loaded["Arguments"].parse(GIVEN).kinds == KINDS
    documented = yaml.safe_load(loaded["DOCUMENTATION"])["options"]
    assert set(documented) == set(loaded["Arguments"].__dataclass_fields__)


def patterns() -> list[EventPattern]:
    """Return the patterns of the rules in the template of the queues."""
    template = yaml.safe_load((ROOT / "examples" / "event-queues.yml").read_text(encoding="utf-8"))
    rules = [each for each in template["Resources"].values() if each["Type"] == "AWS::Events::Rule"]
    return [EventPattern.load(json.dumps(rule["Properties"]["EventPattern"])) for rule in rules]


LOST = {"version": 1, "uncovered": {"count": 1}}


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (created(), 1),
        (moved(), 1),
        (managed(), 1),
        (event("logreflector.aws", "Log Coverage Changed", LOST), 1),
        (own("Log Dead Letters Growing"), 1),
        (created(state="FAILED"), 0),
        (managed(state="FAILED"), 0),
        (moved(errorCode="AccessDenied"), 0),
        (event("aws.organizations", API_CALL, {"eventName": "CloseAccount"}), 0),
        (event("logreflector.aws", "Log Coverage Changed", {"version": 1, "uncovered": {"count": 0}}), 0),
        (own("Log Sources Silent"), 0),
    ],
)
def test_rules_of_the_template_match_the_events_that_the_source_takes(body: str, number: int) -> None:
    assert sum(pattern.matches_event(json.loads(body)) for pattern in patterns()) == number


def test_names_of_the_template_are_those_of_the_policy() -> None:
    template = yaml.safe_load((ROOT / "examples" / "event-queues.yml").read_text(encoding="utf-8"))
    kinds = template["Parameters"]["Kind"]["AllowedValues"]
    policy = json.loads((ROOT / "docs" / "iam" / "events-policy.json").read_text(encoding="utf-8"))
    assert policy["Statement"][0]["Resource"] == [f"arn:*:sqs:*:*:log-reflector-events-{kind}" for kind in kinds]
    assert {kind.replace("-", "_") for kind in kinds} == set(KINDS)


RULEBOOKS = sorted((EDA / "rulebooks").glob("*.yml"))


def test_there_is_a_rulebook_for_each_kind() -> None:
    assert {path.stem for path in RULEBOOKS} == set(KINDS)


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_rulebook_takes_its_kind_one_after_the_other_and_runs_a_playbook_that_exists(path: Path) -> None:
    (ruleset,) = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert ruleset["execution_strategy"] == "sequential"
    (source,), (rule,) = ruleset["sources"], ruleset["rules"]
    assert source["logreflector.aws.sqs_events"]["kinds"] == [path.stem]
    assert rule["condition"] == f'event.kind == "{path.stem}"'
    playbook = rule["action"]["run_playbook"]["name"].rpartition(".")[2]
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    assert text.index("include/begin_event.yml") < text.index("include/end_event.yml") < text.index("include/recap.yml")
