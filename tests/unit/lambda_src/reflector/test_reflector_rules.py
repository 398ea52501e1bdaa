# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.options import SettingsError
from reflector.rules import UNREDACTED, routes
from reflector_support import ROOT, payload

EVERYTHING = {"log_groups": ["*"]}
DOCS = (ROOT.parents[1] / "docs" / "RULES.md").read_text(encoding="utf-8")


def route(**options):
    (got,) = routes([{**EVERYTHING, **options}], ["a", "b"], "routes")
    return got


def events_of(*messages, **members):
    return payload(messages, **members)["logEvents"]


# --- mistakes ---


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("x", "routes: must be a list of routes."),
        ([5], "routes[0]: must be an object with options."),
        ([{}], "routes[0].log_groups: is needed."),
        ([{"log_groups": []}], "routes[0].log_groups: must name a pattern, such as *."),
        ([{"log_groups": "*"}], "routes[0].log_groups: must be a list of strings."),
        ([{"log_groups": ["/a"]}, {"log_groups": ["/b"]}], "routes[1].log_groups: the last route must match every"),
        ([EVERYTHING, {"log_groups": ["/b"]}], "routes[1].log_groups: the last route must match every"),
        ([EVERYTHING, {**EVERYTHING, "sinks": ["a", "c"]}], "routes[1].sinks[1]: there is no sink c. Sinks are a, b."),
        ([{**EVERYTHING, "sinks": "a"}], "routes[0].sinks: must be a list of strings."),
        ([{**EVERYTHING, "keep": ["x", "("]}], "routes[0].keep[1]: is no Python regular expression: "),
        ([{**EVERYTHING, "drop": ["(?P<a"]}], "routes[0].drop[0]: is no Python regular expression: "),
        ([{**EVERYTHING, "drop": ["x{99999999999999999999}"]}], "routes[0].drop[0]: is no Python regular expression"),
        ([{**EVERYTHING, "drop": ["(" * 5000 + ")" * 5000]}], "routes[0].drop[0]: is no Python regular expression"),
        ([{**EVERYTHING, "sample": 1.1}], "routes[0].sample: must be a number from 0 to 1."),
        ([{**EVERYTHING, "sample": -1}], "routes[0].sample: must be a number from 0 to 1."),
        ([{**EVERYTHING, "sample": float("nan")}], "routes[0].sample: must be a number from 0 to 1."),
        ([{**EVERYTHING, "sample": "half"}], "routes[0].sample: must be a number."),
        ([{**EVERYTHING, "rdeact": []}], "routes[0].rdeact: there is no such option. Options are log_groups, sinks,"),
        ([{**EVERYTHING, "redact": "email"}], "routes[0].redact: must be a list."),
        (
            [{**EVERYTHING, "redact": ["emial"]}],
            "routes[0].redact[0]: must be one of email, card, aws_key, secret, or an",
        ),
        ([{**EVERYTHING, "redact": ["email", 5]}], "routes[0].redact[1]: must be an object with options."),
        ([{**EVERYTHING, "redact": [{"replacement": ""}]}], "routes[0].redact[0].pattern: is needed."),
        (
            [{**EVERYTHING, "redact": [{"pattern": "["}]}],
            "routes[0].redact[0].pattern: is no Python regular expression",
        ),
        ([{**EVERYTHING, "redact": [{"pattern": "a", "replacement": r"\2"}]}], "routes[0].redact[0].replacement: "),
        ([{**EVERYTHING, "redact": [{"pattern": "a", "replacement": r"\g<x>"}]}], "routes[0].redact[0].replacement: "),
        ([{**EVERYTHING, "redact": [{"pattern": "a", "with": "b"}]}], "routes[0].redact[0].with: there is no such"),
    ],
)
def test_routes_error_names_the_place(value, sentence):
    with pytest.raises(SettingsError) as caught:
        routes(value, ["a", "b"], "routes")
    assert str(caught.value).startswith(sentence)


def test_routes_unknown_option_lists_known_options():
    with pytest.raises(SettingsError, match="Options are log_groups, sinks, keep, drop, sample, redact"):
        route(rdeact=[])


# --- routes ---


def test_routes_default_sends_everything_to_all_sinks():
    (got,) = routes([], ["a", "b"], "routes")
    assert got.matches("/any/group")
    assert got.sinks == ("a", "b")
    assert list(got.select(events_of("x", "y"))) == [0, 1]


@pytest.mark.parametrize(
    ("pattern", "log_group", "fits"),
    [
        ("*", "", True),
        ("*", "/a/b", True),
        ("/aws/lambda/*", "/aws/lambda/orders", True),
        ("/aws/lambda/*", "/aws/lambda/a/b", True),
        ("/aws/lambda/*", "/AWS/lambda/a", False),
        ("/aws/lambda/*", "x/aws/lambda/a", False),
        ("/aws/lambda", "/aws/lambda/a", False),
        ("*-prod", "/app/orders-prod", True),
        ("*-prod", "/app/orders-prod2", False),
        ("/app/?", "/app/a", True),
        ("/app/[ab]", "/app/b", True),
        ("/app.x", "/app/x", False),
    ],
)
def test_route_log_group_patterns(pattern, log_group, fits):
    first, _rest = routes([{"log_groups": ["/never", pattern]}, EVERYTHING], ["a"], "routes")
    assert first.matches(log_group) is fits


def test_route_sinks():
    assert route().sinks == ("a", "b")
    assert route(sinks=["b"]).sinks == ("b",)
    assert route(sinks=[]).sinks == ()
    assert list(route(sinks=[]).select(events_of("x"))) == []


# --- keep, drop, sample ---


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, [0, 1, 2, 3]),
        ({"keep": ["ERROR"]}, [1, 3]),
        ({"keep": ["ERROR", "^a$"]}, [0, 1, 3]),
        ({"drop": ["debug$"]}, [0, 1, 3]),
        ({"keep": ["ERROR"], "drop": ["noise"]}, [1]),
        ({"keep": ["(?i)error"]}, [1, 2, 3]),
        ({"keep": ["never"]}, []),
        ({"sample": 0}, []),
        ({"sample": 1, "drop": ["a"]}, [1, 3]),
    ],
)
def test_route_keep_and_drop(options, kept):
    events = events_of("a", "ERROR", "a error debug", "ERROR noise")
    got = route(**options)
    assert list(got.select(events)) == kept
    assert [position for position, event in enumerate(events) if got.selects(event)] == kept


def test_drop_anchored_pattern_cannot_be_used_by_others():
    """The example of docs/RULES.md was not anchored: a request with its text in the query dropped its own line."""
    anchored = next(line for line in DOCS.splitlines() if "drop:" in line).partition("['")[2].removesuffix("']")
    lines = [
        f'10.1.2.3 - - [22/Nov/2026:10:00:01 +0000] "GET {path} HTTP/1.1" 200 2'
        for path in ("/health", "/x?GET /health")
    ]
    assert list(route(drop=[anchored]).select(events_of(*lines))) == [1]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_route_sample_has_about_the_right_size(share):
    # Ids of one stream resemble each other: they begin with a time and count up.
    events = [
        {**event, "id": f"{36 * 10**54 + 7919 * number:056d}"}
        for number, event in enumerate(events_of(*["x"] * 10_000))
    ]
    assert len(route(sample=share).select(events)) == pytest.approx(share * 10_000, abs=150)


@given(
    st.lists(st.tuples(st.text("0123456789", max_size=56), st.text(max_size=5)), max_size=20),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_route_sample_depends_on_id(pairs, share, other):
    small, large = sorted([share, other])
    events = [{"id": name, "timestamp": 1, "message": message} for name, message in pairs]
    few, many = set(route(sample=small).select(events)), set(route(sample=large).select(events))
    assert few <= many
    alone = {
        number for number, event in enumerate(events) if route(sample=small).selects({**event, "message": "other"})
    }
    assert alone == few


def test_route_sample_without_ids_depends_on_message():
    events = [{"timestamp": 1, "message": f"{number}\ud800"} for number in range(1000)]
    got = list(route(sample=0.5).select(events))
    assert 400 < len(got) < 600
    assert list(route(sample=0.5).select(events)) == got


# --- redaction ---


def test_redact_own_patterns():
    got = route(redact=[{"pattern": r"token=\w+"}, {"pattern": r"(user)=(\w)\w*", "replacement": r"\1=\2***"}])
    (event,) = got.redacted(events_of("token=abc user=somebody"))
    assert event["message"] == "[redacted] user=s***"


def test_redact_items_apply_in_order():
    got = route(redact=["email", {"pattern": r"\[email\]", "replacement": "somebody"}])
    assert got.redacted(events_of("me@example.com"))[0]["message"] == "somebody"


def test_redact_extracted_fields():
    fields = {"user": "me@example.com", "n": 1, "more": [{"user": "me@example.com"}, "x", None], "none": None}
    events = events_of("hello me@example.com", extractedFields=fields)
    (event,) = route(redact=["email"]).redacted(events)
    assert event["message"] == "hello [email]"
    assert event["extractedFields"] == {
        "user": "[email]",
        "n": 1,
        "more": [{"user": "[email]"}, "x", None],
        "none": None,
    }
    assert (event["id"], event["timestamp"]) == (events[0]["id"], events[0]["timestamp"])
    assert events[0]["message"] == "hello me@example.com"  # another route may need it whole


def test_redact_nothing_returns_the_same_events():
    events = events_of("a")
    assert route().redacted(events) is events


def test_redact_extracted_fields_by_name_and_as_numbers():
    fields = {"$.password": "hunter2", "card": 4111111111111111, "token": "", "n": 5, "ok": True}
    (event,) = route(redact=["card", "secret"]).redacted(events_of("x", extractedFields=fields))
    assert event["extractedFields"] == {"$.password": "[secret]", "card": 0, "token": "", "n": 5, "ok": True}


def test_redact_deeply_nested_fields_are_replaced():
    """Recursion raised RecursionError, which failed the whole invocation."""
    fields = secret = ["me@example.com"]
    for _unused in range(5000):
        fields = [fields]
    (event,) = route(redact=["email"]).redacted(events_of("x", extractedFields={"a": fields}))
    got = event["extractedFields"]["a"]
    while isinstance(got, list):
        (got,) = got
    assert got == "[redacted]"
    assert secret == ["me@example.com"]


def test_redact_without_time_leaves_no_content():
    """Events that were not redacted in time went on as they were."""
    events = [{**event, "requestID": "4111-1111-1111-1111-0"} for event in events_of("x" * 60_000, "a@b.de", "c@d.de")]
    answers = iter([True, False])
    got = route(redact=["email"]).redacted(events, lambda: next(answers))
    assert [event["message"] for event in got] == ["x" * 60_000, UNREDACTED, UNREDACTED]
    assert [event["requestID"] for event in got] == ["4111-1111-1111-1111-0", "", ""]
    assert [event["id"] for event in got] == [event["id"] for event in events]


def test_redact_request_id_only_if_it_is_no_uuid():
    name = "4d90f551-8568-4935-821b-8cb9fa50ecd7"
    events = [
        {**event, "requestID": value}
        for event, value in zip(events_of("x", "y", "z"), [name, "4111-1111-1111-1111-0", "a-b-c-d-e"], strict=True)
    ]
    got = route(redact=["card", {"pattern": name}]).redacted(events)
    assert [event["requestID"] for event in got] == [name, "", "a-b-c-d-e"]
