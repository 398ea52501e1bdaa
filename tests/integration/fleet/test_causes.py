# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A failure on a target is reported at once, with its cause and the command that helps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from centralized_fleet import no_permission
from deployed import Deployed
from embedded_aws import Behaviour, Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import populate

from playbooks import EXCLUDE, MANAGEMENT, MEMBER, POLICY, REGIONS, Ansible, write_inventory

TARGETS = [(MANAGEMENT, REGIONS[0]), (MEMBER, REGIONS[0])]
HERE, BARE = (f"{account}.{region}" for account, region in TARGETS)
# A check that waited would exceed the test's own limit.
PATIENT = {"verify_timeout": 3600}


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start two accounts in one region. Log groups are where the deployment is."""
    organization = Organization(management=MANAGEMENT, members=(MEMBER,), regions=REGIONS[:1])
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        populate(running, *TARGETS[0], groups=2)
        yield running


@pytest.fixture(scope="module")
def fleet(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Return a runner of playbooks for a target with a deployment and one without."""
    folder = tmp_path_factory.mktemp("causes")
    inventory = write_inventory(
        folder,
        TARGETS,
        log_groups_exclude=EXCLUDE,
        reflector_timeout=30,
        reflector_drain_seconds=0,
        teardown_waves="1,100%",
    )
    ansible = Ansible(aws.deploy_environment(), inventory, folder)
    deployed = ansible.run("logreflector.aws.deploy", "--limit", HERE)
    assert deployed.status == 0, deployed.output
    return ansible


@pytest.fixture
def place(aws: RunningAws, fleet: Ansible) -> Iterator[Deployed]:
    yield Deployed(aws, *TARGETS[0])
    aws.sink.behave()
    aws.configure(trail=True)


def failure(recap: str, host: str) -> str:
    return next(line for line in recap.splitlines() if line.startswith(f"{host}: failed. "))


def test_catch_up_without_reflector_fails_in_check_mode_too(fleet: Ansible) -> None:
    for arguments in (["--check"], []):
        run = fleet.run("logreflector.aws.catch_up", "--limit", BARE, *arguments)
        assert run.status == 2
        assert "Could not find the reflector log-reflector" in failure(run.recap(), BARE)
        assert run.changed_tasks() == []


def test_verify_without_trail_names_the_trail(fleet: Ansible, place: Deployed) -> None:
    place.aws.configure(trail=False)
    run = fleet.run("logreflector.aws.verify", "--limit", HERE, extra=PATIENT)
    assert run.status == 2
    assert "no CloudTrail trail logs their creation (there is no trail)" in failure(run.recap(), HERE)


def test_verify_without_permission_names_it(fleet: Ansible, place: Deployed) -> None:
    with no_permission(place):
        run = fleet.run("logreflector.aws.verify", "--limit", HERE, extra=PATIENT)
    assert run.status == 2
    assert "no statement of the function's policy lets CloudWatch Logs invoke it" in failure(run.recap(), HERE)


def test_verify_names_the_sinks_answer_and_dead_letters_wait_until_a_replay(fleet: Ansible, place: Deployed) -> None:
    place.aws.sink.behave(Behaviour(status=403))
    run = fleet.run("logreflector.aws.verify", "--limit", HERE, extra=PATIENT)
    assert run.status == 2
    assert "the reflector reports: sumologic: " in failure(run.recap(), HERE)
    assert "403" in failure(run.recap(), HERE)
    place.aws.sink.behave()
    waiting = f"    {HERE}: 1 dead letter waits; the oldest of 1 read is "
    for playbook, status in (("status", 0), ("deploy", 0), ("verify", 2)):
        run = fleet.run(f"logreflector.aws.{playbook}", "--limit", HERE)
        assert run.status == status, run.output
        assert "WARNING: 1 dead letter on 1 target." in run.recap()
        assert waiting in run.recap()
    assert "1 dead letter waits" in failure(run.recap(), HERE)
    assert fleet.run("logreflector.aws.replay", "--limit", HERE).status == 0
    assert fleet.run("logreflector.aws.verify", "--limit", HERE).status == 0


def test_failed_delivery_check_offers_the_rollback(fleet: Ansible, place: Deployed) -> None:
    # The deployment does not read secrets of other regions.
    secret = f"arn:aws:secretsmanager:{REGIONS[1]}:{place.account}:secret:nope-AbCdEf"
    wrong = {"reflector_sumo_endpoint": secret, "deploy_verify": True, **PATIENT}
    run = fleet.run("logreflector.aws.deploy", "--limit", HERE, extra=wrong)
    assert run.status == 2
    assert "the reflector reports: sumologic: " in failure(run.recap(), HERE)
    *_unused, offer = run.recap().splitlines()
    assert "logreflector.aws.rollback -e rollback_release=" in offer
    release = offer.rpartition("=")[2]
    back = fleet.run("logreflector.aws.rollback", extra={"rollback_release": release, "rollback_waves": "100%"})
    assert back.status == 0, back.output
    assert f"1 target: left as it is, nothing is deployed\n    {BARE}" in back.recap()


def test_teardown_counts_in_check_mode_and_keeps_dead_letters_unless_discarded(fleet: Ansible, place: Deployed) -> None:
    sqs, url = place.queue()
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="a dead letter")
    discard = {"teardown_discard_dead_letters": True}
    announced = fleet.run("logreflector.aws.teardown", "--check", extra=discard)
    assert announced.status == 0, announced.output
    found = [line for line in announced.recap().splitlines() if line.startswith(f"{HERE}: would change")]
    assert len(found) == 1, announced.output
    (counted,) = found
    assert "subscription" in counted
    assert "delete function (2)" in counted
    refused = fleet.run("logreflector.aws.teardown")
    assert refused.status == 2
    assert "Send them again first: ansible-playbook logreflector.aws.replay." in failure(refused.recap(), HERE)
    assert "1 target not started: wave 1 exceeded its failure limit." in refused.recap()
    done = fleet.run("logreflector.aws.teardown", extra=discard)
    assert done.status == 0, done.output
    assert len(done.waves()) == 2
    assert place.own_resources() == []
