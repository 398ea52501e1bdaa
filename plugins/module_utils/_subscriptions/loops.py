# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detection of loops between two forwarders.

If somebody else's filter sends to a Lambda function, that function is probably another log forwarder. If we forwarded its log
group and it forwarded the reflector's, the two would never end. Such a group is known only once the foreign filter is read, perhaps after
the group was subscribed: then our filter is removed again, and tags tell later sweeps which log group has the foreign filter.
Everybody who may tag a log group can write such a tag, so each sweep reads that filter before it believes the tag. Without tags,
the log groups of functions wait until all others were read.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence

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
    """The knowledge of one sweep about other forwarders. Safe to share between threads: a lock guards all collections.

    _found      log groups of functions that foreign filters, read so far, send to, each with the log group of such a filter
    _tagged     log groups of functions whose subscription tag claims that, and that this sweep has not checked yet
    _confirmed  those of them whose tag names a log group with such a filter
    _handled    groups that were planned as another forwarder's
    _reported   kinds that this sweep reported for the log groups of functions
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, str] = {}
        self._tagged: frozenset[str] = frozenset()
        self._confirmed: set[str] = set()
        self._handled: set[str] = set()
        self._reported: dict[str, Kind] = {}

    def load_tagged(self, names: frozenset[str]) -> None:
        """Take over the groups that are tagged as another forwarder's."""
        self._tagged = frozenset(filter(is_function_group, names))

    def begin_check(self, log_group: str) -> bool:
        """Return whether to check the group's tags as another forwarder's, which may be wrong or name a filter that is gone.

        True once for each group: after the first check the sweep may have written other tags.
        """
        with self._lock:
            is_due = log_group in self._tagged
            self._tagged -= {log_group}
        return is_due

    def confirm(self, log_group: str, foreign: Sequence[SubscriptionFilter]) -> None:
        """Learn from the foreign filters of the log group that a tag names."""
        self.note_foreign(foreign)
        if log_group in forwarder_groups(foreign):
            with self._lock:
                self._confirmed.add(log_group)

    def is_confirmed(self, log_group: str) -> bool:
        """Whether the group's tags are true, so that they need not be written."""
        return log_group in self._confirmed

    def note_foreign(self, foreign: Iterable[SubscriptionFilter]) -> None:
        """Learn from the foreign filters of a group."""
        with self._lock:
            for item in foreign:
                for name in forwarder_groups([item]):
                    if not is_evidence(self._found.get(name, "")):
                        self._found[name] = item.log_group

    def evidence(self, log_group: str) -> str:
        """Return a log group with a foreign filter to the group's function, "" if a tag cannot name it."""
        name = self._found.get(log_group, "")
        return name if is_evidence(name) else ""

    def note_outcome(self, outcome: Outcome) -> None:
        """Remember what was reported for the log group of a function."""
        if is_function_group(outcome.log_group) and outcome.kind not in ("subscribed", "excluded", "other_forwarder"):
            with self._lock:
                self._reported[outcome.log_group] = outcome.kind

    def claim(self, log_group: str) -> bool:
        """Whether the group belongs to another forwarder. If so, it counts as handled."""
        with self._lock:
            claimed = log_group in self._found
            if claimed:
                self._handled.add(log_group)
            return claimed

    def is_handled(self, log_group: str) -> bool:
        """Whether the group was planned as another forwarder's."""
        return log_group in self._handled

    def reported(self, log_group: str) -> Kind | None:
        """Return the kind that this sweep reported, if it was none of "subscribed", "excluded" and "other_forwarder"."""
        return self._reported.get(log_group)

    def take_late(self, *, only_created: bool) -> list[str]:
        """Return the groups that were processed before they were known to be another forwarder's; they count as handled."""
        with self._lock:
            late = self._found.keys() - self._handled
            if only_created:
                late = {name for name in late if self._reported.get(name) == "created"}
            self._handled |= late
            return sorted(late)


_EVIDENCE = re.compile(r"[-._/A-Za-z0-9]{1,256}")


def is_evidence(log_group: str) -> bool:
    """Whether the value of a tag can name the log group: up to 256 characters, and no "#" (API reference, TagResource)."""
    return bool(_EVIDENCE.fullmatch(log_group))
