# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything on one target, against moto in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

OPTIONS: dict[str, Any] = {"reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint"}


@pytest.fixture(autouse=True)
def _packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_deployment_on_empty_target_announces_what_it_does(aws: Any) -> None:
    announced = aws.run("deployment", check_mode=True, **OPTIONS)
    assert aws.writes == []
    assert "failed" not in announced, announced
    done = aws.run("deployment", **OPTIONS)
    assert "failed" not in done, done
    assert done["changes"] == announced["changes"]
    assert done["diff"] == announced["diff"]


def test_deployment_a_second_time_writes_nothing(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    again = aws.run("deployment", **OPTIONS)
    assert (again.get("msg"), again["changes"], aws.writes) == (None, [], [])
