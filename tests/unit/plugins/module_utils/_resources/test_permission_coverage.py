"""What a statement for many log groups covers: whatever is removed for its sake, no delivery is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_coverage import (
    coverer,
    covers,
    is_blanket,
    log_group_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_statement import (
    Statement,
    render,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

RESOURCE = "arn:aws:lambda:eu-west-1:123456789012:function:f"
PLACE = "arn:aws:logs:eu-west-1:123456789012:log-group"
BLANKET = Statement("all", "logs.amazonaws.com", source_arn=f"{PLACE}:*", source_account="123456789012")


def single(name: str = "/app/orders", **twist: Any) -> Statement:
    made = Statement("one", "logs.amazonaws.com", source_arn=f"{PLACE}:{name}:*", source_account="123456789012")
    return replace(made, **twist)


def allowed(raw: dict[str, Any], action: str, principals: set[str], source_arn: str, by_parts: bool) -> bool:
    """Whether IAM lets a delivery in, by what its pages say; ArnLike by the parts of the ARN, or the whole of it."""
    if raw["Action"] not in (action, "lambda:*", "*"):
        return False
    if raw["Principal"] != "*" and not set(raw["Principal"].values()) & principals:
        return False
    context = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_arn.split(":")[4]}
    for operator, block in raw.get("Condition", {}).items():
        for key, value in block.items():
            given = context.get(key.lower())
            if given is None:
                return False
            if operator == "ArnLike":
                parts = (
                    list(zip(value.split(":", 5), given.split(":", 5), strict=False)) if by_parts else [(value, given)]
                )
                if not all(glob(pattern, text) for pattern, text in parts):
                    return False
            elif given != value:
                return False
    return True


def glob(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


NAMES = st.text("a/*?-", min_size=1, max_size=5)
ARNS = st.builds(
    "arn:{}:logs:{}:{}:log-group:{}{}".format,
    st.sampled_from(["aws", "aws-cn"]),
    st.sampled_from(["eu-west-1", "eu-west-2", "*"]),
    st.sampled_from(["123456789012", "210987654321", "*"]),
    NAMES,
    st.sampled_from(["", ":*", ":log-stream:*"]),
)
STATEMENTS = st.builds(
    Statement,
    st.just("id"),
    st.sampled_from(
        ["logs.amazonaws.com", "logs.eu-west-1.amazonaws.com", "logs.amazonaws.com.cn", "s3.amazonaws.com", "*"]
    ),
    st.sampled_from(["lambda:InvokeFunction", "lambda:*"]),
    st.none() | ARNS,
    st.sampled_from([None, "123456789012", "210987654321"]),
    st.sampled_from([None, None, "o-a1b2c3d4e5f"]),
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Statement, Statement]:
    """A pattern and a name that it may match, in statements that differ no more than they may, or in any two."""
    narrow = draw(st.text("a/-", min_size=1, max_size=5))
    wide = "".join(draw(st.sampled_from([sign, "?", "*", ""])) for sign in narrow) + draw(
        st.sampled_from(["", "*", ":*"])
    )
    tails = st.sampled_from(["", ":*"])
    twists = st.sampled_from([{}, {"source_account": None}, {"principal": "logs.eu-west-1.amazonaws.com"}])
    made = [single(source_arn=f"{PLACE}:{name}{draw(tails)}", **draw(twists)) for name in (wide or "*", narrow)]
    return tuple(draw(st.sampled_from([item, item, item, draw(STATEMENTS)])) for item in made)


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # half of the pairs have to be no match
@given(pairs(), st.text("a/-", min_size=1, max_size=5), st.booleans())
def test_what_a_covered_statement_allows_is_allowed(
    pair: tuple[Statement, Statement], name: str, by_parts: bool
) -> None:
    wide, narrow = pair
    assume(covers(wide, narrow))
    group = log_group_of(narrow)
    assert group
    place = narrow.source_arn.partition(":log-group:")[0]
    region = place.split(":")[3]
    suffix = narrow.principal.partition("amazonaws")[2]
    principals = {f"logs.amazonaws{suffix}", f"logs.{region}.amazonaws{suffix}"}
    for log_group in (group, name):
        for tail in ("", ":*", ":log-stream:x"):
            request = ("lambda:InvokeFunction", principals, f"{place}:log-group:{log_group}{tail}", by_parts)
            if allowed(render(narrow, RESOURCE), *request):
                assert allowed(render(wide, RESOURCE), *request)


def test_the_statements_of_older_tools_are_covered() -> None:
    for old in (
        single(),
        single(source_account=None),
        single(principal="logs.eu-west-1.amazonaws.com"),
        single(source_arn=f"{PLACE}:/app/orders"),
        single("/aws/lambda/a_b.c#d"),
    ):
        assert covers(BLANKET, old), old
        assert coverer(old, [single(), BLANKET]) == BLANKET


@pytest.mark.parametrize(
    "other",
    [
        single(principal="events.amazonaws.com"),
        single(principal="*"),
        single(principal="logs.eu-west-2.amazonaws.com"),
        single(principal="logs.amazonaws.com.cn"),
        single(action="lambda:*"),
        single(action="lambda:InvokeFunctionUrl", function_url_auth_type="NONE"),
        single(principal_org_id="o-a1b2c3d4e5f"),
        single(event_source_token="x"),
        single(source_account="210987654321"),
        single(source_arn=None),
        single(source_arn="arn:aws:logs:eu-west-1:210987654321:log-group:x:*"),
        single(source_arn="arn:aws:logs:eu-west-2:123456789012:log-group:x:*"),
        single(source_arn="arn:aws:logs:*:123456789012:log-group:x:*"),
        single(source_arn="arn:aws:s3:::x"),
        single("/app/*"),
        single("x:log-stream:y"),
    ],
    ids=lambda item: f"{item.principal} {item.action} {item.source_arn} {item.source_account} {item.principal_org_id}",
)
def test_all_else_stays(other: Statement) -> None:
    assert not covers(BLANKET, other)


def test_a_pattern_covers_what_it_matches() -> None:
    blanket = replace(BLANKET, source_arn=f"{PLACE}:/aws/?ambda/*")
    assert covers(blanket, single("/aws/lambda/x"))
    assert not covers(blanket, single("/aws/states/x"))
    assert not covers(single(), single())


@pytest.mark.parametrize(
    ("statement", "blanket"),
    [
        (BLANKET, True),
        (replace(BLANKET, source_arn=f"{PLACE}:/aws/*:*"), True),
        (replace(BLANKET, principal="logs.eu-west-1.amazonaws.com", source_account=None), True),
        (single(), False),
        (replace(BLANKET, source_arn=f"{PLACE}:x:log-stream:*"), False),
        (replace(BLANKET, source_arn="arn:aws:logs:eu-west-2:123456789012:log-group:*"), False),
        (replace(BLANKET, principal_org_id="o-a1b2c3d4e5f"), False),
        (replace(BLANKET, source_account="210987654321"), False),
    ],
)
def test_a_blanket(statement: Statement, blanket: bool) -> None:
    assert is_blanket(statement, "eu-west-1") is blanket
