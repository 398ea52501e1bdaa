# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The organisation as inventory: real commands against an emulated organisation of 30 accounts."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from embedded_aws import Account, Configuration, EmbeddedAws, Organization, RunningAws, role_arn
from embedded_aws.population import SECRET
from warm_ansible import warm_ansible

from playbooks import MANAGEMENT, ROOT, Ansible

EXAMPLE = ROOT / "examples" / "organization"
POLICY = json.loads((ROOT / "docs" / "iam" / "inventory-policy.json").read_text(encoding="utf-8"))
ACTIONS = [action for statement in POLICY["Statement"] for action in [statement["Action"]]]
NEEDED = sorted(action for some in ACTIONS for action in (some if isinstance(some, list) else [some]))
MEMBERS = tuple(f"2{number:011}" for number in range(29))
SPEAKER, GONE, EARLY = MEMBERS[0], MEMBERS[1], MEMBERS[2]
OUS = 6  # includes the root
PLUGIN = {"plugin": "logreflector.aws.organization", "regions": ["eu-west-1", "us-east-1"]}


def _described(number: int) -> Account:
    if number < 24:
        return Account(
            name=f"shop {number}", ou="/Workloads/Prod", tags={"env": "prod", "cost center": f"{number % 2}"}
        )
    return Account(name=f"trial {number}", ou="/Workloads/Sandbox 1", tags={"env": "{{ 6 * 7 }}"})


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start an organisation with a suspended account and a pending one; SPEAKER is a delegated administrator."""
    described = {account: _described(number) for number, account in enumerate(MEMBERS)} | {
        MANAGEMENT: Account(name="management"),
        SPEAKER: Account(name="tools", ou="/Security/Tools"),
        GONE: Account(name="gone", ou="/Workloads/Prod", state="SUSPENDED"),
        EARLY: Account(name="early", ou="/Workloads/Prod", state="PENDING_ACTIVATION"),
    }
    organization = Organization(management=MANAGEMENT, members=MEMBERS, described=described, delegated=(SPEAKER,))
    with EmbeddedAws(Configuration(organization=organization)) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of one ansible-inventory."""

    status: int
    out: str
    complaints: str
    calls: Counter[str]

    @property
    def data(self) -> dict[str, Any]:
        assert self.status == 0, self.complaints
        value: dict[str, Any] = json.loads(self.out, object_hook=lambda item: item.get("__ansible_unsafe", item))
        return value

    @property
    def hosts(self) -> list[str]:
        return sorted(self.data["_meta"]["hostvars"])


class Inventory:
    """Runs ansible-inventory as the engineer of the management account does."""

    def __init__(self, aws: RunningAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.file = folder / "organization.yml"

    def write(self, **options: Any) -> Path:
        self.file.write_text(yaml.safe_dump({**PLUGIN, **options}), encoding="utf-8")
        return self.file

    def read(self, *arguments: str, source: Path | None = None, environment: dict[str, str] | None = None) -> Answer:
        """Run ansible-inventory, with --list by default."""
        self.aws.front.clear_journal()
        given = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("AWS_", "ANSIBLE_", "LOG_REFLECTOR_"))
            },
            **self.aws.deploy_environment(),
            "HOME": str(self.folder),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            **(environment or {}),
        }
        rest = ["-i", f"{source or self.file}", *(arguments or ["--list"])]
        done = warm_ansible(given).start("ansible-inventory", rest, given, self.folder, apart=True)
        out, errors = done.communicate()
        assert done.returncode is not None
        calls = Counter(call.operation for call in self.aws.front.calls())
        return Answer(done.returncode, out, " ".join(errors.split()), calls)

    def inventory_of(self, **options: Any) -> Answer:
        """Return the inventory of a file with these options."""
        self.write(**options)
        return self.read()


@pytest.fixture
def inventory(aws: RunningAws, tmp_path: Path) -> Iterator[Inventory]:
    yield Inventory(aws, tmp_path)
    aws.front.clear_faults()
    aws.configure(disabled_regions=[])


# Hosts, variables, groups


def test_inventory_has_every_active_account_in_every_region(inventory: Inventory) -> None:
    answer = inventory.inventory_of()
    assert len(answer.hosts) == 28 * 2
    assert not [host for host in answer.hosts if host.startswith(("gone", "early"))]
    assert answer.data["_meta"]["hostvars"]["shop-3.us-east-1"] == {
        "target_account_id": MEMBERS[3],
        "target_account_regions": ["eu-west-1", "us-east-1"],
        "target_account_name": "shop 3",
        "target_account_tags": {"env": "prod", "cost center": "1"},
        "target_ou_path": "/Workloads/Prod",
        "target_region": "us-east-1",
    }
    # A page has 20 accounts: Prod has 23.
    assert answer.calls == {
        "ListRoots": 1,
        "ListOrganizationalUnitsForParent": OUS,
        "ListAccountsForParent": OUS + 1,
        "ListTagsForResource": 28,
    }


def test_inventory_text_of_others_is_no_template(inventory: Inventory) -> None:
    answer = inventory.inventory_of()
    tags = json.loads(answer.out)["_meta"]["hostvars"]["trial-25.eu-west-1"]["target_account_tags"]
    assert tags == {"env": {"__ansible_unsafe": "{{ 6 * 7 }}"}}
    playbook = inventory.folder / "tags.yml"
    debug = {"ansible.builtin.debug": {"msg": "{{ target_account_tags.env }}"}}
    playbook.write_text(yaml.safe_dump([{"hosts": "trial-25.eu-west-1", "gather_facts": False, "tasks": [debug]}]))
    run = Ansible(inventory.aws.deploy_environment(), inventory.file, inventory.folder).run(str(playbook))
    assert run.result("trial-25.eu-west-1", "debug")["msg"] == "{{ 6 * 7 }}"


def test_inventory_example_graph_is_as_documented(inventory: Inventory) -> None:
    graph = inventory.read("--graph", "ou_Workloads", source=EXAMPLE)
    assert graph.status == 0, graph.complaints
    assert graph.out.startswith("@ou_Workloads:\n  |--@ou_Workloads_Prod:\n  |  |--shop-3.eu-west-1\n")
    assert "trial" not in graph.out
    groups = inventory.read(source=EXAMPLE).data
    assert groups[f"account_{MEMBERS[5]}"]["hosts"] == ["shop-5.eu-west-1", "shop-5.us-east-1"]
    assert len(groups["region_eu_west_1"]["hosts"]) == 21
    assert len(groups["tag_cost_center_0"]["hosts"]) == 20
    variables = groups["_meta"]["hostvars"]["shop-5.eu-west-1"]
    assert variables["ansible_connection"] == "local"
    assert variables["target_role_arn"] == "arn:aws:iam::{{ target_account_id }}:role/log-reflector-deployer"


def test_inventory_supports_templates_and_constructed_options(inventory: Inventory) -> None:
    answer = inventory.inventory_of(
        include={"accounts": ["shop 5"]},
        role_arn="arn:{partition}:iam::{account_id}:role/deploy-{region}",
        hostname="{account_id}.{region}",
        compose={"target_profile": "'profile-' ~ target_account_name"},
        groups={"production": "target_account_tags.env == 'prod'"},
        keyed_groups=[{"key": "target_account_tags['cost center']", "prefix": "cost"}],
        strict=True,
    )
    host = f"{MEMBERS[5]}.eu-west-1"
    variables = answer.data["_meta"]["hostvars"][host]
    assert variables["target_role_arn"] == f"arn:aws:iam::{MEMBERS[5]}:role/deploy-eu-west-1"
    assert variables["target_profile"] == "profile-shop 5"
    assert answer.data["production"]["hosts"] == answer.data["cost_1"]["hosts"] == [host, f"{MEMBERS[5]}.us-east-1"]


def test_inventory_strict_reports_wrong_expression(inventory: Inventory) -> None:
    answer = inventory.inventory_of(compose={"x": "no_such_variable"}, strict=True)
    assert answer.status == 1
    assert "Could not set x for host" in answer.complaints


def test_inventory_enabled_regions_are_read_for_each_account(inventory: Inventory, aws: RunningAws) -> None:
    aws.configure(disabled_regions=["us-west-2", f"{MEMBERS[5]}/eu-west-1"])
    inventory.write(regions=["enabled"], include={"accounts": ["management", "shop 5"]}, fetch_tags=False)
    answer = inventory.read(environment=_keys(aws, NEEDED))
    regions = {host.partition(".")[2] for host in answer.hosts}
    assert {"eu-west-1", "us-east-1"} < regions
    assert {"us-west-2", "af-south-1"}.isdisjoint(regions)
    assert "management.eu-west-1" in answer.hosts
    assert "shop-5.eu-west-1" not in answer.hosts
    assert (answer.calls["ListRegions"], answer.calls["ListTagsForResource"]) == (2, 0)


# Beside a static inventory, and with a playbook


def test_inventory_beside_static_inventory_merges(inventory: Inventory) -> None:
    inventory.write(include={"accounts": ["shop 5"]})
    (inventory.folder / "group_vars").mkdir()
    (inventory.folder / "group_vars" / "all.yml").write_text("shared: by both\n")
    static = {"account_999999999999": {"vars": {"target_account_id": "999999999999"}, "hosts": {"old.eu-west-1": None}}}
    static["region_eu_west_1"] = {"vars": {"target_region": "eu-west-1"}, "hosts": {"old.eu-west-1": None}}
    (inventory.folder / "targets.yml").write_text(yaml.safe_dump({"all": {"children": static}}))
    answer = inventory.read(source=inventory.folder)
    assert answer.hosts == ["old.eu-west-1", "shop-5.eu-west-1", "shop-5.us-east-1"]
    hosts = answer.data["_meta"]["hostvars"]
    assert {host["shared"] for host in hosts.values()} == {"by both"}
    assert sorted(answer.data["region_eu_west_1"]["hosts"]) == ["old.eu-west-1", "shop-5.eu-west-1"]
    common = {"target_account_id", "target_region"}
    assert all(common <= host.keys() for host in hosts.values())


def test_inventory_playbook_reaches_accounts_of_its_hosts(inventory: Inventory) -> None:
    playbook = inventory.folder / "who.yml"
    defaults = {"region": "{{ target_region }}", "assume_role_arn": "{{ target_role_arn }}"}
    task = {"name": "Who", "logreflector.aws.target_info": {"account_id": "{{ target_account_id }}"}}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {"group/logreflector.aws.aws": defaults},
        "tasks": [task],
    }
    playbook.write_text(yaml.safe_dump([play]))
    ansible = Ansible(inventory.aws.deploy_environment(), EXAMPLE, inventory.folder)
    run = ansible.run(str(playbook), "--limit", "region_us_east_1:&tag_cost_center_1")
    assert run.status == 0, run.output
    reached = {line["host"]: line["result"]["target"]["account_id"] for line in run.results}
    assert reached == {f"shop-{number}.us-east-1": MEMBERS[number] for number in range(3, 24, 2)}


def test_inventory_deployment_in_check_mode_is_announced(inventory: Inventory) -> None:
    ansible = Ansible(inventory.aws.deploy_environment(), EXAMPLE, inventory.folder)
    for account, region in ((MEMBERS[5], "eu-west-1"), (MEMBERS[6], "us-east-1")):
        inventory.aws.client("secretsmanager", account, region).create_secret(Name=SECRET, SecretString="x")
    run = ansible.run("logreflector.aws.deploy", "--check", "--limit", "shop-5.eu-west-1,shop-6.us-east-1")
    assert run.status == 0, run.output
    assert {"shop-5.eu-west-1", "shop-6.us-east-1"} == {host for host, lines in run.changes().items() if lines}


# Permissions of the caller


@pytest.mark.parametrize("missing", [None, *NEEDED])
def test_inventory_policy_has_exactly_the_needed_permissions(
    aws: RunningAws, inventory: Inventory, missing: str | None
) -> None:
    keys = _keys(aws, [action for action in NEEDED if action != missing])
    inventory.write(regions=["enabled"], include={"accounts": ["shop 5", "tools"]})
    answer = inventory.read(environment=keys)
    if missing is None:
        assert len(answer.hosts) > 2
    else:
        assert answer.status == 1
        sentence = f"The caller needs {missing}: docs/iam/inventory-policy.json"
        assert sentence in answer.complaints
        assert "Traceback" not in answer.complaints


def _keys(aws: RunningAws, actions: list[str]) -> dict[str, str]:
    """Return the keys of a role in the management account that has only these permissions."""
    iam = aws.client("iam", MANAGEMENT, "eu-west-1")
    name = f"inventory-{time.monotonic_ns()}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName=name, PolicyName="inventory", PolicyDocument=document)
    arn = f"arn:aws:iam::{MANAGEMENT}:role/{name}"
    keys = aws.client("sts", MANAGEMENT, "eu-west-1").assume_role(RoleArn=arn, RoleSessionName="inventory")[
        "Credentials"
    ]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def test_inventory_delegated_administrator_may_list(inventory: Inventory) -> None:
    assert len(inventory.inventory_of(assume_role_arn=role_arn(SPEAKER)).hosts) == 28 * 2
    regions = inventory.inventory_of(assume_role_arn=role_arn(SPEAKER), regions=["enabled"])
    assert regions.status == 1
    for words in (f"the account {MANAGEMENT} (management)", "exclude it, or give regions as a list"):
        assert words in regions.complaints
    without = inventory.inventory_of(
        assume_role_arn=role_arn(SPEAKER), regions=["enabled"], exclude={"accounts": ["management", "shop*", "trial*"]}
    )
    assert "tools.eu-west-1" in without.hosts


def test_inventory_other_member_is_refused_with_advice(inventory: Inventory) -> None:
    answer = inventory.inventory_of(assume_role_arn=role_arn(MEMBERS[5]))
    assert answer.status == 1
    for words in (
        "Could not list the roots of the organization",
        "organizations:ListRoots",
        "delegated administrator",
        "AccessDeniedException",
    ):
        assert words in answer.complaints


# Failures


def test_inventory_throttling_is_retried(inventory: Inventory, aws: RunningAws) -> None:
    aws.front.throttle("ListAccountsForParent", times=2)
    aws.front.throttle("ListTagsForResource", times=2)
    answer = inventory.inventory_of()
    assert len(answer.hosts) == 28 * 2
    assert answer.calls["ListTagsForResource"] == 30


def test_inventory_endless_throttling_fails(inventory: Inventory, aws: RunningAws) -> None:
    aws.front.throttle("ListTagsForResource")
    answer = inventory.inventory_of(aws_config={"retries": {"total_max_attempts": 1}})
    assert answer.status == 1
    assert "Could not list the tags of the account" in answer.complaints
    assert "ThrottlingException" in answer.complaints
    assert answer.calls["ListTagsForResource"] < 28, "the others need not be asked any more"


def test_inventory_without_answer_fails(inventory: Inventory, aws: RunningAws) -> None:
    aws.front.error("ServiceException", "We cannot.", 500, operation="ListOrganizationalUnitsForParent")
    answer = inventory.inventory_of(aws_config={"retries": {"total_max_attempts": 1}})
    assert answer.status == 1
    assert "Could not list the OUs below /" in answer.complaints


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"include": {"ous": ["/Workloads/Pord"]}}, "include.ous: no OU is at /Workloads/Pord"),
        ({"exclude": {"accounts": ["shpo 5"]}}, "exclude.accounts: no account has the name or id 'shpo 5'"),
        ({"include": {"accounts": ["gone"]}}, "include.accounts: the account 'gone' is not active but SUSPENDED"),
        (
            {"include": {"tags": {"environment": "prod"}}},
            "include.tags: no chosen account has a tag 'environment'",
        ),
        ({"regions": ["cn-north-1"], "region": "eu-west-1"}, "cn-north-1 is in the partition aws-cn"),
        ({"include": {"ous": ["/Security"]}, "exclude": {"ous": ["/"]}}, "include and exclude leave none"),
    ],
)
def test_inventory_unknown_name_fails_with_that_name(inventory: Inventory, options: dict[str, Any], words: str) -> None:
    answer = inventory.inventory_of(**options)
    assert answer.status == 1
    assert words in answer.complaints
    assert "Traceback" not in answer.complaints


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"regions": ["eu-wst-1"]}, "option regions: there is no region 'eu-wst-1'"),
        ({"regions": ["enabled", "eu-west-1"]}, "there is no region 'enabled'"),
        ({"regions": []}, "option regions: it is empty"),
        ({"regions": {"a": "b"}}, "'regions'"),
        ({"region": "mars-1"}, "option region: there is no region 'mars-1'"),
        ({"include": ["shop 5"]}, "'include'"),
        ({"include": {"ous": {"a": "b"}}}, "'ous'"),
        ({"include": {"oses": ["/"]}}, "there is no option include.oses"),
        ({"exclude": {"tags": ["env"]}}, "'tags'"),
        ({"exclude": {"ous": ["Workloads"]}}, "exclude.ous: 'Workloads' is not a path"),
        ({"regoins": ["eu-west-1"]}, "option regoins: there is no such option. Did you mean regions?"),
        ({"rolearn": "arn:{partition}:iam::{account_id}:role/x"}, "Did you mean role_arn?"),
        ({"hostname": "{account}"}, "option hostname: 'account' is not a field"),
        ({"role_arn": "deployer"}, "option role_arn: 'deployer' is not a role"),
        (
            {"role_arn": "arn:aws:iam::{{ target_account_id }}:role/x"},
            "option role_arn: its fields have single braces",
        ),
        ({"profile": "x", "access_key": "y"}, "profile|access_key"),
        ({"access_key": "y"}, "access_key, secret_key"),
        ({"fetch_tags": "perhaps"}, "fetch_tags"),
    ],
)
def test_inventory_wrong_option_is_refused_before_any_call(
    inventory: Inventory, options: dict[str, Any], words: str
) -> None:
    answer = inventory.inventory_of(**options)
    assert (answer.status, answer.calls) == (1, Counter())
    assert words in answer.complaints
    assert "Traceback" not in answer.complaints


def test_inventory_accepts_only_files_with_its_name(inventory: Inventory) -> None:
    file = inventory.write(include={"accounts": ["shop 5"]})
    for name, status in (("prod.logreflector.yaml", 0), ("my-organization.yml", 0), ("accounts.yml", 1)):
        assert inventory.read(source=file.rename(file.with_name(name))).status == status
        file = inventory.write(include={"accounts": ["shop 5"]})


# The cache


def test_inventory_cache_saves_calls(inventory: Inventory) -> None:
    folder = inventory.folder / "cache"
    cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(folder)}
    first = inventory.inventory_of(**cached)
    assert first.calls["ListRoots"] == 1
    again = inventory.read()
    assert (again.calls, again.data) == (Counter(), first.data)
    # Templates are not cached.
    assert (answer := inventory.inventory_of(**cached, hostname="{account_id}.{region}")).calls == Counter()
    assert f"{MEMBERS[5]}.eu-west-1" in answer.hosts
    # Other options and other callers do not get the same cached answer.
    assert inventory.inventory_of(**cached, exclude={"ous": ["/Workloads"]}).hosts == [
        "management.eu-west-1",
        "management.us-east-1",
        "tools.eu-west-1",
        "tools.us-east-1",
    ]
    inventory.write(**cached)
    assert inventory.read(environment=_keys(inventory.aws, NEEDED)).calls["ListRoots"] == 1
    assert inventory.read("--list", "--flush-cache").calls["ListRoots"] == 1
    assert inventory.read().calls == Counter()
    kept = "".join(path.read_text() for path in folder.iterdir())
    assert "shop 5" in kept
    assert inventory.aws.deploy_environment()["AWS_SECRET_ACCESS_KEY"] not in kept


def test_inventory_failure_is_not_cached(inventory: Inventory, aws: RunningAws) -> None:
    folder = inventory.folder / "cache"
    cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(folder)}
    aws.front.deny("ListRoots", times=1)
    assert inventory.inventory_of(**cached).status == 1
    assert len(inventory.read().hosts) == 28 * 2
