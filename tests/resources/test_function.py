# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions: created, updated in place, removed; foreign ones left alone; secrets hidden; errors explained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.waiter
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    AwsError,
    ConflictError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.function import (
    FunctionRemoval,
    LambdaFunction,
)
from aws_in_tests import OWNER, Cloud
from functions_in_tests import RETURN_2, SettingsFactory

HUSH = "https://collectors.example.com/hush-hush-token"
READS = ["GetFunction", "GetFunctionEventInvokeConfig", "DescribeLogGroups"]
KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
CANNOT_BE_ASSUMED = "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda."
KMS_REFUSAL = (
    "InvalidParameterValueException: Lambda was unable to configure access to your environment variables because the KMS "
    "key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException KMS Message: "
)
NO_PRINCIPAL = KMS_REFUSAL + "ARN does not refer to a valid principal"
NO_DESTINATION = (
    "InvalidParameterValueException: The destination ARN arn:aws:sqs:eu-west-1:123456789012:dead is invalid."
)
BUSY = "ResourceConflictException: The operation cannot be performed at this time. An update is in progress."


def group_of(name: str) -> str:
    return f"/aws/lambda/{name}"


def log_groups(cloud: Cloud, prefix: str) -> dict[str, int | None]:
    """Return the retention of each log group."""
    found = cloud.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    return {item["logGroupName"]: item.get("retentionInDays") for item in found}


def stored(cloud: Cloud, name: str, *, tags_error: bool = False, **configuration: Any) -> dict[str, Any]:
    """Return GetFunction's answer with a changed configuration."""
    answer = cloud.client("lambda").get_function(FunctionName=name)
    changed = {**answer, "Configuration": {**answer["Configuration"], **configuration}}
    if tags_error:
        del changed["Tags"]
        changed["TagsError"] = {"ErrorCode": "AccessDeniedException", "Message": "not authorized: lambda:ListTags"}
    return changed


def variables(cloud: Cloud, name: str) -> dict[str, str]:
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=name)
    return dict(configuration.get("Environment", {}).get("Variables", {}))


def remove(cloud: Cloud, name: str) -> dict[str, Any]:
    return cloud.converge_and_repeat(FunctionRemoval, name)


def check_all_fields(cloud: Cloud, created: dict[str, Any], desired: Any) -> None:
    name = desired.name
    function = created["function"]
    assert function["arn"] == cloud.arn("lambda", f"function:{name}")
    assert (function["role"], function["state"]) == (cloud.role_arn, "Active")
    assert function["code_sha256"] == desired.code_sha256
    assert (function["runtime"], function["architecture"], function["timeout"]) == ("python3.13", "arm64", 20)
    assert function["environment_names"] == ["A", "B", "TOKEN"]
    assert (function["reserved_concurrency"], function["maximum_retry_attempts"]) == (5, 1)
    assert function["tags"] == {"team": "platform", "stage": "test", **OWNER}
    assert created["log_group"] == {"name": group_of(name), "retention_days": 14, "kms_key_id": ""}
    assert created["diff"][1]["after"]["environment"] == {"A": "1", "B": "2", "TOKEN": "(hidden)"}


def check_updated(cloud: Cloud, newer: Any, *, before: Any) -> None:
    name = newer.name
    found = cloud.client("lambda").get_function(FunctionName=name)
    assert found["Configuration"]["CodeSha256"] == newer.code_sha256 != before.code_sha256
    assert found["Tags"] == {"team": "other", "stage": "test", **OWNER}
    assert "Concurrency" not in found
    assert variables(cloud, name) == {"A": "9", "TOKEN": HUSH}


def test_function_is_created_updated_and_removed(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "all-changes"
    desired = settings(
        name,
        memory_size=256,
        environment={"B": "2", "A": "1"},
        secret_environment={"TOKEN": HUSH},
        subnet_ids=(),
        reserved_concurrency=5,
        maximum_retry_attempts=1,
        log_retention_days=14,
        tags={"team": "platform", "stage": "test"},
    )
    checked = cloud.converge(LambdaFunction, desired, check_mode=True)
    assert sorted(cloud.calls) == sorted(READS)
    assert checked["function"] is None
    created = cloud.converge_and_repeat(LambdaFunction, desired)
    assert cloud.writes == [
        "CreateLogGroup",
        "PutRetentionPolicy",
        "CreateFunction",
        "PutFunctionConcurrency",
        "PutFunctionEventInvokeConfig",
    ]
    check_all_fields(cloud, created, desired)

    shuffled = replace(desired, environment={"A": "1", "B": "2"}, tags={"stage": "test", "team": "platform"})
    Path(desired.package).unlink()  # it is read only to be uploaded
    assert not cloud.converge(LambdaFunction, shuffled)["changed"]
    assert sorted(cloud.calls) == sorted(READS)

    changes: dict[str, Any] = {"environment": {"A": "9"}, "reserved_concurrency": -1, "log_retention_days": 30}
    newer = settings(name, RETURN_2, memory_size=512, maximum_retry_attempts=1, tags={"team": "other"}, **changes)
    updated = cloud.converge_and_repeat(LambdaFunction, replace(newer, secret_environment={"TOKEN": HUSH}))
    assert cloud.writes == [
        "TagResource",
        "PutRetentionPolicy",
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "DeleteFunctionConcurrency",
    ]
    check_updated(cloud, newer, before=desired)

    gone = remove(cloud, name)
    assert gone["changes"] == [f"delete function {name}", f"delete log group {group_of(name)}"]
    assert cloud.writes == ["DeleteFunction", "DeleteLogGroup"]
    assert gone["function"] is None
    assert log_groups(cloud, group_of(name)) == {}
    assert HUSH not in str([checked, created, updated, gone])


def test_function_update_sends_only_differences(cloud: Cloud, settings: SettingsFactory) -> None:
    cloud.converge(LambdaFunction, settings("small-update", environment={"A": "1"}))
    updated = cloud.converge_and_repeat(LambdaFunction, settings("small-update", timeout=30, environment={"A": "1"}))
    assert cloud.writes == ["UpdateFunctionConfiguration"]
    assert (updated["diff"][0]["before"], updated["diff"][0]["after"]) == ({"timeout": 20}, {"timeout": 30})
    assert updated["function"]["environment_names"] == ["A"]


@pytest.mark.backend("embedded")
def test_function_update_keeps_what_has_no_setting(cloud: Cloud, settings: SettingsFactory) -> None:
    name, functions = "kept", cloud.client("lambda")
    cloud.converge(LambdaFunction, settings(name))
    layer = functions.publish_layer_version(
        LayerName="kept", Content={"ZipFile": Path(settings("-").package).read_bytes()}
    )
    functions.update_function_configuration(
        FunctionName=name,
        Layers=[layer["LayerVersionArn"]],
        TracingConfig={"Mode": "Active"},
        EphemeralStorage={"Size": 1024},
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/team/kept"},
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    before = functions.get_function_configuration(FunctionName=name)
    done = cloud.converge_and_repeat(LambdaFunction, settings(name, RETURN_2, memory_size=512, log_retention_days=7))
    assert done["changes"] == [
        "create log group /team/kept",
        f"update configuration of function {name}",
        f"update code of function {name}",
    ]
    after = functions.get_function_configuration(FunctionName=name)
    assert after["MemorySize"] == 512
    for key in ("Layers", "TracingConfig", "EphemeralStorage", "LoggingConfig"):
        assert after[key] == before[key]
    remove(cloud, name)
    assert log_groups(cloud, "/team/kept") == {"/team/kept": 7}  # it may serve other functions


def test_function_names_and_placeholders_are_those_of_the_target(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "placeholders"
    cloud.client("sqs").create_queue(QueueName=f"{name}-dead")
    allow_sending(cloud)
    desired = settings(
        name,
        role="for-functions",
        environment={"DESTINATION": "arn:{partition}:lambda:{region}:{account}:function:y"},
        on_failure_destination=f"{name}-dead",
    )
    created = cloud.converge(LambdaFunction, desired)
    assert created["function"]["role"] == cloud.role_arn
    assert created["function"]["on_failure_destination"] == cloud.arn("sqs", f"{name}-dead")
    assert variables(cloud, name) == {"DESTINATION": cloud.arn("lambda", "function:y")}
    assert not cloud.converge(LambdaFunction, desired)["changed"]
    assert sorted(cloud.calls) == sorted(["GetCallerIdentity", *READS])
    if cloud.name == "moto":  # it keeps the old destination
        return
    cloud.converge_and_repeat(LambdaFunction, replace(desired, on_failure_destination="", maximum_event_age=600))
    found = cloud.client("lambda").get_function_event_invoke_config(FunctionName=name)
    assert "Destination" not in found.get("DestinationConfig", {}).get("OnFailure", {})
    assert found["MaximumEventAgeInSeconds"] == 600


def allow_sending(cloud: Cloud) -> None:
    """Let the role of functions send to queues, which Lambda requires."""
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert cloud.role_arn
    cloud.client("iam").put_role_policy(RoleName="for-functions", PolicyName="send", PolicyDocument=document)


@pytest.mark.backend("embedded")
def test_function_runs_the_new_code_with_the_new_environment(cloud: Cloud, settings: SettingsFactory) -> None:
    """moto runs no code."""

    def invoke() -> Any:
        return json.load(cloud.client("lambda").invoke(FunctionName="running", Payload=b"{}")["Payload"])

    text = "import os\n\ndef {}(event, context):\n    return [{}, os.environ.get('LEVEL'), os.environ.get('TOKEN')]\n"
    secret = {"secret_environment": {"TOKEN": HUSH}}
    first = settings("running", text.format("handler", 1), environment={"LEVEL": "info"}, **secret)
    cloud.converge(LambdaFunction, first)
    assert invoke() == [1, "info", HUSH]
    second = settings("running", text.format("other", 2), handler="handler.other", **secret)
    cloud.converge_and_repeat(LambdaFunction, second)
    assert invoke() == [2, None, HUSH]
    cloud.converge(LambdaFunction, replace(second, environment={"LEVEL": "debug"}, secret_environment={}))
    assert invoke() == [2, "debug", None]


def test_function_secrets_are_hidden(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "secretive"
    desired = settings(name, environment={"LEVEL": "info"}, secret_environment={"TOKEN": HUSH, "KEY": "k-hush"})
    created = cloud.converge(LambdaFunction, desired)
    assert created["diff"][1]["after"]["environment"] == {"KEY": "(hidden)", "LEVEL": "info", "TOKEN": "(hidden)"}
    functions = cloud.client("lambda")
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"LEVEL": "info", "TOKEN": HUSH, "STRANGER": "s-hush"}}
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    updated = cloud.converge_and_repeat(LambdaFunction, replace(desired, secret_environment={"TOKEN": HUSH + "2"}))
    (diff,) = updated["diff"]
    assert diff["before"]["environment"] == {"LEVEL": "info", "STRANGER": "(hidden)", "TOKEN": "(hidden)"}
    assert diff["after"]["environment"] == {"LEVEL": "info", "TOKEN": "(hidden, changed)"}
    assert "hush" not in str([created, updated, remove(cloud, name)])


def test_function_log_group_is_adopted(cloud: Cloud, settings: SettingsFactory) -> None:
    name, logs = "adopting", cloud.client("logs")
    for group in (group_of(name), group_of(name) + "-other", group_of(name) + ".old"):
        logs.create_log_group(logGroupName=group)
        logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    created = cloud.converge_and_repeat(LambdaFunction, settings(name, log_retention_days=14))
    assert cloud.writes == ["PutRetentionPolicy", "CreateFunction"]
    assert created["diff"][0]["before"]["retention_days"] == 3
    cloud.converge_and_repeat(LambdaFunction, settings(name))
    assert cloud.writes == ["DeleteRetentionPolicy"]
    remove(cloud, name)
    assert log_groups(cloud, group_of(name)) == {group_of(name) + "-other": 3, group_of(name) + ".old": 3}


def test_function_foreign_stays_with_its_log_group(cloud: Cloud, settings: SettingsFactory) -> None:
    name, functions, desired = "foreign", cloud.client("lambda"), settings("foreign")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=cloud.role_arn,
        Handler="handler.handler",
        Timeout=20,
        Code={"ZipFile": Path(desired.package).read_bytes()},
        Architectures=["arm64"],
        Tags={"owner": "somebody"},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    cloud.client("logs").create_log_group(logGroupName=group_of(name))
    before = stored(cloud, name)["Configuration"]
    assert not cloud.converge(LambdaFunction, desired)["changed"]
    assert sorted(cloud.calls) == sorted(READS)
    for other in ({"memory_size": 256}, {"log_retention_days": 14}, {"tags": {"a": "1"}}):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match=f"change function {name} in"):
                cloud.converge(LambdaFunction, replace(desired, **other), check_mode=check_mode)
            assert cloud.writes == []
    for check_mode in (True, False):
        with pytest.raises(RefusedError, match=f"delete function {name} in .*managed-by=logreflector.aws"):
            cloud.converge(FunctionRemoval, name, check_mode=check_mode)
        assert cloud.writes == []
    assert stored(cloud, name)["Configuration"] == before
    assert log_groups(cloud, group_of(name)) == {group_of(name): None}


def test_function_removal_that_was_interrupted_is_finished(cloud: Cloud, settings: SettingsFactory) -> None:
    cloud.converge(LambdaFunction, settings("interrupted"))
    cloud.client("lambda").delete_function(FunctionName="interrupted")
    remove(cloud, "interrupted")
    assert cloud.writes == ["DeleteLogGroup"]


def test_function_deleted_by_another_writer_is_no_error(cloud: Cloud, settings: SettingsFactory) -> None:
    cloud.converge(LambdaFunction, settings("vanishing"))
    cloud.answer("DeleteFunction", "ResourceNotFoundException: gone")
    cloud.answer("DeleteLogGroup", "ResourceNotFoundException: gone")
    cloud.converge(FunctionRemoval, "vanishing")
    assert cloud.writes == ["DeleteFunction", "DeleteLogGroup"]


def test_function_role_that_does_not_exist_is_named(
    cloud: Cloud, settings: SettingsFactory, pauses: list[float]
) -> None:
    desired = settings("roleless", role="no-such-role", wait_seconds=20)
    with pytest.raises(
        ReflectorError, match=r"Could not create function roleless in .*Check that the role exists"
    ) as error:
        cloud.converge(LambdaFunction, desired)
    assert error.value.done["changes"] == [f"create log group {group_of('roleless')}"]
    assert 10 < sum(pauses) <= 20
    assert cloud.calls.count("CreateFunction") > 3


def test_function_role_is_waited_for_at_most_a_minute(
    cloud: Cloud, settings: SettingsFactory, pauses: list[float]
) -> None:
    with pytest.raises(ReflectorError, match="cannot be assumed"):
        cloud.converge(LambdaFunction, settings("minute", role="no-such-role", wait_seconds=3600))
    assert 50 < sum(pauses) < 70


@pytest.mark.parametrize("message", [CANNOT_BE_ASSUMED, NO_PRINCIPAL])
def test_function_role_that_appears_late_is_waited_for(cloud: Cloud, settings: SettingsFactory, message: str) -> None:
    name = "late-principal" if "principal" in message else "late-role"
    cloud.answer("CreateFunction", message, message)
    assert cloud.converge(LambdaFunction, settings(name))["function"]["state"] == "Active"
    assert cloud.calls.count("CreateFunction") == 3


def test_function_configuration_update_waits_for_role_and_other_updates(
    cloud: Cloud, settings: SettingsFactory
) -> None:
    name = "late-update"
    cloud.converge(LambdaFunction, settings(name))
    cloud.answer("UpdateFunctionConfiguration", NO_PRINCIPAL, BUSY, BUSY, "TooManyRequestsException: slow down")
    assert cloud.converge(LambdaFunction, settings(name, environment={"A": "1"}))["changed"]
    assert cloud.writes == ["UpdateFunctionConfiguration"] * 5
    assert variables(cloud, name) == {"A": "1"}


def test_function_wrong_key_is_not_retried(cloud: Cloud, settings: SettingsFactory) -> None:
    cloud.converge(LambdaFunction, settings("wrong-key"))
    cloud.answer("UpdateFunctionConfiguration", KMS_REFUSAL + "Key Aliases are not supported for this operation.")
    with pytest.raises(AwsError, match="Key Aliases"):
        cloud.converge(LambdaFunction, settings("wrong-key", environment={"A": "1"}))
    assert cloud.writes == ["UpdateFunctionConfiguration"]


def test_function_queue_that_appears_late_is_waited_for(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "late-queue"
    cloud.client("sqs").create_queue(QueueName=f"{name}-dead")
    allow_sending(cloud)
    cloud.converge(LambdaFunction, settings(name))
    cloud.answer("PutFunctionEventInvokeConfig", *[NO_DESTINATION] * 3)
    assert cloud.converge(LambdaFunction, settings(name, on_failure_destination=f"{name}-dead"))["changed"]
    assert cloud.writes == ["PutFunctionEventInvokeConfig"] * 4


def test_function_queue_is_waited_for_at_most_a_minute(
    cloud: Cloud, settings: SettingsFactory, pauses: list[float]
) -> None:
    cloud.converge(LambdaFunction, settings("no-queue"))
    cloud.answer("PutFunctionEventInvokeConfig", *[NO_DESTINATION] * 30)
    with pytest.raises(
        AwsError, match=r"is invalid.*Check that the destination exists and that the function's role may"
    ):
        cloud.converge(LambdaFunction, settings("no-queue", on_failure_destination="dead", wait_seconds=3600))
    assert 50 < sum(pauses) < 70


def test_function_created_by_another_writer_is_a_conflict(cloud: Cloud, settings: SettingsFactory) -> None:
    cloud.answer("CreateFunction", "ResourceConflictException: Function already exist: raced")
    with pytest.raises(ConflictError):
        cloud.converge(LambdaFunction, settings("raced"))
    assert cloud.calls.count("CreateFunction") == 1


def test_function_encrypted_environment_is_no_change(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "encrypted"
    cloud.converge(LambdaFunction, settings(name, environment={"B": "2", "A": "1"}))
    cloud.answer("GetFunction", stored(cloud, name, KMSKeyArn=KEY))
    assert not cloud.converge(LambdaFunction, settings(name, environment={"A": "1", "B": "2"}, kms_key_arn=KEY))[
        "changed"
    ]


def test_function_environment_that_cannot_be_decrypted_is_an_error(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "undecryptable"
    cloud.converge(LambdaFunction, settings(name))
    error = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt"}
    cloud.answer("GetFunction", stored(cloud, name, KMSKeyArn=KEY, Environment={"Error": error}))
    with pytest.raises(AccessDeniedError, match=r"kms:Decrypt"):
        cloud.converge(LambdaFunction, settings(name, environment={"A": "1"}))
    assert cloud.writes == []


def test_function_error_quotes_no_secret(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "quoting"
    cloud.converge(LambdaFunction, settings(name))
    quoted = f'Lambda was unable to configure your environment variables: {{"TOKEN":"{HUSH}","OTHER":"s-hush"}}'
    cloud.answer("UpdateFunctionConfiguration", f"InvalidParameterValueException: {quoted}")
    with pytest.raises(AwsError) as error:
        cloud.converge(LambdaFunction, settings(name, secret_environment={"TOKEN": HUSH, "OTHER": "s-hush"}))
    assert '{"TOKEN":"(hidden)","OTHER":"(hidden)"}' in str(error.value)
    assert "hush" not in str(error.value)


def test_function_error_quotes_no_value_of_others(cloud: Cloud, settings: SettingsFactory) -> None:
    """The first of two updates sends variables again that were read from AWS."""
    name = "quoting-others"
    cloud.converge(LambdaFunction, settings(name, environment={"STRANGER": "s-hush"}))
    cloud.answer("UpdateFunctionConfiguration", "InvalidParameterValueException: bad: s-hush")
    with pytest.raises(AwsError, match=r"InvalidParameterValueException: bad: \(hidden\)\.$"):
        cloud.converge(LambdaFunction, settings(name, RETURN_2, environment={"LEVEL": "info"}))


def test_function_unreadable_tags_are_an_error(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "untagged"
    cloud.converge(LambdaFunction, settings(name))
    answer = stored(cloud, name, tags_error=True)
    for resource, desired in ((LambdaFunction, settings(name, memory_size=256)), (FunctionRemoval, name)):
        cloud.answer("GetFunction", answer)
        with pytest.raises(AccessDeniedError, match=rf"read the tags of function {name} in .*ListTags"):
            cloud.converge(resource, desired)
        assert cloud.writes == []


def test_function_creation_in_progress_is_waited_for(cloud: Cloud, settings: SettingsFactory) -> None:
    """A run that ended after CreateFunction leaves a pending function to the next one."""
    name = "pending"
    cloud.converge(LambdaFunction, settings(name))
    pending = stored(cloud, name, State="Pending")
    cloud.answer("GetFunction", pending, pending)
    again = cloud.converge(LambdaFunction, settings(name))
    assert (again["changed"], again["function"]["state"]) == (False, "Active")


def test_function_that_does_not_become_active_has_the_reason(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "failing"
    cloud.converge(LambdaFunction, settings(name))
    reason = {"StateReason": "The subnet ID 'subnet-1' does not exist", "StateReasonCode": "InvalidSubnet"}
    answers = [stored(cloud, name, State="Pending"), stored(cloud, name, State="Failed", **reason)]
    remove(cloud, name)
    cloud.answer("GetFunction", "ResourceNotFoundException: Function not found", *answers)
    with pytest.raises(
        AwsError, match=r"create function failing in .*InvalidSubnet: The subnet ID 'subnet-1' does not"
    ):
        cloud.converge(LambdaFunction, settings(name))


def test_function_update_that_fails_has_the_reason(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "failing-update"
    cloud.converge(LambdaFunction, settings(name))
    cloud.client("logs").delete_log_group(logGroupName=group_of(name))
    reason = {"LastUpdateStatusReason": "no such group", "LastUpdateStatusReasonCode": "InvalidSecurityGroup"}
    cloud.answer("GetFunction", stored(cloud, name), stored(cloud, name, LastUpdateStatus="Failed", **reason))
    with pytest.raises(AwsError, match=f"configuration of function {name} in .*InvalidSecurityGroup: no such") as error:
        cloud.converge(LambdaFunction, settings(name, memory_size=256))
    assert error.value.done["changes"] == [f"create log group {group_of(name)}"]


def test_function_wait_ends(cloud: Cloud, settings: SettingsFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "slow"
    cloud.converge(LambdaFunction, settings(name))
    pauses: list[float] = []
    monkeypatch.setattr(botocore.waiter, "time", SimpleNamespace(sleep=pauses.append))
    slow = stored(cloud, name, LastUpdateStatus="InProgress")
    cloud.answer("GetFunction", stored(cloud, name), slow, slow, slow)
    with pytest.raises(AwsError, match=r"not ready after 3 seconds .state Active, last update InProgress"):
        cloud.converge(LambdaFunction, settings(name, memory_size=256, wait_seconds=3))
    assert pauses == [1, 1]


def test_function_reserved_concurrency_of_zero_is_a_reservation(cloud: Cloud, settings: SettingsFactory) -> None:
    stopped = settings("stopped", reserved_concurrency=0)
    created = cloud.converge(LambdaFunction, stopped)
    if cloud.name == "embedded":  # moto does not store 0
        assert created["function"]["reserved_concurrency"] == 0
        assert not cloud.converge(LambdaFunction, stopped)["changed"]


@pytest.mark.backend("embedded")
def test_function_architecture_changes_with_the_code(cloud: Cloud, settings: SettingsFactory) -> None:
    """moto does not store an updated architecture."""
    cloud.converge(LambdaFunction, settings("architecture"))
    changed = cloud.converge_and_repeat(LambdaFunction, settings("architecture", architecture="x86_64"))
    assert cloud.writes == ["UpdateFunctionCode"]
    assert changed["function"]["architecture"] == "x86_64"


def test_function_log_group_key_is_set_and_removed(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "keyed"
    cloud.converge(LambdaFunction, settings(name))
    group = {"logGroupName": group_of(name)}
    for before, key, write in (("", KEY, "AssociateKmsKey"), (KEY, "", "DisassociateKmsKey")):
        answers = [{"logGroups": [{**group, "kmsKeyId": item}]} for item in (before, key)]
        cloud.answer("DescribeLogGroups", *answers)
        cloud.answer(write, {})
        done = cloud.converge(LambdaFunction, settings(name, log_group_kms_key_arn=key))
        assert cloud.writes == [write]
        assert done["log_group"]["kms_key_id"] == key


def test_function_log_group_created_by_another_writer_gets_its_retention(
    cloud: Cloud, settings: SettingsFactory
) -> None:
    name = "raced-group"
    cloud.client("logs").create_log_group(logGroupName=group_of(name))
    cloud.answer("DescribeLogGroups", {"logGroups": [{"logGroupName": group_of(name) + "-other"}]})
    cloud.answer("CreateLogGroup", "OperationAbortedException: A conflicting operation is in progress")
    created = cloud.converge(LambdaFunction, settings(name, log_retention_days=14))
    assert cloud.writes == ["CreateLogGroup", "CreateLogGroup", "PutRetentionPolicy", "CreateFunction"]
    assert created["log_group"]["retention_days"] == 14
    assert log_groups(cloud, group_of(name)) == {group_of(name): 14}


def test_function_denied_call_names_the_action(cloud: Cloud, settings: SettingsFactory) -> None:
    cloud.converge(LambdaFunction, settings("denied"))
    cloud.answer("PutFunctionConcurrency", "AccessDeniedException: not authorized")
    with pytest.raises(AccessDeniedError, match="The caller needs the IAM action for PutFunctionConcurrency"):
        cloud.converge(LambdaFunction, settings("denied", reserved_concurrency=1))


def test_function_vpc_is_set_and_left_alone(cloud: Cloud, settings: SettingsFactory) -> None:
    name = "networked"
    cloud.converge(LambdaFunction, settings(name))
    vpc = {"SubnetIds": ["subnet-2", "subnet-1"], "SecurityGroupIds": ["sg-1"], "Ipv6AllowedForDualStack": True}
    cloud.answer("GetFunction", stored(cloud, name, VpcConfig=vpc))
    assert not cloud.converge(LambdaFunction, settings(name))["changed"]
    cloud.answer("GetFunction", stored(cloud, name, VpcConfig=vpc))
    same = settings(name, subnet_ids=("subnet-1", "subnet-2"), security_group_ids=("sg-1",))
    assert not cloud.converge(LambdaFunction, same)["changed"]
    cloud.answer("GetFunction", stored(cloud, name, VpcConfig=vpc))
    removed = cloud.converge(LambdaFunction, settings(name, subnet_ids=()), check_mode=True)
    assert removed["diff"][0]["after"]["vpc_config"] == {"subnet_ids": [], "security_group_ids": []}
