# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exceptions of this collection, and their translation from botocore's.

An error keeps its parts (operation, place, code, message, advice) until it is printed. This file imports no Ansible:
the subscriber's package contains it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

try:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
except ImportError:  # the module reports the missing library before any of these can be raised

    class BotoCoreError(Exception):  # type: ignore[no-redef]
        """Replaces the class of botocore where it is not installed."""

    class ClientError(Exception):  # type: ignore[no-redef]
        """Replaces the class of botocore where it is not installed."""

    class ResponseParserError(Exception):  # type: ignore[no-redef]
        """Replaces the class of botocore where it is not installed."""


class ReflectorError(Exception):
    """A failed operation.

    operation   what was attempted, as it follows "Could not": "read the policy of function x"
    message     the reason, from AWS or from us
    advice      a sentence that says what to do, or ""
    code        AWS's error code, or ""
    where       "<account>/<region>", "<region>" if the account is unknown, or ""
    extent      of an operation on many resources: how many of them failed; "" otherwise
    resource    of such an operation, the name of the first that failed
    attempted   and what was attempted with it, as it follows "could not"
    """

    def __init__(self, operation: str, message: str, *, advice: str = "", code: str = "", where: str = "") -> None:
        self.operation, self.message, self.advice, self.code, self.where = (
            operation,
            message.rstrip(". "),
            advice,
            code,
            where,
        )
        self.resource = self.extent = self.attempted = ""
        self.done: dict[str, Any] = {}  # result fields: what was changed before the failure
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """Return the whole text."""
        return error_sentence(self.parts())

    def with_advice(self, advice: str) -> Self:
        """Set another advice. Return the error itself."""
        self.advice = advice
        self.args = (self.sentence(),)
        return self

    def of_several(self, operation: str, resource: str, extent: str, where: str) -> Self:
        """Return a copy of the error, which one resource met, as that of an operation on many of them.

        where   for an error that has none
        """
        attempted = "" if operation == self.operation else self.operation
        where = self.where or where
        return self.replace(
            operation=operation, resource=resource, extent=extent, attempted=attempted, where=where, done={}
        )

    def replace(self, **parts: Any) -> Self:
        """Return a copy of the error with other parts."""
        error = type(self).__new__(type(self))  # copy.copy would call __init__ with the sentence
        error.__dict__.update(self.__dict__ | parts)
        error.args = (error.sentence(),)
        return error

    def parts(self) -> dict[str, str]:
        """Return the parts as texts, as a task result carries them."""
        account, _separator, region = self.where.rpartition("/")
        return {
            "kind": type(self).__name__,
            "operation": self.operation,
            "account": account,
            "region": region,
            "code": self.code,
            "message": self.message,
            "advice": self.advice,
            "extent": self.extent,
            "resource": self.resource,
            "attempted": self.attempted,
        }

    def as_result(self) -> dict[str, Any]:
        """Return the fields of a task result: the sentence, and the parts."""
        return {"msg": str(self), "error": self.parts()}


def error_sentence(parts: Mapping[str, str]) -> str:
    """Return the text for the parts of an error. Only `message` is required."""
    operation = parts.get("operation")
    if not operation:
        return parts["message"]
    where = "/".join(filter(None, (parts.get("account"), parts.get("region"))))
    place = f" in {where}" if where else ""
    reason = f"{parts['code']}: {parts['message']}" if parts.get("code") else parts["message"]
    if parts.get("extent"):
        attempted = f"could not {parts['attempted']}: " if parts.get("attempted") else ""
        reason = f"{parts['extent']}. The first, {parts['resource']}: {attempted}{reason}"
    advice = f" {parts['advice']}" if parts.get("advice") else ""
    end = "" if reason.endswith("?") else "."
    return f"Could not {operation}{place}: {reason}{end}{advice}"


class InvalidInputError(ReflectorError):
    """The value of an option is wrong. Raised before the first call to AWS."""

    def __init__(self, option: str, message: str, *, kind: str = "option") -> None:
        self.option = option
        super().__init__(f"accept the {kind} {option}", message)

    def renamed(self, names: Mapping[str, str]) -> InvalidInputError:
        """Return the error about the variable that the option comes from, by option; itself where there is none."""
        variable = names.get(self.option)
        return InvalidInputError(variable, self.message, kind="variable") if variable else self


def did_you_mean(name: str, known: Collection[str], cutoff: float = 0.7) -> str:
    """Return a question for the known name that is nearest, with a space before it; "" if none is near."""
    import difflib  # noqa: PLC0415  (only for an error)

    near = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return f" Did you mean {near[0]}?" if near else ""


def check_name(option: str, value: str, pattern: str, allowed: str) -> None:
    """Raise InvalidInputError if a name does not match the pattern of AWS's API reference; `allowed` is that pattern in words."""
    if not re.fullmatch(pattern, value, re.ASCII):
        raise InvalidInputError(option, f"{value!r} is not {allowed}")


class AccessDeniedError(ReflectorError):
    """A permission is missing."""


class NotFoundError(ReflectorError):
    """The resource does not exist."""


class ConflictError(ReflectorError):
    """Another writer changed the resource at the same time, or the name is taken."""


class OutdatedError(ConflictError):
    """The resource changed since it was read. `_plan.converge` reads and plans again."""


class RefusedError(ReflectorError):
    """The operation would damage something: a resource without the owner tag, messages that would be lost."""


class LimitReachedError(ReflectorError):
    """A quota is full: a filter slot, a policy's size. `holders` is the part of the message that names who uses it, or ""."""

    def __init__(self, operation: str, message: str, *, holders: str = "", **more: str) -> None:
        super().__init__(operation, message, **more)
        self.holders = holders


class ThrottledError(ReflectorError):
    """AWS still throttled the call after the last retry."""


class UnreachableError(ReflectorError):
    """The endpoint did not answer: no network, a failing region or a wrong endpoint URL."""


class RegionDisabledError(ReflectorError):
    """The account has not enabled the region. `status` is GetRegionOptStatus's."""

    def __init__(self, operation: str, region: str, status: str, *, where: str = "") -> None:
        message = f"the region {region} is not enabled in this account ({status})"
        advice = (
            "Run again when the region is enabled."
            if status == "ENABLING"
            else "Enable the region, or remove this target from the inventory."
        )
        super().__init__(operation, message, advice=advice, code="RegionDisabled", where=where)


class DownloadError(ReflectorError):
    """A download from a URL that AWS returned failed. The network is the cause, not the API."""


class CredentialsError(ReflectorError):
    """No usable credentials, or a role that cannot be assumed."""


class AwsError(ReflectorError):
    """Any other error of AWS."""


THROTTLING_CODES = (
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
"""botocore's own list (botocore/retries/standard.py), without LimitExceededException: a full quota does not pass by itself."""

# Error codes from the section "Errors" of the services' API references.
_KINDS: dict[str, type[ReflectorError]] = {
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"), AccessDeniedError
    ),
    **dict.fromkeys(
        (
            "ResourceNotFoundException",
            "NoSuchEntity",
            "NotFoundException",
            "ParameterNotFound",
            "ResourceNotFound",
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        NotFoundError,
    ),
    **dict.fromkeys(
        (
            "ConcurrentModification",
            "ConcurrentModificationException",
            "EntityAlreadyExists",
            "OperationAbortedException",
            "ParameterAlreadyExists",
            "PreconditionFailedException",
            "QueueAlreadyExists",
            "QueueNameExists",
            "ResourceAlreadyExistsException",
            "ResourceConflictException",
            "TooManyUpdates",
        ),
        ConflictError,
    ),
    **dict.fromkeys(
        (
            "LimitExceeded",
            "LimitExceededException",
            "ParameterLimitExceeded",
            "ParameterMaxVersionLimitExceeded",
            "PolicyLengthExceededException",
            "ServiceQuotaExceededException",
        ),
        LimitReachedError,
    ),
    **dict.fromkeys(THROTTLING_CODES, ThrottledError),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        CredentialsError,
    ),
}

# Names of botocore's exceptions or of their base classes. By name, because older releases lack some.
_CREDENTIAL_ERRORS = {
    "CredentialRetrievalError",
    "LoginError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "SSOError",
    "TokenRetrievalError",
}
_NETWORK_ERRORS = {"ConnectionError", "HTTPClientError"}


def error_code(error: Exception) -> str:
    """Return AWS's error code of a ClientError without its namespace, "" for any other exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "")).rsplit("#", 1)[-1]
    return ""


def translate(error: Exception, operation: str, where: str = "") -> ReflectorError:
    """Return our exception for one of botocore's."""
    if isinstance(error, ClientError):
        return _translate_answer(error, operation, where)
    if isinstance(error, ResponseParserError):  # its further lines are the answer
        advice = "Something else answers in AWS's place: check the proxies and the endpoint that this machine uses."
        return UnreachableError(operation, str(error).partition("\n")[0], advice=advice, where=where)
    names = {ancestor.__name__ for ancestor in type(error).__mro__}
    if names & _CREDENTIAL_ERRORS:
        advice = "Give access_key and secret_key, a profile, or an environment that boto3 finds credentials in."
        return CredentialsError(operation, str(error), advice=advice, where=where)
    if names & _NETWORK_ERRORS:
        advice = "Check that the region is enabled in this account and that its endpoint can be reached from here."
        return UnreachableError(operation, str(error), advice=advice, where=where)
    return AwsError(operation, str(error), where=where)


def _translate_answer(error: ClientError, operation: str, where: str) -> ReflectorError:
    code = error_code(error)
    text = str(error.response.get("Error", {}).get("Message") or "no message")
    kind = _KINDS.get(code, AwsError)
    advice = ""
    if kind is AccessDeniedError:
        advice = f"The caller needs the IAM action for {error.operation_name}."
    elif kind is CredentialsError:
        advice = "Renew the credentials. If they are valid, check that the region is enabled in this account."
    elif kind is ThrottledError:
        advice = (
            "Others use up the rate of this API in this account and region. Run again later, or with fewer workers."
        )
    return kind(operation, text, advice=advice, code=code, where=where)


@contextlib.contextmanager
def describe_operation(operation: str, where: str = "") -> Iterator[None]:
    """Translate the exceptions that botocore raises inside this context."""
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise translate(error, operation, where) from error
