# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The choice of log groups by the rules, without reading filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..._errors import NotFoundError
from ..._subscriptions.calls import LogsApi, can_read_tags
from ..._subscriptions.choice import Choice, Exclusion, LogGroup
from ..._subscriptions.listing import ListedTags
from .figures import State, VolumeRow

_NO_TAGS = 'its tags are unknown: AWS reads no tags of a name with "#"'


@dataclass(frozen=True, slots=True)
class VolumeSelection:
    """The rules for the log groups of a target.

    tags    the log groups that carry the chosen tags, if AWS lists them
    arn     returns the ARN of a log group, whose tags are read one by one otherwise
    """

    choice: Choice
    tags: ListedTags
    api: LogsApi
    arn: Callable[[str], str]

    def rows(self) -> Iterator[VolumeRow]:
        """Yield all log groups, without volumes. One that is deleted meanwhile is left out."""
        for group in self.api.groups():
            try:
                found = self._exclusion(group)
            except NotFoundError:
                continue
            if found is None:
                yield VolumeRow(group.name, "chosen")
            else:
                state: State = "impossible" if found.kind == "not_possible" else "excluded"
                yield VolumeRow(group.name, state, found.reason)

    def _exclusion(self, group: LogGroup) -> Exclusion | None:
        found = self.choice.exclusion(group)
        if (found and found.kind != "not_possible") or not self.choice.needs_tags:
            return found
        if self.tags.is_listed:
            return self.tags.exclusion(group.name) or found
        if not can_read_tags(group.name):
            return Exclusion("excluded", _NO_TAGS)
        return self.choice.exclusion(replace(group, tags=self.api.tags(self.arn(group.name))))
