# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import FAILS, LOGGING, Place, document, until, zipped

CANNOT_BE_ASSUMED = r"The role defined for the function cannot be assumed by Lambda\."


def test_account_settings_show_reserved_concurrency(aws: RunningAws, place: Place) -> None:
    name = place.function(Role=place.role(LOGGING))
    before = place.lambda_.get_account_settings()["AccountLimit"]
    assert (before["ConcurrentExecutions"], before["UnreservedConcurrentExecutions"]) == (1000, 1000)
    place.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=40)
    assert place.lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 960
    place.lambda_.delete_function_concurrency(FunctionName=name)


def test_put_function_concurrency_that_leaves_less_than_100_is_refused(aws: RunningAws, place: Place) -> None:
    name = place.function(Role=place.role(LOGGING))
    place.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=900)
    with pytest.raises(place.lambda_.exceptions.InvalidParameterValueException, match=r"minimum value of \[100\]"):
        place.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=901)
    aws.configure(account_concurrency=10)
    try:
        assert place.lambda_.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 10
        with pytest.raises(place.lambda_.exceptions.InvalidParameterValueException):
            place.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    finally:
        aws.configure(account_concurrency=1000)
        place.lambda_.delete_function_concurrency(FunctionName=name)


def test_create_function_missing_role_is_refused(place: Place) -> None:
    with pytest.raises(place.lambda_.exceptions.InvalidParameterValueException, match=CANNOT_BE_ASSUMED):
        place.function(Role="arn:aws:iam::222222222222:role/nobody")


def test_create_function_role_without_trust_is_refused(place: Place) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    with pytest.raises(place.lambda_.exceptions.InvalidParameterValueException, match=CANNOT_BE_ASSUMED):
        place.function(Role=place.role(LOGGING, trust=trust))


def test_create_function_young_role_is_refused_until_the_delay_is_over(aws: RunningAws, place: Place) -> None:
    aws.configure(role_delay=3600)
    role = place.role(LOGGING)
    with pytest.raises(place.lambda_.exceptions.InvalidParameterValueException, match=CANNOT_BE_ASSUMED):
        place.function(Role=role)

    aws.configure(role_delay=1.2)  # a role's age counts in whole seconds

    def made() -> str | None:
        try:
            return place.function(Role=role)
        except place.lambda_.exceptions.InvalidParameterValueException:
            return None

    assert until(made)


def test_create_function_without_pass_role_is_denied(aws: RunningAws, place: Place) -> None:
    """AWS requires iam:PassRole on the role, beside lambda:CreateFunction on the function."""
    session = aws.deployer_session(place.account, place.region)
    role = place.role(LOGGING)
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": role}
    place.iam.put_role_policy(RoleName=aws.state.deployer_role, PolicyName="no-pass", PolicyDocument=document(deny))
    try:
        with pytest.raises(
            ClientError, match=r"not authorized to perform: iam:PassRole on resource: arn:.*:role/role-"
        ):
            session.client("lambda").create_function(
                FunctionName="passed", Runtime="python3.13", Handler="index.handler", Role=role, Code={"ZipFile": b"-"}
            )
    finally:
        place.iam.delete_role_policy(RoleName=aws.state.deployer_role, PolicyName="no-pass")


def test_update_function_during_an_update_is_refused(aws: RunningAws, place: Place) -> None:
    aws.configure(update_delay=3600)
    function = place.function()
    with pytest.raises(place.lambda_.exceptions.ResourceConflictException, match="An update is in progress"):
        place.lambda_.update_function_configuration(FunctionName=function, Timeout=5)
    aws.configure(update_delay=0.1)
    function = place.function()
    place.settled(function)
    aws.configure(update_delay=3600)
    place.lambda_.update_function_configuration(FunctionName=function, Timeout=5)
    with pytest.raises(place.lambda_.exceptions.ResourceConflictException, match="An update is in progress"):
        place.lambda_.update_function_code(FunctionName=function, ZipFile=zipped("def handler(e, c): return 1"))


def test_update_function_keeps_workers_of_the_same_name_elsewhere(aws: RunningAws, place: Place) -> None:
    source = "import os\ndef handler(event, context):\n    return os.getpid()\n"
    other = Place(aws, place.account, "us-east-1")
    here = place.function(source, FunctionName="twin")
    there = other.function(source, FunctionName="twin")
    place.settled(here)

    def process(at: Place, function: str) -> int:
        return json.loads(at.lambda_.invoke(FunctionName=function)["Payload"].read())

    before = process(place, here), process(other, there)
    place.lambda_.update_function_configuration(FunctionName=here, Timeout=5)
    after = process(place, here), process(other, there)
    assert after[1] == before[1]
    assert after[0] != before[0]


def test_failure_destination_without_role_permission_is_refused(place: Place) -> None:
    _unused, queue = place.queue()
    function = place.function()
    destination = {"OnFailure": {"Destination": queue}}
    with pytest.raises(ClientError, match="does not have permissions to call SendMessage"):
        place.lambda_.put_function_event_invoke_config(FunctionName=function, DestinationConfig=destination)
    with pytest.raises(ClientError, match="does not have permissions to call SendMessage"):
        place.function(DeadLetterConfig={"TargetArn": queue})


def test_update_event_invoke_config_keeps_other_values(place: Place) -> None:
    function = place.function().split(":")[6]
    place.lambda_.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=1)
    place.lambda_.update_function_event_invoke_config(FunctionName=function, MaximumEventAgeInSeconds=60)
    config = place.lambda_.get_function_event_invoke_config(FunctionName=function)
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (1, 60)


def test_function_error_has_the_exception_class(place: Place) -> None:
    answer = place.lambda_.invoke(FunctionName=place.function(FAILS))
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read()) == {"errorMessage": "no luck", "errorType": "ValueError"}


def test_put_role_policy_above_the_limit_is_refused(place: Place) -> None:
    role = place.role().rpartition("/")[2]
    statements = [LOGGING | {"Sid": f"S{number}"} for number in range(90)]
    place.iam.put_role_policy(RoleName=role, PolicyName="half", PolicyDocument=document(*statements[:45]))
    with pytest.raises(place.iam.exceptions.LimitExceededException, match="Maximum policy size of 10240 bytes"):
        place.iam.put_role_policy(RoleName=role, PolicyName="rest", PolicyDocument=document(*statements[45:]))


def test_function_calls_aws_through_the_front_with_its_role(aws: RunningAws, place: Place) -> None:
    source = """
import boto3, os
def handler(event, context):
    return [boto3.client("sts").get_caller_identity()["Arn"], os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"]]
"""
    function = place.function(source)
    answer = json.loads(place.lambda_.invoke(FunctionName=function)["Payload"].read())
    role = place.lambda_.get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    assert answer[0].startswith(f"arn:aws:sts::222222222222:assumed-role/{role}/")
    assert answer[1:] == [aws.endpoint_url, "eu-west-1"]
    assert aws.front.calls(operation="GetCallerIdentity", caller=answer[0])


NEW_PROCESS = """
import logging, os, random, sys
def handler(event, context):
    return {
        "pid": os.getpid(),
        "is_fork": "server" in sys.orig_argv,
        "writes_byte_code": not sys.dont_write_bytecode,
        "number": random.random(),
        "place": os.environ["PLACE"],
        "folder": os.getcwd() == os.environ["LAMBDA_TASK_ROOT"],
        "handlers": len(logging.root.handlers),
        "ours": [name for name in sys.modules if name.partition(".")[0] == "ministack"],
        "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
    }
"""


def test_functions_process_has_nothing_of_another_one(place: Place) -> None:
    answers = []
    for number in "12":
        name = place.function(NEW_PROCESS, Environment={"Variables": {"PLACE": number}})
        answers.append(json.loads(place.lambda_.invoke(FunctionName=name)["Payload"].read()))
        assert answers[-1]["place"] == number
        assert answers[-1]["folder"]
        assert (answers[-1]["handlers"], answers[-1]["ours"], answers[-1]["files"]) == (0, [], [0, 1, 2])
        assert answers[-1]["is_fork"] == hasattr(os, "pidfd_open")
        assert not answers[-1]["writes_byte_code"]  # on AWS the folder is read-only
    assert answers[0]["pid"] != answers[1]["pid"]
    assert answers[0]["number"] != answers[1]["number"]
