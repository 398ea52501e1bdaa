# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that is slower than Lambda may end functions later than at their timeout: setting `timeout_slack`.

The function itself still sees its own timeout, so that it plans its work as on AWS.
"""

from __future__ import annotations

from typing import Any

from ministack.core import lambda_runtime

from .current import current
from .hooks import Function, replace

_DEFAULT = 3


class _Timeout(int):
    """A number of seconds to wait for that reads as the function's own timeout."""

    own: int

    def __new__(cls, own: int, slack: float) -> _Timeout:
        timeout = super().__new__(cls, own + int(slack))
        timeout.own = own
        return timeout

    def __str__(self) -> str:
        return str(self.own)


def install() -> None:
    @replace(lambda_runtime.Worker, "invoke", "self", "event", "request_id")
    def invoke(ministack: Function) -> Function:
        def run(worker: Any, *arguments: Any, **options: Any) -> Any:
            timeout = worker.config.get("Timeout", _DEFAULT)
            own = timeout.own if isinstance(timeout, _Timeout) else timeout
            worker.config = {**worker.config, "Timeout": _Timeout(own, current.settings.timeout_slack)}
            return ministack(worker, *arguments, **options)

        return run
