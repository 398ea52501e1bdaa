# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why targets failed: the parts of a failed result, and targets grouped by reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils._errors import ReflectorError, error_sentence

Parts = Mapping[str, str]
"""The keys of `ReflectorError.parts`. An error of Ansible itself has only `message`."""

_PARTS = tuple(ReflectorError("", "").parts())
_LONGEST = 1000  # characters of a message
_HIDDEN = "The task failed. Its output is hidden by no_log."
_SILENT = "The task failed without a message."
LOST = "Ansible removed the target from the run. Ansible's message is above."
"""The error of a target that a run lost, for example because it was unreachable."""
_PUNCTUATION = "\"'()[]<>.,:;"
_SHORTEST_ID = 12  # characters: the last block of a UUID
_UNITS = {"s", "ms", "second", "seconds"}


def is_hidden(result: Mapping[str, Any]) -> bool:
    """Return whether no_log forbids to read a result."""
    return bool(result.get("_ansible_no_log") or "censored" in result)


def failure_parts(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the parts of the error in a failed result. If items of a loop failed, their errors count."""
    if is_hidden(result):
        return {"message": _HIDDEN}
    if failed := [item for item in _list(result.get("results")) if isinstance(item, Mapping) and item.get("failed")]:
        errors = [failure_parts(item) for item in failed]
        sentences = dict.fromkeys(error_sentence(parts) for parts in errors)
        return errors[0] if len(sentences) == 1 else {"message": one_line(" ".join(sentences))}
    error = result.get("error")
    if isinstance(error, Mapping) and error.get("message"):
        return {name: one_line(str(error[name])) for name in _PARTS if error.get(name)}
    message = result.get("msg")
    return {"message": one_line(" ".join(map(str, _list(message))) or str(message or "")) or _SILENT}


def failure_sentence(result: Mapping[str, Any]) -> str:
    """Return the error in a failed result as one line."""
    return one_line(error_sentence(failure_parts(result)))


def one_line(text: str) -> str:
    """Return the text with single spaces and without control characters, cut if it is very long."""
    line = " ".join(printable(text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def printable(text: str) -> str:
    """Return the text with a space in place of each control character.

    Others choose the names of log groups and accounts, and may write escape sequences for the terminal into them.
    """
    return "".join(each if each.isprintable() else " " for each in text)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


@dataclass(frozen=True, slots=True)
class FailedTarget:
    """A failed target.

    account, region   "" if the inventory does not set them
    """

    name: str
    account: str
    region: str
    parts: Parts

    def generalise(self, text: str) -> str:
        """Return the text with placeholders for the target's name, account and region."""
        for value, placeholder in (
            (self.parts.get("account") or self.account, "<account>"),
            (self.account, "<account>"),
            (self.parts.get("region") or self.region, "<region>"),
            (self.region, "<region>"),
        ):
            # A value without a digit may be part of an ordinary word.
            if any(letter.isdigit() for letter in value):
                text = text.replace(value, placeholder)
        words = ((self.name, "<target>"), (self.parts.get("resource", ""), "<resource>"))
        return " ".join(_with_placeholders(word, words) for word in text.split())

    def reason(self) -> tuple[str, ...]:
        """Return what targets that failed for one reason have in common: kind, code, and the texts as patterns."""
        texts = (pattern(self.generalise(self.parts.get(name, ""))) for name in ("operation", "message"))
        return (self.parts.get("kind", ""), self.parts.get("code", ""), *texts)


def _with_placeholders(word: str, placeholders: Sequence[tuple[str, str]]) -> str:
    """Return a word with a placeholder if it is one of the values, apart from punctuation around it."""
    bare = word.strip(_PUNCTUATION)
    return next((word.replace(bare, each) for value, each in placeholders if bare and bare == value), word)


def pattern(text: str) -> str:
    """Return the text with placeholders for ARNs, identifiers and durations."""
    words = text.split()
    following = [word.strip(_PUNCTUATION) for word in [*words[1:], ""]][: len(words)]
    return " ".join(
        "<number>" if unit in _UNITS and _is_number(word) else _word_pattern(word)
        for word, unit in zip(words, following, strict=True)
    )


def _word_pattern(word: str) -> str:
    bare = word.strip(_PUNCTUATION)
    if bare.startswith("arn:"):
        return "<arn>"
    is_id = len(bare) >= _SHORTEST_ID and any(map(str.isdigit, bare)) and any(map(str.isalpha, bare))
    return "<id>" if is_id else word


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Targets that failed for one reason. The sentence of a single target is as it was."""

    sentence: str
    targets: tuple[str, ...]


def group_by_reason(failed: Iterable[FailedTarget]) -> list[FailureGroup]:
    """Return the targets grouped by reason, the largest group first."""
    groups: dict[tuple[str, ...], list[FailedTarget]] = {}
    for target in failed:
        groups.setdefault(target.reason(), []).append(target)
    return [_group(members) for members in sorted(groups.values(), key=len, reverse=True)]


def _group(members: list[FailedTarget]) -> FailureGroup:
    first = members[0]
    if len(members) == 1:
        return FailureGroup(error_sentence(first.parts), (first.name,))
    common = {**first.parts, "extent": ""}  # each target has its own
    return FailureGroup(first.generalise(error_sentence(common)), tuple(target.name for target in members))
