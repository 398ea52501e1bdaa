# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module centralization: trusted access, delegation and all rules, with the permissions that docs/iam gives the administrator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.health import TRUSTED
from aws_in_tests import Cloud

pytestmark = pytest.mark.backend("embedded")  # moto has no centralization rules
POLICY = Path(__file__).resolve().parents[2] / "docs/iam/administrator-policy.json"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
MEMBER = "222222222222"
EUROPE = {
    "name": "europe",
    "organization_id": "o-embeddedaws",
    "source_regions": ["eu-west-1", "eu-central-1"],
    "destination_account": MEMBER,
    "destination_region": "eu-west-1",
}
AMERICA = {**EUROPE, "name": "america", "source_regions": ["us-east-1"], "destination_region": "us-east-1"}
DEFAULTS: dict[str, Any] = {"healthy_seconds": 5, "drain_seconds": 0}


@pytest.fixture
def admin(cloud: Cloud) -> Iterator[dict[str, str]]:
    """Return the keys of a role with the administrator's policy. No rule and no trusted access exist before and after."""
    iam, name = cloud.client("iam"), "centralization-administrator"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=POLICY.read_text(encoding="utf-8"))
    keys = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=name)["Credentials"]
    organizations = cloud.client("organizations")
    organizations.disable_aws_service_access(ServicePrincipal=TRUSTED)
    yield {
        "access_key": keys["AccessKeyId"],
        "secret_key": keys["SecretAccessKey"],
        "session_token": keys["SessionToken"],
    }
    client = cloud.client("observabilityadmin")
    for rule in client.list_centralization_rules_for_organization()["CentralizationRuleSummaries"]:
        client.delete_centralization_rule_for_organization(RuleIdentifier=rule["RuleArn"])
    organizations.disable_aws_service_access(ServicePrincipal=TRUSTED)
    iam.delete_role_policy(RoleName=name, PolicyName=name)
    iam.delete_role(RoleName=name)


def names(cloud: Cloud) -> list[str]:
    found = cloud.client("observabilityadmin").list_centralization_rules_for_organization()
    return sorted(each["RuleName"] for each in found["CentralizationRuleSummaries"])


def test_centralization_life_cycle_with_the_administrators_policy(cloud: Cloud, admin: dict[str, str]) -> None:
    options: dict[str, Any] = {**admin, **DEFAULTS, "enable_trusted_access": True, "delegated_administrator": MEMBER}
    rules = [EUROPE, AMERICA]
    planned = cloud.run("centralization", rules=rules, **options, check_mode=True)
    assert names(cloud) == []
    assert planned["trusted_access"] is False
    done = cloud.run("centralization", rules=rules, **options)
    assert "msg" not in done, done["msg"]
    assert done["changes"] == planned["changes"] == [
        f"create trusted access of {TRUSTED}",
        f"create delegated administrator {MEMBER}",
        "create centralization rule europe",
        "create centralization rule america",
    ]  # fmt: skip
    assert done["diff"] == planned["diff"]
    assert [(rule["name"], rule["health"], rule["problem"]) for rule in done["rules"]] == [
        ("europe", "Healthy", None),
        ("america", "Healthy", None),
    ]
    assert any("neither in GovCloud" in note for note in done["notes"])
    again = cloud.run("centralization", rules=rules, **options)
    assert (again["changed"], again["trusted_access"], again["delegated_administrators"]) == (False, True, [MEMBER])
    kept = cloud.run("centralization", rules=[EUROPE], **options)
    assert not kept["changed"]
    assert any(note.startswith("Rule america is not in centralization_rules") for note in kept["notes"])
    purged = cloud.run("centralization", rules=[EUROPE], purge=True, **options)
    assert (purged["changes"], names(cloud)) == (["delete centralization rule america"], ["europe"])
    gone = cloud.run("centralization", rules=[EUROPE], state="absent", **admin, **DEFAULTS)
    assert (gone["changes"], names(cloud)) == (["delete centralization rule europe"], [])
    assert not cloud.run("centralization", rules=[EUROPE], state="absent", **admin, **DEFAULTS)["changed"]
    cloud.client("organizations").deregister_delegated_administrator(AccountId=MEMBER, ServicePrincipal=TRUSTED)


def test_centralization_missing_trusted_access_fails_before_any_rule(cloud: Cloud, admin: dict[str, str]) -> None:
    for check_mode in (True, False):
        result = cloud.run("centralization", rules=[EUROPE], **admin, **DEFAULTS, check_mode=check_mode)
        assert result["failed"]
        assert "trusted access of observabilityadmin.amazonaws.com is not enabled" in result["msg"]
        assert "enable_trusted_access: true" in result["msg"]
    assert names(cloud) == []


def test_centralization_foreign_rule_stops_before_the_first_change(cloud: Cloud, admin: dict[str, str]) -> None:
    options: dict[str, Any] = {**admin, **DEFAULTS, "enable_trusted_access": True}
    cloud.run("centralization", rules=[AMERICA], **options)
    client = cloud.client("observabilityadmin")
    found = client.get_centralization_rule_for_organization(RuleIdentifier="america")
    client.untag_resource(ResourceARN=found["RuleArn"], TagKeys=["managed-by"])
    changed = {**AMERICA, "exclude": ["/x"]}
    result = cloud.run("centralization", rules=[EUROPE, changed], **options)
    assert result["failed"]
    assert "centralization rule america" in result["msg"]
    assert names(cloud) == ["america"]
    elsewhere = {**EUROPE, "destination_region": "us-east-1"}
    noted = cloud.run("centralization", rules=[elsewhere], purge=True, **options)
    assert any(note.startswith("Rule america of others copies to 222222222222/us-east-1") for note in noted["notes"])
    assert names(cloud) == ["america", "europe"]


def test_centralization_unhealthy_rule_fails_and_the_others_are_created(cloud: Cloud, admin: dict[str, str]) -> None:
    options: dict[str, Any] = {**admin, **DEFAULTS, "enable_trusted_access": True}
    outside = {**EUROPE, "destination_account": "999999999999"}
    result = cloud.run("centralization", rules=[outside, AMERICA], **options)
    assert result["failed"]
    assert "copy logs by centralization rule europe" in result["msg"]
    assert "destination account is not in the organisation" in result["msg"]
    assert names(cloud) == ["america", "europe"]
    reported = cloud.run("centralization", rules=[outside, AMERICA], **{**options, "healthy_seconds": 0})
    assert "failed" not in reported
    assert [bool(rule["problem"]) for rule in reported["rules"]] == [True, False]


def test_centralization_rule_that_aws_refuses_does_not_stop_the_others(cloud: Cloud, admin: dict[str, str]) -> None:
    options: dict[str, Any] = {**admin, **DEFAULTS, "enable_trusted_access": True}
    same = {**EUROPE, "name": "same", "include": ["/a"], "source_regions": ["us-gov-west-1"]}
    refused = cloud.run("centralization", rules=[same], **options)
    assert "rule 'same': source_regions: AWS offers no centralization of logs in us-gov-west-1" in refused["msg"]
    assert names(cloud) == []


def test_centralization_caller_without_permission_is_told_the_action(cloud: Cloud, admin: dict[str, str]) -> None:
    iam, name = cloud.client("iam"), "centralization-administrator"
    policy = json.loads(POLICY.read_text(encoding="utf-8"))
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "ReadTheOrganisation"]
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    cloud.client("organizations").enable_aws_service_access(ServicePrincipal=TRUSTED)
    unread = cloud.run("centralization", rules=[EUROPE], **admin, **DEFAULTS)
    assert (unread["trusted_access"], unread["changed"]) == (None, True)
    denied = cloud.run("centralization", rules=[EUROPE], **admin, **DEFAULTS, enable_trusted_access=True)
    assert "ListAWSServiceAccessForOrganization" in denied["msg"]
