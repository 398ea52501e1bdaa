"""Releases on the embedded AWS: kept, rolled back under load, cut short at every write, taken up again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.utils
import botocore.waiter
import pytest
from conftest import ACCOUNT, Cloud
from embedded_aws import Configuration, EmbeddedAws, Organization

HUSH = "hush-hush-token"
# Release 2 works with the environment of release 1; release 1 does not with that of release 2.
CODE = {
    "0.1.0": """
import base64, gzip, json, os
def handler(event, context):
    if "NEW" in os.environ:
        print("failed")
        raise ValueError("what is NEW?")
    if "awslogs" in event:
        for item in json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))["logEvents"]:
            print("got " + item["message"])
    return ["0.1.0", os.environ["LEVEL"]]
""",
    "0.2.0": """
import base64, gzip, json, os
def handler(event, context):
    if "awslogs" in event:
        for item in json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))["logEvents"]:
            print("got " + item["message"])
    return ["0.2.0", os.environ["LEVEL"]]
""",
}
ENVIRONMENT = {
    "0.1.0": {"LEVEL": "one", "EVENT_RULE": '{"pattern": 1}'},
    "0.2.0": {"LEVEL": "two", "EVENT_RULE": '{"pattern": 2}', "NEW": "yes"},
}
KEPT = {"release": "0.1.0", "version": "1"}
ROLLED_BACK = [
    "create withdrawn release of function {}",
    "update configuration of function {}",
    "update code of function {}",
    "update release of function {}",
]


@pytest.fixture(scope="module")
def aws() -> Iterator[Any]:
    with EmbeddedAws(Configuration(organization=Organization(management=ACCOUNT, members=()))) as running:
        yield running


@pytest.fixture(scope="module")
def cloud(aws: Any) -> Cloud:
    found = Cloud("embedded", aws.endpoint_url, ACCOUNT)
    statement = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "*",
    }
    found.client("iam").put_role_policy(
        RoleName="for-functions",
        PolicyName="logs",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    return found


@pytest.fixture(autouse=True)
def short_waits(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Between two looks at an update, which takes half a second here."""
    monkeypatch.setattr(botocore.waiter, "time", SimpleNamespace(sleep=lambda _seconds: time.sleep(0.1)))
    yield
    aws.front.clear_faults()


@pytest.fixture
def deploy(cloud: Cloud, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def deployed(name: str, code: str, **options: Any) -> dict[str, Any]:
        source = tmp_path / f"{code}.py"
        source.write_text(CODE[code])
        built = cloud.run(
            "lambda_package",
            dest=str(tmp_path / f"{code}.zip"),
            sources=[{"src": str(source), "dest": "handler.py"}],
        )
        wanted = {
            "name": name,
            "release": code,
            "zip_file": built["path"],
            "code_sha256": built["code_sha256"],
            "role": "for-functions",
            "handler": "handler.handler",
            "timeout": 20,
            "environment": ENVIRONMENT[code],
            "secret_environment": {"TOKEN": f"{HUSH}-{code}"},
            **options,
        }
        return cloud.run("lambda_function", **wanted)

    return deployed


def info(cloud: Cloud, name: str) -> dict[str, Any]:
    found = cloud.run("lambda_function_info", function_name=name)
    assert not found.get("failed"), found["msg"]
    assert not found["changed"]
    return {key: found[key] for key in ("release", "current", "previous", "withdrawn", "drifted")}


def versions(cloud: Cloud, name: str) -> list[str]:
    listed = cloud.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return [item["Version"] for item in listed][1:]


def runs(cloud: Cloud, name: str) -> Any:
    return json.load(cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")["Payload"])


def is_rolled_back(cloud: Cloud, name: str) -> None:
    found = info(cloud, name)
    assert (found["release"], found["current"], found["previous"], found["drifted"]) == ("0.1.0", KEPT, None, False)
    assert found["withdrawn"]
    functions = cloud.client("lambda")
    kept = functions.get_function_configuration(FunctionName=name, Qualifier="1")
    now = functions.get_function_configuration(FunctionName=name)
    other = {"Version", "FunctionArn", "RevisionId", "LastModified", "Description", "ResponseMetadata"}
    assert {key: value for key, value in now.items() if key not in other} == {
        key: value for key, value in kept.items() if key not in other
    }
    assert now["Description"] == ""
    assert runs(cloud, name) == ["0.1.0", "one"]
    assert cloud.run("lambda_rollback", function_name=name)["changes"] == []


def test_the_rhythm(cloud: Cloud, deploy: Any) -> None:
    name = "rhythm-of-releases"
    checked = cloud.run("lambda_function_info", function_name=name)
    assert checked["exists"] is False
    first = deploy(name, "0.1.0")
    assert first["changes"][-1] == f"create release of function {name}"
    assert deploy(name, "0.1.0")["changes"] == []
    now = {"release": "0.1.0", "current": KEPT, "previous": None, "withdrawn": None, "drifted": False}
    assert info(cloud, name) == now
    refused = cloud.run("lambda_rollback", function_name=name)
    assert "no release before 0.1.0 is kept. Deploy a release instead." in refused["msg"]

    second = deploy(name, "0.2.0")
    assert second["changes"][-1] == f"update release of function {name}"
    assert second["diff"][-1]["after"]["previous"] == KEPT
    assert info(cloud, name)["current"] == {"release": "0.2.0", "version": "2"}
    assert info(cloud, name)["previous"] == KEPT

    asked = {"function_name": name, "variables": ["EVENT_RULE", "NONE"]}
    checked = cloud.run("lambda_rollback", check_mode=True, **asked)
    assert runs(cloud, name) == ["0.2.0", "two"]
    done = cloud.run("lambda_rollback", **asked)
    assert done["changes"] == checked["changes"] == [line.format(name) for line in ROLLED_BACK]
    assert done["diff"] == checked["diff"]
    assert done["diff"][1]["before"]["environment"]["TOKEN"] == "(hidden)"
    assert done["diff"][1]["after"]["environment"]["TOKEN"] == "(hidden, changed)"
    assert checked["variables"] == done["variables"] == {"EVENT_RULE": '{"pattern": 1}'}
    assert checked["restored"] == done["restored"] == KEPT
    is_rolled_back(cloud, name)
    assert info(cloud, name)["withdrawn"] == {"release": "0.2.0", "version": "2"}
    assert deploy(name, "0.1.0")["changes"] == []

    assert deploy(name, "0.2.0")["changes"]
    assert info(cloud, name) == {
        "release": "0.2.0",
        "current": {"release": "0.2.0", "version": "3"},
        "previous": KEPT,
        "withdrawn": None,
        "drifted": False,
    }
    assert versions(cloud, name) == ["1", "3"]
    assert HUSH not in str([first, second, checked, done, refused])
    assert cloud.run("lambda_function", name=name, state="absent", delete_log_group=True)["changed"]
    assert cloud.run("lambda_rollback", function_name=name)["error"]["kind"] == "NotFoundError"


def test_a_new_name_alone_is_a_release_too(cloud: Cloud, deploy: Any) -> None:
    """Two functions that are deployed together go back together, also if only one of them was changed."""
    name = "renamed"
    deploy(name, "0.1.0")
    renamed = deploy(name, "0.1.0", release="0.1.1")
    assert renamed["changes"] == [f"update release of function {name}"]
    assert versions(cloud, name) == ["1"]
    done = cloud.run("lambda_rollback", function_name=name)
    assert done["changes"] == [f"create withdrawn release of function {name}", f"update release of function {name}"]
    is_rolled_back(cloud, name)


def test_no_delivery_fails_during_a_rollback(cloud: Cloud, deploy: Any) -> None:
    name, group = "under-load", "/app/under-load"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    functions.add_permission(
        FunctionName=name, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=arn)
    stop, written, answers = threading.Event(), [], []

    def write() -> None:
        while not stop.is_set():
            message = f"line {len(written)}"
            event = {"timestamp": int(time.time() * 1000), "message": message}
            logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
            written.append(message)
            time.sleep(0.1)

    def invoke() -> None:
        while not stop.is_set():
            answer = functions.invoke(FunctionName=name, Payload=b"{}")
            answers.append(answer["Payload"].read() if "FunctionError" in answer else None)

    def got(start: str) -> set[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        return {
            item["message"].strip() for page in pages for item in page["events"] if item["message"].startswith(start)
        }

    threads = [threading.Thread(target=target) for target in (write, invoke)]
    for thread in threads:
        thread.start()

    def more(number: int) -> None:
        enough, deadline = (len(answers) + number, len(written) + number), time.monotonic() + 60
        while not (len(answers) >= enough[0] and len(written) >= enough[1]) and time.monotonic() < deadline:
            time.sleep(0.05)

    more(5)
    done = cloud.run("lambda_rollback", function_name=name)
    more(5)
    stop.set()
    for thread in threads:
        thread.join()
    assert not done.get("failed"), done["msg"]
    deadline = time.monotonic() + 20
    expected = {f"got {message}" for message in written}
    while (missing := expected - got("got ")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not missing, answers
    assert set(answers) == {None}
    assert len(answers) > 10
    assert len(expected) > 10
    assert not got("failed")
    is_rolled_back(cloud, name)


def test_a_rollback_cut_short_anywhere_is_taken_up(aws: Any, cloud: Cloud, deploy: Any) -> None:
    name = "cut-short"
    deploy(name, "0.1.0")
    for operation in (
        "CreateAlias",
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "TagResource",
        "UpdateAlias",
        "DeleteAlias",
    ):
        assert deploy(name, "0.2.0")["changed"]
        aws.front.deny(operation, times=1)
        failed = cloud.run("lambda_rollback", function_name=name)
        assert failed["error"]["kind"] == "AccessDeniedError", (operation, failed)
        taken_up = cloud.run("lambda_rollback", function_name=name)
        assert taken_up["changed"], operation
        assert len(failed["changes"]) + len(taken_up["changes"]) == len(ROLLED_BACK), operation
        is_rolled_back(cloud, name)
        assert info(cloud, name)["withdrawn"]["release"] == "0.2.0"


def test_a_deploy_cut_short_anywhere_is_taken_up_or_rolled_back(aws: Any, cloud: Cloud, deploy: Any) -> None:
    name = "cut-deploy"
    deploy(name, "0.1.0")
    for operation, service in (
        ("UpdateFunctionCode", None),
        ("UpdateFunctionConfiguration", None),
        ("TagResource", None),
        ("PublishVersion", None),
        ("CreateAlias", None),
        ("DeleteAlias", None),
        ("UpdateAlias", None),
    ):
        for again in ("lambda_rollback", "lambda_function"):
            aws.front.deny(operation, service=service, times=1)
            failed = deploy(name, "0.2.0")
            aws.front.clear_faults()
            if not failed.get("failed"):
                assert operation == "DeleteAlias", failed  # nothing was withdrawn before
            if again == "lambda_function" or not failed.get("failed"):
                assert not deploy(name, "0.2.0").get("failed")
                found = info(cloud, name)
                assert found["current"]["release"] == found["release"] == "0.2.0"
                assert (found["previous"], found["withdrawn"], found["drifted"]) == (KEPT, None, False)
                assert deploy(name, "0.2.0")["changes"] == []
                assert versions(cloud, name) == ["1", found["current"]["version"]]
            else:
                assert info(cloud, name)["current"] == KEPT
            done = cloud.run("lambda_rollback", function_name=name)
            assert not done.get("failed"), (operation, done)
            is_rolled_back(cloud, name)


def test_what_somebody_changed_is_known_and_goes_back_to_the_current_release(cloud: Cloud, deploy: Any) -> None:
    name = "drifted"
    deploy(name, "0.2.0")
    deploy(name, "0.1.0")
    functions = cloud.client("lambda")
    functions.update_function_configuration(
        FunctionName=name,
        DeadLetterConfig={"TargetArn": ""},
        FileSystemConfigs=[
            {
                "Arn": f"arn:aws:elasticfilesystem:eu-west-1:{ACCOUNT}:access-point/fsap-00000000000000000",
                "LocalMountPath": "/mnt/x",
            }
        ],
        SnapStart={"ApplyOn": "PublishedVersions"},
        MemorySize=512,
        TracingConfig={"Mode": "Active"},
        LoggingConfig={"LogFormat": "JSON"},
        EphemeralStorage={"Size": 512},
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert info(cloud, name)["drifted"] is True
    done = cloud.run("lambda_rollback", function_name=name)
    assert done["changes"][:2] == [
        f"create withdrawn release of function {name}",
        f"update configuration of function {name}",
    ]
    found = info(cloud, name)
    assert (found["current"], found["drifted"]) == ({"release": "0.1.0", "version": "2"}, False)
    assert found["withdrawn"] == {"release": "0.1.0", "version": "2", "unfinished": True}
    assert runs(cloud, name) == ["0.1.0", "one"]


def test_foreign_functions_aliases_and_versions_are_left_alone(cloud: Cloud, deploy: Any) -> None:
    name = "with-strangers"
    deploy(name, "0.1.0")
    functions = cloud.client("lambda")
    deploy(name, "0.2.0", release=None)
    theirs = functions.publish_version(FunctionName=name, Description="theirs")["Version"]
    functions.create_alias(FunctionName=name, Name="theirs", FunctionVersion="1")
    for release in ("0.2.0", "0.1.0", "0.2.0"):
        deploy(name, release)
    assert {"1", theirs} <= set(versions(cloud, name))
    assert functions.get_alias(FunctionName=name, Name="theirs")["FunctionVersion"] == "1"

    functions.update_alias(FunctionName=name, Name="log-reflector-previous", Description="mine now")
    for result in (deploy(name, "0.1.0"), cloud.run("lambda_rollback", function_name=name)):
        assert result["error"]["kind"] == "RefusedError"
        assert "its alias log-reflector-previous was not written by this collection" in result["msg"]
    assert info(cloud, name)["previous"] is None

    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    functions.untag_resource(Resource=arn, TagKeys=["managed-by"])
    refused = cloud.run("lambda_rollback", function_name=name)
    assert refused["error"]["kind"] == "RefusedError"
    assert "does not have the tag managed-by" in refused["msg"]


def test_a_rollback_whose_code_cannot_be_fetched_changes_nothing(
    cloud: Cloud, deploy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "unfetched"
    deploy(name, "0.1.0")
    deploy(name, "0.2.0")
    # botocore's clients hold a name of their own for it: only the download goes there, where nobody listens.
    monkeypatch.setattr(botocore.utils, "get_environ_proxies", lambda _url: {"http": "http://127.0.0.1:9"})
    failed = cloud.run("lambda_rollback", function_name=name, wait_timeout=3)
    assert failed["error"]["kind"] == "DownloadError", failed
    assert "This machine must reach http://127.0.0.1:" in failed["msg"]
    assert "X-Amz-Signature" not in failed["msg"]
    assert failed["changed"] is False
    found = info(cloud, name)
    assert (found["withdrawn"], found["drifted"]) == (None, False)
