# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one exception tree: what was tried on what, why it failed, what to do.

Imports no Ansible: the subscriber Lambda carries this file.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Self

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # the host says what to install, before anything here is raised

    class BotoCoreError(Exception):  # type: ignore[no-redef]
        """Stands in where botocore is missing."""

    class ClientError(Exception):  # type: ignore[no-redef]
        """Stands in where botocore is missing."""


class ReflectorError(Exception):
    """A failure in one sentence, with its parts for whoever wants to count or group them.

    tried   what was attempted on what, as it follows "Could not": "read the policy of function x"
    why     AWS's or our reason
    hint    what to do, a sentence of its own
    code    AWS's error code, if AWS gave one
    where   "<account>/<region>", as far as known
    """

    def __init__(self, operation: str, message: str, *, advice: str = "", code: str = "", where: str = "") -> None:
        self.operation, self.message, self.advice, self.code, self.where = (
            operation,
            message.rstrip(". "),
            advice,
            code,
            where,
        )
        self.done: dict[str, Any] = {}  # what had been changed before it failed, as fields of a result
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The whole message."""
        place = f" in {self.where}" if self.where else ""
        reason = f"{self.code}: {self.message}" if self.code else self.message
        return f"Could not {self.operation}{place}: {reason}.{' ' + self.advice if self.advice else ''}"

    def with_advice(self, advice: str) -> Self:
        """The same with another hint."""
        self.advice = advice
        self.args = (self.sentence(),)
        return self

    def as_result(self) -> dict[str, Any]:
        """The parts as a task result's fields."""
        return {"msg": str(self), "error_code": self.code, "error_kind": type(self).__name__}


class InvalidInputError(ReflectorError):
    """An option's value cannot be right; raised before the first call to AWS."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(f"accept the option {option}", message)


def check_name(option: str, value: str, pattern: str, allowed: str) -> None:
    """InvalidInputError if a name is not as AWS's API reference wants it; `allowed` says that in words."""
    if not re.fullmatch(pattern, value, re.ASCII):
        raise InvalidInputError(option, f"{value!r} is not {allowed}")


class AccessDeniedError(ReflectorError):
    """A permission is missing."""


class NotFoundError(ReflectorError):
    """The resource does not exist."""


class ConflictError(ReflectorError):
    """Somebody else wrote at the same time, or the name is taken."""


class OutdatedError(ConflictError):
    """Another writer was faster: what was planned from does not hold any more. The frame reads and plans again."""


class RefusedError(ReflectorError):
    """Not done, to protect something: a resource that is not ours, messages that would be lost."""


class LimitReachedError(ReflectorError):
    """A quota is full: a filter slot, a policy's size."""


class ThrottledError(ReflectorError):
    """AWS still refused for its rate after the last retry."""


class UnreachableError(ReflectorError):
    """No answer from the endpoint: network, a region that fails, a wrong endpoint URL."""


class RegionDisabledError(ReflectorError):
    """The account has not enabled the region. `status` is GetRegionOptStatus's."""

    def __init__(self, operation: str, region: str, status: str, *, where: str = "") -> None:
        message = f"the region {region} is not enabled in this account ({status})"
        advice = "Run again when it is." if status == "ENABLING" else "Enable it there, or leave this target out."
        super().__init__(operation, message, advice=advice, code="RegionDisabled", where=where)


class DownloadError(ReflectorError):
    """What AWS keeps for us did not come from the address that it gave: a network in between, not AWS's API."""


class CredentialsError(ReflectorError):
    """No usable credentials, or a role that cannot be assumed."""


class AwsError(ReflectorError):
    """Everything else that AWS answers."""


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

# Error codes as the services' API references list them under "Errors".
_KINDS: dict[str, type[ReflectorError]] = {
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"), AccessDeniedError
    ),
    **dict.fromkeys(
        (
            "ResourceNotFoundException",
            "NoSuchEntity",
            "ParameterNotFound",
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

# botocore's exceptions, by the name of the class or of one it comes from: older releases lack some.
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
    """AWS's error code of a botocore ClientError, without a namespace; "" for anything else."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "")).rsplit("#", 1)[-1]
    return ""


def translate(error: Exception, operation: str, where: str = "") -> ReflectorError:
    """The exception of our tree for one of botocore's."""
    if isinstance(error, ClientError):
        return _translate_answer(error, operation, where)
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
        advice = "Renew the credentials; where they are right, check that the region is enabled in this account."
    elif kind is ThrottledError:
        advice = (
            "Others use up the rate of this API in this account and region: run again, later or with fewer workers."
        )
    return kind(operation, text, advice=advice, code=code, where=where)


@contextlib.contextmanager
def describe_operation(operation: str, where: str = "") -> Iterator[None]:
    """Calls to AWS stand inside: whatever botocore raises leaves as one of our exceptions."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise translate(error, operation, where) from error
