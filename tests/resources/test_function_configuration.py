# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of functions: AWS's answers and settings, compared and written to requests."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.configuration import (
    ALL_ATTRIBUTES,
    Configuration,
    DesiredConfiguration,
    Logging,
    Vpc,
    desired_configuration,
    differing,
    key_arn,
    queue_arn,
    role_arn,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from functions_in_tests import function_settings
from hypothesis import given
from hypothesis import strategies as st

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
    return chinese_target()


def chinese_target() -> Target:
    """Return a target of another partition."""
    found = Target(boto3.Session("x", "x"), "cn-north-1")
    found.__dict__["identity"] = Identity("123456789012", "arn:aws-cn:iam::123456789012:user/x")
    return found


def test_configuration_from_an_answer_gives_the_same_request() -> None:
    configuration = Configuration.from_api(ANSWER)
    request = configuration.request(ALL_ATTRIBUTES)
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
    # A release keeps everything that Lambda returns and accepts. This fails if boto3 knows a new attribute.
    kept = {"Layers", "VpcConfig", "SnapStart", *request}
    assert kept >= (taken & answered) - {"FunctionName", "RevisionId"}
    assert Configuration.from_api({**ANSWER, **request}) == configuration


@pytest.mark.parametrize("empty", [None, {}])
def test_configuration_missing_values_are_aws_defaults(empty: Any) -> None:
    names = ("TracingConfig", "EphemeralStorage", "Layers", "VpcConfig", "LoggingConfig", "Environment")
    configuration = Configuration.from_api({"FunctionName": "x", **dict.fromkeys(names, empty)})
    assert configuration == Configuration(logging_config=Logging(log_group="/aws/lambda/x"))


def test_configuration_environment_is_none_if_not_decrypted() -> None:
    error = {"ErrorCode": "AccessDeniedException", "Message": "no"}
    assert Configuration.from_api({**ANSWER, "Environment": {"Error": error}}).environment is None


def test_configuration_repr_and_plain_have_no_environment() -> None:
    configuration = Configuration.from_api(ANSWER)
    assert "hush" not in repr(configuration)
    assert "hush" not in str(configuration.plain(ALL_ATTRIBUTES))


def desired(target: Target, **given_settings: Any) -> DesiredConfiguration:
    """Return the desired configuration, which equals ANSWER apart from the given settings."""
    same: dict[str, Any] = {
        "name": "x",
        "package": "x.zip",
        "code_sha256": "sha",
        "role": ANSWER["Role"],
        "memory_size": 256,
        "timeout": 60,
        "environment": ANSWER["Environment"]["Variables"],
    }
    return desired_configuration(target, function_settings(**{**same, **given_settings}))


def test_configuration_without_a_setting_is_unchanged(target: Target) -> None:
    actual = Configuration.from_api(ANSWER)
    assert desired(target).applied_to(actual) == actual


def test_configuration_request_has_only_differences(target: Target) -> None:
    actual = Configuration.from_api(ANSWER)
    changed = desired(target, memory_size=512).applied_to(actual)
    assert differing(actual, changed) == {"memory_size"}
    assert changed.request(differing(actual, changed)) == {"MemorySize": 512}


@given(st.permutations(["s1", "s2", "s3"]), st.permutations(["g1", "g2"]))
def test_configuration_ignores_the_order_of_subnets(subnets: list[str], groups: list[str]) -> None:
    answer = {**ANSWER, "VpcConfig": {"SubnetIds": ["s3", "s1", "s2"], "SecurityGroupIds": ["g2", "g1"]}}
    actual = Configuration.from_api(answer)
    settings = {"subnet_ids": tuple(subnets), "security_group_ids": tuple(groups)}
    assert desired(chinese_target(), **settings).applied_to(actual) == actual


def test_configuration_layers_have_an_order() -> None:
    actual = Configuration.from_api(ANSWER)
    turned = Configuration.from_api({**ANSWER, "Layers": ANSWER["Layers"][::-1]})
    assert differing(actual, turned) == {"layers"}


def test_configuration_vpc_keeps_ipv6(target: Target) -> None:
    actual = Configuration.from_api(ANSWER)
    moved = desired(target, subnet_ids=("s9",), security_group_ids=("g",)).applied_to(actual)
    assert moved.vpc_config == Vpc(("s9",), ("g",), True)
    assert desired(target, subnet_ids=()).applied_to(actual).vpc_config == Vpc()


def test_names_become_arns_of_the_targets_partition(target: Target) -> None:
    assert role_arn(target, "team/x") == "arn:aws-cn:iam::123456789012:role/team/x"
    assert role_arn(target, "arn:{partition}:iam::{account}:role/x") == "arn:aws-cn:iam::123456789012:role/x"
    assert queue_arn(target, "dead") == "arn:aws-cn:sqs:cn-north-1:123456789012:dead"
    assert queue_arn(target, "arn:aws:sns:eu-west-1:1:x") == "arn:aws:sns:eu-west-1:1:x"
    assert queue_arn(target, "") == ""


def test_key_must_be_the_arn_of_a_key(target: Target) -> None:
    key = "arn:{partition}:kms:{region}:{account}:key/1"
    assert key_arn(target, "kms_key_arn", key) == "arn:aws-cn:kms:cn-north-1:123456789012:key/1"
    assert key_arn(target, "kms_key_arn", "") == ""
    for wrong in ("1234", "alias/x", "arn:aws:kms:eu-west-1:1:alias/x"):
        with pytest.raises(InvalidInputError, match="kms_key_arn"):
            key_arn(target, "kms_key_arn", wrong)
