# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log groups in a notification: how many, and the first of them as examples. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_EXAMPLES = 20
"""Examples of a list: a notification stays below 256 KB, which EventBridge and SQS take, with names of 512 characters."""

CHANGES = ("uncovered", "covered", "repaired")
"""The lists of a coverage change.

uncovered   log groups that the rules choose, that are not covered, and that were not in this list at the sweep before
covered     log groups that were not covered at the sweep before and are covered now
repaired    log groups that had lost their filter until this sweep
"""

Example = Mapping[str, Any]


@dataclass(slots=True)
class Listed:
    """Log groups of one list: their number, and the first `MOST_EXAMPLES` of them."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        """Add a log group."""
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)

    def plain(self) -> dict[str, Any]:
        """Return the fields for a message or an event."""
        return {"count": self.count, "examples": [dict(example) for example in self.examples]}


@dataclass(slots=True)
class News:
    """The coverage changes that a sweep has found so far, and why some may be missing."""

    lists: dict[str, Listed] = field(default_factory=lambda: {name: Listed() for name in CHANGES})
    failures: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of changes."""
        return sum(each.count for each in self.lists.values())

    def plain(self) -> dict[str, Any]:
        """Return the fields for the message to the next slice."""
        return {**{name: each.plain() for name, each in self.lists.items()}, "failures": list(self.failures)}


def later(before: News, more: News) -> News:
    """Return the news of earlier slices and of this one."""
    return News(
        {
            name: Listed(
                before.lists[name].count + more.lists[name].count,
                [*before.lists[name].examples, *more.lists[name].examples][:MOST_EXAMPLES],
            )
            for name in CHANGES
        },
        unique([*before.failures, *more.failures]),
    )


def unique(texts: Iterable[str]) -> list[str]:
    """Return the texts in their order, each once, at most `MOST_EXAMPLES` of them, without their ends if they are long."""
    return list(dict.fromkeys(text[:_LONGEST] for text in texts))[:MOST_EXAMPLES]


_LONGEST = 1_000
