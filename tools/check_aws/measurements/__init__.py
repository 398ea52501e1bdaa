# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All measurements, in the order in which they run."""

from __future__ import annotations

from . import deliveries, handover, log_groups, permissions, rates

# Lambda gets its permissions before the deliveries need them. Rates come last, because they use them up.
MEASUREMENTS = (
    *log_groups.MEASUREMENTS,
    *deliveries.MEASUREMENTS,
    *handover.MEASUREMENTS,
    *permissions.MEASUREMENTS,
    *rates.MEASUREMENTS,
)
