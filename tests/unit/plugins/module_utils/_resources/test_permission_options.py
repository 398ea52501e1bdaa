"""Options that cannot be right are refused with the option's name; the others become values."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_options import (
    FunctionAddress,
    purge_prefix,
    sample_expand,
    wanted_statements,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_policy import (
    LONGEST_PREFIX,
    twin_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_statement import Statement
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target

GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:"


class Client:
    class meta:  # noqa: N801
        partition = "aws-cn"


@pytest.fixture
def target() -> Target:
    target = Target(None, "eu-west-1")
    target._clients["lambda"] = Client
    return target


def wanted(*items: dict[str, Any], state: str = "present", prefix: str | None = None) -> list[Statement]:
    full = [{"action": "lambda:InvokeFunction", **item} for item in items]
    params = {"statements": full, "state": state, "purge_prefix": prefix}
    return wanted_statements(params, sample_expand("eu-west-1"))


def item(**options: Any) -> dict[str, Any]:
    return {"statement_id": "a", "principal": "logs.amazonaws.com", **options}


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"statement_id": "has space"}, "statement_id"),
        ({"statement_id": "has.dot"}, "statement_id"),
        ({"statement_id": ""}, "statement_id"),
        ({"statement_id": "x" * 101}, "statement_id"),
        ({"statement_id": "newline\n"}, "statement_id"),
        ({"statement_id": twin_of("a")}, "statement_id"),
        ({"principal": None}, "principal"),
        ({"principal": "12345678901"}, "principal"),
        ({"principal": "logs"}, "principal"),
        ({"principal": ""}, "principal"),
        ({"principal": "arn:aws:iam::123456789012:role/with space"}, "principal"),
        ({"principal": "arn:aws:s3:::bucket"}, "principal"),
        ({"action": "InvokeFunction"}, "action"),
        ({"action": "lambda:Invoke*"}, "action"),
        ({"source_account": "12345678901"}, "source_account"),
        ({"source_account": "123456789012\n"}, "source_account"),
        ({"source_arn": "bucket"}, "source_arn"),
        ({"source_arn": ""}, "source_arn"),
        ({"principal_org_id": "o-short"}, "principal_org_id"),
        ({"principal_org_id": "r-a1b2c3d4e5f"}, "principal_org_id"),
        ({"event_source_token": "a b"}, "event_source_token"),
        ({"event_source_token": "x" * 257}, "event_source_token"),
        ({"function_url_auth_type": "NONE"}, "function_url_auth_type"),
        ({"invoked_via_function_url": True, "action": "lambda:InvokeFunctionUrl"}, "invoked_via_function_url"),
        ({"source_arn": GROUP + "/aws/lambda/x"}, "source_arn"),
        ({"source_arn": GROUP + "/aws/*/x"}, "source_arn"),
        ({"source_arn": GROUP + "x", "principal": "logs.eu-west-1.amazonaws.com"}, "source_arn"),
    ],
)
def test_a_wrong_statement_is_refused_with_the_options_name(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError) as failure:
        wanted(item(statement_id="first"), item(**options))
    assert f"statements[1].{option}:" in str(failure.value)


def test_the_refusal_of_a_log_group_says_what_to_write() -> None:
    with pytest.raises(InvalidInputError, match=r"log-group:/aws/lambda/x:\*, so it has to end in ':\*'"):
        wanted(item(source_arn=GROUP + "/aws/lambda/x"))


@pytest.mark.parametrize(
    "options",
    [
        {"source_arn": GROUP + "*"},
        {"source_arn": GROUP + "/aws/lambda/*"},
        {"source_arn": GROUP + "/aws/lambda/x:*"},
        {"source_arn": GROUP + "/aws/lambda/x:log-stream:y"},
        {"source_arn": "arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:*"},
        {"source_arn": GROUP + "x", "principal": "events.amazonaws.com"},
        {"source_arn": "arn:aws:s3:::bucket", "principal": "s3.amazonaws.com"},
        {"principal": "logs.amazonaws.com.cn"},
        {"principal": "alexa-connectedhome.amazon.com", "event_source_token": "amzn1.ask.skill.1"},
        {"principal": "arn:aws:iam::123456789012:role/path/r"},
        {"principal": "arn:aws:sts::123456789012:assumed-role/r/s"},
        {"principal": "*", "principal_org_id": "o-a1b2c3d4e5f"},
        {"principal": "*", "action": "lambda:InvokeFunctionUrl", "function_url_auth_type": "AWS_IAM"},
        {"principal": "*", "invoked_via_function_url": True},
        {"action": "lambda:*"},
    ],
)
def test_what_aws_takes_is_taken_as_it_is(options: dict[str, Any]) -> None:
    (found,) = wanted(item(**options))
    assert found.plain() == {"action": "lambda:InvokeFunction", **item(**options)}


def test_an_accounts_root_is_the_account() -> None:
    (found,) = wanted(item(principal="arn:aws-cn:iam::123456789012:root"))
    assert found.principal == "123456789012"


def test_false_is_not_given() -> None:
    assert wanted(item(invoked_via_function_url=False)) == wanted(item())


def test_an_id_given_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"statements\[1\].statement_id: a is given twice"):
        wanted(item(), item())


def test_placeholders_become_values() -> None:
    arn = "arn:{partition}:logs:{region}:{account}:log-group:*"
    (found,) = wanted(item(source_arn=arn, source_account="{account}"))
    assert found.source_arn == "arn:aws:logs:eu-west-1:000000000000:log-group:*"


def test_absent_wants_only_ids() -> None:
    assert [found.statement_id for found in wanted({"statement_id": "a"}, state="absent")] == ["a"]
    with pytest.raises(InvalidInputError, match="statement_id"):
        wanted({"statement_id": "a b"}, state="absent")


def test_nothing_to_do_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="neither a statement nor purge_prefix"):
        wanted()
    assert wanted(prefix="lr-") == []


@pytest.mark.parametrize("value", ["", " ", "*", "a.", "x" * (LONGEST_PREFIX + 1)])
def test_a_prefix_that_could_mean_everything_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError, match="purge_prefix"):
        purge_prefix(value)


def test_prefixes() -> None:
    assert purge_prefix(None) == ""
    assert purge_prefix("lr-") == "lr-"


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


@pytest.mark.parametrize(
    ("name", "qualifier", "address", "tail"),
    [
        ("f", None, "f", "f"),
        ("f", "live", "f", "f:live"),
        ("f:live", None, "f", "f:live"),
        ("f:7", "7", "f", "f:7"),
        ("function:f", None, "f", "f"),
        ("123456789012:function:f", None, ARN.replace(":aws:", ":aws-cn:"), "f"),
        ("123456789012:function:f:live", None, ARN.replace(":aws:", ":aws-cn:"), "f:live"),
        ("eu-west-1:123456789012:f", None, ARN.replace(":aws:", ":aws-cn:"), "f"),
        (ARN, None, ARN, "f"),
        (ARN + ":live", None, ARN, "f:live"),
        (ARN, "live", ARN, "f:live"),
        ("arn:{partition}:lambda:{region}:{account}:function:f", None, ARN.replace("123456789012", "0" * 12), "f"),
    ],
)
def test_function_names(target: Target, name: str, qualifier: str | None, address: str, tail: str) -> None:
    params = {"function_name": name, "qualifier": qualifier}
    found = FunctionAddress.named(target, params, sample_expand("eu-west-1"))
    assert found.address == address
    assert found.resource.split(":function:")[1] == tail
    expected = {"FunctionName": address}
    if ":" in tail:
        expected["Qualifier"] = tail.split(":")[1]
    assert found.request() == expected


def test_a_bare_names_arn_has_the_length_of_the_real_one(target: Target) -> None:
    found = FunctionAddress.named(target, {"function_name": "f", "qualifier": None}, target.expand)
    assert len(found.resource) == len("arn:aws-cn:lambda:eu-west-1:123456789012:function:f")


@pytest.mark.parametrize(
    ("name", "qualifier", "option"),
    [
        ("", None, "function_name"),
        ("has space", None, "function_name"),
        ("arn:aws:s3:::bucket", None, "function_name"),
        ("x" * 257, None, "function_name"),
        (ARN.replace("eu-west-1", "us-east-1"), None, "function_name"),
        ("f:live", "test", "qualifier"),
        ("f", "$LATEST", "qualifier"),
        ("f:$LATEST", None, "qualifier"),
        ("f", "has space", "qualifier"),
    ],
)
def test_wrong_functions_are_refused(target: Target, name: str, qualifier: str | None, option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"option {option}:"):
        FunctionAddress.named(target, {"function_name": name, "qualifier": qualifier}, target.expand)
