# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a deployment against moto in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def aws(aws: Any) -> Any:
    """Store the secret of the sink: nothing is deployed without it."""
    aws.client("secretsmanager").create_secret(Name="log-reflector/sumo-endpoint", SecretString="https://sumo.example")
    return aws


@pytest.fixture(autouse=True)
def _packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cache the functions' packages in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
