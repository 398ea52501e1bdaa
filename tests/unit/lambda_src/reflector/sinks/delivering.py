# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers to test one sink with its stand-in, without the function: for behaviour of a single type."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import contract
from contract import ACCOUNT, LOG_GROUP, LOG_STREAM, Service
from reflector.delivery import Backoff, Delivery, Undelivered
from reflector.sinks import Batch, make


@contextmanager
def running(kind: str) -> Iterator[Service]:
    """Run the stand-in for that type's service. A violation fails the test."""
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
    """Deliver the events to the sink with these options. Return the undelivered ones."""
    return list(Delivery(make(options, "sinks.it"), lambda: 30.0, Backoff(0, 0)).deliver(batch(events, **where)))
