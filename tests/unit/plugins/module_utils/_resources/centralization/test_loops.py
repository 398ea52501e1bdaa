# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No mixture of centralization rules and reflectors that is accepted has a loop.

The model of AWS is independent of the code under test: the embedded AWS's parser of scopes and selections. Where AWS does not say
whether it copies a copy, or within one account and region, the model does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.loops import (
    DeliveryPath,
    have_common_name,
    may_select,
    refuse_loops,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.names import (
    matches,
    origin_name,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.rules import parse_rules
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.settings import RuleSettings
from embedded_aws.gaps.selection import LOG_GROUP_OPERATORS, SCOPE_OPERATORS, parse
from hypothesis import event, given, settings
from hypothesis import strategies as st

ORGANIZATION = "o-exampleorg1"
UNITS = {"111111111111": "ou-abcd-11111111", "222222222222": "ou-abcd-11111111", "333333333333": "ou-abcd-22222222"}
ACCOUNTS = tuple(UNITS)
REGIONS = ("eu-west-1", "us-east-1")
PLACES = [(account, region) for account in ACCOUNTS for region in REGIONS]
APPLICATIONS = ("/app/orders", "/aws/lambda/orders")
FUNCTIONS = ("/aws/lambda/log-reflector", "/aws/lambda/forwarder")
SINK_GROUPS = ("/aws/kinesisfirehose/*", "/custom/own")
Place = tuple[str, str]
Group = tuple[Place, str]
"""A log group of an account and region."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Rules, and the log groups that the delivery of each place with a reflector writes to."""

    rules: list[dict[str, Any]]
    reflectors: dict[Place, tuple[str, ...]]

    def paths(self) -> list[DeliveryPath]:
        return [DeliveryPath("/".join(place), *place, groups) for place, groups in self.reflectors.items()]


def accepted(mixture: Mixture) -> tuple[RuleSettings, ...]:
    """Return the rules, or raise InvalidInputError if they or their mixture with the reflectors are refused."""
    rules = parse_rules(mixture.rules)
    refuse_loops(rules, mixture.paths())
    return rules


@st.composite
def rule(draw: st.DrawFn, number: int) -> dict[str, Any]:
    scope = draw(
        st.sampled_from(
            [
                {"organization_id": ORGANIZATION},
                *({"organizational_units": [unit]} for unit in sorted(set(UNITS.values()))),
                *({"accounts": [account]} for account in ACCOUNTS),
                {"accounts": [*ACCOUNTS[:2]]},
            ]
        )
    )
    own = draw(st.sampled_from([None, [], [*FUNCTIONS], [*FUNCTIONS, *SINK_GROUPS]]))
    place = draw(st.sampled_from(PLACES))
    beginning = draw(st.sampled_from(["/central/", "/copies/", "/central/more/"]))
    return {
        "name": f"rule-{number}",
        **scope,
        "source_regions": draw(st.lists(st.sampled_from(REGIONS), min_size=1, unique=True)),
        "include": draw(st.sampled_from([[], ["/app/*"], ["/aws/*"], ["/aws/kinesisfirehose/d*"]])),
        "exclude": draw(st.sampled_from([[], ["/app/*"], ["/aws/*"], ["/aws/lambda/*"]])),
        **({} if own is None else {"own_log_groups": own}),
        "destination_account": place[0],
        "destination_region": place[1],
        "log_group_name_pattern": f"{beginning}${{source.accountId}}/${{source.region}}${{source.logGroup}}",
    }


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    number = draw(st.integers(1, 3))
    reflectors = {
        place: (draw(st.sampled_from(FUNCTIONS)), *draw(st.sampled_from([(), *((each,) for each in SINK_GROUPS)])))
        for place in draw(st.lists(st.sampled_from(PLACES), unique=True))
    }
    return Mixture([draw(rule(each)) for each in range(number)], reflectors)


def copies_of(rules: tuple[RuleSettings, ...], group: Group) -> Iterator[Group]:
    """Yield where AWS's rules copy an event of a log group to."""
    (account, region), name = group
    for each in rules:
        scope = parse(each.scope, frozenset({"OrganizationId", "OrganizationUnitId", "AccountId"}), SCOPE_OPERATORS)
        is_in_scope = scope.holds(
            OrganizationId=frozenset({ORGANIZATION}),
            OrganizationUnitId=frozenset({UNITS[account]}),
            AccountId=frozenset({account}),
        )
        selection = parse(each.groups, frozenset({"LogGroupName"}), LOG_GROUP_OPERATORS)
        if region in each.source_regions and is_in_scope and selection.holds(LogGroupName=frozenset({name})):
            yield (
                (each.destination_account, each.destination_region),
                origin_name(each.name_pattern, account, region, name),
            )


def written_by(group: Group, reflectors: dict[Place, tuple[str, ...]]) -> Iterator[Group]:
    """Yield the log groups that the delivery of an event writes to. A reflector never forwards those of its own place."""
    place, name = group
    own = reflectors.get(place, ())
    if own and not any(matches(pattern, name) for pattern in own):
        yield from ((place, pattern.replace("*", "delivery")) for pattern in own)


def reached(rules: tuple[RuleSettings, ...], mixture: Mixture) -> Iterator[tuple[Group, bool]]:
    """Yield each log group that an application's event causes an event in, and whether it comes back to one on its way."""

    def follow(group: Group, way: tuple[Group, ...]) -> Iterator[tuple[Group, bool]]:
        yield group, group in way
        if group not in way and len(way) < 12:
            for after in (*copies_of(rules, group), *written_by(group, mixture.reflectors)):
                yield from follow(after, (*way, group))

    for place in PLACES:
        for name in APPLICATIONS:
            yield from follow((place, name), ())


def has_loop(rules: tuple[RuleSettings, ...], mixture: Mixture) -> bool:
    return any(
        is_loop or group[1].count("/central/") + group[1].count("/copies/") > 1
        for group, is_loop in reached(rules, mixture)
    )


@settings(max_examples=300)
@given(mixtures())
def test_accepted_mixture_has_no_loop_and_copies_no_delivery(mixture: Mixture) -> None:
    try:
        rules = accepted(mixture)
    except InvalidInputError:
        event("refused")
        return
    event("accepted")
    assert not has_loop(rules, mixture)
    for place, groups in mixture.reflectors.items():
        for pattern in groups:
            written = (place, pattern.replace("*", "delivery"))
            assert list(copies_of(rules, written)) == [], f"{written} is copied"


def from_to(name: str, source: Place, destination: Place, **changes: Any) -> dict[str, Any]:
    """Return a rule that copies all log groups of one place."""
    return {
        "name": name,
        "accounts": [source[0]],
        "source_regions": [source[1]],
        "destination_account": destination[0],
        "destination_region": destination[1],
        **changes,
    }


ONE, OTHER, THIRD = PLACES[0], PLACES[2], PLACES[4]
TO_EACH_OTHER = [from_to("there", ONE, OTHER), from_to("back", OTHER, ONE)]


def test_two_destinations_that_copy_to_each_other_are_accepted() -> None:
    mixture = Mixture(TO_EACH_OTHER, {ONE: FUNCTIONS[:1], OTHER: FUNCTIONS[:1]})
    assert not has_loop(accepted(mixture), mixture)


def test_renamed_reflectors_that_copy_to_each_other_are_refused() -> None:
    """Each delivery would be copied to the other place, whose delivery is copied back, without end."""
    mixture = Mixture(TO_EACH_OTHER, {ONE: FUNCTIONS[1:], OTHER: FUNCTIONS[1:]})
    assert has_loop(parse_rules(mixture.rules), mixture)
    with pytest.raises(
        InvalidInputError, match=r"rule 'there' would copy /aws/lambda/forwarder of 111111111111/eu-west-1"
    ):
        accepted(mixture)
    fixed = [{**each, "own_log_groups": [*FUNCTIONS]} for each in mixture.rules]
    accepted(Mixture(fixed, mixture.reflectors))


def test_reflector_beside_a_copied_place_is_accepted() -> None:
    mixture = Mixture([from_to("there", ONE, OTHER)], dict.fromkeys(PLACES, FUNCTIONS[:1]))
    assert not has_loop(accepted(mixture), mixture)


def test_log_group_of_a_sink_is_refused_in_any_scope_that_may_have_it() -> None:
    """The OUs of an account are not known from the inventory."""
    unit = from_to("there", ONE, OTHER, accounts=[], organizational_units=[UNITS[ONE[0]]])
    with pytest.raises(InvalidInputError, match=r"/aws/kinesisfirehose/\*"):
        accepted(Mixture([unit], {ONE: ("/aws/lambda/log-reflector", SINK_GROUPS[0])}))


NAMES = st.text("ab*", max_size=6)


@given(NAMES, NAMES)
def test_have_common_name_is_symmetric_and_true_for_any_name_of_both(one: str, other: str) -> None:
    assert have_common_name(one, other) == have_common_name(other, one)
    name = one.replace("*", "")
    if matches(other, name):
        assert have_common_name(one, other)


@given(
    NAMES.filter(bool), st.text("ab", max_size=6), st.lists(NAMES.filter(bool), max_size=2), st.lists(NAMES, max_size=2)
)
def test_may_select_is_true_for_each_selected_name(
    pattern: str, name: str, include: list[str], exclude: list[str]
) -> None:
    rule_of_names = RuleSettings(name="x", include=tuple(include), exclude=tuple(exclude))
    is_selected = (not include or any(matches(each, name) for each in include)) and not any(
        matches(each, name) for each in exclude
    )
    if matches(pattern, name) and is_selected:
        assert may_select(rule_of_names, pattern)
