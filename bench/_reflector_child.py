# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One package of the reflector in a process of its own: `first EVENT`, `peak EVENT` or `cost EVENT...` prints figures as JSON.

Events are files that marshal wrote: reading them imports nothing that the function would have to.
"""

from __future__ import annotations

import marshal
import sys
import time

TYPE_CHECKING = False  # not typing's: its import is part of what is measured
if TYPE_CHECKING:
    from typing import Any


class Context:
    """The part of Lambda's context that the function uses."""

    log_group_name = "/aws/lambda/log-reflector"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def loaded(path: str) -> Any:
    """Return the event, and the size of its decompressed payload in bytes."""
    with open(path, "rb") as file:
        return marshal.load(file)


def first(path: str) -> dict[str, Any]:
    """Measure the CPU of the first invocation with its imports, without that of starting Python."""
    event, _size = loaded(path)
    before = time.process_time()
    import handler

    counts = handler.handler(event, Context())
    milliseconds = (time.process_time() - before) * 1000
    assert counts["DeliveredEvents"] == counts["ReceivedEvents"] > 0, counts
    return {"import_cpu_ms": milliseconds}


def peak(path: str) -> dict[str, Any]:
    """Measure the peak memory of the process (VmHWM: ru_maxrss begins with the parent's)."""
    event, _size = loaded(path)
    import handler

    for _unused in range(2):
        counts = handler.handler(event, Context())
        assert counts["DeliveredEvents"] == counts["ReceivedEvents"] > 0, counts
    with open("/proc/self/status", encoding="ascii") as status:
        (kilobytes,) = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    return {"peak_mb": int(kilobytes) / 1024}


def cost(*paths: str) -> dict[str, Any]:
    """Measure the CPU per MB of the function and of the floor, in turn."""
    import base64
    import gzip
    import json
    import statistics

    import handler

    level = 6  # that of the standard library's package: reflector/codec.py
    found = {}
    for path in paths:
        event, size = loaded(path)
        sent = posted(handler, event)
        text = b"".join(map(gzip.decompress, sent))

        def floor(data: str = event["awslogs"]["data"], text: bytes = text) -> None:
            json.loads(gzip.decompress(base64.b64decode(data)))
            gzip.compress(text, level)

        def ours(event: Any = event) -> None:
            handler.handler(event, Context())

        times = {"ms_per_mb": [], "floor_ms_per_mb": []}
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            for name, work in (("ms_per_mb", ours), ("floor_ms_per_mb", floor)):
                before = time.process_time()
                work()
                times[name].append(time.process_time() - before)
        found[path] = {name: statistics.median(values) * 1e9 / size for name, values in times.items()}
        found[path]["posted_bytes"] = sum(map(len, sent))
    return found


def posted(handler: Any, event: Any) -> list[bytes]:
    """Return the bodies that the function posts for the event."""
    from reflector.http import Connection

    bodies = []
    original = Connection.post

    def post(self: Connection, headers: Any, body: bytes, timeout: float) -> Any:
        bodies.append(body)
        return original(self, headers, body, timeout)

    Connection.post = post
    try:
        counts = handler.handler(event, Context())
    finally:
        Connection.post = original
    assert counts["DeliveredEvents"] == counts["ReceivedEvents"] > 0, counts
    return bodies


if __name__ == "__main__":
    figures = {"first": first, "peak": peak, "cost": cost}[sys.argv[1]](*sys.argv[2:])
    import json

    print("\n" + json.dumps(figures))
