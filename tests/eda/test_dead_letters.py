# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulebook `dead_letters` replays dead letters as soon as their sink is back."""

from __future__ import annotations

import time
from collections import Counter

from deployed import Deployed
from embedded_aws import Behaviour, RunningAws
from rulebooks import FIGURES, Rulebook

RULEBOOK = "dead_letters"
MESSAGES = ["outage 1", "outage 2", "outage 3"]


def test_dead_letters_are_replayed_when_the_sink_is_back(
    aws: RunningAws, rulebook: Rulebook, deployed: Deployed
) -> None:
    aws.sink.behave(Behaviour(status=503))
    for message in MESSAGES:
        deployed.write("/aws/lambda/service-00", message)
    rulebook.wait(lambda: deployed.counts()[0] == len(MESSAGES), "the dead letters")
    rulebook.queue.allow_receives(1000)
    rulebook.queue.receive_events_of("DeadLetters")
    before = len(rulebook.log())
    rulebook.queue.put_event("Log Dead Letters Growing", {"version": 1, "count": len(MESSAGES)})
    rulebook.wait(lambda: "Could not send all of queue" in rulebook.log()[before:], "a replay that failed")
    assert (sum(deployed.counts()), rulebook.queue.count()) == (len(MESSAGES), 1)
    begin = time.monotonic()
    aws.sink.behave()
    rulebook.queue.wait_until_settled(rulebook)
    assert deployed.counts() == (0, 0)
    assert Counter(line["message"] for line in aws.sink.lines() if line["message"] in MESSAGES) == Counter(MESSAGES)
    FIGURES.append(f"sink back, dead letters at the sink, message deleted: {time.monotonic() - begin:.1f} s")


def test_event_without_dead_letters_is_deleted(rulebook: Rulebook, deployed: Deployed) -> None:
    rulebook.queue.put_event("Log Dead Letters Growing", {"version": 1, "count": 1})
    rulebook.wait(lambda: "no dead letters" in rulebook.log(), f"a replay of {deployed.host}")
    rulebook.queue.wait_until_settled(rulebook)
