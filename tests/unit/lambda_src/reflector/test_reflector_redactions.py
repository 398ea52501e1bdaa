# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import time

import pytest
import redaction_corpus
from hypothesis import given
from hypothesis import strategies as st
from reflector.redactions import REDACTIONS
from reflector.redactions.cards import MAX_OTHERS
from reflector_support import examples, json_texts

# --- text that is found ---

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


def redacted(text, *kinds):
    for kind in kinds:
        text = REDACTIONS[kind](text)
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("me@example.com", "[email]"),
        ("to <me.and+you@mail.example.co.uk>.", "to <[email]>."),
        ("a@b.de,c@d.org", "[email],[email]"),
        ("mailto:me_2@a-b.example", "mailto:[email]"),
        ("jörg@example.com", "[email]"),
        (r'{"to":"x\nme@example.com\tx"}', r'{"to":"x\n[email]\tx"}'),
        (r'{"to":"\u00e9me@example.com"}', '{"to":"[email]"}'),
        (r'{"to":"CORP\\me@example.com"}', r'{"to":"CORP\\[email]"}'),
        (r"{\"to\":\"\\nme@example.com\"}", r"{\"to\":\"\\n[email]\"}"),
        (r"CORP\user@example.com", r"CORP\[email]"),
        ("alice@example.com様", "[email]様"),
        ("連絡先alice@example.comさん", "連絡先[email]さん"),
        ("alice@example.com_x alice@example.com-x", "[email]_x [email]-x"),
        ("?to=alice%40example.com&x=%3Dme%2Bx%40example%2Ecom", "?to=[email]&x=%3D[email]"),
        ("?to=alice%2540example.com", "?to=[email]"),
        ("me@example.xn--p1ai jörg@münchen.de x@例え.テスト", "[email] [email] [email]"),
        (r'{"to":"j\u00f6rg\u0040m\u00fcnchen.de"}', r'{"to":"[email]"}'),
        (f"{'x' * 100}@example.com", "[email]"),
        ("o'brien@example.com 'me@example.com'", "[email] '[email]'"),
        ("logo@2x.png", "logo@2x.png"),
        ("pkg@1.2.3-rc.one", "pkg@1.2.3-rc.one"),
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
    "around",
    [
        *(
            "{}",
            "card {} paid",
            '{{"card":"{}"}}',
            "({}).",
            r'{{"m":"paid\n{}\n"}}',
            "x={}&y",
            "card-{}",
            "order.{}",
            "-{}",
        ),
        *("{}-12", "カード{}です", "x=%22{}%22", r'{{"m":"\u0020{}"}}', "VISA{}", "ref_{}_7"),
    ],
)
def test_redact_card_numbers(card, around):
    assert redacted(around.format(card), "card") == around.format("[card]")


@pytest.mark.parametrize(
    "separator",
    [
        *" -._+/\t\u00a0\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
        "  ",
        " - ",
        "%20",
        "%2D",
        "%2520",
        "%C2%A0",
        r"\u00a0",
        r"\t",
        "&nbsp;",
    ],
)
def test_redact_card_with_separators(separator):
    for groups in (
        ["4111"] + ["1111"] * 3,
        ["3782", "822463", "10005"],
        ["3056", "930902", "5904"],
        ["41111111", "11111111"],
    ):
        assert redacted(f"x {separator.join(groups)} y", "card") == "x [card] y"


def test_redact_card_with_other_digits():
    assert redacted("".join(chr(0xFF10 + int(digit)) for digit in CARDS[0]), "card") == "[card]"
    assert redacted("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "card") == "[card]"
    assert redacted('{"a":-4111111111111111,"b":2}', "card") == '{"a":-0,"b":2}'


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
        "1" * 56,
        "2ea49a23-ff39-4bf5-8761-439f99b7c5f6",
        "4111, 1111, 1111, 1111",
        "1.4111111111111111",
        "DE44 5001 0517 5407 3249 31",
        "sha256:" + "4111111111111111" * 3 + "a" * 16,
        "8568-4935-821",
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
        (f"secretKey={SECRET}", "secretKey=[aws_key]"),
        (f"secret access key {SECRET}", "secret access key [aws_key]"),
        (f"aws_secret_access_key       =       {SECRET}", "aws_secret_access_key       =       [aws_key]"),
        (f"secret_key%3D{SECRET.replace('/', '%2F')}%26", "secret_key%3D[aws_key]%26"),
        (
            f'{{"name":"AWS_SECRET_ACCESS_KEY","value":"{SECRET}"}}',
            '{"name":"AWS_SECRET_ACCESS_KEY","value":"[aws_key]"}',
        ),
        (f"AKIAIOSFODNN7EXAMPLE,{SECRET}", "[aws_key],[aws_key]"),
        ("x=%22AKIAIOSFODNN7EXAMPLE%22", "x=%22[aws_key]%22"),
        (f"aws_session_token=IQoJb3JpZ2luX2Vj{SECRET * 3}==", "aws_session_token=[aws_key]"),
        (f"X-Amz-Security-Token=IQoJb3JpZ2luX2Vj{SECRET.replace('/', '%2F')}&x", "X-Amz-Security-Token=[aws_key]&x"),
        (f"got IQoJb3JpZ2luX2Vj{SECRET * 3}", "got [aws_key]"),
        ("session token expired: ask again", "session token expired: ask again"),
        ("AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPL"),
        ("AKIAIOSFODNN7EXAMPLES", "AKIAIOSFODNN7EXAMPLES"),
        ("xAKIAIOSFODNN7EXAMPLE".upper(), "XAKIAIOSFODNN7EXAMPLE"),
        (f"checksum: {SECRET}", f"checksum: {SECRET}"),
        (f"SecretAccessKey={SECRET}AB", f"SecretAccessKey={SECRET}AB"),
    ],
)
def test_redact_aws_keys(text, expected):
    assert redacted(text, "aws_key") == expected


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 x", "password=[secret] x"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: [secret]"),
        ('{"password":"a\\"b","x":1}', '{"password":"[secret]","x":1}'),
        (r'{"m":"{\"password\":\"a\\\"b\",\"y\":2}"}', r'{"m":"{\"password\":\"[secret]\",\"y\":2}"}'),
        ('{"token":12345,"pin":1}', '{"token":0,"pin":1}'),
        ("{'clientSecret': 'x y'}", "{'clientSecret': '[secret]'}"),
        ("<password>hunter2</password>", "<password>[secret]</password>"),
        ("/x?access_token=abc&b=1", "/x?access_token=[secret]&b=1"),
        ("x%3Fpassword%3Dhunter2%26b", "x%3Fpassword%3D[secret]%26b"),
        ("%22api_key%22%3A%22abc%22%2C", "%22api_key%22%3A%22[secret]%22%2C"),
        ("user[password]=hunter2&y", "user[password]=[secret]&y"),
        ('{"name":"x-api-key","value":"abc"}', '{"name":"x-api-key","value":"[secret]"}'),
        ("Authorization: Basic dTpw== x", "Authorization: Basic [secret] x"),
        ("Authorization: Bearer abc", "Authorization: Bearer [secret]"),
        ("Cookie: a=b; c=d\nx", "Cookie: [secret]\nx"),
        ("mysql --password hunter2 db", "mysql --password [secret] db"),
        ("postgres://app:hunter2@db/x", "postgres://app:[secret]@db/x"),
        (f"got {JWT}.", "got [secret]."),
        ("using bearer 0123456789abcdef", "using bearer [secret]"),
        (f"ghp_{'a1' * 18}", "[secret]"),
        (r'{"k":"-----BEGIN PRIVATE KEY-----\nMIIx/+\n-----END PRIVATE KEY-----\n"}', r'{"k":"[secret]\n"}'),
        ('password="cut off', 'password="[secret]'),
        ("İ password=hunter2", "İ password=[secret]"),
        *(
            (text, text)
            for text in (
                '{"password":"","token":null}',
                "password=******** token=[redacted]",
                "password: must be at least 12 characters",
                "Failed password for root from 10.0.0.1",
                "SyntaxError: Unexpected token: x",
                '{"nextToken":"abc","max_tokens":5,"token_type":"bearer"}',
                "PWD=/var/task",
                "password=${DB_PASSWORD}",
                "secret: arn:aws:secretsmanager:eu-west-1:111111111111:secret:x",
                "token > 5",
                '{"a":"password:","b":"c"}',
                '{"a":"my token ","b":1}',
            )
        ),
    ],
)
def test_redact_secrets_by_name_and_form(text, expected):
    assert redacted(text, "secret") == expected


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
hints = st.sampled_from(
    [
        *(
            "password",
            "token",
            "secret=",
            "cookie: ",
            "Bearer ",
            "authorization: ",
            '"name"',
            '"value"',
            "://u:",
            "%22",
            "%3A",
            "'",
        ),
        *('\\"', '\\\\"', "-----BEGIN PRIVATE KEY-----", "&quot;", ": ", "="),
    ]
)
words = st.one_of(private, hints, st.text(max_size=5), st.text('"\\/\n\t:,@. 41', max_size=5))
values = st.recursive(
    st.one_of(
        st.lists(words, max_size=4).map(" ; ".join),
        st.lists(hints, max_size=6).map("".join),
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
    if got != "[card]":  # a message that is only a number becomes a string
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


@pytest.mark.parametrize("before", ["[", '{"card":', '{"card": ', '{"a":1,"b":[2, '])
@pytest.mark.parametrize("after", ["]", "}", " }", ",", "\n]"])
def test_redact_card_as_json_number_becomes_0(before, after):
    assert redacted(f"{before}4111111111111111{after}", "card") == f"{before}0{after}"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", REDACTIONS)
def test_redact_any_mixture_of_private_lines_in_json_stays_valid(kind, seed):
    for line in redaction_corpus.private_lines(kind, seed)[:300]:
        text = json.dumps({"m": line.text, "n": json.dumps([line.text])})
        got = json.loads(redacted(text, *REDACTIONS))
        assert json.loads(got["n"])


# --- the corpus: docs/RULES.md publishes these figures, bench/redaction.py prints them ---


@pytest.mark.parametrize(
    ("kind", "recall", "false_positives"),
    [("email", 0.96, 0), ("card", 0.96, 0.005), ("aws_key", 0.94, 0), ("secret", 0.94, 0.001)],
)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_redact_corpus_recall_and_false_positives(kind, recall, false_positives, seed):
    got = redaction_corpus.score(
        REDACTIONS[kind], redaction_corpus.private_lines(kind, seed), redaction_corpus.ordinary_lines(seed)
    )
    assert got.secrets == 1000
    assert got.ordinary == 4000
    assert got.recall >= recall, got.missed_styles
    assert got.exact >= 0.92 * got.secrets
    assert got.false_positives <= false_positives, got.changed_styles


# --- time ---


def test_redact_after_many_other_numbers_fails_closed():
    others = "4111 1111 1111 1112; " * MAX_OTHERS
    assert redacted(others, "card") == others
    assert redacted(f"{others}4111111111111112 x", "card") == f"{others}[card] x"


def cpu_seconds(kind, text):
    """Return the least CPU time of several redactions."""
    taken = []
    for _unused in range(3):
        started = time.process_time()
        REDACTIONS[kind](text)
        taken.append(time.process_time() - started)
    return min(taken)


@pytest.mark.parametrize("kind", REDACTIONS)
def test_redact_time_is_linear_and_bounded(kind):
    """`3 3 3 ...` cost the card redaction 14 CPU-seconds per MB: it tried every pair of beginning and end."""
    for unit in redaction_corpus.COSTLY_UNITS:
        # The first character differs, because a pattern may match only there.
        small, large = (("!" + unit * 40_000)[:size] for size in (5_000, 40_000))
        taken = cpu_seconds(kind, large)
        assert taken < 8 * 4 * cpu_seconds(kind, small) + 0.005, unit
        assert taken < 0.04 * 3, unit  # 3 CPU-seconds per MB: three times the limit, for slow machines


@given(
    st.lists(st.sampled_from([*redaction_corpus.COSTLY_UNITS, *"= :,\"'{}", "[]"]), min_size=1, max_size=6),
    st.sampled_from(sorted(REDACTIONS)),
)
@examples(50)
def test_redact_any_mixture_time_is_bounded(units, kind):
    text = ("".join(units) * 20_000)[:20_000]
    assert cpu_seconds(kind, text) < 0.02 * 5 + 0.005, (kind, units)
