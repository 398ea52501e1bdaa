# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One embedded AWS for all of these tests. Each test creates resources with unique names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "extensions"))

from embedded_aws import Configuration, EmbeddedAws, RunningAws, Settings
from toys import Place

FAST = Settings(event_delay=0.05, retry_delay=0.1)


@pytest.fixture(scope="session")
def running() -> Iterator[RunningAws]:
    with EmbeddedAws(Configuration(settings=FAST)) as aws:
        yield aws


@pytest.fixture
def aws(running: RunningAws) -> Iterator[RunningAws]:
    """The embedded AWS. Afterwards the faults and settings of the test are reset."""
    yield running
    running.front.clear_faults()
    running.front.enforce_rates(None)
    running.sink.behave()
    running.configure(**{name: getattr(FAST, name) for name in FAST.__slots__})


@pytest.fixture(scope="session")
def here(running: RunningAws) -> Place:
    """The account and region of most tests."""
    return Place(running, "222222222222", "eu-west-1")


@pytest.fixture
def place(aws: RunningAws, here: Place) -> Place:
    """The same, reset after the test as `aws` is."""
    return here
