"""What became of an invocation's events: one line on stdout, whatever happens (but for the own log group's, see `accounted`).

The line is in CloudWatch's embedded metric format (AWS page "Specification: Embedded metric format"), so that CloudWatch makes
metrics of it in the namespace `LogReflector`, by function. It holds counts and names, never anything of a message.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .decode import Payload
from .rules import OWN_LOG_GROUP

NAMESPACE = "LogReflector"


@dataclass(slots=True)
class Tally:
    """The running counts of one invocation."""

    payload: Payload | None = None
    dropped_by: str | None = None
    delivered_events: int = 0
    requests: int = 0
    retries: int = 0
    error: str | None = None
    duration_ms: int = 0

    @property
    def received_events(self) -> int:
        """Every event of the payload; 0 when it could not be decoded."""
        return len(self.payload.events) if self.payload else 0

    @property
    def dropped_events(self) -> int:
        """Events that a rule keeps from being forwarded."""
        return self.received_events if self.dropped_by else 0

    def counts(self) -> dict[str, int]:
        """The metrics by name, bytes being those of the decompressed payload. Received events are dropped, delivered or failed: the three always add up."""
        received, dropped, delivered = self.received_events, self.dropped_events, self.delivered_events
        return {
            "ReceivedEvents": received,
            "ReceivedBytes": self.payload.size if self.payload else 0,
            "DroppedEvents": dropped,
            "DeliveredEvents": delivered,
            "FailedEvents": received - dropped - delivered,
            "Requests": self.requests,
            "Retries": self.retries,
            "DurationMs": self.duration_ms,
        }


@contextmanager
def accounted() -> Iterator[Tally]:
    """A tally for what happens inside; its line is printed at the end, with the error's name if there was one.

    Of the own log group's events nothing is printed: the line would be the next of them.
    """
    tally = Tally()
    started = time.monotonic()
    try:
        yield tally
    except BaseException as error:
        tally.error = type(error).__name__
        raise
    finally:
        tally.duration_ms = round((time.monotonic() - started) * 1000)
        if tally.dropped_by != OWN_LOG_GROUP:
            print(metric_line(tally), flush=True)


def metric_line(tally: Tally) -> str:
    """The tally as one line in the embedded metric format."""
    counts = tally.counts()
    units = {"ReceivedBytes": "Bytes", "DurationMs": "Milliseconds"}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": units.get(name, "Count")} for name in counts],
    }
    payload = tally.payload
    line = {
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        "logGroup": payload.log_group if payload else "",
        "logStream": payload.log_stream if payload else "",
        "owner": payload.owner if payload else "",
        **counts,
    }
    if tally.dropped_by:
        line["droppedBy"] = tally.dropped_by
    if tally.error:
        line["error"] = tally.error
    return json.dumps(line, separators=(",", ":"))
