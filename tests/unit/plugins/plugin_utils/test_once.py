"""Many workers, one of which does it."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._once import once, task

WORKERS = 6


def work_in(folder: Path, what: Any, fails: int = 0) -> dict[str, Any]:
    """Counts itself, takes its time, and fails the first times."""

    def work() -> dict[str, Any]:
        with (folder / "count").open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.05)
        count = len((folder / "count").read_text(encoding="utf-8").splitlines())
        failed = {"failed": True, "msg": "not yet"} if count <= fails else {}
        return {"changed": True, "changes": ["create it"], "diff": [{}], "warnings": ["w"], "arn": "arn:x", **failed}

    return once(what, work, folder)


def together(folder: Path, *whats: Any, fails: int = 0) -> list[dict[str, Any]]:
    """One forked process for each, as Ansible's workers are."""
    context = multiprocessing.get_context("fork")
    with context.Pool(len(whats)) as pool:
        return pool.starmap(work_in, [(folder, what, fails) for what in whats], chunksize=1)


def times(folder: Path) -> int:
    return len((folder / "count").read_text(encoding="utf-8").splitlines())


def test_one_does_it_and_the_others_get_its_result_without_its_changes(tmp_path: Path) -> None:
    results = together(tmp_path, *["the role"] * WORKERS)
    assert times(tmp_path) == 1
    assert [result["arn"] for result in results] == ["arn:x"] * WORKERS
    assert sum(result["changed"] for result in results) == 1
    assert sum(len(result["changes"]) for result in results) == 1
    assert sum("warnings" in result for result in results) == 1


def test_after_a_failure_the_next_one_tries(tmp_path: Path) -> None:
    results = together(tmp_path, *["the role"] * WORKERS, fails=2)
    assert times(tmp_path) == 3
    assert sum(bool(result.get("failed")) for result in results) == 2


def test_different_work_does_not_wait(tmp_path: Path) -> None:
    results = together(tmp_path, *[{"account": number} for number in range(3)])
    assert times(tmp_path) == 3
    assert all(result["changed"] for result in results)


@pytest.mark.parametrize("other", [{"b": 2, "a": 1}, {"a": 1, "b": 2}])
def test_the_order_of_keys_makes_no_difference(tmp_path: Path, other: dict[str, int]) -> None:
    work_in(tmp_path, {"a": 1, "b": 2})
    work_in(tmp_path, other)
    assert times(tmp_path) == 1


def test_a_worker_that_is_killed_leaves_the_work_to_the_next(tmp_path: Path) -> None:
    def killed() -> dict[str, Any]:
        os._exit(9)

    process = multiprocessing.get_context("fork").Process(target=once, args=("the role", killed, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert work_in(tmp_path, "the role")["changed"]


def test_a_later_task_does_it_again(tmp_path: Path) -> None:
    for name in ("deploy", "deploy", "deploy once more"):
        token = task.set(name)
        work_in(tmp_path, "the role")
        task.reset(token)
    assert times(tmp_path) == 2
