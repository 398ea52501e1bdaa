# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name of a release: the collection's version and a hash of the functions' code and configuration."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from .._resources.function.settings import FunctionSettings
from .._version import VERSION

# Settings that no version of a function keeps, the path of its package, and the release itself.
_IN_NO_VERSION = {
    "log_group_kms_key_arn",
    "log_retention_days",
    "maximum_event_age",
    "maximum_retry_attempts",
    "on_failure_destination",
    "package",
    "release",
    "reserved_concurrency",
    "tags",
    "wait_seconds",
}


def release_name(*functions: FunctionSettings) -> str:
    """Return the release of these functions, as "0.1.0+3f9a2b1c44d0". Functions deployed together share it."""
    kept = [
        {key: value for key, value in dataclasses.asdict(each).items() if key not in _IN_NO_VERSION}
        for each in functions
    ]
    return f"{VERSION}+{hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]}"
