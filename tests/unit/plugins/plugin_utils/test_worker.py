# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worker returns the module's results, and leaves tasks that it cannot run to the module."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import boto3
import moto_patches
import pytest
import yaml
from ansible import constants
from ansible.module_utils.common.parameters import PASS_VARS, remove_values
from ansible_collections.logreflector.aws.plugins.action.subscription_filter_info import ActionModule
from ansible_collections.logreflector.aws.plugins.module_utils import _module
from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converge
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.function import LambdaFunction
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.package import code_sha256
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from ansible_collections.logreflector.aws.plugins.plugin_utils import _worker
from ansible_collections.logreflector.aws.plugins.plugin_utils._summaries.options import (
    GROUPS,
    RULES,
    summary_variables,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._variables import values_set
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import SPECS, perform_in_process, wrong_variables
from aws_in_tests import LAMBDA_TRUST, OWNER, OWNER_LIST, zip_bytes
from functions_in_tests import function_settings
from module_processes import ModuleProcesses
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parents[4]
COLLECTIONS = ROOT / "build" / "collections"
MODULES = sorted(SPECS)
GROUP = "/aws/lambda/testing-the-subscriber"
CREDENTIAL = "hunter2hunter2"
PROCESSES = ModuleProcesses(COLLECTIONS)
# Since ansible-core 2.21 the controller decides whether a module's result has the field invocation.
INJECTED = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}


@pytest.fixture(scope="module", autouse=True)
def _end_processes() -> Iterator[None]:
    """End the process that forks the modules' processes."""
    yield
    PROCESSES.stop()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "function.zip"
    path.write_bytes(zip_bytes())
    return path


@pytest.fixture(scope="module")
def server(package: Path) -> Iterator[str]:
    """Start moto's server with the resources that the modules' examples need."""
    moto_patches.install()
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    url = f"http://{host}:{port}"
    session = boto3.Session("testing", CREDENTIAL, region_name="eu-west-1")
    iam, functions, logs = (session.client(name, endpoint_url=url) for name in ("iam", "lambda", "logs"))
    role = iam.create_role(
        RoleName="log-reflector",
        AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST),
        Tags=OWNER_LIST,
    )["Role"]
    functions.create_function(
        FunctionName="log-reflector",
        Role=role["Arn"],
        Runtime="python3.13",
        Handler="handler.handler",
        Code={"ZipFile": package.read_bytes()},
        Tags=OWNER,
    )
    functions.add_permission(
        FunctionName="log-reflector",
        StatementId="log-reflector-logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )
    logs.create_log_group(logGroupName=GROUP)
    session.client("secretsmanager", endpoint_url=url).create_secret(Name="log-reflector/sumo-endpoint")
    session.client("sqs", endpoint_url=url).create_queue(QueueName="log-reflector-dead-letters", tags=OWNER)
    for number in (1, 2):  # two releases, so that release_rollback can roll back
        settings = function_settings(
            name="log-reflector",
            release=f"0.{number}.0",
            package=str(package),
            code_sha256=code_sha256(package.read_bytes()),
            role="log-reflector",
            architecture="x86_64",
            timeout=number,
        )
        target = Target(session, "eu-west-1", endpoint_url=url)
        converge(LambdaFunction(target, settings), check_mode=False)
    yield url
    moto.stop()


def connection(url: str) -> dict[str, Any]:
    return {"region": "eu-west-1", "endpoint_url": url, "access_key": "testing", "secret_key": CREDENTIAL}


def load(module: str) -> Any:
    return importlib.import_module(f"ansible_collections.logreflector.aws.plugins.modules.{module}")


# What the examples take from an event.
EVENT = {
    "event_message": {"queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/events", "receipt_handle": "abc"}
}


def example(module: str, package: Path) -> dict[str, Any]:
    """Return the options of the module's first example, without those that have results of other tasks."""
    name = f"logreflector.aws.{module}"
    tasks = [task for task in yaml.safe_load(load(module).EXAMPLES) if name in task]
    return {**EVENT.get(module, {}), **{key: value for key, value in tasks[0][name].items() if "{{" not in str(value)}}


def as_process(module: str, options: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Run the module in a separate process."""
    arguments = {**options, "_ansible_check_mode": check_mode, "_ansible_module_name": module, **INJECTED}
    done = PROCESSES.run(module, {"ANSIBLE_MODULE_ARGS": arguments})
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    if "warnings" in result:  # objects since ansible-core 2.19, which the controller formats as sentences
        result["warnings"] = [item if isinstance(item, str) else item["event"]["msg"] for item in result["warnings"]]
    assert done.returncode == bool(result.get("failed"))
    return result


def in_worker(module: str, options: dict[str, Any], *, check_mode: bool) -> Any:
    result = perform_in_process(load(module).SPEC, options, check_mode=check_mode, name=module)
    return json.loads(json.dumps(result))


NOT_IN_MOTO = ("centralization", "centralization_rule", "centralization_rule_info", "centralized_log_groups")
"""Modules whose service moto does not have, or whose example is about another account: both hosts report the same error."""


class AccessDenied(BaseHTTPRequestHandler):
    """Refuses every call. moto answers a service that it does not have with status 500, which is retried for half a minute."""

    def do_POST(self) -> None:
        """Answer any call."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"__type": "AccessDeniedException", "message": "no"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), AccessDenied) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def without_times(result: Any) -> Any:
    """Return a result whose durations and times are 0. The days of volume_info end with the present minute."""
    times = ("seconds", "checked_at", "read_at", "days")
    if isinstance(result, dict):
        return {key: 0 if key in times else without_times(value) for key, value in result.items()}
    return result


@pytest.mark.parametrize("module", MODULES)
def test_module_and_worker_give_the_same_result(server: str, refusing: str, package: Path, module: str) -> None:
    url = refusing if module in NOT_IN_MOTO else server
    connects = connection(url) if load(module).SPEC.connects else {}
    options = {**example(module, package), **connects}
    process = as_process(module, options, check_mode=True)
    worker = in_worker(module, options, check_mode=True)
    assert without_times(process) == without_times(worker)
    assert CREDENTIAL not in json.dumps(process)
    assert bool(process.get("failed")) == (module in NOT_IN_MOTO), process


REFUSED: dict[str, dict[str, Any]] = {
    "unknown": {"no_such_option": 1, "log_group": "/x"},
    "type": {"slots": "many", "log_group": "/x"},
    "choice": {"state": "perhaps", "log_group": "/x"},
    "required": {},
    "together": {"log_group": "/x", "secret_key": CREDENTIAL},
    "by the core, with a warning": {"log_group": "/x", "region": "eu-west-1", "aws_region": "us-east-1", "name": "a*"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_module_and_worker_refuse_alike(case: str) -> None:
    process = as_process("subscription_filter", REFUSED[case], check_mode=False)
    assert process["failed"]
    process.pop("exception", None)  # a traceback, if Ansible adds one
    assert process == in_worker("subscription_filter", REFUSED[case], check_mode=False)
    assert CREDENTIAL not in json.dumps(process)


def test_defaults_and_types_are_those_of_the_module(server: str) -> None:
    options = {**connection(server), "log_group": GROUP, "slots": "3", "validate_certs": "no"}
    arguments = in_worker("subscription_filter", {**options, "state": "absent"}, check_mode=True)["invocation"]
    assert arguments["module_args"]["slots"] == 3
    assert arguments["module_args"]["validate_certs"] is False
    assert arguments["module_args"]["wait_timeout"] == 60
    assert options["slots"] == "3"


HIDDEN: dict[str, dict[str, Any]] = {
    "sinks": {"sinks": {"own": {"type": "http", "headers": {"Authorization": CREDENTIAL}}}},
    "options of other targets": {"account_targets": [{"region": "eu-west-2", "reflector_sumo_endpoint": CREDENTIAL}]},
    "sinks beside a wrong option": {"sinks": {"own": {"token": CREDENTIAL}}, "no_such_option": 1},
}


@pytest.mark.parametrize("case", HIDDEN)
def test_results_do_not_repeat_options_that_may_hold_secrets(no_region: None, case: str) -> None:
    options = HIDDEN[case]
    module = "deployment" if "account_targets" in options else "reflector"
    process = as_process(module, options, check_mode=True)
    assert process["failed"]
    shown = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    refused_by_ansible = "no_such_option" in options
    assert process["invocation"] == {} if refused_by_ansible else shown in process["invocation"]["module_args"].values()
    assert process == in_worker(module, options, check_mode=True)
    assert CREDENTIAL not in json.dumps(process)


def wrong_options(module: str) -> dict[str, Any]:
    """Return a secret for every option that takes one, and a text where Ansible expects another type."""
    spec = load(module).SPEC
    arguments = spec.arguments()["argument_spec"]
    secret = [name for name, argument in arguments.items() if argument.get("no_log")]
    structured = [name for name, argument in arguments.items() if argument["type"] in ("dict", "list", "int")]
    return {
        **dict.fromkeys(structured, f"x{CREDENTIAL}"),
        **dict.fromkeys(secret, CREDENTIAL),
        "statements": CREDENTIAL,
    }


def test_refused_options_reveal_no_secret() -> None:
    """A wrong type in one option stopped Ansible from collecting the secrets of all, and the result showed them."""
    for module in MODULES:
        wrong = wrong_options(module)
        process = as_process(module, wrong, check_mode=True)
        assert process["failed"], module
        process.pop("exception", None)
        assert CREDENTIAL not in json.dumps(process), module
        assert process == in_worker(module, wrong, check_mode=True)


def test_refused_statements_reveal_no_credentials() -> None:
    options = {**connection("http://localhost"), "function_name": "f", "statements": [f"principal {CREDENTIAL}"]}
    for answer in (as_process, in_worker):
        refused = answer("lambda_permission", options, check_mode=True)
        assert refused["failed"]
        assert refused["invocation"] == {}
        assert CREDENTIAL not in json.dumps(refused)


def test_module_logs_no_option_that_may_hold_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system log had the sinks with their tokens, as AnsibleModule writes every option that is not no_log."""
    logged: list[str] = []
    monkeypatch.setattr(_module._Module, "log", lambda _self, message, log_args=None: logged.append(message))
    options = {"sinks": {"own": {"type": "http", "token": CREDENTIAL}}, "region": "eu-west-1"}
    monkeypatch.setattr(_module._Module, "_load_params", lambda module: setattr(module, "params", dict(options)))
    _module._Module(load("reflector").SPEC)
    assert "sinks=VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in logged[0]
    assert CREDENTIAL not in logged[0]


def test_names_of_amazon_aws_are_accepted(server: str) -> None:
    options = {**connection(server), "destination_arn": "arn:aws:lambda:eu-west-1:123456789012:function:log-reflector"}
    for answer in (as_process, in_worker):
        by_ours, by_theirs = (
            answer("subscription_filter", {**options, name: GROUP}, check_mode=True)
            for name in ("log_group", "log_group_name")
        )
        assert by_theirs.pop("invocation")["module_args"].pop("log_group_name") == GROUP
        by_ours.pop("invocation")
        assert by_ours == by_theirs
        assert by_ours["changed"]


def test_aliases_of_a_parts_options_have_the_parts_prefix() -> None:
    """Both functions have tags: without the prefix their aliases would be the same option of the deployment."""
    options = SPECS["deployment"].options()
    assert options["reflector_tags"].aliases == ("reflector_resource_tags",)
    assert options["account_permissions_boundary"].aliases == ("account_boundary", "account_boundary_policy_arn")


def test_option_that_botocore_does_not_know_is_refused_in_one_sentence(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old boto3 failed half-way, with a list of all parameters that it knows."""
    options = {**connection(server), "log_group": GROUP, "destination_arn": "f", "emit_system_fields": ["@aws.region"]}
    original = Target.client

    def old(target: Target, service: str, **settings: Any) -> Any:
        client = original(target, service, **settings)
        if service == "logs":
            operation = client.meta.service_model.operation_model("PutSubscriptionFilter")
            operation.input_shape.members.pop("emitSystemFields", None)
        return client

    monkeypatch.setattr(Target, "client", old)
    refused = in_worker("subscription_filter", options, check_mode=True)
    assert refused["failed"]
    assert "emit_system_fields" in refused["msg"]
    assert "does not know emitSystemFields of PutSubscriptionFilter. Install boto3" in refused["msg"]
    accepted = in_worker("subscription_filter", {**options, "emit_system_fields": []}, check_mode=True)
    assert "does not know" not in accepted.get("msg", "")


# Tasks that run the module instead


def action(**task: Any) -> tuple[Any, MagicMock]:
    """Return the action plugin of a task, and the mock that replaces the run of the module."""
    made = SimpleNamespace(
        action="logreflector.aws.subscription_filter_info",
        args={},
        check_mode=False,
        async_val=0,
        environment=[],
        diff=False,
        _uuid="1",
    )
    made.__dict__.update(task)
    become, transport = (made.__dict__.pop(name, given) for name, given in (("become", None), ("transport", "local")))
    plugin = ActionModule(
        task=made,
        connection=SimpleNamespace(transport=transport, become=become, _shell=SimpleNamespace(tmpdir=None)),
        play_context=MagicMock(),
        loader=MagicMock(),
        templar=MagicMock(),
        shared_loader_obj=MagicMock(),
    )
    module = MagicMock(return_value={"by": "the module"})
    plugin._execute_module = module
    return plugin, module


@pytest.fixture
def no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the region, so that the worker refuses the task without a call."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("task", [{}, {"environment": [{}]}, {"environment": None}, {"check_mode": True}])
def test_local_task_runs_in_the_worker(no_region: None, task: dict[str, Any]) -> None:
    plugin, module = action(**task)
    assert "no region is given" in plugin.run(task_vars={})["msg"]
    module.assert_not_called()


def test_result_has_the_invocation_only_if_ansible_is_set_so(no_region: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ansible-core 2.21 the worker's results had all options although the administrator's setting said no."""
    for given in (False, True):
        values = {"INJECT_INVOCATION": given}
        monkeypatch.setattr(constants.config, "get_configuration_definitions", lambda values=values: values)
        monkeypatch.setattr(constants.config, "get_config_value", lambda name, variables, values=values: values[name])
        plugin, _module_run = action()
        assert ("invocation" in plugin.run(task_vars={})) is given
    monkeypatch.setattr(constants.config, "get_configuration_definitions", dict)  # ansible-core 2.19 and 2.20
    plugin, _module_run = action()
    assert "invocation" in plugin.run(task_vars={})


@pytest.mark.parametrize(
    "value",
    [
        CREDENTIAL,
        f"at {CREDENTIAL}!",
        {"a": [CREDENTIAL, {"b": f"{CREDENTIAL}-1"}], CREDENTIAL: 1},
        [1234, 12345.5, None, True, "1234", ("x", CREDENTIAL)],
        {},
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_secrets_are_masked_as_the_module_masks_them(value: Any) -> None:
    secrets = [CREDENTIAL, CREDENTIAL[:7], "1234"]
    assert json.dumps(_worker.without(value, secrets)) == json.dumps(remove_values(value, secrets))


@pytest.mark.parametrize(
    "task",
    [
        {"transport": "ssh"},
        {"transport": "community.docker.docker"},
        {"async_val": 30},
        {"become": MagicMock()},
        {"environment": [{"AWS_PROFILE": "other"}]},
        {"environment": [{}, {"AWS_PROFILE": "other"}]},
        {"environment": ["{{ variables }}"]},
    ],
)
def test_module_runs_remote_async_and_become_tasks(no_region: None, task: dict[str, Any]) -> None:
    plugin, module = action(**task)
    assert plugin.run(task_vars={"a": 1})["by"] == "the module"
    module.assert_called_once_with(module_args={}, task_vars={"a": 1}, wrap_async=task.get("async_val", 0))


def test_task_runs_another_python_if_this_one_has_no_sdk(no_region: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_worker, "SDK_ERROR", "No module named 'boto3'")
    plugin, module = action()
    assert plugin.run(task_vars={})["by"] == "the module"
    module.assert_called_once()


def test_a_missing_sdk_is_a_sentence_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_module, "SDK_ERROR", "No module named 'boto3'")
    result = in_worker("subscription_filter_info", {"region": "eu-west-1"}, check_mode=False)
    assert result["failed"]
    assert "boto3" in result["msg"]


PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_connection: local
    python: "{python}"
  module_defaults:
    group/logreflector.aws.aws: {defaults}
  tasks:
    - name: in the worker, which needs no Python on the target
      vars: {{ansible_python_interpreter: /no/such/python}}
      logreflector.aws.subscription_filter_info: &options
        log_group: {group}
      register: worker
    - name: an environment of its own
      vars: {{ansible_python_interpreter: "{{{{ python }}}}"}}
      environment: {{A_VARIABLE: a value}}
      logreflector.aws.subscription_filter_info: *options
      register: environment_given
    - name: the same with no Python
      vars: {{ansible_python_interpreter: /no/such/python}}
      environment: {{A_VARIABLE: a value}}
      logreflector.aws.subscription_filter_info: *options
      register: without_python
      ignore_errors: true
    - name: in the background
      vars: {{ansible_python_interpreter: "{{{{ python }}}}"}}
      logreflector.aws.subscription_filter_info: *options
      register: background
      async: 60
      poll: 1
    - name: tell
      vars: {{ansible_python_interpreter: "{{{{ python }}}}"}}
      ansible.builtin.copy:
        dest: "{told}"
        content: "{{{{ [worker, environment_given, without_python, background] | to_json }}}}"
        mode: "0600"
"""


def test_a_real_playbook_runs_both_ways(server: str, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    playbook = tmp_path / "playbook.yml"
    defaults = json.dumps(connection(server))
    playbook.write_text(PLAYBOOK.format(python=sys.executable, defaults=defaults, group=GROUP, told=told))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
    environment |= {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_ASYNC_DIR": str(tmp_path / "async"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    worker, environment_given, without_python, background = json.loads(told.read_text())
    assert worker["subscription_filters"] == []
    assert worker["changed"] is False
    assert environment_given == worker
    assert without_python["failed"]
    assert background.pop("ansible_job_id")
    assert {key: background[key] for key in worker} == worker
    assert CREDENTIAL not in done.stdout + done.stderr


def test_worker_inherits_the_reflectors_code() -> None:
    """Each worker imported it again, to check the options of its target."""
    program = f"import sys, {_worker.__name__}; assert 'logreflector_aws_reflector.sinks.sumologic' in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})


RECAP_VARIABLES = summary_variables("deployment")


@pytest.mark.parametrize("value", [None, "", 30, "30"])
def test_wrong_variables_leave_out_what_is_right_or_not_set(value: Any) -> None:
    assert wrong_variables(RECAP_VARIABLES, values_set(RECAP_VARIABLES, {"recap_lines": value})) == {}


@pytest.mark.parametrize(("value", "message"), [("many", "unable to convert to int"), (-1, "-1 is not 0 or more")])
def test_wrong_variables_are_named(value: Any, message: str) -> None:
    (error,) = wrong_variables(
        RECAP_VARIABLES, values_set(RECAP_VARIABLES, {"recap_lines": value, "recap_title": "x"})
    ).values()
    assert str(error).startswith("Could not accept the variable recap_lines: ")
    assert message in str(error)


def test_rules_between_options_have_the_names_of_the_variables() -> None:
    names = {"at": "report_at", "merge": "report_merge", "history": "report_history"}
    spec = Spec(GROUPS["report"], work=lambda *_unused: {}, rules=RULES["report"], connects=False)
    given = {"at": "2026-01-01", "history": "h", "merge": ["a"]}
    result = perform_in_process(spec, given, check_mode=False, names=names)
    assert "mutually exclusive: report_at|report_merge" in result["msg"]
    result = perform_in_process(spec, {"at": "2026-01-01"}, check_mode=False, names=names)
    assert "required by 'report_at': report_history" in result["msg"]
