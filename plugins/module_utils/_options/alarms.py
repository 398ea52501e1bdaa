# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the alarms of both functions."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option


@dataclass(frozen=True, kw_only=True)
class AlarmOptions:
    """The receivers of the alarms, and a threshold."""

    actions: tuple[str, ...] = option(
        (),
        "ARNs that are notified when an alarm of the reflector or the subscriber goes off, such as an SNS topic. C({partition}),"
        " C({region}) and C({account}) in them are replaced.",
    )
    oldest_seconds: int = option(
        259_200,
        "Age in seconds of the oldest dead letter of the reflector at which an alarm goes off. SQS deletes dead letters after"
        " 14 days.",
        low=60,
        high=1_209_600,
    )
