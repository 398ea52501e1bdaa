# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elasticsearch's results for documents, their index, and their ids."""

import json

import pytest
from delivering import deliver, event, running
from reflector.http import Answer
from reflector.options import SettingsError
from reflector.sinks import Chunk, make
from reflector_support import Received, raw

OPTIONS = {"type": "elasticsearch", "endpoint": "https://search.example.com:9200"}
CONFLICT = {"status": 409, "error": {"type": "version_conflict_engine_exception"}}


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with running("elasticsearch") as service:
        yield service


def pairs(request: Received) -> list[tuple[dict, dict]]:
    lines = [json.loads(line) for line in request.text.splitlines()]
    return [(action["create"], document) for action, document in zip(lines[::2], lines[1::2], strict=True)]


def outcome(status: int, body: object, count: int = 3):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make(OPTIONS, "it").outcome(Answer(status, 7.0, text), Chunk(range(count), None))


def test_elasticsearch_existing_document_counts_as_accepted(cluster, monkeypatch):
    take = cluster.take

    def take_and_break_off(request, fault):
        monkeypatch.setattr(cluster, "take", take)
        take(request, fault)
        return raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"items":[{"cre')

    monkeypatch.setattr(cluster, "take", take_and_break_off)
    assert deliver(cluster.options(), [event(0), event(1)]) == []
    assert len(cluster.requests) == 2
    assert [int(accepted.id) for accepted in cluster.accepted()] == [0, 1]


def test_elasticsearch_outcome_of_each_item():
    items = [{"status": 201}, {"status": 503}, CONFLICT, {"status": 429}, {"status": 400, "error": {"type": "a_type"}}]
    found = outcome(200, {"items": [{"create": item} for item in items]}, 5)
    assert (found.verdict, found.retry, found.retry_after) == ("partial", [1, 3], 7.0)
    assert found.refused == {4: "the sink answered 400 for it (a_type)"}


def test_elasticsearch_all_items_throttled_is_a_retry():
    busy = {"status": 429, "error": {"type": "es_rejected_execution_exception"}}
    found = outcome(200, {"items": [{"create": busy}] * 3})
    assert (found.verdict, found.retry_after) == ("retry", 7.0)
    assert found.reason == "the sink does not accept all items now (es_rejected_execution_exception)"


@pytest.mark.parametrize(
    ("status", "body", "verdict", "reason"),
    [
        (200, {"items": [{"create": CONFLICT}] * 3}, "accepted", ""),
        (
            200,
            {"items": [{"create": {"status": 201}}] * 2},
            "refused",
            "the sink's answer is no answer to a bulk request",
        ),
        (200, {"items": [{"create": {}}] * 3}, "refused", "the sink's answer is no answer to a bulk request"),
        (200, b"<html>Sign in</html>", "refused", "the sink's answer is no answer to a bulk request"),
        (200, b'{"items":[{"crea', "retry", "the sink's answer broke off"),
        (200, b"", "retry", "the sink's answer broke off"),
        (
            400,
            {"error": {"type": "parse_exception", "reason": "said: x"}},
            "refused",
            "the sink answered 400 (parse_exception)",
        ),
        (400, {"error": "said: x"}, "refused", "the sink answered 400"),
        (400, {"error": {"type": "said: x"}}, "refused", "the sink answered 400"),
        (400, b"[" * 100_000, "refused", "the sink answered 400"),
        (401, {"error": {"type": "security_exception"}}, "unauthorized", "the sink answered 401 (security_exception)"),
        (413, b"", "too_large", "the sink answered 413"),
        (
            429,
            {"error": {"type": "circuit_breaking_exception"}},
            "retry",
            "the sink answered 429 (circuit_breaking_exception)",
        ),
        (503, b"", "retry", "the sink answered 503"),
    ],
)
def test_elasticsearch_outcome_of_answer(status, body, verdict, reason):
    found = outcome(status, body)
    assert (found.verdict, found.reason) == (verdict, reason)


def test_elasticsearch_other_conflict_is_refused():
    found = outcome(200, {"items": [{"create": {"status": 409, "error": {"type": "other_exception"}}}]}, 1)
    assert found.refused == {0: "the sink answered 409 for it (other_exception)"}


def test_elasticsearch_index_has_the_events_time(cluster):
    events = [event(0, timestamp=1_767_225_599_999), event(1, timestamp=1_767_225_600_000)]
    assert deliver(cluster.options(index="aws-%Y.%m.%d-%H"), events) == []
    ((first, _one), (second, document)) = pairs(cluster.requests[0])
    assert (first["_index"], second["_index"]) == ("aws-2025.12.31-23", "aws-2026.01.01-00")
    assert document["@timestamp"] == "2026-01-01T00:00:00.000Z"


def test_elasticsearch_document_members(cluster):
    assert deliver(cluster.options(), [event(5, "said\n\n")]) == []
    ((action, document),) = pairs(cluster.requests[0])
    assert action["_index"] == "logs-aws.cloudwatch_logs-default"
    assert document == {
        "@timestamp": "2023-11-14T22:13:20.000Z",
        "message": "said\n",
        "event": {"id": f"{5:056d}"},
        "cloud": {"provider": "aws", "region": "eu-central-1", "account": {"id": "222222222222"}},
        "aws": {"cloudwatch": {"log_group": "/app/orders", "log_stream": "web/1"}},
    }


def test_elasticsearch_json_field_gets_objects(cluster, monkeypatch):
    monkeypatch.setattr(cluster, "accept", lambda items, _fault: [True] * len(items))
    monkeypatch.setattr("service_elasticsearch._event", lambda document: document)
    texts = [' {"a": 1.10}\n', "[1]", "{no", "7", "{}"]
    events = [event(number, text) for number, text in enumerate(texts)]
    assert deliver(cluster.options(json_field="app"), events) == []
    said = [
        {name: document[name] for name in ("app", "message") if name in document}
        for _action, document in pairs(cluster.requests[0])
    ]
    assert said == [{"app": {"a": 1.1}}, {"message": "[1]"}, {"message": "{no"}, {"message": "7"}, {"app": {}}]
    assert b'"app":{"a": 1.10}' in cluster.requests[0].text


def test_elasticsearch_id_depends_on_event_and_origin(cluster):
    for where in {}, {"log_stream": "web/2"}, {"owner": "333333333333"}:
        assert deliver(cluster.options(), [event(0)], **where) == []
    made = [action["_id"] for request in cluster.requests for action, _document in pairs(request)]
    assert len(set(made)) == 3
    assert all(identity.startswith(f"{0:056d}-") for identity in made)


def test_elasticsearch_events_without_id_stay_separate(cluster, monkeypatch):
    monkeypatch.setattr(cluster, "_document", lambda _action, document: ((str(id(document)), ""), document))
    monkeypatch.setattr("service_elasticsearch._event", lambda document: document)
    bare = {"timestamp": 1_700_000_000_000, "message": "x"}
    assert deliver(cluster.options(), [bare, bare]) == []
    assert [set(action) for action, _document in pairs(cluster.requests[0])] == [{"_index"}] * 2


def test_elasticsearch_basic_authorization(cluster):
    options = cluster.options(username="writer", password="secret")
    del options["api_key"]
    assert len(deliver(options, [event(0)])) == 1  # the stand-in knows the key only
    assert cluster.requests[0].headers["Authorization"] == "Basic d3JpdGVyOnNlY3JldA=="


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/_bulk?filter_path=items.*.status,items.*.error.type"),
        ("/?pipeline=aws", "/_bulk?filter_path=items.*.status,items.*.error.type&pipeline=aws"),
        ("/search/_bulk", "/search/_bulk"),
        ("/search/_bulk?pipeline=aws", "/search/_bulk?pipeline=aws"),
    ],
)
def test_elasticsearch_endpoint_keeps_path_and_query(path, target):
    made = make({**OPTIONS, "endpoint": OPTIONS["endpoint"] + path}, "it")
    assert made._connection_to_endpoint()._endpoint.target == target


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"username": "it"}, "it.password: must be given together with username."),
        (
            {"username": "a", "password": "b", "api_key": "c"},
            "it.api_key: cannot be combined with username and password.",
        ),
        *(
            ({"index": index}, "it.index: must be lower case")
            for index in ("", "Logs", "a b", "a/b", "_a", "-a", "..", "a%d%q", "a:b")
        ),
        ({"json_field": "message"}, "it.json_field: must be a name"),
        ({"json_field": "@timestamp"}, "it.json_field: must be a name"),
        ({"json_field": 'a"b'}, "it.json_field: must be a name"),
    ],
)
def test_elasticsearch_bad_options_are_refused(options, message):
    with pytest.raises(SettingsError) as caught:
        make({**OPTIONS, **options}, "it")
    assert str(caught.value).startswith(message)
