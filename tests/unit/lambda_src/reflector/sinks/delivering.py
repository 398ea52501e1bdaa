# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sink against its service, without the function around it: for what only one type of sink does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import contract
from contract import ACCOUNT, LOG_GROUP, LOG_STREAM, Service
from reflector.delivery import Backoff, Delivery, Undelivered
from reflector.sinks import Batch, make


@contextmanager
def running(kind: str) -> Iterator[Service]:
    """The stand-in for that type's service, which no test may leave with a violation."""
    service = contract.make(kind)
    service.start()
    try:
        yield service
        assert service.violations == []
    finally:
        service.stop()


def event(number: int, message: str = "x", timestamp: int = 1_700_000_000_000) -> dict[str, Any]:
    return {"id": f"{number:056d}", "timestamp": timestamp, "message": message}


def batch(events: Sequence[Any], log_stream: str = LOG_STREAM, owner: str = ACCOUNT) -> Batch:
    return Batch(owner, LOG_GROUP, log_stream, ("all",), events, range(len(events)))


def deliver(options: dict[str, Any], events: Sequence[Any], **where: str) -> list[Undelivered]:
    """What the sink with these options does not take of the events."""
    return list(Delivery(make(options, "sinks.it"), lambda: 30.0, Backoff(0, 0)).deliver(batch(events, **where)))
