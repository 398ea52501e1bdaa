# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account's subscription filter policy: one of the check's own, whose pattern matches no event of others."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from ..lab import Lab
from ..removal import POLICY_TYPE, Resource, is_missing, remove
from ..results import Finding, not_measured


class Policy:
    """A policy that delivers the events with a random word. Nothing is created before `put`."""

    def __init__(self, lab: Lab, suffix: str) -> None:
        self.word = f"check{lab.run_id}"
        self._lab, self._suffix, self._name = lab, suffix, ""

    def other(self) -> Finding | None:
        """Return a finding if somebody has a policy: AWS allows one in an account and region."""
        answer = self._lab.client("logs").describe_account_policies(policyType=POLICY_TYPE)
        names = [each["policyName"] for each in answer["accountPolicies"]]
        if not names:
            return None
        return not_measured(f"this region has the account policy {names[0]}", "Run it in a region that has none.")

    def put(self, logs: Any = None) -> None:
        """Put the policy, with the given client or the caller's own."""
        self._lab.allow_logs()
        self._name = self._name or self._lab.name("account policy", self._suffix)
        policy = {"DestinationArn": self._lab.destination().arn, "FilterPattern": self.word}
        (logs or self._lab.client("logs")).put_account_policy(
            policyName=self._name, policyType=POLICY_TYPE, policyDocument=json.dumps(policy), scope="ALL"
        )

    def delete(self, logs: Any = None) -> None:
        """Delete the policy; a missing one is no error."""
        try:
            (logs or self._lab.client("logs")).delete_account_policy(policyName=self._name, policyType=POLICY_TYPE)
        except Exception as error:
            if not is_missing(error):
                raise

    @contextlib.contextmanager
    def removed_afterwards(self) -> Iterator[None]:
        """Delete the policy at the end of the block, and not only at the end of the run: it concerns the whole account."""
        try:
            yield
        finally:
            if self._name:
                remove(self._lab.target, [Resource("account policy", self._name)])
