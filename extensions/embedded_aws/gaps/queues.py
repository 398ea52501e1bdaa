"""Queues: messages that were received may come back sooner than they were asked to, so that no test waits for minutes.

Source: SQS Developer Guide, "Amazon SQS visibility timeout" (12 hours at most).
"""

from __future__ import annotations

from typing import Any

from ministack.services import sqs

from .current import current
from .hooks import Function, replace


def install() -> None:
    @replace(sqs, "_collect_msgs", "q", "max_n", "vis_timeout")
    def collect(ministack: Function) -> Function:
        def receive(q: dict[str, Any], max_n: int, vis_timeout: int) -> list[dict[str, Any]]:
            messages: list[dict[str, Any]] = ministack(q, max_n, min(vis_timeout, current.settings.longest_hidden))
            return messages

        return receive
