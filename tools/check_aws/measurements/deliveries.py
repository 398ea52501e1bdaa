# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements of subscriptions: when roles, permissions, filters and policies take effect, and how soon events arrive."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from inspect import signature

from ansible_collections.logreflector.aws.plugins.module_utils._options.permissions import SETTLE_SECONDS
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.settings import FunctionSettings
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import (
    account_subscription_policy,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.backfill import OVERLAP_MS

from ..lab import RUNTIME, Lab, NotInTimeError
from ..results import Finding, as_assumed, differs, judge_delay, measurement, not_measured
from .account_policy import Policy
from .log_groups import SIMULATED

OVERLAP_SECONDS = OVERLAP_MS / 1000
ROLE_SECONDS = float(signature(FunctionSettings).parameters["wait_seconds"].default)
"""How long a deployment waits until Lambda accepts a new role."""
_WRITE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Lines that were written after a filter or a policy, and how many seconds after it was put.

    began      when a line was about to be written, by line
    written    when it was written
    arrived    when it arrived, if it did
    """

    began: dict[str, float] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)

    @property
    def delays(self) -> list[float]:
        """The seconds from writing a line to its arrival."""
        return [arrived - self.began[line] for line, arrived in self.arrived.items()]

    @property
    def first(self) -> list[float]:
        """When the first line was written that arrived; [] if none did."""
        return sorted(self.written[line] for line in self.arrived)[:1]


@measurement("role-delay", f"Lambda accepts a new role within {ROLE_SECONDS:g} s.")
def role_delay(lab: Lab) -> Finding:
    """Create a function with a new role."""
    advice = "The deployment fails there; running it again continues."
    return judge_delay("accepted", [lab.destination().role_seconds], ROLE_SECONDS, lab.limits.wait_seconds, advice)


@measurement("permission-delay", f"A new statement of a function's policy counts within {SETTLE_SECONDS} s.")
def permission_delay(lab: Lab) -> Finding:
    """Let CloudWatch Logs invoke the function, and subscribe a log group at once."""
    advice = f"Set reflector_permission_settle_seconds to more than {SETTLE_SECONDS} in the inventory."
    return judge_delay("counted", [lab.allow_logs()], SETTLE_SECONDS, lab.limits.wait_seconds, advice)


@measurement("runtime-sdk", f"The SDK of Lambda's {RUNTIME} can list log groups by tag.")
def runtime_sdk(lab: Lab) -> Finding:
    """Ask the function about its SDK."""
    answer = lab.client("lambda").invoke(FunctionName=lab.destination().arn, Payload=b"{}")
    known = json.loads(answer["Payload"].read())
    if "botocore" not in known:
        return not_measured(f"the function failed: {known.get('errorType')}", "Run it again.")
    text = f"botocore {known['botocore']} {'can' if known['lists_by_tag'] else 'cannot'}"
    if known["lists_by_tag"]:
        return as_assumed(text, **known)
    return differs(text, "Sweeps of the subscriber read each log group, five a second. Nothing is lost.", **known)


@measurement(
    "filter-age", f"A subscription filter delivers the events that are ingested {OVERLAP_SECONDS:g} s after it."
)
def filter_age(lab: Lab) -> Finding:
    """Write a line every second after a new filter, and find the first that arrives."""
    found = _first_deliveries(lab)
    if not found.first:
        return not_measured(f"no line arrived within {lab.limits.wait_seconds:g} s", "See delivery-delay.")
    advice = (
        "Events of a new log group's first seconds may be lost, because the backfill does not read them twice. Please"
        " report it: OVERLAP_MS in _subscriptions/backfill.py is too short."
    )
    text = "first delivered line was written"
    return judge_delay(text, found.first, OVERLAP_SECONDS, lab.limits.wait_seconds, advice)


@measurement(
    "delivery-delay",
    f'An event arrives within {SIMULATED.delivery_delay:g} s (AWS: "usually less than three minutes").',
)
def delivery_delay(lab: Lab) -> Finding:
    """Use the lines of filter-age."""
    advice = "Events arrive later, and none is lost. Set delivery_check_timeout higher if the check fails."
    delays = _first_deliveries(lab).delays
    return judge_delay("arrived", delays, SIMULATED.delivery_delay, lab.limits.wait_seconds, advice)


def _first_deliveries(lab: Lab) -> Deliveries:
    def measure() -> Deliveries:
        lab.allow_logs()
        group = lab.log_group("delivery")
        return _deliveries(lab, group, partial(lab.put_filter, group), "line")

    return lab.shared("deliveries", measure)


@measurement(
    "policy-delay",
    f"An account policy is in force within {account_subscription_policy.SETTLE_SECONDS} s (AWS documents no figure).",
)
def policy_delay(lab: Lab) -> Finding:
    """Put a policy whose pattern matches the lines of this measurement only, and write such lines."""
    policy = Policy(lab, "policy-delay")
    if other := policy.other():
        return other
    group = lab.log_group("policy-delay")
    with policy.removed_afterwards():
        found = _deliveries(lab, group, policy.put, policy.word)
    limit = account_subscription_policy.SETTLE_SECONDS
    advice = "Set catch_up_settle_seconds higher before you change log_groups_mode."
    text = "first delivered line was written"
    return judge_delay(text, found.first, limit, lab.limits.wait_seconds, advice)


def _deliveries(lab: Lab, group: str, subscribe: Callable[[], object], word: str) -> Deliveries:
    """Subscribe, then write a line every second until one arrives, and wait for the others."""
    found = Deliveries()
    began = time.monotonic()
    subscribe()

    def write_and_receive() -> bool:
        now = time.monotonic() - began
        if not found.began or now - max(found.began.values()) >= _WRITE_SECONDS:
            line = f"{word} {len(found.began)}"
            found.began[line] = now
            lab.write(group, line)
            found.written[line] = time.monotonic() - began
        return _receive(lab, group, found, began)

    with contextlib.suppress(NotInTimeError):
        lab.wait("a line arrives", write_and_receive)
        last = time.monotonic()
        while len(found.arrived) < len(found.written) and time.monotonic() - last < lab.limits.quiet_seconds:
            last = time.monotonic() if _receive(lab, group, found, began) else last
    return found


def _receive(lab: Lab, group: str, found: Deliveries, began: float) -> bool:
    """Note the lines that have arrived; return whether there was one."""
    lines = [
        line for body in lab.receive(lab.destination().queue) if body["log_group"] == group for line in body["lines"]
    ]
    for line in lines:
        if line in found.written:
            found.arrived.setdefault(line, time.monotonic() - began)
    return bool(lines)


MEASUREMENTS = (role_delay, permission_delay, runtime_sdk, filter_age, delivery_delay, policy_delay)
