# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to AWS through the SDK of the Lambda runtime.

boto3 is imported at the first call, because importing it costs 0.3 CPU-seconds.
"""

from functools import lru_cache
from math import floor, log2
from typing import Any

_TRANSIENT_CODES = frozenset(
    {
        # throttling
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "KMSThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        # a service that is down, or a request that collided with another one
        "InternalError",
        "InternalFailure",
        "InternalFailureException",
        "OperationAborted",
        "PriorRequestNotComplete",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
"""Error codes after which a retry may succeed (AWS SDKs and Tools reference guide, "Retry behavior"; the services' pages)."""


class AwsError(Exception):
    """A call failed.

    `code` is AWS's error code or, without an answer (`status` 0), the class name of the SDK's error. Both are free of
    anything that was sent; the SDK's own texts are not. `transient`: a retry may succeed.
    """

    def __init__(self, operation: str, code: str, status: int, *, transient: bool) -> None:
        super().__init__(f"{operation}: {code}")
        self.operation = operation
        self.code = code
        self.status = status
        self.transient = transient


def call(
    service: str,
    operation: str,
    region: str | None = None,
    *,
    timeout: float = 8.0,
    attempts: int = 3,
    **parameters: Any,
) -> dict[str, Any]:
    """Return the answer of an operation, which has boto3's name. Raises AwsError.

    The default region is the function's. An attempt takes about `timeout` seconds at most.
    """
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        ConnectionError,  # noqa: A004
        HTTPClientError,
    )
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    try:
        answer: dict[str, Any] = getattr(client(service, region, _rounded(timeout), attempts), operation)(**parameters)
    except ClientError as error:
        code = plain_code(error.response.get("Error", {}).get("Code"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        transient = is_transient(code) or status == 429 or status >= 500
        raise AwsError(error.operation_name, code, status, transient=transient) from None
    except (BotoCoreError, ResponseParserError) as error:
        transient = isinstance(error, ConnectionError | HTTPClientError | ResponseParserError)
        raise AwsError(operation, type(error).__name__, 0, transient=transient) from None
    return answer


def is_transient(code: str) -> bool:
    """Return whether a retry after an error with this code may succeed."""
    return code in _TRANSIENT_CODES


def plain_code(code: Any) -> str:
    """Return an error code that is safe to show: letters, digits, dots and underscores, as in AWS's codes."""
    text = str(code)
    plain = text.isascii() and text.replace(".", "").replace("_", "").isalnum()
    return text if plain and len(text) <= 64 else "unknown error"


@lru_cache(maxsize=64)  # a client costs tens of CPU-ms, and keeps its connections
def client(service: str, region: str | None, seconds: float, attempts: int) -> Any:
    """Return boto3's client for a service."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=seconds / 4,
        read_timeout=seconds * 5 / 8,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # Each client has its own session: boto3's default session is not thread-safe, and sinks run in threads.
    return boto3.Session().client(service, region_name=region, config=config)


def _rounded(seconds: float) -> float:
    """Return the power of two below, so that few clients are made: a client has one time-out."""
    return 2.0 ** floor(log2(max(seconds, 0.1)))
