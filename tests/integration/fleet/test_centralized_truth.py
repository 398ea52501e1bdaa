# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truth about targets whose events AWS's centralization copies, in a fleet of mixed modes: states, events, explanations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from centralized_fleet import (
    ARCHIVE,
    AWAY,
    CENTRAL,
    DEPLOYED,
    EXCLUDED,
    FAR,
    FILTERED,
    FINE,
    HOME,
    LONG,
    LOST,
    OWN,
    READS,
    SERVED,
    SOURCES,
    TARGETS,
    copies_fail,
    create_groups,
    denied,
    function_stopped,
    inventory_of,
    lines,
    no_permission,
    no_policy,
    no_trusted_access,
    rule_body,
    sink_down,
    write,
)
from deployed import Deployed, calls_of_runs
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws

from playbooks import MANAGEMENT, MEMBER, POLICY, Ansible, Run


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    members = Organization(management=MANAGEMENT, members=(MEMBER, CENTRAL), regions=(HOME, AWAY, FAR))
    policy = {**POLICY, "Statement": [*POLICY["Statement"], {"Effect": "Allow", "Action": READS, "Resource": "*"}]}
    with EmbeddedAws(Configuration(organization=members, deployer_policy=policy)) as running:
        client = running.client("organizations", MANAGEMENT, HOME)
        client.enable_aws_service_access(ServicePrincipal="observabilityadmin.amazonaws.com")
        yield running


@pytest.fixture(scope="module")
def source(aws: RunningAws) -> Deployed:
    return Deployed(aws, MEMBER, AWAY)


@pytest.fixture(scope="module")
def central(aws: RunningAws) -> Deployed:
    return Deployed(aws, CENTRAL, HOME)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the reports are written to."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks, with everything deployed and a rule."""
    folder = tmp_path_factory.mktemp("truth")
    create_groups(aws)
    ansible = Ansible(aws.deploy_environment(), inventory_of(folder, out, aws.sink_url), folder)
    deployed = ansible.run("logreflector.aws.deploy", "--limit", ",".join(f"{a}.{r}" for a, r in DEPLOYED))
    assert deployed.status == 0, deployed.output
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    rules.create_centralization_rule_for_organization(RuleName="central", Rule=rule_body(AWAY))
    return ansible


def report(ansible: Ansible, out: Path, **extra: Any) -> tuple[dict[str, dict[str, Any]], Run]:
    """Run the report. Return its targets by host, and the run."""
    run = ansible.run("logreflector.aws.report", extra=extra)
    assert run.status == 0, run.output
    targets = json.loads((out / "report.json").read_text(encoding="utf-8"))["targets"]
    return {target["host"]: target for target in targets}, run


def rows(target: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["log_group"]: row for row in target["log_groups"]}


def groups_in(place: Deployed) -> set[str]:
    pages = place.client("logs").get_paginator("describe_log_groups").paginate()
    return {group["logGroupName"] for page in pages for group in page["logGroups"]}


def arrived(aws: RunningAws) -> set[tuple[str, str]]:
    """Return account and log group of every line at the sink, as the reflector names them."""
    return {(line["owner"], line["logGroup"]) for line in aws.sink.lines()}


def test_states_of_a_mixed_fleet_are_as_aws_delivers(ansible: Ansible, aws: RunningAws, out: Path) -> None:
    aws.front.clear_journal()
    targets, run = report(ansible, out)
    calls = calls_of_runs(aws)
    assert any(call.operation == "ListCentralizationRulesForOrganization" for call in calls)
    assert {call.operation for call in calls if call.write} <= {"AssumeRole"}, "the report changed something"
    assert sum(call.operation == "ListCentralizationRulesForOrganization" for call in calls) == 1, "one read for all"
    assert {host: target["mode"] for host, target in targets.items()} == {
        **{f"{account}.{region}": "centralized" for account, region in SOURCES},
        f"{MEMBER}.{HOME}": "filters",
        f"{MANAGEMENT}.{HOME}": "account_policy",
        f"{CENTRAL}.{HOME}": "account_policy",
    }
    expected = set()
    for account, region in TARGETS:
        place = Deployed(aws, account, region)
        found = rows(targets[place.host])
        names = {name for name in groups_in(place) if not name.startswith("/central/")}
        assert found.keys() == names, "a log group is missing, or a copy is listed as one of the target"
        for name, row in found.items():
            if name.startswith("/app/"):
                place.write(name, f"{place.host} {name}")
                expected |= {f"{place.host} {name}"} if row["state"] == "covered" else set()
        place.wait_until_idle()
    assert {line["message"] for line in aws.sink.lines()} == expected, "the sink got other lines than the report says"
    assert len(expected) == 7
    assert "5 chosen, but not subscribed" in run.output


@pytest.mark.parametrize(
    ("host", "group", "state", "cause", "reason"),
    [
        (f"{MEMBER}.{AWAY}", FINE, "covered", None, None),
        (
            f"{MEMBER}.{AWAY}",
            EXCLUDED,
            "excluded",
            "rule",
            f"the rule central leaves it out: LogGroupName NOT IN ('{EXCLUDED}')",
        ),
        (f"{MEMBER}.{AWAY}", ARCHIVE, "impossible", "class", "its log class is INFREQUENT_ACCESS"),
        (f"{MEMBER}.{AWAY}", LONG, "impossible", "name", "the copy's name would have 519 characters"),
        (f"{MEMBER}.{FAR}", FINE, "missing", "no_rule", f"the rule central does not copy from {FAR}"),
        (f"{MEMBER}.{HOME}", FILTERED, "covered", None, None),
    ],
)
def test_row_has_state_and_reason(
    ansible: Ansible, out: Path, host: str, group: str, state: str, cause: str | None, reason: str | None
) -> None:
    targets, _run = report(ansible, out, report_flow=False)
    row = rows(targets[host])[group]
    assert (row["state"], row.get("cause")) == (state, cause)
    assert (reason or "") in row.get("reason", "")
    if host == f"{MEMBER}.{AWAY}" and group == FINE:
        assert (row["means"], row["known_by"]) == ("centralization", "copy")
        assert row["since"] > row["created"]


def test_log_groups_of_other_modes_that_a_rule_copies_are_duplicates(
    ansible: Ansible, aws: RunningAws, out: Path
) -> None:
    rules = aws.client("observabilityadmin", MANAGEMENT, HOME)
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=rule_body(AWAY, HOME))
    targets, _run = report(ansible, out, report_flow=False)
    rules.update_centralization_rule_for_organization(RuleIdentifier="central", Rule=rule_body(AWAY))
    for host, group, means in (
        (f"{MEMBER}.{HOME}", FILTERED, "filter"),
        (f"{MANAGEMENT}.{HOME}", SERVED, "account policy"),
    ):
        row = rows(targets[host])[group]
        assert (row["state"], row["cause"]) == ("broken", "duplicate")
        assert row["reason"] == f"its {means} sends its events, and the rule central copies them, so they arrive twice"
    assert rows(targets[f"{CENTRAL}.{HOME}"])[OWN]["state"] == "covered", "a rule does not copy within its destination"


def flow_of(run: Run, host: str) -> dict[str, Any]:
    """Return the flow to the only destination of a target."""
    (flow,) = run.result(host, "Read the coverage")["coverage"]["copy_flows"]
    found: dict[str, Any] = flow
    return found


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


def test_every_copied_event_is_explained_if_nothing_is_lost(
    ansible: Ansible, source: Deployed, central: Deployed, out: Path
) -> None:
    before = flow_of(report(ansible, out)[1], source.host)
    for group, number in ((FINE, 4), (ARCHIVE, 3), (LONG, 2), (EXCLUDED, 5)):
        write(source, group, *lines(number))
    targets, run = report(ansible, out)
    flow = flow_of(run, source.host)
    assert growth(flow, before) == {
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
    assert targets[source.host]["flow"] is None, "its events are in the destination's flow, and would count twice"
    there = targets[central.host]["flow"]
    assert there["written"] - there["unsubscribed"] == there["forwarded"] == there["received"]
    assert "Copies: " in run.output
    assert "UNEXPLAINED" not in run.output
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Copies of AWS&#x27;s centralization" in page
    labels = f'account="{source.account}",region="{source.region}",host="{source.host}"'
    place = f'destination_account="{central.account}",destination_region="{central.region}"'
    text = (out / "report.prom").read_text(encoding="utf-8")
    assert f'log_reflector_copied_events{{{labels},{place},count="copied"}} {flow["copied"]}\n' in text


def test_every_loss_of_copied_events_is_named_with_its_number(
    ansible: Ansible, source: Deployed, central: Deployed, out: Path
) -> None:
    before = flow_of(report(ansible, out)[1], source.host)
    with sink_down(central):
        write(source, FINE, *lines(11))
    with function_stopped(central):
        write(source, FINE, *lines(19))
    with no_permission(central):
        write(source, FINE, *lines(5))
    write(source, FINE, *lines(17, "DEBUG"), "INFO")
    central.aws.configure(centralization_throttling=1.0)
    source.write(FINE, *lines(7))
    run = report(ansible, out)[1]
    flow = flow_of(run, source.host)
    central.aws.configure(centralization_throttling=0.0)
    found = growth(flow, before)
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
        assert words in run.output
    source.wait_until_idle()
    after = flow_of(report(ansible, out)[1], source.host)
    assert (after["throttled"], after["copied"] - flow["copied"]) == (0, 7), "AWS copies throttled events later"
    assert differences(after) == (0, 0, 0)


def test_events_without_a_policy_are_named_and_the_log_group_is_missing(
    ansible: Ansible, source: Deployed, central: Deployed, out: Path
) -> None:
    before = flow_of(report(ansible, out)[1], source.host)
    with no_policy(central):
        write(source, FINE, *lines(6))
        targets, run = report(ansible, out)
    flow = flow_of(run, source.host)
    row = rows(targets[source.host])[FINE]
    assert (row["state"], row["cause"]) == ("missing", "missing")
    assert row["reason"] == f"its copy in {CENTRAL}/{HOME}: the account has no subscription filter policy"
    assert flow["copied"] - flow["received"] == before["copied"] - before["received"] + 6


def test_dropped_copies_are_named_by_the_type_of_their_error(ansible: Ansible, aws: RunningAws, out: Path) -> None:
    other = Deployed(aws, MANAGEMENT, AWAY)
    other.client("logs").create_log_group(logGroupName=LOST)
    before = flow_of(report(ansible, out)[1], other.host)
    with copies_fail(aws, "LogGroupQuotaExceeded"):
        write(other, LOST, *lines(3))
    targets, run = report(ansible, out)
    flow = flow_of(run, other.host)
    assert flow["errors"] == {"LogGroupQuotaExceeded": 3}
    assert growth(flow, before) == {"written": 3}
    assert differences(flow) == (0, 0, 0)
    assert "3 error LogGroupQuotaExceeded" in run.output
    row = rows(targets[other.host])[LOST]
    assert (row["state"], row["cause"]) == ("missing", "no_copy")
    assert (
        f"there is no copy in {CENTRAL}/{HOME}, although it got events since the rule central was written"
        in row["reason"]
    )
    write(other, LOST, "now it works")
    assert rows(report(ansible, out)[0][other.host])[LOST]["state"] == "covered"


def test_deleted_copy_is_made_again_and_loses_nothing(
    ansible: Ansible, source: Deployed, central: Deployed, out: Path
) -> None:
    before = flow_of(report(ansible, out)[1], source.host)
    central.client("logs").delete_log_group(logGroupName=f"/central/{source.account}/{source.region}{FINE}")
    write(source, FINE, *lines(2))
    targets, run = report(ansible, out)
    assert rows(targets[source.host])[FINE]["state"] == "covered"
    grown = growth(flow_of(run, source.host), before)
    assert [grown.get(name) for name in ("written", "copied", "received", "delivered")] == [2, 2, 2, 2]


def test_unhealthy_rule_is_named_with_the_reason_of_aws(
    ansible: Ansible, aws: RunningAws, source: Deployed, out: Path
) -> None:
    with no_trusted_access(aws):
        targets, _run = report(ansible, out, report_flow=False)
    row = rows(targets[source.host])[FINE]
    assert (row["state"], row["cause"]) == ("missing", "unhealthy")
    assert "Trusted access of observabilityadmin.amazonaws.com is not enabled" in row["reason"]
    assert rows(targets[f"{MEMBER}.{HOME}"])[FILTERED]["state"] == "covered"


def test_unread_rules_leave_the_centralized_targets_unchecked_and_no_others(
    ansible: Ansible, aws: RunningAws, source: Deployed, out: Path
) -> None:
    with denied(Deployed(aws, MANAGEMENT, HOME), "observabilityadmin:List*"):
        targets, _run = report(ansible, out)
    found = targets[source.host]
    states = {name: row["state"] for name, row in rows(found).items()}
    assert states[FINE] == "not_checked"
    assert set(states.values()) == {"not_checked"}
    assert "observabilityadmin:ListCentralizationRulesForOrganization" in rows(found)[FINE]["reason"]
    assert any("not every centralization rule was read" in note for note in found["notes"])
    filtered = targets[f"{MEMBER}.{HOME}"]
    assert rows(filtered)[FILTERED]["state"] == "covered"
    assert any(note.startswith("whether a centralization rule copies") for note in filtered["notes"])


def test_unread_destination_is_unknown_and_never_zero(
    ansible: Ansible, source: Deployed, central: Deployed, out: Path
) -> None:
    with denied(central, "logs:DescribeLogGroups", "cloudwatch:GetMetricData", "logs:StartQuery"):
        run = ansible.run("logreflector.aws.report")
    assert run.status == 2, "the destination itself could not be read"
    targets = {each["host"]: each for each in json.loads((out / "report.json").read_text(encoding="utf-8"))["targets"]}
    found = rows(targets[source.host])
    assert (found[FINE]["state"], found[FINE]["cause"]) == ("not_checked", "copies")
    assert "logs:DescribeLogGroups" in found[FINE]["reason"]
    assert found[EXCLUDED]["state"] == "excluded", "the rule alone decides it"
    assert found[LONG]["state"] == "impossible"
    flow = flow_of(run, source.host)
    assert [flow[name] for name in ("copied", "received", "errors", "late", "no_policy")] == [None] * 5
    assert flow["written"] > 0
    assert "copied unknown" in run.output
    notes = "\n".join(flow["notes"])
    assert "the copied events in 444444444444/eu-west-1 were not read: " in notes
    assert "logs:StartQuery" in notes
