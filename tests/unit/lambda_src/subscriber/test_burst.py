# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hundreds of groups are created at once: none is left out, and nothing is sent twice."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from subscriber_support import Aws, Context, batch, event_of, failures, now

GROUPS = [f"/app/{number:03}" for number in range(300)]


def test_burst_with_duplicates_and_throttling_loses_no_group(start: Any) -> None:
    chance = random.Random(11)
    server = Aws(*GROUPS)
    for name in GROUPS:
        server.created[name] = now() - 60_000
        server.log(name, f"first of {name}", at=now() - 60_000)
    troubles = [("ThrottlingException", "Rate exceeded"), ("OperationAbortedException", "conflict")]
    server.spoil = lambda _operation, _request: chance.choice(troubles) if chance.random() < 0.2 else None
    waiting: list[Any] = [event_of(name) for name in GROUPS for _unused in range(chance.choice([1, 1, 2, 3]))]
    chance.shuffle(waiting)
    worker = start(server)
    given_up = handed_over = 0
    tries: Counter[int] = Counter()
    while waiting:
        taken, waiting = waiting[:10], waiting[10:]
        answer = worker.handler(batch(*taken), Context())
        failed = [taken[int(name.rpartition("-")[2])] for name in failures(answer)]
        for event in failed:
            tries[id(event)] += 1
            given_up += tries[id(event)] == 4
        told = server.handed_over()
        waiting = [event for event in failed if tries[id(event)] < 4] + waiting + told[handed_over:]
        handed_over = len(told)
    assert given_up == 0
    assert all(len(filters) == 1 for filters in server.groups.values())
    lines = Counter(item["message"] for message in server.invoked() for item in message["logEvents"])
    assert lines == Counter(f"first of {name}" for name in GROUPS)
