# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the replay of dead letters."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option
from .reflector import ReflectorName


@dataclass(frozen=True, kw_only=True)
class DeadLetterQueue(ReflectorName):
    """The queue of the reflector's dead letters."""

    queue: str | None = option(
        None, "Name of the dead-letter queue.", "The default is the function's name and C(-dead-letters)."
    )

    @property
    def dead_letter_queue(self) -> str:
        """The queue's name."""
        return self.queue or f"{self.function_name}-dead-letters"


@dataclass(frozen=True, kw_only=True)
class ReplayOptions(DeadLetterQueue):
    """How dead letters are sent again."""

    limit: int | None = option(
        None,
        "Maximum number of messages to send.",
        "The default, and the most, is the number of messages that the queue held at the beginning. Messages that the"
        " function itself puts into the queue meanwhile therefore cause no endless run.",
    )
    rate: float | None = option(
        None, "Maximum number of messages a second, 0.1 to 1000. Without it one batch follows the other."
    )
    parallel: int = option(
        5,
        "Number of invocations at once, 1 to 50. Each takes a concurrent execution of the account from other functions, and as"
        " many requests reach the sink at once.",
        low=1,
        high=50,
    )
    batch_size: int = option(
        10,
        "Maximum number of messages in one invocation, 1 to 10. A batch also has less than 6 MB.",
        "If the function runs out of time, use a smaller number.",
    )
    give_up_after: int = option(
        3,
        "Number of batches in a row without an accepted message after which the run stops. The rest of the queue is not"
        " tried.",
        "V(0) tries every message.",
    )
    idle_timeout: int = option(
        10,
        "Seconds without a new message after which the queue counts as empty.",
        "Messages that a killed run had received come back to the queue after some minutes. A longer timeout waits for them.",
    )
    time_limit: int | None = option(None, "Seconds after which no further batch is sent. The default is no limit.")
    wait_timeout: int = option(90, "Seconds to wait for what passes by itself, such as throttling.", low=0)
