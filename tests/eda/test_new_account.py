# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulebook `new_account`: an account joins and is covered, and no message makes it do anything else."""

from __future__ import annotations

import time

import pytest
from deployed import Deployed
from embedded_aws import RunningAws
from rulebooks import MEMBERS, REGION, Rulebook, joined

RULEBOOK = "new_account"


def test_account_that_joins_is_covered(aws: RunningAws, rulebook: Rulebook, capsys: pytest.CaptureFixture[str]) -> None:
    here = Deployed(aws, MEMBERS[0], REGION)
    begin = time.monotonic()
    rulebook.queue.send(joined(here.account))
    rulebook.wait(lambda: rulebook.queue.count() == 0, "the message is deleted")
    seconds = time.monotonic() - begin
    aws.sink.clear()
    here.write("/aws/lambda/service-00", "first line")
    rulebook.wait(lambda: [line for line in aws.sink.lines() if line["message"] == "first line"], "a line at the sink")
    with capsys.disabled():
        print(f"\naccount joined -> deployed, message deleted: {seconds:.1f} s, ", end="")
        print(f"line at the sink after {time.monotonic() - begin:.1f} s")
    assert rulebook.queue.dead_letters() == 0
