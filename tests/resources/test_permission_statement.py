# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements: settings, and the form that AWS stores."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.statement import (
    Statement,
    parse,
    principal_from,
    render,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

RESOURCE = "arn:aws:lambda:eu-west-1:123456789012:function:f"

# As AWS documents them: "Using resource-based policies for Lambda", "Control access to Lambda function URLs".
DOCUMENTED = [
    (
        {
            "Sid": "s3-account",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": RESOURCE,
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": "123456789012"},
                "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
            },
        },
        Statement("s3-account", "s3.amazonaws.com", source_arn="arn:aws:s3:::bucket", source_account="123456789012"),
    ),
    (
        {
            "Sid": "xaccount",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
            "Action": "lambda:InvokeFunction",
            "Resource": RESOURCE,
        },
        Statement("xaccount", "210987654321"),
    ),
    (
        {
            "Sid": "PrincipalOrgIDExample",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "lambda:InvokeFunction",
            "Resource": RESOURCE,
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5f"}},
        },
        Statement("PrincipalOrgIDExample", "*", principal_org_id="o-a1b2c3d4e5f"),
    ),
    (
        {
            "Sid": "FunctionURLAllowPublicAccess",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "lambda:InvokeFunctionUrl",
            "Resource": RESOURCE,
            "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        },
        Statement("FunctionURLAllowPublicAccess", "*", "lambda:InvokeFunctionUrl", function_url_auth_type="NONE"),
    ),
    (
        {
            "Sid": "FunctionURLInvokeAllowPublicAccess",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "lambda:InvokeFunction",
            "Resource": RESOURCE,
            "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        },
        Statement("FunctionURLInvokeAllowPublicAccess", "*", invoked_via_function_url=True),
    ),
    (
        {
            "Sid": "alexa",
            "Effect": "Allow",
            "Principal": {"Service": "alexa-connectedhome.amazon.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": RESOURCE,
            "Condition": {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1"}},
        },
        Statement("alexa", "alexa-connectedhome.amazon.com", event_source_token="amzn1.ask.skill.1"),
    ),
    (
        {
            "Sid": "role",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::210987654321:role/path/r"},
            "Action": "lambda:GetFunction",
            "Resource": RESOURCE,
        },
        Statement("role", "arn:aws:iam::210987654321:role/path/r", "lambda:GetFunction"),
    ),
]


@pytest.mark.parametrize(("raw", "statement"), DOCUMENTED)
def test_statement_parses_and_renders_documented_shapes(raw: dict[str, Any], statement: Statement) -> None:
    assert parse(raw, "f") == statement
    assert render(statement, RESOURCE) == raw


PLAIN = DOCUMENTED[0][0]


@pytest.mark.parametrize(
    ("stored", "principal"),
    [
        *((form, "123456789012") for form in ("123456789012", {"AWS": "123456789012"})),
        ({"AWS": ["arn:aws-cn:iam::123456789012:root"]}, "123456789012"),
        *((form, "*") for form in ("*", {"AWS": "*"}, {"AWS": ["*"]})),
    ],
)
def test_parse_reads_all_forms_of_a_principal(stored: Any, principal: str) -> None:
    found = parse({**PLAIN, "Principal": stored}, "f")
    assert found is not None
    assert found.principal == principal


def test_parse_keeps_the_id_of_a_deleted_role() -> None:
    found = parse({**PLAIN, "Principal": {"AWS": "AROAEXAMPLEID12345678"}}, "f")
    assert found is not None
    assert found.principal == "AROAEXAMPLEID12345678"


def test_principal_of_a_role_named_root_is_not_an_account() -> None:
    assert principal_from("arn:aws:iam::123456789012:role/root") == "arn:aws:iam::123456789012:role/root"


def test_parse_ignores_the_case_of_condition_keys() -> None:
    raw = {**PLAIN, "Condition": {"ArnLike": {"aws:sourcearn": "arn:aws:s3:::b"}}}
    assert parse(raw, "f") == Statement("s3-account", "s3.amazonaws.com", source_arn="arn:aws:s3:::b")


def test_parse_distinguishes_false_from_no_condition() -> None:
    raw = {**PLAIN, "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "false"}}}
    found = parse(raw, "f")
    assert found == Statement("s3-account", "s3.amazonaws.com", invoked_via_function_url=False)
    assert found != Statement("s3-account", "s3.amazonaws.com")


FOREIGN = [
    "text",
    None,
    [],
    {},
    {**PLAIN, "Effect": "Deny"},
    {**PLAIN, "Sid": None},
    {key: value for key, value in PLAIN.items() if key != "Sid"},
    {**PLAIN, "Sid": "has.a.dot"},
    {**PLAIN, "Sid": "x" * 101},
    {**PLAIN, "Sid": ["a", "b"]},
    {**PLAIN, "NotPrincipal": {"AWS": "*"}},
    {**PLAIN, "Principal": {"AWS": ["123456789012", "210987654321"]}},
    {**PLAIN, "Principal": {"AWS": "*", "Service": "s3.amazonaws.com"}},
    {**PLAIN, "Principal": {"Federated": "cognito-identity.amazonaws.com"}},
    {**PLAIN, "Principal": {"Service": "*"}},
    {**PLAIN, "Principal": {}},
    {**PLAIN, "Principal": 7},
    {**PLAIN, "Action": ["lambda:InvokeFunction", "lambda:GetFunction"]},
    {**PLAIN, "NotAction": "lambda:*"},
    {**PLAIN, "Resource": "*"},
    {**PLAIN, "Resource": RESOURCE + "-other"},
    {**PLAIN, "Resource": RESOURCE + ":*"},
    {**PLAIN, "Resource": [RESOURCE, RESOURCE + ":v1"]},
    {**PLAIN, "Condition": []},
    {**PLAIN, "Condition": {"StringEquals": "x"}},
    {**PLAIN, "Condition": {"StringLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}},
    {**PLAIN, "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    {**PLAIN, "Condition": {"StringEquals": {"AWS:SourceAccount": ["123456789012", "210987654321"]}}},
    {**PLAIN, "Condition": {"StringEquals": {"AWS:SourceAccount": "1", "aws:SourceAccount": "2"}}},
    {**PLAIN, "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "maybe"}}},
]


@pytest.mark.parametrize("raw", FOREIGN, ids=str)
def test_parse_statement_that_add_permission_cannot_create_is_foreign(raw: Any) -> None:
    assert parse(raw, "f") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@RELAXED
@given(st.dictionaries(st.sampled_from(sorted(PLAIN)), JSON), st.sampled_from([{}, PLAIN]))
def test_parse_arbitrary_json_never_fails(wild: dict[str, Any], base: dict[str, Any]) -> None:
    found = parse({**base, **wild}, "f")
    assert found is None or isinstance(found, Statement)


def test_request_leaves_out_missing_conditions() -> None:
    assert Statement("a", "s3.amazonaws.com", source_account="1").request() == {
        "StatementId": "a",
        "Principal": "s3.amazonaws.com",
        "Action": "lambda:InvokeFunction",
        "SourceAccount": "1",
    }
