# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which log groups are to be subscribed: pure rules, shared by the catch-up and the subscriber."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .._errors import InvalidInputError

REGEX_PREFIX = "re:"

Kind = Literal[
    "subscribed", "created", "updated", "removed", "unsubscribed", "excluded", "not_possible", "gone", "failed"
]
"""What came of a group.

subscribed      ours was there and right                  created, updated, removed   ours was written (or would be)
unsubscribed    nothing of ours to remove                 excluded                    the rules leave it out
not_possible    AWS or a full group does not allow it     gone                        deleted meanwhile
failed          a call failed; the reason says which
"""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group as DescribeLogGroups tells of it; the class is STANDARD where AWS names none."""

    name: str
    log_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a group is not to be subscribed."""

    kind: Kind
    reason: str


class Patterns:
    """Shell-style patterns over the whole name (`/aws/lambda/*`), or `re:` and a regular expression found anywhere."""

    def __init__(self, option: str, patterns: Iterable[str]) -> None:
        if isinstance(patterns, str):  # its characters would pass for patterns, and a "*" among them for everything
            raise InvalidInputError(option, f"{patterns!r} is not a list of patterns")
        self._compiled = [(pattern, _compile(option, pattern)) for pattern in patterns]

    def first_match(self, name: str) -> str | None:
        """The first pattern that the name matches, as the user wrote it."""
        return next((pattern for pattern, compiled in self._compiled if compiled.search(name)), None)


def _compile(option: str, pattern: str) -> re.Pattern[str]:
    if not isinstance(pattern, str) or pattern in ("", REGEX_PREFIX):
        raise InvalidInputError(option, f"{pattern!r} is not a pattern; to match every log group write '*'")
    if not pattern.startswith(REGEX_PREFIX):
        return re.compile(rf"\A(?:{fnmatch.translate(pattern)})")
    try:
        return re.compile(pattern[len(REGEX_PREFIX) :])
    except re.error as error:
        raise InvalidInputError(option, f"{pattern!r} is not a regular expression: {error}") from error


class Choice:
    """The rules: include, exclude, and groups that must never be subscribed because they are on the delivery path."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str], delivery_path: Iterable[str] = ()) -> None:
        self._include = Patterns("include", include)
        self._exclude = Patterns("exclude", exclude)
        self._delivery_path = frozenset(delivery_path)

    def against(self, group: LogGroup) -> Verdict | None:
        """Why the group is not to be subscribed; None if it is to be."""
        if group.name in self._delivery_path:
            return Verdict("excluded", "its events come from the delivery itself: subscribing it would be a loop")
        if self._include.first_match(group.name) is None:
            return Verdict("excluded", "no include pattern matches")
        if pattern := self._exclude.first_match(group.name):
            return Verdict("excluded", f"the exclude pattern {pattern!r} matches")
        if group.log_class != "STANDARD":
            return Verdict("not_possible", f"its log class is {group.log_class}; only STANDARD groups take filters")
        return None


def delivery_path(destination_arn: str, functions: Iterable[str], log_groups: Iterable[str] = ()) -> list[str]:
    """Log groups that a subscription would turn into a loop: those of the reflector and of the other functions named.

    log_groups  those that the functions' logging configurations name, and others that the user knows of
    """
    names = [destination_function(destination_arn), *functions]
    return [*(own_log_group(name) for name in names if name), *log_groups]


def destination_function(destination_arn: str) -> str:
    """Name of the Lambda function that an ARN names, with its qualifier if there is one; "" for other destinations."""
    return destination_arn.partition(":function:")[2]


def own_log_group(function_name: str) -> str:
    """The log group that Lambda writes a function's output to, unless its logging configuration names another."""
    return f"/aws/lambda/{function_name.partition(':')[0]}"  # without a qualifier
