# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of single log groups as outcomes, and the errors that end a sweep early."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from .._errors import (
    AccessDeniedError,
    ConflictError,
    CredentialsError,
    LimitReachedError,
    NotFoundError,
    ReflectorError,
    UnreachableError,
)
from .choice import Kind, LogGroup
from .filters import SubscriptionFilter
from .outcome import Outcome

_DENIALS = 20
"""After so many denied groups and no allowed one, the permission is missing for all groups: the rest is not tried."""


def error_of_groups(operation: str, failed: Iterable[Outcome], extent: str, where: str) -> ReflectorError:
    """Return the error of an operation on many groups: that of the first by name that was tried, and how many failed."""
    listed = sorted(failed, key=lambda outcome: outcome.log_group)
    first = next((outcome for outcome in listed if outcome.error), listed[0])
    error = first.error or ReflectorError(operation, first.reason)
    return error.of_several(operation, first.log_group, extent, where)


def extent_of(failed: int, groups: int) -> str:
    """Return in words how many of the groups failed."""
    return f"{failed:,} of {groups:,} failed{', the others are done' if failed < groups else ''}"


class Failures:
    """The failures of a sweep. Safe to share between threads.

    fatal   an error that every further group would meet: no more calls are made
    """

    def __init__(self) -> None:
        self.fatal: ReflectorError | None = None
        self._lock = threading.Lock()
        self._denied, self._allowed = 0, False

    def note_success(self) -> None:
        """Note that a group was read, so that the permission is not missing for all groups."""
        self._allowed = True

    def not_tried(self, group: LogGroup, foreign: tuple[SubscriptionFilter, ...] = ()) -> Outcome | None:
        """Return the outcome of a group that is not tried because of the fatal error; None if there is no such error."""
        if not self.fatal:
            return None
        return Outcome(group.name, "failed", str(self.fatal), foreign=foreign, created=group.created)

    def outcome(self, group: LogGroup, error: ReflectorError, foreign: tuple[SubscriptionFilter, ...] = ()) -> Outcome:
        """Return the outcome of a group whose call failed, and note what the error means for the other groups."""
        if isinstance(error, NotFoundError):
            return Outcome(group.name, "gone", "the log group was deleted meanwhile", created=group.created)
        self._note(error)
        kind: Kind = "failed"
        reason, cause = str(error), ""
        if error.code == "InvalidOperationException":
            kind, reason = "in_deletion", error.message
        elif isinstance(error, ConflictError):
            kind = "contested"
        elif isinstance(error, LimitReachedError):
            kind, cause = "not_possible", "slots"
            reason = f"{error.message}. {error.advice}" if error.advice else error.message
        elif isinstance(error, AccessDeniedError):
            kind = "denied"
        return Outcome(group.name, kind, reason, foreign=foreign, cause=cause, created=group.created, error=error)

    def _note(self, error: ReflectorError) -> None:
        with self._lock:
            is_denied = isinstance(error, AccessDeniedError)
            self._denied += is_denied
            all_denied = is_denied and self._denied >= _DENIALS and not self._allowed
            if all_denied or isinstance(error, (UnreachableError, CredentialsError)):
                self.fatal = error
