# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.options import SettingsError
from reflector.redactions import REDACTIONS
from reflector.rules import routes
from reflector_support import json_texts, payload

EVERYTHING = {"log_groups": ["*"]}


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


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_route_sample_has_about_the_right_size(share):
    # Ids of one stream resemble each other: they count on from a time.
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

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "6011111111111117",
    "30569309025904",
    "3530111333300000",
    "4222222222222",
    "6304000000000000",
    "4000000000000000006",
]


def redacted(text, *ready):
    (event,) = route(redact=list(ready)).redacted(events_of(text))
    return event["message"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("me@example.com", "[email]"),
        ("to <me.and+you@mail.example.co.uk>.", "to <[email]>."),
        ("a@b.de,c@d.org", "[email],[email]"),
        ("mailto:me_2@a-b.example", "mailto:[email]"),
        ("jörg@example.com", "[email]"),
        (r'{"to":"x\nme@example.com\tx"}', r'{"to":"x\n[email]\tx"}'),
        (r'{"to":"\u00e9me@example.com"}', r'{"to":"\u00e9[email]"}'),
        (r'{"to":"CORP\\me@example.com"}', r'{"to":"CORP\\[email]"}'),
        (r"{\"to\":\"\\nme@example.com\"}", r"{\"to\":\"\\n[email]\"}"),
        (r"CORP\user@example.com", r"CORP\[email]"),
        ("user@localhost", "user@localhost"),
        ("git@github", "git@github"),
        ("@example.com", "@example.com"),
        ("a @ b.com", "a @ b.com"),
        ("pkg@1.2.3", "pkg@1.2.3"),
    ],
)
def test_redact_email_addresses(text, expected):
    assert redacted(text, "email") == expected


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "around", ["{}", "card {} paid", '{{"card":"{}"}}', "({}).", r'{{"m":"paid\n{}\n"}}', "x={}&y"]
)
def test_redact_card_numbers(card, around):
    assert redacted(around.format(card), "card") == around.format("[card]")


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("around", ["{} 12/27", "{} 123", "{} 12 27 123", "order 42 {} ok", "3 {} 3", "{} 200 35.1 {}"])
def test_redact_card_beside_other_numbers(card, around):
    got = redacted(around.format(card, card), "card")
    assert card not in got
    assert got.count("[card]") == around.count("{}")  # with a neighbour, if the check digit happens to fit both


def test_redact_keeps_numbers_beside_a_card():
    assert redacted("4111 1111 1111 1111 123 ok 12/27", "card") == "[card] 123 ok 12/27"
    assert redacted("order 7 35 4111-1111-1111-1111 200", "card") == "order 7 35 [card] 200"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "411111111111",
        "41111111111111111111",
        "0.4111111111111111",
        "-4111111111111111",
        "4111111111111111-1",
        "1" * 56,
        "2ea49a23-ff39-4bf5-8761-439f99b7c5f6",
        "4111  1111 1111 1111",
        "2026-11-22 19:32:15.123456",
        "arn:aws:lambda:eu-west-1:123456789012:function:x",
    ],
)
def test_redact_keeps_other_numbers(text):
    assert redacted(text, "card") == text


@pytest.mark.parametrize("unit", [10**3, 10**6, 10**9], ids=["ms", "us", "ns"])
def test_redact_keeps_times(unit):
    times = " ".join(str((1_600_000_000 + 86_399 * day) * unit + day) for day in range(4000))
    assert redacted(times, "card") == times
    dates = " ".join(time.strftime("%Y%m%d%H%M%S", time.gmtime(1_600_000_000 + 86_399 * day)) for day in range(4000))
    assert redacted(dates, "card") == dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AKIAIOSFODNN7EXAMPLE"[:20], "[aws_key]"),
        ("id=ASIAIOSFODNN7EXAMPLE;", "id=[aws_key];"),
        (r'{"m":"\nAKIAIOSFODNN7EXAMPLE"}', r'{"m":"\n[aws_key]"}'),
        (f"AWS_SECRET_ACCESS_KEY={SECRET}", "AWS_SECRET_ACCESS_KEY=[aws_key]"),
        (f"export AWS_SECRET_ACCESS_KEY='{SECRET}'", "export AWS_SECRET_ACCESS_KEY='[aws_key]'"),
        (f"aws_secret_access_key = {SECRET}\n", "aws_secret_access_key = [aws_key]\n"),
        (f'{{"SecretAccessKey":"{SECRET}"}}', '{"SecretAccessKey":"[aws_key]"}'),
        (f'{{"secretAccessKey" : "{SECRET}"}}', '{"secretAccessKey" : "[aws_key]"}'),
        (rf'{{"m":"{{\"SecretAccessKey\": \"{SECRET}\"}}"}}', r'{"m":"{\"SecretAccessKey\": \"[aws_key]\"}"}'),
        (rf"\\\"SecretAccessKey\\\":\\\"{SECRET}\\\"", r"\\\"SecretAccessKey\\\":\\\"[aws_key]\\\""),
        (json.dumps({"SecretAccessKey": SECRET}).replace("/", r"\/"), '{"SecretAccessKey": "[aws_key]"}'),
        (f"<SecretAccessKey>{SECRET}</SecretAccessKey>", "<SecretAccessKey>[aws_key]</SecretAccessKey>"),
        ("AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPL"),
        ("AKIAIOSFODNN7EXAMPLES", "AKIAIOSFODNN7EXAMPLES"),
        ("xAKIAIOSFODNN7EXAMPLE".upper(), "XAKIAIOSFODNN7EXAMPLE"),
        (f"checksum: {SECRET}", f"checksum: {SECRET}"),
        (f"SecretAccessKey={SECRET}AB", f"SecretAccessKey={SECRET}AB"),
    ],
)
def test_redact_aws_keys(text, expected):
    assert redacted(text, "aws_key") == expected


private = st.sampled_from(
    [
        "me@example.com",
        "\nme@example.com",
        "é\x01me@example.com",
        *CARDS[:4],
        f"SecretAccessKey={SECRET}",
        "AKIAIOSFODNN7EXAMPLE",
    ]
)
words = st.one_of(private, st.text(max_size=5), st.text('"\\/\n\t:,@. 41', max_size=5))
values = st.recursive(
    st.one_of(
        st.lists(words, max_size=4).map(" ; ".join),
        st.sampled_from([4111111111111111, 5555555555554444, 1, None, True]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)


@given(values, st.booleans(), st.sampled_from([None, 1]), st.booleans())
def test_redact_json_stays_valid(value, ascii_only, indent, inside):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    if inside:
        text = json.dumps({"message": text}, ensure_ascii=ascii_only)
    got = redacted(text, *REDACTIONS)
    if got != "[card]":  # a message that is a number and nothing else is a string then
        json.loads(got)
    assert not any(secret in got for secret in ("me@example.com", *CARDS[:4], SECRET, "AKIAIOSFODNN7EXAMPLE"))


@given(json_texts)
def test_redact_any_json_stays_valid(text):
    json.loads(redacted(text, *REDACTIONS))


@pytest.mark.parametrize(
    "name",
    [
        "4d90f551-8568-4935-821b-8cb9fa50ecd7",
        "932867d7-d6a6-4353-9611-8814ce88f3e7",
        "4D90F551-8568-4935-821B-8CB9FA50ECD7",
    ],
)
def test_redact_keeps_uuids(name):
    text = f"START RequestId: {name} Version: 1"
    assert redacted(text, "card") == text
    assert redacted(f"{name} 4111111111111111 {name}", "card") == f"{name} [card] {name}"
    assert redacted(f"x{name[:-1]}", "card") != f"x{name[:-1]}"  # is none


@pytest.mark.parametrize("before", ["[", '{"card":', '{"card": ', '{"a":1,"b":[2, '])
@pytest.mark.parametrize("after", ["]", "}", " }", ",", "\n]"])
def test_redact_card_as_json_number_becomes_0(before, after):
    assert redacted(f"{before}4111111111111111{after}", "card") == f"{before}0{after}"


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


@pytest.mark.parametrize("ready", REDACTIONS)
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "1",
            " ",
            "1 ",
            "1-",
            "4 ",
            "a@",
            "@",
            "a.",
            "a@a.",
            "a@a.a@",
            "-",
            "\\",
            "\\n",
            "\\u0041",
            "4111 1111 ",
        ),
        *("AKIA", "A", "secret", "secretaccesskey", "secretaccesskey=", "secretaccesskey='aA1/", "é", "+", "/", "\\/"),
    ],
)
def test_redact_time_is_linear(ready, unit):
    # The first character differs, as a pattern may fail or fit there only.
    small, large = (("!" + unit * 200_000)[:size] for size in (20_000, 160_000))
    assert seconds(ready, large) < 8 * 3 * seconds(ready, small) + 0.002
