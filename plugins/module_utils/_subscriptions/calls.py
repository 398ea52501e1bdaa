# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to CloudWatch Logs that subscriptions need: one small method an API call, errors translated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .._errors import AwsError, ConflictError, LimitReachedError, NotFoundError, ReflectorError, ThrottledError, trying
from .._retry import Patience
from .choice import LogGroup
from .filters import SubscriptionFilter, holders


class LogsApi:
    """CloudWatch Logs in one target. Safe to share between threads.

    client      a boto3 "logs" client
    where       "<account>/<region>" for error messages; a function, since the account may be learnt later
    patience    for what passes by itself: another writer on the group, throttling beyond botocore's own tries
    """

    def __init__(self, client: Any, where: Callable[[], str] = str, patience: Patience | None = None) -> None:
        self._client = client
        self._where = where
        self._patience = patience or Patience()
        self._destination_deadline: float | None = None

    def groups(self, prefix: str = "") -> Iterator[LogGroup]:
        """Every log group of the target whose name begins with `prefix`, page by page."""
        request = {"logGroupNamePrefix": prefix} if prefix else {}

        def read() -> dict[str, Any]:
            with trying("list the log groups", self._where()):
                page: dict[str, Any] = self._client.describe_log_groups(**request)
            return page

        while True:  # by hand: a page that is refused for the rate is asked for again, a paginator would start anew
            page = self._patience.wait_out(read, passes)
            for item in page["logGroups"]:
                yield LogGroup(item["logGroupName"], item.get("logGroupClass", "STANDARD"))
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def filters(self, log_group: str) -> list[SubscriptionFilter]:
        """All filters of a group. NotFoundError if the group is gone."""
        tried = f"read the subscription filters of log group {log_group}"
        paginator = self._client.get_paginator("describe_subscription_filters")

        def read() -> list[SubscriptionFilter]:
            with trying(tried, self._where()):
                pages = paginator.paginate(logGroupName=log_group).build_full_result()
            return [SubscriptionFilter.from_api(item) for item in pages.get("subscriptionFilters", [])]

        return self._patience.wait_out(read, passes)

    def put(self, wanted: SubscriptionFilter) -> None:
        """Create or update in place. LimitReachedError names the group's filters; NotFoundError if the group is gone."""
        tried = f"put subscription filter {wanted.name} on log group {wanted.log_group}"

        def write() -> None:
            with trying(tried, self._where()):
                self._client.put_subscription_filter(**wanted.request())

        try:
            self._patience.wait_out(write, self._passes_on_put)
        except LimitReachedError as error:  # a slot, or another limit such as that of regular expressions in patterns
            filters = self.filters(wanted.log_group)
            why = f"{error.why}; the log group's filters are {holders(filters) or 'none'}"
            hint = "" if wanted.name in {item.name for item in filters} else _slots_hint(len(filters))
            raise LimitReachedError(error.tried, why, hint=hint, code=error.code, where=error.where) from error
        except NotFoundError as error:
            self.filters(wanted.log_group)  # raises if it is the group that is gone
            raise _refused(AwsError(error.tried, error.why, code=error.code, where=error.where), wanted) from error
        except ReflectorError as error:
            if is_destination_refusal(error):
                raise _refused(error, wanted) from error
            raise

    def delete(self, doomed: SubscriptionFilter) -> None:
        """Delete exactly this filter; one that is gone already is no error."""
        tried = f"delete subscription filter {doomed.name} of log group {doomed.log_group}"

        def write() -> None:
            with trying(tried, self._where()):
                self._client.delete_subscription_filter(logGroupName=doomed.log_group, filterName=doomed.name)

        try:
            self._patience.wait_out(write, passes)
        except NotFoundError:
            return

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
    hint = (
        f"Check that {wanted.destination_arn} exists and that its policy lets logs.amazonaws.com invoke it "
        "(logreflector.aws.lambda_permission)."
    )
    return type(error)(error.tried, error.why, hint=hint, code=error.code, where=error.where)


def is_destination_refusal(error: ReflectorError) -> bool:
    """PutSubscriptionFilter's "Could not execute the lambda function...", an InvalidParameterException."""
    return error.code == "InvalidParameterException" and "Could not execute the lambda function" in error.why


def passes(error: ReflectorError) -> bool:
    """Two writers on one group (OperationAborted: botocore has no rule for it), a quota shared with others, a bad moment."""
    return isinstance(error, (ConflictError, ThrottledError)) or error.code == "ServiceUnavailableException"
