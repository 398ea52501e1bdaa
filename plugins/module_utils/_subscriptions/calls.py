# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to CloudWatch Logs that subscriptions need: one small method an API call, errors translated."""

from __future__ import annotations

import contextlib
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
from .._retry import RetryPolicy, throttling_is_ours
from .choice import LogGroup
from .filters import SubscriptionFilter, holders
from .rate_limiter import RateLimiter

with contextlib.suppress(ImportError):  # the host says what to install
    from botocore import xform_name


class OutdatedSdkError(ReflectorError):
    """botocore does not know ListLogGroups with tags."""

    def __init__(self) -> None:
        super().__init__("list the log groups by tag", "this botocore cannot", advice="Install a newer one.")


class LogsApi:
    """CloudWatch Logs in one target. Safe to share between threads.

    client      a boto3 "logs" client (of `stop_at_limits`, or botocore waits out throttling by itself before we know of it)
    where       "<account>/<region>" for error messages; a function, since the account may be learnt later
    patience    for what passes by itself: another writer on the group, and a rate that others use up altogether
    pace        of all calls; one that others share, or one of its own
    """

    def __init__(
        self,
        client: Any,
        where: Callable[[], str] = str,
        retry_policy: RetryPolicy | None = None,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        self._client = client
        self._where = where
        self._patience = retry_policy or RetryPolicy()
        self.rate_limiter = rate_limiter or RateLimiter(sleep=self._patience.sleep, clock=self._patience.clock)
        self._destination_deadline: float | None = None

    def groups(self, prefix: str = "", token: str = "") -> Iterator[LogGroup]:
        """Every log group of the target whose name begins with `prefix`, page by page, sorted by name.

        token   of a page to begin with; each group knows its page's (`LogGroup.page`)
        """
        request = {"logGroupNamePrefix": prefix} if prefix else {}
        for items, page in self._pages("DescribeLogGroups", "list the log groups", "logGroups", request, token):
            for item in items:
                yield LogGroup(
                    item["logGroupName"],
                    item.get("logGroupClass", "STANDARD"),
                    created=item.get("creationTime", 0),
                    retention=item.get("retentionInDays"),
                    page=page,
                )

    def tagged(self, tags: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """Names of the log groups that carry all these tags, each with one of the values given (no values: any).

        A thousand a call. OutdatedSdkError where botocore does not know of it.
        """
        if not self.can_list_by_tag:
            raise OutdatedSdkError
        wanted = [{"key": key, **({"values": list(values)} if values else {})} for key, values in tags.items()]
        request = {"logGroupTags": wanted, "limit": 1000}
        for items, _unused in self._pages("ListLogGroups", "list the log groups by tag", "logGroups", request):
            yield from (item["logGroupName"] for item in items)

    @property
    def can_list_by_tag(self) -> bool:
        """Whether this botocore knows ListLogGroups and its logGroupTags: the one that comes with a runtime may not."""
        model = self._client.meta.service_model
        return "ListLogGroups" in model.operation_names and (
            "logGroupTags" in model.operation_model("ListLogGroups").input_shape.members
        )

    def filters(self, log_group: str) -> list[SubscriptionFilter]:
        """All filters of a group. NotFoundError if the group is gone."""
        operation = f"read the subscription filters of log group {log_group}"
        pages = self._pages(
            "DescribeSubscriptionFilters", operation, "subscriptionFilters", {"logGroupName": log_group}
        )
        return [SubscriptionFilter.from_api(item) for items, _unused in pages for item in items]

    def put(self, wanted: SubscriptionFilter) -> None:
        """Create or update in place. LimitReachedError names the group's filters; NotFoundError if the group is gone."""
        operation = f"put subscription filter {wanted.name} on log group {wanted.log_group}"
        try:
            self._call("PutSubscriptionFilter", operation, wanted.request(), self._passes_on_put)
        except LimitReachedError as error:  # a slot, or another limit such as that of regular expressions in patterns
            filters = self.filters(wanted.log_group)
            message = f"{error.message}; the log group's filters are {holders(filters) or 'none'}"
            advice = "" if wanted.name in {item.name for item in filters} else _slots_hint(len(filters))
            raise LimitReachedError(
                error.operation, message, advice=advice, code=error.code, where=error.where
            ) from error
        except NotFoundError as error:
            self.filters(wanted.log_group)  # raises if it is the group that is gone
            raise _refused(
                AwsError(error.operation, error.message, code=error.code, where=error.where), wanted
            ) from error
        except ReflectorError as error:
            if is_destination_refusal(error):
                raise _refused(error, wanted) from error
            raise

    def delete(self, doomed: SubscriptionFilter) -> None:
        """Delete exactly this filter; one that is gone already is no error."""
        operation = f"delete subscription filter {doomed.name} of log group {doomed.log_group}"
        request = {"logGroupName": doomed.log_group, "filterName": doomed.name}
        with contextlib.suppress(NotFoundError):
            self._call("DeleteSubscriptionFilter", operation, request)

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of the log group of that ARN."""
        answer = self._call("ListTagsForResource", f"read the tags of {arn}", {"resourceArn": arn})
        return dict(answer.get("tags") or {})

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Give the log group of that ARN these tags."""
        self._call("TagResource", f"tag {arn}", {"resourceArn": arn, "tags": dict(tags)})

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Take tags from the log group of that ARN; a group that is gone has none."""
        with contextlib.suppress(NotFoundError):
            self._call("UntagResource", f"take a tag from {arn}", {"resourceArn": arn, "tagKeys": list(keys)})

    def put_retention(self, log_group: str, days: int) -> None:
        """How long the group keeps its events."""
        operation = f"set the retention of log group {log_group}"
        self._call("PutRetentionPolicy", operation, {"logGroupName": log_group, "retentionInDays": days})

    def call(self, api_operation: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Any other operation of CloudWatch Logs, at the pace and with the patience of all."""
        return self._call(api_operation, operation, request)

    def _pages(
        self, api_operation: str, operation: str, key: str, request: Mapping[str, Any], token: str = ""
    ) -> Iterator[tuple[list[dict[str, Any]], str]]:
        """The items of each page, and its token. By hand: a page that is refused is asked for again, where a paginator
        would start anew."""
        while True:
            page = self._call(api_operation, operation, {**request, **({"nextToken": token} if token else {})})
            yield page.get(key, []), token
            token = page.get("nextToken") or ""
            if not token:
                return

    def _call(
        self,
        api_operation: str,
        operation: str,
        request: Mapping[str, Any],
        passing: Callable[[ReflectorError], bool] | None = None,
    ) -> dict[str, Any]:
        return self._patience.wait_out(lambda: self._paced(api_operation, operation, request), passing or passes)

    def _paced(self, api_operation: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One call. For its rate it is refused without end only if nobody's call of this operation gets through."""
        method = getattr(self._client, xform_name(api_operation))
        begun = self._patience.clock()
        while True:
            self.rate_limiter.take(api_operation)
            try:
                with throttling_is_ours(), describe_operation(operation, self._where()):
                    answer: dict[str, Any] = method(**request)
            except ThrottledError:
                last = max(begun, self.rate_limiter.slow_down(api_operation))
                if self._patience.clock() - last >= self._patience.seconds:
                    raise
            else:
                self.rate_limiter.accepted(api_operation)
                return answer

    def _passes_on_put(self, error: ReflectorError) -> bool:
        """Also the race after AddPermission: logs asks Lambda for a trial run and does not see the new statement yet.

        AWS gives it no code of its own. All groups of a sweep share one deadline: where the permission really is
        missing, the first group waits for it and the others do not.
        """
        if not is_destination_refusal(error):
            return passes(error)
        now = self._patience.clock()
        if self._destination_deadline is None:
            self._destination_deadline = now + self._patience.seconds
        return now < self._destination_deadline


def _slots_hint(filters: int) -> str:
    """What makes check mode and coverage truthful where AWS allows fewer filters than the option slots says."""
    if not filters:
        return ""
    return f"If a log group here may have no more filters, set the option slots (of the roles: log_groups_slots) to {filters}."


def _refused(error: ReflectorError, wanted: SubscriptionFilter) -> ReflectorError:
    advice = (
        f"Check that {wanted.destination_arn} exists and that its policy lets logs.amazonaws.com invoke it "
        "(logreflector.aws.lambda_permission)."
    )
    return type(error)(error.operation, error.message, advice=advice, code=error.code, where=error.where)


def is_destination_refusal(error: ReflectorError) -> bool:
    """PutSubscriptionFilter's "Could not execute the lambda function...", an InvalidParameterException."""
    return error.code == "InvalidParameterException" and "Could not execute the lambda function" in error.message


def passes(error: ReflectorError) -> bool:
    """Two writers on one group (OperationAborted: botocore has no rule for it), a bad moment."""
    return isinstance(error, ConflictError) or error.code == "ServiceUnavailableException"
