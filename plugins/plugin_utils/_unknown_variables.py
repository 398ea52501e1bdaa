# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables with our prefixes that nothing reads: probably misspelled."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

PREFIXES = (
    "reflector_",
    "subscriber_",
    "account_",
    "catch_up_",
    "log_groups_",
    "deploy_",
    "rollback_",
    "verify_",
    "replay_",
    "recap_",
    "target_",
)


def unknown_variables(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Return a message for each variable that has one of our prefixes and is not known, sorted by name."""
    unknown = sorted({name for name in names if name.startswith(PREFIXES)}.difference(known))
    return [f"{name}: no such variable.{_suggestion(name, known)}" for name in unknown]


def _suggestion(name: str, known: Collection[str]) -> str:
    """Return a question for the known variable that is nearest, "" if none is near.

    Only the part behind the prefix counts, because names with one prefix are always similar.
    """
    prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
    rest = name.removeprefix(prefix)
    same_prefix = {each.removeprefix(prefix): each for each in sorted(known) if each.startswith(prefix)}
    near = [same_prefix[each] for each in difflib.get_close_matches(rest, same_prefix, n=1, cutoff=0.7)]
    moved = [f"{other}{rest}" for other in PREFIXES if f"{other}{rest}" in known]
    found = [*near, *moved]
    return f" Did you mean {found[0]}?" if found else ""
