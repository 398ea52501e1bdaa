"""One sentence, from whatever botocore raises."""

from __future__ import annotations

import botocore.exceptions
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _errors
from botocore.exceptions import ClientError


def answer(code: str, message: str = "because") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutSubscriptionFilter")


def test_a_sentence_tells_what_where_why_and_what_to_do() -> None:
    error = _errors.translate(
        answer("AccessDeniedException", "not allowed."), "read the thing x", "222222222222/eu-west-1"
    )
    assert str(error) == (
        "Could not read the thing x in 222222222222/eu-west-1: AccessDeniedException: not allowed. "
        "The caller needs the IAM action for PutSubscriptionFilter."
    )
    assert error.as_result() == {
        "msg": str(error),
        "error_code": "AccessDeniedException",
        "error_kind": "AccessDeniedError",
    }


def test_a_place_that_is_not_known_leaves_no_hole() -> None:
    assert str(_errors.AwsError("read x", "it broke")) == "Could not read x: it broke."


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
def test_aws_error_codes_become_kinds(code: str, kind: type[Exception]) -> None:
    error = _errors.translate(answer(code), "do it")
    assert error.__class__ is kind
    assert error.code == code


def test_a_namespace_before_the_code_is_dropped() -> None:
    namespaced = answer("com.amazonaws.logs#ResourceNotFoundException")
    assert isinstance(_errors.translate(namespaced, "do it"), _errors.NotFoundError)


def test_an_answer_without_code_and_message_is_still_an_error() -> None:
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
    ],
)
def test_what_botocore_raises_by_itself_becomes_a_kind(raised: Exception, kind: type[Exception]) -> None:
    with pytest.raises(_errors.ReflectorError) as caught, _errors.describe_operation("do it", "here"):
        raise raised
    assert caught.value.__class__ is kind
    assert str(caught.value).startswith("Could not do it in here: ")
    assert caught.value.__cause__ is raised


def test_trying_leaves_our_own_and_foreign_exceptions_alone() -> None:
    ours = _errors.NotFoundError("find it", "it is gone")
    for error in (ours, KeyError("a bug")):
        with pytest.raises(type(error)) as caught, _errors.describe_operation("do something else"):
            raise error
        assert caught.value is error


def test_invalid_input_names_the_option() -> None:
    assert str(_errors.InvalidInputError("slots", "0 is less than 1")) == (
        "Could not accept the option slots: 0 is less than 1."
    )
