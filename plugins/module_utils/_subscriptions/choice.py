# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which log groups are to be subscribed: pure rules, shared by the catch-up and the subscriber."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .._errors import InvalidInputError

REGEX_PREFIX = "re:"

Kind = Literal[
    "subscribed",
    "created",
    "updated",
    "removed",
    "unsubscribed",
    "excluded",
    "not_possible",
    "gone",
    "in_deletion",
    "contested",
    "denied",
    "failed",
]
"""What came of a group.

subscribed      ours was there and right                  created, updated, removed   ours was written (or would be)
unsubscribed    nothing of ours to remove                 excluded                    the rules leave it out
not_possible    AWS or a full group does not allow it     gone                        deleted meanwhile
in_deletion     AWS is about to delete it                 contested                   another writer outlasted us
denied          a permission is missing                   failed                      a call failed; the reason says which
"""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group as DescribeLogGroups tells of it; the class is STANDARD where AWS names none.

    created     ms since 1970, 0 if not known
    retention   days, None for ever
    tags        None if not known
    page        the token of the page that it was listed on
    """

    name: str
    log_class: str = "STANDARD"
    created: int = 0
    retention: int | None = None
    tags: Mapping[str, str] | None = field(default=None, compare=False)
    page: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a group is not to be subscribed. `cause` is a word for whoever counts."""

    kind: Kind
    reason: str
    cause: str = ""


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


TagValues = Mapping[str, Sequence[str]]
"""Values by tag key; no value means any."""


class Choice:
    """The rules: include, exclude, and groups that must never be subscribed because they are on the delivery path.

    delivery_path   names, and patterns as in include
    include_tags    a group must carry every key, with one of its values: as ListLogGroups filters
    exclude_tags    a group that carries one of the keys, with one of its values, is left out
    created_after, created_before   ms since 1970; a group whose date is not known fits
    """

    def __init__(
        self,
        include: Iterable[str],
        exclude: Iterable[str],
        delivery_path: Iterable[str] = (),
        *,
        include_tags: TagValues | None = None,
        exclude_tags: TagValues | None = None,
        created_after: int | None = None,
        created_before: int | None = None,
    ) -> None:
        self._include = Patterns("include", include)
        self._exclude = Patterns("exclude", exclude)
        path = list(delivery_path)
        self._delivery_path = frozenset(path)
        self._delivery_patterns = Patterns("own_log_groups", [name for name in path if not _NAME.fullmatch(name)])
        self.include_tags = dict(include_tags or {})
        self.exclude_tags = dict(exclude_tags or {})
        self._after, self._before = created_after, created_before

    @property
    def delivery_names(self) -> frozenset[str]:
        """The names on the delivery path, whether such groups exist or not; its patterns are not among them."""
        return frozenset(name for name in self._delivery_path if _NAME.fullmatch(name))

    @property
    def needs_tags(self) -> bool:
        """Whether the groups' tags are asked for."""
        return bool(self.include_tags or self.exclude_tags)

    def against(self, group: LogGroup) -> Verdict | None:
        """Why the group is not to be subscribed; None if it is to be. The tags count where they are known."""
        verdict = self._against_name(group.name) or self._against_date(group.created)
        if not verdict and group.tags is not None:
            verdict = self._against_tags(group.tags)
        if not verdict and group.log_class != "STANDARD":
            reason = f"its log class is {group.log_class}; only STANDARD groups take filters"
            verdict = Verdict("not_possible", reason, "class")
        return verdict

    def _against_name(self, name: str) -> Verdict | None:
        if name in self._delivery_path or self._delivery_patterns.first_match(name):
            return Verdict("excluded", "its events come from the delivery itself: subscribing it would be a loop")
        if self._include.first_match(name) is None:
            return Verdict("excluded", "no include pattern matches")
        if pattern := self._exclude.first_match(name):
            return Verdict("excluded", f"the exclude pattern {pattern!r} matches")
        return None

    def _against_date(self, created: int) -> Verdict | None:
        if created and self._after is not None and created < self._after:
            return Verdict("excluded", "it was created before created_after")
        if created and self._before is not None and created >= self._before:
            return Verdict("excluded", "it was not created before created_before")
        return None

    def _against_tags(self, tags: Mapping[str, str]) -> Verdict | None:
        missing = [key for key, values in self.include_tags.items() if not _carries(tags, key, values)]
        if missing:
            return Verdict("excluded", f"it does not carry the tag {missing[0]!r} that include_tags asks for")
        carried = [key for key, values in self.exclude_tags.items() if _carries(tags, key, values)]
        return Verdict("excluded", f"it carries the tag {carried[0]!r} of exclude_tags") if carried else None


_NAME = re.compile(r"[-._/#A-Za-z0-9]+")  # of a log group, in which no pattern has room


def _carries(tags: Mapping[str, str], key: str, values: Sequence[str]) -> bool:
    return key in tags and (not values or tags[key] in values)


def tag_values(option: str, tags: Mapping[str, Any]) -> dict[str, list[str]]:
    """An option of tags, a value or a list of values for each key; InvalidInputError if it is anything else."""
    try:
        given = {str(key): _as_list(value) for key, value in tags.items()}
    except (AttributeError, TypeError) as error:
        raise InvalidInputError(option, f"{tags!r} is not a dictionary of tag keys with values") from error
    if "" in given:
        raise InvalidInputError(option, "a tag has a key")
    if odd := [value for values in given.values() for value in values if not _is_text(value)]:
        raise InvalidInputError(option, f"{odd[0]!r} is no text: write a tag's value in quotes")
    found = {key: [str(value) for value in values] for key, values in given.items()}
    if len(found) > _MOST_TAGS or any(len(values) > _MOST_TAGS for values in found.values()):
        raise InvalidInputError(option, f"AWS filters by at most {_MOST_TAGS} tags with {_MOST_TAGS} values each")
    # ListLogGroups would take them for wildcards and for "not", and a look at one group's own tags would not.
    if special := [value for values in found.values() for value in values if value.startswith("!") or "*" in value]:
        raise InvalidInputError(option, f"{special[0]!r} is no exact value: '*' and a leading '!' are not taken")
    return found


_MOST_TAGS = 5


def _as_list(value: Any) -> list[Any]:
    if value in (None, "", "*"):
        return []
    return value if isinstance(value, list) else [value]


def _is_text(value: Any) -> bool:
    """A number is, but a boolean is not: to YAML, yes without quotes is one, and the tag does not say "True"."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


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
