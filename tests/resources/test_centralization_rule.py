# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CentralizationRule: its life cycle, foreign rules, problems in sentences, and selections that AWS reads as we mean them."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AwsError,
    InvalidInputError,
    LimitReachedError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.health import TRUSTED
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.info import read_rules
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.rule import CentralizationRule
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.selection import (
    groups_text,
    scope_text,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.settings import RuleSettings
from aws_in_tests import OWNER, Cloud
from hypothesis import given
from hypothesis import strategies as st

EMULATED = Path(__file__).resolve().parents[2] / "extensions/embedded_aws/gaps/selection.py"
GET = "GetCentralizationRuleForOrganization"
CREATE = "CreateCentralizationRuleForOrganization"
UPDATE = "UpdateCentralizationRuleForOrganization"
DELETE = "DeleteCentralizationRuleForOrganization"
KEY = "arn:aws:kms:eu-west-1:111111111111:key/1"
NAMES = st.text("ab/.-_#*", min_size=1, max_size=6)
embedded_only = pytest.mark.backend("embedded")  # moto has no centralization rules


def rule(**settings: Any) -> RuleSettings:
    return RuleSettings(
        **{
            "name": "ours",
            "organization_id": "o-embeddedaws",
            "source_regions": ("us-east-1", "eu-central-1"),
            "destination_account": "111111111111",
            "destination_region": "eu-west-1",
            "own_log_groups": ("/aws/lambda/log-reflector",),
            **settings,
        }
    )


def run(cloud: Cloud, *, check_mode: bool = False, **settings: Any) -> dict[str, Any]:
    return cloud.converge(CentralizationRule, rule(**settings), check_mode=check_mode)


def change(cloud: Cloud, **settings: Any) -> dict[str, Any]:
    return cloud.converge_and_repeat(CentralizationRule, rule(**settings))


def trust(cloud: Cloud) -> Any:
    organizations = cloud.client("organizations")
    organizations.enable_aws_service_access(ServicePrincipal=TRUSTED)
    return organizations


def tags(cloud: Cloud, name: str) -> dict[str, str]:
    client = cloud.client("observabilityadmin")
    arn = client.get_centralization_rule_for_organization(RuleIdentifier=name)["RuleArn"]
    return dict(client.list_tags_for_resource(ResourceARN=arn)["Tags"])


@embedded_only
def test_rule_life_cycle(cloud: Cloud) -> None:
    trust(cloud)
    planned = run(cloud, check_mode=True)
    assert (planned["rule"], cloud.calls) == (None, [GET])
    created = change(cloud, tags={"a": "1"})
    assert (created["changes"], cloud.writes) == (["create centralization rule ours"], [CREATE])
    assert created["rule"]["arn"] == cloud.arn("observabilityadmin", "organization-centralization-rule/ours")
    assert (created["rule"]["health"], created["rule"]["problem"]) == ("Healthy", None)
    assert created["rule"]["configuration"] == {
        "Source": {
            "Regions": ["eu-central-1", "us-east-1"],
            "Scope": "OrganizationId = 'o-embeddedaws'",
            "SourceLogsConfiguration": {
                "EncryptedLogGroupStrategy": "ALLOW",
                "LogGroupSelectionCriteria": "LogGroupName NOT IN ('/aws/lambda/log-reflector')"
                " AND LogGroupName NOT LIKE '/central/%'",
            },
        },
        "Destination": {
            "Region": "eu-west-1",
            "Account": "111111111111",
            "DestinationLogsConfiguration": {
                "LogGroupNameConfiguration": {
                    "LogGroupNamePattern": "/central/${source.accountId}/${source.region}${source.logGroup}"
                }
            },
        },
    }
    assert tags(cloud, "ours") == {"a": "1", **OWNER}
    assert not run(cloud)["changed"]
    assert cloud.calls == [GET]
    changed = change(cloud, exclude=("/aws/codebuild/*",), backup_region="us-east-1", kms_key_arn=KEY, tags={"b": "2"})
    assert changed["changes"] == ["update tags of centralization rule ours", "update centralization rule ours"]
    assert cloud.writes == ["TagResource", UPDATE]
    assert "backup" not in str(changed["diff"][0])
    back = change(cloud)
    encryption = back["rule"]["configuration"]["Destination"]["DestinationLogsConfiguration"]
    assert encryption["LogsEncryptionConfiguration"] == {"EncryptionStrategy": "AWS_OWNED"}
    assert "BackupConfiguration" not in encryption
    gone = change(cloud, present=False)
    assert (gone["rule"], cloud.writes) == (None, [DELETE])
    assert not run(cloud, present=False)["changed"]


@embedded_only
def test_rule_update_keeps_members_that_the_module_does_not_know(cloud: Cloud) -> None:
    trust(cloud)
    run(cloud, name="kept")
    client = cloud.client("observabilityadmin")
    body = client.get_centralization_rule_for_organization(RuleIdentifier="kept")["CentralizationRule"]
    body["Source"]["SourceMetricsConfiguration"] = {"MetricsSelectionCriteria": "*"}
    body["Source"]["Regions"].reverse()
    client.update_centralization_rule_for_organization(RuleIdentifier="kept", Rule=body)
    assert not run(cloud, name="kept")["changed"]
    change(cloud, name="kept", skip_encrypted=True)
    after = client.get_centralization_rule_for_organization(RuleIdentifier="kept")["CentralizationRule"]
    assert after["Source"]["SourceMetricsConfiguration"] == {"MetricsSelectionCriteria": "*"}
    run(cloud, name="kept", present=False)


@embedded_only
def test_rule_foreign_is_refused(cloud: Cloud) -> None:
    trust(cloud)
    run(cloud, name="foreign")
    client = cloud.client("observabilityadmin")
    found = client.get_centralization_rule_for_organization(RuleIdentifier="foreign")
    client.untag_resource(ResourceARN=found["RuleArn"], TagKeys=list(OWNER))
    assert not run(cloud, name="foreign")["changed"]
    for settings in ({"skip_encrypted": True}, {"tags": {"a": "b"}}, {"present": False}):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match="hand it over"):
                run(cloud, name="foreign", check_mode=check_mode, **settings)
            assert cloud.writes == []
    listed = cloud.run("centralization_rule_info", name_prefix="foreign")["rules"]
    assert [(item["name"], item["owned"], item["tags"]) for item in listed] == [("foreign", False, {})]
    client.delete_centralization_rule_for_organization(RuleIdentifier="foreign")


@embedded_only
def test_rule_problem_is_a_sentence(cloud: Cloud) -> None:
    organizations = trust(cloud)
    run(cloud, name="elsewhere", destination_account="999999999999")
    (found,) = cloud.run("centralization_rule_info", name_prefix="elsewhere")["rules"]
    assert (found["health"], found["owned"], found["not_read"]) == ("Unhealthy", True, None)
    assert found["problem"].startswith("The destination account is not in the organisation, so nothing is copied.")
    organizations.disable_aws_service_access(ServicePrincipal=TRUSTED)
    problem = run(cloud, name="elsewhere", destination_account="999999999999")["rule"]["problem"]
    assert problem.startswith(f"Trusted access of {TRUSTED} is not enabled")
    with pytest.raises(AwsError, match=r"ValidationException: .* enable trusted access of observabilityadmin"):
        run(cloud, name="untrusted")
    run(cloud, name="elsewhere", present=False)


@embedded_only
def test_rule_info_names_what_it_did_not_read(cloud: Cloud) -> None:
    trust(cloud)
    run(cloud, name="read")
    cloud.answer(GET, "AccessDeniedException: not authorized")
    options = {"all_regions": True, "name_prefix": "read", "wait_timeout": 0}
    (denied,) = read_rules(cloud.target(), options, True)["rules"]
    cloud.answer(GET, "ResourceNotFoundException: gone")
    (gone,) = read_rules(cloud.target(), options, True)["rules"]
    (there,) = cloud.run("centralization_rule_info", name_prefix="read", region="us-east-1")["rules"]
    assert cloud.run("centralization_rule_info", region="us-east-1", all_regions=False)["rules"] == []
    run(cloud, name="read", present=False)
    assert "AccessDeniedException: not authorized" in denied["not_read"]
    assert gone["not_read"] == "The rule was deleted after the list was read."
    for found in (denied, gone, there):
        assert [found[name] for name in ("configuration", "tags", "owned")] == [None] * 3
    assert there["not_read"] == "AWS returns configuration and tags of this rule in eu-west-1 only."


@embedded_only
def test_rule_module_takes_its_options(cloud: Cloud) -> None:
    trust(cloud)
    options = {
        "name": "module",
        "accounts": ["111111111111"],
        "source_regions": ["us-east-1"],
        "destination_account": "111111111111",
        "destination_region": "eu-west-1",
        "backup_region": "eu-central-1",
        "encrypted_log_groups": "skip",
    }
    created = cloud.run("centralization_rule", **options)
    assert created["changes"] == ["create centralization rule module"]
    assert not cloud.run("centralization_rule", **options)["changed"]
    assert "AWS bills each gigabyte of the second copy in eu-central-1." in created["notes"]
    assert "Log groups with a customer managed KMS key are not copied." in created["notes"]
    assert "/aws/lambda/log-reflector-subscriber" in str(created["rule"]["configuration"])
    cloud.run("centralization_rule", name="module", state="absent")


@embedded_only
def test_rule_throttled_and_full_quota_are_named(cloud: Cloud) -> None:
    trust(cloud)
    cloud.answer(GET, "TooManyRequestsException: slow down", "InternalServerException: later")
    cloud.answer(CREATE, "TooManyRequestsException: slow down")
    assert run(cloud, name="slow")["changed"]
    run(cloud, name="slow", present=False)
    cloud.answer(CREATE, "ServiceQuotaExceededException: 50 rules")
    with pytest.raises(LimitReachedError, match="50 rules"):
        run(cloud, name="slow")


@embedded_only
def test_rule_old_botocore_is_refused_before_any_call(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boto3.Session.get_available_services", lambda _self: ["sts"])
    for module in ("centralization_rule", "centralization_rule_info"):
        result = cloud.run(module, **({"name": "x"} if module == "centralization_rule" else {}))
        assert "Install boto3 1.42.7 or later" in result["msg"]
        assert cloud.calls == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "a b"}, "the option name:"),
        ({"organization_id": ""}, "neither it nor organizational_units nor accounts"),
        ({"organization_id": "o-1' OR '"}, "the option organization_id:"),
        ({"organizational_units": ("ou-1",)}, "the option organizational_units:"),
        ({"accounts": ("12",)}, "the option accounts:"),
        ({"accounts": tuple(f"{number:012}" for number in range(150)), "organization_id": ""}, "AWS takes 2000"),
        ({"source_regions": ()}, "no region is given"),
        ({"source_regions": ("us-gov-west-1",)}, "AWS offers no centralization of logs in us-gov-west-1"),
        ({"source_regions": ("us-iso-east-1",)}, "AWS offers no centralization"),
        ({"destination_region": "cn-north-1"}, "AWS offers no centralization of logs in cn-north-1"),
        ({"destination_region": ""}, "the option destination_region:"),
        ({"destination_account": ""}, "the option destination_account:"),
        ({"backup_region": "eu-west-1"}, "it is the destination region"),
        ({"backup_region": "cn-north-1"}, "AWS offers no centralization"),
        ({"include": ("a'b",)}, "the option include:"),
        ({"exclude": ("%",)}, "the option exclude:"),
        ({"exclude": tuple("x" * 90 + str(number) for number in range(30))}, "AWS takes 2000"),
        ({"own_log_groups": ("a b",)}, "the option own_log_groups:"),
        ({"name_pattern": "${source.logGroup}"}, "begins with a variable"),
        ({"name_pattern": "/${source.logGroup}"}, "begins with a variable"),
        ({"name_pattern": "/aws/${source.logGroup}"}, "log groups of AWS's services"),
        ({"name_pattern": "/aw${source.logGroup}"}, "log groups of AWS's services"),
        ({"name_pattern": "/x/${source.other}"}, "the option log_group_name_pattern:"),
        ({"kms_key_arn": "key"}, "the option kms_key_arn:"),
        ({"kms_key_arn": KEY.replace("111111111111", "222222222222")}, "is not a key in 111111111111/eu-west-1"),
        ({"backup_region": "us-east-1", "backup_kms_key_arn": KEY}, "is not a key in 111111111111/us-east-1"),
        ({"tags": {"managed-by": "me"}}, "the option tags:"),
    ],
)
def test_rule_invalid_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        CentralizationRule(None, rule(**settings))  # type: ignore[arg-type]


def emulated() -> Any:
    """Return the embedded AWS's reading of selections, without MiniStack."""
    if "emulated_selection" not in sys.modules:
        spec = importlib.util.spec_from_file_location("emulated_selection", EMULATED)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["emulated_selection"] = module
        spec.loader.exec_module(module)
    return sys.modules["emulated_selection"]


def fits(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


@given(st.lists(NAMES, max_size=4), st.lists(NAMES, max_size=4), st.text("ab/.-_#", min_size=1, max_size=6))
def test_groups_text_selects_what_the_names_say(include: list[str], exclude: list[str], name: str) -> None:
    text = groups_text(include, exclude)
    read = emulated().parse(text, frozenset({"LogGroupName"}), emulated().LOG_GROUP_OPERATORS)
    is_included = not include or any(fits(pattern, name) for pattern in include)
    expected = is_included and not any(fits(pattern, name) for pattern in exclude)
    assert read.holds(LogGroupName=frozenset({name})) == expected


@given(
    st.booleans(),
    st.lists(st.sampled_from("ABC"), max_size=3),
    st.lists(st.sampled_from("XYZ"), min_size=1, max_size=3),
)
def test_scope_text_selects_the_accounts(whole: bool, units: list[str], accounts: list[str]) -> None:
    keys = frozenset({"OrganizationId", "OrganizationUnitId", "AccountId"})
    read = emulated().parse(scope_text("o-1" if whole else "", units, accounts), keys, emulated().SCOPE_OPERATORS)
    for unit in "ABC":
        for account in "XYZ":
            found = read.holds(
                OrganizationId=frozenset({"o-1"}),
                OrganizationUnitId=frozenset({unit}),
                AccountId=frozenset({account}),
            )
            assert found == (whole or unit in units or account in accounts)
