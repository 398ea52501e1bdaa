"""Conversations about releases: which calls keep one, roll it back and tell of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _retry
from ansible_collections.logreflector.aws.plugins.module_utils._errors import DownloadError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_package import archive, code_sha256
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.httpsession import URLLib3Session

HUSH = "hush-hush-token"
READS = ["GetFunction", "GetFunctionEventInvokeConfig", "ListAliases", "DescribeLogGroups"]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that would pass, passes at once; the pauses are kept."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    monkeypatch.setattr(_retry.RetryPolicy.__init__, "__defaults__", (60.0, 0.5, 8.0, found.append, lambda: sum(found)))
    return found


@pytest.fixture
def deploy(aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Deploys release 1, 2, ...; what is to be fetched is the package of the release before."""
    aws.client("iam").create_role(RoleName="for-x", AssumeRolePolicyDocument=json.dumps(TRUST))
    packages: dict[str, bytes] = {}

    def download(_target: Target, _url: str, _tried: str) -> bytes:
        return packages["1"]

    monkeypatch.setattr(Target, "download", download)

    def deployed(number: int, **options: Any) -> dict[str, Any]:
        data = archive({"handler.py": f"def handler(event, context):\n    return {number}\n".encode()})
        packages[str(number)] = data
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data)
        wanted = {
            "name": "x",
            "zip_file": str(path),
            "code_sha256": code_sha256(data),
            "role": "for-x",
            "handler": "handler.handler",
            "environment": {"LEVEL": str(number)},
            "secret_environment": {"TOKEN": f"{HUSH}-{number}"},
            "release": f"0.{number}.0",
            **options,
        }
        return aws.run("lambda_function", **wanted)

    return deployed


def test_a_release_is_kept_with_few_calls(aws, deploy) -> None:
    first = deploy(1)
    assert aws.writes == ["CreateLogGroup", "CreateFunction", "PublishVersion", "CreateAlias"]
    assert first["function"]["tags"] == {
        "logreflector.aws/release": f"0.1.0 {first['function']['code_sha256']}",
        "managed-by": "logreflector.aws",
    }
    assert deploy(1)["changes"] == []
    assert aws.calls == ["GetCallerIdentity", *READS]  # the first for the role's ARN
    assert deploy(1, release=None)["changes"] == []
    assert "ListAliases" not in aws.calls

    checked = aws.run("lambda_function", check_mode=True, name="x", description="two", release="0.2.0")
    assert aws.writes == []
    assert checked["changes"] == ["update configuration of function x", "update release of function x"]
    assert checked["diff"][-1]["after"] == {
        "tag": "0.2.0",
        "current": {"release": "0.2.0", "version": "the next"},
        "previous": {"release": "0.1.0", "version": "1"},
        "withdrawn": None,
    }
    second = deploy(2)
    assert aws.writes == [
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "TagResource",
        "PublishVersion",
        "CreateAlias",
        "UpdateAlias",
    ]
    third = deploy(3)
    assert aws.writes == [
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "TagResource",
        "PublishVersion",
        "UpdateAlias",
        "UpdateAlias",
        "DeleteFunction",
    ]
    listed = aws.client("lambda").list_versions_by_function(FunctionName="x")["Versions"]
    assert [item["Version"] for item in listed] == ["$LATEST", "2", "3"]
    assert HUSH not in str([first, checked, second, third])


def test_tags_that_are_set_leave_the_release_alone(aws, deploy) -> None:
    deploy(1)
    tagged = aws.run("lambda_function", name="x", tags={"team": "a"})
    assert aws.writes == ["TagResource"]
    assert tagged["function"]["tags"].keys() == {"team", "managed-by", "logreflector.aws/release"}
    refused = aws.run("lambda_function", name="x", tags={"logreflector.aws/release": "9"})
    assert "'logreflector.aws/release' is set by the option release" in refused["msg"]


def test_a_function_goes_back_configuration_first(aws, deploy) -> None:
    deploy(1)
    deploy(2)
    checked = aws.run("lambda_rollback", check_mode=True, function_name="x")
    assert aws.calls == ["GetFunction", "ListAliases", "GetFunction", "GetFunction"]
    done = aws.run("lambda_rollback", function_name="x", variables=["LEVEL", "NONE"])
    assert aws.writes == [
        "CreateAlias",
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "TagResource",
        "UpdateAlias",
        "DeleteAlias",
    ]
    assert done["changes"] == checked["changes"]
    assert done["diff"] == checked["diff"]
    assert done["variables"] == {"LEVEL": "1"}
    assert checked["variables"] == {}
    assert done["releases"] == {
        "current": {"release": "0.1.0", "version": "1"},
        "previous": None,
        "withdrawn": {"release": "0.2.0", "version": "2"},
    }
    configuration = aws.client("lambda").get_function_configuration(FunctionName="x")
    assert configuration["Environment"]["Variables"] == {"LEVEL": "1", "TOKEN": f"{HUSH}-1"}
    assert aws.run("lambda_rollback", function_name="x")["changes"] == []
    assert aws.writes == []
    assert HUSH not in str([checked, done])


def test_what_is_not_the_versions_code_is_not_uploaded(aws, deploy, monkeypatch) -> None:
    deploy(1)
    deploy(2)
    monkeypatch.setattr(Target, "download", lambda *_arguments: b"something else")
    failed = aws.run("lambda_rollback", function_name="x")
    assert aws.writes == []
    assert "Could not fetch the code of version 1 of function x" in failed["msg"]
    assert "the hash of what came is" in failed["msg"]


def test_a_download_is_tried_again(aws, deploy, monkeypatch, pauses) -> None:
    deploy(1)
    deploy(2)
    answers = [503, 503, 200]
    good = Target.download

    def download(target: Target, url: str, operation: str) -> bytes:
        status = answers.pop(0)
        if status != 200:
            raise DownloadError(operation, f"HTTP status {status}")
        return good(target, url, operation)

    monkeypatch.setattr(Target, "download", download)
    assert not aws.run("lambda_rollback", function_name="x").get("failed")
    assert answers == []
    assert len(pauses) >= 2


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ResourceConflictException", "ServiceException"])
def test_what_passes_is_waited_out(aws, deploy, monkeypatch, code: str) -> None:
    deploy(1)
    deploy(2)
    client = aws.client("lambda")
    left = {"UpdateFunctionCode": 3, "UpdateAlias": 7, "DeleteAlias": 7}
    original = client._make_api_call

    def call(api_operation: str, request: dict[str, Any]) -> Any:
        if left.get(api_operation, 0):
            left[api_operation] -= 1
            raise ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}}, api_operation)
        return original(api_operation, request)

    monkeypatch.setattr(client, "_make_api_call", call)
    monkeypatch.setattr(Target, "client", lambda _target, _service, **_settings: client)
    assert not aws.run("lambda_rollback", function_name="x").get("failed")
    assert set(left.values()) == {0}


def test_a_function_without_a_release_before_is_refused(aws, deploy) -> None:
    assert "it does not exist" in aws.run("lambda_rollback", function_name="x")["msg"]
    deploy(1, release=None)
    refused = aws.run("lambda_rollback", function_name="x")
    assert "Could not roll back function x in eu-west-1: no release of it is kept" in refused["msg"]
    deploy(1)
    refused = aws.run("lambda_rollback", function_name="x")
    assert "no release before 0.1.0 is kept. Deploy a release instead." in refused["msg"]
    assert refused["error"]["kind"] == "RefusedError"


def test_a_version_that_somebody_deleted_is_named(aws, deploy) -> None:
    deploy(1)
    deploy(2)
    lambda_ = aws.client("lambda")
    lambda_.delete_function(FunctionName="x", Qualifier="1")
    failed = aws.run("lambda_rollback", function_name="x")
    assert (
        "version 1, which kept its release 0.1.0, does not exist any more. Deploy a release instead." in failed["msg"]
    )
    assert aws.writes == []


def test_info_tells_what_runs(aws, deploy) -> None:
    absent = aws.run("lambda_function_info", function_name="x")
    assert absent["exists"] is False
    assert {absent[key] for key in ("ours", "release", "drifted", "current", "previous", "withdrawn")} == {None}
    deploy(1)
    second = deploy(2)
    found = aws.run("lambda_function_info", function_name="x")
    assert aws.calls == ["GetFunction", "ListAliases"]
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
    assert found["previous"] == {"release": "0.1.0", "version": "1"}
    aws.client("lambda").update_function_configuration(FunctionName="x", MemorySize=256)
    assert aws.run("lambda_function_info", function_name="x")["drifted"] is True
    assert aws.calls == ["GetFunction", "ListAliases", "GetFunction"]
    assert HUSH not in str(found)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (SimpleNamespace(status_code=403, content=b""), "https://bucket.example.com answers with HTTP status 403"),
        (EndpointConnectionError(endpoint_url="https://bucket.example.com/x?X-Amz-Signature=s3cret"), "EndpointConn"),
    ],
)
def test_a_signed_address_is_in_no_error(monkeypatch, answer: Any, message: str) -> None:
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
