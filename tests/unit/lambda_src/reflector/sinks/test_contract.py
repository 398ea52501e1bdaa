# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of every sink: the handler, with that sink alone, against the stand-in for its service."""

import base64
import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace

import contract
import documented
import pytest
import reflector.sinks
from contract import ACCOUNT, EVERY_CASE, LOG_GROUP, LOG_STREAM, STALE, TOKEN, Case, Service
from hypothesis import given
from hypothesis import strategies as st
from reflector import config, delivery, retries, secrets
from reflector.dead_letters import Queue
from reflector.options import parsed
from reflector_support import Function, Outcome, any_text, examples, json_texts, payload, subscription_event

_ONE_ANSWER = {Case.ITEMS_AGAIN, Case.ITEMS_REFUSED}  # for the whole request
_OF_AWS = {Case.SECRET, Case.COMPRESSION, Case.RETRY_AFTER, Case.ITEMS_REFUSED}
CANNOT = {
    # An account has its own source. Only the bytes of a request are limited.
    "sumologic": {*_ONE_ANSWER, Case.ITEMS, Case.OWNER},
    documented.KIND: {*_ONE_ANSWER, Case.ITEMS},
    "datadog": _ONE_ANSWER,
    # The SDK makes the requests, with the function's credentials. Both error codes of a record are transient.
    "firehose": _OF_AWS,
    "http": _ONE_ANSWER,
    "kinesis": _OF_AWS,
    "loki": {*_ONE_ANSWER, Case.ITEMS},
    "newrelic": {*_ONE_ANSWER, Case.ITEMS},
    "otlp": {*_ONE_ANSWER, Case.ITEMS},
    # As firehose. A request is an object without a relevant limit, and always gzip.
    "s3": {*_OF_AWS, Case.ITEMS_AGAIN, Case.ITEMS, Case.REQUEST_BYTES},
    "splunk_hec": {*_ONE_ANSWER, Case.ITEMS},
    # Printing cannot fail, has no limits and no secret.
    "stdout": EVERY_CASE - {Case.ID, Case.OWNER, Case.LOG_GROUP, Case.LOG_STREAM},
}
"""The cases that a type's service cannot have, with the reason. It must have all others."""

documented.install()
STAND_INS = {kind: contract.make(kind) for kind in (*reflector.sinks.TYPES, documented.KIND)}

FAULTS_THAT_PASS = (Case.THROTTLED, Case.UNAVAILABLE, Case.BROKEN, Case.HALF, Case.SILENT)
MARKER = "a-line-that-no-log-may-hold"
REFERENCE = "secretsmanager:the-contract/secret"

messages = st.one_of(
    any_text,
    json_texts,
    st.sampled_from(
        ["", "\n", " ", "\n\n", "\r\n", "0", "null", '""', "{}", "\0", "\x1b[31mred", "\ud800", "\U0001f4dc"]
    ),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=4), st.integers(1, 3000)),
    st.builds("{}\n".format, st.text(max_size=20)),
)


class Run:
    """A function with one sink, the sink's service, and the dead-letter queue."""

    def __init__(self, service: Service, dead_letters: list[dict], waits: list[float]) -> None:
        self.service = service
        self.dead_letters = dead_letters
        self.waits = waits
        self.function = Function(None)
        # The time of the first event, in ms. Each next event is 1 ms later.
        self.began = int(time.time() * 1000) - 60_000 if service.oldest_hours else 1_700_000_000_000

    def forward(self, *texts: str, seconds: float = 60.0, **overrides) -> Outcome:
        """Forward a payload with these messages and return the outcome. The overrides are the sink's options."""
        rules = {"sinks": {"it": self.service.options(**overrides)}}
        environment = {
            **self.service.environment,
            "REFLECTOR_RULES": json.dumps(rules),
            "DEAD_LETTER_QUEUE": "dead-letters",
        }
        body = payload(texts)
        for number, event in enumerate(body["logEvents"]):
            event["timestamp"] = self.began + number
        outcome = self.function.invoke(subscription_event(body), seconds=seconds, **environment)
        self.service.observe(outcome)
        assert outcome.error is None, outcome.error
        assert outcome.counts["ReceivedEvents"] == len(texts)
        assert outcome.counts["DeliveredEvents"] == len(self.service.accepted())
        assert outcome.counts["DeadLetteredEvents"] == len(texts) - len(self.service.accepted())
        return outcome

    def restart(self) -> None:
        """Start a new execution environment."""
        config._parsed.cache_clear()

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Return id and message of the events in the queue."""
        events = []
        for dead_letter in self.dead_letters:
            body = json.loads(gzip.decompress(base64.b64decode(dead_letter["awslogs"]["data"])))
            assert (body["owner"], body["logGroup"], body["logStream"]) == (ACCOUNT, LOG_GROUP, LOG_STREAM)
            assert dead_letter["deadLetter"]["events"] == len(body["logEvents"])
            events += [(event["id"], event["message"]) for event in body["logEvents"]]
        return events

    @property
    def reasons(self) -> set[str]:
        return {dead_letter["deadLetter"]["reason"] for dead_letter in self.dead_letters}

    def assert_delivered(self, texts, order=None) -> None:
        """Assert that the service has each message once, in order and unchanged."""
        expected = [
            (f"{number:056d}", self.service.text(text), self.began + number) for number, text in enumerate(texts)
        ]
        if order is not None:
            expected = [expected[number] for number in order]
        if Case.ID not in self.service.supports:
            expected = [(None, *event[1:]) for event in expected]
        assert [event[:3] for event in self.service.accepted()] == expected


@pytest.fixture(scope="module", params=STAND_INS)
def _running(request) -> Iterator[Service]:
    service = STAND_INS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reflector.sinks, "TYPES", (*reflector.sinks.TYPES, documented.KIND))  # as if its file were there
        service.start()
        yield service
        service.stop()


@pytest.fixture
def run(_running: Service, monkeypatch) -> Iterator[Run]:
    """Return an empty service with a new execution environment and a queue. Attempts follow without pauses."""
    dead_letters: list[dict] = []
    waits: list[float] = []
    monkeypatch.setattr(Queue, "put", lambda _queue, body: dead_letters.append(json.loads(body)))
    monkeypatch.setattr(delivery, "time", SimpleNamespace(sleep=waits.append))
    with _without_past(_running):
        yield Run(_running, dead_letters, waits)


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Shorten the time-out. Only for silent services: on a busy machine a large request may take longer."""
    monkeypatch.setattr(retries, "ATTEMPT_SECONDS", 0.25)


@contextmanager
def _without_past(service: Service) -> Iterator[None]:
    service.reset()
    config._parsed.cache_clear()
    yield
    assert service.violations == []
    config._parsed.cache_clear()


def services(wanted: Callable[[Service], object]):
    """Limit a test to those services."""
    return pytest.mark.parametrize(
        "_running", [kind for kind, service in STAND_INS.items() if wanted(service)], indirect=True
    )


def needs(*cases: Case):
    """Limit a test to services that support these cases; CANNOT has the others."""
    return services(lambda service: service.supports.issuperset(cases))


@pytest.mark.parametrize("kind", STAND_INS)
def test_service_unsupported_cases_are_listed_with_reason(kind):
    assert STAND_INS[kind].type == kind
    assert EVERY_CASE - STAND_INS[kind].supports == CANNOT.get(kind, set())


@examples(40)
@given(texts=st.lists(messages, min_size=1, max_size=12))
def test_sink_delivers_every_event_once_and_in_order(run, texts):
    run.service.reset()
    run.forward(*texts)
    run.assert_delivered(texts)
    assert run.service.violations == []


def test_sink_keeps_time_and_origin(run):
    run.forward("one", "two")
    supports = run.service.supports
    accepted = run.service.accepted()
    assert len(accepted) == 2
    for number, event in enumerate(accepted):
        assert event.timestamp == run.began + number
        assert event.id == (f"{number:056d}" if Case.ID in supports else None)
        assert event.owner == (ACCOUNT if Case.OWNER in supports else None)
        assert event.log_group == (LOG_GROUP if Case.LOG_GROUP in supports else None)
        assert event.log_stream == (LOG_STREAM if Case.LOG_STREAM in supports else None)


def test_sink_thousands_of_events_respect_limits(run):
    limits = run.service.limits
    # 2.5 requests, if bytes are limited. The stand-in checks every limit.
    texts = [f"{number} " + "x" * (number * 7 % 1500) for number in range(3000)]
    if limits.request_bytes:
        texts.extend(["y" * 50_000] * (limits.request_bytes // 20_000))
    run.forward(*texts)
    run.assert_delivered(texts)
    assert run.dead_letters == []
    least = max(
        sum(map(len, texts)) // limits.request_bytes if limits.request_bytes else 1,
        len(texts) // limits.items if limits.items else 1,
    )
    assert least <= len(run.service.requests) <= 2 * least + 2


@needs(Case.ITEMS)
def test_sink_request_has_at_most_max_items(run):
    most = run.service.limits.items
    texts = ["x"] * (most + 1)
    run.forward(*texts[:most])
    assert len(run.service.requests) == 1
    run.service.reset()
    run.forward(*texts)
    assert len(run.service.requests) == 2
    run.assert_delivered(texts)


@needs(Case.REQUEST_BYTES)
def test_sink_request_has_at_most_max_bytes(run):
    # Measures a request with this many messages, to fill another one to the byte. They are long: a format may contain their length.
    limits = run.service.limits
    count = 40
    probe = "x" * (limits.request_bytes // count // 2)
    run.forward(*[probe] * count)
    overhead = run.service.size(run.service.requests[0]) - count * len(probe)
    room = limits.request_bytes - overhead
    assert limits.item_bytes is None or room // count < limits.item_bytes // 2
    for more, requests in ((0, 1), (1, 2)):
        texts = ["x" * (room // count)] * (count - 1)
        texts.append("x" * (room - sum(map(len, texts)) + more))
        run.service.reset()
        run.forward(*texts)
        run.assert_delivered(texts)
        assert len(run.service.requests) == requests


@services(lambda service: service.limits.item_bytes or service.limits.request_bytes)
def test_sink_too_long_event_does_not_block_others(run):
    limits = run.service.limits
    bound = limits.item_bytes or limits.request_bytes
    texts = ["before", "x" * (bound + 10), "after"]
    run.forward(*texts)
    if run.service.over_long == "alone":
        run.assert_delivered(texts)
        assert run.dead_letters == []
    else:
        run.assert_delivered(texts, [0, 2])
        assert run.kept == [(f"{1:056d}", texts[1])]
        assert all(len(reason) < 120 and "x" * 20 not in reason for reason in run.reasons)


@services(lambda service: service.oldest_hours)
def test_sink_too_old_event_goes_to_queue(run):
    hours = run.service.oldest_hours
    run.began = int((time.time() - hours * 3600) * 1000) - 1
    run.forward("old", "x" * 100)
    assert run.service.requests == []
    assert [message for _id, message in run.kept] == ["old", "x" * 100]
    assert run.reasons == {f"the event is older than the {hours} hours that the service takes"}


@needs(Case.COMPRESSION)
def test_sink_compress_option(run):
    texts = ["the same again " * 50] * 50
    sizes = []
    for compress in (True, False):
        run.service.reset()
        run.forward(*texts, compress=compress)
        run.assert_delivered(texts)
        (request,) = run.service.requests
        assert request.headers.get("Content-Encoding") == ("gzip" if compress else None)
        assert run.service.size(request) == len(request.text)
        sizes.append(len(request.body))
    assert sizes[0] * 5 < sizes[1]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("_running", "fault"),
    [(kind, fault) for kind, service in STAND_INS.items() for fault in FAULTS_THAT_PASS if fault in service.supports],
    indirect=["_running"],
)
def test_sink_transient_fault_is_retried(run, fault):
    texts = ["one", "two", "three"]
    run.service.misbehave(fault, fault)
    outcome = run.forward(*texts)
    run.assert_delivered(texts)
    assert run.dead_letters == []
    assert len(run.waits) == 2
    assert outcome.counts["Requests"] == 3
    assert outcome.counts["Retries"] == 2
    # A broken connection may be opened again at once, which does not count as another request.
    assert len(run.service.requests) >= 3


@needs(Case.THROTTLED, Case.RETRY_AFTER)
def test_sink_retry_after_is_respected(run):
    run.service.misbehave(Case.THROTTLED, retry_after=7)
    run.forward("one")
    assert run.waits[0] >= 7
    run.assert_delivered(["one"])


@needs(Case.UNAVAILABLE)
def test_sink_lasting_fault_goes_to_queue(run):
    texts = ["one", "two"]
    run.service.misbehave(*[Case.UNAVAILABLE] * 1000)
    outcome = run.forward(*texts, seconds=5)
    assert [message for _id, message in run.kept] == texts
    assert outcome.counts["Requests"] == len(run.waits) + 1 == len(run.service.requests)
    assert all(0 < len(reason) < 120 for reason in run.reasons)


@needs(Case.REFUSED)
def test_sink_refused_request_goes_to_queue(run):
    texts = [f"{MARKER} one\n", "two", '{"three": 3}']
    run.service.misbehave(Case.REFUSED)
    outcome = run.forward(*texts)
    assert run.kept == [(f"{number:056d}", text) for number, text in enumerate(texts)]
    assert outcome.counts["Requests"] == 1
    assert run.waits == []
    (reason,) = run.reasons
    assert 0 < len(reason) < 120
    assert run.dead_letters[0]["deadLetter"]["sink"] == "it"


@needs(Case.TOO_LARGE)
def test_sink_too_large_request_is_split(run):
    texts = list("abcdefgh")
    run.service.misbehave(Case.TOO_LARGE, Case.TOO_LARGE)
    run.forward(*texts)
    run.assert_delivered(texts)
    assert len(run.service.requests) == 5  # 8; 4, which is 2 and 2; 4
    run.service.reset()
    run.service.misbehave(Case.TOO_LARGE)
    run.forward("alone")
    assert [message for _id, message in run.kept] == ["alone"]


@needs(Case.ITEMS_AGAIN)
def test_sink_only_failed_items_are_retried(run):
    texts = list(run.service.several_items)
    run.service.misbehave(Case.ITEMS_AGAIN)
    run.forward(*texts)
    assert len(run.service.requests) == 2
    assert run.dead_letters == []
    events = run.service.accepted()
    assert sorted(event.timestamp for event in events) == [run.began + number for number in range(len(texts))]
    assert [event.timestamp for event in events] != sorted(event.timestamp for event in events)
    assert len(run.waits) == 1


@needs(Case.ITEMS_REFUSED)
def test_sink_only_refused_items_go_to_queue(run):
    texts = list(run.service.several_items)
    run.service.misbehave(Case.ITEMS_REFUSED)
    outcome = run.forward(*texts)
    assert outcome.counts["Requests"] == 1
    there = {event.timestamp - run.began for event in run.service.accepted()}
    kept = {int(event_id) for event_id, _message in run.kept}
    assert there
    assert kept
    assert there | kept == set(range(len(texts)))
    assert not there & kept
    assert all(0 < len(reason) < 120 for reason in run.reasons)


@needs(Case.SECRET)
@pytest.mark.parametrize("found", [[True, False], [False], [True, True]], ids=["rotated", "good", "wrong"])
def test_sink_refused_secret_is_read_again_once(run, monkeypatch, found):
    reads = []

    def read(service, name, region):
        reads.append((service, name, region))
        return run.service.secret(stale=found[len(reads) - 1])

    monkeypatch.setattr(secrets, "_read", read)
    outcome = run.forward("one", **run.service.secret_options(REFERENCE))
    assert reads == [("secretsmanager", "the-contract/secret", None)] * len(found)
    assert outcome.counts["Requests"] == len(found)
    if found[-1]:
        assert [message for _id, message in run.kept] == ["one"]
    else:
        run.assert_delivered(["one"])


@needs(Case.SECRET)
def test_sink_missing_secret_is_the_reason(run, monkeypatch):
    def read(service, name, region):
        raise secrets.SecretError(f"GetSecretValue of {service} {name} was refused: ResourceNotFoundException.")

    monkeypatch.setattr(secrets, "_read", read)
    run.forward("one", **run.service.secret_options(REFERENCE))
    assert run.service.requests == []
    assert [message for _id, message in run.kept] == ["one"]
    assert all("ResourceNotFoundException" in reason for reason in run.reasons)


@pytest.mark.usefixtures("impatient")
@needs(Case.QUIET)
def test_sink_logs_no_secret_and_no_message(run, caplog, capfd):
    printed = ""
    faults = [*FAULTS_THAT_PASS, Case.REFUSED, Case.TOO_LARGE, Case.ITEMS_AGAIN, Case.ITEMS_REFUSED]
    readable = {"compress": False} if Case.COMPRESSION in run.service.supports else {}
    for fault in [fault for fault in faults if fault in run.service.supports]:
        run.service.reset()
        run.service.misbehave(*[fault] * 1000)  # only reported if it fails
        printed += run.forward(
            *[f"{MARKER} {text}" for text in run.service.several_items], seconds=4, **readable
        ).printed
    printed += caplog.text + "".join(capfd.readouterr()) + repr(run.reasons)
    for secret in (TOKEN, STALE, MARKER):
        assert secret not in printed


@needs(Case.SECRET)
def test_sink_repr_hides_secret(run):
    options = run.service.options()
    module = import_module(f"reflector.sinks.{options.pop('type')}")
    known = parsed(module.Options, options, "it")
    made = module.sink(known)
    assert TOKEN not in repr(known) + repr(made) + repr(vars(made))


def test_sink_same_events_make_same_requests(run, monkeypatch):
    texts = ["one", '{"two": 2}', "three\n", "\ud800"]
    made = []
    now = time.time
    for later in (0, 5):
        run.service.reset()
        run.restart()
        monkeypatch.setattr(time, "time", lambda later=later: now() + later)
        run.forward(*texts)
        made.append([run.service.fingerprint(request) for request in run.service.requests])
    assert made[0] == made[1]
    assert made[0]
