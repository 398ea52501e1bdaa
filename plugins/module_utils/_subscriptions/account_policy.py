# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account-level subscription filter policy: its value, its calls, and the steps of a switch from filters and back.

From the API reference, PutAccountPolicy: one policy of this kind in an account and region; selection
criteria `LogGroupName NOT IN [...]` with exact names, up to 25 KB of UTF-8; a document of up to 30,720 characters.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Literal

from .._errors import AccessDeniedError, AwsError, LimitReachedError, NotFoundError, ReflectorError, RefusedError
from .._retry import RetryPolicy
from .calls import LogsApi, is_destination_refusal

POLICY_TYPE = "SUBSCRIPTION_FILTER_POLICY"
CRITERIA_BYTES = 25 * 1024
"""Limit of the selection criteria. AWS says "25KB"; the same page's 30,720 characters for a document are 30 times 1024."""
DOCUMENT_CHARACTERS = 30_720
SMALLEST_CHUNK = 50
"""Log groups of one chunk: with fewer, writing the policy would take longer than writing their filters."""

# Entries of the list that name no log group. They are notes for later runs, which nothing else in AWS can store.
_NOTE = "#log-reflector-"  # no function's name has a "#"
SWITCHING = f"{_NOTE}switching"
"""In the list from the first write of a switch to the last, so that the next run detects an interrupted switch."""
_LOOP = f"{_NOTE}loop"

_CRITERIA = re.compile(r"\s*LogGroupName\s+NOT\s+IN\s*(\[.*\])\s*", re.DOTALL | re.IGNORECASE)


def criteria(names: Iterable[str]) -> str:
    """Return the selection criteria that exclude exactly these log groups; "" for none."""
    listed = sorted(set(names))
    return f"LogGroupName NOT IN {json.dumps(listed, separators=(',', ':'), ensure_ascii=False)}" if listed else ""


def excluded_names(text: str) -> frozenset[str] | None:
    """Return the names that selection criteria exclude; None for criteria that we cannot parse."""
    if not text.strip():
        return frozenset()
    found = _CRITERIA.fullmatch(text)
    try:
        names = json.loads(found[1]) if found else None
    except ValueError:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return frozenset(names)


def size(names: Iterable[str]) -> int:
    """Return the bytes of the criteria that exclude these names."""
    return len(criteria(names).encode())


def loop_notes(names: Iterable[str]) -> frozenset[str]:
    """Return entries that mark these groups as excluded because they belong to other forwarders."""
    return frozenset(name + _LOOP for name in names)


def known_loops(listed: Iterable[str]) -> frozenset[str]:
    """Return the groups of other forwarders, by the entries of `loop_notes` in a policy's list."""
    return frozenset(name.removesuffix(_LOOP) for name in listed if name.endswith(_LOOP))


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """A policy. `excluded` has the names that it excludes, None if its criteria cannot be parsed."""

    name: str
    destination_arn: str
    filter_pattern: str = ""
    excluded: frozenset[str] | None = frozenset()

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> AccountPolicy:
        """Return the policy for an element of DescribeAccountPolicies' answer."""
        try:
            document = json.loads(item.get("policyDocument") or "{}")
        except ValueError:
            document = {}
        if not isinstance(document, dict):
            document = {}
        return cls(
            item["policyName"],
            str(document.get("DestinationArn") or ""),
            str(document.get("FilterPattern") or ""),
            excluded_names(item.get("selectionCriteria") or ""),
        )

    def request(self) -> dict[str, Any]:
        """Return the parameters of PutAccountPolicy, which replaces the whole policy. LimitReachedError if it is too long."""
        document = {"DestinationArn": self.destination_arn, "FilterPattern": self.filter_pattern}
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        if len(text) > DOCUMENT_CHARACTERS:
            raise LimitReachedError(
                f"write account policy {self.name}",
                f"its document has {len(text)} characters and AWS takes {DOCUMENT_CHARACTERS}",
                advice="Shorten filter_pattern.",
            )
        self.check_size()
        request = {"policyName": self.name, "policyType": POLICY_TYPE, "policyDocument": text, "scope": "ALL"}
        return {**request, "selectionCriteria": criteria(self.excluded)} if self.excluded else request

    def check_size(self, where: str = "") -> None:
        """Raise LimitReachedError if the excluded names take more bytes than AWS allows."""
        names = self.excluded or frozenset()
        if (needed := size(names)) > CRITERIA_BYTES:
            raise LimitReachedError(
                f"write account policy {self.name}",
                f"the exact names of the {len(names)} log groups that it excludes take {needed} bytes, and AWS takes "
                f"{CRITERIA_BYTES}",
                advice="Exclude fewer log groups, or serve this target by filters (of the roles: log_groups_mode: filters).",
                where=where,
            )

    def covers(self, log_group: str) -> bool:
        """Whether the group's events go to the policy's destination, as far as the name shows."""
        return self.excluded is not None and log_group not in self.excluded

    def plain(self) -> dict[str, Any]:
        """Return the fields for diffs."""
        return {
            "name": self.name,
            "destination_arn": self.destination_arn,
            "filter_pattern": self.filter_pattern,
            "excluded": None if self.excluded is None else sorted(self.excluded),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a switch.

    put     write `policy`              wait        until earlier writes are in force everywhere
    filter  add our filter to `groups`  unfilter    remove our filter from `groups`
    delete  delete the policy           purge       the same for groups that nothing is to serve
    """

    action: Literal["put", "wait", "filter", "unfilter", "purge", "delete"]
    policy: AccountPolicy | None = None
    groups: tuple[str, ...] = ()


def chunk_size(rate: float, settle: float) -> int:
    """Return the groups of one chunk: as many as can be written, at `rate` a second, during the wait of `settle` seconds.

    So a switch takes at most twice as long as its writes, and no event is doubled for more than twice the wait.
    """
    return max(SMALLEST_CHUNK, ceil(rate * settle))


def steps_to_policy(
    actual: AccountPolicy | None,
    desired: AccountPolicy,
    filtered: Sequence[str],
    chunk: int,
    *,
    existing: Set[str] | None = None,
    purged: Sequence[str] = (),
) -> list[Step]:
    """Return the steps from filters to the policy. Each group always has one of the two; few have both, for a short time.

    filtered    the groups that the policy is to serve and that have a filter of ours
    existing    see `is_same`
    purged      excluded groups that have a filter of ours
    """
    if not filtered and not purged:
        return [] if is_same(actual, desired, existing) else [Step("put", desired)]
    excluded = (desired.excluded or frozenset()) | {SWITCHING}
    listed = fitting(excluded, filtered)
    first = replace(desired, excluded=excluded | set(listed))
    steps = [] if first == actual else [Step("put", first)]
    if beyond := tuple(filtered[len(listed) :]):  # these have both from the first write on, so they come first
        steps += [Step("wait"), Step("unfilter", groups=beyond)]
    for start in range(0, len(listed), chunk):
        remainder = listed[start + chunk :]
        steps.append(Step("put", replace(desired, excluded=excluded | set(remainder))))
        steps += [Step("wait"), Step("unfilter", groups=tuple(listed[start : start + chunk]))]
    if purged:
        steps.append(Step("purge", groups=tuple(purged)))
    return [*steps, Step("put", desired)]


def steps_to_filters(
    actual: AccountPolicy, filtered: Sequence[str], unfiltered: Sequence[str], chunk: int
) -> list[Step]:
    """Return the steps from the policy to filters, and the deletion of the policy.

    filtered, unfiltered    the groups that are to have a filter of ours, with and without one now
    """
    unserved = tuple(name for name in unfiltered if not actual.covers(name))
    served = [name for name in unfiltered if actual.covers(name)]
    doubled = [name for name in filtered if actual.covers(name)]
    steps = [Step("filter", groups=unserved)] if unserved else []
    excluded = (actual.excluded or frozenset()) | {SWITCHING}
    # A policy whose criteria cannot be parsed, or have no room for another name, stays unchanged to the end.
    writable = actual.excluded is not None and size(excluded) <= CRITERIA_BYTES
    listed = fitting(excluded, [*doubled, *served]) if writable else ()
    if writable and excluded != actual.excluded and (filtered or unfiltered):
        # First a note in the policy: without it a filter of an interrupted run would stay beside the policy.
        steps.insert(0, Step("put", replace(actual, excluded=excluded)))
    if moved := set(doubled) & set(listed):  # their filters may have been created just before a run was interrupted
        excluded |= moved
        steps += [Step("wait"), Step("put", replace(actual, excluded=excluded))]
    moving, beyond = listed[len(moved) :], served[max(len(listed) - len(moved), 0) :]
    for start in range(0, len(moving), chunk):
        groups = tuple(moving[start : start + chunk])
        excluded |= set(groups)
        steps += [Step("filter", groups=groups), Step("wait"), Step("put", replace(actual, excluded=excluded))]
    if beyond:
        steps.append(Step("filter", groups=tuple(beyond)))
    last = steps[-1].action if steps else ""
    if last == "filter" or (len(moved) < len(doubled) and last != "wait"):
        steps.append(Step("wait"))
    return [*steps, Step("delete", actual)]


def fitting(excluded: Iterable[str], names: Sequence[str]) -> Sequence[str]:
    """Return as many of `names`, from the first on, as the criteria have room for beside `excluded`."""
    room = CRITERIA_BYTES - (size(excluded) or len("LogGroupName NOT IN []") - 1)
    for number, name in enumerate(names):
        room -= len(json.dumps(name, ensure_ascii=False).encode()) + 1  # and its comma
        if room < 0:
            return names[:number]
    return names


def is_same(actual: AccountPolicy | None, desired: AccountPolicy, existing: Set[str] | None = None) -> bool:
    """Whether nothing has to be written.

    existing    the excluded names that exist as log groups, if known: the others do no harm in the list
    """
    if actual is None or actual.excluded is None or desired.excluded is None:
        return False
    if replace(actual, excluded=desired.excluded) != desired or not desired.excluded <= actual.excluded:
        return False
    needless = actual.excluded - desired.excluded
    return not (needless if existing is None else [name for name in needless if name in existing or _NOTE in name])


_UNSUPPORTED = ("UnknownOperationException", "InvalidParameterException", "InvalidAction")
_NOT_READ = "it is assumed that no account policy sends to the reflector, because the policies cannot be read: {}"


class AccountPolicyApi:
    """The calls for account policies, with the rates and retries of the target's other calls."""

    def __init__(self, api: LogsApi, retry_policy: RetryPolicy) -> None:
        self._api, self._retry_policy = api, retry_policy

    def read(self) -> AccountPolicy | None:
        """Return the subscription filter policy of this account and region, also one of others: there is at most one."""
        operation = "read the account's subscription filter policy"
        pages = self._api.pages("DescribeAccountPolicies", operation, "accountPolicies", {"policyType": POLICY_TYPE})
        with contextlib.suppress(NotFoundError):
            for items, _unused in pages:
                for item in items:
                    return AccountPolicy.from_api(item)
        return None

    def read_if_possible(self) -> tuple[AccountPolicy | None, str]:
        """Return what `read` returns, and "". None and a note if the call is denied, or AWS does not know such policies here.

        For callers who serve the groups by filters anyway.
        """
        try:
            return self.read(), ""
        except AccessDeniedError as error:
            return None, _NOT_READ.format(error)
        except AwsError as error:
            if error.code not in _UNSUPPORTED:
                raise
            return None, _NOT_READ.format(error)

    def put(self, policy: AccountPolicy) -> None:
        """Create or update. Waits for a permission of the function that CloudWatch Logs does not see yet."""
        request = policy.request()
        operation = f"write account policy {policy.name}"
        try:
            self._retry_policy.wait_out(
                lambda: self._api.call("PutAccountPolicy", operation, request),
                lambda error: self._api.is_destination_coming(error, policy.destination_arn),
            )
        except LimitReachedError as error:
            other = self.read()
            if other is None or other.name == policy.name:
                raise
            raise refuse_foreign(other, error.where) from error
        except ReflectorError as error:
            if is_destination_refusal(error):
                error.with_advice(self._api.destination_advice(policy.destination_arn, " for every log group"))
            raise

    def delete(self, policy: AccountPolicy) -> None:
        """Delete the policy; a missing one is no error."""
        request = {"policyName": policy.name, "policyType": POLICY_TYPE}
        with contextlib.suppress(NotFoundError):
            self._api.call("DeleteAccountPolicy", f"delete account policy {policy.name}", request)


def refuse_foreign(policy: AccountPolicy, where: str = "") -> RefusedError:
    """Return the error for somebody else's policy: AWS allows one."""
    return RefusedError(
        "serve the log groups by an account policy",
        f"the account has one already, {policy.name}, which sends to {policy.destination_arn or 'an unknown destination'}, "
        "and AWS allows one in each account and region",
        advice="It belongs to others and is left alone. Serve this target by filters (of the roles: log_groups_mode: filters), or "
        "have its owner remove it.",
        where=where,
    )
