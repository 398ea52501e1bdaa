# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is global is done once: by the first of a run's many workers that comes to it, while the others wait."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ansible import constants

task: ContextVar[str] = ContextVar("task", default="")
"""Which task of the run it is: one that comes later does the work again, for what happened between."""

# What only the worker that did it may claim.
_CLAIMS = ("changed", "changes", "diff", "warnings")


def once(what: Any, work: Callable[[], dict[str, Any]], folder: Path | None = None) -> dict[str, Any]:
    """The result of `work`, which only one worker of this task does at a time, and none after it succeeded.

    what     names the work: plain values, the same for all workers that mean the same
    folder   Ansible's own for this run, which it makes anew for each run and removes in the end. A lock that a killed
             worker held is free again.
    """
    name = hashlib.sha256(json.dumps([task.get(), what], sort_keys=True).encode()).hexdigest()
    folder = folder or Path(constants.DEFAULT_LOCAL_TMP)
    with (folder / f"once-{name}").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if done := file.read():
            shared: dict[str, Any] = json.loads(done)
            return {"changed": False, "changes": [], "diff": [], **shared}
        result = work()
        if not result.get("failed"):
            file.write(json.dumps({key: value for key, value in result.items() if key not in _CLAIMS}))
        return result
