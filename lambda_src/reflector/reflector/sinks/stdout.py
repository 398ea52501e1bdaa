# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The function's own log, one JSON object a line: for tests without a real sink.

Source: AWS Lambda developer guide, "Log and monitor Python Lambda functions" (each line is a separate log event).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..codec import utf8
from ..lines import whole_lines
from . import ACCEPTED, Batch, Chunk, Outcome


@dataclass(frozen=True, slots=True)
class Options:
    """`payloads_in_own_log`: must be true, as a confirmation: nothing else in the reflector writes messages into its own log.

    CloudWatch Logs bills every line again. The reflector never forwards its own log group, so there is no loop, unless another
    function forwards that group to this one.
    """

    payloads_in_own_log: bool = False

    def __post_init__(self) -> None:
        if not self.payloads_in_own_log:
            raise ValueError(
                "payloads_in_own_log: must be true: this sink writes every message into the function's own log"
            )


class Stdout:
    """See `Sink`."""

    def chunks(self, batch: Batch) -> Iterator[Chunk[str]]:
        """See `Sink`."""
        # Standard output cannot encode a lone surrogate either.
        text = utf8("".join(f"{line}\n" for line in whole_lines(batch))).decode()
        yield Chunk(range(len(batch.events)), text)

    def send(self, chunk: Chunk[str], timeout: float) -> Outcome:  # noqa: ARG002
        """See `Sink`."""
        try:
            sys.stdout.write(chunk.content)  # in one call: several sinks may write at once
            sys.stdout.flush()
        except OSError as error:
            return Outcome("refused", f"standard output cannot be written to ({type(error).__name__})")
        return ACCEPTED

    def renew(self) -> bool:
        """See `Sink`."""
        return False


def sink(options: Options) -> Stdout:  # noqa: ARG001
    """Return the sink."""
    return Stdout()
