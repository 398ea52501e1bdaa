# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploy, new log groups, catch-up and teardown with AWS's delays, on a clock that runs twenty times as fast."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator

import pytest
from bursts import dead_letters, first_line, make_groups, wait_until_idle
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws, Settings
from embedded_aws.population import populate
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, POLICY, REGIONS, Ansible, write_inventory

SPEED = 20
GROUPS = tuple(f"/delayed/{number:02}" for number in range(24))


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    organization = Organization(management=MANAGEMENT, members=(), regions=REGIONS[:1])
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        populate(running, MANAGEMENT, REGIONS[0], groups=2)
        running.configure(**dataclasses.asdict(Settings.like_aws(SPEED, seed=7, event_loss=0.0)))
        yield running


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    folder = tmp_path_factory.mktemp("delays")
    inventory = write_inventory(folder, [(MANAGEMENT, REGIONS[0])], log_groups_exclude=EXCLUDE)
    return Ansible(aws.deploy_environment(), inventory, folder)


def lines_of(place: Deployed, text: str) -> dict[str, int]:
    """Return how often a line of each group is at the sink."""
    found = dict.fromkeys(GROUPS, 0)
    for line in place.aws.sink.lines():
        if line.get("logGroup") in found and line["message"] == text.format(line["logGroup"]):
            found[line["logGroup"]] += 1
    return found


def test_deploy_to_teardown_with_delays_of_aws(
    aws: RunningAws, ansible: Ansible, record_testsuite_property: Callable[[str, object], None]
) -> None:
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    place = Deployed(aws, MANAGEMENT, REGIONS[0])

    aws.configure(event_loss=0.2)
    make_groups(place, GROUPS)
    wait_until_idle(place)
    aws.configure(event_loss=0.0)
    caught_up = ansible.run("logreflector.aws.catch_up")
    assert caught_up.status == 0, caught_up.output
    missed = {name for change in caught_up.changes()[f"{MANAGEMENT}.{REGIONS[0]}"] for name in GROUPS if name in change}

    time.sleep(2 * aws.settings().filter_delay)
    for group in GROUPS:
        place.write(group, f"second line of {group}")
    wait_until(
        lambda: all(lines_of(place, "second line of {}").values()),
        "the second line of each log group",
        seen=lambda: lines_of(place, "second line of {}"),
    )
    wait_until_idle(place)
    first, second = lines_of(place, first_line("{}")), lines_of(place, "second line of {}")
    assert {group for group, count in first.items() if not count} <= missed
    for name, found in (("first", first), ("second", second)):
        record_testsuite_property(f"duplicates of {name} lines", sum(count - 1 for count in found.values() if count))
    assert dead_letters(place) == 0

    removed = ansible.run("logreflector.aws.teardown")
    assert removed.status == 0, removed.output
    assert place.own_resources() == []
