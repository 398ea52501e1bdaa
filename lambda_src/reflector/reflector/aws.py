"""AWS, asked through the runtime's own SDK, which is imported when it is needed first: it costs 0.3 CPU-seconds."""

from functools import lru_cache
from math import floor, log2
from typing import Any

_PASSING = frozenset(
    {
        # Throttling, by its many names.
        "BandwidthLimitExceeded",
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
        # What is down, or was in the way, for a moment.
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
"""Error codes that another attempt may not meet again (AWS SDKs and Tools reference guide, "Retry behavior"; the services' pages)."""


class AwsError(Exception):
    """A call did not succeed.

    `code` is AWS's error code or, where no answer came (`status` 0), the name of the SDK's error. Neither holds anything of
    what was sent: the SDK's own texts may.
    """

    def __init__(self, operation: str, code: str, status: int, *, passing: bool) -> None:
        super().__init__(f"{operation}: {code}")
        self.operation = operation
        self.code = code
        self.status = status
        self.passing = passing


def ask(
    service: str,
    operation: str,
    region: str | None = None,
    *,
    timeout: float = 8.0,
    attempts: int = 3,
    **parameters: Any,
) -> dict[str, Any]:
    """The answer to an operation (as boto3 calls it) in that region, by default the function's. Raises AwsError.

    An attempt takes about `timeout` seconds at the most.
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
        passing = passes(code) or status == 429 or status >= 500
        raise AwsError(error.operation_name, code, status, passing=passing) from None
    except (BotoCoreError, ResponseParserError) as error:
        passing = isinstance(error, ConnectionError | HTTPClientError | ResponseParserError)
        raise AwsError(operation, type(error).__name__, 0, passing=passing) from None
    return answer


def passes(code: str) -> bool:
    """Whether an error of that code may pass by itself."""
    return code in _PASSING


def plain_code(code: Any) -> str:
    """An error code that can be shown: letters, digits, dots and underscores, as AWS's are."""
    text = str(code)
    plain = text.isascii() and text.replace(".", "").replace("_", "").isalnum()
    return text if plain and len(text) <= 64 else "unknown error"


@lru_cache(maxsize=64)  # a client costs tens of CPU-ms, and keeps its connections
def client(service: str, region: str | None, seconds: float, attempts: int) -> Any:
    """boto3's client for a service."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=seconds / 4,
        read_timeout=seconds * 5 / 8,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # A session of its own: boto3's default one is not for threads, and each sink may have one.
    return boto3.Session().client(service, region_name=region, config=config)


def _rounded(seconds: float) -> float:
    """The power of two below: time-outs belong to a client, and one for each length of time would be many."""
    return 2.0 ** floor(log2(max(seconds, 0.1)))
