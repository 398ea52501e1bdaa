# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An embedded AWS, and the check run against it as a user runs it: a process with the printed policy and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checked_account import ACCOUNT, REGION, ROOT, Account
from embedded_aws import Configuration, EmbeddedAws, RunningAws, Settings

FAST = Settings(event_delay=0.05, retry_delay=0.1)


@pytest.fixture(scope="session")
def running() -> Iterator[RunningAws]:
    """One embedded AWS for all tests of this folder."""
    with EmbeddedAws(Configuration(settings=FAST)) as aws:
        yield aws


@pytest.fixture(scope="session")
def environment(running: RunningAws) -> dict[str, str]:
    """The variables of a role that has the printed policy."""
    command = [sys.executable, "tools/check_aws", "--policy", "--region", REGION]
    policy = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    iam, sts = (running.client(service, ACCOUNT, REGION) for service in ("iam", "sts"))
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="checker", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="checker", PolicyName="check", PolicyDocument=policy)
    keys = sts.assume_role(RoleArn=role, RoleSessionName="checker")["Credentials"]
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": running.endpoint_url,
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


@pytest.fixture
def account(running: RunningAws, environment: dict[str, str], tmp_path: Path) -> Iterator[Account]:
    """The account. After the test nothing of a check may remain; faults and settings are reset."""
    account = Account(running, environment, tmp_path)
    before = account.resources()
    running.front.clear_journal()
    yield account
    running.front.clear_faults()
    running.front.enforce_rates(None)
    running.configure(**{name: getattr(FAST, name) for name in FAST.__slots__})
    assert account.resources() == before
