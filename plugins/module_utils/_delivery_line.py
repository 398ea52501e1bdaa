# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in the reflector's accounting line by which the delivery check recognises a delivery.

The reflector prints one line of JSON for each invocation; the module delivery_check searches its log for that line. The
reflector's package has this file as `reflector/delivery_line.py`, a link. So it imports nothing.
"""

LOG_GROUP = "logGroup"
"""Member with the name of the log group whose events the invocation received."""

DELIVERED_EVENTS = "DeliveredEvents"
"""Member with the number of events that every sink of their route accepted."""
