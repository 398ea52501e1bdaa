# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to CloudWatch Logs that subscriptions need: a method for each, errors translated."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .._errors import (
    AwsError,
    ConflictError,
    LimitReachedError,
    NotFoundError,
    ReflectorError,
    ThrottledError,
    describe_operation,
)
from .._retry import RetryPolicy
from .choice import LogGroup
from .filters import SubscriptionFilter, holders, is_lambda
from .rate_limiter import RateLimiter

with contextlib.suppress(ImportError):  # the module reports the missing library
    from botocore import __version__ as sdk_version
    from botocore import xform_name


class CannotListByTagError(ReflectorError):
    """ListLogGroups does not filter by tags here."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__("list the log groups by tag", message, advice=advice)


class OutdatedSdkError(CannotListByTagError):
    """This botocore does not know ListLogGroups with tags."""

    def __init__(self) -> None:
        super().__init__(f"botocore {sdk_version} cannot do that", "Install boto3 1.43.2 or later.")


def can_read_tags(log_group: str) -> bool:
    """Whether the calls for the tags of one log group take its name: their ARNs have no "#" (API reference, TagResource)."""
    return "#" not in log_group


class LogsApi:
    """CloudWatch Logs in one target. Safe to share between threads.

    client          a boto3 "logs" client; for many calls one that does not retry throttling (`stop_at_limits`), or
                    botocore's pauses hide throttling from the rate limiter
    where           returns "<account>/<region>" for error messages; the account may become known later
    retry_policy    for transient errors: another writer on the group, a rate that others use up
    rate_limiter    of all calls, shared with other callers or not
    is_missing      whether a destination is a Lambda function that does not exist; False if that is unknown
    """

    def __init__(
        self,
        client: Any,
        where: Callable[[], str] = str,
        retry_policy: RetryPolicy | None = None,
        rate_limiter: RateLimiter | None = None,
        *,
        is_missing: Callable[[str], bool] = lambda _destination: False,
    ) -> None:
        self._client = client
        self._where = where
        self._retry_policy = retry_policy or RetryPolicy()
        self.rate_limiter = rate_limiter or RateLimiter(sleep=self._retry_policy.sleep, clock=self._retry_policy.clock)
        self._is_missing = is_missing
        self._destination_deadline: float | None = None
        self._filters_by_tag: bool | None = None
        self._probe_lock = threading.Lock()

    def groups(self, prefix: str = "", token: str = "") -> Iterator[LogGroup]:
        """Yield every log group whose name begins with `prefix`, page by page, sorted by name.

        token   of the first page to read; each group has its page's (`LogGroup.page`)
        """
        request = {"logGroupNamePrefix": prefix} if prefix else {}
        for items, page in self.pages("DescribeLogGroups", "list the log groups", "logGroups", request, token):
            for item in items:
                yield LogGroup(
                    item["logGroupName"],
                    item.get("logGroupClass", "STANDARD"),
                    created=item.get("creationTime", 0),
                    retention=item.get("retentionInDays"),
                    encrypted=bool(item.get("kmsKeyId")),
                    page=page,
                )

    def tagged(self, tags: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """Yield the names of the log groups that carry all these tags, each with one of its values (none: any value).

        AWS lists a thousand a call. Its index of tags is eventually consistent. CannotListByTagError if botocore does not know
        the call, or if AWS does not filter: it may ignore a parameter that it does not know, and then returns every group.
        """
        if not self.can_list_by_tag:
            raise OutdatedSdkError
        with self._probe_lock:  # a second thread takes what the first one has found
            if self._filters_by_tag is None:
                self._filters_by_tag = self._probe_tags()
        if not self._filters_by_tag:
            raise CannotListByTagError("AWS returned log groups that do not carry the tag")
        filters = [{"key": key, **({"values": list(values)} if values else {})} for key, values in tags.items()]
        request = {"logGroupTags": filters, "limit": 1000}
        for items, _unused in self.pages("ListLogGroups", "list the log groups by tag", "logGroups", request):
            yield from (item["logGroupName"] for item in items)

    def _probe_tags(self) -> bool:
        """Return whether AWS finds no group by a value that no group has."""
        probe = [{"key": "logreflector.aws/probe", "values": [secrets.token_hex(16)]}]
        request = {"logGroupTags": probe, "limit": 1}
        answer = self.call("ListLogGroups", "list the log groups by tag", request)
        return not answer.get("logGroups")

    @property
    def can_list_by_tag(self) -> bool:
        """Whether this botocore knows ListLogGroups with logGroupTags. The one of a Lambda runtime may be too old."""
        model = self._client.meta.service_model
        return "ListLogGroups" in model.operation_names and (
            "logGroupTags" in model.operation_model("ListLogGroups").input_shape.members
        )

    def filters(self, log_group: str) -> list[SubscriptionFilter]:
        """Return all filters of a group. NotFoundError if the group is gone."""
        operation = f"read the subscription filters of log group {log_group}"
        request = {"logGroupName": log_group}
        pages = self.pages("DescribeSubscriptionFilters", operation, "subscriptionFilters", request)
        return [SubscriptionFilter.from_api(item) for items, _unused in pages for item in items]

    def put(self, desired: SubscriptionFilter) -> None:
        """Create or update in place. LimitReachedError names the group's filters; NotFoundError if the group is gone."""
        operation = f"put subscription filter {desired.name} on log group {desired.log_group}"
        try:
            self.call(
                "PutSubscriptionFilter", operation, desired.request(), self._transient_put(desired.destination_arn)
            )
        except LimitReachedError as error:  # no slot, or another limit, such as that of regular expressions in patterns
            filters = self.filters(desired.log_group)
            message = f"{error.message}; the log group's filters are {holders(filters) or 'none'}"
            advice = "" if desired.name in {item.name for item in filters} else _slots_hint(len(filters))
            raise LimitReachedError(
                error.operation,
                message,
                holders=holders(filters),
                advice=advice,
                code=error.code,
                where=error.where,
            ) from error
        except NotFoundError as error:
            self.filters(desired.log_group)  # raises NotFoundError if the group is gone, and not the destination
            raise AwsError(
                error.operation,
                error.message,
                advice=self.destination_advice(desired.destination_arn),
                code=error.code,
                where=error.where,
            ) from error
        except ReflectorError as error:
            if is_destination_refusal(error):
                error.with_advice(self.destination_advice(desired.destination_arn))
            raise

    def is_destination_coming(self, error: ReflectorError, destination_arn: str) -> bool:
        """Whether the destination may soon accept what it refused: after AddPermission, AWS does not see the new statement
        for a while."""
        return is_destination_refusal(error) and not self._is_missing(destination_arn)

    def missing_destination(self, destination_arn: str) -> str:
        """Return a sentence if the destination is a function that does not exist, "" otherwise or if the caller may not know."""
        return self.destination_advice(destination_arn) if self._is_missing(destination_arn) else ""

    def destination_advice(self, destination_arn: str, scope: str = "") -> str:
        """Return what to do if AWS refuses the destination."""
        if not is_lambda(destination_arn):
            return f"Check that {destination_arn} exists and is active, and that the filter's role may write to it."
        if self._is_missing(destination_arn):
            return f"There is no function {destination_arn}. Correct destination_arn, or deploy the function first."
        return (
            f"Check that {destination_arn} exists and that its policy lets logs.amazonaws.com invoke it{scope}"
            " (logreflector.aws.lambda_permission)."
        )

    def delete(self, item: SubscriptionFilter) -> None:
        """Delete this filter; a missing one is no error."""
        operation = f"delete subscription filter {item.name} of log group {item.log_group}"
        request = {"logGroupName": item.log_group, "filterName": item.name}
        with contextlib.suppress(NotFoundError):
            self.call("DeleteSubscriptionFilter", operation, request)

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of the log group with that ARN."""
        answer = self.call("ListTagsForResource", f"read the tags of {arn}", {"resourceArn": arn})
        return dict(answer.get("tags") or {})

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Tag the log group with that ARN."""
        self.call("TagResource", f"tag {arn}", {"resourceArn": arn, "tags": dict(tags)})

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags from the log group with that ARN; a missing group is no error."""
        with contextlib.suppress(NotFoundError):
            self.call("UntagResource", f"remove a tag from {arn}", {"resourceArn": arn, "tagKeys": list(keys)})

    def put_retention(self, log_group: str, days: int) -> None:
        """Set the retention of the group."""
        operation = f"set the retention of log group {log_group}"
        self.call("PutRetentionPolicy", operation, {"logGroupName": log_group, "retentionInDays": days})

    def delete_group(self, log_group: str) -> None:
        """Delete the group with its events."""
        self.call("DeleteLogGroup", f"delete log group {log_group}", {"logGroupName": log_group})

    def pages(
        self, api_operation: str, operation: str, key: str, request: Mapping[str, Any], token: str = ""
    ) -> Iterator[tuple[list[dict[str, Any]], str]]:
        """Yield the items of each page and its token. Retries a single page, where a paginator would start again."""
        while True:
            page = self.call(api_operation, operation, {**request, **({"nextToken": token} if token else {})})
            yield page.get(key, []), token
            token = page.get("nextToken") or ""
            if not token:
                return

    def call(
        self,
        api_operation: str,
        operation: str,
        request: Mapping[str, Any],
        transient: Callable[[ReflectorError], bool] | None = None,
    ) -> dict[str, Any]:
        """Make a call to CloudWatch Logs at the operation's rate. Retry `transient` errors, those of `is_transient` by default."""
        return self._retry_policy.wait_out(
            lambda: self._call_at_rate(api_operation, operation, request), transient or is_transient
        )

    def _call_at_rate(self, api_operation: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make one call. Retry throttling until no call of this operation has succeeded for `retry_policy.seconds`."""
        method = getattr(self._client, xform_name(api_operation))
        begun = self._retry_policy.clock()
        while True:
            self.rate_limiter.take(api_operation)
            try:
                with describe_operation(operation, self._where()):
                    answer: dict[str, Any] = method(**request)
            except ThrottledError:
                last = max(begun, self.rate_limiter.slow_down(api_operation))
                if self._retry_policy.clock() - last >= self._retry_policy.seconds:
                    raise
            else:
                self.rate_limiter.accepted(api_operation)
                return answer

    def _transient_put(self, destination_arn: str) -> Callable[[ReflectorError], bool]:
        """Return whether to retry a put.

        AWS has no code of its own for a statement that it does not see yet. All groups of a sweep share one deadline: if the
        permission is really missing, the first group waits and the others do not.
        """

        def is_transient_put(error: ReflectorError) -> bool:
            if not is_destination_refusal(error):
                return is_transient(error)
            now = self._retry_policy.clock()
            if self._destination_deadline is None:
                self._destination_deadline = now + self._retry_policy.seconds
            return now < self._destination_deadline and self.is_destination_coming(error, destination_arn)

        return is_transient_put


def _slots_hint(filters: int) -> str:
    """Return the advice that makes check mode right if AWS allows fewer filters than the option slots says."""
    if not filters:
        return ""
    return f"If AWS allows no more filters here, set the option slots (of the roles: log_groups_slots) to {filters}."


def is_destination_refusal(error: ReflectorError) -> bool:
    """Whether it is PutSubscriptionFilter's InvalidParameterException about a destination that does not accept events.

    "Could not execute the lambda function..." is AWS's text for functions, "Could not deliver test message..." for streams.
    """
    texts = ("Could not execute the lambda function", "Could not deliver test message")
    return error.code == "InvalidParameterException" and any(text in error.message for text in texts)


def is_transient(error: ReflectorError) -> bool:
    """Whether to retry: two writers on one group (OperationAborted, which botocore does not retry), or AWS is unavailable."""
    return isinstance(error, ConflictError) or error.code == "ServiceUnavailableException"
