# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a run over several parts: an error keeps the changes of the parts before it."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._options.alarms import AlarmOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.packages import Package
from ansible_collections.logreflector.aws.plugins.module_utils._parts.reflector import deploy_reflector
from ansible_collections.logreflector.aws.plugins.module_utils._parts.run import Run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import Change


def denial(*_unused: Any) -> Any:
    raise AccessDeniedError("read it", "not allowed")


def run_with_a_change(target: Any) -> Run:
    run = Run(target, check_mode=False)
    run.add("account", lambda: {"changed": True, "changes": ["create IAM role x"], "diff": []})
    return run


def test_failed_read_of_a_part_keeps_earlier_changes() -> None:
    """An error of the concurrent reads said that nothing was changed, although earlier parts were."""
    run = run_with_a_change(SimpleNamespace(together=lambda *calls: [call() for call in calls]))
    with pytest.raises(AccessDeniedError) as caught:
        run.converge("reflector", {"queue": Mock(read=denial)})
    assert caught.value.done["changed"]
    assert caught.value.done["changes"] == ["create IAM role x"]


class Counted:
    """A resource with one change until it is applied. Counts its reads."""

    def __init__(self, *, is_right: bool) -> None:
        self.is_right, self.reads = is_right, 0

    def read(self) -> bool:
        self.reads += 1
        return self.is_right

    def plan(self, actual: bool) -> list[Change]:
        return [] if actual else [Change("create", "thing", "x")]

    def apply(self, _change: Change) -> None:
        self.is_right = True

    def facts(self, _actual: bool) -> Any:
        return {}


def run_here() -> Run:
    return Run(SimpleNamespace(together=lambda *calls: [call() for call in calls]), check_mode=False)


def test_converge_resources_read_ahead_are_read_once() -> None:
    """Each part was read after the part before it: on a network a target took the sum of all parts."""
    run, first, second = run_here(), Counted(is_right=True), Counted(is_right=True)
    run.read_ahead({"first": first}, {"second": second})
    run.converge("a", {"first": first})
    run.converge("b", {"second": second})
    assert (first.reads, second.reads) == (1, 1)


def test_converge_resources_read_before_a_change_are_read_again() -> None:
    run, first, second = run_here(), Counted(is_right=False), Counted(is_right=True)
    run.read_ahead({"first": first}, {"second": second})
    run.converge("a", {"first": first})
    run.converge("b", {"second": second})
    assert (run.result["changes"], second.reads) == (["create thing x"], 2)


def test_failed_choice_of_the_reservation_keeps_earlier_changes() -> None:
    """An error of GetAccountSettings said that nothing was changed, although the roles were."""
    target = SimpleNamespace(client=denial, describe_operation=lambda _operation: nullcontext())
    run = run_with_a_change(target)
    options = ReflectorOptions(sumo_endpoint="ssm:endpoint", tags={})
    with pytest.raises(AccessDeniedError) as caught:
        deploy_reflector(run, options, AlarmOptions(), Package("x.zip", "hash"), "1.0.0+0")
    assert caught.value.done["changes"] == ["create IAM role x"]


def refusing(what: str) -> Any:
    """A resource that somebody else has created."""
    refusal = RefusedError(f"change {what}", "it is not ours", advice="Choose another name.")
    return Mock(read=Mock(return_value=None), plan=Mock(side_effect=refusal))


def test_check_plans_names_every_foreign_resource_before_the_first_write() -> None:
    run, wrong = run_here(), Counted(is_right=False)
    part = {"a": refusing("queue a"), "b": wrong, "c": refusing("rule c")}
    run.read_ahead(part)
    with pytest.raises(RefusedError) as caught:
        run.check_plans(part)
    message = "Could not change queue a: it is not ours. Choose another name. Could not change rule c: it is not ours."
    assert str(caught.value) == message
    assert caught.value.done["changes"] == []
    assert wrong.reads == 1


def test_keeping_reads_spares_the_resources_that_a_write_does_not_concern() -> None:
    run, second = run_here(), Counted(is_right=True)
    run.read_ahead({"second": second})
    run.check_plans({"second": second})
    with run.keeping_reads():
        run.converge("roles", {"first": Counted(is_right=False)})
    run.converge("b", {"second": second})
    assert (run.result["changes"], second.reads) == (["create thing x"], 1)


def failing_half_way() -> Any:
    error = AccessDeniedError("serve all log groups", "not allowed")
    error.done = {
        "changed": True,
        "changes": ["create subscription of log group /a"],
        "diff": [],
        "counts": {"failed": 1},
    }
    raise error


def test_work_that_fails_half_way_keeps_its_facts_and_changes_once() -> None:
    run = run_with_a_change(None)
    with pytest.raises(AccessDeniedError) as caught, run.keeping_changes():
        run.add("catch_up", failing_half_way)
    done = caught.value.done
    assert done["changes"] == ["create IAM role x", "create subscription of log group /a"]
    assert done["catch_up"] == {"counts": {"failed": 1}}
