# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set the import paths of the collection and the embedded AWS, and remove the user's AWS settings."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# The user may have credentials, profiles and regions of real accounts. No test may use them.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")
# No test stores sessions of roles outside its own folders.
os.environ["LOG_REFLECTOR_SESSION_CACHE"] = ""

# build/collections/ansible_collections/logreflector/aws is a link to the checkout, made by `make setup`.
for _folder in (ROOT / "build" / "collections", ROOT / "extensions", ROOT / "extensions" / "agents"):
    sys.path.insert(0, str(_folder))

# The machines are shared, so the duration of an example proves nothing. Examples differ from run to run, and the weekly run of CI
# has more of them.
settings.register_profile(
    "shared",
    max_examples=int(os.environ.get("EXAMPLES") or 50),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the first of xdist's processes compile the tests. The others wait, and read its byte code."""
    with Path(__file__).open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(file, fcntl.LOCK_SH)
        return (yield)


def pytest_collection_finish() -> None:
    """Take tests and imported modules from the garbage collector, which would visit them again and again: a tenth of the time."""
    gc.collect()
    gc.freeze()
