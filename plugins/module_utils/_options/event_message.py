# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for the message of an event."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option, required

LONGEST_HIDDEN = 43_200
"""Seconds after a receipt for which SQS hides a message at most (ChangeMessageVisibility)."""

LONGEST_PAUSE = 4 * 3600
"""Seconds until the next attempt at most."""


@dataclass(frozen=True, kw_only=True)
class EventMessageOptions:
    """A message that somebody received, and what becomes of it."""

    queue_url: str = required("URL of the queue.")
    receipt_handle: str = required("Receipt handle of the message, from its last receipt.", no_log=False)
    state: str = option(
        "present",
        "V(absent) deletes the message. V(present) leaves it in the queue, where nobody receives it for O(hidden_seconds).",
        choices=("present", "absent"),
    )
    hidden_seconds: int = option(
        0,
        "Seconds from now until the message can be received again, with O(state=present). V(0) makes it visible at once.",
        low=0,
        high=LONGEST_HIDDEN,
    )
    receives: int | None = option(
        None,
        "How often the message was received. Each receipt after the first doubles O(hidden_seconds), so that what does not pass soon"
        " is tried more rarely. Then the message is hidden for four hours at most.",
        low=1,
    )
