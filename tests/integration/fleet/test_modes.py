# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook switches a target from the account policy to filters and back, while lines are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization
from embedded_aws.population import EXCLUDED_GROUP, FULL_GROUP, foreign_state, populate
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, POLICY, REGIONS, Ansible, Run, write_inventory

SUBSCRIBER = "log-reflector-subscriber"
SERVED = "/aws/lambda/service-01"
POLICY_MODE = {"log_groups_mode": "account_policy"}
# The full group has no slot for our filter, so the mode filters has to exclude it.
FILTERS_MODE = {"log_groups_exclude": [*EXCLUDE, FULL_GROUP]}


@pytest.fixture(scope="module")
def place() -> Iterator[Deployed]:
    organization = Organization(management=MANAGEMENT, members=(), regions=REGIONS[:1])
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as aws:
        populate(aws, MANAGEMENT, REGIONS[0], groups=6)
        yield Deployed(aws, MANAGEMENT, REGIONS[0])


@pytest.fixture(scope="module")
def foreign(place: Deployed) -> dict[str, Any]:
    """Return the resources of others before the deployment."""
    return foreign_state(place.aws, place.account, place.region)


@pytest.fixture(scope="module")
def ansible(place: Deployed, foreign: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Return a runner. Its rules are too long for the function's environment, so a teardown also removes a parameter."""
    folder = tmp_path_factory.mktemp("modes")
    inventory = write_inventory(
        folder,
        [(place.account, place.region)],
        log_groups_exclude=EXCLUDE,
        subscriber_settings_inline_bytes=1,
        catch_up_settle_seconds=1,
        reflector_drain_seconds=0,
    )
    return Ansible(place.aws.deploy_environment(), inventory, folder)


def policies(place: Deployed) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.client("logs").describe_account_policies(
        policyType="SUBSCRIPTION_FILTER_POLICY"
    )["accountPolicies"]
    return found


def filters(place: Deployed) -> list[str]:
    """Return the log groups that have a filter of ours."""
    logs = place.client("logs")
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    return [
        group
        for group in groups
        for item in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        if item["destinationArn"].endswith(":log-reflector")
    ]


def states(place: Deployed) -> set[str]:
    """Return the states of the subscriber's rules."""
    return {rule["State"] for rule in place.client("events").list_rules(NamePrefix=SUBSCRIBER)["Rules"]}


def at_sink(place: Deployed, group: str) -> Counter[str]:
    return Counter(line["message"] for line in place.aws.sink.lines() if line.get("logGroup") == group)


def deploy_in_mode(place: Deployed, ansible: Ansible, **variables: Any) -> tuple[Run, dict[str, Any], Counter[str]]:
    """Deploy in another mode while lines are written. Return the run, the deployment's result, and the number of each line at the sink."""
    with place.writing(SERVED) as written:
        wait_until(lambda: written and at_sink(place, SERVED)[written[0]], f"the first line of {SERVED} at the sink")
        run = ansible.run("logreflector.aws.deploy", extra=variables)
    assert run.status == 0, run.output
    place.wait_until_idle()
    steps = run.result(place.host, "Deploy everything")
    counted = at_sink(place, SERVED)
    return run, steps, Counter({message: counted[message] for message in written})


def check_target(place: Deployed, ansible: Ansible, **variables: Any) -> None:
    """Check that verify and status succeed: the delivery check passes and coverage is complete."""
    verify = ansible.run("logreflector.aws.verify", extra=variables)
    assert verify.status == 0, verify.output
    assert "delivery check: filter after" in verify.recap()
    assert "; no changes" in verify.recap()
    status = ansible.run("logreflector.aws.status", extra=variables)
    assert status.status == 0, status.output
    assert place.host in status.recap()


def test_mode_account_policy_serves_target_without_filters(place: Deployed, ansible: Ansible) -> None:
    run = ansible.run("logreflector.aws.deploy", extra=POLICY_MODE)
    assert run.status == 0, run.output
    (policy,) = policies(place)
    for group in (EXCLUDED_GROUP, "/aws/lambda/log-reflector", f"/aws/lambda/{SUBSCRIBER}"):
        assert f'"{group}"' in policy["selectionCriteria"]
    assert filters(place) == []
    assert states(place) == {"DISABLED"}
    check_target(place, ansible, **POLICY_MODE)
    # The policy takes no slot, and a new group needs no event.
    place.client("logs").create_log_group(logGroupName="/made/later")
    place.write("/made/later", "its first line")
    place.write(FULL_GROUP, "a line of a full group")
    wait_until(
        lambda: at_sink(place, "/made/later") and at_sink(place, FULL_GROUP),
        f"lines of /made/later and {FULL_GROUP} at the sink",
        seen=place.accounts,
    )
    assert filters(place) == []
    again = ansible.run("logreflector.aws.deploy", extra=POLICY_MODE)
    assert (again.status, again.changed_tasks()) == (0, []), again.output


def test_mode_change_that_a_full_group_prevents_is_refused(place: Deployed, ansible: Ansible) -> None:
    run = ansible.run("logreflector.aws.deploy")
    assert run.status == 2
    assert (
        f"The first, {FULL_GROUP}: could not subscribe log group {FULL_GROUP}: all its 5 filter slots are taken"
        in run.recap()
    )
    assert len(policies(place)) == 1


def test_mode_change_to_filters_loses_nothing(place: Deployed, ansible: Ansible) -> None:
    _run, steps, counts = deploy_in_mode(place, ansible, **FILTERS_MODE)
    assert min(counts.values()) == 1
    assert policies(place) == []
    assert states(place) == {"ENABLED"}
    assert {SERVED, "/made/later"} <= set(filters(place))
    check_doubled(steps["account_policy"]["doubled"], counts)
    check_target(place, ansible, **FILTERS_MODE)


def test_mode_change_to_policy_loses_nothing(place: Deployed, ansible: Ansible) -> None:
    """A log group that the same deployment excluded kept our filter."""
    mode = {**POLICY_MODE, "log_groups_exclude": [*EXCLUDE, "/made/later"]}
    run, steps, counts = deploy_in_mode(place, ansible, **mode)
    assert min(counts.values()) == 1
    (policy,) = policies(place)
    assert '"/made/later"' in policy["selectionCriteria"]
    assert filters(place) == []
    changes = run.result(place.host, "Deploy everything")["changes"]
    assert "delete the filters of 1 log groups that the rules exclude" in changes
    assert states(place) == {"DISABLED"}
    check_doubled(steps["catch_up"]["doubled"], counts)
    check_target(place, ansible, **mode)


def check_doubled(reported: dict[str, Any], counts: Counter[str]) -> None:
    """Check that no more lines arrived twice than were written in the reported seconds, and none more often."""
    assert max(counts.values()) <= 2
    assert reported["groups"] >= 6
    assert sum(times == 2 for times in counts.values()) <= 5 * (reported["seconds_at_most"] + 1)


def test_mode_teardown_removes_everything(place: Deployed, ansible: Ansible, foreign: dict[str, Any]) -> None:
    place.client("logs").delete_log_group(logGroupName="/made/later")
    run = ansible.run("logreflector.aws.teardown", extra=POLICY_MODE)
    assert run.status == 0, run.output
    assert place.own_resources() == []
    assert foreign_state(place.aws, place.account, place.region) == foreign
