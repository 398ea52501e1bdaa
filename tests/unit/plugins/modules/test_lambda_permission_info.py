"""lambda_permission_info's conversations with AWS."""

from __future__ import annotations

import json
from typing import Any

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
OURS = {
    "Sid": "logs",
    "Effect": "Allow",
    "Principal": {"Service": "logs.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Resource": ARN,
    "Condition": {
        "StringEquals": {"AWS:SourceAccount": "123456789012"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:logs:eu-west-1:123456789012:log-group:*"},
    },
}
THEIRS = {"Effect": "Deny", "NotPrincipal": {"AWS": ["1", "2"]}, "Action": "lambda:*", "Resource": ARN}


def test_statements_in_the_options_words_and_as_they_are(aws: Any) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": [OURS, THEIRS]}, separators=(",", ":"))
    aws.stub("lambda").add_response("get_policy", {"Policy": text, "RevisionId": "r1"}, {"FunctionName": "f"})
    result = aws.run("lambda_permission_info", function_name="f")
    assert aws.calls == ["GetPolicy"]
    assert result["changed"] is False
    assert result["policy_size"] == len(text)
    assert result["policy_size_limit"] == 20480
    assert result["revision_id"] == "r1"
    assert result["statements"] == [
        {
            "statement_id": "logs",
            "principal": "logs.amazonaws.com",
            "action": "lambda:InvokeFunction",
            "source_arn": "arn:aws:logs:eu-west-1:123456789012:log-group:*",
            "source_account": "123456789012",
            "expressible": True,
            "raw": OURS,
        },
        {"statement_id": None, "expressible": False, "raw": THEIRS},
    ]


def test_a_function_without_a_policy_has_no_statements(aws: Any) -> None:
    stub = aws.stub("lambda")
    stub.add_client_error("get_policy", "ResourceNotFoundException", "The resource you requested does not exist.")
    stub.add_response("get_function_configuration", {}, {"FunctionName": "f", "Qualifier": "live"})
    result = aws.run("lambda_permission_info", function_name="f", qualifier="live")
    assert aws.calls == ["GetPolicy", "GetFunctionConfiguration"]
    assert (result["statements"], result["policy_size"], result["revision_id"]) == ([], 0, None)


def test_a_missing_function_is_an_error(aws: Any) -> None:
    result = aws.run("lambda_permission_info", function_name="nothing")
    assert result["failed"] is True
    assert result["error"]["kind"] == "NotFoundError"
    assert "find function nothing" in result["msg"]


def test_a_name_that_cannot_be_one_is_refused_before_any_call(aws: Any) -> None:
    result = aws.run("lambda_permission_info", function_name="no name")
    assert "function_name" in result["msg"]
    assert aws.calls == []
