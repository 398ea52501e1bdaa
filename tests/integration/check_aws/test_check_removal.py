# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make check-aws` removes what it creates, and nothing else."""

from __future__ import annotations

import signal

import pytest
from checked_account import RUN_SECONDS, Account
from waits import wait_until

PREFIX = "log-reflector-check-"
# An event that never comes keeps the check waiting.
ENDLESS = ("--only", "event-delay", "--wait-seconds", "600")


def test_check_without_confirmation_creates_nothing(account: Account) -> None:
    output = account.run(confirm="", status=2)
    assert "It costs at most" in output
    assert "CONFIRM=yes" in output
    assert [call.operation for call in account.aws.front.writes()] == []


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGINT, signal.SIGINT, signal.SIGTERM)],
    ids=["ctrl-c", "terminated", "terminal-closed", "impatient"],
)
def test_check_interrupted_removes_everything(account: Account, signals: tuple[signal.Signals, ...]) -> None:
    account.aws.configure(event_loss=1.0)
    process = account.start(*ENDLESS)
    wait_until(lambda: "-event-0" in str(account.resources()), "the first log group of the check")
    for each in signals:
        process.send_signal(each)
    output, _none = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 130, output
    assert PREFIX not in str(account.resources())


def test_check_killed_is_cleaned_up_by_the_next(account: Account) -> None:
    account.aws.configure(event_loss=1.0)
    process = account.start(*ENDLESS)
    wait_until(lambda: "-event-0" in str(account.resources()), "the first log group of the check")
    process.kill()
    process.communicate(timeout=RUN_SECONDS)
    left = [name for name in account.resources() if name.startswith(PREFIX)]
    output = account.run("--only", "read-lag", "--samples", "1")
    assert left
    assert all(f"{name}, which is removed too." in output for name in left)
    assert PREFIX not in str(account.resources())


def test_check_resources_of_others_with_its_prefix_stay(account: Account) -> None:
    sqs, logs = account.client("sqs"), account.client("logs")
    url = sqs.create_queue(QueueName=f"{PREFIX}orders")["QueueUrl"]
    logs.create_log_group(logGroupName=f"{PREFIX}of-a-team")
    try:
        output = account.run("--only", "read-lag", "--samples", "1")
        assert "An earlier check left" not in output
        assert {f"{PREFIX}orders", f"{PREFIX}of-a-team"} <= set(account.resources())
    finally:
        sqs.delete_queue(QueueUrl=url)
        logs.delete_log_group(logGroupName=f"{PREFIX}of-a-team")


def test_check_failed_removal_names_the_resource(account: Account) -> None:
    account.aws.front.error("InternalError", "We encountered an internal error.", 400, operation="DeleteRule")
    output = account.run("--only", "event-delay", "--samples", "1", status=1)
    (left,) = (name for name in account.resources() if name.startswith(PREFIX))
    assert f"Could not remove rule {left}: " in output
    assert "make check-aws" in output
    account.aws.front.clear_faults()
    account.run("--only", "read-lag", "--samples", "1")
