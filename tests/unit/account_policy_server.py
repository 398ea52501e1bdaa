# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch Logs with account policies, as in the API reference of PutAccountPolicy. It can watch a switch and simulate a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from logs_server import ACCOUNT, REGION, LogsServer

OURS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:log-reflector"
THEIRS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:theirs"
KIND = "SUBSCRIPTION_FILTER_POLICY"
_READS = ("Describe", "List")


class KilledError(Exception):
    """The process was killed. No code catches this exception."""


class AccountPolicyServer(LogsServer):
    """`policy` is the account's, in the shape of DescribeAccountPolicies. `watch` is called after each call."""

    def __init__(self, *groups: str, **options: Any) -> None:
        super().__init__(*groups, **options)
        self.policy: dict[str, Any] | None = None
        self.longest = 25 * 1024
        self.watch: Callable[[], None] = lambda: None
        self.dies_after: int | None = None
        self._writes = 0

    def put(self, name: str, destination: str, excluded: list[str] | None = None, pattern: str = "") -> None:
        """Store a policy directly, without a request."""
        self.policy = {
            "policyName": name,
            "policyType": KIND,
            "policyDocument": json.dumps({"DestinationArn": destination, "FilterPattern": pattern}),
            "scope": "ALL",
            "lastUpdatedTime": 1440442987000,
            "accountId": ACCOUNT,
        }
        if excluded is not None:
            self.policy["selectionCriteria"] = f"LogGroupName NOT IN {json.dumps(excluded)}"

    def left_out(self) -> set[str]:
        """Return the names in the policy's criteria."""
        assert self.policy
        return set(json.loads(self.policy.get("selectionCriteria", "[]").removeprefix("LogGroupName NOT IN ")))

    def served(self, group: str) -> int:
        """Return how often our function receives an event of the group."""
        filters = sum(item["destinationArn"] == OURS for item in self.groups[group].values())
        if not self.policy or self.classes.get(group, "STANDARD") != "STANDARD":
            return filters
        ours = json.loads(self.policy["policyDocument"])["DestinationArn"] == OURS
        return filters + (ours and group not in self.left_out())

    @property
    def writes(self) -> list[str]:
        """Return the writes so far."""
        return [name for name, _unused in self.calls if not name.startswith(_READS)]

    def revive(self) -> None:
        """Continue as a new process."""
        self.dies_after, self._writes = None, 0

    def _answer(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.dies_after is not None and self._writes >= self.dies_after:
            raise KilledError
        answer = self._answer_on_policies(operation, asked) or super()._answer(operation, asked)
        self._writes += not operation.startswith(_READS)
        self.watch()
        if self.dies_after is not None and self._writes >= self.dies_after:
            raise KilledError
        return answer

    def _answer_on_policies(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if operation == "DescribeAccountPolicies":
            assert asked["policyType"] == KIND
            return 200, {"accountPolicies": [self.policy] if self.policy else []}
        if operation == "DeleteAccountPolicy":
            if not self.policy or self.policy["policyName"] != asked["policyName"]:
                return self._refusal("ResourceNotFoundException", "The policy does not exist.")
            self.policy = None
            return 200, {}
        if operation != "PutAccountPolicy":
            return None
        assert (asked["policyType"], asked["scope"]) == (KIND, "ALL")
        if self.policy and self.policy["policyName"] != asked["policyName"]:
            return self._refusal("LimitExceededException", "Resource limit exceeded.")
        text = asked.get("selectionCriteria", "")
        if len(text.encode()) > self.longest:
            return self._refusal("InvalidParameterException", "Selection criteria is too long.")
        document = json.loads(asked["policyDocument"])
        self.put(asked["policyName"], document["DestinationArn"], None, document["FilterPattern"])
        assert self.policy
        self.policy |= {"selectionCriteria": text} if text else {}
        return 200, {"accountPolicy": self.policy}
