# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detection of loops between two forwarders.

If somebody else's filter sends to a Lambda function, that function is probably another log forwarder. If we forwarded its log
group and it forwarded ours, the two would never end. Such a group is known only once the foreign filter is read, perhaps after
the group was subscribed: then our filter is removed again, and the subscription tag tells later sweeps. Without tags, the log
groups of functions wait until all others were read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from .choice import Kind, default_log_group, destination_function
from .filters import SubscriptionFilter
from .outcome import Outcome

LOOP_REASON = "filters of others send to its function: two forwarders that forward each other's logs are a loop"

_FUNCTIONS = default_log_group("")


def forwarder_groups(foreign: Iterable[SubscriptionFilter]) -> Iterator[str]:
    """Yield the log groups of the Lambda functions that foreign filters send to, by their default names."""
    for item in foreign:
        if function := destination_function(item.destination_arn):
            yield default_log_group(function)


def is_function_group(log_group: str) -> bool:
    """Whether the name is the default name of a function's log group."""
    return log_group.startswith(_FUNCTIONS)


class LoopDetector:
    """What one sweep learns about other forwarders. Safe to share between threads: a lock guards all sets.

    _found      log groups of functions that foreign filters, read so far, send to
    _tagged     groups whose subscription tag says so, from earlier sweeps
    _handled    groups that were planned as another forwarder's
    _reported   kinds that this sweep reported for the log groups of functions, but for "subscribed" and "excluded"
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: set[str] = set()
        self._tagged: frozenset[str] = frozenset()
        self._handled: set[str] = set()
        self._reported: dict[str, Kind] = {}
        self.skipped_groups = False

    def load_tagged(self, names: frozenset[str]) -> None:
        """Take over the groups that earlier sweeps tagged."""
        self._tagged = names

    def note_skipped(self) -> None:
        """A group was not read because of its tag: a foreign filter there stays unknown."""
        self.skipped_groups = True

    def note_foreign(self, foreign: Iterable[SubscriptionFilter]) -> None:
        """Learn from the foreign filters of a group."""
        with self._lock:
            self._found.update(forwarder_groups(foreign))

    def note_outcome(self, outcome: Outcome) -> None:
        """Remember what was reported for the log group of a function."""
        if is_function_group(outcome.log_group) and outcome.kind not in ("subscribed", "excluded"):
            with self._lock:
                self._reported[outcome.log_group] = outcome.kind

    def claim(self, log_group: str) -> bool:
        """Whether the group belongs to another forwarder. If so, it counts as handled."""
        with self._lock:
            claimed = log_group in self._found or log_group in self._tagged
            if claimed:
                self._handled.add(log_group)
            return claimed

    def is_tagged(self, log_group: str) -> bool:
        """Whether the subscription tag of an earlier sweep says that the group belongs to another forwarder."""
        return log_group in self._tagged

    def is_handled(self, log_group: str) -> bool:
        """Whether the group was planned as another forwarder's."""
        return log_group in self._handled

    def reported(self, log_group: str) -> Kind | None:
        """Return the kind that this sweep reported, if it was neither "subscribed" nor "excluded"."""
        return self._reported.get(log_group)

    def take_late(self, *, only_created: bool) -> list[str]:
        """Return the groups that were processed before they were known to be another forwarder's; they count as handled."""
        with self._lock:
            late = self._found - self._handled
            if only_created:
                late = {name for name in late if self._reported.get(name) == "created"}
            self._handled |= late
            return sorted(late)

    def take_released(self) -> Iterator[str]:
        """Yield the tagged groups whose function no foreign filter sends to any more, and forget their tags."""
        for name in sorted((self._tagged & self._handled) - self._found):
            with self._lock:
                self._tagged -= {name}
                self._handled.discard(name)
            yield name
