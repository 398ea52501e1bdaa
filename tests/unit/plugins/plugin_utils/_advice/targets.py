# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of targets: one that every way but Firehose fits, and Hypothesis strategies for any others."""

from __future__ import annotations

from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Range
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.decide import Advice, advise
from ansible_collections.logreflector.aws.plugins.plugin_utils._advice.facts import (
    Context,
    Facts,
    GroupFacts,
    SlotFacts,
)
from hypothesis import strategies as st

RULES = {"tags": False, "dates": False, "names": False, "pattern": False, "plain_names": True}
GROUPS = {"total": 60, "chosen": 60, "excluded": 0, "excluded_bytes": 0, "encrypted": 0}
PLAIN: dict[str, Any] = {
    "region": "eu-west-1",
    "partition": "aws",
    "mode": "filters",
    "deployed": False,
    "groups": GroupFacts(**GROUPS),
    "slots": SlotFacts(60, 60, 0),
    "policy": "none",
    "trail": True,
    "rules": RULES,
    "sinks": ("sumologic",),
    "routes": False,
    "bytes": Range(1e12, 2e12),
}
FLEET = Context(accounts=500, in_organization=True, has_destination=True, bytes=Range(1e12, 2e12))


def plain(**changed: Any) -> Facts:
    """Return the facts of a target without anything unusual, with some changed."""
    return Facts(**{**PLAIN, **changed})


def groups(**changed: Any) -> GroupFacts:
    return GroupFacts(**{**GROUPS, **changed})


def rules(**changed: bool) -> dict[str, bool]:
    return {**RULES, **changed}


def advice(context: Context = FLEET, costs: dict[str, Range] | None = None, **changed: Any) -> Advice:
    return advise(plain(**changed), context, costs or {})


booleans = st.booleans()
numbers = st.integers(0, 10**6)
KNOWN: dict[str, Any] = {
    "partition": st.sampled_from(["aws", "aws-cn", "aws-us-gov"]),
    "groups": st.builds(
        GroupFacts,
        numbers,
        numbers,
        numbers,
        st.sampled_from([0, 25_600, 25_601]),
        numbers,
        st.dictionaries(st.sampled_from(["INFREQUENT_ACCESS", "DELIVERY"]), st.integers(1, 9)),
    ),
    "slots": st.builds(SlotFacts, numbers, numbers, st.integers(0, 2)),
    "policy": st.sampled_from(["none", "own", "foreign", "refused"]),
    "trail": booleans,
    "rules": st.fixed_dictionaries(dict.fromkeys(RULES, booleans)),
    "sinks": st.lists(st.sampled_from(["sumologic", "s3", "firehose", "http"]), max_size=3).map(tuple),
    "routes": booleans,
}
"""The facts that decide, as strategies for their known values."""

UNREAD: dict[str, Any] = {**dict.fromkeys(KNOWN), "partition": ""}

facts = st.builds(
    Facts,
    region=st.just("eu-west-1"),
    mode=st.sampled_from(["filters", "account_policy", "centralized"]),
    deployed=st.one_of(st.none(), booleans),
    bytes=st.one_of(st.none(), st.just(Range(0, 1e12)), st.just(Range(0, None))),
    is_destination=booleans,
    **{name: st.one_of(st.just(UNREAD[name]), known) for name, known in KNOWN.items()},
)
contexts = st.builds(
    Context,
    accounts=st.integers(0, 600),
    in_organization=booleans,
    has_destination=booleans,
    bytes=st.one_of(st.none(), st.just(Range(1e12, 1e18)), st.just(Range(0, 1e12))),
)
