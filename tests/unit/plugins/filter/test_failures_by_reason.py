"""One cause is one group, two causes are two, and what is shown holds nothing that only one target has."""

from __future__ import annotations

import string
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.filter.failures_by_reason import failures_by_reason, general
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

ACCOUNTS = [f"{number:012}" for number in range(1, 40)]
REGIONS = ["eu-west-1", "us-east-2", "ap-southeast-4", "us-gov-west-1", "cn-northwest-1", "us-iso-east-1"]


def target(account: str, region: str, failure: str) -> dict[str, Any]:
    """The variables of a target, as hostvars holds them."""
    return {
        "inventory_hostname": f"{account}.{region}",
        "target_region": region,
        "recap_failure": failure.replace("ACCOUNT", account).replace("REGION", region),
    }


ASSUME = (
    "Could not assume the role arn:aws:iam::ACCOUNT:role/log-reflector-deployer in ACCOUNT/REGION: AccessDenied: User: "
    "arn:aws:sts::111111111111:assumed-role/ci/session is not authorized. Check the role's trust policy."
)
SILENT = 'Could not see the target: Connect timeout on endpoint URL: "https://sts.REGION.amazonaws.com/".'


def test_many_targets_with_one_cause_are_one_group() -> None:
    failures = [target(account, region, ASSUME) for account in ACCOUNTS for region in REGIONS]
    failures.insert(3, target("333333333333", "eu-west-1", SILENT))
    first, second = failures_by_reason(failures)
    assert len(first["targets"]) == len(ACCOUNTS) * len(REGIONS)
    assert first["targets"][:2] == [f"{ACCOUNTS[0]}.{region}" for region in REGIONS[:2]]
    assert (
        "role arn:aws:iam::<account>:role/log-reflector-deployer in <account>/<region>: AccessDenied" in first["reason"]
    )
    # Alone, a target shows its failure as it was.
    assert second == {"reason": SILENT.replace("REGION", "eu-west-1"), "targets": ["333333333333.eu-west-1"]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("refused (request id 6f1b2c3d-0a0b-4c4d-8e8f-001122334455)", "refused (request id 7a1b2c3d-0a0b-4c4d-8e8f-665544332211)"),
        ("canary log group /log-reflector/canary-0123456789ab", "canary log group /log-reflector/canary-ba9876543210"),
        ("it did not come within 30 seconds", "it did not come within 30.5 seconds"),
        ("secret arn:aws:secretsmanager:eu-west-1:ACCOUNT:secret:a-AbCdEf", "secret arn:aws:secretsmanager:eu-west-1:ACCOUNT:secret:b-XyZzyX"),
        ("https://logs.eu-west-1.amazonaws.com", "https://logs.us-east-2.amazonaws.com"),
    ],
)  # fmt: skip
def test_what_only_tells_targets_apart_makes_no_second_group(one: str, other: str) -> None:
    (group,) = failures_by_reason([target(ACCOUNTS[0], "eu-west-1", one), target(ACCOUNTS[1], "us-east-2", other)])
    assert len(group["targets"]) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the sink answered 503", "the sink answered 404"),
        ("the caller needs the IAM action for CreateRole", "the caller needs the IAM action for CreateFunction"),
        ("queue log-reflector-dead-letters", "queue log-reflector-subscriber-dead-letters"),
        ("deadbeef", "facade"),
    ],
)
def test_other_causes_are_other_groups(one: str, other: str) -> None:
    groups = failures_by_reason([target(ACCOUNTS[0], "eu-west-1", one), target(ACCOUNTS[1], "us-east-2", other)])
    assert [group["reason"] for group in groups] == [one, other]


def test_a_name_is_replaced_as_a_whole_word_only() -> None:
    assert general("a banana of a in b", "a") == "<target> banana of <target> in b"
    assert general("shop.eu-west-1: no", "shop.eu-west-1", "eu-west-1") == "<target>: no"
    assert general("in local: no localhost", "x", "local") == "in <region>: no localhost"


@pytest.mark.parametrize("named", [{"target_region": "local"}, {}, {"target_region": None}])
def test_a_region_without_a_usual_name_is_the_targets_own_where_it_says_so(named: dict[str, Any]) -> None:
    failures = [{"inventory_hostname": name, "recap_failure": f"in local of None: {name}", **named} for name in "ab"]
    (group,) = failures_by_reason(failures)
    where = "<region>" if named.get("target_region") else "local"
    assert group == {"reason": f"in {where} of None: <target>", "targets": ["a", "b"]}


@pytest.mark.parametrize("region", [None, Environment(undefined=StrictUndefined).undefined(name="nowhere")])
def test_a_region_that_the_inventory_does_not_tell_is_no_obstacle(region: Any) -> None:
    given_target = {**target(ACCOUNTS[0], "eu-west-1", "'nowhere' is undefined"), "target_region": region}
    assert [group["reason"] for group in failures_by_reason([given_target])] == ["'nowhere' is undefined"]


def test_no_targets_make_no_groups() -> None:
    assert failures_by_reason([]) == []


NAMES = st.text(string.ascii_lowercase + "-.", min_size=1, max_size=12)


@given(st.lists(st.tuples(NAMES, st.sampled_from(REGIONS), st.text(max_size=40)), max_size=20))
def test_every_target_is_in_one_group_and_the_largest_comes_first(given_targets: list[tuple[str, str, str]]) -> None:
    targets = [
        {"inventory_hostname": name, "target_region": region, "recap_failure": failure}
        for name, region, failure in given_targets
    ]
    groups = failures_by_reason(targets)
    assert sorted(name for group in groups for name in group["targets"]) == sorted(
        name for name, *_unused in given_targets
    )
    sizes = [len(group["targets"]) for group in groups]
    assert sizes == sorted(sizes, reverse=True)
