# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook `replay` sends dead letters through the real function, to a sink that works again or still fails."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from deployed import QUEUE, Deployed, calls_of_runs
from embedded_aws import Behaviour, RunningAws, Settings
from waits import RUN_LIMIT, wait_until

from playbooks import EXCLUDE, MANAGEMENT, MEMBER, REGIONS, Ansible, Process, kill, wait_while_running, write_inventory

TARGET = (MANAGEMENT, REGIONS[0])
HOST = ".".join(TARGET)
BARE = f"{MEMBER}.{REGIONS[0]}"
EVENTS = 3
REPLAY = "logreflector.aws.replay"
PARALLEL = 2  # for replays that are interrupted: fewer messages are in flight than the queue has
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def replayer(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Return a runner of playbooks over a target with a reflector, and one without."""
    folder = tmp_path_factory.mktemp("replay")
    inventory = write_inventory(
        folder,
        [TARGET, (MEMBER, REGIONS[0])],
        log_groups_exclude=EXCLUDE,
        reflector_environment={"INCLUDE_LOG_INFO": "true", "INCLUDE_EVENT_ID": "true"},
        reflector_timeout=15,
        replay_idle_timeout=2,
    )
    ansible = Ansible(aws.deploy_environment(), inventory, folder)
    deployed = ansible.run("logreflector.aws.deploy", "--limit", HOST)
    assert deployed.status == 0, deployed.output
    return ansible


@pytest.fixture(autouse=True)
def _tidy(aws: RunningAws, replayer: Ansible) -> Iterator[None]:
    """Begin each test with an empty queue and a working sink."""
    aws.sink.behave()
    aws.sink.clear()
    sqs, url = here(aws).queue()
    sqs.purge_queue(QueueUrl=url)
    yield
    aws.sink.behave()
    aws.configure(longest_hidden=Settings().longest_hidden)


def here(aws: RunningAws) -> Deployed:
    return Deployed(aws, *TARGET)


def dead_letter(sink: str = "sumologic") -> tuple[str, list[str]]:
    """Return a dead dead_letter as the reflector writes it, and the ids of its events."""
    now, number = int(time.time() * 1000), next(_numbers)
    events = [{"id": f"{number:050}{n:06}", "timestamp": now, "message": f"event {number}/{n}"} for n in range(EVENTS)]
    payload = {
        "messageType": "DATA_MESSAGE",
        "owner": MANAGEMENT,
        "logGroup": "/app/checkout",
        "logStream": f"stream-{number % 4}",
        "subscriptionFilters": ["log-reflector"],
        "logEvents": events,
    }
    mark = {
        "sink": sink,
        "reason": "the sink answered 503",
        "attempts": 4,
        "events": EVENTS,
        "function": "log-reflector",
    }
    data = base64.b64encode(gzip.compress(json.dumps(payload).encode())).decode()
    return json.dumps({"awslogs": {"data": data}, "deadLetter": mark}), [event["id"] for event in events]


def fill(aws: RunningAws, number: int) -> dict[str, list[str]]:
    """Put dead letters into the queue. Return the event ids by body."""
    sqs, url = here(aws).queue()
    letters = dict(dead_letter() for _unused in range(number))
    for body in letters:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    return letters


def ids(letters: dict[str, list[str]]) -> list[str]:
    return sorted(itertools.chain.from_iterable(letters.values()))


def arrived(aws: RunningAws) -> Counter[str]:
    """Return how often the sink accepted each event id."""
    return Counter(line["id"] for line in aws.sink.lines() if "id" in line)


def line_of(run: Any, host: str = HOST) -> str:
    return next(line for line in run.recap().splitlines() if line.startswith(host))


def test_replay_after_outage_delivers_once(aws: RunningAws, replayer: Ansible) -> None:
    aws.sink.behave(Behaviour(status=503))
    messages = [f"outage {number}" for number in range(6)]
    for message in messages:
        here(aws).write("/aws/lambda/service-00", message)
    wait_until(
        lambda: here(aws).counts()[0] == len(messages),
        f"{len(messages)} dead letters",
        seen=lambda: (here(aws).counts(), here(aws).accounts()),
    )
    aws.sink.behave()
    aws.sink.clear()
    run = replayer.run(REPLAY, "--limit", HOST)
    assert run.status == 0, run.output
    assert run.changes()[HOST] == [f"send 6 messages of queue {QUEUE} again"]
    assert line_of(run) == f"{HOST}: changed. 6 dead letters, 6 sent again and accepted, 0 left."
    assert Counter(line["message"] for line in aws.sink.lines()) == Counter(messages)
    assert set(arrived(aws).values()) == {1}
    assert here(aws).counts() == (0, 0)
    again = replayer.run(REPLAY, "--limit", HOST)
    assert (again.status, again.changed_tasks()) == (0, [])


def test_replay_check_mode_and_limit_match(aws: RunningAws, replayer: Ansible) -> None:
    letters = fill(aws, 45)
    aws.front.clear_journal()
    announced = replayer.run(REPLAY, "--limit", HOST, "--check", "--diff", extra={"replay_limit": 12})
    assert announced.status == 0, announced.output
    assert [call.operation for call in calls_of_runs(aws) if call.operation in ("ReceiveMessage", "Invoke")] == []
    assert "45 dead letters, 12 to send again, 33 would be left" in line_of(announced)
    first = replayer.run(REPLAY, "--limit", HOST, "--diff", extra={"replay_limit": 12, "replay_rate": 20})
    assert first.status == 0, first.output
    assert first.changes() == announced.changes()
    assert (here(aws).counts(), len(arrived(aws))) == ((33, 0), 12 * EVENTS)
    result = replayer.run(REPLAY, "--limit", HOST).result(HOST, "Send the dead letters again")
    assert result["counts"] == {"before": 33, "sent": 33, "accepted": 33, "failed": 0, "not_deleted": 0, "after": 0}
    assert result["events"]["DeliveredEvents"] == 33 * EVENTS
    assert arrived(aws) == Counter(ids(letters))
    assert here(aws).counts() == (0, 0)


def test_replay_failing_sink_returns_all_messages(aws: RunningAws, replayer: Ansible) -> None:
    letters = fill(aws, 25)
    aws.sink.behave(Behaviour(status=503))
    run = replayer.run(REPLAY, "--limit", HOST, extra={"replay_batch_size": 2})
    assert run.status != 0
    line = line_of(run)
    assert f"failed. Could not send all of queue {QUEUE} again in {MANAGEMENT}/{REGIONS[0]}: " in line
    counts = run.result(HOST, "Send the dead letters again")["counts"]
    # Three batches, and those that ran at the same time as the third.
    assert 6 <= counts["failed"] == counts["sent"] <= 6 + 4 * 2
    assert "503" in line
    assert "stopped early: nothing of 3 batches in a row was accepted" in line
    assert here(aws).counts() == (25, 0)
    assert here(aws).take() == sorted(letters)
    assert aws.sink_url not in run.output


def test_replay_foreign_messages_stay_with_reason(aws: RunningAws, replayer: Ansible) -> None:
    letters = fill(aws, 4)
    sqs, url = here(aws).queue()
    foreign = [
        "not even JSON",
        json.dumps({"some": "thing"}),
        json.dumps({"awslogs": {"data": "!"}}),
        dead_letter("gone")[0],
    ]
    for body in foreign:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    run = replayer.run(REPLAY, "--limit", HOST)
    assert run.status != 0
    result = run.result(HOST, "Send the dead letters again")
    assert (result["counts"]["accepted"], result["counts"]["failed"]) == (4, 4)
    assert sum(item["messages"] for item in result["reasons"]) == 4
    assert all(item["reason"] != "the function gives no reason" for item in result["reasons"])
    assert any("gone" in item["reason"] for item in result["reasons"])
    assert "not even JSON" not in run.output
    assert arrived(aws) == Counter(ids(letters))
    assert here(aws).take() == sorted(foreign)


def test_replay_target_without_reflector_does_not_stop_others(aws: RunningAws, replayer: Ansible) -> None:
    letters = fill(aws, 3)
    run = replayer.run(REPLAY)
    assert run.status != 0
    assert f"failed. Could not read queue {QUEUE} in {MEMBER}/{REGIONS[0]}" in line_of(run, BARE)
    assert "3 sent again and accepted" in line_of(run)
    assert arrived(aws) == Counter(ids(letters))


def test_replay_throttled_calls_are_retried(aws: RunningAws, replayer: Ansible) -> None:
    letters = fill(aws, 12)
    for operation in ("Invoke", "ReceiveMessage", "DeleteMessageBatch"):
        aws.front.throttle(operation, times=1)
    run = replayer.run(REPLAY, "--limit", HOST)
    assert run.status == 0, run.output
    assert arrived(aws) == Counter(ids(letters))


def test_replay_interrupted_releases_messages(aws: RunningAws, replayer: Ansible) -> None:
    letters = fill(aws, 40)
    aws.front.clear_journal()
    process = _half_way(aws, replayer, accepted=25)  # more than two batches: one of them has ended
    wait_while_running(
        process, lambda: bool(aws.front.calls(operation="DeleteMessageBatch")), "a batch that was replayed is deleted"
    )
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=RUN_LIMIT)
    assert process.returncode != 0
    wait_until(lambda: here(aws).counts()[1] == 0, "no message in flight", seen=here(aws).counts)
    # The run itself makes them visible: their visibility timeout would end minutes later.
    assert aws.front.calls(operation="ChangeMessageVisibilityBatch")
    left = here(aws).take()
    assert 0 < len(left) < 40
    # Nothing is lost. Messages that were in flight may be both in the queue and at the sink.
    assert set(ids({body: letters[body] for body in left})) | set(arrived(aws)) >= set(ids(letters))


def test_replay_killed_is_finished_by_next_run(aws: RunningAws, replayer: Ansible) -> None:
    letters = fill(aws, 40)
    aws.configure(longest_hidden=30.0)
    process = _half_way(aws, replayer)
    kill(process)
    aws.sink.behave()
    visible, in_flight = here(aws).counts()
    assert visible > 0
    assert 0 < in_flight <= PARALLEL * 10
    # Messages that the killed run had received are visible again after their timeout. This run waits for them.
    run = replayer.run(REPLAY, "--limit", HOST, extra={"replay_idle_timeout": 90})
    assert run.status == 0, run.output
    assert f"{visible + in_flight} sent again and accepted, 0 left" in line_of(run)
    assert here(aws).counts() == (0, 0)
    times = {key: arrived(aws)[key] for key in ids(letters)}
    assert min(times.values()) == 1
    # At most the batches that were in flight arrived twice.
    assert sum(number - 1 for number in times.values()) <= in_flight * EVENTS


def _half_way(aws: RunningAws, replayer: Ansible, accepted: int = 15) -> Process:
    """Whether the replay has sent some of the messages, and not all."""
    aws.sink.behave(Behaviour(times=accepted), Behaviour(kind="hang"))
    process, _record = replayer.start(REPLAY, "--limit", HOST, extra={"replay_parallel": PARALLEL})
    wait_while_running(process, lambda: len(aws.sink.requests()) > accepted, f"{accepted + 1} requests at the sink")
    return process
