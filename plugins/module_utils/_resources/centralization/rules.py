# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variable centralization_rules: its rules, their destinations and the defaults that follow for these. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, TypeVar

from ..._errors import InvalidInputError
from ..._options.centralization import RULES_VARIABLE, CentralizationRuleOptions
from ..._options.option import read, refuse_unknown
from .criteria import parse_criteria
from .selection import GROUP_KEYS, fixed_beginning
from .settings import RuleSettings, check_settings, rule_settings

T = TypeVar("T")

_LOG_GROUP = "${source.logGroup}"
DERIVED = ("log_groups_mode", "reflector_centralized_name_pattern")
"""The role variables whose defaults follow from the rules."""
_ORIGIN = ("${source.accountId}", "${source.region}", _LOG_GROUP)


def parse_rules(value: Any) -> tuple[RuleSettings, ...]:
    """Return the rules of the variable's value. InvalidInputError names the variable and the rule that is wrong.

    Each rule excludes the copies of all rules, so no copy is copied again.
    """
    if value in (None, ""):
        return ()
    if not isinstance(value, (list, tuple)):
        raise _refused("it is not a list of rules")
    rules = [_rule(number, given) for number, given in enumerate(value, 1)]
    beginnings = tuple(dict.fromkeys(fixed_beginning(rule.name_pattern) for rule in rules if rule.present))
    complete = tuple(dataclasses.replace(rule, copies_elsewhere=beginnings) for rule in rules)
    for rule in complete:
        _check(rule.name, partial(check_settings, rule))
    _check_together(complete)
    return complete


def destination_rules(rules: Sequence[RuleSettings], account: str, region: str) -> list[RuleSettings]:
    """Return the rules whose destination is this account and region."""
    place = (account, region)
    return [rule for rule in rules if rule.present and (rule.destination_account, rule.destination_region) == place]


def destination_defaults(rules: Sequence[RuleSettings], account: str, region: str) -> dict[str, str]:
    """Return the defaults of role variables that follow from the rules for a host, by variable; none if it is no destination."""
    found = destination_rules(rules, account, region)
    if not found:
        return {}
    return dict(zip(DERIVED, ("account_policy", found[0].name_pattern), strict=True))


def _rule(number: int, given: Any) -> RuleSettings:
    if not isinstance(given, Mapping):
        raise _refused(f"rule {number} is not a dictionary")
    if not isinstance(given.get("name"), str):
        raise _refused(f"rule {number} has no name, which is a text")
    name = given["name"]

    def parsed() -> RuleSettings:
        refuse_unknown(CentralizationRuleOptions, given, "rule")
        options = read(CentralizationRuleOptions, given)
        return rule_settings({each.name: getattr(options, each.name) for each in dataclasses.fields(options)})

    return _check(name, parsed)


def _check(name: str, work: Callable[[], T]) -> T:
    """Return the result of the work. An error about an option of a rule names variable and rule."""
    try:
        return work()
    except InvalidInputError as error:
        option = "" if error.option == "rule" else f"{error.option}: "
        raise _refused(f"rule {name!r}: {option}{error.message}") from None


def _check_together(rules: Sequence[RuleSettings]) -> None:
    """Refuse rules of one name, a destination with two patterns or without the origin, and rules that copy the same events."""
    present = [rule for rule in rules if rule.present]
    names = [rule.name for rule in rules]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise _refused(f"two rules have the name {twice!r}")
    patterns: dict[tuple[str, str], RuleSettings] = {}
    for rule in present:
        _check_origin(rule)
        place = (rule.destination_account, rule.destination_region)
        first = patterns.setdefault(place, rule)
        if first.name_pattern != rule.name_pattern:
            message = (
                f"rules {first.name!r} and {rule.name!r} have the destination {'/'.join(place)} and different patterns"
            )
            raise _refused(f"{message}. One reflector serves both, so set one log_group_name_pattern")
    for one, other, region, group in _overlaps(present):
        message = f"rules {one.name!r} and {other.name!r} both copy log groups such as {group} from {region}"
        raise _refused(f"{message}, so each event would be delivered twice. Exclude them in one of the rules")


def _check_origin(rule: RuleSettings) -> None:
    """Refuse a pattern from which the reflector cannot read the origin: see lambda_src/reflector/reflector/origin.py."""
    pattern = rule.name_pattern
    if (
        any(pattern.count(each) != 1 for each in _ORIGIN)
        or pattern.count("${") != len(_ORIGIN)
        or not pattern.endswith(_LOG_GROUP)
    ):
        message = f"it has {', '.join(_ORIGIN)} once each and no other variable, and ends with {_LOG_GROUP}"
        raise _refused(
            f"rule {rule.name!r}: log_group_name_pattern: the reflector reads the origin from it, so {message}"
        )


def _overlaps(rules: Sequence[RuleSettings]) -> Iterator[tuple[RuleSettings, RuleSettings, str, str]]:
    """Yield pairs of rules that certainly copy the same events, with a region and a log group as the proof."""
    for number, one in enumerate(rules):
        for other in rules[number + 1 :]:
            regions = sorted({*one.source_regions} & {*other.source_regions})
            group = _first_of_both(one, other)
            if regions and group and _share_accounts(one, other):
                yield one, other, regions[0], group


def _first_of_both(one: RuleSettings, other: RuleSettings) -> str:
    """Return the first sample that both rules select, "" if there is none."""
    selections = [parse_criteria(rule.groups, GROUP_KEYS) for rule in (one, other)]
    return next(
        (
            name
            for name in _samples(one, other)
            if all(each and each.holds({"LogGroupName": {name}}) for each in selections)
        ),
        "",
    )


def _samples(one: RuleSettings, other: RuleSettings) -> list[str]:
    """Return names that both rules may select: those of their patterns, two patterns joined, and ordinary ones."""
    names = [name.replace("*", "") for name in (*one.include, *other.include)]
    joined = [
        name
        for first, second in product(one.include, other.include)
        for name in (first.replace("*", second.replace("*", "")), second.replace("*", first.replace("*", "")))
    ]
    return [*filter(None, names), *joined, "/application", "/aws/lambda/function", "service"]


def _share_accounts(one: RuleSettings, other: RuleSettings) -> bool:
    """Return whether an account is certainly in both scopes. Which accounts an OU has is not known."""
    if one.organization_id or other.organization_id:
        return True  # a rule has the accounts of one organisation, that of its administrator
    return not (
        {*one.accounts}.isdisjoint(other.accounts)
        and {*one.organizational_units}.isdisjoint(other.organizational_units)
    )


def _refused(message: str) -> InvalidInputError:
    return InvalidInputError(RULES_VARIABLE, message, kind="variable")
