# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The translation of botocore's exceptions, and the parts and the text of an error."""

from __future__ import annotations

import botocore.exceptions
import botocore.parsers
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _errors
from botocore.exceptions import ClientError


def answer(code: str, message: str = "because") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutSubscriptionFilter")


def test_error_sentence_has_operation_place_reason_and_advice() -> None:
    error = _errors.translate(
        answer("AccessDeniedException", "not allowed."), "read the thing x", "222222222222/eu-west-1"
    )
    assert str(error) == (
        "Could not read the thing x in 222222222222/eu-west-1: AccessDeniedException: not allowed. "
        "The caller needs the IAM action for PutSubscriptionFilter."
    )


def test_error_result_keeps_every_part() -> None:
    error = _errors.translate(answer("AccessDeniedException", "not allowed."), "read x", "222222222222/eu-west-1")
    assert error.as_result() == {
        "msg": str(error),
        "error": {
            "kind": "AccessDeniedError",
            "operation": "read x",
            "account": "222222222222",
            "region": "eu-west-1",
            "code": "AccessDeniedException",
            "message": "not allowed",
            "advice": "The caller needs the IAM action for PutSubscriptionFilter.",
            "extent": "",
            "resource": "",
            "attempted": "",
        },
    }
    assert _errors.error_sentence(error.parts()) == str(error)


def test_error_of_several_resources_names_the_first_and_how_many() -> None:
    one = _errors.translate(
        answer("AccessDeniedException", "no."), "put filter a on log group /a", "222222222222/eu-west-1"
    )
    several = one.of_several("serve all log groups", "/a", "2 of 8 failed", "")
    assert str(several) == (
        "Could not serve all log groups in 222222222222/eu-west-1: 2 of 8 failed. The first, /a: "
        "could not put filter a on log group /a: AccessDeniedException: no. The caller needs the IAM action for PutSubscriptionFilter."
    )
    assert _errors.error_sentence(several.parts()) == str(several)
    assert several.parts()["kind"] == "AccessDeniedError"
    assert str(one).startswith("Could not put filter a on log group /a")


def test_error_with_region_only_has_no_account() -> None:
    parts = _errors.AwsError("read x", "it broke", where="eu-west-1").parts()
    assert (parts["account"], parts["region"]) == ("", "eu-west-1")
    assert _errors.error_sentence(parts) == "Could not read x in eu-west-1: it broke."


def test_error_sentence_without_operation_is_the_message() -> None:
    assert _errors.error_sentence({"message": "'x' is undefined"}) == "'x' is undefined"


def test_error_sentence_without_place_has_no_gap() -> None:
    assert str(_errors.AwsError("read x", "it broke")) == "Could not read x: it broke."


def test_error_sentence_keeps_a_question_mark() -> None:
    error = _errors.InvalidInputError("deploy_wavs", "no such variable. Did you mean deploy_waves?", kind="variable")
    assert str(error) == "Could not accept the variable deploy_wavs: no such variable. Did you mean deploy_waves?"


def test_error_with_new_advice_changes_its_text() -> None:
    error = _errors.AwsError("read x", "it broke").with_advice("Run again.")
    assert str(error) == "Could not read x: it broke. Run again."


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", _errors.AccessDeniedError),
        ("AccessDeniedException", _errors.AccessDeniedError),
        ("ResourceNotFoundException", _errors.NotFoundError),
        ("NoSuchEntity", _errors.NotFoundError),
        ("AWS.SimpleQueueService.NonExistentQueue", _errors.NotFoundError),
        ("ParameterNotFound", _errors.NotFoundError),
        ("OperationAbortedException", _errors.ConflictError),
        ("ParameterAlreadyExists", _errors.ConflictError),
        ("TooManyUpdates", _errors.ConflictError),
        ("PreconditionFailedException", _errors.ConflictError),
        ("ResourceConflictException", _errors.ConflictError),
        ("LimitExceededException", _errors.LimitReachedError),
        ("PolicyLengthExceededException", _errors.LimitReachedError),
        ("ParameterLimitExceeded", _errors.LimitReachedError),
        ("ParameterMaxVersionLimitExceeded", _errors.LimitReachedError),
        ("ThrottlingException", _errors.ThrottledError),
        ("TooManyRequestsException", _errors.ThrottledError),
        ("ExpiredTokenException", _errors.CredentialsError),
        ("InvalidSignatureException", _errors.CredentialsError),
        ("UnrecognizedClientException", _errors.CredentialsError),
        ("InvalidParameterException", _errors.AwsError),
        ("SomethingNewException", _errors.AwsError),
    ],
)
def test_translate_returns_the_kind_of_the_error_code(code: str, kind: type[Exception]) -> None:
    error = _errors.translate(answer(code), "do it")
    assert error.__class__ is kind
    assert error.code == code


def test_error_code_with_namespace_loses_it() -> None:
    namespaced = answer("com.amazonaws.logs#ResourceNotFoundException")
    assert isinstance(_errors.translate(namespaced, "do it"), _errors.NotFoundError)


def test_translate_answer_without_code_and_message_returns_an_error() -> None:
    error = _errors.translate(ClientError({}, "GetPolicy"), "do it")
    assert str(error) == "Could not do it: no message."


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (botocore.exceptions.NoCredentialsError(), _errors.CredentialsError),
        (botocore.exceptions.ProfileNotFound(profile="x"), _errors.CredentialsError),
        (botocore.exceptions.UnauthorizedSSOTokenError(), _errors.CredentialsError),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://x"), _errors.UnreachableError),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="https://x"), _errors.UnreachableError),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://x"), _errors.UnreachableError),
        (botocore.exceptions.SSLError(endpoint_url="https://x", error="bad"), _errors.UnreachableError),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="https://x"), _errors.UnreachableError),
        (botocore.exceptions.ParamValidationError(report="too short"), _errors.AwsError),
        (botocore.parsers.ResponseParserError("invalid XML"), _errors.UnreachableError),
    ],
)
def test_describe_operation_translates_botocore_exceptions(raised: Exception, kind: type[Exception]) -> None:
    with pytest.raises(_errors.ReflectorError) as caught, _errors.describe_operation("do it", "here"):
        raise raised
    assert caught.value.__class__ is kind
    assert str(caught.value).startswith("Could not do it in here: ")
    assert caught.value.__cause__ is raised


def test_page_of_a_proxy_is_not_shown() -> None:
    page = botocore.parsers.ResponseParserError("Unable to parse response, invalid XML received:\n<html>secret</html>")
    told = str(_errors.translate(page, "list the roles"))
    assert told.startswith("Could not list the roles: Unable to parse response, invalid XML received")
    assert "check the proxies" in told
    assert "html" not in told


def test_describe_operation_leaves_other_exceptions_unchanged() -> None:
    ours = _errors.NotFoundError("find it", "it is gone")
    for error in (ours, KeyError("a bug")):
        with pytest.raises(type(error)) as caught, _errors.describe_operation("do something else"):
            raise error
        assert caught.value is error


def test_invalid_input_error_names_the_option() -> None:
    assert str(_errors.InvalidInputError("slots", "0 is less than 1")) == (
        "Could not accept the option slots: 0 is less than 1."
    )
