# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set the import paths of the collection and the embedded AWS, and remove the user's AWS settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

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

# The machines are shared, so the duration of an example proves nothing.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
