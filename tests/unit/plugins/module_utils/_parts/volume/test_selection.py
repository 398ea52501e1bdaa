# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the rules choose a log group, with tags that AWS lists, and with tags that are read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._errors import NotFoundError
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Measured, VolumeRow
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.read import largest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.selection import VolumeSelection
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import Choice, LogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.listing import ListedTags

TEAM = {"team": ["shop"]}


class Logs:
    """CloudWatch Logs with these log groups and their tags. A group without tags here was deleted meanwhile."""

    def __init__(self, tags: dict[str, dict[str, str]], *groups: LogGroup) -> None:
        self._tags, self._groups = tags, groups
        self.read: list[str] = []

    def groups(self) -> Iterator[LogGroup]:
        yield from self._groups

    def tags(self, arn: str) -> dict[str, str]:
        self.read.append(arn)
        if arn not in self._tags:
            raise NotFoundError("read the tags", "gone")
        return self._tags[arn]


def states(logs: Logs, choice: Choice, tags: ListedTags | None = None) -> dict[str, str]:
    selection = VolumeSelection(choice, tags or ListedTags(), logs, lambda name: f"arn:{name}")  # type: ignore[arg-type]
    return {row.log_group: row.state for row in selection.rows()}


def choice(**more: Any) -> Choice:
    return Choice(["/app/*"], ["/app/excluded"], **more)


def test_names_and_classes_decide_without_a_call() -> None:
    logs = Logs({}, LogGroup("/app/a"), LogGroup("/app/excluded"), LogGroup("/other"), LogGroup("/app/ia", "DELIVERY"))
    assert states(logs, choice()) == {
        "/app/a": "chosen",
        "/app/excluded": "excluded",
        "/other": "excluded",
        "/app/ia": "impossible",
    }
    assert logs.read == []


def test_listed_tags_decide_without_a_call() -> None:
    logs = Logs({}, LogGroup("/app/a"), LogGroup("/app/b"))
    tags = ListedTags(included=frozenset({"/app/a"}), excluded=frozenset())
    assert states(logs, choice(include_tags=TEAM), tags) == {"/app/a": "chosen", "/app/b": "excluded"}
    assert logs.read == []


def test_tags_that_aws_does_not_list_are_read_of_each_group_that_the_names_choose() -> None:
    tags = {"arn:/app/a": {"team": "shop"}, "arn:/app/b": {"team": "other"}}
    logs = Logs(tags, *map(LogGroup, ("/app/a", "/app/b", "/app/gone", "/app/#odd", "/other")))
    assert states(logs, choice(include_tags=TEAM)) == {
        "/app/a": "chosen",
        "/app/b": "excluded",
        "/app/#odd": "excluded",
        "/other": "excluded",
    }
    assert logs.read == ["arn:/app/a", "arn:/app/b", "arn:/app/gone"]


def test_largest_are_the_first_twenty_with_a_known_volume() -> None:
    rows = [VolumeRow(f"/{n:02}", "chosen", bytes=Measured(n // 2, 1) if n else None) for n in range(30)]
    found = largest(rows)
    assert [row.log_group for row in found[:4]] == ["/28", "/29", "/26", "/27"]
    assert len(found) == 20
    assert rows[0] not in largest(rows[:5])
