# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the notifications at the end of a sweep."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option

WINDOW_DAYS = 14
"""Days that a silent source is looked for. ListMetrics returns metrics with data of the last two weeks (its API reference)."""


@dataclass(frozen=True, kw_only=True)
class NotificationOptions:
    """The events that the sweep sends, and their bus."""

    notify: bool = option(
        False,
        "Whether each sweep sends an event to EventBridge if the coverage changed, if a log group fell silent, or if there are"
        " more dead letters, see docs/NOTIFY.md. Each of them has an alarm.",
    )
    notify_event_bus: str = option(
        "",
        "ARN of the event bus for these events, in the region of the target. C({partition}), C({region}) and C({account}) in"
        " it are replaced.",
        shown="the default bus of the target's account",
    )
    notify_silent_days: int = option(
        7,
        "A log group can become a silent source if it logged on each of so many days before its last event. Log groups that"
        " log more rarely never do.",
        low=1,
        high=WINDOW_DAYS - 2,
    )
    notify_silent_hours: int = option(
        6,
        "A log group is silent after so many hours without an event, and after twice its longest pause in the days before.",
        low=3,
        high=48,
    )


@dataclass(frozen=True, kw_only=True)
class NotificationSettings(NotificationOptions):
    """The function's environment variable: JSON with exactly these names."""

    queues: tuple[str, ...] = option((), "Names of the dead-letter queues that are read.")
