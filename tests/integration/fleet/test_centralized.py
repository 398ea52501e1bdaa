# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One reflector for copies of AWS's centralization: a member's events arrive at the HTTP sink with their origin's names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployed import FUNCTION, Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws, Sink
from waits import wait_until

from playbooks import MANAGEMENT, MEMBER, POLICY, REGIONS, Ansible, write_inventory

HOME, AWAY = REGIONS[0], "eu-central-1"
CENTRAL = "444444444444"
PATTERN = "/central/${source.accountId}/${source.region}${source.logGroup}"
GROUP = "/app/orders"
KIND = "SUBSCRIPTION_FILTER_POLICY"


@pytest.fixture(scope="module")
def organization() -> Iterator[RunningAws]:
    members = Organization(management=MANAGEMENT, members=(MEMBER, CENTRAL), regions=(HOME, AWAY))
    with EmbeddedAws(Configuration(organization=members, deployer_policy=POLICY)) as running:
        client = running.client("organizations", MANAGEMENT, HOME)
        client.enable_aws_service_access(ServicePrincipal="observabilityadmin.amazonaws.com")
        yield running


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    found = Sink()
    found.start()
    yield found
    found.stop()


def create_rule(ansible: Ansible, folder: Path) -> None:
    """Create the rule by the module, in the management account."""
    task = {
        "region": HOME,
        "access_key": MANAGEMENT,
        "secret_key": "of-the-owner",
        "name": "central",
        "organization_id": "o-embeddedaws",
        "source_regions": [HOME, AWAY],
        "destination_account": CENTRAL,
        "destination_region": HOME,
        "log_group_name_pattern": PATTERN,
    }
    rule = {"logreflector.aws.centralization_rule": task, "run_once": True}
    playbook = folder / "rule.json"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [rule]}]), encoding="utf-8")
    run = ansible.run(str(playbook))
    assert run.status == 0, run.output


def test_member_events_reach_the_sink_with_their_origin(organization: RunningAws, sink: Sink, tmp_path: Path) -> None:
    central = Deployed(organization, CENTRAL, HOME)
    inventory = write_inventory(
        tmp_path,
        [(CENTRAL, HOME)],
        reflector_sumo_endpoint=None,
        reflector_sinks={"audit": {"type": "http", "endpoint": sink.url}},
        reflector_centralized_name_pattern=PATTERN,
        log_groups_mode="account_policy",
    )
    ansible = Ansible(organization.deploy_environment(), inventory, tmp_path)
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    (policy,) = central.client("logs").describe_account_policies(policyType=KIND)["accountPolicies"]
    assert FUNCTION in policy["policyDocument"]
    create_rule(ansible, tmp_path)
    written = {}
    for account, region in ((MEMBER, HOME), (MEMBER, AWAY), (MANAGEMENT, AWAY)):
        source = Deployed(organization, account, region)
        source.client("logs").create_log_group(logGroupName=GROUP)
        written[f"from {account}/{region}"] = (account, GROUP, source.write(GROUP, f"from {account}/{region}"))

    def received() -> dict[str, tuple[str, str, str]]:
        ours = [line for line in sink.lines() if line["logGroup"] == GROUP]
        return {line["message"]: (line["owner"], line["logGroup"], line["logStream"]) for line in ours}

    wait_until(lambda: len(received()) == len(written), "the lines at the sink", seen=lambda: str(sink.lines()))
    central.wait_until_idle()
    assert received() == written
    accounts = [line for line in central.accounts() if line["logGroup"] == GROUP]
    assert sorted(line["owner"] for line in accounts) == sorted(
        account for account, _group, _stream in written.values()
    )
    assert sum(line["logGroup"].startswith("/central/") for line in central.accounts()) == 0
