# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account-level subscription filter policy: its value, its calls, and the order in which groups move to it and back.

Facts are those of the API reference, PutAccountPolicy: one policy of this kind for an account and region; selection
criteria `LogGroupName NOT IN [...]` with exact names, up to 25 KB of UTF-8; a document of up to 30,720 characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Literal

from .._errors import LimitReachedError, NotFoundError, ReflectorError, RefusedError
from .._retry import RetryPolicy
from .calls import LogsApi, is_destination_refusal

POLICY_TYPE = "SUBSCRIPTION_FILTER_POLICY"
CRITERIA_BYTES = 25 * 1024
"""Of the selection criteria. AWS says "25KB"; the same page's 30,720 characters for a document are 30 times 1024."""
DOCUMENT_CHARACTERS = 30_720
SMALLEST_CHUNK = 50
"""Log groups that change over together: with fewer, writing the policy would take longer than writing their filters."""

# Entries of the list that name no log group: what a later run has to know, and nothing else in AWS keeps for it.
_NOTE = "#log-reflector-"  # no function's name has a "#"
SWITCHING = f"{_NOTE}switching"
"""In the list from the first write of a switch to the last: one that was killed is known by it."""
_APART = f"{_NOTE}apart"

_CRITERIA = re.compile(r"\s*LogGroupName\s+NOT\s+IN\s*(\[.*\])\s*", re.DOTALL | re.IGNORECASE)


def criteria(names: Iterable[str]) -> str:
    """The selection criteria that leave out exactly these log groups; "" for none."""
    listed = sorted(set(names))
    return f"LogGroupName NOT IN {json.dumps(listed, separators=(',', ':'), ensure_ascii=False)}" if listed else ""


def left_out(text: str) -> frozenset[str] | None:
    """The names that selection criteria leave out; None if they are written as we cannot read them."""
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
    """Bytes of the criteria that leave out these names."""
    return len(criteria(names).encode())


def apart_notes(names: Iterable[str]) -> frozenset[str]:
    """Entries that tell of these groups why they are left out: filters of others send to their functions."""
    return frozenset(name + _APART for name in names)


def known_apart(listed: Iterable[str]) -> frozenset[str]:
    """The groups that `apart_notes` tells of, in a list as it stands."""
    return frozenset(name.removesuffix(_APART) for name in listed if name.endswith(_APART))


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """A policy with what it leaves out. `excluded` is None where its criteria cannot be read."""

    name: str
    destination_arn: str
    filter_pattern: str = ""
    excluded: frozenset[str] | None = frozenset()

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> AccountPolicy:
        """From an element of DescribeAccountPolicies' answer."""
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
            left_out(item.get("selectionCriteria") or ""),
        )

    def request(self) -> dict[str, Any]:
        """The parameters of PutAccountPolicy, which replaces the whole policy. LimitReachedError if AWS would not take it."""
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
        """LimitReachedError if the names left out are more than AWS takes."""
        names = self.excluded or frozenset()
        if (needed := size(names)) > CRITERIA_BYTES:
            raise LimitReachedError(
                f"write account policy {self.name}",
                f"the exact names of the {len(names)} log groups that it leaves out take {needed} bytes, and AWS takes "
                f"{CRITERIA_BYTES}",
                advice="Leave out fewer log groups, or serve this target by filters of the log groups (of the roles: "
                "log_groups_mode: filters).",
                where=where,
            )

    def covers(self, log_group: str) -> bool:
        """Whether the group's events go to the policy's destination, as far as that can be told by the name."""
        return self.excluded is not None and log_group not in self.excluded

    def plain(self) -> dict[str, Any]:
        """For diffs."""
        return {
            "name": self.name,
            "destination_arn": self.destination_arn,
            "filter_pattern": self.filter_pattern,
            "excluded": None if self.excluded is None else sorted(self.excluded),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a switch, in the order in which they are made.

    put     write `policy`              wait    until what was written before is in force everywhere
    filter  give `groups` our filter    unfilter    take our filter from `groups`
    delete  delete the policy
    """

    action: Literal["put", "wait", "filter", "unfilter", "delete"]
    policy: AccountPolicy | None = None
    groups: tuple[str, ...] = ()


def chunk_size(rate: float, settle: float) -> int:
    """Groups that change over together: as many as are written, at `rate` a second, in the time that must be waited anyway.

    So a switch takes at most twice as long as its writes do, and no event is doubled for more than twice the wait.
    """
    return max(SMALLEST_CHUNK, ceil(rate * settle))


def steps_to_policy(
    actual: AccountPolicy | None,
    wanted: AccountPolicy,
    filtered: Sequence[str],
    chunk: int,
    standing: Set[str] | None = None,
) -> list[Step]:
    """From filters to the policy. At every moment each group has one of the two; few have both, and not for long.

    filtered    the groups, among those that the policy is to serve, that have a filter of ours
    standing    see `same`
    """
    if not filtered:
        return [] if same(actual, wanted, standing) else [Step("put", wanted)]
    kept_out = (wanted.excluded or frozenset()) | {SWITCHING}
    held = fitting(kept_out, filtered)
    first = replace(wanted, excluded=kept_out | set(held))
    steps = [] if first == actual else [Step("put", first)]
    if beyond := tuple(filtered[len(held) :]):  # they have both from the first write on, so they come first
        steps += [Step("wait"), Step("unfilter", groups=beyond)]
    for start in range(0, len(held), chunk):
        rest = held[start + chunk :]
        steps.append(Step("put", replace(wanted, excluded=kept_out | set(rest))))
        steps += [Step("wait"), Step("unfilter", groups=tuple(held[start : start + chunk]))]
    return [*steps, Step("put", wanted)]


def steps_to_filters(
    actual: AccountPolicy, filtered: Sequence[str], unfiltered: Sequence[str], chunk: int
) -> list[Step]:
    """From the policy to filters, and the policy deleted: the same the other way round.

    filtered, unfiltered    the groups that are to have a filter of ours: those that have one, and those that have none yet
    """
    unserved = tuple(name for name in unfiltered if not actual.covers(name))
    served = [name for name in unfiltered if actual.covers(name)]
    doubled = [name for name in filtered if actual.covers(name)]
    steps = [Step("filter", groups=unserved)] if unserved else []
    kept_out = (actual.excluded or frozenset()) | {SWITCHING}
    # A policy whose criteria cannot be read, or would not hold one name more, stays as it is to the end.
    writable = actual.excluded is not None and size(kept_out) <= CRITERIA_BYTES
    held = fitting(kept_out, [*doubled, *served]) if writable else ()
    if writable and kept_out != actual.excluded and (filtered or unfiltered):
        steps.insert(
            0, Step("put", replace(actual, excluded=kept_out))
        )  # a filter without a trace would stay beside the policy
    if taken := set(doubled) & set(held):  # a filter may be as young as the run that was killed after it
        kept_out |= taken
        steps += [Step("wait"), Step("put", replace(actual, excluded=kept_out))]
    moving, beyond = held[len(taken) :], served[max(len(held) - len(taken), 0) :]
    for start in range(0, len(moving), chunk):
        groups = tuple(moving[start : start + chunk])
        kept_out |= set(groups)
        steps += [Step("filter", groups=groups), Step("wait"), Step("put", replace(actual, excluded=kept_out))]
    if beyond:
        steps.append(Step("filter", groups=tuple(beyond)))
    last = steps[-1].action if steps else ""
    if last == "filter" or (len(taken) < len(doubled) and last != "wait"):
        steps.append(Step("wait"))
    return [*steps, Step("delete", actual)]


def fitting(kept_out: Iterable[str], names: Sequence[str]) -> Sequence[str]:
    """As many of `names`, from the first on, as the criteria hold beside those that are left out anyway."""
    room = CRITERIA_BYTES - (size(kept_out) or len("LogGroupName NOT IN []") - 1)
    for number, name in enumerate(names):
        room -= len(json.dumps(name, ensure_ascii=False).encode()) + 1  # and its comma
        if room < 0:
            return names[:number]
    return names


def same(actual: AccountPolicy | None, wanted: AccountPolicy, standing: Set[str] | None = None) -> bool:
    """Whether nothing need be written. What is left out is compared as sets.

    standing    those of the names left out that log groups have, if known: the others do no harm where they are
    """
    if actual is None or actual.excluded is None or wanted.excluded is None:
        return False
    if replace(actual, excluded=wanted.excluded) != wanted or not wanted.excluded <= actual.excluded:
        return False
    needless = actual.excluded - wanted.excluded
    return not (needless if standing is None else [name for name in needless if name in standing or _NOTE in name])


class AccountPolicyApi:
    """The calls for account policies, at the pace and with the patience of the target's other calls."""

    def __init__(self, api: LogsApi, retry_policy: RetryPolicy) -> None:
        self._api, self._patience = api, retry_policy

    def read(self) -> AccountPolicy | None:
        """The subscription filter policy of this account and region, whoever made it: there is at most one."""
        request: dict[str, Any] = {"policyType": POLICY_TYPE}
        operation = "read the account's subscription filter policy"
        while True:
            try:
                answer = self._api.call("DescribeAccountPolicies", operation, request)
            except NotFoundError:
                return None
            for item in answer.get("accountPolicies", []):
                return AccountPolicy.from_api(item)
            if not answer.get("nextToken"):
                return None
            request["nextToken"] = answer["nextToken"]

    def put(self, policy: AccountPolicy) -> None:
        """Create or update in place, waiting for a permission of the function that CloudWatch Logs does not see yet."""
        request = policy.request()
        operation = f"write account policy {policy.name}"
        try:
            self._patience.wait_out(
                lambda: self._api.call("PutAccountPolicy", operation, request), is_destination_refusal
            )
        except LimitReachedError as error:
            standing = self.read()
            if standing is None or standing.name == policy.name:
                raise
            raise foreign(standing, error.where) from error
        except ReflectorError as error:
            if is_destination_refusal(error):
                raise error.with_advice(
                    f"Check that {policy.destination_arn} exists and that its policy lets logs.amazonaws.com invoke it for "
                    "every log group (logreflector.aws.lambda_permission)."
                ) from error
            raise

    def delete(self, policy: AccountPolicy) -> None:
        """Delete it; one that is gone already is no error."""
        request = {"policyName": policy.name, "policyType": POLICY_TYPE}
        try:
            self._api.call("DeleteAccountPolicy", f"delete account policy {policy.name}", request)
        except NotFoundError:
            return


def foreign(policy: AccountPolicy, where: str = "") -> RefusedError:
    """The error for somebody else's policy: AWS has room for one."""
    return RefusedError(
        "serve the log groups by an account policy",
        f"the account has one already, {policy.name}, which sends to {policy.destination_arn or 'somewhere else'}, and AWS "
        "allows one for each account and region",
        advice="It is not ours and stays. Serve this target by filters of the log groups (of the roles: log_groups_mode: "
        "filters), or have its owner remove it.",
        where=where,
    )
