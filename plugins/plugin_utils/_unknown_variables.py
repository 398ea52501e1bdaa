# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables with our prefixes that nothing reads: probably misspelled."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from ..module_utils._errors import InvalidInputError

OWN_PREFIXES = ("reflector_", "subscriber_", "catch_up_", "log_groups_", "alarms_", "centralization_")
"""Only this collection has such variables, so one that nothing reads is a mistake."""
SHARED_PREFIXES = (
    "account_",
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


def check_names(variables: Iterable[str], known: Collection[str]) -> None:
    """Raise an error that names each variable that is probably misspelled, if there is one."""
    if unknown := unknown_variables(variables, known):
        (name, message), *others = unknown.items()
        messages = " ".join([message, *(f"{other}: {each}" for other, each in others)])
        raise InvalidInputError(name, messages.removesuffix("."), kind="variable")


def unknown_variables(names: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return a message for each variable that is probably misspelled, sorted by name."""
    unknown = sorted({name for name in names if name.startswith(PREFIXES)}.difference(known))
    found = {name: _suggestion(name, known) for name in unknown}
    return {
        name: f"no such variable.{suggestion}"
        for name, suggestion in found.items()
        if suggestion or name.startswith(OWN_PREFIXES)
    }


def _suggestion(name: str, known: Collection[str]) -> str:
    """Return a question for the known variable that is nearest, "" if none is near.

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
    return f" Did you mean {found[0]}?" if found else ""
