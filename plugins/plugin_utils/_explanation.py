# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of a log group's events on all targets of a run, as lines for the terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils._parts.log_group_path.stations import TITLES
from ._failures import LOST, FailedTarget, Parts, printable
from ._outcomes import some
from ._recap import failure_lines

_WORDS = {"ok": "OK", "problem": "PROBLEM", "not_checked": "not checked"}
_WIDTHS = (max(map(len, _WORDS.values())), max(map(len, TITLES.values())))
_FINE = ("delivered", "no_problem")
_LOST: Parts = {"message": LOST}
_NAMES = 10


@dataclass(frozen=True, slots=True)
class ExplainedTarget:
    """A target.

    path      of the module's result; None if the target failed
    failure   why it failed
    """

    name: str
    account: str
    region: str
    path: Mapping[str, Any] | None = None
    failure: Parts | None = None

    @property
    def is_without_group(self) -> bool:
        """Whether the target has no such log group."""
        return self.path is not None and self.path["exists"] is False

    @property
    def has_problem(self) -> bool:
        """Whether the log group is there, and its events do not arrive or are not known to be able to."""
        return self.path is None or (not self.is_without_group and self.path["verdict"]["outcome"] not in _FINE)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The findings of a run about one log group."""

    log_group: str
    targets: Sequence[ExplainedTarget]

    def left(self) -> list[str]:
        """Return the targets that make the run fail: all of them if none has the log group."""
        troubled = [target.name for target in self.targets if target.has_problem]
        has_group = any(not target.is_without_group for target in self.targets)
        return troubled if has_group else [target.name for target in self.targets]

    def lines(self) -> list[str]:
        """Return the text, without control characters: others choose many of the names in it."""
        return [printable(line) for line in self._lines()]

    def _lines(self) -> Iterator[str]:
        for target in self.targets:
            if target.path and not target.is_without_group:
                yield from _path_lines(target.name, target.path)
        failed = [target for target in self.targets if target.path is None]
        yield from failure_lines(
            FailedTarget(each.name, each.account, each.region, each.failure or _LOST) for each in failed
        )
        yield from self._without_group()

    def _without_group(self) -> Iterator[str]:
        without = [target.name for target in self.targets if target.is_without_group]
        if not without:
            return
        names = some(without, _NAMES)
        if len(without) < len(self.targets):
            yield f"There is no log group {self.log_group} in {names}."
            return
        yield f"No target has the log group {self.log_group}: {names}."
        yield "Check the name, the account and the region. Most services create a log group with its first event."


def _path_lines(name: str, path: Mapping[str, Any]) -> Iterator[str]:
    yield f"{path['log_group']} in {name} (account {path['account_id']}, {path['region']})"
    for station in path["stations"]:
        word, title = _WORDS[station["status"]], TITLES[station["name"]]
        yield f"  {word:<{_WIDTHS[0]}}  {title:<{_WIDTHS[1]}}  {station['fact']}"
    for note in path["notes"]:
        yield f"  Note: {note.rstrip('.')}."
    verdict = path["verdict"]
    yield f"  Verdict: {verdict['sentence']}"
    for each in verdict["to_do"]:
        yield f"  To do: {' '.join(filter(None, (each['advice'], _command(each['command'], each.get('host') or name, path))))}"


def _command(command: str, name: str, path: Mapping[str, Any]) -> str:
    """Return the command line of a playbook with its options, for that target; "" without one."""
    playbook, _space, options = command.partition(" ")
    if not playbook:
        return ""
    group = f"-e log_group={path['log_group']}" if playbook == "explain" else ""
    return " ".join(filter(None, (f"ansible-playbook logreflector.aws.{playbook} --limit {name}", group, options)))
