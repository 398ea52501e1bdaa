"""The rhythm against both servers; code is executed, and what only one server does is tested there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

HUSH = "hush-hush-token"


@pytest.fixture
def embedded(request: pytest.FixtureRequest):
    """The embedded AWS alone: moto runs no code and drops half of a configuration."""
    return request.getfixturevalue("_embedded")


def package(cloud, folder: Path, text: str) -> dict[str, str]:
    """zip_file and code_sha256 of a one-file package."""
    folder.mkdir(parents=True)
    (folder / "handler.py").write_text(text)
    built = cloud.run("lambda_package", dest=str(folder / "x.zip"), sources=[{"src": str(folder / "handler.py")}])
    return {"zip_file": built["path"], "code_sha256": built["code_sha256"]}


def settled(cloud, **params: Any) -> dict[str, Any]:
    """Check mode, the run, and the run again: the first says what the second does, the third does nothing."""
    checked = cloud.run("lambda_function", check_mode=True, **params)
    done = cloud.run("lambda_function", **params)
    assert not done.get("failed"), done["msg"]
    assert done["changes"] == checked["changes"]
    assert done["diff"] == checked["diff"]
    again = cloud.run("lambda_function", **params)
    assert again["changes"] == []
    assert again["function"] == done["function"]
    assert HUSH not in str([checked, done, again])
    return done


def test_the_rhythm(cloud, tmp_path: Path) -> None:
    first = package(cloud, tmp_path / "1", "def handler(event, context):\n    return 1\n")
    wanted = {
        "name": "rhythm",
        **first,
        "role": "for-functions",
        "handler": "handler.handler",
        "memory_size": 256,
        "timeout": 10,
        "environment": {"B": "2", "A": "1"},
        "secret_environment": {"TOKEN": HUSH},
        "vpc_config": {"subnet_ids": [], "security_group_ids": []},
        "reserved_concurrent_executions": 5,
        "maximum_retry_attempts": 1,
        "log_group_retention_days": 14,
        "tags": {"b": "2", "a": "1"},
    }
    created = settled(cloud, **wanted)
    assert created["changes"][:2] == ["create log group /aws/lambda/rhythm", "create function rhythm"]
    assert created["diff"][1]["after"]["environment"] == {"A": "1", "B": "2", "TOKEN": "(hidden)"}
    assert created["function"]["role"] == cloud.role_arn
    assert created["function"]["state"] == "Active"

    newer = package(cloud, tmp_path / "2", "def handler(event, context):\n    return 2\n")
    changed = {
        **wanted,
        **newer,
        "memory_size": 512,
        "environment": {"A": "9"},
        "reserved_concurrent_executions": -1,
        "log_group_retention_days": 30,
        "tags": {"a": "9"},
    }
    updated = settled(cloud, **changed)
    assert updated["changes"] == [
        "update tags of function rhythm",
        "update log group /aws/lambda/rhythm",
        "update configuration of function rhythm",
        "update code of function rhythm",
        "update configuration of function rhythm",
        "update reserved concurrency of function rhythm",
    ]
    stored = cloud.client("lambda").get_function(FunctionName="rhythm")
    assert stored["Configuration"]["Environment"]["Variables"] == {"A": "9", "TOKEN": HUSH}
    assert stored["Configuration"]["CodeSha256"] == newer["code_sha256"]
    assert stored["Tags"] == {"a": "9", "b": "2", "managed-by": "logreflector.aws"}
    assert "Concurrency" not in stored

    shuffled = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in changed.items()
    }
    assert cloud.run("lambda_function", **shuffled)["changes"] == []

    gone = settled(cloud, name="rhythm", state="absent", delete_log_group=True)
    assert gone["changes"] == ["delete function rhythm", "delete log group /aws/lambda/rhythm"]
    assert gone["diff"][0]["after"] == ""
    assert gone["function"] is None
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/rhythm")["logGroups"]
    assert groups == []


def test_a_log_group_that_exists_is_adopted_and_outlives_the_function(cloud, tmp_path: Path) -> None:
    logs = cloud.client("logs")
    for name in ("/aws/lambda/adopting", "/aws/lambda/adopting-too"):
        logs.create_log_group(logGroupName=name)
        logs.put_retention_policy(logGroupName=name, retentionInDays=3)
    code = package(cloud, tmp_path / "1", "def handler(event, context):\n    return 1\n")
    base = {"name": "adopting", **code, "role": cloud.role_arn, "handler": "handler.handler"}
    assert settled(cloud, **base)["log_group"]["retention_days"] == 3
    assert settled(cloud, name="adopting", log_group_retention_days=0)["log_group"]["retention_days"] == 0
    settled(cloud, name="adopting", state="absent")
    left = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/adopting")["logGroups"]
    assert {item["logGroupName"]: item.get("retentionInDays") for item in left} == {
        "/aws/lambda/adopting": None,
        "/aws/lambda/adopting-too": 3,
    }


def test_foreign_function_and_its_log_group_stay(cloud, tmp_path: Path) -> None:
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    code = package(cloud, tmp_path / "1", "def handler(event, context):\n    return 1\n")
    functions.create_function(
        FunctionName="foreign",
        Runtime="python3.13",
        Role=cloud.role_arn,
        Handler="handler.handler",
        Code={"ZipFile": Path(code["zip_file"]).read_bytes()},
        Architectures=["arm64"],
        Tags={"owner": "somebody"},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="foreign", WaiterConfig={"Delay": 1})
    logs.create_log_group(logGroupName="/aws/lambda/foreign")
    before = functions.get_function(FunctionName="foreign")["Configuration"]

    assert cloud.run("lambda_function", name="foreign", memory_size=128)["changed"] is False
    for options in (
        {"memory_size": 256},
        {"log_group_retention_days": 3},
        {"state": "absent", "delete_log_group": True},
    ):
        refused = cloud.run("lambda_function", name="foreign", **options)
        assert refused["error"]["kind"] == "RefusedError"
    assert functions.get_function(FunctionName="foreign")["Configuration"] == before
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/foreign")["logGroups"]

    functions.delete_function(FunctionName="foreign")
    logs.delete_log_group(logGroupName="/aws/lambda/foreign")


def test_code_runs_after_create_and_after_update(embedded, tmp_path: Path) -> None:
    def invoke() -> Any:
        return json.load(embedded.client("lambda").invoke(FunctionName="running", Payload=b"{}")["Payload"])

    text = "import os\n\ndef {name}(event, context):\n    return [{value}, os.environ.get('LEVEL'), os.environ.get('TOKEN')]\n"
    first = package(embedded, tmp_path / "1", text.format(name="handler", value=1))
    base = {"name": "running", "role": embedded.role_arn}
    secret = {"secret_environment": {"TOKEN": HUSH}}
    settled(embedded, **base, **first, **secret, handler="handler.handler", environment={"LEVEL": "info"})
    assert invoke() == [1, "info", HUSH]
    second = package(embedded, tmp_path / "2", text.format(name="other", value=2))
    settled(embedded, **base, **second, **secret, handler="handler.other", environment={})
    assert invoke() == [2, None, HUSH]
    settled(embedded, name="running", environment={"LEVEL": "debug"})
    assert invoke() == [2, "debug", None]
    embedded.run("lambda_function", name="running", state="absent", delete_log_group=True)


def test_what_moto_does_not_store(embedded, tmp_path: Path) -> None:
    queue = embedded.client("sqs").create_queue(QueueName="dead-letters-of-stored")["QueueUrl"]
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    embedded.client("iam").put_role_policy(
        RoleName="for-functions",
        PolicyName="stored",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    code = package(embedded, tmp_path / "1", "def handler(event, context):\n    return 1\n")
    base = {"name": "stored", **code, "role": embedded.role_arn, "handler": "handler.handler"}
    settled(embedded, **base)
    updated = settled(
        embedded,
        **base,
        architecture="x86_64",
        tracing_mode="Active",
        ephemeral_storage=1024,
        kms_key_arn="arn:{partition}:kms:{region}:{account}:key/00000000-0000-0000-0000-000000000000",
        environment={"A": "1"},
        logging_config={"log_format": "JSON", "application_log_level": "WARN", "log_group": "/team/stored"},
        reserved_concurrent_executions=0,
        on_failure_destination="dead-letters-of-stored",
        maximum_event_age=600,
    )
    function = updated["function"]
    assert (function["architecture"], function["tracing_mode"], function["ephemeral_storage"]) == (
        "x86_64",
        "Active",
        1024,
    )
    assert function["logging_config"]["log_group"] == "/team/stored"
    assert function["reserved_concurrent_executions"] == 0
    assert function["on_failure_destination"].endswith(":dead-letters-of-stored")
    kept = settled(embedded, name="stored", maximum_retry_attempts=0)["function"]
    assert kept == {**function, "maximum_retry_attempts": 0}
    back = settled(embedded, name="stored", on_failure_destination="", kms_key_arn="")["function"]
    assert (back["on_failure_destination"], back["kms_key_arn"], back["maximum_event_age"]) == ("", "", 600)

    gone = embedded.run("lambda_function", name="stored", state="absent", delete_log_group=True)
    assert gone["changes"] == ["delete function stored", "delete log group /aws/lambda/stored"]
    left = embedded.client("logs").describe_log_groups(logGroupNamePrefix="/team/stored")["logGroups"]
    assert len(left) == 1  # only AWS named it: it may serve others
    again = {"log_group": "/team/stored"}
    embedded.run("lambda_function", name="stored", state="absent", delete_log_group=True, logging_config=again)
    assert not embedded.client("logs").describe_log_groups(logGroupNamePrefix="/team/stored")["logGroups"]
    embedded.client("sqs").delete_queue(QueueUrl=queue)
    embedded.client("iam").delete_role_policy(RoleName="for-functions", PolicyName="stored")


def test_layers_keep_their_order(cloud, tmp_path: Path) -> None:
    code = package(cloud, tmp_path / "1", "def handler(event, context):\n    return 1\n")
    content = {"ZipFile": Path(code["zip_file"]).read_bytes()}
    publish = cloud.client("lambda").publish_layer_version
    layers = [publish(LayerName=f"layer-{number}", Content=content)["LayerVersionArn"] for number in (1, 2)]
    base = {"name": "layered", **code, "role": cloud.role_arn, "handler": "handler.handler"}
    assert settled(cloud, **base, layers=layers)["function"]["layers"] == layers
    turned = settled(cloud, **base, layers=layers[::-1])
    assert turned["changes"] == ["update configuration of function layered"]
    assert turned["function"]["layers"] == layers[::-1]
    settled(cloud, **base, layers=[])
    cloud.run("lambda_function", name="layered", state="absent", delete_log_group=True)


def test_a_role_that_does_not_exist_is_named(cloud, tmp_path: Path) -> None:
    code = package(cloud, tmp_path / "1", "def handler(event, context):\n    return 1\n")
    failed = cloud.run(
        "lambda_function", name="roleless", **code, role="no-such-role", handler="handler.handler", wait_timeout=2
    )
    assert failed["failed"]
    assert "Could not create function roleless" in failed["msg"]
    assert "Check that the role exists" in failed["msg"]
    cloud.run("lambda_function", name="roleless", state="absent", delete_log_group=True)
