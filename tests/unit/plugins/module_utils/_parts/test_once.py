# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that only one worker of a run does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.once import Shared, once, shared

DONE: dict[str, Any] = {"changed": True, "changes": ["create x"], "diff": [{"after": 1}], "path": "/x"}


@pytest.fixture
def task(tmp_path: Path) -> Iterator[None]:
    token = shared.set(Shared(tmp_path, "task 1"))
    yield
    shared.reset(token)


def test_once_many_workers_do_the_work_once_and_share_its_result(task: None) -> None:
    calls: list[int] = []

    def work() -> dict[str, Any]:
        calls.append(1)
        return dict(DONE)

    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda context: context.run(once, ["x", 1], work), [copy_context() for _unused in range(8)])
        )
    assert len(calls) == 1
    assert [result["path"] for result in results] == ["/x"] * 8
    assert sorted(result["changed"] for result in results) == [False] * 7 + [True]
    assert sum(len(result["changes"]) for result in results) == 1


def test_once_failed_work_is_done_again(task: None) -> None:
    assert once("x", lambda: {"failed": True, "msg": "no"})["failed"]
    assert once("x", lambda: dict(DONE)) == DONE


def test_once_other_work_and_later_tasks_do_it_again(task: None, tmp_path: Path) -> None:
    assert once("x", lambda: dict(DONE))["changed"] is True
    assert once("y", lambda: dict(DONE))["changed"] is True
    token = shared.set(Shared(tmp_path, "task 2"))
    assert once("x", lambda: dict(DONE))["changed"] is True
    shared.reset(token)


def test_once_outside_a_worker_always_works() -> None:
    assert [once("x", lambda: dict(DONE))["changed"] for _unused in range(2)] == [True, True]
