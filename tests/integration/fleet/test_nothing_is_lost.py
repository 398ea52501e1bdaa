# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sinks and the queue fail, the function runs out of time, and every line is at its sinks or in the queue."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from deployed import FUNCTION, Deployed, killed, payload
from embedded_aws import Behaviour, Fault, RunningAws, Sink
from embedded_aws.population import SECRET
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, REGIONS, Ansible, write_inventory

GROUP = "/aws/lambda/service-00"
PRIVATE = "confidential"  # in every message, and in no log
SINKS = ("sumologic", "archive")
TIMEOUT = 4
SLACK = 20  # on a busy machine the reflector needs more time for the queue than it reserves
KILLED = "killed"
SINK_FAULTS: dict[str, tuple[Behaviour, ...]] = {
    "well": (),
    KILLED: (),
    "slow": (Behaviour(seconds=1),),
    "too slow": (Behaviour(seconds=TIMEOUT + 1.0, times=2),),
    "429 for a second": (Behaviour(status=429, retry_after="1", times=2),),
    "429 for a minute": (Behaviour(status=429, retry_after="60"),),
    "500 at times": (Behaviour(status=500, times=1), Behaviour(times=1), Behaviour(status=500, times=2)),
    "503": (Behaviour(status=503),),
    "413 at times": (Behaviour(status=413, times=2),),
    "413": (Behaviour(status=413),),
    "401 once": (Behaviour(status=401, times=1),),
    "401": (Behaviour(status=401),),
    "400": (Behaviour(status=400, times=2),),
    "hang": (Behaviour(kind="hang", times=2),),
    "close": (Behaviour(kind="close", times=2),),
    "half": (Behaviour(kind="half", times=2),),
}
UNCLEAR = ("killed", "too slow", "hang", "close", "half")
"""Faults after which a sink may have lines that it did not acknowledge."""
QUEUE_FAULTS: dict[str, Fault | None] = {
    "well": None,
    "refuses": Fault(kind="error", operation="SendMessage", code="InternalError", times=6),
    "denies": Fault(kind="deny", operation="SendMessage", times=2),
    "hangs": Fault(kind="hang", operation="SendMessage", seconds=TIMEOUT + 1.0, times=1),
    "loses its answer": Fault(kind="lose", operation="SendMessage", times=1),
}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Step:
    """The faults of both sinks and of the queue while two payloads of `lines` lines each are written."""

    sumologic: str
    archive: str
    queue: str = "well"
    lines: int = 10
    pause: float | None = None  # seconds until the next step; None: until the sinks have been tried


STEPS = st.builds(
    Step,
    sumologic=st.sampled_from(sorted(SINK_FAULTS)),
    archive=st.sampled_from(sorted(SINK_FAULTS)),
    queue=st.sampled_from(["well"] * 8 + sorted(QUEUE_FAULTS)),
    lines=st.integers(1, 40),
    pause=st.sampled_from([0.0, 0.5, 1.5]),
)


@pytest.fixture(scope="module")
def sinks() -> Iterator[dict[str, Sink]]:
    """Start the sinks in this process, where tests can kill them. Yields them by name."""
    found = {name: Sink() for name in SINKS}
    for sink in found.values():
        sink.start()
    yield found
    for sink in found.values():
        sink.stop()


@pytest.fixture(scope="module")
def place(aws: RunningAws, sinks: dict[str, Sink]) -> Deployed:
    found = Deployed(aws, MANAGEMENT, REGIONS[0])
    aws.configure(timeout_slack=SLACK)
    found.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=sinks["sumologic"].url)
    return found


@pytest.fixture(scope="module")
def ansible(place: Deployed, sinks: dict[str, Sink], tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Deploy a reflector with a short time-out, whose second sink takes few events at once."""
    folder = tmp_path_factory.mktemp("lost")
    inventory = write_inventory(
        folder,
        [(place.account, place.region)],
        log_groups_exclude=EXCLUDE,
        reflector_timeout=TIMEOUT,
        reflector_environment={"INCLUDE_EVENT_ID": "true"},
        reflector_sinks={"archive": {"type": "http", "endpoint": sinks["archive"].url, "max_events": 7}},
        replay_idle_timeout=2,
    )
    ansible = Ansible(place.aws.deploy_environment(), inventory, folder)
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    return ansible


def change_function(place: Deployed, **configuration: Any) -> None:
    """Change the reflector's configuration. The next invocation has a new process."""
    functions = place.client("lambda")
    functions.update_function_configuration(FunctionName=FUNCTION, **configuration)
    functions.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION)


def write_during_faults(place: Deployed, sinks: Mapping[str, Sink], steps: Sequence[Step]) -> dict[str, list[str]]:
    """Carry out the steps. Return the written lines by stream."""
    written: dict[str, list[str]] = {}
    for step in steps:
        if step.pause is None:
            # A process that paused deliveries to a sink in an earlier step would not send this step's request.
            change_function(place, Description=str(step)[:256])
        faults = {"sumologic": step.sumologic, "archive": step.archive}
        with ExitStack() as stack:
            for name, fault_name in faults.items():
                sinks[name].behave(*SINK_FAULTS[fault_name])
                if fault_name == KILLED:
                    stack.enter_context(killed(sinks[name]))
            had = {name: len(sinks[name].requests()) for name, fault_name in faults.items() if fault_name != KILLED}
            if fault := QUEUE_FAULTS[step.queue]:
                place.aws.front.add(fault)
            for _unused in range(2):
                messages = [f"{PRIVATE} {next(_numbers)}" for _unused in range(step.lines)]
                written[place.write(GROUP, *messages)] = messages
            if step.pause is None:
                wait_until(
                    lambda had=had: all(len(sinks[name].requests()) > number for name, number in had.items()),
                    f"a request at each sink that runs, in {step}",
                    seen=lambda: {name: len(sink.requests()) for name, sink in sinks.items()},
                )
            else:
                time.sleep(step.pause)
    return written


def end_faults(place: Deployed, sinks: Mapping[str, Sink]) -> None:
    place.aws.front.clear_faults()
    for sink in sinks.values():
        sink.behave()


def dead_letters_of(place: Deployed) -> list[dict[str, Any]]:
    return [json.loads(body) for body in place.take(visible_again=True)]


def is_settled(place: Deployed, streams: set[str]) -> bool:
    """Whether Lambda is done with each payload: an invocation succeeded, or Lambda put the whole event into the queue."""
    done = {line["logStream"] for line in place.accounts() if "error" not in line}
    if streams <= done:
        return True
    given_up = [
        dead_letter["requestPayload"] for dead_letter in dead_letters_of(place) if "requestPayload" in dead_letter
    ]
    return streams <= done | {payload(event)["logStream"] for event in given_up}


@contextmanager
def timeout_of_function(place: Deployed, seconds: int) -> Iterator[None]:
    """Set the reflector's time-out inside the block."""
    change_function(place, Timeout=seconds)
    yield
    change_function(place, Timeout=TIMEOUT)


def at_sink(sink: Sink) -> Counter[tuple[str, str]]:
    """Return how often the sink accepted each event, by id and message."""
    accepted = [request for request in sink.requests() if request.accepted]
    return Counter((line["id"], line["message"]) for request in accepted for line in request.lines)


def in_queue(place: Deployed, sink: str) -> set[tuple[str, str]]:
    """Return the events in the queue that a sink has not accepted, by id and message."""
    found: set[tuple[str, str]] = set()
    for dead_letter in dead_letters_of(place):
        event = dead_letter.get("requestPayload", dead_letter)
        if event.get("deadLetter", {"sink": sink})["sink"] == sink:
            found |= {(item["id"], item["message"]) for item in payload(event)["logEvents"]}
    return found


def ended_by_lambda(place: Deployed) -> int:
    """Return the number of invocations that ended without their accounting line."""
    return sum(line.startswith("START ") for line in place.log()) - len(place.accounts())


def check_log(place: Deployed) -> None:
    """Check that the accounting lines add up, and that the log shows no message and no endpoint."""
    for line in place.accounts():
        parts = ("DroppedEvents", "DeliveredEvents", "DeadLetteredEvents", "FailedEvents")
        assert line["ReceivedEvents"] == sum(line[part] for part in parts), line
        assert (line["FailedEvents"] > 0) == ("error" in line), line
    text = "\n".join(place.log())
    assert PRIVATE not in text
    assert "/receiver/v1/http/" not in text


def run_outage(
    place: Deployed, ansible: Ansible, sinks: Mapping[str, Sink], steps: Sequence[Step], *, once: bool = False
) -> list[dict[str, Any]]:
    """Carry out the steps, end all faults, replay, and check that no line is lost. Return the dead dead_letters before the replay.

    once    no line may arrive twice
    """
    end_faults(place, sinks)
    ended_before = ended_by_lambda(place)
    for sink in sinks.values():
        sink.clear()  # a slow sink may still receive lines of an earlier test
    sqs, url = place.queue()
    sqs.purge_queue(QueueUrl=url)
    try:
        written = write_during_faults(place, sinks, steps)
        place.wait_until_idle()
        assert is_settled(place, set(written))
    finally:
        end_faults(place, sinks)
    left = dead_letters_of(place)
    messages = {message for stream in written.values() for message in stream}
    ids: dict[str, str] = {}
    for name, sink in sinks.items():
        found = set(at_sink(sink)) | in_queue(place, name)
        lost = messages - {message for _number, message in found}
        assert not lost, f"lost for {name}"
        for number, message in found:
            assert ids.setdefault(message, number) == number, "an event has two ids"
    received = {line["logStream"]: line["ReceivedEvents"] for line in place.accounts()}
    for stream, its_messages in written.items():
        assert received.get(stream, len(its_messages)) == len(its_messages)

    # On a slow machine a replay needs more time.
    with timeout_of_function(place, 300):
        run = ansible.run("logreflector.aws.replay")
    assert run.status == 0, run.output
    assert PRIVATE not in run.output
    assert place.counts() == (0, 0)
    for name, sink in sinks.items():
        times = at_sink(sink)
        assert {(ids[message], message) for message in messages} <= set(times), f"not all at {name}"
        # If Lambda ended an invocation, it retried it, and events that a sink had accepted arrived twice. The same holds for
        # requests that a sink on a busy machine accepted and acknowledged too late.
        late = any(
            "did not answer in time" in dead_letter.get("deadLetter", {}).get("reason", "") for dead_letter in left
        )
        if once and not late and ended_by_lambda(place) == ended_before:
            assert set(times.values()) == {1}, f"not once at {name}"
    check_log(place)
    return left


def pair_faults(names: Sequence[str]) -> list[Step]:
    """Return steps in which each sink has each of these faults, while the other sink has another one."""
    return [Step(one, other, lines=20) for one, other in zip(names, [*names[3:], *names[:3]], strict=True)]


def test_events_that_sinks_refuse_arrive_once(place: Deployed, ansible: Ansible, sinks: dict[str, Sink]) -> None:
    names = [name for name in SINK_FAULTS if name not in UNCLEAR]
    left = run_outage(place, ansible, sinks, pair_faults(names), once=True)
    reasons = {dead_letter["deadLetter"]["reason"] for dead_letter in left if "deadLetter" in dead_letter}
    statuses = {reason.removeprefix("the sink answered ")[:3] for reason in reasons}
    # If a busy machine runs out of the function's time, Lambda's record replaces some dead letters.
    assert statuses >= {"400", "401", "429"} or any("requestPayload" in dead_letter for dead_letter in left), reasons


def test_events_without_answer_of_a_sink_arrive(place: Deployed, ansible: Ansible, sinks: dict[str, Sink]) -> None:
    left = run_outage(place, ansible, sinks, pair_faults([*UNCLEAR, *UNCLEAR]))
    reasons = {dead_letter["deadLetter"]["reason"] for dead_letter in left if "deadLetter" in dead_letter}
    assert any("did not answer in time" in reason for reason in reasons), reasons


def test_events_that_the_queue_refuses_arrive(place: Deployed, ansible: Ansible, sinks: dict[str, Sink]) -> None:
    accounts = len(place.accounts())
    steps = [Step("503", "503", fault_name, lines=5, pause=1) for fault_name in QUEUE_FAULTS if fault_name != "hangs"]
    run_outage(place, ansible, sinks, steps)
    assert any(line.get("error") == "DeliveryFailed" for line in place.accounts()[accounts:])


def test_events_of_an_invocation_that_lambda_ends_arrive(
    place: Deployed, ansible: Ansible, sinks: dict[str, Sink]
) -> None:
    before = ended_by_lambda(place)
    place.aws.configure(timeout_slack=0)
    try:
        run_outage(place, ansible, sinks, [Step("503", "503", "hangs", lines=5)])
    finally:
        place.aws.configure(timeout_slack=SLACK)
    assert ended_by_lambda(place) > before, "no invocation ran out of time"


@given(steps=st.lists(STEPS, min_size=5, max_size=10))
@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take hours
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
def test_events_in_random_failures_arrive(
    place: Deployed, ansible: Ansible, sinks: dict[str, Sink], steps: list[Step]
) -> None:
    run_outage(place, ansible, sinks, steps)


def event(data: str) -> dict[str, Any]:
    return {"awslogs": {"data": data}}


def packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content)).decode()


UNDECODABLE = {
    "not base64": (event(f"{PRIVATE}!"), "The payload is not valid base64."),
    "not gzip": (event(base64.b64encode(PRIVATE.encode()).decode()), "The payload is not valid gzip."),
    "cut gzip": (event(base64.b64encode(gzip.compress(PRIVATE.encode())[:-9]).decode()), "is not valid gzip."),
    "not JSON": (event(packed(f'{{"{PRIVATE}": '.encode())), "The payload is not valid JSON."),
    "no log events": (event(packed(b'{"messageType": "DATA_MESSAGE", "logEvents": 7}')), "not a list of events"),
    "a zip bomb": (event(packed(bytes(70_000_000))), "decompresses to more than 64 MB"),
    "another service's": ({"detail": PRIVATE}, "The event has no awslogs.data"),
}


def test_events_that_cannot_be_decoded_are_in_the_queue_once(place: Deployed, ansible: Ansible) -> None:
    sqs, url = place.queue()
    sqs.purge_queue(QueueUrl=url)
    functions = place.client("lambda")
    before = len(place.accounts())
    for given_event, _reason in UNDECODABLE.values():
        # Asynchronously, as CloudWatch Logs does: Lambda retries a failed invocation.
        functions.invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=json.dumps(given_event))
    place.wait_until_idle()
    accounts = place.accounts()[before:]
    assert [(line["UndecodablePayloads"], line.get("error")) for line in accounts] == [(1, None)] * len(UNDECODABLE)
    dead_letters = dead_letters_of(place)
    metadata = [dead_letter.pop("deadLetter") for dead_letter in dead_letters]
    assert len(dead_letters) == len(UNDECODABLE)
    for given_event, reason in UNDECODABLE.values():
        details = metadata[dead_letters.index(given_event)]
        assert reason in details["reason"]
        assert (details["sink"], details["events"]) == (None, 0)
    assert PRIVATE not in "\n".join(place.log())
    # A replay cannot decode them either, so they stay.
    run = ansible.run("logreflector.aws.replay")
    assert run.status != 0
    assert "The payload is not valid gzip" in run.recap()
    assert PRIVATE not in run.output
    assert place.counts() == (len(UNDECODABLE), 0)
    sqs.purge_queue(QueueUrl=url)
