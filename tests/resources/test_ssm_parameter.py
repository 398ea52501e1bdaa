# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SsmParameter: its tier, its versions, answers that lag, and a value that no result shows."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    InvalidInputError,
    OutdatedError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ssm_parameter import (
    ParameterSettings,
    SsmParameter,
)
from aws_in_tests import OWNER, OWNER_LIST, Cloud

NAME = "/rules"
RULES = json.dumps(
    {"routes": [{"log_groups": ["*"], "redact": ["email", {"pattern": r"\d{4}\"'ü€", "replacement": ""}]}]}
)
READS = ["GetParameter", "DescribeParameters"]
NOT_FOUND = "ParameterNotFound: there is none"
TAKEN = "ParameterAlreadyExists: taken"


def parameter(**settings: Any) -> ParameterSettings:
    return ParameterSettings(**{"name": NAME, "value": RULES, **settings})


def run(cloud: Cloud, *, check_mode: bool = False, **settings: Any) -> dict[str, Any]:
    return cloud.converge(SsmParameter, parameter(**settings), check_mode=check_mode)


def change(cloud: Cloud, **settings: Any) -> dict[str, Any]:
    return cloud.converge_and_repeat(SsmParameter, parameter(**settings))


def value(cloud: Cloud, name: str = NAME) -> str:
    return str(cloud.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def about(cloud: Cloud, name: str = NAME) -> dict[str, Any]:
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    (found,) = cloud.client("ssm").describe_parameters(ParameterFilters=filters)["Parameters"]
    return dict(found)


def tags(cloud: Cloud, name: str = NAME) -> dict[str, str]:
    listed = cloud.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    return {item["Key"]: item["Value"] for item in listed}


def test_parameter_life_cycle(cloud: Cloud) -> None:
    assert run(cloud, check_mode=True)["reference"] == f"ssm:{NAME}:1"
    assert cloud.calls == ["GetParameter"]
    created = change(cloud, description="rules", tags={"a": "1"})
    assert (created["changes"], cloud.writes) == ([f"create parameter {NAME}"], ["PutParameter"])
    found = {"name": NAME, "arn": cloud.arn("ssm", f"parameter{NAME}"), "type": "SecureString", "tier": "Standard"}
    assert created["parameter"] == {**found, "version": 1, "size": len(RULES.encode())}
    assert (created["reference"], value(cloud), about(cloud)["Description"]) == (f"ssm:{NAME}:1", RULES, "rules")
    assert tags(cloud) == {"a": "1", **OWNER}

    assert not run(cloud, description="rules")["changed"]
    assert cloud.calls == READS

    planned = run(cloud, value="x" * 4097, description="rules", check_mode=True)
    assert (planned["parameter"]["version"], planned["reference"]) == (1, f"ssm:{NAME}:2")
    changed = change(cloud, value="x" * 4097, description="rules", tags={"b": "2"})
    assert cloud.calls == [
        *READS,
        "ListTagsForResource",
        "AddTagsToResource",
        "PutParameter",
        *READS,
        "ListTagsForResource",
    ]
    assert changed["parameter"] == {**found, "tier": "Advanced", "version": 2, "size": 4097}
    assert changed["reference"] == f"ssm:{NAME}:2"
    assert (value(cloud), tags(cloud)) == ("x" * 4097, {"a": "1", "b": "2", **OWNER})

    shorter = change(cloud, value=RULES, description="")
    assert (shorter["parameter"]["version"], shorter["parameter"]["tier"]) == (3, "Advanced"), "there is no way back"
    assert (value(cloud), about(cloud).get("Description") or "") == (RULES, "")

    retagged = change(cloud, tags={"c": "3"})
    assert (cloud.writes, retagged["reference"]) == (["AddTagsToResource"], f"ssm:{NAME}:3")

    planned = run(cloud, present=False, check_mode=True)
    assert (planned["parameter"]["size"], planned["reference"]) == (None, None)
    gone = change(cloud, present=False)
    assert (gone["parameter"], gone["reference"], cloud.writes) == (None, None, ["DeleteParameter"])
    run(cloud, present=False)
    assert cloud.calls == ["GetParameter"]


def test_parameter_update_keeps_what_others_set(cloud: Cloud) -> None:
    """PutParameter replaces the whole parameter."""
    kept = {"AllowedPattern": ".*", "KeyId": "alias/k"}
    cloud.client("ssm").put_parameter(
        Name="/kept", Value="x", Type="SecureString", Tier="Advanced", Tags=OWNER_LIST, **kept
    )
    assert not run(cloud, name="/kept", value="x")["changed"]
    change(cloud, name="/kept", value="y", description="d")
    after = about(cloud, "/kept")
    assert {key: after[key] for key in kept} == kept
    assert (after["Tier"], after["Description"], value(cloud, "/kept")) == ("Advanced", "d", "y")


def test_parameter_key_is_changed(cloud: Cloud) -> None:
    change(cloud, name="/key", kms_key_arn="alias/one")
    change(cloud, name="/key", kms_key_arn="alias/two")
    assert about(cloud, "/key")["KeyId"] == "alias/two"
    assert not run(cloud, name="/key", kms_key_arn="")["changed"]


@pytest.mark.parametrize(
    ("text", "tier"), [("x" * 4096, "Standard"), ("é" * 2049, "Advanced"), ("x" * 8192, "Advanced")]
)
def test_parameter_tier_follows_from_the_bytes(cloud: Cloud, text: str, tier: str) -> None:
    created = change(cloud, name=f"/tier/{len(text)}", value=text)
    assert created["parameter"]["tier"] == tier


def test_parameter_neighbour_with_a_longer_name_is_ignored(cloud: Cloud) -> None:
    for name in ("/near/c", "/nearc"):
        cloud.client("ssm").put_parameter(Name=name, Value="theirs", Type="String", Tier="Advanced")
    assert change(cloud, name="/near")["parameter"]["tier"] == "Standard"


def test_parameter_of_another_type_is_refused(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name="/string", Value=RULES, Type="String", Tags=OWNER_LIST)
    for check_mode in (True, False):
        with pytest.raises(
            RefusedError, match="it is a String, which Parameter Store cannot change into a SecureString"
        ):
            run(cloud, name="/string", check_mode=check_mode)
        assert cloud.writes == []


def test_parameter_foreign_is_refused(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name="/foreign", Value=RULES, Type="SecureString")
    assert not run(cloud, name="/foreign")["changed"]
    for settings in ({"value": "x"}, {"tags": {"a": "b"}}, {"present": False}):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match="hand it over"):
                run(cloud, name="/foreign", check_mode=check_mode, **settings)
            assert cloud.writes == []
    assert (value(cloud, "/foreign"), tags(cloud, "/foreign")) == (RULES, {})


def test_parameter_answers_that_lag_are_read_again(cloud: Cloud) -> None:
    cloud.answer("GetParameter", NOT_FOUND, NOT_FOUND)
    cloud.answer("DescribeParameters", {"Parameters": []})
    assert run(cloud, name="/lag")["parameter"]["version"] == 1
    assert cloud.calls == ["GetParameter", "PutParameter", "GetParameter", *READS, *READS]

    ssm = cloud.client("ssm")
    old_value, old_description = ssm.get_parameter(Name="/lag", WithDecryption=True), about(cloud, "/lag")
    updated = {"Parameter": {**old_value["Parameter"], "Value": "x", "Version": 2}}
    cloud.answer("GetParameter", old_value, old_value, updated)
    cloud.answer("DescribeParameters", *[{"Parameters": [old_description]}] * 3)
    assert run(cloud, name="/lag", value="x")["reference"] == "ssm:/lag:2"
    assert cloud.calls == [*READS, "ListTagsForResource", "PutParameter", *READS, *READS, *READS]


def test_parameter_wait_for_answers_that_lag_ends(cloud: Cloud) -> None:
    run(cloud, name="/lags")
    cloud.answer("DescribeParameters", {"Parameters": []})
    with pytest.raises(
        OutdatedError, match=r"^Could not read parameter /lags .* does not show its latest version yet\. Run again\.$"
    ):
        run(cloud, name="/lags", wait_seconds=0)


def test_parameter_empty_page_is_not_the_last(cloud: Cloud) -> None:
    change(cloud, name="/page")
    cloud.answer("DescribeParameters", {"Parameters": [], "NextToken": "more"}, {"Parameters": [about(cloud, "/page")]})
    assert not run(cloud, name="/page")["changed"]
    assert cloud.calls == [*READS, "DescribeParameters"]


@pytest.mark.parametrize("error", ["TooManyUpdates: concurrent updates", "ThrottlingException: slow down"])
def test_parameter_retries_transient_errors(cloud: Cloud, error: str) -> None:
    name = f"/retried/{error[:5]}"
    run(cloud, name=name)
    cloud.answer("PutParameter", error, error)
    assert run(cloud, name=name, value="x")["changes"] == [f"update parameter {name}"]
    cloud.answer("PutParameter", error)
    with pytest.raises(ReflectorError, match=f"Could not update parameter {name} .*{error}") as failed:
        run(cloud, name=name, value="y", wait_seconds=0)
    assert failed.value.done["changed"] is False


def test_parameter_creation_waits_until_a_deleted_name_is_free(cloud: Cloud) -> None:
    cloud.answer("PutParameter", TAKEN)
    assert run(cloud, name="/deleted")["changes"] == ["create parameter /deleted"]
    assert cloud.calls[:4] == ["GetParameter", "PutParameter", "GetParameter", "PutParameter"]


def test_parameter_created_by_another_writer_is_checked(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name="/raced", Value="theirs", Type="SecureString")
    cloud.answer("GetParameter", NOT_FOUND)
    with pytest.raises(RefusedError, match="hand it over") as refused:
        run(cloud, name="/raced")
    assert "theirs" not in str(refused.value)


def test_parameter_deletion_does_not_decrypt(cloud: Cloud) -> None:
    """The key of a parameter may be gone, or the deployer may not use it."""
    run(cloud, name="/gone")
    requests: list[dict[str, Any]] = []
    found = cloud.client("ssm").get_parameter(Name="/gone", WithDecryption=False)
    cloud.answer("GetParameter", lambda request: (requests.append(request), found)[1])
    cloud.answer("DeleteParameter", NOT_FOUND)  # by another writer
    assert run(cloud, name="/gone", present=False)["parameter"] is None
    assert requests == [{"Name": "/gone", "WithDecryption": False}]


def test_parameter_denied_call_names_the_operation(cloud: Cloud) -> None:
    cloud.answer("GetParameter", "AccessDeniedException: not authorized")
    with pytest.raises(AccessDeniedError, match="GetParameter"):
        run(cloud)


def test_parameter_value_is_in_no_result(cloud: Cloud) -> None:
    name, other = "/secret", "another value"
    results: list[Any] = [
        run(cloud, name=name, check_mode=True),
        run(cloud, name=name),
        run(cloud, name=name, value=other),
    ]
    diff = results[-1]["diff"][0]
    for shown, text in ((diff["before"]["value"], RULES), (diff["after"]["value"], other)):
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert shown == f"{len(text.encode())} bytes, sha256 {digest[:8]}..."
    cloud.answer("PutParameter", "ParameterPatternMismatchException: it does not match ^x$")
    with pytest.raises(ReflectorError) as failed:
        run(cloud, name=name)
    settings, resource = parameter(name=name), SsmParameter(cloud.target(), parameter(name=name))
    actual = resource.read()
    results += [failed.value, settings, actual, resource.plan(actual), run(cloud, name=name, present=False)]
    for result in results:
        assert RULES not in str(result)
        assert other not in str(result)


@pytest.mark.backend("embedded")  # moto does not evaluate policies
def test_parameter_deployer_policy_covers_our_parameters_only(cloud: Cloud) -> None:
    deployer, name = cloud.as_deployer("ssm"), "/log-reflector/rules"
    for settings in ({"tags": {"a": "1"}}, {"value": "second", "tags": {"b": "1"}}, {"present": False}):
        assert change(deployer, name=name, **settings)["changed"]
    with pytest.raises(AccessDeniedError, match="ssm:GetParameter"):
        run(deployer, name="/other")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "a/b"}, "the option name:"),
        ({"name": "/a//b"}, "the option name:"),
        ({"name": "/a/"}, "the option name:"),
        ({"name": "/a b"}, "the option name:"),
        ({"name": "/AWS/x"}, "the option name:"),
        ({"name": "ssm-x"}, "the option name:"),
        ({"name": "/1" * 16}, "the option name:"),
        ({"name": "a" * 1012}, "the option name:"),
        ({"value": ""}, "the option value: it is empty"),
        ({"value": "é" * 4097}, "the option value: it has 8194 bytes, and a parameter holds at most 8192"),
        ({"value": "a {{ssm:other}} b"}, r"the option value: it has \{\{...\}\}"),
        ({"kms_key_arn": "a b"}, "the option kms_key_arn:"),
        ({"description": "x" * 1025}, "the option description: it has 1025 characters"),
        ({"tags": {"managed-by": "me"}}, "the option tags:"),
    ],
)
def test_parameter_invalid_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refused:
        SsmParameter(None, parameter(**settings))  # type: ignore[arg-type]
    assert RULES not in str(refused.value)


@pytest.mark.parametrize("name", ["a", "Plain.name_1-x", "/log-reflector/rules", "/1" * 15, "/my/aws/x", "a" * 1011])
@pytest.mark.parametrize("text", ['{"a":{"b":{}}}', "{{", "}} {{", "\udc80", " \n"])
def test_parameter_valid_names_and_values_are_sent_as_they_are(name: str, text: str) -> None:
    (creation,) = SsmParameter(None, parameter(name=name, value=text)).plan(None)  # type: ignore[arg-type]
    request = creation.payload[0].request
    assert (request["Name"], request["Value"]) == (name, text)
