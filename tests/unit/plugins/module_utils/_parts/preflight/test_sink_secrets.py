# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets and parameters that the sinks refer to."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.entry import lenient_options
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.sink_secrets import (
    coverage_findings,
    described_secret_findings,
    key_findings,
    resource_policy_findings,
    secret_findings,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.reflector_policy import (
    reflector_policy,
    secret_references,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.secrets import Reference

ARN = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:log-reflector/endpoint-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:111111111111:key/1"


def policy(**options: Any) -> dict[str, Any]:
    """The policy of the reflector's role in the account 111111111111."""
    found = reflector_policy([lenient_options({"region": "eu-west-1", **options})])
    text = repr(found).replace("{partition}", "aws").replace("{account}", "111111111111")
    expanded: dict[str, Any] = eval(text)
    return expanded


@pytest.mark.parametrize(
    ("text", "service", "name", "region"),
    [
        ("secretsmanager:log-reflector/endpoint", "secretsmanager", "log-reflector/endpoint", ""),
        ("ssm:/log-reflector/endpoint", "ssm", "/log-reflector/endpoint", ""),
        (ARN, "secretsmanager", "log-reflector/endpoint-AbCdEf", "eu-west-1"),
        ("arn:aws:ssm:us-east-1:1:parameter/a/b", "ssm", "/a/b", "us-east-1"),
    ],
)
def test_reference_is_parsed(text: str, service: str, name: str, region: str) -> None:
    found = Reference.parsed(text)
    assert (found.service, found.name, found.region) == (service, name, region)


@pytest.mark.parametrize(
    ("options", "is_covered"),
    [
        ({"reflector_sumo_endpoint": "secretsmanager:log-reflector/endpoint"}, True),
        ({"reflector_sumo_endpoint": ARN}, True),
        ({"reflector_sumo_endpoint": "secretsmanager:log-reflector/end"}, False),
        ({"reflector_sumo_endpoint": ARN, "reflector_secret_arns": [f"{KEY}"]}, False),
        ({"reflector_sumo_endpoint": ARN, "reflector_secret_arns": ["arn:aws:secretsmanager:*:*:secret:log-*"]}, True),
    ],
)
def test_policy_of_the_role_must_cover_the_secret(options: dict[str, Any], is_covered: bool) -> None:
    found = coverage_findings(Reference.parsed("secretsmanager:log-reflector/endpoint"), ARN, policy(**options))
    assert (found == []) is is_covered


@pytest.mark.parametrize(
    ("secret", "keys", "text"),
    [
        ({}, [], ""),
        ({"KmsKeyId": KEY}, [], "is encrypted with the key"),
        ({"KmsKeyId": KEY}, [KEY], ""),
        ({"KmsKeyId": "1"}, [KEY], ""),
        ({"KmsKeyId": KEY}, ["arn:aws:kms:*:*:key/*"], ""),
        ({"KmsKeyId": "alias/aws/secretsmanager"}, [], ""),
    ],
)
def test_secret_must_exist_and_its_key_be_granted(secret: dict[str, Any], keys: list[str], text: str) -> None:
    granted = policy(reflector_sumo_endpoint=ARN)
    found = described_secret_findings(Reference.parsed(ARN), {"ARN": ARN, **secret}, keys, granted)
    assert [text in each.sentence for each in found] == ([True] if text else [])


def test_key_that_is_named_by_an_alias_is_not_checked() -> None:
    (found,) = key_findings(Reference.parsed(ARN), "arn:aws:kms:eu-west-1:111111111111:alias/team", [KEY])
    assert (found.level, "alias/team" in found.sentence) == ("not_checked", True)


def test_denial_in_the_resource_policy_is_not_checked() -> None:
    reference = Reference.parsed(ARN)
    assert resource_policy_findings(reference, {"Statement": {"Effect": "Allow"}}) == []
    (found,) = resource_policy_findings(reference, {"Statement": ["hostile", {"Effect": "Deny"}]})
    assert found.level == "not_checked"


@pytest.mark.parametrize("place", ["eu-west-1:222222222222", "us-east-1:111111111111"])
def test_secret_elsewhere_is_named_as_unread(place: str) -> None:
    target: Any = SimpleNamespace(
        region="eu-west-1", identity=SimpleNamespace(account="111111111111"), expand=lambda text: text
    )
    text = f"arn:aws:secretsmanager:{place}:secret:x"
    (found,) = secret_findings(target, text, ReflectorOptions(), {})
    assert (found.level, place.split(":")[1] in found.sentence) == ("not_checked", True)


def test_parameter_is_found_by_its_exact_name_without_its_value() -> None:
    def paginate(**request: Any) -> Any:
        assert request["ParameterFilters"][0]["Values"] == ["/log-reflector/endpoint"]
        return SimpleNamespace(build_full_result=lambda: {"Parameters": listed})

    client = SimpleNamespace(get_paginator=lambda _name: SimpleNamespace(paginate=paginate))
    target: Any = SimpleNamespace(
        region="eu-west-1",
        where="111111111111/eu-west-1",
        identity=SimpleNamespace(account="111111111111"),
        expand=lambda value: value,
        client=lambda _service: client,
        describe_operation=lambda _operation: nullcontext(),
        arn=lambda service, resource: f"arn:aws:{service}:eu-west-1:111111111111:{resource}",
    )
    text = "ssm:/log-reflector/endpoint"
    options = ReflectorOptions(sumo_endpoint=text)
    granted = policy(reflector_sumo_endpoint=text)
    listed: list[dict[str, str]] = [{"Name": "/log-reflector/endpoint", "KeyId": "alias/aws/ssm"}]
    assert secret_findings(target, text, options, granted) == []
    listed[0]["KeyId"] = KEY
    assert [each.level for each in secret_findings(target, text, options, granted)] == ["problem"]
    listed[0]["Name"] = "/log-reflector/endpoint-2"
    (found,) = secret_findings(target, text, options, granted)
    assert "does not exist" in found.sentence


def test_references_are_those_of_endpoint_and_sinks() -> None:
    sinks = {"a": {"type": "http", "endpoint": ARN, "headers": {"Authorization": "ssm:token"}}, "b": {"note": "no ssm"}}
    assert secret_references(ReflectorOptions(sumo_endpoint="secretsmanager:x", sinks=sinks)) == [
        ARN,
        "secretsmanager:x",
        "ssm:token",
    ]
