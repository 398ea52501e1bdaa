"""Several modules in one task: their order, their results, and that nothing begins that could not be right."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible_collections.logreflector.aws.plugins.action.converge import ActionModule
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec
from ansible_collections.logreflector.aws.plugins.plugin_utils import _once, _steps
from ansible_collections.logreflector.aws.plugins.plugin_utils._steps import filled_in, settings_hash
from hypothesis import given
from hypothesis import strategies as st

SECRET = "hunter2hunter2"
CONNECTION = {"region": "eu-west-1", "access_key": "testing", "secret_key": SECRET}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bool]]:
    """What the steps did: name, region and check mode. The two modules here change what is given as their name."""
    made: list[tuple[str, str, bool]] = []

    def work(target: Any, params: Any, check_mode: bool) -> dict[str, Any]:
        made.append((params["name"], target.region, check_mode))
        if params["name"] == "broken":
            error = RefusedError("change it", "it is not ours")
            error.done = {"changed": True, "changes": ["half of it"], "diff": [{"before": "a", "after": "b"}]}
            raise error
        line = f"update {params['name']}"
        return {"changed": True, "changes": [line], "diff": [{"after": line}], "reference": f"made-{params['name']}"}

    options = {
        "name": {"type": "str", "required": True},
        "token": {"type": "str", "no_log": True},
        "count": {"type": "int"},
    }
    for module in ("dead_letter_queue", "lambda_function"):
        monkeypatch.setitem(_steps.MODULES, module, Spec(options=options, work=work))
    return made


def step(name: str, module: str = "dead_letter_queue", **rest: Any) -> dict[str, Any]:
    given_args = rest.pop("args", {"name": name})
    return {"name": name, "module": module, "args": given_args, **rest}


def converge(steps: list[dict[str, Any]], *, check_mode: bool = False, transport: str = "local", **options: Any) -> Any:
    """The result of a task, and what stands in for running a module."""
    task = SimpleNamespace(
        action="logreflector.aws.converge",
        args={**CONNECTION, "steps": steps, **options},
        check_mode=check_mode,
        async_val=options.pop("async_val", 0),
        environment=[],
        diff=False,
        _uuid="task",
    )
    task.args.pop("async_val", None)
    plugin = ActionModule(
        task=task,
        connection=SimpleNamespace(transport=transport, become=None, _shell=SimpleNamespace(tmpdir=None)),
        play_context=MagicMock(),
        loader=MagicMock(),
        templar=MagicMock(),
        shared_loader_obj=MagicMock(),
    )
    module = MagicMock(side_effect=lambda **call: {"changed": False, "reference": "made-elsewhere", "call": call})
    plugin._execute_module = module
    return plugin.run(task_vars={}), module


def test_steps_follow_each_other_on_one_target(calls: list[Any]) -> None:
    result, _unused = converge([step("first"), step("second", "lambda_function")], check_mode=True)
    assert calls == [("first", "eu-west-1", True), ("second", "eu-west-1", True)]
    assert result["changed"]
    assert result["changes"] == ["update first", "update second"]
    assert result["diff"] == [{"after": "update first"}, {"after": "update second"}]
    assert list(result["steps"]) == ["first", "second"]
    assert result["steps"]["second"]["changes"] == ["update second"]


def test_a_step_that_is_not_to_be_run_is_not(calls: list[Any]) -> None:
    result, _unused = converge([step("first", when=False), step("second")])
    assert [name for name, _region, _check in calls] == ["second"]
    assert result["steps"]["first"] == {"changed": False, "skipped": True}


def test_the_first_failure_ends_the_task_and_hides_nothing(calls: list[Any]) -> None:
    result, _unused = converge([step("first"), step("broken"), step("third")])
    assert [name for name, _region, _check in calls] == ["first", "broken"]
    assert result["failed"]
    assert result["msg"] == "Could not change it: it is not ours."
    assert result["error_kind"] == "RefusedError"
    assert result["changes"] == ["update first", "half of it"]
    assert list(result["steps"]) == ["first", "broken"]


def test_an_option_that_the_core_refuses_is_told_with_its_step(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_target: Any, _params: Any, _check_mode: bool) -> dict[str, Any]:
        raise InvalidInputError("memory_size", "it is too little")

    monkeypatch.setitem(_steps.MODULES, "lambda_function", Spec(options={"name": {"type": "str"}}, work=refuse))
    result, _unused = converge([step("first"), step("reflector", "lambda_function")])
    assert result["msg"] == "In step reflector: Could not accept the option memory_size: it is too little."


@pytest.mark.parametrize(
    ("steps", "options", "message"),
    [
        ([step("first"), step("second", args={"name": "x", "count": "many"})], {}, "of step second, argument 'count'"),
        ([step("first"), step("second", args={})], {}, "of step second, missing required arguments: name"),
        ([step("first"), step("second", args={"name": "x", "nme": 1})], {}, "(dead_letter_queue) module: nme"),
        ([step("first"), step("first")], {}, "more than one step has the name first"),
        ([step("first"), step("second", "no_such_module")], {}, "value of module must be one of"),
        ([step("first"), step("second", args={"name": "x", "region": "us-east-1"})], {}, "module: region"),
        ([step("first"), step("second", refuse="The rules make no sense.")], {}, "The rules make no sense."),
        ([step("first")], {"no_such_option": 1}, "Unsupported parameters"),
    ],
)
@pytest.mark.parametrize("transport", ["local", "ssh"])
def test_what_cannot_be_right_is_refused_before_the_first_step(
    calls: list[Any], steps: list[dict[str, Any]], options: dict[str, Any], message: str, transport: str
) -> None:
    result, module = converge(steps, transport=transport, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert calls == []
    module.assert_not_called()


def test_a_mistake_in_a_step_that_is_not_run_is_none(calls: list[Any]) -> None:
    result, _unused = converge([step("first", args={}, when=False)])
    assert not result.get("failed")


def test_a_step_takes_from_the_result_of_an_earlier_one(calls: list[Any]) -> None:
    converge([step("first"), step("second", args={"name": "after {steps.first.reference}"})])
    assert [name for name, _region, _check in calls] == ["first", "after made-first"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_refers_to_no_step_stays_as_it_is(value: Any) -> None:
    assert filled_in(value, {"first": {"reference": "x"}}) == value


@pytest.mark.parametrize(
    "text", ["{steps.other.reference}", "{steps.first.missing}", "{steps.first}", "{ steps.first.reference }"]
)
def test_what_looks_like_a_reference_and_is_none_stays(text: str) -> None:
    assert filled_in([text], {"first": {"reference": "x"}}) == [text]


def test_a_reference_is_found_wherever_it_stands() -> None:
    value = {"list": ["{steps.first.reference}/a", {"deep": "{steps.first.reference}"}], "count": 1}
    assert filled_in(value, {"first": {"reference": "x"}}) == {"list": ["x/a", {"deep": "x"}], "count": 1}


def test_warnings_of_the_steps_are_the_tasks_own(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_target: Any, params: Any, _check_mode: bool) -> dict[str, Any]:
        return {"changed": False, "warnings": [f"mind {params['name']}"]}

    options: dict[str, Any] = {"name": {"type": "str", "required": True}}
    monkeypatch.setitem(_steps.MODULES, "lambda_function", Spec(options=options, work=work))
    result, _unused = converge([step("first"), step("a", "lambda_function"), step("b", "lambda_function")])
    assert result["warnings"] == ["mind a", "mind b"]
    assert not {"warnings", "diff"} & {key for told in result["steps"].values() for key in told}
    assert "warnings" not in converge([step("first")])[0]


FUNCTION = {"name": "a", "role": "r", "environment": {"A": "1"}, "code_sha256": "x"}


def functions(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": str(n), "module": "lambda_function", "args": {**FUNCTION, **change}}
        for n, change in enumerate(changes)
    ]


@pytest.mark.parametrize("change", [{"environment": {"A": "2"}}, {"code_sha256": "y"}, {"memory_size": 512}])
def test_functions_that_change_together_have_another_hash(change: dict[str, Any]) -> None:
    assert settings_hash(functions({}, {})) != settings_hash(functions({}, change))
    assert settings_hash(functions({}, {})) != settings_hash(functions(change, {}))


@pytest.mark.parametrize(
    "change", [{"tags": {"a": "b"}}, {"zip_file": "/elsewhere"}, {"release": "2"}, {"log_group_retention_days": 7}]
)
def test_what_no_version_keeps_makes_no_other_hash(change: dict[str, Any]) -> None:
    queue = {"name": "queue", "module": "dead_letter_queue", "args": {"name": "q"}}
    assert settings_hash(functions({}, {})) == settings_hash([*functions({}, change), queue])


def test_the_hash_stands_in_the_names_of_releases(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    spec = Spec(
        options={"release": {"type": "str"}, "size": {"type": "int"}},
        work=lambda _t, params, _c: names.append(params["release"]) or {"changed": False},
    )
    monkeypatch.setitem(_steps.MODULES, "lambda_function", spec)
    for size in (1, 2):
        released = [step(name, "lambda_function", args={"release": "1.0+{steps.hash}", "size": size}) for name in "ab"]
        converge([step("queue"), *released])
    first, second = names[0], names[2]
    assert names == [first, first, second, second]
    assert first != second
    assert first.startswith("1.0+")
    assert len(first) == 16


def test_what_is_done_once_is_done_for_real_after_a_check(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_once.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    account = {"assume_role_arn": "arn:aws:iam::123456789012:role/deployer"}
    for check_mode in (True, False, False):
        result, _unused = converge([step("first", once=True)], check_mode=check_mode, **account)
        assert not result.get("failed")
    assert [check_mode for *_rest, check_mode in calls] == [True, False]


def test_no_secret_is_in_the_result(calls: list[Any]) -> None:
    result, _unused = converge(
        [step("first", args={"name": f"contains {SECRET}", "token": "s3cret-token"}), step("s3cret-token")]
    )
    assert SECRET not in str(result)
    assert "s3cret-token" not in str(result["steps"]["first"])
    assert "steps" not in result["invocation"]["module_args"]


def test_where_a_worker_cannot_serve_each_step_is_a_module(calls: list[Any]) -> None:
    steps = [step("first", when=False), step("second"), step("third", args={"name": "{steps.second.reference}"})]
    result, module = converge(steps, transport="ssh")
    assert calls == []
    assert [call.kwargs["module_name"] for call in module.call_args_list] == ["logreflector.aws.dead_letter_queue"] * 2
    assert [call.kwargs["module_args"] for call in module.call_args_list] == [
        {**CONNECTION, "name": "second"},
        {**CONNECTION, "name": "made-elsewhere"},
    ]
    assert list(result["steps"]) == ["first", "second", "third"]


def test_it_is_no_work_for_the_background(calls: list[Any]) -> None:
    result, module = converge([step("first")], async_val=30)
    assert result["failed"]
    assert "Take async away" in result["msg"]
    module.assert_not_called()
