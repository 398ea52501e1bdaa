# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The function's own log: the output of an invocation."""

import json
from typing import Any

from aws_service import as_accepted
from contract import Case, Service, embedded
from reflector_support import Outcome


class Local(Service):
    """Printing does not fail, has no limits and needs no secret. A request is the sink's output in one invocation."""

    type = "stdout"
    supports = frozenset({Case.ID, Case.OWNER, Case.LOG_GROUP, Case.LOG_STREAM})

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        return {"type": self.type, "payloads_in_own_log": True, **overrides}

    def text(self, message: str) -> Any:
        """See `Service`."""
        return embedded(message)

    def size(self, request: str) -> int:
        """See `Service`."""
        return len(request.encode())

    def fingerprint(self, request: str) -> str:
        """See `Service`."""
        return request

    def observe(self, outcome: Outcome) -> None:
        """See `Service`. The last line is the accounting line."""
        *lines, account = outcome.printed.removesuffix("\n").split("\n")
        if "_aws" not in json.loads(account):
            self.violations.append("the accounting line is not the last one")
        self.requests.append("\n".join(lines))
        try:
            self.accept([as_accepted(line.encode()) for line in lines])
        except (ValueError, KeyError, TypeError) as error:
            self.violations.append(f"{type(error).__name__}: {error}")
