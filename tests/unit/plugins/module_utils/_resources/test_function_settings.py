"""Settings: AWS's answer and the options, compared and turned into requests."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_settings import (
    ALL_SETTINGS,
    Logging,
    Settings,
    Vpc,
    differing,
    key_arn,
    queue_arn,
    role_arn,
    wanted_settings,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from hypothesis import given
from hypothesis import strategies as st
from internal_resources import LAMBDA_FUNCTION as SPEC

ANSWER = {
    "FunctionName": "x",
    "Role": "arn:aws:iam::123456789012:role/x",
    "Runtime": "python3.13",
    "Handler": "handler.handler",
    "MemorySize": 256,
    "Timeout": 60,
    "Description": "",
    "KMSKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    "TracingConfig": {"Mode": "Active"},
    "EphemeralStorage": {"Size": 1024},
    "Layers": [{"Arn": "arn:b", "CodeSize": 1}, {"Arn": "arn:a", "CodeSize": 1}],
    "VpcConfig": {"SubnetIds": ["s2", "s1"], "SecurityGroupIds": ["g"], "VpcId": "v", "Ipv6AllowedForDualStack": True},
    "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN", "LogGroup": "/x"},
    "Environment": {"Variables": {"A": "hush"}},
    "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:d"},
    "FileSystemConfigs": [
        {"Arn": "arn:fs", "LocalMountPath": "/mnt/a"},
        {"Arn": "arn:other", "LocalMountPath": "/mnt/b"},
    ],
    "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"},
    "DurableConfig": {"RetentionPeriodInDays": 7, "ExecutionTimeout": 60},
    "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn:c"}},
}


@pytest.fixture
def target() -> Target:
    found = Target(boto3.Session("x", "x"), "cn-north-1")
    found.__dict__["identity"] = Identity("123456789012", "arn:aws-cn:iam::123456789012:user/x")
    return found


def options(**given_options: Any) -> dict[str, Any]:
    return {**dict.fromkeys(SPEC.given), **given_options}


def test_an_answer_of_aws_becomes_settings_and_a_request_again() -> None:
    settings = Settings.from_api(ANSWER)
    request = settings.request(ALL_SETTINGS)
    assert request.pop("Layers") == ["arn:b", "arn:a"]
    assert request.pop("VpcConfig") == {
        "SubnetIds": ["s1", "s2"],
        "SecurityGroupIds": ["g"],
        "Ipv6AllowedForDualStack": True,
    }
    assert request.pop("SnapStart") == {"ApplyOn": "PublishedVersions"}
    assert request == {key: ANSWER[key] for key in request}
    known = botocore.session.get_session().get_service_model("lambda")
    taken = set(known.operation_model("UpdateFunctionConfiguration").input_shape.members)
    answered = set(known.operation_model("GetFunctionConfiguration").output_shape.members)
    # A release keeps all that Lambda answers and takes: what it learns of later, this list has to learn too.
    kept = {"Layers", "VpcConfig", "SnapStart", *request}
    assert kept >= (taken & answered) - {"FunctionName", "RevisionId"}
    assert Settings.from_api({**ANSWER, **request}) == settings


@pytest.mark.parametrize("empty", [None, {}])
def test_what_aws_leaves_out_is_its_default(empty: Any) -> None:
    names = ("TracingConfig", "EphemeralStorage", "Layers", "VpcConfig", "LoggingConfig", "Environment")
    settings = Settings.from_api({"FunctionName": "x", **dict.fromkeys(names, empty)})
    assert settings == Settings(runtime="", logging_config=Logging(log_group="/aws/lambda/x"))


def test_an_environment_that_aws_cannot_decrypt_is_unknown_not_empty() -> None:
    error = {"ErrorCode": "AccessDeniedException", "Message": "no"}
    assert Settings.from_api({**ANSWER, "Environment": {"Error": error}}).environment is None


def test_settings_do_not_show_the_environment() -> None:
    settings = Settings.from_api(ANSWER)
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.plain(ALL_SETTINGS))


def test_what_is_not_given_is_left_alone(target: Target) -> None:
    actual = Settings.from_api(ANSWER)
    assert wanted_settings(target, options(), None).on(actual) == actual
    assert wanted_settings(target, options(), None).given == frozenset()


def test_only_what_differs_is_sent(target: Target) -> None:
    actual = Settings.from_api(ANSWER)
    wanted = wanted_settings(target, options(memory_size=512, timeout=60), None).on(actual)
    assert differing(actual, wanted) == {"memory_size"}
    assert wanted.request(differing(actual, wanted)) == {"MemorySize": 512}


@given(st.permutations(["s1", "s2", "s3"]), st.permutations(["g1", "g2"]))
def test_subnets_have_no_order(subnets: list[str], groups: list[str]) -> None:
    answer = {**ANSWER, "VpcConfig": {"SubnetIds": ["s3", "s1", "s2"], "SecurityGroupIds": ["g2", "g1"]}}
    actual = Settings.from_api(answer)
    vpc = {"subnet_ids": subnets, "security_group_ids": groups}
    assert wanted_settings(None, options(vpc_config=vpc), None).on(actual) == actual  # type: ignore[arg-type]


def test_layers_have_an_order(target: Target) -> None:
    actual = Settings.from_api(ANSWER)
    assert wanted_settings(target, options(layers=["arn:b", "arn:a"]), None).on(actual) == actual
    wanted = wanted_settings(target, options(layers=["arn:a", "arn:b"]), None).on(actual)
    assert differing(actual, wanted) == {"layers"}


def test_an_attribute_without_an_option_survives_an_update_of_its_structure(target: Target) -> None:
    actual = Settings.from_api(ANSWER)
    vpc = {"subnet_ids": ["s9"], "security_group_ids": ["g"]}
    assert wanted_settings(target, options(vpc_config=vpc), None).on(actual).vpc_config == Vpc(("s9",), ("g",), True)
    none = {"subnet_ids": [], "security_group_ids": []}
    assert wanted_settings(target, options(vpc_config=none), None).on(actual).vpc_config == Vpc()
    log = {"log_format": None, "application_log_level": "WARN", "system_log_level": None, "log_group": None}
    wanted = wanted_settings(target, options(logging_config=log), None).on(actual)
    assert wanted.request(frozenset({"logging_config"}))["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "WARN",
        "SystemLogLevel": "WARN",
        "LogGroup": "/x",
    }


def test_plain_text_has_no_levels() -> None:
    json_log = Logging("JSON", "INFO", "WARN", "/x")
    assert json_log.with_options({"log_format": "Text"}) == Logging("Text", "", "", "/x")
    with pytest.raises(InvalidInputError, match="application_log_level can only be set with log_format JSON"):
        json_log.with_options({"log_format": "Text", "application_log_level": "INFO"})
    with pytest.raises(InvalidInputError, match="application_log_level and system_log_level"):
        Logging().with_options({"application_log_level": "INFO", "system_log_level": "INFO"})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("memory_size", 127),
        ("memory_size", 32769),
        ("timeout", 0),
        ("timeout", 5401),
        ("ephemeral_storage", 511),
        ("maximum_retry_attempts", 3),
        ("maximum_retry_attempts", -1),
        ("maximum_event_age", 59),
        ("maximum_event_age", 21601),
        ("reserved_concurrent_executions", -2),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_option(target: Target, option: str, value: int) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}: {value} is"):
        wanted_settings(target, options(**{option: value}), None)


def test_names_become_arns_of_the_callers_partition(target: Target) -> None:
    assert role_arn(target, "team/x") == "arn:aws-cn:iam::123456789012:role/team/x"
    assert role_arn(target, "arn:{partition}:iam::{account}:role/x") == "arn:aws-cn:iam::123456789012:role/x"
    assert queue_arn(target, "dead") == "arn:aws-cn:sqs:cn-north-1:123456789012:dead"
    assert queue_arn(target, "arn:aws:sns:eu-west-1:1:x") == "arn:aws:sns:eu-west-1:1:x"
    assert queue_arn(target, "") == ""


def test_a_key_is_an_arn_of_a_key(target: Target) -> None:
    key = "arn:{partition}:kms:{region}:{account}:key/1"
    assert key_arn(target, "kms_key_arn", key) == "arn:aws-cn:kms:cn-north-1:123456789012:key/1"
    assert key_arn(target, "kms_key_arn", "") == ""
    for wrong in ("1234", "alias/x", "arn:aws:kms:eu-west-1:1:alias/x"):
        with pytest.raises(InvalidInputError, match="kms_key_arn"):
            key_arn(target, "kms_key_arn", wrong)
