# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables with our prefixes that nothing reads: probably misspelled."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from functools import cache

from ..module_utils._errors import InvalidInputError

OWN_PREFIXES = ("reflector_", "subscriber_", "catch_up_", "log_groups_", "alarms_", "centralization_")
"""Only this collection has such variables, so one that nothing reads is a mistake."""
SHARED_PREFIXES = (
    "account_",
    "advise_",
    "deploy_",
    "explain_",
    "preflight_",
    "rollback_",
    "verify_",
    "replay_",
    "recap_",
    "report_",
    "target_",
    "teardown_",
    "cost_",
    "preview_",
    "volume_",
)
"""Inventories have other variables with these prefixes, so only a name that nearly equals a known one is a mistake."""
PREFIXES = OWN_PREFIXES + SHARED_PREFIXES
_RARE_PREFIXES = tuple(prefix for prefix in OWN_PREFIXES if prefix != "alarms_")
"""A name that is one letter or underscore away from a known one with such a prefix is a mistake. Other collections may have a variable
such as alarm_actions."""


def check_names(variables: Iterable[str], known: Collection[str]) -> None:
    """Raise an error that names each variable that is probably misspelled, if there is one."""
    if unknown := unknown_variables(variables, known):
        (name, message), *others = unknown.items()
        messages = " ".join([message, *(f"{other}: {each}" for other, each in others)])
        raise InvalidInputError(name, messages.removesuffix("."), kind="variable")


def unknown_variables(names: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return a message for each variable that is probably misspelled, sorted by name."""
    found = {}
    for name in sorted(set(names).difference(known)):
        meant = _nearest(name, known) if name.startswith(PREFIXES) else _one_mistake_away(name, known)
        if meant or name.startswith(OWN_PREFIXES):
            found[name] = f"no such variable. Did you mean {meant}?" if meant else "no such variable."
    return found


def _one_mistake_away(name: str, known: Collection[str]) -> str:
    """Return the known variable that shares a form with the name, "" if none does."""
    by_form = _by_form(frozenset(known))
    return next((by_form[form] for form in _forms(name) if form in by_form), "")


@cache
def _by_form(known: frozenset[str]) -> dict[str, str]:
    """Return the known variable for each form of its name."""
    return {form: name for name in sorted(known) if name.startswith(_RARE_PREFIXES) for form in _forms(name)}


def _forms(name: str) -> list[str]:
    """Return the name without underscores, and this without one letter. Two names that share a form are one mistake apart."""
    letters = name.replace("_", "")
    return [letters, *(letters[:place] + letters[place + 1 :] for place in range(len(letters)))]


def _nearest(name: str, known: Collection[str]) -> str:
    """Return the known variable that is nearest, "" if none is near.

    Only the part behind the prefix counts, because names with one prefix are always similar.
    """
    prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
    rest = name.removeprefix(prefix)
    same_prefix = {each.removeprefix(prefix): each for each in sorted(known) if each.startswith(prefix)}
    is_own = prefix in OWN_PREFIXES
    near = difflib.get_close_matches(rest, same_prefix, n=1, cutoff=0.7 if is_own else 0.85)
    found = [same_prefix[each] for each in near]
    if is_own:
        found += [f"{other}{rest}" for other in PREFIXES if f"{other}{rest}" in known]
    return found[0] if found else ""
