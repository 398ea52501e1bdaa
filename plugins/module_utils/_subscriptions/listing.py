# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listing of a sweep: the groups of a target in the order of their names, and which of them carry the chosen tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .._errors import AwsError, ReflectorError
from .calls import CannotListByTagError, LogsApi
from .choice import Choice, Exclusion, LogGroup


@dataclass(frozen=True, slots=True)
class Position:
    """The place where an unfinished sweep continues: on the page with that token, after the group of that name."""

    page: str = ""
    after: str = ""


class Listing:
    """The groups to process, from `position` on. One thread iterates over it.

    is_time_up  checked before each group
    stopped     the place where the next sweep continues; None if the listing reached its end
    error       the error that broke the listing off
    """

    def __init__(self, api: LogsApi, is_time_up: Callable[[], bool], position: Position | None = None) -> None:
        self._api, self._is_time_up = api, is_time_up
        self._start = position or Position()
        self.stopped: Position | None = None
        self.error: ReflectorError | None = None

    def groups(self) -> Iterator[LogGroup]:
        """Yield the groups. AWS lists log groups sorted by name (API reference, DescribeLogGroups)."""
        page, after = self._start.page, self._start.after
        try:
            for group in self._listed(page):
                if group.name <= self._start.after:
                    continue
                page = group.page
                if self._is_time_up():
                    self.stopped = Position(page, after)
                    return
                after = group.name
                yield group
        except ReflectorError as error:
            self.stopped, self.error = Position(page, after), error

    def _listed(self, page: str) -> Iterator[LogGroup]:
        """List from that page on. Its token expires after a day (API reference, DescribeLogGroups): then from the first."""
        try:
            yield from self._api.groups(token=page)
        except AwsError as error:
            if not page or error.code != "InvalidParameterException":
                raise
            yield from self._api.groups()


@dataclass(frozen=True, slots=True)
class ListedTags:
    """The groups that carry the tags of include_tags and exclude_tags; None if that is not listed or not asked for."""

    included: frozenset[str] | None = None
    excluded: frozenset[str] | None = None

    @property
    def is_listed(self) -> bool:
        """Whether the tags are known without a call for each group."""
        return self.excluded is not None

    def exclusion(self, name: str) -> Exclusion | None:
        """Return why the tags exclude the group; None if they do not."""
        if self.included is not None and name not in self.included:
            return Exclusion("excluded", "it does not carry the tags of include_tags")
        if self.excluded and name in self.excluded:
            return Exclusion("excluded", "it carries a tag of exclude_tags")
        return None


def list_tags(api: LogsApi, choice: Choice) -> tuple[ListedTags, list[str]]:
    """Return the groups that carry the chosen tags, a thousand a call, and notes for the user."""
    try:
        included = frozenset(api.tagged(choice.include_tags)) if choice.include_tags else None
        excluded = frozenset(name for key, values in choice.exclude_tags.items() for name in api.tagged({key: values}))
    except CannotListByTagError as error:
        return ListedTags(), [f"the tags of every log group were read one by one: {error}"]
    return ListedTags(included, excluded), []
