# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Histories of the reflector among faults lose no event: see histories.py. bench/chaos.py runs any number of them."""

from functools import partial

import pytest
from histories import (
    ANSWERS,
    AWS_ANSWERS,
    CAUSES,
    DROP,
    FAULTS_OF_REPLAY,
    GROUPS,
    KINDS,
    MESSAGES,
    MOODS,
    PORTS,
    RELEASES,
    SENT_TWICE,
    WAITS,
    History,
    Record,
    ViolationError,
    random_steps,
    run_history,
    run_steps,
    without_lost_answers,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from virtual_lambda import Code

# Difficult cases. A history that fails in bench/chaos.py or below is kept here, by its steps, under the name of the bug.
KEPT = {
    "an overlap of events whose first delivery failed": [
        ("deploy", {"release": "no queue"}),
        ("arrive", {"group": 1, "messages": ["plain", "plain"]}),
        ("sinks", {"sumologic": "500", "lines": "500"}),
        ("run", {}),
        ("arrive", {"group": 1, "messages": [], "kind": "overlap", "again": 2}),
        ("run", {"number": 1}),
        ("throttle", {"times": 90}),
    ],
    "a dead letter whose sink the present release does not have": [
        ("arrive", {"group": 0, "messages": ["plain"] * 5}),
        ("sinks", {"search": "partial", "lines": "400"}),
        ("run", {}),
        ("deploy", {"release": "one sink"}),
        ("replay", {}),
        ("deploy", {"release": "broken"}),
        ("replay", {"fault": "twice"}),
    ],
    "a queue that accepts and does not answer": [
        ("arrive", {"group": 0, "messages": ["plain", DROP]}),
        ("sinks", {"sumologic": "403"}),
        ("aws", {"script": ["ok", "ok", "accepted, unanswered"]}),
        ("run", {}),
        ("replay", {}),
        ("run", {"kill": (3, "after")}),
        ("run", {"kill": (1, "before")}),
    ],
}


@pytest.fixture(scope="module")
def code():
    return Code()


def test_histories_of_seeds_lose_nothing(code):
    count = 7 * settings.default.max_examples
    record = Record()
    for seed in range(count):
        run_history(code, seed, record)
    assert (record.histories, record.lost, record.unaccounted) == (count, 0, 0)
    assert record.duplicates[SENT_TWICE] == 0
    assert record.causes.keys() == CAUSES  # each of them happened


@pytest.mark.parametrize("steps", KEPT.values(), ids=KEPT)
def test_kept_histories_lose_nothing(code, steps):
    assert run_steps(code, steps).lost == 0


def test_histories_without_lost_answers_duplicate_nothing(code):
    for seed in range(2 * settings.default.max_examples):
        record = run_steps(code, without_lost_answers(random_steps(seed)), seed)
        assert record.duplicates == {}


def test_histories_are_deterministic(code):
    """A process that was reset also behaves like one that imported the function."""
    seeds = range(20)
    assert [run_history(code, seed) for seed in seeds] == [run_history(code, seed) for seed in seeds]
    seeds = range(8)
    assert [run_history(code, seed) for seed in seeds] == [run_with_imports(seed) for seed in seeds]


def run_with_imports(seed):
    """Run a history in which each new process imports the function."""
    code = Code()

    def new_process():
        fresh = Code()
        code.module, code.modules = fresh.module, fresh.modules

    code.new_process = new_process
    return run_history(code, seed)


# --- planted bugs: the checks find them ---


def swallow_errors(handler, event, context):
    try:
        return handler(event, context)
    except Exception:  # noqa: BLE001
        return {"batchItemFailures": []}


def accept_failed_messages(handler, event, context):
    answer = handler(event, context)
    return {**answer, "batchItemFailures": []}


def skip_last_message(handler, event, context):
    if not (records := event.get("Records")):
        return handler(event, context)
    return handler({"Records": records[:-1]}, context) if records[1:] else {"batchItemFailures": []}


@pytest.mark.parametrize("bug", [swallow_errors, accept_failed_messages, skip_last_message])
def test_histories_find_planted_bug(code, bug):
    def run(seed):
        history = History(code, seed)
        history.function.handler = partial(bug, history.function.handler)
        history.play(random_steps(seed))

    with pytest.raises(ViolationError):
        list(map(run, range(500)))


@pytest.mark.parametrize("in_replays_only", [False, True])
def test_histories_find_queue_that_forgets(code, monkeypatch, in_replays_only):
    original = History._answer_aws

    def forget(history, operation, parameters):
        is_replay = history._running is None
        if operation == "send_message" and (is_replay or not in_replays_only):
            return "ok", {}
        return original(history, operation, parameters)

    monkeypatch.setattr(History, "_answer_aws", forget)
    with pytest.raises(ViolationError):
        list(map(partial(run_history, code), range(500)))


# --- the same steps as a state machine, which searches the shortest history that fails ---

kills = st.none() | st.tuples(st.integers(1, 8), st.sampled_from(["before", "after"]))
answers = st.lists(st.sampled_from(list(ANSWERS)), max_size=6)
moods = st.fixed_dictionaries({}, optional={sink: st.sampled_from(MOODS) for sink in PORTS.values()})


class Delivery(RuleBasedStateMachine):
    """One reflector, its sinks and its AWS."""

    code: Code

    def __init__(self):
        super().__init__()
        self.history = History(self.code, name="a history of the state machine")

    @rule(
        group=st.integers(0, len(GROUPS) - 1),
        messages=st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=7),
        kind=st.sampled_from(KINDS),
        again=st.integers(0, 4),
    )
    def events_arrive(self, group, messages, kind, again):
        self.history.arrive(group, messages, kind, again)

    @precondition(lambda self: self.history.payloads)
    @rule(number=st.integers(0, 3), kill=kills)
    def lambda_runs_the_function(self, number, kill):
        self.history.run(number, kill)

    @precondition(lambda self: self.history.payloads)
    @rule(number=st.integers(0, 3), times=st.sampled_from([1, 3, 12, 90]))
    def lambda_throttles(self, number, times):
        self.history.throttle(number, times)

    @rule(script=answers, moods=moods)
    def sinks_change(self, script, moods):
        self.history.sinks(script, **moods)

    @rule(script=st.lists(st.sampled_from(AWS_ANSWERS), max_size=4), mood=st.sampled_from(AWS_ANSWERS))
    def queue_and_secrets_change(self, script, mood):
        self.history.aws(script, mood)

    @precondition(lambda self: self.history.queue)
    @rule(limit=st.sampled_from([1, 10]), fault=st.sampled_from(FAULTS_OF_REPLAY), kill=kills)
    def somebody_replays(self, limit, fault, kill):
        self.history.replay(limit, fault, kill)

    @rule(seconds=st.sampled_from(WAITS))
    def time_passes(self, seconds):
        self.history.wait(seconds)

    @rule(store=st.booleans())
    def token_changes(self, store):
        self.history.rotate(store=store)

    @rule()
    def secret_gets_the_token(self):
        self.history.store()

    @rule(release=st.sampled_from(list(RELEASES)))
    def release_changes(self, release):
        self.history.deploy(release)

    @rule()
    def process_is_recycled(self):
        self.history.recycle()

    @invariant()
    def every_event_is_somewhere(self):
        assert self.history.check().total() == len(self.history.events)

    def teardown(self):
        self.history.drain()


def test_state_machine_loses_nothing(code):
    Delivery.code = code
    machine = Delivery.TestCase
    machine.settings = settings(
        max_examples=settings.default.max_examples,
        stateful_step_count=20,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    machine("runTest").runTest()
