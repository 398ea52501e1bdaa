# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example of every module's documentation runs, as a user would paste it into a playbook."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from embedded_aws import RunningAws
from embedded_aws.population import FULL_GROUP

from playbooks import MANAGEMENT, REGIONS, ROOT, TARGETS, Ansible, write_inventory

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# The delivery check tests a whole deployment, and the last of these examples removes the reflector's permissions.
# The last ones remove resources that the others need.
LAST = ("lambda_permission", "deployment", "catch_up", "subscriber", "reflector", "execution_roles")
ORDER = ["delivery_check", *sorted(set(MODULES) - {"delivery_check", *LAST}), *LAST]


def examples(module: str) -> list[dict[str, Any]]:
    """Return the tasks of a module's EXAMPLES."""
    text = importlib.import_module(f"ansible_collections.logreflector.aws.plugins.modules.{module}").EXAMPLES
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    return tasks


@pytest.fixture(scope="module")
def ran(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what the callback recorded of every task, "<module>: <name>", in a target where the reflector is deployed."""
    folder = tmp_path_factory.mktemp("examples")
    account, region = MANAGEMENT, REGIONS[0]
    deployer = Ansible(aws.deploy_environment(), write_inventory(folder, TARGETS[:1]), folder)
    for memory in (128, 256):  # two releases, so that one can be rolled back
        deployer.run(
            "logreflector.aws.deploy", extra={"reflector_memory_size": memory, "subscriber_memory_size": memory}
        )
    logs = aws.client("logs", account, region)
    logs.create_log_group(logGroupName="/aws/lambda/testing-the-subscriber")
    logs.delete_log_group(
        logGroupName=FULL_GROUP
    )  # a full log group could not go back from the account policy to a filter
    organizations = aws.client("organizations", account, region)
    organizations.enable_aws_service_access(ServicePrincipal="observabilityadmin.amazonaws.com")
    sqs = aws.client("sqs", account, region)
    queue = sqs.create_queue(QueueName="log-reflector-events")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    event = {"queue_url": queue, "receipt_handle": message["ReceiptHandle"]}
    tasks = [
        {**task, "name": f"{module}: {task['name']}", "ignore_errors": True}
        for module in ORDER
        for task in examples(module)
    ]
    playbook = folder / "examples.json"
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable, "ansible_eda": {"event": event}},
        "tasks": tasks,
    }
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    environment = {**aws.deploy_environment(), "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "of-the-owner"}
    run = Ansible(environment, Path("localhost,"), folder, ["ansible-playbook"]).run(str(playbook))
    shutil.rmtree("/tmp/log-reflector-example", ignore_errors=True)
    for name in ("/tmp/log-reflector-example.py", "/tmp/log-reflector-example.zip"):
        Path(name).unlink(missing_ok=True)
    return {line["task"]: line for line in run.results}


def status(line: dict[str, Any] | None) -> str:
    """Return the status of a task, with the message of a failure."""
    if line is None:
        return "did not run"
    return "ok" if line["status"] == "ok" else f"{line['status']} {line['result'].get('msg', '')}"


@pytest.mark.parametrize("module", ORDER)
def test_module_examples_run(ran: dict[str, dict[str, Any]], module: str) -> None:
    names = [f"{module}: {task['name']}" for task in examples(module)]
    assert names
    assert {name: status(ran.get(name)) for name in names} == dict.fromkeys(names, "ok")


def undocumented(result: dict[str, Any], documented: dict[str, Any], place: str = "") -> list[str]:
    """Return the fields of a result that RETURN does not name, on every level of which it names the fields."""
    found = [f"{place}{name}" for name in result if name not in documented]
    for name, field in documented.items():
        value = result.get(name)
        inner = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
        if fields := field.get("contains"):
            found += [each for one in inner for each in undocumented(one, fields, f"{place}{name}.")]
    return found


# Fields of every module's result: Ansible's own.
COMMON = {"changed", "diff", "failed", "invocation", "msg", "warnings", "deprecations"}


@pytest.mark.parametrize("module", ORDER)
def test_result_has_only_documented_fields(ran: dict[str, dict[str, Any]], module: str) -> None:
    documented = returned(module)
    # Other modules are in examples too, to show what to do with a result.
    own = [task["name"] for task in examples(module) if f"logreflector.aws.{module}" in task]
    assert own
    results = [ran[f"{module}: {name}"]["result"] for name in own]
    plain = [{key: value for key, value in each.items() if key not in COMMON and key[0] != "_"} for each in results]
    assert sorted({field for each in plain for field in undocumented(each, documented)}) == []


def returned(module: str) -> dict[str, Any]:
    """Return a module's RETURN."""
    text = importlib.import_module(f"ansible_collections.logreflector.aws.plugins.modules.{module}").RETURN
    documented: dict[str, Any] = yaml.safe_load(text)
    return documented
