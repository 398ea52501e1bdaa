# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of the measurements. Each is an option of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def _limit(default: float, text: str) -> Any:
    return field(default=default, metadata={"text": text})  # pylint: disable=invalid-field-call


@dataclass(frozen=True, slots=True)
class Limits:
    """All numbers are positive."""

    wait_seconds: float = _limit(300.0, "longest wait for one thing to happen")
    poll_seconds: float = _limit(0.5, "pause between two reads of a wait")
    quiet_seconds: float = _limit(
        30.0, "seconds without a change after which no more is expected: of deliveries, and of new permissions"
    )
    rate_seconds: float = _limit(5.0, "longest test of one rate")
    samples: float = _limit(3, "log groups or events for each delay")
    hops: float = _limit(24, "slices of the hand-over; Lambda's loop detection stops after about 16")

    @classmethod
    def texts(cls) -> dict[str, tuple[float, str]]:
        """Return default and text of each limit."""
        return {each.name: (each.default, each.metadata["text"]) for each in fields(cls)}  # type: ignore[misc]
