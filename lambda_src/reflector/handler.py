"""The reflector's Lambda function: forwards the log events of CloudWatch Logs subscriptions to the sink.

Handler string: `handler.handler`. Settings: `reflector/settings.py`.
"""

import os
from typing import Any

from reflector.accounting import accounted
from reflector.decode import decode
from reflector.delivery import deliver, tls_context
from reflector.rules import never_forwarded, not_selected
from reflector.settings import current_settings
from reflector.sinks.sumologic import sumo_logic

RESERVE_SECONDS = 0.5
"""Of the invocation's time, kept back to account for what happened."""

if os.environ.get("SUMO_ENDPOINT", "").startswith("https:"):
    tls_context()  # costs tens of CPU-ms: the function's initialisation has more CPU than an invocation


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Forward the events of one payload; answers the counts that the accounting line has.

    Raises PayloadError, SettingsError or DeliveryFailed: Lambda then tries the event again (twice, with the asynchronous
    invocation that CloudWatch Logs uses) and hands it to the dead-letter queue after that.
    """

    def seconds_left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000 - RESERVE_SECONDS

    own_log_group = str(os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME") or getattr(context, "log_group_name", ""))
    with accounted() as tally:
        payload = tally.payload = decode(event)
        # The guards come before the settings: a broken setting must not make its error messages loop.
        tally.dropped_by = never_forwarded(payload, own_log_group)
        if tally.dropped_by is None:
            settings = current_settings()
            tally.dropped_by = not_selected(payload, settings.log_stream_prefixes)
        if tally.dropped_by is None:
            sink = sumo_logic(settings)
            deliver(sink.requests(payload), sink.connection, seconds_left, tally)
    counts: dict[str, int] = tally.counts()
    return counts
