# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery check of a target whose logs AWS copies: one test line through the copy and the destination's reflector."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from .._errors import NotFoundError
from .._options.delivery_check import DeliveryCheckOptions
from .._session import Target
from .._subscriptions.delivery import log_group_of
from .centralization.destination import Destination
from .delivery_check import REWRITE_SECONDS, CheckLogGroup, DeliveryCheck, list_check_log_groups, remove_all
from .delivery_reports import LogReader
from .reflector_ready import require_reflector

LATE_SECONDS = 60.0
"""Longest wait for the copies of lines that were written again: a late copy would create its log group again."""


class CopyCheck(DeliveryCheck):
    """One test of a target whose log groups AWS copies. The target itself has no function and no subscription.

    destinations    where the copy may arrive: several if the inventory does not know which rule selects the account
    """

    def __init__(self, target: Target, options: DeliveryCheckOptions, destinations: Sequence[Destination]) -> None:
        super().__init__(target, options)
        self.by_policy = True  # the destination's, so the line is written again until one has arrived
        self._destinations = destinations
        self._arrived: Destination | None = None
        self._first = 0  # timestamp of the first line that was copied
        self._reflector_log_groups: dict[str, str] = {}

    def require_reflector(self) -> None:
        """Find the reflector of each destination. NotFoundError or AccessDeniedError, with advice, if it cannot be reached."""
        for place in self._destinations:
            copy = place.copy_of(self._target, f"{self._names}0")
            configuration = require_reflector(place.target, place.function_name, copy)
            self._reflector_log_groups[place.where] = log_group_of(configuration, place.function_name)

    def list_leftovers(self, seconds: float) -> list[CheckLogGroup]:
        """Return log groups of delivery checks of this target that are older than that, and their copies."""
        copies = [
            group
            for place in self._destinations
            for group in list_check_log_groups(place.target, place.copy_of(self._target, self._names), seconds)
        ]
        return [*super().list_leftovers(seconds), *copies]

    def run(self) -> dict[str, Any]:
        """Send the line and return the measured delays. Removes the log groups and their copies in any case.

        Raises DeliveryCheckError for the step that did not happen in time.
        """
        try:
            self._create_log_group()
            self._create_stream()
            self._write_line()
            self._wait_for(self._is_copied, "AWS made no copy of its test line", self._advise_copy)
            copied = time.monotonic()
            place = self._place
            not_reported = f"the reflector of {place.where} did not report delivery of the test line"
            self._wait_for(partial(self._is_delivered, self._reader(place)), not_reported, self._advise_delivery)
            delivered = time.monotonic()
            self._wait_for_late_copies(place)
        finally:
            remove_all(self._log_groups())
        written = self._lines[self._first]
        return {
            "log_group": self._log_group,
            "log_groups": len(self._created),
            "copy": place.copy_of(self._target, self._log_group),
            "destination": place.where,
            "seconds_to_copy": round(copied - written, 2),
            "seconds_to_delivery": round(delivered - written, 2),
        }

    @property
    def _place(self) -> Destination:
        if self._arrived is None:
            raise LookupError("no copy has arrived yet")
        return self._arrived

    def _reader(self, place: Destination) -> LogReader:
        reflector = f"the reflector {place.function_name}"
        return LogReader(place.target, reflector, self._reflector_log_groups[place.where], self._log_group)

    def _log_groups(self) -> list[CheckLogGroup]:
        """Return the log groups of this run, then their copies."""
        copies = [
            CheckLogGroup(place.target, place.copy_of(self._target, name))
            for place in self._destinations
            for name in self._created
        ]
        return [*super()._log_groups(), *copies]

    def _is_copied(self) -> bool:
        """Return whether a copy of a line has arrived. Writes the line again in intervals: AWS does not say when a rule is in force."""
        for place in self._destinations:
            if stamps := self._copied_lines(place):
                self._arrived, self._first = place, min(stamps)
                return True
        if time.monotonic() - self._written_at > REWRITE_SECONDS:
            self._write_line()
        return False

    def _copied_lines(self, place: Destination) -> set[int]:
        """Return the timestamps of our lines among the copies."""
        name = place.copy_of(self._target, self._log_group)
        try:
            with place.target.describe_operation(f"read the copy {name}"):
                events = place.target.client("logs").filter_log_events(logGroupName=name)["events"]
        except NotFoundError:
            return set()
        return {event["timestamp"] for event in events} & self._lines.keys()

    def _wait_for_late_copies(self, place: Destination) -> None:
        expected = {stamp for stamp in self._lines if stamp >= self._first}
        end = time.monotonic() + min(self.timeout, LATE_SECONDS)
        while late := expected - self._copied_lines(place):
            if time.monotonic() > end:
                copy = place.copy_of(self._target, self._log_group)
                self.notes.append(
                    f"{len(late)} copies of test lines are late. They create the log group {copy} in {place.where}"
                    " again, which a later delivery check deletes"
                )
                return
            time.sleep(1)

    def _advise_copy(self) -> str:
        return (
            f"Check that a healthy centralization rule selects this target and the log group {self._log_group}"
            " (logreflector.aws.centralization_rule_info), and the metric CentralizationError of the destination."
        )

    def _advise_delivery(self) -> str:
        place = self._place
        return (
            f"Check that {place.where} has an account policy that sends to its reflector and does not exclude"
            f" {place.copy_of(self._target, self._log_group)}, and the reflector's log, dead-letter queue and sink."
        )
