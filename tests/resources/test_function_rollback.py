# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of functions: kept, read, rolled back under load, interrupted at every write and continued."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.utils
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    AwsError,
    DownloadError,
    InvalidInputError,
    NotFoundError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.function import (
    FunctionRemoval,
    LambdaFunction,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.info import release_info
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.rollback import FunctionRollback
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from aws_in_tests import Cloud
from botocore.exceptions import EndpointConnectionError
from botocore.httpsession import URLLib3Session
from functions_in_tests import SettingsFactory
from threads_in_tests import in_background

HUSH = "hush-hush-token"
READS = ["GetFunction", "GetFunctionEventInvokeConfig", "ListAliases", "DescribeLogGroups"]
# Release 0.2.0 works with the environment of 0.1.0. Release 0.1.0 fails with that of 0.2.0.
PRINT_EVENTS = """
import base64, gzip, json, os
def handler(event, context):
{}
    if "awslogs" in event:
        for item in json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))["logEvents"]:
            print("got " + item["message"])
    return ["{}", os.environ["LEVEL"]]
"""
FAIL_WITH_NEW = """    if "NEW" in os.environ:
        print("failed")
        raise ValueError("NEW is not known")"""
CODE = {
    "0.1.0": PRINT_EVENTS.format(FAIL_WITH_NEW, "0.1.0"),
    "0.2.0": PRINT_EVENTS.format("", "0.2.0"),
    "0.3.0": PRINT_EVENTS.format("", "0.3.0"),
}
ENVIRONMENT = {
    "0.1.0": {"LEVEL": "one", "EVENT_RULE": '{"pattern": 1}'},
    "0.2.0": {"LEVEL": "two", "EVENT_RULE": '{"pattern": 2}', "NEW": "yes"},
    "0.3.0": {"LEVEL": "three"},
}
KEPT = {"release": "0.1.0", "version": "1"}
ROLLED_BACK = [
    "create withdrawn release of function {}",
    "update configuration of function {}",
    "update code of function {}",
    "update release of function {}",
]
ROLLBACK_WRITES = [
    "CreateAlias",
    "UpdateFunctionConfiguration",
    "UpdateFunctionCode",
    "TagResource",
    "UpdateAlias",
    "DeleteAlias",
]
Deploy = Callable[..., dict[str, Any]]


@pytest.fixture
def deploy(cloud: Cloud, settings: SettingsFactory, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Return a function that deploys a release, whose name is that of its code if not given."""
    if cloud.name == "moto":  # it gives no URL that can be downloaded
        package = settings("x", CODE["0.1.0"]).package
        with open(package, "rb") as file:
            first = file.read()
        monkeypatch.setattr(Target, "download", lambda *_arguments: first)
    else:
        allow_writing_logs(cloud)

    def deploy_release(name: str, code: str, /, *, check_mode: bool = False, **given: Any) -> dict[str, Any]:
        common = {"environment": ENVIRONMENT[code], "secret_environment": {"TOKEN": f"{HUSH}-{code}"}}
        desired = settings(name, CODE[code], **{"release": code, **common, **given})
        return cloud.converge(LambdaFunction, desired, check_mode=check_mode)

    return deploy_release


def allow_writing_logs(cloud: Cloud) -> None:
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert cloud.role_arn
    cloud.client("iam").put_role_policy(RoleName="for-functions", PolicyName="logs", PolicyDocument=document)


def roll_back(cloud: Cloud, name: str, *, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return cloud.converge(
        lambda target, function: FunctionRollback(target, function, **given), name, check_mode=check_mode
    )


def info(cloud: Cloud, name: str) -> dict[str, Any]:
    """Return what release_info reports of the releases."""
    cloud.calls.clear()
    found = release_info(cloud.target(), name)
    assert not found["changed"]
    return {key: found[key] for key in ("release", "current", "previous", "withdrawn", "drifted")}


def versions(cloud: Cloud, name: str) -> list[str]:
    listed = cloud.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return [item["Version"] for item in listed][1:]


def invoke(cloud: Cloud, name: str) -> Any:
    return json.load(cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")["Payload"])


def check_rolled_back(cloud: Cloud, name: str) -> None:
    """Assert that the function equals version 1 and that nothing remains to be done."""
    found = info(cloud, name)
    assert (found["release"], found["current"], found["previous"], found["drifted"]) == ("0.1.0", KEPT, None, False)
    assert found["withdrawn"]
    functions = cloud.client("lambda")
    kept = functions.get_function_configuration(FunctionName=name, Qualifier="1")
    current = functions.get_function_configuration(FunctionName=name)
    other = {"Version", "FunctionArn", "RevisionId", "LastModified", "Description", "ResponseMetadata"}
    assert {key: value for key, value in current.items() if key not in other} == {
        key: value for key, value in kept.items() if key not in other
    }
    assert current["Description"] == ""
    assert invoke(cloud, name) == ["0.1.0", "one"]
    assert roll_back(cloud, name)["changes"] == []


@pytest.mark.backend("moto")
def test_release_is_kept_with_few_calls(cloud: Cloud, deploy: Deploy) -> None:
    first = deploy("x", "0.1.0")
    assert cloud.writes == ["CreateLogGroup", "CreateFunction", "PublishVersion", "CreateAlias"]
    assert first["function"]["tags"] == {
        "logreflector.aws/release": f"0.1.0 {first['function']['code_sha256']}",
        "managed-by": "logreflector.aws",
    }
    assert deploy("x", "0.1.0")["changes"] == []
    assert sorted(cloud.calls) == sorted(READS)
    assert deploy("x", "0.1.0", release="")["changes"] == []
    assert "ListAliases" not in cloud.calls
    checked = deploy("x", "0.2.0", check_mode=True)
    assert cloud.writes == []
    assert checked["diff"][-1]["after"] == {
        "tag": "0.2.0",
        "current": {"release": "0.2.0", "version": "the next"},
        "previous": KEPT,
        "withdrawn": None,
    }
    second = deploy("x", "0.2.0")
    assert second["changes"] == checked["changes"]
    update = ["UpdateFunctionConfiguration", "UpdateFunctionCode", "TagResource", "PublishVersion"]
    assert cloud.writes == [*update, "CreateAlias", "UpdateAlias"]
    third = deploy("x", "0.3.0", environment=ENVIRONMENT["0.2.0"])
    assert cloud.writes == [*update, "UpdateAlias", "UpdateAlias", "DeleteFunction"]
    assert versions(cloud, "x") == ["2", "3"]
    assert HUSH not in str([first, checked, second, third])


def test_release_tag_is_kept_with_other_tags(cloud: Cloud, deploy: Deploy) -> None:
    name = "tagged-release"
    deploy(name, "0.1.0")
    tagged = deploy(name, "0.1.0", tags={"team": "a"})
    assert cloud.writes == ["TagResource"]
    assert tagged["function"]["tags"].keys() == {"team", "managed-by", "logreflector.aws/release"}
    with pytest.raises(InvalidInputError, match=r"'logreflector.aws/release' is set by the option release"):
        deploy(name, "0.1.0", tags={"logreflector.aws/release": "9"})


@pytest.mark.parametrize("release", ["a b", "x" * 65])
@pytest.mark.backend("moto")
def test_release_name_invalid_is_refused_before_the_first_call(cloud: Cloud, deploy: Deploy, release: str) -> None:
    with pytest.raises(InvalidInputError, match="option release"):
        deploy("x", "0.1.0", release=release)
    assert cloud.calls == []


def test_rollback_restores_configuration_before_code(cloud: Cloud, deploy: Deploy) -> None:
    name = "back"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    checked = roll_back(cloud, name, check_mode=True)
    assert cloud.calls == ["GetFunction", "ListAliases", "GetFunction", "GetFunction"]
    done = roll_back(cloud, name, variables=["EVENT_RULE", "NONE"])
    assert cloud.writes == ROLLBACK_WRITES
    assert done["changes"] == checked["changes"] == [line.format(name) for line in ROLLED_BACK]
    assert done["diff"] == checked["diff"]
    assert (done["variables"], checked["variables"]) == ({"EVENT_RULE": '{"pattern": 1}'}, {})
    assert checked["restored"] == done["restored"] == KEPT
    withdrawn = {"release": "0.2.0", "version": "2"}
    assert done["releases"] == {"current": KEPT, "previous": None, "withdrawn": withdrawn}
    found = cloud.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert found == {**ENVIRONMENT["0.1.0"], "TOKEN": f"{HUSH}-0.1.0"}
    assert roll_back(cloud, name)["changes"] == []
    assert cloud.writes == []
    assert HUSH not in str([checked, done])


@pytest.mark.backend("embedded")
def test_releases_are_deployed_rolled_back_and_deployed_again(cloud: Cloud, deploy: Deploy) -> None:
    name = "several-releases"
    assert release_info(cloud.target(), name)["exists"] is False
    first = deploy(name, "0.1.0")
    assert first["changes"][-1] == f"create release of function {name}"
    assert deploy(name, "0.1.0")["changes"] == []
    first_only = {"release": "0.1.0", "current": KEPT, "previous": None, "withdrawn": None, "drifted": False}
    assert info(cloud, name) == first_only
    with pytest.raises(RefusedError, match=r"no release before 0\.1\.0 is kept\. Deploy a release instead"):
        roll_back(cloud, name)
    second = deploy(name, "0.2.0")
    assert second["diff"][-1]["after"]["previous"] == KEPT
    assert (info(cloud, name)["current"], info(cloud, name)["previous"]) == ({"release": "0.2.0", "version": "2"}, KEPT)
    roll_back(cloud, name, check_mode=True)
    assert invoke(cloud, name) == ["0.2.0", "two"]
    done = roll_back(cloud, name)
    assert done["diff"][1]["before"]["environment"]["TOKEN"] == "(hidden)"
    assert done["diff"][1]["after"]["environment"]["TOKEN"] == "(hidden, changed)"
    check_rolled_back(cloud, name)
    assert info(cloud, name)["withdrawn"] == {"release": "0.2.0", "version": "2"}
    assert deploy(name, "0.1.0")["changes"] == []
    assert deploy(name, "0.2.0")["changes"]
    again = {"release": "0.2.0", "version": "3"}
    assert info(cloud, name) == {**first_only, "release": "0.2.0", "current": again, "previous": KEPT}
    assert versions(cloud, name) == ["1", "3"]
    assert HUSH not in str([first, second, done])
    cloud.converge(FunctionRemoval, name)
    with pytest.raises(NotFoundError, match="it does not exist"):
        roll_back(cloud, name)


@pytest.mark.backend("embedded")
def test_release_with_a_new_name_alone_can_be_rolled_back(cloud: Cloud, deploy: Deploy) -> None:
    """Functions that are deployed together go back together, even if only one of them changed."""
    name = "renamed"
    deploy(name, "0.1.0")
    assert deploy(name, "0.1.0", release="0.1.1")["changes"] == [f"update release of function {name}"]
    assert versions(cloud, name) == ["1"]
    done = roll_back(cloud, name)
    assert done["changes"] == [f"create withdrawn release of function {name}", f"update release of function {name}"]
    check_rolled_back(cloud, name)


def subscribe(cloud: Cloud, name: str, group: str) -> None:
    """Let a new log group with the stream "s" deliver to the function."""
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    functions.add_permission(
        FunctionName=name, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=arn)


@pytest.mark.backend("embedded")
def test_rollback_fails_no_delivery(cloud: Cloud, deploy: Deploy) -> None:
    name, group = "under-load", "/app/under-load"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    subscribe(cloud, name, group)
    written, answers = [], []

    def write(ended: threading.Event) -> None:
        while not ended.wait(0.1):
            message = f"line {len(written)}"
            event = {"timestamp": int(time.time() * 1000), "message": message}
            logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
            written.append(message)

    def call(ended: threading.Event) -> None:
        while not ended.is_set():
            answer = functions.invoke(FunctionName=name, Payload=b"{}")
            answers.append(answer["Payload"].read() if "FunctionError" in answer else None)

    def messages(start: str) -> set[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        found = (item["message"].strip() for page in pages for item in page["events"])
        return {message for message in found if message.startswith(start)}

    def wait_for_more(number: int) -> None:
        enough, deadline = (len(answers) + number, len(written) + number), time.monotonic() + 120
        while not (len(answers) >= enough[0] and len(written) >= enough[1]) and time.monotonic() < deadline:
            time.sleep(0.05)

    with in_background(write, call):
        wait_for_more(5)
        roll_back(cloud, name)
        wait_for_more(5)
    deadline = time.monotonic() + 60
    expected = {f"got {message}" for message in written}
    while (missing := expected - messages("got ")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not missing, answers
    assert set(answers) == {None}
    assert min(len(answers), len(expected)) >= 10
    assert not messages("failed")
    check_rolled_back(cloud, name)


@pytest.mark.parametrize("operation", ROLLBACK_WRITES)
@pytest.mark.backend("embedded")
def test_rollback_interrupted_at_a_write_is_continued(cloud: Cloud, deploy: Deploy, operation: str) -> None:
    name = f"interrupted-{operation}"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    cloud.answer(operation, "AccessDeniedException: denied")
    with pytest.raises(AccessDeniedError) as failed:
        roll_back(cloud, name)
    continued = roll_back(cloud, name)
    assert continued["changed"]
    assert len(failed.value.done["changes"]) + len(continued["changes"]) == len(ROLLED_BACK)
    check_rolled_back(cloud, name)
    assert info(cloud, name)["withdrawn"]["release"] == "0.2.0"


@pytest.mark.parametrize(
    "operation",
    [
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "TagResource",
        "PublishVersion",
        "CreateAlias",
        "DeleteAlias",
        "UpdateAlias",
    ],
)
@pytest.mark.backend("embedded")
def test_deployment_interrupted_at_a_write_is_rolled_back_or_continued(
    cloud: Cloud, deploy: Deploy, operation: str
) -> None:
    name = f"deploy-{operation}"
    deploy(name, "0.1.0")
    # The alias of a withdrawn release is deleted. A failed first write leaves nothing to roll back from.
    if operation in ("DeleteAlias", "UpdateFunctionConfiguration"):
        deploy(name, "0.2.0")
        roll_back(cloud, name)
    cloud.answer(operation, "AccessDeniedException: denied")
    with pytest.raises(AccessDeniedError):
        deploy(name, "0.2.0")
    assert info(cloud, name)["current"] == KEPT
    roll_back(cloud, name)
    check_rolled_back(cloud, name)

    cloud.answer(operation, "AccessDeniedException: denied")
    with pytest.raises(AccessDeniedError):
        deploy(name, "0.2.0")
    deploy(name, "0.2.0")
    found = info(cloud, name)
    assert found["current"]["release"] == found["release"] == "0.2.0"
    assert (found["previous"], found["withdrawn"], found["drifted"]) == (KEPT, None, False)
    assert deploy(name, "0.2.0")["changes"] == []
    assert versions(cloud, name) == ["1", found["current"]["version"]]
    roll_back(cloud, name)
    check_rolled_back(cloud, name)


@pytest.mark.backend("embedded")
def test_rollback_restores_manual_changes(cloud: Cloud, deploy: Deploy) -> None:
    name = "drifted"
    deploy(name, "0.2.0")
    deploy(name, "0.1.0")
    functions = cloud.client("lambda")
    access_point = cloud.arn("elasticfilesystem", "access-point/fsap-00000000000000000")
    functions.update_function_configuration(
        FunctionName=name,
        DeadLetterConfig={"TargetArn": ""},
        FileSystemConfigs=[{"Arn": access_point, "LocalMountPath": "/mnt/x"}],
        SnapStart={"ApplyOn": "PublishedVersions"},
        MemorySize=512,
        TracingConfig={"Mode": "Active"},
        LoggingConfig={"LogFormat": "JSON"},
        EphemeralStorage={"Size": 512},
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert info(cloud, name)["drifted"] is True
    done = roll_back(cloud, name)
    assert done["changes"][:2] == [
        f"create withdrawn release of function {name}",
        f"update configuration of function {name}",
    ]
    found = info(cloud, name)
    assert (found["current"], found["drifted"]) == ({"release": "0.1.0", "version": "2"}, False)
    assert found["withdrawn"] == {"release": "0.1.0", "version": "2", "unfinished": True}
    assert invoke(cloud, name) == ["0.1.0", "one"]


@pytest.mark.backend("embedded")
def test_release_leaves_foreign_aliases_and_versions_alone(cloud: Cloud, deploy: Deploy) -> None:
    name = "with-foreign"
    deploy(name, "0.1.0")
    functions = cloud.client("lambda")
    deploy(name, "0.2.0", release="")
    foreign = functions.publish_version(FunctionName=name, Description="foreign")["Version"]
    functions.create_alias(FunctionName=name, Name="foreign", FunctionVersion="1")
    for release in ("0.2.0", "0.1.0", "0.2.0"):
        deploy(name, release)
    assert {"1", foreign} <= set(versions(cloud, name))
    assert functions.get_alias(FunctionName=name, Name="foreign")["FunctionVersion"] == "1"

    functions.update_alias(FunctionName=name, Name="log-reflector-previous", Description="mine now")
    for run in (lambda: deploy(name, "0.1.0"), lambda: roll_back(cloud, name)):
        with pytest.raises(RefusedError, match="its alias log-reflector-previous was not written by this collection"):
            run()
    assert info(cloud, name)["previous"] is None
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    functions.untag_resource(Resource=arn, TagKeys=["managed-by"])
    with pytest.raises(RefusedError, match="does not have the tag managed-by"):
        roll_back(cloud, name)


@pytest.mark.backend("embedded")
def test_rollback_whose_download_fails_changes_nothing(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "no-download"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    # botocore's clients have a reference of their own to this function, so only the download uses the closed port.
    monkeypatch.setattr(botocore.utils, "get_environ_proxies", lambda _url: {"http": "http://127.0.0.1:9"})
    with pytest.raises(DownloadError, match=r"This machine must reach http://127\.0\.0\.1:") as failed:
        roll_back(cloud, name, wait_seconds=1)
    assert "X-Amz-Signature" not in str(failed.value)
    assert cloud.writes == []
    found = info(cloud, name)
    assert (found["withdrawn"], found["drifted"]) == (None, False)


def test_rollback_does_not_upload_another_code(cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "other-code"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    monkeypatch.setattr(Target, "download", lambda *_arguments: b"something else")
    with pytest.raises(
        AwsError, match=f"download the code of version 1 of function {name} .*the hash of the download is"
    ):
        roll_back(cloud, name)
    assert cloud.writes == []


def test_rollback_retries_a_download(cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "download-again"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    answers, original = [503, 503, 200], Target.download

    def download(target: Target, url: str, operation: str) -> bytes:
        status = answers.pop(0)
        if status != 200:
            raise DownloadError(operation, f"HTTP status {status}")
        return original(target, url, operation)

    monkeypatch.setattr(Target, "download", download)
    roll_back(cloud, name)
    assert answers == []


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ResourceConflictException", "ServiceException"])
def test_rollback_retries_transient_errors(cloud: Cloud, deploy: Deploy, code: str) -> None:
    name = f"transient-{code}"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    counts = {"UpdateFunctionCode": 3, "UpdateAlias": 7, "DeleteAlias": 7}
    for operation, number in counts.items():
        cloud.answer(operation, *[f"{code}: Rate exceeded"] * number)
    roll_back(cloud, name)
    for operation, number in counts.items():
        assert cloud.calls.count(operation) == number + 1
    assert info(cloud, name)["current"] == KEPT


def test_rollback_without_a_release_before_is_refused(cloud: Cloud, deploy: Deploy) -> None:
    name = "nothing-before"
    with pytest.raises(NotFoundError, match="it does not exist"):
        roll_back(cloud, name)
    deploy(name, "0.1.0", release="")
    with pytest.raises(RefusedError, match=f"Could not roll back function {name} in .*no release of it is kept"):
        roll_back(cloud, name)
    deploy(name, "0.1.0")
    with pytest.raises(RefusedError, match=r"no release before 0\.1\.0 is kept\. Deploy a release instead\."):
        roll_back(cloud, name)


def test_rollback_to_a_deleted_version_is_an_error(cloud: Cloud, deploy: Deploy) -> None:
    name = "version-deleted"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    functions = cloud.client("lambda")
    functions.delete_alias(FunctionName=name, Name="log-reflector-previous")
    functions.delete_function(FunctionName=name, Qualifier="1")
    cloud.answer("ListAliases", {"Aliases": aliases(cloud, name)})
    with pytest.raises(ReflectorError, match=r"version 1, which kept its release 0\.1\.0, does not exist any more"):
        roll_back(cloud, name)
    assert cloud.writes == []


def aliases(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    """Return the current alias, and the previous one as if it named version 1."""
    (current,) = cloud.client("lambda").list_aliases(FunctionName=name)["Aliases"]
    description = f"logreflector.aws 0.1.0 {'0' * 64}"
    previous = {"Name": "log-reflector-previous", "FunctionVersion": "1", "Description": description}
    return [current, previous]


def test_release_info_reports_the_running_release(cloud: Cloud, deploy: Deploy) -> None:
    name = "informed"
    absent = release_info(cloud.target(), name)
    assert absent["exists"] is False
    assert {absent[key] for key in ("ours", "release", "drifted", "current", "previous", "withdrawn")} == {None}
    deploy(name, "0.1.0")
    second = deploy(name, "0.2.0")
    cloud.calls.clear()
    found = release_info(cloud.target(), name)
    assert cloud.calls == ["GetFunction", "ListAliases"]
    assert {key: found[key] for key in ("exists", "ours", "release", "drifted", "runtime", "state", "failure")} == {
        "exists": True,
        "ours": True,
        "release": "0.2.0",
        "drifted": False,
        "runtime": "python3.13",
        "state": "Active",
        "failure": None,
    }
    assert found["code_sha256"] == second["function"]["code_sha256"]
    assert found["previous"] == KEPT
    assert HUSH not in str(found)
    functions = cloud.client("lambda")
    functions.update_function_configuration(FunctionName=name, MemorySize=256)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert info(cloud, name)["drifted"] is True
    assert cloud.calls == ["GetFunction", "ListAliases", "GetFunction"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (SimpleNamespace(status_code=403, content=b""), "https://bucket.example.com answers with HTTP status 403"),
        (EndpointConnectionError(endpoint_url="https://bucket.example.com/x?X-Amz-Signature=s3cret"), "EndpointConn"),
    ],
)
def test_download_error_has_no_signed_url(monkeypatch: pytest.MonkeyPatch, answer: Any, message: str) -> None:
    def send(_session: URLLib3Session, _request: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(URLLib3Session, "send", send)
    target = Target(boto3.Session("x", "x"), "eu-west-1")
    with pytest.raises(DownloadError) as caught:
        target.download("https://bucket.example.com/x?X-Amz-Signature=s3cret", "fetch it")
    assert message in str(caught.value)
    assert "This machine must reach https://bucket.example.com, where AWS stores it." in str(caught.value)
    assert "s3cret" not in str(caught.value)
