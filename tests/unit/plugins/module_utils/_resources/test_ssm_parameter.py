"""The plan for a parameter: what is left alone, which tier it gets, what is refused, and a value that nobody sees."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ssm_parameter import (
    Parameter,
    Settings,
    SsmParameterResource,
    wanted_tier,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from ansible_collections.logreflector.aws.plugins.modules.ssm_parameter import SPEC
from hypothesis import given
from hypothesis import strategies as st

MARK = {"managed-by": "logreflector.aws"}
ARN = "arn:aws-us-gov:ssm:eu-west-1:111111111111:parameter/a/b"
SECRET = "the secret value"


def resource(**params: Any) -> SsmParameterResource:
    arguments = {"region": "eu-west-1", "name": "/a/b", "value": SECRET, **params}
    validated = ArgumentSpecValidator(**SPEC.arguments()).validate(arguments)
    assert not validated.error_messages, validated.error_messages
    target = Target(None, "eu-west-1")
    target.__dict__["identity"] = Identity("111111111111", "arn:aws-us-gov:iam::111111111111:user/me")
    return SsmParameterResource(target, validated.validated_parameters)


def standing(tags: Any = (), pattern: str = "", data_type: str = "text", **settings: Any) -> Parameter:
    defaults = {"type": "SecureString", "tier": "Standard", "kms_key_id": "alias/aws/ssm", "value": SECRET}
    return Parameter(ARN, 3, Settings(**{**defaults, **settings}), pattern, data_type, MARK if tags == () else tags)


def request(changes: Any) -> dict[str, Any]:
    ((change,),) = (changes,)
    ((call,),) = (change.payload,)
    assert call.method == "put_parameter"
    return dict(call.request)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {"Type": "SecureString", "Tier": "Standard"}),
        ({"type": "String"}, {"Type": "String", "Tier": "Standard"}),
        ({"value": "x" * 4096}, {"Type": "SecureString", "Tier": "Standard"}),
        ({"value": "x" * 4097}, {"Type": "SecureString", "Tier": "Advanced"}),
        ({"value": "é" * 2049}, {"Type": "SecureString", "Tier": "Advanced"}),
        ({"value": "x" * 8192, "tier": "Advanced"}, {"Type": "SecureString", "Tier": "Advanced"}),
        ({"tier": "Intelligent-Tiering"}, {"Type": "SecureString", "Tier": "Intelligent-Tiering"}),
        (
            {"kms_key_id": "arn:{partition}:kms:{region}:{account}:alias/k", "description": "what for"},
            {
                "Type": "SecureString",
                "Tier": "Standard",
                "KeyId": "arn:aws-us-gov:kms:eu-west-1:111111111111:alias/k",
                "Description": "what for",
            },
        ),
    ],
)
def test_a_new_parameter(params: dict[str, Any], expected: dict[str, Any]) -> None:
    sent = request(resource(tags={"a": "b"}, **params).plan(None))
    tags = [{"Key": "a", "Value": "b"}, {"Key": "managed-by", "Value": "logreflector.aws"}]
    assert sent == {"Name": "/a/b", "Value": params.get("value", SECRET), "Tags": tags, **expected}


def test_what_is_not_given_is_left_alone() -> None:
    actual = standing(tier="Advanced", kms_key_id="alias/k", description="d", pattern="^x$")
    assert resource().plan(actual) == []


@pytest.mark.parametrize(
    ("params", "changed"),
    [
        ({"value": "another"}, {"Value": "another"}),
        ({"kms_key_id": "alias/other"}, {"KeyId": "alias/other"}),
        ({"description": ""}, {"Description": ""}),
        ({"tier": "Advanced"}, {"Tier": "Advanced"}),
        ({"value": "x" * 5000}, {"Value": "x" * 5000, "Tier": "Advanced"}),
        (
            {"value": "x" * 5000, "tier": "Intelligent-Tiering"},
            {"Value": "x" * 5000, "Tier": "Intelligent-Tiering"},
        ),
    ],
)
def test_an_update_sends_the_whole_parameter(params: dict[str, Any], changed: dict[str, Any]) -> None:
    actual = standing(kms_key_id="alias/k", description="d", pattern=".*")
    assert request(resource(**params).plan(actual)) == {
        "Name": "/a/b",
        "Value": SECRET,
        "Type": "SecureString",
        "Tier": "Standard",
        "KeyId": "alias/k",
        "Description": "d",
        "AllowedPattern": ".*",
        "Overwrite": True,
        **changed,
    }


def test_an_update_of_a_string_keeps_its_data_type_and_has_no_key() -> None:
    actual = standing(type="String", kms_key_id="", data_type="aws:ec2:image")
    sent = request(resource(type="String", value="ami-1").plan(actual))
    assert sent["DataType"] == "aws:ec2:image"
    assert "KeyId" not in sent


@pytest.mark.parametrize(
    ("given_tier", "before", "size", "after"),
    [
        (None, "", 4096, "Standard"),
        (None, "", 4097, "Advanced"),
        (None, "Standard", 4096, "Standard"),
        (None, "Standard", 4097, "Advanced"),
        (None, "Advanced", 1, "Advanced"),
        ("Intelligent-Tiering", "", 1, "Standard"),
        ("Intelligent-Tiering", "Standard", 4097, "Advanced"),
        ("Intelligent-Tiering", "Advanced", 1, "Advanced"),
        ("Standard", "Advanced", 1, "Standard"),
        ("Advanced", "Standard", 1, "Advanced"),
    ],
)
def test_tiers(given_tier: Any, before: str, size: int, after: str) -> None:
    assert wanted_tier(given_tier, before, size) == after


@given(
    st.sampled_from([None, "Advanced", "Intelligent-Tiering"]),
    st.sampled_from(["", "Standard", "Advanced"]),
    st.integers(1, 8192),
)
def test_a_tier_takes_its_value_and_the_next_run_leaves_it(given_tier: Any, before: str, size: int) -> None:
    after = wanted_tier(given_tier, before, size)
    assert size <= 4096 or after == "Advanced"
    assert (before, after) != ("Advanced", "Standard")
    assert wanted_tier(given_tier, after, size) == after


@pytest.mark.parametrize(
    ("params", "actual", "sentence"),
    [
        ({}, {"type": "String", "kms_key_id": ""}, "it is a String, of which Parameter Store makes no SecureString"),
        ({"type": "String"}, {}, "it is a SecureString, of which Parameter Store makes no String"),
        ({}, {"type": "StringList"}, "it is a StringList, .* Choose another name, or delete it, wait 30 seconds"),
        (
            {"tier": "Standard"},
            {"tier": "Advanced"},
            "no way back to Standard. Leave out the option tier, or delete it",
        ),
    ],
)
def test_what_parameter_store_cannot_change_is_refused(params: Any, actual: Any, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        resource(**params).plan(standing(**actual))


@pytest.mark.parametrize(
    ("params", "message"),
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
        ({"value": "x" * 4097, "tier": "Standard"}, "the option tier: the value has 4097 bytes"),
        ({"value": "a {{ssm:other}} b"}, r"the option value: it has \{\{...\}\}"),
        ({"kms_key_id": "alias/k", "type": "String"}, "the option kms_key_id: only a SecureString"),
        ({"kms_key_id": ""}, "the option kms_key_id:"),
        ({"description": "x" * 1025}, "the option description: it has 1025 characters"),
        ({"tags": {"managed-by": "me"}}, "the option tags:"),
    ],
)
def test_refused_before_any_call(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refused:
        resource(**params)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["a", "Plain.name_1-x", "/log-reflector/rules", "/1" * 15, "/my/aws/x", "a" * 1011])
def test_names_that_parameter_store_takes(name: str) -> None:
    assert resource(name=name).plan(None)[0].name == name


@pytest.mark.parametrize("value", ['{"a":{"b":{}}}', "{{", "}} {{", "\udc80", " \n"])
def test_values_that_parameter_store_takes(value: str) -> None:
    assert request(resource(value=value).plan(None))["Value"] == value


def test_foreign_parameters_are_guarded() -> None:
    with pytest.raises(RefusedError, match="adopt: true"):
        resource(value="other").plan(standing({}))
    assert resource().plan(standing({})) == []
    adopted = resource(value="other", adopt=True).plan(standing({"a": "b"}))
    assert [str(change) for change in adopted] == ["update tags of parameter /a/b", "update parameter /a/b"]
    with pytest.raises(RefusedError, match="force: true"):
        resource(state="absent").plan(standing({}))
    assert len(resource(state="absent", force=True).plan(standing({}))) == 1


def test_tags_are_set_and_taken_away_without_a_new_version() -> None:
    (change,) = resource(tags={"b": "2"}).plan(standing({"a": "1", "aws:x": "y", **MARK}))
    untag, tag = change.payload
    what = {"ResourceType": "Parameter", "ResourceId": "/a/b"}
    assert (untag.method, untag.request) == ("remove_tags_from_resource", {**what, "TagKeys": ["a"]})
    assert (tag.method, tag.request) == ("add_tags_to_resource", {**what, "Tags": [{"Key": "b", "Value": "2"}]})


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_no_value_in_what_is_shown(tier: str) -> None:
    other, actual = "an older value", standing(value="an older value", tier=tier)
    new = resource()
    for changes in (new.plan(None), new.plan(actual), resource(state="absent").plan(actual)):
        assert changes
        for change in changes:
            shown = json.dumps(change.diff()) + repr(change) + str(change)
            assert SECRET not in shown
            assert other not in shown
    assert new.plan(actual)[0].diff()["before"]["value"] == "14 bytes, sha256 87ece4da..."
    assert new.plan(actual)[0].diff()["after"]["value"] == "16 bytes, sha256 fc7b7b55..."
    assert other not in repr(actual) + str(new.facts(actual))
    assert new.facts(actual)["parameter"] == {
        "name": "/a/b",
        "arn": ARN,
        "type": "SecureString",
        "version": 3,
        "tier": tier,
        "size": 14,
    }
