# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet that contains every state, compared with AWS state by state; its history, its drift, and its merge."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from deployed import FUNCTION, Deployed, calls_of_runs
from embedded_aws import RunningAws
from embedded_aws.population import ARCHIVE_GROUP, EXCLUDED_GROUP, FULL_GROUP, HALF_GROUP
from waits import wait_until

from playbooks import EXCLUDE, MEMBER, POLICY, REGIONS, TARGETS, Ansible, Run, write_inventory

HERE = f"{MEMBER}.{REGIONS[0]}"
ELSEWHERE = f"{MEMBER}.{REGIONS[1]}"
DELETED, OUTDATED, DOUBLED, DENIED = (f"/aws/lambda/service-{number:02}" for number in range(4))
FINE = "/aws/lambda/service-05"
DEPLOYER = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the reports are written to."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks, with a deployment on all targets."""
    folder = tmp_path_factory.mktemp("report")
    variables = {"report_directory": str(out), "report_history": str(folder / "past")}
    inventory = write_inventory(folder, TARGETS, log_groups_exclude=EXCLUDE, **variables)
    ansible = Ansible(aws.deploy_environment(), inventory, folder)
    run = ansible.run("logreflector.aws.deploy")
    assert run.status == 0, run.output
    return ansible


@pytest.fixture(autouse=True)
def later_second() -> None:
    """A report has the second in which it was made, and is compared with those of earlier seconds only. A run may take less."""
    second = int(time.time())
    wait_until(lambda: int(time.time()) > second, "the next second")


@pytest.fixture
def here(aws: RunningAws) -> Deployed:
    return Deployed(aws, MEMBER, REGIONS[0])


def records(path: Path, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [record for record in found if record["kind"] == kind]


def rows(path: Path, host: str) -> dict[str, dict[str, Any]]:
    """The log groups of a target in a report, by name."""
    account, region = host.split(".")
    found = [row for row in records(path, "log_group") if (row["account"], row["region"]) == (account, region)]
    assert len({row["log_group"] for row in found}) == len(found), "a log group is twice in the report"
    return {row["log_group"]: row for row in found}


def result(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = next(line["result"] for line in run.results if line["task"].endswith("Write the report"))
    return found


def names_in(place: Deployed) -> set[str]:
    pages = place.client("logs").get_paginator("describe_log_groups").paginate()
    return {group["logGroupName"] for page in pages for group in page["logGroups"]}


def filter_of(place: Deployed, log_group: str) -> dict[str, Any]:
    found = place.client("logs").describe_subscription_filters(logGroupName=log_group)["subscriptionFilters"]
    (ours,) = (item for item in found if item["destinationArn"].endswith(f":{FUNCTION}"))
    return {key: ours[key] for key in ("logGroupName", "filterName", "filterPattern", "destinationArn")}


def test_report_of_a_deployed_fleet_is_as_aws_says(ansible: Ansible, out: Path, here: Deployed) -> None:
    here.aws.front.clear_journal()
    run = ansible.run("logreflector.aws.report")
    assert run.status == 0, run.output
    calls = calls_of_runs(here.aws)
    assert any(call.operation == "DescribeSubscriptionFilters" for call in calls)
    assert {call.operation for call in calls if call.write} <= {"AssumeRole"}, "the report changed something"
    for account, region in TARGETS:
        found = rows(out / "report.ndjson", f"{account}.{region}")
        place = Deployed(here.aws, account, region)
        assert found.keys() == names_in(place)
        for name, row in found.items():
            filters = place.client("logs").describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
            has_ours = any(item["destinationArn"].endswith(f":{FUNCTION}") for item in filters)
            assert (row["state"] == "covered") == has_ours, row
    found = rows(out / "report.ndjson", HERE)
    assert found[FULL_GROUP]["state"] == "impossible"
    assert found[FULL_GROUP]["cause"] == "slots"
    assert len(found[FULL_GROUP]["others"]) == here.aws.settings().filter_slots
    assert (found[ARCHIVE_GROUP]["state"], found[ARCHIVE_GROUP]["cause"]) == ("impossible", "class")
    assert found[EXCLUDED_GROUP]["state"] == "excluded"
    assert "/aws/codebuild/*" in found[EXCLUDED_GROUP]["reason"]
    assert "others" not in found[EXCLUDED_GROUP], "its filters were not read"
    assert found[HALF_GROUP]["state"] == "covered"
    assert len(found[HALF_GROUP]["others"]) == 1
    assert found[FINE]["others"] == []
    assert found[FINE]["since"] > 0
    assert (out / "report.ndjson").stat().st_mode & 0o777 == 0o640
    share = result(run)["percentage"]
    counts = result(run)["counts"]
    assert share == counts["covered"] * 1000 // (counts["covered"] + counts["impossible"]) / 10
    assert f"{share:g} % covered" in run.output


def test_report_names_every_kind_of_trouble_and_what_got_worse(ansible: Ansible, out: Path, here: Deployed) -> None:
    logs = here.client("logs")
    logs.delete_subscription_filter(logGroupName=DELETED, filterName=filter_of(here, DELETED)["filterName"])
    logs.put_subscription_filter(**{**filter_of(here, OUTDATED), "filterPattern": "ERROR"})
    logs.put_subscription_filter(**{**filter_of(here, DOUBLED), "filterName": "twice"})
    other = Deployed(here.aws, MEMBER, REGIONS[1])
    functions = other.client("lambda")
    statements = json.loads(functions.get_policy(FunctionName=FUNCTION)["Policy"])["Statement"]
    for statement in statements:
        functions.remove_permission(FunctionName=FUNCTION, StatementId=statement["Sid"])
    policy = json.loads(json.dumps(POLICY))
    denied = f"arn:aws:logs:{REGIONS[0]}:{MEMBER}:log-group:{DENIED}:*"
    policy["Statement"].append(
        {
            "Effect": "Deny",
            "Action": "logs:DescribeSubscriptionFilters",
            "Resource": [denied, denied.removesuffix(":*")],
        }
    )
    iam = here.client("iam")
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(policy))
    try:
        # log_groups_filter_pattern: without it every filter pattern is as wanted.
        extra = {"log_groups_filter_pattern": "", "report_fail_if_worse": True, "report_formats": ["ndjson"]}
        run = ansible.run("logreflector.aws.report", extra=extra)
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))
    assert run.status == 2, run.output
    found = rows(out / "report.ndjson", HERE)
    assert [(found[name]["state"], found[name]["cause"]) for name in (DELETED, OUTDATED, DOUBLED, DENIED)] == [
        ("missing", "missing"),
        ("broken", "outdated"),
        ("broken", "duplicate"),
        ("not_checked", "denied"),
    ]
    assert "filter_pattern" in found[OUTDATED]["reason"]
    assert "twice" in found[DOUBLED]["reason"]
    assert "logs:DescribeSubscriptionFilters" in found[DENIED]["reason"]
    elsewhere = rows(out / "report.ndjson", ELSEWHERE)
    assert {row["cause"] for row in elsewhere.values() if row["state"] == "broken"} == {"permission"}
    assert not any(row["state"] == "covered" for row in elsewhere.values())
    assert result(run)["worse"]
    lines = "\n".join(result(run)["lines"])
    assert "1 no longer checked" in lines
    assert "no longer covered" in lines
    assert f"{HERE} {DELETED}: the rules choose it, and it has no filter of ours" in lines


def test_target_that_cannot_be_read_is_not_checked(ansible: Ansible, out: Path) -> None:
    run = ansible.run(
        "logreflector.aws.report", extra={"target_role_arn": "arn:aws:iam::{{ target_account_id }}:role/none"}
    )
    assert run.status == 2
    targets = records(out / "report.ndjson", "target")
    assert [target["status"] for target in targets] == ["not_checked"] * len(TARGETS)
    assert all("role/none" in target["error"] for target in targets)
    assert [target["account"] for target in targets] == [account for account, _region in sorted(TARGETS)]
    assert result(run)["percentage"] is None
    assert "0 of 3 targets read" in run.output
    assert "3 targets no longer read" in run.output
    page = out / "report.html"
    assert page.stat().st_mode & 0o777 == 0o640
    assert "3 of 3 targets not read to the end" in page.read_text(encoding="utf-8")
    assert "Coverage from" in page.read_text(encoding="utf-8"), "the trend has the reports of the history"


def test_wrong_option_stops_the_report_before_anything_is_read(ansible: Ansible, out: Path, here: Deployed) -> None:
    """The report of a thousand targets was refused after the minutes that their reading takes."""
    before = (out / "report.ndjson").read_bytes()
    here.aws.front.clear_journal()
    run = ansible.run("logreflector.aws.report", extra={"report_formats": ["pdf"]})
    assert run.status == 2
    assert (
        "Could not accept the variable report_formats: value of report_formats must be one or more of: ndjson"
        in run.output
    )
    assert calls_of_runs(here.aws) == []
    assert (out / "report.ndjson").read_bytes() == before


def test_reports_of_parts_are_merged_and_old_ones_are_found_again(ansible: Ansible, out: Path, tmp_path: Path) -> None:
    parts = []
    for host in (HERE, ELSEWHERE):
        extra = {"report_directory": str(tmp_path / host), "report_history": None}
        assert ansible.run("logreflector.aws.report", "--limit", host, extra=extra).status == 0
        parts.append(str(tmp_path / host / "report.ndjson"))
    run = ansible.run(
        "logreflector.aws.report", extra={"report_merge": parts, "report_history": str(tmp_path / "past")}
    )
    assert run.status == 0, run.output
    assert [target["host"] for target in records(out / "report.ndjson", "target")] == sorted((HERE, ELSEWHERE))
    for host, part in zip((HERE, ELSEWHERE), parts, strict=True):
        assert rows(out / "report.ndjson", host) == rows(Path(part), host)

    (kept,) = (tmp_path / "past").iterdir()
    kept.rename(kept.with_name("coverage-20261120T080000Z.ndjson.gz"))
    asked = {"report_history": str(tmp_path / "past"), "report_directory": str(tmp_path / "then")}
    run = ansible.run("logreflector.aws.report", extra={**asked, "report_at": "2026-11-20"})
    assert run.status == 0, run.output
    assert rows(tmp_path / "then" / "report.ndjson", HERE) == rows(Path(parts[0]), HERE)
    for moment, message in (("2026-11-19", "has no report from 2026-11-19 or before"), ("yesterday", "ISO 8601")):
        run = ansible.run("logreflector.aws.report", extra={**asked, "report_at": moment})
        assert run.status == 2
        assert message in run.output
