# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the steps of a switch between filters and the account policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from .account_policy import SWITCHING, AccountPolicy, AccountPolicyApi, Step
from .outcome import Outcome
from .tally import FAILURES

_RESTARTS = ("put", "purge")
"""After a put other groups are served twice; a purge comes when none is any more."""

_RELISTINGS = 3
"""How often groups that were created during a switch are listed before the policy is deleted."""


@dataclass(slots=True)
class Applied:
    """The result of a switch.

    done        the completed steps
    failed      outcomes of the groups whose filters could not be written
    seconds     the longest time that a group was served twice
    """

    done: list[Step] = field(default_factory=list)
    failed: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class PolicySwitch:
    """Carries out steps. A failed group stays served: no later step removes what serves it.

    write       writes one group's filters (`Sweep.apply_group`)
    outcomes    of the groups in the steps
    unlisted    processes log groups that were created since the listing that the steps were planned from
    settle      seconds until writes are in force
    excluded    groups that nothing is to serve
    """

    policies: AccountPolicyApi
    write: Callable[[Outcome], Outcome]
    outcomes: Mapping[str, Outcome]
    unlisted: Callable[[], Iterable[Outcome]]
    settle: float
    excluded: Set[str] = frozenset()
    workers: int = 10
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def run(self, steps: Iterable[Step], applied: Applied) -> None:
        """Carry out all steps in their order and note them in `applied`. An error of the policy itself ends it."""
        failed: set[str] = set()
        since = self.clock()
        for step in steps:
            if self._run_step(step, applied, failed):
                applied.done.append(step)
            if step.action != "purge":
                applied.seconds = max(applied.seconds, self.clock() - since)
            if step.action in _RESTARTS:
                since = self.clock()

    def _run_step(self, step: Step, applied: Applied, failed: set[str]) -> bool:
        """Carry out one step; return whether it was completed."""
        if step.action == "wait":
            self.sleep(self.settle)
        elif step.action == "put" and step.policy:
            self.policies.put(_for_next_run(step.policy, failed, self.excluded) if failed else step.policy)
        elif step.action == "delete" and step.policy:
            return self._delete(step.policy, applied, failed)
        else:
            with ThreadPoolExecutor(self.workers) as pool:
                outcomes = list(pool.map(self.write, (self.outcomes[name] for name in step.groups)))
            self._note(outcomes, applied, failed)
        return True

    def _delete(self, policy: AccountPolicy, applied: Applied, failed: set[str]) -> bool:
        """Delete the policy once every group has its filter, also those that were created meanwhile."""
        for _round in range(_RELISTINGS):
            new = list(self.unlisted())
            self._note(new, applied, failed)
            if not new:
                break
            self.sleep(self.settle)
        if not failed:
            self.policies.delete(policy)
        return not failed

    @staticmethod
    def _note(outcomes: Iterable[Outcome], applied: Applied, failed: set[str]) -> None:
        left = [item for item in outcomes if item.kind in FAILURES or item.cause == "slots"]
        applied.failed += left
        failed.update(item.log_group for item in left)


def _for_next_run(policy: AccountPolicy, failed: Set[str], excluded: Set[str]) -> AccountPolicy:
    """Return the policy that serves failed groups, unless nothing is to serve them, and tells the next run to read all groups again.

    A group that was to lose its filter is in no list, so the policy serves it anyway.
    """
    if policy.excluded is None:
        return policy
    return replace(policy, excluded=(policy.excluded - (failed - excluded)) | {SWITCHING})


def planned_seconds(steps: Iterable[Step], rate: float, settle: float) -> float:
    """Return the expected `Applied.seconds`: the longest time that a group is served twice, with `rate` writes a second."""
    longest = since = 0.0
    for step in steps:
        since = 0.0 if step.action in _RESTARTS else since
        if step.action == "wait":
            since += settle
        elif step.action in ("filter", "unfilter"):
            since += len(step.groups) / rate
        longest = max(longest, since)
    return longest
