# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.codec import utf8
from reflector.records import message_json, records, with_request_ids
from reflector_support import any_text, exact, json_texts, payload

ID = "2ea49a23-ff39-4bf5-8761-439f99b7c5f6"
OTHER = "f08bb4c8-d6b2-4f05-ac17-af7e2ba005fb"


def of_events(events):
    return list(zip(*records(events), strict=True))


def of(*messages):
    """Return (JSON text of the message, request id) of each event."""
    return of_events(payload(messages)["logEvents"])


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-0",
        "1.10",
        "12345678901234567890123",
        "1e400",
        "0.1000000000000000055511151231257827",
        "9" * 5000,
        "null",
        "true",
        "false",
        '""',
        '"a\\nb"',
        "[]",
        "{}",
        '[1,"x"]',
        '{"a":{"b":1.50}}',
        '{"a":1,"a":2}',
        '"\\ud800"',
    ],
)
def test_message_json_valid_json_is_unchanged(text):
    assert message_json(text) == text
    assert message_json(f" \n{text}\t\r\n") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        "Infinity",
        "-Infinity",
        "[NaN]",
        '{"a":-Infinity}',
        "01",
        "1.",
        "+1",
        ".5",
        "0x1",
        "1 2",
        "tru",
        "nulls",
        "None",
        "[1,]",
        "{a:1}",
        "{'a':1}",
        '{"a":1',
        "[INFO] up",
        '"open',
        '"tab\there"',
        "\ufeff1",
        "\xa0{}",
        "١٢",
        "2026-01-01 up",
        "{}{}",
    ],
)
def test_message_json_other_text_is_a_string(text):
    assert json.loads(message_json(text)) == text.strip()


def test_message_json_strings_are_trimmed():
    assert of("  hello \r\n", "\n", "   ") == [('"hello"', ""), ('""', ""), ('""', "")]


def test_message_json_several_lines_become_one():
    assert message_json('{\r\n  "price": 1.10,\n\t"id": 12345678901234567890123\n}') == (
        '{    "price": 1.10, \t"id": 12345678901234567890123 }'
    )


def test_message_json_too_deep_json_is_a_string():
    deep = "[" * 100_000 + "]" * 100_000
    assert message_json(deep) == f'"{deep}"'


@given(json_texts)
def test_message_json_keeps_values_and_digits(text):
    got = message_json(text)
    assert exact(got) == exact(text)
    assert "\n" not in got
    assert "\r" not in got


@given(any_text)
def test_message_json_any_text_is_one_line(text):
    line = utf8(message_json(text))
    assert b"\n" not in line
    value = json.loads(line)
    try:
        expected = json.loads(text, parse_constant=lambda _unused: 1 / 0)
    except (ValueError, ZeroDivisionError):
        expected = text.strip()
    assert value == expected


@pytest.mark.parametrize("level", ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"])
@pytest.mark.parametrize("space", ["\t", " ", "  "])
def test_records_console_prefix_is_removed(level, space):
    prefix = space.join(["2020-03-05T16:30:36.113Z", ID, level])
    assert of(f"{prefix}{space}started\n") == [('"started"', ID)]
    assert of(f'{prefix}{space}{{"n":1.10}}\n') == [('{"n":1.10}', ID)]
    assert of(prefix) == [('""', ID)]


def test_records_console_prefix_without_level_is_removed():
    assert of(f"2020-02-25T22:04:08.390Z {ID} Task timed out after 3.00 seconds") == [
        ('"Task timed out after 3.00 seconds"', ID)
    ]
    assert of(f"2020-02-25T22:04:08.390Z {ID}") == [('""', ID)]


def test_records_word_like_a_level_stays():
    assert of(f"2020-02-25T22:04:08.390Z\t{ID}\tINFORMATION") == [('"INFORMATION"', ID)]


@pytest.mark.parametrize(
    "text",
    [
        f"x 2020-02-25T22:04:08.390Z\t{ID}\tINFO\tno",
        f"2020-02-25T22:04:08Z\t{ID}\tINFO\tno",
        "2020-02-25T22:04:08.390Z\tundefined\tINFO\tno",
        "2020-02-25T22:04:08.390Z a-b-c-d-e-f no",
        f"2020-02-25T22:04:08.390Z\t{ID}x-y\tINFO\tno",
    ],
)
def test_records_similar_prefix_stays(text):
    assert of(text) == [(json.dumps(text, ensure_ascii=False), "")]


@pytest.mark.parametrize(
    "text",
    [
        f"START RequestId: {ID} Version: $LATEST",
        f"REPORT RequestId: {ID}\tDuration: 1 ms",
        f"x RequestId:{ID}",
        f"RequestId:\t{ID.upper()}",
    ],
)
def test_request_ids_are_found_anywhere(text):
    (got,) = of(text)
    assert got[1].lower() == ID


@pytest.mark.parametrize(
    "text", ["RequestId: none", f"requestId: {ID}", f"RequestId {ID}", f"RequestId: {ID[:-1]}", "10:00Z restarted"]
)
def test_request_ids_other_words_are_none(text):
    assert of(text)[0][1] == ""


def test_request_ids_hold_until_the_next():
    got = of("before", f"START RequestId: {ID}", "a", "{}", f"2020-03-05T16:30:36.113Z\t{OTHER}\tINFO\tb", "c")
    assert [request_id for _unused, request_id in got] == ["", ID, ID, ID, OTHER, OTHER]


@pytest.mark.parametrize("milliseconds", ["007", "7"])
def test_records_python_prefix_has_id_and_stays(milliseconds):
    line = f"[ERROR]\t2020-03-05T16:30:36.{milliseconds}Z\t{ID}\tno\n"
    assert of(line, "x") == [(json.dumps(line.strip()), ID), ('"x"', ID)]


@pytest.mark.parametrize(
    "text", [f"[ERROR]\t2020-03-05T16:30:36.007Z\t\t{ID[:8]}", f'["2020-03-05T16:30:36.007Z {ID}"]']
)
def test_records_similar_python_prefix_has_no_id(text):
    assert of(text)[0][1] == ""


def test_records_id_in_console_prefix_wins():
    assert of(f"2020-03-05T16:30:36.113Z\t{ID}\tINFO\tRequestId: {OTHER}") == [(f'"RequestId: {OTHER}"', ID)]


def test_request_ids_end_with_the_payload():
    assert of(f"RequestId: {ID}")[0][1] == ID
    assert of("next")[0][1] == ""


@given(st.lists(st.one_of(any_text, st.builds(f"2020-03-05T16:30:36.113Z {ID} {{}}".format, any_text))))
def test_records_one_for_each_event_in_order(messages):
    assert [message for message, _request_id in of(*messages)] == [message_json(cut(text)) for text in messages]


def cut(text):
    """Return the text without its console prefix, by a second implementation of the rule."""
    return re.sub(
        r"(?a)^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z\s+\w+(-\w+){4}(?!\S)(\s+(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?!\S))?",
        "",
        text,
    )


# --- request ids that are carried along ---

lines = st.sampled_from(
    [
        f"START RequestId: {ID}",
        f"2020-03-05T16:30:36.113Z\t{OTHER}\tINFO\thello\n",
        "plain",
        '{"a":1}',
        "2020-x",
        "",
        ID,
    ]
)


@given(st.lists(lines), st.data())
def test_subset_makes_the_same_records(messages, data):
    events = payload(messages)["logEvents"]
    whole = of_events(events)
    chosen = [position for position in range(len(events)) if data.draw(st.booleans())]
    some = [with_request_ids(events)[position] for position in chosen]
    assert of_events(some) == [whole[position] for position in chosen]
    # And again, as a dead letter that is split.
    assert of_events(with_request_ids(some)[1:]) == [whole[position] for position in chosen[1:]]


def test_with_request_ids_adds_one_member():
    events = payload(["before", f"RequestId: {ID}", "after"])["logEvents"]
    marked = with_request_ids(events)
    assert [event.get("requestID") for event in marked] == ["", ID, ID]
    assert [{**event, "requestID": ""} for event in marked] == [{**event, "requestID": ""} for event in events]
    assert all("requestID" not in event for event in events)
    assert with_request_ids(marked) == marked


def test_with_request_ids_without_ids_changes_nothing():
    events = payload(["a", "b"])["logEvents"]
    assert with_request_ids(events) == events
    assert with_request_ids([]) == []


@pytest.mark.parametrize(
    "start", ["", "2020-03-05T16:30:36.113Z ", "[INFO] 2020-03-05T16:30:36.113Z ", '{"a":"', "[", "RequestId:"]
)
def test_records_time_is_bounded(start):
    units = [
        "RequestId:",
        "RequestId: 2ea49a23-",
        "R",
        " ",
        "a-",
        "a",
        "[a] ",
        "{",
        "[",
        '{"a":',
        '"',
        '\\"',
        "1",
        "1e",
        "nu",
        "\n",
    ]
    for unit in units:
        for end in ("", "}", "]", '"'):
            events = [{"timestamp": 1, "message": start + (unit * 50_000)[:50_000] + end}]
            began = time.process_time()
            records(events)
            assert time.process_time() - began < 0.05 * 3, (
                unit
            )  # 3 CPU-seconds per MB, for slow machines: measured is 0.1
