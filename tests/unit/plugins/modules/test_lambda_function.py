"""Conversations: the module run whole, against moto and against recorded shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.logreflector.aws.plugins.module_utils import _module, _retry
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_package import archive, code_sha256
from internal_resources import LAMBDA_FUNCTION as SPEC

ROLE = "arn:aws:iam::123456789012:role/for-x"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:x"
MARK = {"managed-by": "logreflector.aws"}
HUSH = "https://collectors.example.com/hush-hush-token"
READS = ["GetFunction", "GetFunctionEventInvokeConfig", "DescribeLogGroups"]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def package(path: Path, text: str) -> dict[str, str]:
    data = archive({"handler.py": text.encode()})
    path.write_bytes(data)
    return {"zip_file": str(path), "code_sha256": code_sha256(data)}


@pytest.fixture
def code(tmp_path: Path) -> dict[str, str]:
    return package(tmp_path / "x.zip", "def handler(event, context):\n    return 1\n")


@pytest.fixture
def role(aws) -> str:
    aws.client("iam").create_role(RoleName="for-x", AssumeRolePolicyDocument=json.dumps(TRUST))
    return ROLE


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that would pass, passes at once; the pauses are kept."""
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr(
        _retry.RetryPolicy.__init__,
        "__defaults__",
        (60.0, 0.5, 8.0, pauses.append, lambda: sum(pauses)),
    )
    return pauses


def unscrubbed(aws, **params: Any) -> dict[str, Any]:
    """The result as our own code gives it, before Ansible takes out what is marked no_log."""
    validated = ArgumentSpecValidator(**SPEC.arguments()).validate({"region": "eu-west-1", **params})
    assert not validated.error_messages
    return _module.perform(SPEC, validated.validated_parameters, check_mode=False)


def test_the_rhythm(aws, role, code, tmp_path: Path) -> None:
    wanted = {
        "name": "x",
        **code,
        "role": ROLE,
        "handler": "handler.handler",
        "memory_size": 256,
        "environment": {"LEVEL": "info"},
        "secret_environment": {"SUMO_ENDPOINT": HUSH},
        "reserved_concurrent_executions": 5,
        "maximum_retry_attempts": 1,
        "log_group_retention_days": 14,
        "tags": {"team": "platform", "stage": "test"},
    }
    checked = aws.run("lambda_function", check_mode=True, **wanted)
    assert aws.calls == ["GetFunction", "DescribeLogGroups"]
    assert checked["function"] is None

    created = aws.run("lambda_function", **wanted)
    assert aws.writes == [
        "CreateLogGroup",
        "PutRetentionPolicy",
        "CreateFunction",
        "PutFunctionConcurrency",
        "PutFunctionEventInvokeConfig",
    ]
    assert created["changes"] == checked["changes"]
    assert created["diff"] == checked["diff"]
    function = created["function"]
    assert function["arn"] == ARN
    assert function["code_sha256"] == code["code_sha256"]
    assert (function["runtime"], function["architecture"], function["timeout"]) == ("python3.13", "arm64", 3)
    assert function["environment_names"] == ["LEVEL", "SUMO_ENDPOINT"]
    assert function["reserved_concurrent_executions"] == 5
    assert function["maximum_retry_attempts"] == 1
    assert function["tags"] == {"team": "platform", "stage": "test", **MARK}
    assert created["log_group"] == {"name": "/aws/lambda/x", "retention_days": 14, "kms_key_id": ""}

    again = aws.run("lambda_function", **wanted)
    assert not again["changed"]
    assert aws.calls == READS

    (tmp_path / "x.zip").unlink()  # the hash is enough where nothing is to be uploaded
    assert not aws.run("lambda_function", **wanted)["changed"]

    newer = package(tmp_path / "y.zip", "def handler(event, context):\n    return 2\n")
    changed = {
        **wanted,
        **newer,
        "memory_size": 512,
        "environment": {"LEVEL": "debug"},
        "reserved_concurrent_executions": -1,
        "log_group_retention_days": 7,
        "tags": {"team": "other"},
    }
    checked = aws.run("lambda_function", check_mode=True, **changed)
    assert aws.writes == []
    updated = aws.run("lambda_function", **changed)
    assert updated["changes"] == checked["changes"]
    assert aws.writes == [
        "TagResource",
        "PutRetentionPolicy",
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "DeleteFunctionConcurrency",
    ]
    assert updated["function"]["tags"] == {"team": "other", "stage": "test", **MARK}
    aws.run("lambda_function", **{**changed, "tags": dict(reversed(changed["tags"].items()))})
    assert aws.calls == READS

    checked = aws.run("lambda_function", check_mode=True, name="x", state="absent", delete_log_group=True)
    assert aws.writes == []
    gone = aws.run("lambda_function", name="x", state="absent", delete_log_group=True)
    assert gone["changes"] == checked["changes"] == ["delete function x", "delete log group /aws/lambda/x"]
    assert aws.writes == ["DeleteFunction", "DeleteLogGroup"]
    assert gone["function"] is None
    assert not aws.run("lambda_function", name="x", state="absent", delete_log_group=True)["changed"]
    assert aws.calls == ["GetFunction", "DescribeLogGroups"]


def test_only_what_is_given_is_updated(aws, role, code) -> None:
    given = {"role": ROLE, "handler": "handler.handler", "environment": {"A": "1"}, "description": "hello"}
    aws.run("lambda_function", name="x", **code, **given)
    assert not aws.run("lambda_function", name="x")["changed"]
    assert aws.calls == READS
    updated = aws.run("lambda_function", name="x", timeout=30)
    assert aws.writes == ["UpdateFunctionConfiguration"]
    assert updated["diff"][0]["before"] == {"timeout": 3}
    assert updated["diff"][0]["after"] == {"timeout": 30}
    assert updated["function"]["environment_names"] == ["A"]
    assert updated["function"]["description"] == "hello"


def test_names_and_placeholders_are_those_of_the_caller(aws, role, code) -> None:
    wanted = {
        "name": "x",
        **code,
        "role": "for-x",
        "handler": "handler.handler",
        "environment": {"DESTINATION_ARN": "arn:{partition}:lambda:{region}:{account}:function:y"},
        "on_failure_destination": "dead-letters",
    }
    created = aws.run("lambda_function", **wanted)
    assert created["function"]["role"] == ROLE
    assert created["function"]["on_failure_destination"] == "arn:aws:sqs:eu-west-1:123456789012:dead-letters"
    variables = aws.client("lambda").get_function(FunctionName="x")["Configuration"]["Environment"]["Variables"]
    assert variables == {"DESTINATION_ARN": ARN[:-1] + "y"}
    aws.run("lambda_function", **wanted)
    assert aws.calls == ["GetCallerIdentity", *READS]


def test_secrets_are_not_in_results_and_differences(aws, role, code) -> None:
    base = {"name": "x", **code, "role": ROLE, "handler": "handler.handler"}
    created = unscrubbed(
        aws, **base, environment={"LEVEL": "info"}, secret_environment={"TOKEN": HUSH, "KEY": "k-hush"}
    )
    assert created["diff"][1]["after"]["environment"] == {"KEY": "(hidden)", "LEVEL": "info", "TOKEN": "(hidden)"}
    aws.client("lambda").update_function_configuration(
        FunctionName="x", Environment={"Variables": {"LEVEL": "info", "TOKEN": HUSH, "STRANGER": "s-hush"}}
    )
    updated = unscrubbed(aws, **base, environment={"LEVEL": "info"}, secret_environment={"TOKEN": HUSH + "2"})
    assert updated["diff"][0]["before"]["environment"] == {
        "LEVEL": "info",
        "STRANGER": "(hidden)",
        "TOKEN": "(hidden)",
    }
    assert updated["diff"][0]["after"]["environment"] == {"LEVEL": "info", "TOKEN": "(hidden, changed)"}
    assert not unscrubbed(aws, **base, environment={"LEVEL": "info"}, secret_environment={"TOKEN": HUSH + "2"})[
        "changed"
    ]
    gone = unscrubbed(aws, name="x", state="absent")
    assert "hush" not in str([created, updated, gone])


def test_a_log_group_that_exists_is_adopted(aws, role, code) -> None:
    logs = aws.client("logs")
    for name, days in (("/aws/lambda/x", 3), ("/aws/lambda/x-other", 30), ("/aws/lambda/x.old", 60)):
        logs.create_log_group(logGroupName=name)
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    base = {"name": "x", **code, "role": ROLE, "handler": "handler.handler"}
    created = aws.run("lambda_function", **base, log_group_retention_days=14)
    assert aws.writes == ["PutRetentionPolicy", "CreateFunction"]
    assert created["diff"][0]["before"]["retention_days"] == 3
    aws.run("lambda_function", name="x", log_group_retention_days=0)
    assert aws.writes == ["DeleteRetentionPolicy"]
    assert not aws.run("lambda_function", name="x", log_group_retention_days=0)["changed"]
    aws.run("lambda_function", name="x", state="absent", delete_log_group=True)
    left = logs.describe_log_groups()["logGroups"]
    assert {item["logGroupName"]: item["retentionInDays"] for item in left} == {
        "/aws/lambda/x-other": 30,
        "/aws/lambda/x.old": 60,
    }


def test_absent_keeps_the_log_group(aws, role, code) -> None:
    aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler")
    aws.run("lambda_function", name="x", state="absent")
    assert aws.writes == ["DeleteFunction"]
    assert len(aws.client("logs").describe_log_groups()["logGroups"]) == 1


def foreign(aws, code: dict[str, str]) -> Any:
    """What somebody else made under our name: a function with its log group. Gives how it stands."""
    functions, logs = aws.client("lambda"), aws.client("logs")
    functions.create_function(
        FunctionName="x",
        Runtime="python3.12",
        Role=ROLE,
        Handler="theirs.handler",
        Code={"ZipFile": Path(code["zip_file"]).read_bytes()},
        Tags={"owner": "somebody"},
    )
    logs.create_log_group(logGroupName="/aws/lambda/x")

    def everything() -> Any:
        function, groups = functions.get_function(FunctionName="x"), logs.describe_log_groups()
        return {**function, "ResponseMetadata": None}, {**groups, "ResponseMetadata": None}

    return everything


def test_a_foreign_function_and_its_log_group_stay_as_they_are(aws, role, code) -> None:
    everything = foreign(aws, code)
    before = everything()
    assert aws.run("lambda_function", name="x", handler="theirs.handler")["changed"] is False
    assert aws.calls == READS
    for options in (
        {"handler": "handler.handler"},
        {"log_group_retention_days": 14},
        {"tags": {"a": "1"}},
        {"state": "absent"},
        {"state": "absent", "delete_log_group": True},
    ):
        for check_mode in (True, False):
            refused = aws.run("lambda_function", name="x", check_mode=check_mode, **options)
            assert (refused["error"]["kind"], refused["changed"]) == ("RefusedError", False)
            assert aws.writes == []
    assert everything() == before


def test_a_teardown_that_was_cut_short_is_finished(aws, role, code) -> None:
    aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler")
    aws.client("lambda").delete_function(FunctionName="x")
    rest = {"name": "x", "state": "absent", "delete_log_group": True}
    assert aws.run("lambda_function", check_mode=True, **rest)["changes"] == ["delete log group /aws/lambda/x"]
    aws.run("lambda_function", **rest)
    assert aws.writes == ["DeleteLogGroup"]
    assert aws.run("lambda_function", **rest)["changed"] is False
    assert aws.writes == []


def test_a_role_that_does_not_exist_is_waited_for_and_then_named(aws, code, no_waiting) -> None:
    failed = aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler", wait_timeout=20)
    assert failed["failed"]
    assert failed["changed"]  # the log group was made
    assert failed["changes"] == ["create log group /aws/lambda/x"]
    assert "Could not create function x in eu-west-1: InvalidParameterValueException" in failed["msg"]
    assert "Check that the role exists" in failed["msg"]
    assert 10 < sum(no_waiting) <= 20
    assert aws.calls.count("CreateFunction") > 3


def test_a_role_is_waited_for_a_minute_however_long_the_rest_may_take(aws, code, no_waiting) -> None:
    aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler", wait_timeout=3600)
    assert 50 < sum(no_waiting) < 70


def test_a_role_that_is_seen_late_is_waited_for(aws, code, monkeypatch: pytest.MonkeyPatch, no_waiting) -> None:
    def wait(seconds: float) -> None:
        no_waiting.append(seconds)
        if len(no_waiting) == 2:
            aws.client("iam").create_role(RoleName="for-x", AssumeRolePolicyDocument=json.dumps(TRUST))

    defaults = (*_retry.RetryPolicy.__init__.__defaults__[:3], wait, lambda: sum(no_waiting))
    monkeypatch.setattr(_retry.RetryPolicy.__init__, "__defaults__", defaults)
    created = aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler")
    assert created["function"]["state"] == "Active"
    assert aws.calls.count("CreateFunction") == 3


# From here on what moto does not do: recorded shapes (Lambda API reference; botocore's lambda model of 1.43.106).


def answer(**configuration: Any) -> dict[str, Any]:
    return {
        "Configuration": {
            "FunctionName": "x",
            "FunctionArn": ARN,
            "Runtime": "python3.13",
            "Role": ROLE,
            "Handler": "handler.handler",
            "CodeSha256": code_sha256(b"old"),
            "Description": "",
            "Timeout": 3,
            "MemorySize": 128,
            "Version": "$LATEST",
            "Architectures": ["arm64"],
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/x"},
            **configuration,
        },
        "Tags": MARK,
    }


def no_event_invoke_config(functions: Any) -> None:
    functions.add_client_error(
        "get_function_event_invoke_config",
        "ResourceNotFoundException",
        f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
        404,
    )


@pytest.fixture
def log_group(aws) -> None:
    aws.client("logs").create_log_group(logGroupName="/aws/lambda/x")


def standing(functions: Any, **configuration: Any) -> None:
    functions.add_response("get_function", answer(**configuration), {"FunctionName": "x"})
    no_event_invoke_config(functions)


def test_an_encrypted_environment_is_no_change(aws, log_group) -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    functions = aws.stub("lambda")
    standing(functions, KMSKeyArn=key, Environment={"Variables": {"A": "1", "B": "2"}})
    same = aws.run("lambda_function", name="x", kms_key_arn=key, environment={"B": "2", "A": "1"})
    assert not same["changed"]
    assert aws.calls == READS
    functions.assert_no_pending_responses()


def test_an_environment_that_cannot_be_decrypted_is_said_so(aws, log_group) -> None:
    functions = aws.stub("lambda")
    error = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt"}
    standing(functions, KMSKeyArn="arn:aws:kms:eu-west-1:123456789012:key/1", Environment={"Error": error})
    failed = aws.run("lambda_function", name="x", environment={"A": "1"})
    assert failed["error"]["kind"] == "AccessDeniedError"
    assert "kms:Decrypt" in failed["msg"]
    assert aws.writes == []


def test_secrets_that_aws_quotes_are_not_in_the_error(aws, log_group) -> None:
    functions = aws.stub("lambda")
    standing(functions, Environment={"Variables": {"STRANGER": "s-hush"}})
    quoted = f'Lambda was unable to configure your environment variables: {{"TOKEN":"{HUSH}","STRANGER":"s-hush"}}'
    functions.add_client_error("update_function_configuration", "InvalidParameterValueException", quoted, 400)
    failed = unscrubbed(aws, name="x", secret_environment={"TOKEN": HUSH, "STRANGER": "s-hush"})
    assert failed["failed"]
    assert "Lambda was unable to configure your environment variables" in failed["msg"]
    assert '{"TOKEN":"(hidden)","STRANGER":"(hidden)"}' in failed["msg"]
    assert "hush" not in str(failed)


def test_values_of_others_that_are_sent_again_are_not_in_the_error(aws, log_group, tmp_path: Path) -> None:
    functions = aws.stub("lambda")
    standing(functions, Environment={"Variables": {"STRANGER": "s-hush"}})
    functions.add_client_error("update_function_configuration", "InvalidParameterValueException", "bad: s-hush", 400)
    newer = package(tmp_path / "y.zip", "")
    failed = unscrubbed(aws, name="x", **newer, environment={"LEVEL": "info"})
    assert failed["msg"].endswith("InvalidParameterValueException: bad: (hidden).")


def test_an_update_in_progress_is_waited_out(aws, log_group, no_waiting) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    busy = f"The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
    for _unused in range(2):
        functions.add_client_error("update_function_configuration", "ResourceConflictException", busy, 409)
    functions.add_response(
        "update_function_configuration",
        answer(LastUpdateStatus="InProgress")["Configuration"],
        {"FunctionName": "x", "MemorySize": 256},
    )
    for status in ("InProgress", "InProgress", "Successful"):
        functions.add_response("get_function", answer(LastUpdateStatus=status, MemorySize=256), {"FunctionName": "x"})
    standing(functions, MemorySize=256)
    updated = aws.run("lambda_function", name="x", memory_size=256)
    assert updated["function"]["memory_size"] == 256
    functions.assert_no_pending_responses()


NO_PRINCIPAL = (
    "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
    "CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException KMS Message: "
)
NO_DESTINATION = "The destination ARN arn:aws:sqs:eu-west-1:123456789012:dead is invalid."


def test_a_role_that_kms_does_not_see_yet_is_waited_for(aws, log_group, code, no_waiting) -> None:
    functions = aws.stub("lambda")
    functions.add_client_error("get_function", "ResourceNotFoundException", f"Function not found: {ARN}", 404)
    message = NO_PRINCIPAL + "ARN does not refer to a valid principal"
    for _unused in range(2):
        functions.add_client_error("create_function", "InvalidParameterValueException", message, 400)
    functions.add_response("create_function", answer(State="Pending")["Configuration"])
    functions.add_response("get_function", answer())
    standing(functions)
    wanted = {**code, "role": ROLE, "handler": "handler.handler", "environment": {"A": "1"}}
    assert aws.run("lambda_function", name="x", **wanted)["changes"] == ["create function x"]
    assert len(no_waiting) == 2
    functions.assert_no_pending_responses()


def test_so_it_is_when_the_configuration_is_updated(aws, log_group, no_waiting) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    message = NO_PRINCIPAL + "ARN does not refer to a valid principal"
    functions.add_client_error("update_function_configuration", "InvalidParameterValueException", message, 400)
    functions.add_response("update_function_configuration", answer()["Configuration"])
    functions.add_response("get_function", answer())
    standing(functions, Environment={"Variables": {"A": "1"}})
    assert aws.run("lambda_function", name="x", environment={"A": "1"})["changed"] is True
    assert len(no_waiting) == 1
    functions.assert_no_pending_responses()


def test_a_key_that_is_wrong_is_not_waited_for(aws, log_group, no_waiting) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    message = NO_PRINCIPAL + "Key Aliases are not supported for this operation."
    functions.add_client_error("update_function_configuration", "InvalidParameterValueException", message, 400)
    assert "Key Aliases" in aws.run("lambda_function", name="x", environment={"A": "1"})["msg"]
    assert no_waiting == []


def test_a_queue_that_lambda_does_not_see_yet_is_waited_for(aws, log_group, no_waiting) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    for _unused in range(3):
        functions.add_client_error(
            "put_function_event_invoke_config", "InvalidParameterValueException", NO_DESTINATION, 400
        )
    functions.add_response("put_function_event_invoke_config", {})
    standing(functions)
    assert aws.run("lambda_function", name="x", on_failure_destination="dead")["changed"] is True
    assert len(no_waiting) == 3
    functions.assert_no_pending_responses()


def test_a_queue_is_waited_for_a_minute_and_then_named(aws, log_group, no_waiting) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    for _unused in range(30):
        functions.add_client_error(
            "put_function_event_invoke_config", "InvalidParameterValueException", NO_DESTINATION, 400
        )
    failed = aws.run("lambda_function", name="x", on_failure_destination="dead", wait_timeout=3600)
    assert NO_DESTINATION in failed["msg"]
    assert "Check that the destination exists and that the function's role may send to it" in failed["msg"]
    assert 50 < sum(no_waiting) < 70


def test_tags_that_aws_keeps_back_are_said_so(aws, log_group) -> None:
    functions = aws.stub("lambda")
    message = (
        f"User: arn:aws:iam::123456789012:user/me is not authorized to perform: lambda:ListTags on resource: {ARN}"
    )
    kept_back = {**answer(), "TagsError": {"ErrorCode": "AccessDeniedException", "Message": message}}
    del kept_back["Tags"]
    for options in ({"memory_size": 256}, {"state": "absent", "delete_log_group": True}):
        functions.add_response("get_function", kept_back)
        no_event_invoke_config(functions)
        failed = aws.run("lambda_function", name="x", **options)
        assert failed["error"]["kind"] == "AccessDeniedError"
        assert "Could not read the tags of function x in" in failed["msg"]
        assert "ListTags" in failed["msg"]
        assert aws.writes == []
    functions.assert_no_pending_responses()


def test_somebody_else_made_the_function_meanwhile(aws, log_group, code, no_waiting) -> None:
    functions = aws.stub("lambda")
    functions.add_client_error("get_function", "ResourceNotFoundException", f"Function not found: {ARN}", 404)
    functions.add_client_error("create_function", "ResourceConflictException", "Function already exist: x", 409)
    failed = aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler")
    assert failed["error"]["kind"] == "ConflictError"
    assert no_waiting == []


def test_what_is_under_way_is_waited_for_before_it_is_judged(aws, log_group, no_waiting) -> None:
    functions = aws.stub("lambda")
    for state in ("Pending", "Pending", "Active"):  # killed after CreateFunction: the next run finds it Pending
        functions.add_response("get_function", answer(State=state), {"FunctionName": "x"})
    standing(functions)
    result = aws.run("lambda_function", name="x", memory_size=128)
    assert not result["changed"]
    assert result["function"]["state"] == "Active"
    functions.assert_no_pending_responses()


def test_a_function_that_does_not_become_active_says_why(aws, log_group, code) -> None:
    functions = aws.stub("lambda")
    functions.add_client_error("get_function", "ResourceNotFoundException", f"Function not found: {ARN}", 404)
    functions.add_response("create_function", answer(State="Pending")["Configuration"])
    functions.add_response("get_function", answer(State="Pending"))
    reason = {"StateReason": "The subnet ID 'subnet-1' does not exist", "StateReasonCode": "InvalidSubnet"}
    functions.add_response("get_function", answer(State="Failed", **reason))
    failed = aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler")
    assert failed["msg"] == (
        "Could not create function x in eu-west-1: InvalidSubnet: The subnet ID 'subnet-1' does not exist. "
        "Mend the cause and run again."
    )


def test_an_update_that_fails_says_why_and_what_was_done_before(aws, code) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    functions.add_response("update_function_configuration", answer(LastUpdateStatus="InProgress")["Configuration"])
    reason = {"LastUpdateStatusReason": "no such group", "LastUpdateStatusReasonCode": "InvalidSecurityGroup"}
    functions.add_response("get_function", answer(LastUpdateStatus="Failed", **reason))
    failed = aws.run("lambda_function", name="x", memory_size=256)
    assert "update the configuration of function x in eu-west-1: InvalidSecurityGroup: no such group" in failed["msg"]
    assert failed["changes"] == ["create log group /aws/lambda/x"]


def test_waiting_is_bounded(aws, log_group, no_waiting) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    functions.add_response("update_function_configuration", answer(LastUpdateStatus="InProgress")["Configuration"])
    for _unused in range(3):
        functions.add_response("get_function", answer(LastUpdateStatus="InProgress"))
    failed = aws.run("lambda_function", name="x", memory_size=256, wait_timeout=3)
    assert "it is still not ready after 3 seconds (state Active, last update InProgress)" in failed["msg"]
    assert no_waiting == [1, 1]
    functions.assert_no_pending_responses()


def test_reserved_concurrency_of_zero_is_not_none(aws, log_group) -> None:
    functions = aws.stub("lambda")
    stopped = {**answer(), "Concurrency": {"ReservedConcurrentExecutions": 0}}
    functions.add_response("get_function", stopped)
    no_event_invoke_config(functions)
    assert not aws.run("lambda_function", name="x", reserved_concurrent_executions=0)["changed"]


def test_logging_of_a_function_is_updated_whole_and_its_new_group_comes_first(aws, log_group) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    wanted = {"LogFormat": "JSON", "SystemLogLevel": "WARN", "LogGroup": "/team/x"}
    functions.add_response(
        "update_function_configuration", answer()["Configuration"], {"FunctionName": "x", "LoggingConfig": wanted}
    )
    functions.add_response("get_function", answer())
    after = {**wanted, "ApplicationLogLevel": "INFO"}
    standing(functions, LoggingConfig=after)
    options = {"log_format": "JSON", "system_log_level": "WARN", "log_group": "/team/x"}
    result = aws.run("lambda_function", name="x", logging_config=options)
    assert result["changes"] == ["create log group /team/x", "update configuration of function x"]
    assert result["log_group"]["name"] == "/team/x"
    standing(functions, LoggingConfig=after)
    assert not aws.run("lambda_function", name="x", logging_config=options)["changed"]
    functions.assert_no_pending_responses()


def test_the_architecture_goes_with_the_code(aws, log_group, code) -> None:
    functions = aws.stub("lambda")
    standing(functions, CodeSha256=code["code_sha256"])
    functions.add_response(
        "update_function_code",
        answer()["Configuration"],
        {"FunctionName": "x", "ZipFile": Path(code["zip_file"]).read_bytes(), "Architectures": ["x86_64"]},
    )
    functions.add_response("get_function", answer())
    standing(functions, CodeSha256=code["code_sha256"], Architectures=["x86_64"])
    assert aws.run("lambda_function", name="x", architecture="x86_64", **code)["function"]["architecture"] == "x86_64"
    assert aws.writes == ["UpdateFunctionCode"]
    functions.assert_no_pending_responses()


def test_the_key_of_a_log_group_is_given_and_taken(aws, role, code) -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    aws.run("lambda_function", name="x", **code, role=ROLE, handler="handler.handler")
    logs = aws.stub("logs")
    group = {"logGroupName": "/aws/lambda/x"}
    for before, option, write in ((None, key, "associate_kms_key"), (key, "", "disassociate_kms_key")):
        found = {**group, "kmsKeyId": before} if before else group
        logs.add_response("describe_log_groups", {"logGroups": [found]}, {"logGroupNamePrefix": "/aws/lambda/x"})
        logs.add_response(write, {}, {**group, "kmsKeyId": option} if option else group)
        after = {**group, "kmsKeyId": option} if option else group
        logs.add_response("describe_log_groups", {"logGroups": [after]})
        assert aws.run("lambda_function", name="x", log_group_kms_key_id=option)["log_group"]["kms_key_id"] == option
    logs.assert_no_pending_responses()


def test_a_log_group_that_somebody_makes_meanwhile_gets_its_retention_all_the_same(aws, role, code) -> None:
    group = {"logGroupName": "/aws/lambda/x"}
    logs = aws.stub("logs")
    logs.add_response("describe_log_groups", {"logGroups": [{"logGroupName": "/aws/lambda/x-other"}]})
    logs.add_client_error(
        "create_log_group", "OperationAbortedException", "A conflicting operation is in progress", 400
    )
    logs.add_client_error("create_log_group", "ResourceAlreadyExistsException", "The specified log group exists", 400)
    logs.add_response("describe_log_groups", {"logGroups": [group]})
    logs.add_response("put_retention_policy", {}, {**group, "retentionInDays": 14})
    logs.add_response("describe_log_groups", {"logGroups": [{**group, "retentionInDays": 14}]})
    created = aws.run(
        "lambda_function", name="x", **code, role=ROLE, handler="handler.handler", log_group_retention_days=14
    )
    assert created["log_group"]["retention_days"] == 14
    logs.assert_no_pending_responses()


def test_a_denied_call_names_the_action(aws, log_group) -> None:
    functions = aws.stub("lambda")
    standing(functions)
    functions.add_client_error("put_function_concurrency", "AccessDeniedException", "not authorized", 403)
    failed = aws.run("lambda_function", name="x", reserved_concurrent_executions=1)
    assert "The caller needs the IAM action for PutFunctionConcurrency." in failed["msg"]


def test_a_wrong_option_is_refused_before_the_first_call(aws) -> None:
    for wrong in ({"memory_size": 1}, {"name": "a b"}, {"kms_key_arn": "x"}, {"zip_file": "/nowhere"}):
        failed = aws.run("lambda_function", **{"name": "x", **wrong})
        assert failed["error"]["kind"] == "InvalidInputError"
        assert next(iter(wrong)) in failed["msg"]
        assert aws.calls == []
