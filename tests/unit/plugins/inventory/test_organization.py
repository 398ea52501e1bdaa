# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From AWS Organizations to hosts, names and groups."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import boto3
import pytest
from ansible_collections.logreflector.aws.plugins.inventory import organization as plugin
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    InvalidInputError,
    NotFoundError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._module import CONNECTION
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from ansible_collections.logreflector.aws.plugins.plugin_utils._organization import (
    Account,
    Organization,
    known_regions,
    read_enabled_regions,
    read_organization,
    read_tags,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._targets import (
    ChosenAccount,
    check_regions,
    check_template,
    choose,
    choose_by_tags,
    hosts,
    merged_groups,
    ou_group,
    selection,
)
from hypothesis import given
from hypothesis import strategies as st

MANAGEMENT = "111111111111"
PROD, DEV = ("Workloads", "Prod"), ("Workloads", "Dev")
SHOP = Account("222222222222", "shop", PROD, "ACTIVE")
WAREHOUSE = Account("333333333333", "warehouse", (*PROD, "EU"), "ACTIVE")
TRIAL = Account("444444444444", "trial [1]", DEV, "ACTIVE")
GONE = Account("555555555555", "gone", PROD, "SUSPENDED")
ROOT = Account(MANAGEMENT, "management", (), "ACTIVE")
TREE = Organization(
    partition="aws",
    management=MANAGEMENT,
    ous=(("Empty",), ("Workloads",), DEV, PROD, (*PROD, "EU")),
    accounts=(ROOT, SHOP, WAREHOUSE, TRIAL, GONE),
)
TAGS = {
    MANAGEMENT: {},
    SHOP.id: {"env": "prod", "team": "a"},
    WAREHOUSE.id: {"env": "prod-eu"},
    TRIAL.id: {"env": "dev"},
}
REGIONS = {"aws": ["eu-west-1", "us-east-1"], "aws-cn": ["cn-north-1"]}


def chosen(include: dict[str, Any] | None = None, exclude: dict[str, Any] | None = None) -> list[str]:
    """Return the names of the accounts that these options choose."""
    selections = selection("include", include or {}), selection("exclude", exclude or {})
    return [account.name for account in choose_by_tags(choose(TREE, *selections), TAGS, *selections)]


# Choice of accounts


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        ({}, {}, ["management", "shop", "warehouse", "trial [1]"]),
        ({"ous": ["/Workloads/Prod"]}, {}, ["shop", "warehouse"]),
        ({"ous": ["/Workloads/Prod/"]}, {"ous": ["/*/*/EU"]}, ["shop"]),
        ({"ous": ["/"]}, {"ous": ["/Workloads/D*"]}, ["management", "shop", "warehouse"]),
        ({"accounts": ["s*", "333333333333"]}, {}, ["shop", "warehouse"]),
        ({"accounts": ["trial [1]"]}, {}, ["trial [1]"]),
        ({}, {"accounts": ["1*", "gone", "trial*"]}, ["shop", "warehouse"]),
        ({"ous": ["/Workloads"], "accounts": ["management", "shop"]}, {}, ["shop"]),
        ({"tags": {"env": "prod*"}}, {}, ["shop", "warehouse"]),
        ({"tags": {"env": ["prod", "dev"], "team": "*"}}, {}, ["shop"]),
        ({}, {"tags": {"env": "dev", "team": "a"}}, ["management", "warehouse"]),
        ({}, {"tags": {"nobody-has-it-yet": "*"}}, ["management", "shop", "warehouse", "trial [1]"]),
    ],
)
def test_choose_accounts(include: dict[str, Any], exclude: dict[str, Any], names: list[str]) -> None:
    assert chosen(include, exclude) == names


@pytest.mark.parametrize(
    ("include", "exclude", "words"),
    [
        ({"ous": ["/Workloads/Pord"]}, {}, ["include.ous", "/Workloads/Pord", "below /Workloads", "Dev, Prod"]),
        ({}, {"ous": ["/Workload"]}, ["exclude.ous", "/Workload", "below /", "Empty, Workloads"]),
        ({"ous": ["/Workloads/Nope/EU"]}, {}, ["include.ous", "below /Workloads there is Dev, Prod"]),
        ({"ous": ["/Empty/x"]}, {}, ["include.ous", "below /Empty there is no OU"]),
        ({"ous": ["Workloads"]}, {}, ["include.ous", "'Workloads'", "path from the root"]),
        ({"accounts": ["Warehose"]}, {}, ["include.accounts", "'Warehose'", "similar: warehouse"]),
        ({}, {"accounts": ["222222222223"]}, ["exclude.accounts", "'222222222223'", "similar: 222222222222"]),
        ({"accounts": ["gone"]}, {}, ["include.accounts", "'gone'", "SUSPENDED"]),
        ({"tags": {"environment": "prod"}}, {}, ["include.tags", "'environment'", "env"]),
        ({"tags": {"env": "production"}}, {}, ["include.tags", "'production'", "'env'", "prod"]),
        ({"tags": {"env": True}}, {}, ["include.tags", "'env'", "quotes"]),
        ({}, {"tags": {"env": []}}, ["exclude.tags", "'env'"]),
    ],
)
def test_choose_unknown_name_is_refused_with_similar_names(
    include: dict[str, Any], exclude: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        chosen(include, exclude)
    for word in words:
        assert word in str(refused.value)


def test_choose_unknown_name_lists_ten_names_at_most() -> None:
    many = replace(TREE, ous=tuple((f"unit-{number:02}",) for number in range(13)))
    with pytest.raises(InvalidInputError, match=r"there is unit-00, .*unit-09 and 3 more\b"):
        choose(many, selection("include", {"ous": ["/x"]}), selection("exclude", {}))


def test_choose_organization_without_ous_has_a_root() -> None:
    flat = replace(TREE, ous=(), accounts=(ROOT,))
    assert choose(flat, selection("include", {"ous": ["/"]}), selection("exclude", {})) == [ROOT]


@pytest.mark.parametrize(
    ("include", "exclude"),
    [({"ous": ["/Empty"]}, {}), ({}, {"ous": ["/"]}), ({"accounts": ["shop"]}, {"tags": {"team": "a"}})],
)
def test_choose_no_account_is_an_error(include: dict[str, Any], exclude: dict[str, Any]) -> None:
    with pytest.raises(NotFoundError, match="include and exclude leave none"):
        chosen(include, exclude)


# Regions and templates


def test_check_regions_removes_duplicates_and_keeps_the_order() -> None:
    assert check_regions("regions", ["us-east-1", "eu-west-1", "us-east-1"], REGIONS, "aws") == [
        "us-east-1",
        "eu-west-1",
    ]
    assert check_regions("regions", ["cn-north-1"], REGIONS, "aws-cn") == ["cn-north-1"]


@pytest.mark.parametrize(
    ("region", "partition", "words"),
    [
        ("eu-wst-1", "", "'eu-wst-1'.*similar: eu-west-1"),
        ("enabled", "", "no region 'enabled'"),
        ("cn-north-1", "aws", "cn-north-1 is in the partition aws-cn, the organization in aws"),
    ],
)
def test_check_regions_wrong_region_is_refused(region: str, partition: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        check_regions("regions", ["eu-west-1", region], REGIONS, partition)


def test_known_regions_cover_the_partitions() -> None:
    known = known_regions()
    assert "eu-west-1" in known["aws"]
    assert "us-gov-west-1" in known["aws-us-gov"]
    assert "cn-north-1" in known["aws-cn"]
    assert not [name for names in known.values() for name in names if "global" in name]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ target_account_id }}", "single braces: {account_id}, {region}"),
        ("{account}", "'account' is not a field"),
        ("{account_id.__class__}", "is not a field"),
        ("{account_id!r}", "is not a field"),
        ("{account_id:>20}", "is not a field"),
        ("{0}", "is not a field"),
        ("{account_id", "is not a template"),
    ],
)
def test_check_template_wrong_template_is_refused(template: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(words)):
        check_template("hostname", template, ("account_id", "region"))


# Hosts


def described(name: str, identifier: str = SHOP.id, **given: Any) -> ChosenAccount:
    values = {"ou": PROD, "tags": {}, "regions": ("eu-west-1",), **given}
    return ChosenAccount(identifier, name, **values)


def test_host_has_the_variables_and_groups_of_the_static_inventory() -> None:
    account = described("shop", tags={"team": "a b", "on": ""}, regions=("eu-west-1", "us-east-1"))
    role = "arn:{partition}:iam::{account_id}:role/deployer-{region}"
    first, second = hosts([account], "aws-cn", "{account_name}.{region}", role)
    assert (first.name, second.name) == ("shop.eu-west-1", "shop.us-east-1")
    assert first.variables == {
        "target_account_id": "222222222222",
        "target_account_regions": ["eu-west-1", "us-east-1"],
        "target_account_name": "shop",
        "target_account_tags": {"team": "a b", "on": ""},
        "target_ou_path": "/Workloads/Prod",
        "target_region": "eu-west-1",
        "target_role_arn": "arn:aws-cn:iam::222222222222:role/deployer-eu-west-1",
    }
    assert list(first.groups) == [
        "account_222222222222",
        "region_eu_west_1",
        "ou_Workloads_Prod",
        "tag_team_a_b",
        "tag_on",
    ]


def test_host_has_no_variables_for_missing_options() -> None:
    (host,) = hosts([described("shop", ou=(), tags=None)], "aws", "{account_id}", None)
    assert host.name == "222222222222"
    assert {"target_role_arn", "target_account_tags"}.isdisjoint(host.variables)
    assert host.variables["target_ou_path"] == "/"
    assert list(host.groups) == ["account_222222222222", "region_eu_west_1"]


@pytest.mark.parametrize(
    ("accounts", "names"),
    [
        ([("Shop, Inc. (EU)", "2" * 12)], ["Shop-Inc.-EU.eu-west-1"]),
        ([("shop", "2" * 12), ("shop", "3" * 12)], [f"shop-{'2' * 12}.eu-west-1", f"shop-{'3' * 12}.eu-west-1"]),
        ([("account-" + "2" * 12, "2" * 12)], [f"account-{'2' * 12}.eu-west-1"]),
        ([("!!!", "2" * 12)], ["account.eu-west-1"]),
    ],
)
def test_host_names_are_valid_for_limit(accounts: list[tuple[str, str]], names: list[str]) -> None:
    found = hosts([described(*account) for account in accounts], "aws", "{account_name}.{region}", None)
    assert [host.name for host in found] == names


@pytest.mark.parametrize("template", ["{region}", "host"])
def test_host_names_of_two_targets_must_differ(template: str) -> None:
    with pytest.raises(InvalidInputError, match=r"hostname.*222222222222/eu-west-1 and 333333333333/eu-west-1"):
        hosts([described("shop"), described("warehouse", "3" * 12)], "aws", template, None)


def test_host_name_invalid_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"hostname.*'shop,eu-west-1' is not a host name"):
        hosts([described("shop")], "aws", "{account_name},{region}", None)


def test_merged_groups_are_reported() -> None:
    accounts = [described("shop", ou=("a", "b")), described("warehouse", "3" * 12, ou=("a_b",), tags={"x": "1 2"})]
    found = hosts(accounts, "aws", "{account_id}", None)
    assert merged_groups(found) == {"ou_a_b": ["/a/b", "/a_b"]}


ANY_NAME = st.text(min_size=1, max_size=20)
IDS = st.integers(0, 10**12 - 1).map("{:012}".format)
AWKWARD = st.sampled_from(["a", "a-000000000001", "000000000001", "000000000002", "-", "a.", "a b", "a-b"])


@given(st.dictionaries(st.sampled_from([f"{number:012}" for number in range(5)]), AWKWARD | ANY_NAME, min_size=1))
def test_host_names_of_any_accounts_differ(accounts: dict[str, str]) -> None:
    described_accounts = [
        described(name, identifier, regions=("eu-west-1", "us-east-1")) for identifier, name in accounts.items()
    ]
    found = hosts(described_accounts, "aws", "{account_name}.{region}", None)
    assert len({host.name for host in found}) == 2 * len(accounts)
    assert all(re.fullmatch(r"\w[\w.-]*\w", host.name, re.ASCII) for host in found)


@given(st.lists(ANY_NAME, max_size=4), st.dictionaries(ANY_NAME, st.text(max_size=20), max_size=3))
def test_groups_of_any_names_are_valid(ou: list[str], tags: dict[str, str]) -> None:
    (host,) = hosts([described("shop", ou=tuple(ou), tags=tags)], "aws", "{account_id}", None)
    assert not [name for name in host.groups if re.search(r"^\d|\W", name)]
    # No group is its own ancestor: a child's name is the longer one.
    lengths = [len(ou_group(ou[:depth])) for depth in range(1, len(ou) + 1)]
    assert lengths == sorted(set(lengths))


@given(st.lists(ANY_NAME.filter(lambda name: "/" not in name), min_size=1, max_size=4))
def test_choose_any_path_finds_its_ou(ou: list[str]) -> None:
    account = Account(SHOP.id, "shop", tuple(ou), "ACTIVE")
    tree = Organization("aws", MANAGEMENT, tuple(tuple(ou[: depth + 1]) for depth in range(len(ou))), (account,))
    for depth in range(len(ou) + 1):
        option = selection("include", {"ous": ["/" + "/".join(ou[:depth])]})
        assert choose(tree, option, selection("exclude", {})) == [account]


# Reads


def parameters(**given: Any) -> dict[str, Any]:
    defaults = {name: option.get("default") for name, option in CONNECTION.items()}
    return {**defaults, "region": "eu-west-1", **given}


def test_read_organization_and_tags(aws: Any) -> None:
    client = boto3.client("organizations", region_name="us-east-1")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    workloads = client.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"]["Id"]
    prod = client.create_organizational_unit(ParentId=workloads, Name="Prod")["OrganizationalUnit"]["Id"]
    created = client.create_account(
        AccountName="shop", Email="shop@example.com", Tags=[{"Key": "env", "Value": "prod"}]
    )
    shop = created["CreateAccountStatus"]["AccountId"]
    client.move_account(AccountId=shop, SourceParentId=root, DestinationParentId=prod)
    target = Target.from_params(parameters())
    found = read_organization(target)
    assert (found.partition, found.ous) == ("aws", (("Workloads",), ("Workloads", "Prod")))
    by_id = {account.id: account for account in found.accounts}
    assert by_id.pop(shop) == Account(shop, "shop", ("Workloads", "Prod"), "ACTIVE")
    assert list(by_id) == [found.management]
    assert read_tags(target, [account for account in found.accounts if account.id == shop]) == {shop: {"env": "prod"}}
    assert sorted(aws.calls) == sorted(
        ["ListRoots", *3 * ["ListOrganizationalUnitsForParent"], *3 * ["ListAccountsForParent"], "ListTagsForResource"]
    )


def test_read_organization_uses_the_state_before_the_status(aws: Any) -> None:
    def item(identifier: str, **given: str) -> dict[str, str]:
        return {"Id": identifier, "Name": "x", **given}

    # An empty page with a token is not the last one (Organizations API Reference, ListAccountsForParent).
    pages = {
        None: {"Accounts": [item("1", State="SUSPENDED", Status="ACTIVE")], "NextToken": "a"},
        "a": {"Accounts": [], "NextToken": "b"},
        "b": {"Accounts": [item("2", Status="ACTIVE"), item("3", State="CLOSED"), item("4")]},
    }
    aws.answering(
        "organizations",
        ListRoots=lambda _request: {
            "Roots": [{"Id": "r-1234", "Arn": "arn:aws-cn:organizations::999999999999:root/o-1/r-1234"}]
        },
        ListOrganizationalUnitsForParent=lambda _request: {"OrganizationalUnits": []},
        ListAccountsForParent=lambda request: pages[request.get("NextToken")],
    )
    found = read_organization(Target.from_params(parameters()))
    assert (found.partition, found.management) == ("aws-cn", "999999999999")
    assert {account.id: account.state for account in found.accounts} == {
        "1": "SUSPENDED",
        "2": "ACTIVE",
        "3": "CLOSED",
        "4": "unknown",
    }
    assert [account.id for account in found.accounts if account.is_active] == ["2"]


def test_read_enabled_regions_leaves_out_the_own_account_id(aws: Any) -> None:
    requests: list[dict[str, Any]] = []

    def list_regions(request: dict[str, Any]) -> dict[str, Any]:
        requests.append(request)
        return {"Regions": [{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}]}

    aws.answering("account", ListRegions=list_regions)
    target = Target.from_params(parameters())
    own = Account(target.identity.account, "own", (), "ACTIVE")
    assert read_enabled_regions(target, TREE, [own, SHOP]) == dict.fromkeys(
        [own.id, SHOP.id], ("eu-west-1", "us-east-1")
    )
    assert sorted(request.get("AccountId", "") for request in requests) == ["", SHOP.id]
    assert all(request["RegionOptStatusContains"] == ["ENABLED", "ENABLED_BY_DEFAULT"] for request in requests)


@pytest.mark.parametrize(("account", "words"), [(SHOP, "trusted access"), (ROOT, "exclude it")])
def test_read_enabled_regions_denied_error_has_advice(aws: Any, account: Account, words: str) -> None:
    aws.stub("account").add_client_error("list_regions", "AccessDeniedException", "no")
    with pytest.raises(AccessDeniedError) as refused:
        read_enabled_regions(Target.from_params(parameters()), TREE, [account])
    for word in ("account:ListRegions", "docs/iam/inventory-policy.json", account.id, words):
        assert word in str(refused.value)


# The cache


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"secret_key": "another", "session_token": "x", "assume_role_external_id": "yz"}, True),
        ({"hostname": "{account_id}", "role_arn": "x"}, True),
        ({"regions": ["us-east-1"]}, False),
        ({"include": {"accounts": ["shop"]}}, False),
        ({"profile": "another"}, False),
        ({"endpoint_url": "http://127.0.0.1:1"}, False),
    ],
)
def test_cache_key_depends_on_the_options(given: dict[str, Any], same: bool) -> None:
    asked = parameters(regions=["eu-west-1"], include={}, exclude={}, fetch_tags=True, hostname="h", role_arn=None)
    assert (plugin._digest(asked) == plugin._digest({**asked, **given})) is same


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"])
def test_cache_key_depends_on_the_credentials(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = plugin._digest({"regions": ["eu-west-1"]})
    monkeypatch.setenv(name, "another")
    assert plugin._digest({"regions": ["eu-west-1"]}) != before


def test_cache_round_trip() -> None:
    accounts = [described("shop", tags={"a": "b"}), described("warehouse", ou=(), tags=None)]
    assert plugin._from_cache(plugin._to_cache(accounts, "aws")) == (accounts, "aws")
