# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of all targets of a run before a deployment, grouped by reason, as lines for the terminal. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils._errors import error_sentence
from ..module_utils._parts.preflight.findings import LEVELS, TITLES
from ._failures import LOST, FailedTarget, Parts, one_line, pattern
from ._outcomes import plural, some

_WORDS = {"problem": "PROBLEM", "warning": "WARNING", "not_checked": "NOT CHECKED", "note": "Note"}
_COUNTED = {"problem": "problem", "warning": "warning"}
_STATES = {"not_ready": "not ready", "ready_with_warnings": "ready with warnings", "ready": "ready"}
_FAILURES = {
    "InvalidInputError": "options",
    **dict.fromkeys(("CredentialsError", "RegionDisabledError", "UnreachableError"), "access"),
}
"""The reason of a target that failed, by the kind of the error."""

_NAMES = 5
_NUMBER = re.compile(r"\d[\d,.]*")
_LOST: Parts = {"message": LOST}

Group = list[tuple["CheckedTarget", Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class CheckedTarget:
    """A target.

    preflight   of the module's result; None if the target failed
    failure     why it failed, or with `preflight` why its centralization rules cannot be planned
    """

    name: str
    account: str
    region: str
    preflight: Mapping[str, Any] | None = None
    failure: Parts | None = None

    @property
    def state(self) -> str:
        """The verdict. A target that failed is not ready."""
        return str(self.preflight["state"]) if self.preflight and not self.failure else "not_ready"

    def findings(self) -> Sequence[Mapping[str, Any]]:
        """Return the findings; that of a target that failed is its failure."""
        found: list[Mapping[str, Any]] = list(self.preflight["findings"]) if self.preflight else []
        if self.preflight and not self.failure:
            return found
        sentence = error_sentence(self.failure or _LOST).removesuffix(".")
        kind = (self.failure or _LOST).get("kind", "")
        key = "centralization" if self.preflight else _FAILURES.get(kind, "failed")
        return [{"level": "problem", "key": key, "sentence": sentence, "advice": ""}, *found]

    def without_place(self, text: str) -> str:
        """Return a text with placeholders for the target's name, account and region."""
        return FailedTarget(self.name, self.account, self.region, {}).generalise(text)

    def general(self, text: str) -> str:
        """Return a text without what only this target has: names, identifiers and numbers."""
        return _NUMBER.sub("<number>", pattern(self.without_place(text)))


@dataclass(frozen=True, slots=True)
class Preflight:
    """The findings of a run."""

    targets: Sequence[CheckedTarget]

    def left(self) -> list[str]:
        """Return the targets that are not ready."""
        return [target.name for target in self.targets if target.state == "not_ready"]

    def lines(self) -> list[str]:
        """Return the text, each line without control characters: others choose many of the names in it."""
        return [_printed(line) for line in self._lines()]

    def _lines(self) -> Iterator[str]:
        for (level, key), group in self._groups().items():
            yield f"{_WORDS[level]}: {TITLES[key]} ({plural(len({target.name for target, _finding in group}), 'target')})"
            yield from _group_lines(group)
        width = max(map(len, _STATES.values()))
        for target in self.targets:
            yield f"{_STATES[target.state]:<{width}}  {target.name}{_place(target)}{_counts(target)}"
        states = [target.state for target in self.targets]
        counted = ", ".join(f"{states.count(state):,} {word}" for state, word in _STATES.items() if state in states)
        yield f"{plural(len(states), 'target')}: {counted}."

    def _groups(self) -> dict[tuple[str, str], Group]:
        """Return the findings by level and reason, the gravest level and the most frequent reason first."""
        groups: dict[tuple[str, str], Group] = {}
        for target in self.targets:
            for finding in target.findings():
                groups.setdefault((finding["level"], finding["key"]), []).append((target, finding))
        return dict(sorted(groups.items(), key=lambda item: (LEVELS.index(item[0][0]), -len(item[1]))))


def _group_lines(group: Group) -> Iterator[str]:
    """Yield each sentence that differs by more than the target and numbers, with its targets, and each advice once."""
    alike: dict[str, Group] = {}
    for target, finding in group:
        alike.setdefault(target.general(finding["sentence"]), []).append((target, finding))
    for members in sorted(alike.values(), key=len, reverse=True):
        yield from _member_lines(members)
    for advice in dict.fromkeys(finding["advice"] for _target, finding in group if finding["advice"]):
        yield f"  To do: {advice}"


def _member_lines(members: Group) -> Iterator[str]:
    names = [target.name for target, _finding in members]
    if len(names) == 1:
        yield f"  {names[0]}: {members[0][1]['sentence']}"
        return
    texts = {target.without_place(finding["sentence"]) for target, finding in members}
    if len(texts) == 1:
        yield f"  {plural(len(names), 'target')}: {texts.pop()}"
    else:
        yield f"  {plural(len(names), 'target')}, for example {names[0]}: {members[0][1]['sentence']}"
    yield f"    {some(names, _NAMES)}"


def _place(target: CheckedTarget) -> str:
    places = [f"account {target.account}" * bool(target.account), target.region]
    return f" ({', '.join(filter(None, places))})" if any(places) else ""


def _counts(target: CheckedTarget) -> str:
    levels = [str(finding["level"]) for finding in target.findings()]
    parts = [plural(levels.count(level), noun) for level, noun in _COUNTED.items() if level in levels]
    if unread := levels.count("not_checked"):
        parts.append(f"{unread} not checked")
    return f": {', '.join(parts)}" if parts else ""


def _printed(line: str) -> str:
    """Return the line with its indentation, and otherwise single spaces and no control characters."""
    text = line.lstrip(" ")
    return line[: len(line) - len(text)] + _aligned(text)


def _aligned(text: str) -> str:
    """Return the text in one line. The columns of a target's line stay."""
    state = next((word for word in _STATES.values() if text.startswith(f"{word} ")), "")
    rest = text.removeprefix(state)
    gap = rest[: len(rest) - len(rest.lstrip(" "))]
    return f"{state}{gap}{one_line(rest)}" if state else one_line(text)
