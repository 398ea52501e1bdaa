# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for which log groups are subscribed. Pure, shared by the catch-up and the subscriber."""

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
    "kept",
    "other_forwarder",
    "not_possible",
    "gone",
    "in_deletion",
    "contested",
    "denied",
    "failed",
]
"""The result for one group.

subscribed      our filter existed and was right          created, updated, removed   our filter was written (or would be)
unsubscribed    there was no filter of ours to remove     excluded                    the rules exclude the group
kept            the rules exclude the group, and our filter stays as the caller wishes: its events are still delivered
other_forwarder foreign filters send to its function: subscribing it might be a loop
not_possible    the group is full or AWS refuses          gone                        the group was deleted meanwhile
in_deletion     AWS is deleting the group                 contested                   another writer kept on writing
denied          a permission is missing                   failed                      a call failed; see the reason
"""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group as DescribeLogGroups returns it; the class is STANDARD if AWS returns none.

    created     ms since 1970, 0 if unknown
    retention   days, None for ever
    tags        None if unknown
    page        the token of the page that it was listed on
    encrypted   whether it has a customer managed KMS key
    """

    name: str
    log_class: str = "STANDARD"
    created: int = 0
    retention: int | None = None
    tags: Mapping[str, str] | None = field(default=None, compare=False)
    page: str = field(default="", compare=False)
    encrypted: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a group is not to be subscribed. `cause` is a key for the counts of not_possible."""

    kind: Kind
    reason: str
    cause: str = ""


class Patterns:
    """Shell-style patterns over the whole name (`/aws/lambda/*`), or `re:` and a regular expression found anywhere."""

    def __init__(self, option: str, patterns: Iterable[str]) -> None:
        if isinstance(patterns, str):  # its characters would be taken for patterns, and a "*" for every group
            raise InvalidInputError(option, f"{patterns!r} is not a list of patterns")
        self._compiled = [(pattern, _compile(option, pattern)) for pattern in patterns]

    def first_match(self, name: str) -> str | None:
        """Return the first pattern that the name matches, as the user wrote it."""
        return next((pattern for pattern, compiled in self._compiled if compiled.search(name)), None)


def _compile(option: str, pattern: str) -> re.Pattern[str]:
    if not isinstance(pattern, str) or pattern in ("", REGEX_PREFIX):
        raise InvalidInputError(option, f"{pattern!r} is not a pattern; to match every log group write '*'")
    if not pattern.startswith(REGEX_PREFIX) and ":" in pattern:
        message = f"{pattern!r} matches no log group, because no name has a colon"
        raise InvalidInputError(option, f"{message}. A regular expression begins with {REGEX_PREFIX!r}")
    if not pattern.startswith(REGEX_PREFIX):
        return re.compile(rf"\A(?:{fnmatch.translate(pattern)})")
    try:
        return re.compile(pattern[len(REGEX_PREFIX) :])
    except re.error as error:
        raise InvalidInputError(option, f"{pattern!r} is not a regular expression: {error}") from error


TagValues = Mapping[str, Sequence[str]]
"""Values by tag key; an empty list means any value."""


class Choice:
    """The rules of the options include, exclude, own_log_groups and so on.

    own_log_groups  groups that the delivery itself writes to, names or patterns: subscribing them would be a loop
    include_tags    a group must carry every key, with one of its values, as ListLogGroups filters
    exclude_tags    a group that carries one of the keys, with one of its values, is excluded
    created_after, created_before   ms since 1970; a group of unknown date passes
    """

    def __init__(
        self,
        include: Iterable[str],
        exclude: Iterable[str],
        own_log_groups: Iterable[str] = (),
        *,
        include_tags: TagValues | None = None,
        exclude_tags: TagValues | None = None,
        created_after: int | None = None,
        created_before: int | None = None,
    ) -> None:
        self._include = Patterns("include", include)
        self._exclude = Patterns("exclude", exclude)
        own = list(own_log_groups)
        self.own_names = frozenset(name for name in own if _NAME.fullmatch(name))
        """The names in own_log_groups, whether such groups exist or not, without the patterns."""
        self._own_patterns = Patterns("own_log_groups", [name for name in own if name not in self.own_names])
        self.include_tags = dict(include_tags or {})
        self.exclude_tags = dict(exclude_tags or {})
        self._after, self._before = created_after, created_before

    @property
    def needs_tags(self) -> bool:
        """Whether the tags of the groups matter."""
        return bool(self.include_tags or self.exclude_tags)

    def exclusion(self, group: LogGroup) -> Exclusion | None:
        """Return why the group is not to be subscribed; None if it is chosen. Unknown tags are not checked."""
        found = self._by_name(group.name) or self._by_date(group.created)
        if not found and group.tags is not None:
            found = self._by_tags(group.tags)
        if not found and group.log_class != "STANDARD":
            takes = _TAKES.get(group.log_class, "only STANDARD groups take filters")
            reason = f"its log class is {group.log_class}; {takes}"
            found = Exclusion("not_possible", reason, "class")
        return found

    def _by_name(self, name: str) -> Exclusion | None:
        if name in self.own_names or self._own_patterns.first_match(name):
            return Exclusion("excluded", "its events come from the delivery itself: subscribing it would be a loop")
        if self._include.first_match(name) is None:
            return Exclusion("excluded", "no include pattern matches")
        if pattern := self._exclude.first_match(name):
            return Exclusion("excluded", f"the exclude pattern {pattern!r} matches")
        return None

    def _by_date(self, created: int) -> Exclusion | None:
        if created and self._after is not None and created < self._after:
            return Exclusion("excluded", "it was created before created_after")
        if created and self._before is not None and created >= self._before:
            return Exclusion("excluded", "it was not created before created_before")
        return None

    def _by_tags(self, tags: Mapping[str, str]) -> Exclusion | None:
        missing = [key for key, values in self.include_tags.items() if not _carries(tags, key, values)]
        if missing:
            return Exclusion("excluded", f"it does not carry the tag {missing[0]!r} that include_tags asks for")
        carried = [key for key, values in self.exclude_tags.items() if _carries(tags, key, values)]
        return Exclusion("excluded", f"it carries the tag {carried[0]!r} of exclude_tags") if carried else None


_TAKES = {"DELIVERY": "such groups take filters to Firehose and S3 only"}
"""Source: CloudWatch Logs User Guide, "Log classes"."""

_NAME = re.compile(r"[-._/#A-Za-z0-9]+")  # a log group's name; none of these characters makes a pattern


def _carries(tags: Mapping[str, str], key: str, values: Sequence[str]) -> bool:
    return key in tags and (not values or tags[key] in values)


def tag_values(option: str, tags: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the values by key of an option of tags, which has one value or a list of values for each key. InvalidInputError."""
    try:
        given = {str(key): _as_list(value) for key, value in tags.items()}
    except (AttributeError, TypeError) as error:
        raise InvalidInputError(option, f"{tags!r} is not a dictionary of tag keys with values") from error
    if "" in given:
        raise InvalidInputError(option, "a tag key must not be empty")
    if odd := [value for values in given.values() for value in values if not _is_text(value)]:
        raise InvalidInputError(option, f"{odd[0]!r} is not a text: write the value of a tag in quotes")
    found = {key: [str(value) for value in values] for key, values in given.items()}
    if len(found) > _MOST_TAGS or any(len(values) > _MOST_TAGS for values in found.values()):
        raise InvalidInputError(option, f"AWS filters by at most {_MOST_TAGS} tags with {_MOST_TAGS} values each")
    # ListLogGroups takes them for wildcards and for "not"; the comparison with one group's own tags does not.
    if special := [value for values in found.values() for value in values if value.startswith("!") or "*" in value]:
        raise InvalidInputError(option, f"{special[0]!r} is not an exact value: '*' and a leading '!' are not allowed")
    return found


_MOST_TAGS = 5


def _as_list(value: Any) -> list[Any]:
    if value in (None, "", "*"):
        return []
    return value if isinstance(value, list) else [value]


def _is_text(value: Any) -> bool:
    """Numbers are taken as text, booleans are not: YAML reads yes without quotes as a boolean, and no tag says "True"."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def own_log_groups(destination_arn: str, functions: Iterable[str], log_groups: Iterable[str] = ()) -> list[str]:
    """Return the log groups that the delivery itself writes to: those of the reflector and of the other functions named.

    log_groups  those of the functions' logging configurations, and those that the user names
    """
    names = [destination_function(destination_arn), *functions]
    return [*(default_log_group(name) for name in names if name), *log_groups]


def destination_function(destination_arn: str) -> str:
    """Return the name, and the qualifier if any, of the Lambda function that the ARN names; "" for other destinations."""
    return destination_arn.partition(":function:")[2]


def default_log_group(function_name: str) -> str:
    """Return the log group of a function whose logging configuration names no other."""
    return f"/aws/lambda/{function_name.partition(':')[0]}"  # without a qualifier
