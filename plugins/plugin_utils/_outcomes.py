# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcomes of a target, and the words for them: the recap and the callback `fleet` use the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Outcome = Literal["changed", "ok", "failed", "unfinished", "not_started"]

WORDS: dict[Outcome, str] = {
    "changed": "changed",
    "ok": "ok",
    "failed": "failed",
    "unfinished": "unfinished",
    "not_started": "not started",
}
OUTCOMES: tuple[Outcome, ...] = tuple(WORDS)


def word(outcome: Outcome, *, check_mode: bool = False) -> str:
    """Return the word for an outcome. In check mode a target would change."""
    return "would change" if check_mode and outcome == "changed" else WORDS[outcome]


def summary(counts: Mapping[Outcome, int], *, check_mode: bool = False) -> str:
    """Return the number of targets and the counts that are not 0."""
    parts = [f"{count:,} {word(outcome, check_mode=check_mode)}" for outcome, count in counts.items() if count]
    return f"{plural(sum(counts.values()), 'target')}: {', '.join(parts)}" if parts else "0 targets"


def plural(count: int, noun: str) -> str:
    """Return the count with its noun, in the plural unless it is 1."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def some(names: Sequence[str], most: int) -> str:
    """Return the first names, and the number of the others."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
