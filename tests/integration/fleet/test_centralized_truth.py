# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truth about targets whose events AWS's centralization copies, in a fleet of mixed modes: states, events, explanations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from centralized_fleet import (
    ARCHIVE,
    AWAY,
    CENTRAL,
    EXCLUDED,
    FAR,
    FILTERED,
    FINE,
    HOME,
    LONG,
    LOST,
    OWN,
    SERVED,
    SOURCES,
    TARGETS,
    copies_fail,
    denied,
    deployed_fleet,
    function_stopped,
    lines,
    no_permission,
    no_policy,
    no_trusted_access,
    rule_body,
    running_organization,
    sink_down,
    write,
)
from deployed import Deployed, calls_of_runs
from embedded_aws import Call, RunningAws

from playbooks import MANAGEMENT, MEMBER, Ansible, Run


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    with running_organization() as running:
        yield running


@pytest.fixture(scope="module")
def source(aws: RunningAws) -> Deployed:
    return Deployed(aws, MEMBER, AWAY)


@pytest.fixture(scope="module")
def central(aws: RunningAws) -> Deployed:
    return Deployed(aws, CENTRAL, HOME)


@pytest.fixture(scope="module")
def other(aws: RunningAws) -> Deployed:
    """Return the other target that the rule copies."""
    return Deployed(aws, MANAGEMENT, AWAY)


@pytest.fixture(scope="module")
def filtered(aws: RunningAws) -> Deployed:
    """Return the target with filters."""
    return Deployed(aws, MEMBER, HOME)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the reports are written to."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks, with everything deployed and a rule."""
    return deployed_fleet(aws, tmp_path_factory.mktemp("truth"), out)


@dataclass(frozen=True, slots=True)
class Report:
    """A run of the report, its targets by host, and its files for people and for Prometheus."""

    run: Run
    targets: dict[str, dict[str, Any]]
    page: str
    metrics: str

    def rows(self, place: Deployed) -> dict[str, dict[str, Any]]:
        """Return the rows of a target by log group."""
        return {row["log_group"]: row for row in self.targets[place.host]["log_groups"]}

    def flow(self, place: Deployed) -> dict[str, Any]:
        """Return the flow to the only destination of a target."""
        (flow,) = self.run.result(place.host, "Read the coverage")["coverage"]["copy_flows"]
        found: dict[str, Any] = flow
        return found


def report(ansible: Ansible, out: Path, *places: Deployed, status: int = 0, **extra: Any) -> Report:
    """Run the report on some targets, or on all."""
    limit = ["--limit", ",".join(place.host for place in places)] if places else []
    run = ansible.run("logreflector.aws.report", *limit, extra=extra)
    assert run.status == status, run.output
    targets = json.loads((out / "report.json").read_text(encoding="utf-8"))["targets"]
    page, metrics = ((out / name).read_text(encoding="utf-8") for name in ("report.html", "report.prom"))
    return Report(run, {target["host"]: target for target in targets}, page, metrics)


def groups_in(place: Deployed) -> set[str]:
    pages = place.client("logs").get_paginator("describe_log_groups").paginate()
    return {group["logGroupName"] for page in pages for group in page["logGroups"]}


@dataclass(frozen=True, slots=True)
class Mixed:
    """The fleet before and after one line in each log group.

    calls   of the first report
    names   the log groups of each target at that time
    lines   the messages that the sink got
    """

    before: Report
    calls: list[Call]
    names: dict[str, set[str]]
    lines: set[str]
    after: Report


@pytest.fixture(scope="module")
def mixed(ansible: Ansible, aws: RunningAws, out: Path) -> Mixed:
    places = [Deployed(aws, *target) for target in TARGETS]
    aws.front.clear_journal()
    before = report(ansible, out)
    calls = calls_of_runs(aws)
    names = {place.host: groups_in(place) for place in places}
    for place in places:
        for name in names[place.host]:
            if name.startswith("/app/"):
                place.write(name, f"{place.host} {name}")
    for place in places:
        place.wait_until_idle()
    return Mixed(before, calls, names, {line["message"] for line in aws.sink.lines()}, report(ansible, out))


def test_states_of_a_mixed_fleet_are_as_aws_delivers(mixed: Mixed, aws: RunningAws) -> None:
    assert sum(call.operation == "ListCentralizationRulesForOrganization" for call in mixed.calls) == 1, "one for all"
    assert {call.operation for call in mixed.calls if call.write} <= {"AssumeRole"}, "the report changed something"
    assert {host: target["mode"] for host, target in mixed.before.targets.items()} == {
        **{f"{account}.{region}": "centralized" for account, region in SOURCES},
        f"{MEMBER}.{HOME}": "filters",
        f"{MANAGEMENT}.{HOME}": "account_policy",
        f"{CENTRAL}.{HOME}": "account_policy",
    }
    expected = set()
    for target in TARGETS:
        place = Deployed(aws, *target)
        found = mixed.before.rows(place)
        assert found.keys() == mixed.names[place.host], (
            "a log group is missing, or a copy is listed as the target's own"
        )
        expected |= {
            f"{place.host} {name}"
            for name, row in found.items()
            if name.startswith("/app/") and row["state"] == "covered"
        }
    assert mixed.lines == expected, "the sink got other lines than the report says"
    assert len(expected) == 7
    assert "5 chosen, but not subscribed" in mixed.before.run.output


@pytest.mark.parametrize(
    ("target", "group", "state", "cause", "reason"),
    [
        ((MEMBER, AWAY), FINE, "covered", None, ""),
        (
            (MEMBER, AWAY),
            EXCLUDED,
            "excluded",
            "rule",
            f"the rule central leaves it out: LogGroupName NOT IN ('{EXCLUDED}')",
        ),
        ((MEMBER, AWAY), ARCHIVE, "impossible", "class", "its log class is INFREQUENT_ACCESS"),
        ((MEMBER, AWAY), LONG, "impossible", "name", "the copy's name would have 519 characters"),
        ((MEMBER, FAR), FINE, "missing", "no_rule", f"the rule central does not copy from {FAR}"),
        ((MEMBER, HOME), FILTERED, "covered", None, ""),
    ],
)
def test_row_has_state_and_reason(
    mixed: Mixed, aws: RunningAws, target: tuple[str, str], group: str, state: str, cause: str | None, reason: str
) -> None:
    row = mixed.after.rows(Deployed(aws, *target))[group]
    assert (row["state"], row.get("cause")) == (state, cause)
    assert reason in row.get("reason", "")


def test_row_of_a_copied_log_group_has_its_copy_as_proof(mixed: Mixed, source: Deployed) -> None:
    row = mixed.after.rows(source)[FINE]
    assert (row["means"], row["known_by"]) == ("centralization", "copy")
    assert row["since"] > row["created"]


def test_log_groups_of_other_modes_that_a_rule_copies_are_duplicates(
    ansible: Ansible, aws: RunningAws, filtered: Deployed, central: Deployed, out: Path
) -> None:
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    served = Deployed(aws, MANAGEMENT, HOME)
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=rule_body(AWAY, HOME))
    found = report(ansible, out, filtered, served, central, report_flow=False)
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=rule_body(AWAY))
    for place, group, means in ((filtered, FILTERED, "filter"), (served, SERVED, "account policy")):
        row = found.rows(place)[group]
        assert (row["state"], row["cause"]) == ("broken", "duplicate")
        assert row["reason"] == f"its {means} sends its events, and the rule central copies them, so they arrive twice"
    assert found.rows(central)[OWN]["state"] == "covered", "a rule does not copy within its destination"


LOSSES = ("too_long", "before", "underway", "throttled", "late")
AFTER_THE_COPY = (
    "unfiltered",
    "no_policy",
    "delivery_errors",
    "delivery_throttles",
    "waiting",
    "given_up",
    "given_up_replayed",
    "expired",
    "undecodable",
)


def differences(flow: dict[str, Any]) -> tuple[int, int, int]:
    """Return the events that left no station in a known way."""
    return (
        flow["written"] - flow["copied"] - sum(flow[name] for name in LOSSES) - sum(flow["errors"].values()),
        flow["copied"] - flow["received"] - sum(flow[name] for name in AFTER_THE_COPY),
        flow["received"] - flow["delivered"] - flow["dead_lettered"] - sum(flow["dropped"].values()),
    )


def growth(after: dict[str, Any], before: dict[str, Any]) -> dict[str, int]:
    """Return the counts that grew."""
    names = [name for name, value in after.items() if isinstance(value, int) and name not in ("begin", "end")]
    return {name: after[name] - before[name] for name in names if after[name] != before[name]}


@dataclass(frozen=True, slots=True)
class Events:
    """Reports, each after the next event in the fleet."""

    before: Report
    explained: Report
    lossy: Report
    dropped: Report
    without_policy: Report
    healed: Report


@pytest.fixture(scope="module")
def events(
    mixed: Mixed, ansible: Ansible, aws: RunningAws, source: Deployed, other: Deployed, central: Deployed, out: Path
) -> Events:
    for group, number in ((FINE, 4), (ARCHIVE, 3), (LONG, 2), (EXCLUDED, 5)):
        write(source, group, *lines(number))
    explained = report(ansible, out)
    lose(source, central)
    lossy = report(ansible, out, source)
    aws.configure(centralization_throttling=0.0)
    source.wait_until_idle()
    other.client("logs").create_log_group(logGroupName=LOST)
    with copies_fail(aws, "LogGroupQuotaExceeded"):
        write(other, LOST, *lines(3))
    dropped = report(ansible, out, source, other)
    with no_policy(central):
        write(source, FINE, *lines(6))
        without_policy = report(ansible, out, source)
    write(other, LOST, "now it works")
    central.client("logs").delete_log_group(logGroupName=f"/central/{source.account}/{source.region}{FINE}")
    write(source, FINE, *lines(2))
    return Events(mixed.after, explained, lossy, dropped, without_policy, report(ansible, out, source, other))


def lose(source: Deployed, central: Deployed) -> None:
    """Lose events of a log group in each way but that of copies. AWS's throttling remains."""
    with sink_down(central):
        write(source, FINE, *lines(11))
    with function_stopped(central):
        write(source, FINE, *lines(19))
    with no_permission(central):
        write(source, FINE, *lines(5))
    write(source, FINE, *lines(17, "DEBUG"), "INFO")
    central.aws.configure(centralization_throttling=1.0)
    source.write(FINE, *lines(7))


def test_every_copied_event_is_explained_if_nothing_is_lost(
    events: Events, source: Deployed, central: Deployed
) -> None:
    flow, run = events.explained.flow(source), events.explained.run
    assert growth(flow, events.before.flow(source)) == {
        "written": 9,
        "sent": 7,
        "copied": 7,
        "too_long": 2,
        "unfiltered": 3,
        "received": 4,
        "delivered": 4,
    }
    assert (flow["errors"], flow["notes"]) == ({}, [])
    assert differences(flow) == (0, 0, 0)
    assert (flow["account"], flow["region"]) == (central.account, central.region)
    targets = events.explained.targets
    assert targets[source.host]["flow"] is None, "its events are in the destination's flow, and would count twice"
    there = targets[central.host]["flow"]
    assert there["written"] - there["unsubscribed"] == there["forwarded"] == there["received"]
    assert "Copies from " in run.output
    assert "UNEXPLAINED" not in run.output
    assert "Copies of AWS&#x27;s centralization" in events.explained.page
    labels = f'account="{source.account}",region="{source.region}",host="{source.host}"'
    place = f'destination_account="{central.account}",destination_region="{central.region}"'
    metric = f'log_reflector_copied_events{{{labels},{place},count="copied"}} {flow["copied"]}\n'
    assert metric in events.explained.metrics


def test_every_loss_of_copied_events_is_named_with_its_number(events: Events, source: Deployed) -> None:
    flow = events.lossy.flow(source)
    found = growth(flow, events.explained.flow(source))
    assert {name: found.get(name) for name in ("written", "copied", "received")} == {
        "written": 60,
        "copied": 53,
        "received": 29,
    }
    assert (found["throttled"], found["given_up"], found["delivery_errors"], found["dead_lettered"]) == (7, 19, 5, 11)
    assert flow["dropped"] == {"routes[0]": 17}
    assert (found["delivered"], flow["errors"]) == (1, {})
    assert differences(flow) == (0, 0, 0)
    for words in ("7 throttled", "5 delivery errors", "19 given up, in the queue", "11 dead-lettered"):
        assert words in events.lossy.run.output


def test_throttled_events_are_copied_later_and_counted(events: Events, source: Deployed) -> None:
    after = events.dropped.flow(source)
    assert (after["throttled"], after["copied"] - events.lossy.flow(source)["copied"]) == (0, 7)
    assert differences(after) == (0, 0, 0)


def test_events_without_a_policy_are_named_and_the_log_group_is_missing(events: Events, source: Deployed) -> None:
    before, flow = events.dropped.flow(source), events.without_policy.flow(source)
    row = events.without_policy.rows(source)[FINE]
    assert (row["state"], row["cause"]) == ("missing", "missing")
    assert row["reason"] == f"its copy in {CENTRAL}/{HOME}: the account has no subscription filter policy"
    assert flow["copied"] - flow["received"] == before["copied"] - before["received"] + 6


def test_dropped_copies_are_named_by_the_type_of_their_error(events: Events, other: Deployed) -> None:
    flow = events.dropped.flow(other)
    assert flow["errors"] == {"LogGroupQuotaExceeded": 3}
    assert growth(flow, events.explained.flow(other)) == {"written": 3}
    assert differences(flow) == (0, 0, 0)
    assert "3 error LogGroupQuotaExceeded" in events.dropped.run.output
    row = events.dropped.rows(other)[LOST]
    assert (row["state"], row["cause"]) == ("missing", "no_copy")
    assert (
        f"there is no copy in {CENTRAL}/{HOME}, although it got events since the rule central was written"
        in row["reason"]
    )
    assert events.healed.rows(other)[LOST]["state"] == "covered"


def test_deleted_copy_is_made_again_and_loses_nothing(events: Events, source: Deployed) -> None:
    assert events.healed.rows(source)[FINE]["state"] == "covered"
    grown = growth(events.healed.flow(source), events.without_policy.flow(source))
    assert [grown.get(name) for name in ("written", "copied", "received", "delivered")] == [2, 2, 2, 2]


def test_unhealthy_rule_is_named_with_the_reason_of_aws(
    ansible: Ansible, aws: RunningAws, source: Deployed, filtered: Deployed, out: Path
) -> None:
    with no_trusted_access(aws):
        found = report(ansible, out, source, filtered, report_flow=False)
    row = found.rows(source)[FINE]
    assert (row["state"], row["cause"]) == ("missing", "unhealthy")
    assert "Trusted access of observabilityadmin.amazonaws.com is not enabled" in row["reason"]
    assert found.rows(filtered)[FILTERED]["state"] == "covered"


def test_unread_rules_leave_the_centralized_targets_unchecked_and_no_others(
    ansible: Ansible, aws: RunningAws, source: Deployed, filtered: Deployed, out: Path
) -> None:
    with denied(Deployed(aws, MANAGEMENT, HOME), "observabilityadmin:List*"):
        found = report(ansible, out, source, filtered)
    rows = found.rows(source)
    assert rows[FINE]["state"] == "not_checked"
    assert {row["state"] for row in rows.values()} == {"not_checked"}
    assert "observabilityadmin:ListCentralizationRulesForOrganization" in rows[FINE]["reason"]
    assert any("not every centralization rule was read" in note for note in found.targets[source.host]["notes"])
    assert found.rows(filtered)[FILTERED]["state"] == "covered"
    notes = found.targets[filtered.host]["notes"]
    assert any(note.startswith("whether a centralization rule copies") for note in notes)


def test_unread_destination_is_unknown_and_never_zero(
    mixed: Mixed, ansible: Ansible, source: Deployed, central: Deployed, out: Path
) -> None:
    with denied(central, "logs:DescribeLogGroups", "cloudwatch:GetMetricData", "logs:StartQuery"):
        unread = report(ansible, out, source, central, status=2)  # the destination itself could not be read
    found = unread.rows(source)
    assert (found[FINE]["state"], found[FINE]["cause"]) == ("not_checked", "copies")
    assert "logs:DescribeLogGroups" in found[FINE]["reason"]
    assert found[EXCLUDED]["state"] == "excluded", "the rule alone decides it"
    assert found[LONG]["state"] == "impossible"
    flow = unread.flow(source)
    assert [flow[name] for name in ("copied", "received", "errors", "late", "no_policy")] == [None] * 5
    assert flow["written"] > 0
    assert "copied unknown" in unread.run.output
    notes = "\n".join(flow["notes"])
    assert "the copied events in 444444444444/eu-west-1 were not read: " in notes
    assert "logs:StartQuery" in notes


def unit_of(aws: RunningAws, name: str) -> str:
    """Return the id of an OU below the root."""
    client = aws.client("organizations", MANAGEMENT, HOME)
    (root,) = client.list_roots()["Roots"]
    units = client.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
    return str(next(unit["Id"] for unit in units if unit["Name"] == name))


def test_rule_for_an_ou_copies_its_accounts_only_and_is_unknown_if_these_were_not_read(
    mixed: Mixed, ansible: Ansible, aws: RunningAws, source: Deployed, other: Deployed, out: Path
) -> None:
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    body = rule_body(AWAY, scope=f"OrganizationUnitId IN ('{unit_of(aws, 'Workloads')}')")
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=body)
    read = report(ansible, out, source, other, report_flow=False)
    with denied(Deployed(aws, MANAGEMENT, HOME), "organizations:ListAccountsForParent"):
        unread = report(ansible, out, source, report_flow=False)
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=rule_body(AWAY))
    assert read.rows(source)[FINE]["state"] == "covered", "its OU is below the one of the rule"
    outside = read.rows(other)[FINE]
    assert (outside["state"], outside["cause"]) == ("missing", "no_rule")
    assert f"the rule central does not have the account {MANAGEMENT} in its scope" in outside["reason"]
    unknown = unread.rows(source)[FINE]
    assert (unknown["state"], unknown["cause"]) == ("not_checked", "scope")


def test_target_that_still_has_filters_is_delivered_twice(
    mixed: Mixed, ansible: Ansible, source: Deployed, out: Path
) -> None:
    extra = {"log_groups_mode": "filters", "reflector_drain_seconds": 0}
    deployed = ansible.run("logreflector.aws.deploy", "--limit", source.host, extra=extra)
    assert deployed.status == 0, deployed.output
    row = report(ansible, out, source, report_flow=False).rows(source)[FINE]
    assert (row["state"], row["cause"]) == ("broken", "duplicate")
    assert "its events are copied, and the filter " in row["reason"]
    removed = ansible.run("logreflector.aws.teardown", "--limit", source.host, extra=extra)
    assert removed.status == 0, removed.output
    assert report(ansible, out, source, report_flow=False).rows(source)[FINE]["state"] == "covered"
