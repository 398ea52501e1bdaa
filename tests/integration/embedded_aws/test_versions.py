# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import Place, document, zipped
from waits import wait_until


def source(number: int) -> str:
    return f"import os\ndef handler(event, context):\n    return [{number}, os.environ.get('LEVEL')]\n"


def published(place: Place, function: str, number: int) -> str:
    """Publish a version with this code and LEVEL, and return its number."""
    place.settled(function)
    place.lambda_.update_function_configuration(
        FunctionName=function, Environment={"Variables": {"LEVEL": str(number)}}
    )
    place.settled(function)
    place.lambda_.update_function_code(FunctionName=function, ZipFile=zipped(source(number)))
    place.settled(function)
    version: str = place.lambda_.publish_version(FunctionName=function, Description=f"the {number}")["Version"]
    return version


def test_published_version_keeps_its_code_and_configuration(place: Place) -> None:
    function = place.function(source(0)).split(":")[6]
    versions = [published(place, function, number) for number in (1, 2)]
    assert versions == ["1", "2"]
    for number, version in enumerate(versions, 1):
        answer = place.lambda_.get_function(FunctionName=function, Qualifier=version)
        configuration = answer["Configuration"]
        assert configuration["Environment"]["Variables"] == {"LEVEL": str(number)}
        assert configuration["Description"] == f"the {number}"
        with urllib.request.urlopen(answer["Code"]["Location"], timeout=10) as download:
            code = download.read()
        assert configuration["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
        invoked = place.lambda_.invoke(FunctionName=function, Qualifier=version)["Payload"].read()
        assert json.loads(invoked) == [number, str(number)]


def test_publish_version_unchanged_or_unexpected_code_creates_none(aws: RunningAws, place: Place) -> None:
    aws.configure(update_delay=3600)
    function = place.function(source(0)).split(":")[6]
    with pytest.raises(place.lambda_.exceptions.ResourceConflictException, match="An update is in progress"):
        place.lambda_.publish_version(FunctionName=function)
    aws.configure(update_delay=0.1)
    function = place.function(source(0)).split(":")[6]
    first = published(place, function, 1)
    assert place.lambda_.publish_version(FunctionName=function)["Version"] == first
    other = base64.b64encode(bytes(32)).decode()
    with pytest.raises(place.lambda_.exceptions.InvalidParameterValueException, match="is different from current"):
        place.lambda_.publish_version(FunctionName=function, CodeSha256=other)
    with pytest.raises(place.lambda_.exceptions.PreconditionFailedException):
        place.lambda_.publish_version(FunctionName=function, RevisionId="of yesterday")


def test_alias_needs_an_existing_version_and_protects_it(place: Place) -> None:
    function = place.function(source(0)).split(":")[6]
    first, second = (published(place, function, number) for number in (1, 2))
    where = {"FunctionName": function, "Name": "live"}
    with pytest.raises(place.lambda_.exceptions.ResourceNotFoundException):
        place.lambda_.create_alias(**where, FunctionVersion="99")
    place.lambda_.create_alias(**where, FunctionVersion=first, Description="kept")
    with pytest.raises(place.lambda_.exceptions.ResourceNotFoundException):
        place.lambda_.update_alias(**where, FunctionVersion="99")
    with pytest.raises(place.lambda_.exceptions.ResourceConflictException):
        place.lambda_.delete_function(FunctionName=function, Qualifier=first)
    place.lambda_.update_alias(**where, FunctionVersion=second)
    place.lambda_.delete_function(FunctionName=function, Qualifier=first)
    listed = place.lambda_.list_versions_by_function(FunctionName=function)["Versions"]
    assert [item["Version"] for item in listed] == ["$LATEST", second]
    alias = place.lambda_.list_aliases(FunctionName=function)["Aliases"]
    assert [(item["Name"], item["FunctionVersion"], item["Description"]) for item in alias] == [
        ("live", second, "kept")
    ]


def test_delete_function_deletes_versions_and_aliases(place: Place) -> None:
    function = place.function(source(0), FunctionName="with-versions").split(":")[6]
    published(place, function, 1)
    place.lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    place.lambda_.delete_function(FunctionName=function)
    place.function(source(0), FunctionName="with-versions")
    assert place.lambda_.list_aliases(FunctionName=function)["Aliases"] == []
    versions = place.lambda_.list_versions_by_function(FunctionName=function)["Versions"]
    assert [item["Version"] for item in versions] == ["$LATEST"]


@pytest.mark.parametrize("action", ["PublishVersion", "CreateAlias", "UpdateAlias", "DeleteAlias", "ListAliases"])
def test_version_and_alias_calls_need_their_own_permissions(aws: RunningAws, place: Place, action: str) -> None:
    function = place.function(source(0)).split(":")[6]
    place.settled(function)
    lambda_ = aws.deployer_session(place.account, place.region).client("lambda")
    alias = {"FunctionName": function, "Name": "live"}
    calls = {
        "PublishVersion": lambda: lambda_.publish_version(FunctionName=function),
        "CreateAlias": lambda: lambda_.create_alias(**alias, FunctionVersion="1"),
        "UpdateAlias": lambda: lambda_.update_alias(**alias, FunctionVersion="1"),
        "DeleteAlias": lambda: lambda_.delete_alias(**alias),
        "ListAliases": lambda: lambda_.list_aliases(FunctionName=function),
    }
    deny = {"Effect": "Deny", "Action": f"lambda:{action}", "Resource": "*"}
    place.iam.put_role_policy(RoleName=aws.state.deployer_role, PolicyName="no", PolicyDocument=document(deny))
    try:
        for name, call in calls.items():
            if name == action:
                with pytest.raises(ClientError, match=f"not authorized to perform: lambda:{action}"):
                    call()
                break
            call()
    finally:
        place.iam.delete_role_policy(RoleName=aws.state.deployer_role, PolicyName="no")


def test_update_lets_a_running_invocation_end(place: Place, tmp_path: Path) -> None:
    began, may_end = tmp_path / "began", tmp_path / "may-end"
    slow = f"""
import pathlib, time
def handler(event, context):
    pathlib.Path({str(began)!r}).touch()
    while not pathlib.Path({str(may_end)!r}).exists():
        time.sleep(0.02)
    return 'done'
"""
    function = place.function(slow, Timeout=600).split(":")[6]
    place.settled(function)
    with ThreadPoolExecutor() as pool:
        try:
            answer = pool.submit(place.lambda_.invoke, FunctionName=function)
            wait_until(began.exists, "the beginning of the slow invocation", seen=answer.done)
            place.lambda_.update_function_code(FunctionName=function, ZipFile=zipped(source(2)))
            assert json.loads(place.lambda_.invoke(FunctionName=function)["Payload"].read()) == [2, None]
            assert not answer.done()
        finally:
            may_end.touch()
        assert json.loads(answer.result()["Payload"].read()) == "done"
    assert json.loads(place.lambda_.invoke(FunctionName=function)["Payload"].read()) == [2, None]
