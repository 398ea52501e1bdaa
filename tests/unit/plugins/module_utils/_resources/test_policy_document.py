# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents with the same meaning compare equal, others do not."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.policy_document import (
    canonical,
    same_meaning,
    size,
    statements,
    stored_document,
)
from hypothesis import given
from hypothesis import strategies as st

ACTIONS = st.sampled_from(["logs:PutLogEvents", "logs:CreateLogStream", "sqs:SendMessage", "s3:Get*", "*"])
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::Bucket", "arn:aws:s3:::bucket", "arn:aws:sqs:eu-west-1:1:q"])
ACCOUNTS = ["111111111111", "222222222222"]
PRINCIPALS = st.one_of(
    st.just({"AWS": ["*"]}),
    st.fixed_dictionaries({"Service": st.lists(st.sampled_from(["lambda.amazonaws.com", "x.y"]), min_size=1)}),
    st.fixed_dictionaries({"AWS": st.lists(st.sampled_from([*ACCOUNTS, "arn:aws:iam::1:role/r"]), min_size=1)}),
)
CONDITIONS = st.dictionaries(
    st.sampled_from(["StringEquals", "ArnLike", "Bool"]),
    st.dictionaries(
        st.sampled_from(["aws:SourceArn", "aws:SourceAccount", "sts:ExternalId"]),
        st.lists(st.sampled_from(["a", "A", "true", "300"]), min_size=1),
        min_size=1,
    ),
)
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(ACTIONS, min_size=1),
        "Resource": st.lists(RESOURCES, min_size=1),
    },
    optional={"Sid": st.sampled_from(["", "One", "Two"]), "Principal": PRINCIPALS, "Condition": CONDITIONS},
)
DOCUMENTS = st.fixed_dictionaries(
    {"Statement": st.lists(STATEMENTS, min_size=1, max_size=3)},
    optional={"Version": st.sampled_from(["2008-10-17", "2012-10-17"]), "Id": st.just("an-id")},
)


def reshaped(draw: Any, value: list[str]) -> Any:
    """Return the list in another form: another order, repetition, no list around one."""
    items = draw(st.permutations(value)) + draw(st.lists(st.sampled_from(value), max_size=2))
    return items[0] if len(set(items)) == 1 and draw(st.booleans()) else items


@st.composite
def same_in_another_form(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a document and another one with the same meaning."""
    document = draw(DOCUMENTS)
    other = copy.deepcopy(document)
    for item in other["Statement"]:
        item["Action"] = reshaped(draw, [draw(st.sampled_from([a, a.lower(), a.upper()])) for a in item["Action"]])
        item["Resource"] = reshaped(draw, item["Resource"])
        for kind, names in item.get("Principal", {}).items():
            item["Principal"][kind] = reshaped(
                draw,
                [f"arn:aws:iam::{n}:root" if n in ACCOUNTS and draw(st.booleans()) else n for n in names],
            )
        if item.get("Principal") in ({"AWS": "*"}, {"AWS": ["*"]}) and draw(st.booleans()):
            item["Principal"] = "*"
        for operator, tests in item.get("Condition", {}).items():
            item["Condition"][operator] = {
                draw(st.sampled_from([key, key.lower()])): reshaped(draw, values) for key, values in tests.items()
            }
        if item.get("Sid", "") == "" and draw(st.booleans()):
            item.pop("Sid", None)
    other["Statement"] = draw(st.permutations(other["Statement"]))
    if len(other["Statement"]) == 1 and draw(st.booleans()):
        other["Statement"] = other["Statement"][0]
    if other.get("Version") == "2008-10-17" and draw(st.booleans()):
        del other["Version"]
    return document, dict(draw(st.permutations(list(other.items()))))


@given(same_in_another_form())
def test_same_meaning_in_another_form(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert same_meaning(*pair)


@given(same_in_another_form())
def test_stored_document_in_the_forms_of_services_means_the_same(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    document, other = pair
    assert same_meaning(document, stored_document(json.dumps(other)))
    assert same_meaning(document, stored_document(quote(json.dumps(other))))


@given(DOCUMENTS, st.data())
def test_same_meaning_detects_a_change(document: dict[str, Any], data: st.DataObject) -> None:
    other = copy.deepcopy(document)
    item = data.draw(st.sampled_from(other["Statement"]))
    kind = data.draw(
        st.sampled_from(["effect", "action", "resource", "condition", "principal", "version", "statement"])
    )
    if kind == "effect":
        for statement in other["Statement"]:
            statement["Effect"] = "Deny" if statement["Effect"] == "Allow" else "Allow"
            statement["Sid"] = "flipped"
    elif kind == "action":
        item["Action"] = [*item["Action"], "iam:PassRole"]
    elif kind == "resource":
        item["Resource"] = "arn:aws:s3:::another"
    elif kind == "condition":
        item["Condition"] = {**item.get("Condition", {}), "Null": {"aws:x": "true"}}
    elif kind == "principal":
        item["Principal"] = {"AWS": "333333333333"}
    elif kind == "version":
        other["Version"] = "2012-10-17" if document.get("Version", "2008-10-17") == "2008-10-17" else "2008-10-17"
    else:
        other["Statement"].append({"Effect": "Allow", "Action": "iam:*", "Resource": "*"})
    assert not same_meaning(document, other)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_canonical_arbitrary_json_never_fails(wild: Any) -> None:
    for place in ("Action", "Principal", "Condition", "Effect", "Other"):
        assert same_meaning({"Statement": [{place: wild}]}, {"Statement": {place: copy.deepcopy(wild)}})
    assert canonical({"Statement": wild})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Resource": "arn:aws:s3:::A"}, {"Resource": "arn:aws:s3:::a"}),
        ({"Action": "a:b"}, {"NotAction": "a:b"}),
        ({"Condition": {"StringEquals": {"k": "A"}}}, {"Condition": {"StringEquals": {"k": "a"}}}),
        ({"Condition": {"StringEquals": {"k": "a"}}}, {"Condition": {"StringLike": {"k": "a"}}}),
        (
            {"Condition": {"Bool": {"k": "a", "K": "b"}}},
            {"Condition": {"Bool": {"k": "a"}}},
        ),
        ({"Principal": {"AWS": "111111111111"}}, {"Principal": {"AWS": "arn:aws:iam::111111111111:role/root"}}),
        ({"Principal": {"Service": "*"}}, {"Principal": {"AWS": "*"}}),
        ({"Principal": {"AWS": "*"}}, {}),
    ],
)
def test_same_meaning_distinguishes(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not same_meaning({"Statement": one}, {"Statement": other})


def test_same_meaning_compares_conditions_as_text() -> None:
    given_in_yaml = {"Statement": {"Condition": {"Bool": {"aws:SecureTransport": False}, "N": {"k": 300}}}}
    stored = {"Statement": {"Condition": {"Bool": {"aws:SecureTransport": "false"}, "N": {"k": "300"}}}}
    assert same_meaning(given_in_yaml, stored)


def test_same_meaning_of_no_document() -> None:
    assert same_meaning({}, {})
    assert not same_meaning({}, {"Statement": []})


def test_size_excludes_white_space() -> None:
    text = '{ "Statement": [ { "Sid": "a b", "Effect":\n"Allow" } ] }'
    assert size(json.loads(text)) == len('{"Statement":[{"Sid":"ab","Effect":"Allow"}]}')


def test_size_counts_characters() -> None:
    assert size({"Statement": "é"}) == len('{"Statement":"é"}')


def test_statements_with_and_without_a_list() -> None:
    assert statements({"Statement": {"Sid": "x"}}) == [{"Sid": "x"}]
    assert statements({}) == []
