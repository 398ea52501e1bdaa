# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about the two functions that several options share."""

from __future__ import annotations

RUNTIMES = ("python3.12", "python3.13", "python3.14")
ARCHITECTURES = ("arm64", "x86_64")
REFLECTOR = "log-reflector"
SUBSCRIBER = "log-reflector-subscriber"
REFLECTOR_ROLE = "log-reflector"
SUBSCRIBER_ROLE = "log-reflector-subscriber"

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""Days that PutRetentionPolicy takes (its API reference)."""

INLINE_BYTES = 2500
"""Settings up to this size go into the function's environment, which has 4,096 bytes for all variables."""
