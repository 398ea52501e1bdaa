# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in the reflector's accounting line that modules look for.

The reflector prints one line of JSON for each invocation. The module delivery_check searches its log for that line, and
coverage_info sums the lines of a period. The reflector's package has this file as `reflector/delivery_line.py`, a link. So it imports nothing.
"""

LOG_GROUP = "logGroup"
"""Member with the name of the log group whose events the invocation received."""

RECEIVED_EVENTS = "ReceivedEvents"
"""Member with the number of events in the payload: the sum of the dropped, delivered, dead-lettered and failed ones."""

DROPPED_EVENTS = "DroppedEvents"
"""Member with the number of events that a rule dropped, see `DROPPED_BY`."""

DELIVERED_EVENTS = "DeliveredEvents"
"""Member with the number of events that every sink of their route accepted."""

DEAD_LETTERED_EVENTS = "DeadLetteredEvents"
"""Member with the number of events that went into the dead-letter queue for one of their sinks."""

FAILED_EVENTS = "FailedEvents"
"""Member with the number of events that are neither delivered nor in the dead-letter queue."""

UNDECODABLE_PAYLOADS = "UndecodablePayloads"
"""Member with the number of payloads that could not be read."""

REASONS = "reasons"
"""Member with a list of `sink`, `reason` and `events` that the sink did not accept. A line without such events does not have it."""

ERROR = "error"
"""Member with the class of the error that ended the invocation. Other lines do not have it."""

ORIGIN = "origin"
"""Member with what sent the events, `BACKFILL` or `REPLAY`. A line about a subscription's events does not have it."""

BACKFILL = "backfill"
REPLAY = "replay"

DROPPED_BY = "droppedBy"
"""Member with the numbers of dropped events, by reason. A line without such events does not have it."""

ALREADY_DELIVERED = "delivered by the filter already"
"""Reason for dropping an event of a backfill: another line counts it, too."""

RESENT = "resent"
"""Member of a replay's line: the `events` of each message that all sinks accepted, with `LOG_GROUP`, `OWNER` and `SOURCE_REGION`."""

DELAY = "delayMs"
"""Member with the milliseconds from the time of a payload's first event to the line. Only lines with delivered events have it."""

REQUEST_ID = "requestId"
"""Member with Lambda's id of the request. A failed invocation that Lambda tries again has a line for each attempt, all with this id."""

GIVEN_UP = "givenUp"
"""Member with the numbers of `events` and `payloads` that Lambda had given up and a replay sent. Other lines do not have it."""

ROUTE_NUMBER = "route"
"""Member with the number of the route that dropped events; the first one is 0. A line without such events does not have it."""

OWNER = "owner"
"""Member with the account of the log group."""

SOURCE_REGION = "sourceRegion"
"""Member with the region that AWS's centralization copied the events from. A line about other events does not have it."""

SENT_TO = "sentTo"
"""Member with the names of the sinks of the events, joined by commas. A line about events without a sink does not have it."""
