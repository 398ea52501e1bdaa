# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Payloads as CloudWatch Logs sends them, with invented log lines. The same numbers give the same bytes."""

import base64
import gzip
import json
import random
import uuid
from typing import Any

LEVELS = ("INFO", "WARN", "ERROR")


def mixed(events: int) -> dict[str, Any]:
    """Return a function's log: Lambda's platform lines, console lines and JSON lines, about 250 bytes an event in the payload."""
    chance = random.Random(events)
    lines: list[str] = []
    while len(lines) < events:
        request = str(uuid.UUID(int=chance.getrandbits(128)))
        lines.append(f"START RequestId: {request} Version: $LATEST\n")
        lines += [_own_line(chance, request) for _unused in range(chance.randint(2, 5))]
        lines.append(f"END RequestId: {request}\n")
        lines.append(
            f"REPORT RequestId: {request}\tDuration: {chance.random() * 1000:.2f} ms\tBilled Duration: {chance.randint(1, 1000)} ms"
            f"\tMemory Size: 256 MB\tMax Memory Used: {chance.randint(60, 250)} MB\t\n"
        )
    return body(lines[:events], chance)


def large(decompressed: int) -> dict[str, Any]:
    """Return lines that repeat each other and compress to about a thirtieth."""
    chance = random.Random(decompressed)
    lines = []
    size = 0
    while size < decompressed:
        lines.append(
            f"{'the same words again and again, as debug output has them; ' * 4}{chance.getrandbits(32):08x}\n"
        )
        size += len(lines[-1]) + 112  # what the event's id, timestamp and quotes take
    return body(lines, chance)


def body(lines: list[str], chance: random.Random) -> dict[str, Any]:
    """Return the payload of these lines."""
    moment = 1_790_000_000_000
    events = []
    for line in lines:
        moment += chance.randint(0, 50)
        events.append({"id": f"{moment:020d}{len(events):036d}", "timestamp": moment, "message": line})
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "111111111111",
        "logGroup": "/aws/lambda/orders",
        "logStream": "2026/11/22/[$LATEST]4f0c6b5d7e8a49b2a1c3d5e7f9012345",
        "subscriptionFilters": ["log-reflector"],
        "logEvents": events,
    }


def subscription_event(payload: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the event that Lambda receives, and the size of the decompressed payload in bytes."""
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    return {"awslogs": {"data": base64.b64encode(gzip.compress(text, mtime=0)).decode()}}, len(text)


def _own_line(chance: random.Random, request: str) -> str:
    order = chance.randint(1, 1_000_000)
    took = chance.random() * 100
    if chance.random() < 0.5:
        moment = f"2026-11-22T10:{chance.randint(10, 59)}:{chance.randint(10, 59)}.{chance.randint(100, 999)}Z"
        return f"{moment}\t{request}\t{chance.choice(LEVELS)}\tOrder {order} was handled in {took:.1f} ms by worker {chance.randint(1, 9)}\n"
    value = {
        "level": chance.choice(LEVELS).lower(),
        "requestId": request,
        "msg": "order handled",
        "order": order,
        "took": took,
        "customer": {"id": chance.randint(1, 100_000), "tier": chance.choice(["gold", "silver"])},
        "items": [chance.randint(1, 999) for _unused in range(3)],
    }
    return json.dumps(value, separators=(",", ":")) + "\n"
