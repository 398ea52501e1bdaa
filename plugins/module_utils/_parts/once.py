# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Global work that only one of a run's many workers does: the first one that reaches it, while the others wait."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Only the worker that did the work reports these.
_OWN = ("changed", "changes", "diff", "warnings")


@dataclass(frozen=True, slots=True)
class Shared:
    """The folder and the task that the workers of one run have in common.

    folder   Ansible's own temporary folder of this run, which Ansible removes at the end
    task     the task of the run; a later task does the work again, because of what happened in between
    """

    folder: Path
    task: str


shared: ContextVar[Shared | None] = ContextVar("shared", default=None)
"""None outside an Ansible worker: then nobody else does the work."""


def once(what: Any, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of `work`. One worker at a time does it, and no worker does it again after it succeeded.

    what    identifies the work: plain values, equal for all workers with the same work
    """
    place = shared.get()
    if place is None:
        return work()
    name = hashlib.sha256(json.dumps([place.task, what], sort_keys=True, default=str).encode()).hexdigest()
    # The lock of a killed worker is free again.
    with (place.folder / f"once-{name}").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if done := file.read():
            return {"changed": False, "changes": [], "diff": [], **json.loads(done)}
        result = work()
        if not result.get("failed"):
            file.write(json.dumps({key: value for key, value in result.items() if key not in _OWN}))
        return result
