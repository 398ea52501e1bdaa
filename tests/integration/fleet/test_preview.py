# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview of volume and cost: its figures are what was written, what it may not read is unknown, and it writes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from deployed import FUNCTION, Deployed, calls_of_runs
from embedded_aws import RunningAws
from embedded_aws.population import ARCHIVE_GROUP, EXCLUDED_GROUP
from jsonschema import Draft202012Validator

from playbooks import EXCLUDE, MANAGEMENT, MEMBER, POLICY, REGIONS, ROOT, TARGETS, Ansible, Run, write_inventory

REPORT_SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
SCHEMA = json.loads((ROOT / "docs" / "cost.schema.json").read_text(encoding="utf-8"))
PREVIEW_POLICY = (ROOT / "docs" / "iam" / "preview-policy.json").read_text(encoding="utf-8")
DEPLOYER = {"RoleName": "log-reflector-deployer", "PolicyName": "deploy"}
HERE = f"{MANAGEMENT}.{REGIONS[0]}"
LOUD, QUIET, SILENT = (f"/aws/lambda/service-{number:02}" for number in range(3))
LINES = {LOUD: ["ä" * 1000, "b" * 500, "c" * 500], QUIET: ["one line"], EXCLUDED_GROUP: ["x" * 100]}


@pytest.fixture(scope="module")
def here(aws: RunningAws) -> Deployed:
    """A target with lines in three log groups. The other targets have none."""
    here = Deployed(aws, MANAGEMENT, REGIONS[0])
    for log_group, messages in LINES.items():
        here.write(log_group, *messages)
    return here


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the estimate."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, here: Deployed, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks for all four targets. Nothing is deployed."""
    folder = tmp_path_factory.mktemp("preview")
    inventory = write_inventory(folder, TARGETS, log_groups_exclude=EXCLUDE, preview_directory=str(out))
    return Ansible(here.aws.deploy_environment(), inventory, folder)


@contextmanager
def denied(here: Deployed, *actions: str) -> Iterator[None]:
    """Deny the deployer these actions."""
    iam = here.client("iam")
    deny = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    policy = {**POLICY, "Statement": [*POLICY["Statement"], deny]}
    iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(policy))
    try:
        yield
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))


def estimate(out: Path) -> dict[str, Any]:
    """Return the file of the estimate, which has to follow the schema."""
    found: dict[str, Any] = json.loads((out / "cost.json").read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(found)
    return found


def target(out: Path, host: str = HERE) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in estimate(out)["targets"] if each["host"] == host)
    return found


def measured(row: dict[str, Any]) -> tuple[int | None, int | None]:
    return tuple(row[metric] and row[metric]["measured"] for metric in ("bytes", "events"))  # type: ignore[return-value]


def preview(ansible: Ansible, **extra: Any) -> Run:
    return ansible.run("logreflector.aws.preview", "--limit", HERE, extra=extra)


@pytest.mark.parametrize("method", ["statistics", "batches", "loudest"])
def test_preview_has_the_figures_of_what_was_written(ansible: Ansible, out: Path, method: str) -> None:
    run = preview(ansible, volume_method=method)
    assert run.status == 0, run.output
    rows = {row["log_group"]: row for row in target(out)["log_groups"]}
    for name, messages in LINES.items():
        assert measured(rows[name]) == (sum(len(message.encode()) for message in messages), len(messages)), name
    assert rows[SILENT]["bytes"] is None
    assert rows[EXCLUDED_GROUP]["state"] == "excluded"
    assert rows[ARCHIVE_GROUP]["state"] == "impossible"
    assert [group["log_group"] for group in estimate(out)["largest"]] == [LOUD, EXCLUDED_GROUP, QUIET]
    written = target(out)["written"]["chosen"]
    assert written["unknown"] == written["log_groups"] - 2
    assert target(out)["total"]["events"]["measured"] == 5
    assert target(out)["notes"] == []


def test_preview_of_the_fleet_writes_nothing_and_adds_up(ansible: Ansible, out: Path, here: Deployed) -> None:
    here.aws.front.clear_journal()
    run = ansible.run("logreflector.aws.preview", extra={"cost_log_service_price": 2})
    assert run.status == 0, run.output
    calls = calls_of_runs(here.aws)
    assert any(call.operation == "GetMetricStatistics" for call in calls)
    assert {call.operation for call in calls if call.write} <= {"AssumeRole"}, "the preview changed something"
    found = estimate(out)
    assert (found["targets_read"], found["targets_unread"]) == (len(TARGETS), 0)
    for end in ("low", "high"):
        for way, whole in found["cost"].items():
            parts = [each["estimates"][way]["cost"][end] for each in found["targets"]]
            assert whole[end] is None if None in parts else whole[end] == pytest.approx(sum(parts)), (way, end)
    asked = sum(call.operation == "GetMetricStatistics" for call in calls)
    assert found["reading"]["calls"]["GetMetricStatistics"] == asked
    assert (out / "cost.json").stat().st_mode & 0o777 == 0o640
    # No line was ever written in the other targets: their volume is unknown, and so is the upper end of the fleet's.
    other = target(out, f"{MEMBER}.{REGIONS[1]}")
    assert other["total"] == {"bytes": None, "events": None}
    assert other["written"]["chosen"]["bytes"] == {"low": 0, "high": None}
    assert found["written"]["chosen"]["bytes"]["high"] is None
    assert "AWS, a month" in run.output


def test_preview_needs_its_own_policy_only(ansible: Ansible, out: Path, here: Deployed) -> None:
    iam = here.client("iam")
    iam.put_role_policy(**DEPLOYER, PolicyDocument=PREVIEW_POLICY)
    try:
        run = preview(ansible, log_groups_exclude_tags={"team": "none"})
    finally:
        iam.put_role_policy(**DEPLOYER, PolicyDocument=json.dumps(POLICY))
    assert run.status == 0, run.output
    assert target(out)["notes"] == []
    assert target(out)["total"]["events"]["measured"] == 5


def test_preview_without_permission_is_unknown_and_names_it(ansible: Ansible, out: Path, here: Deployed) -> None:
    with denied(here, "cloudwatch:GetMetricStatistics"):
        run = preview(ansible)
    assert run.status == 0, run.output
    assert all(row["bytes"] is None for row in target(out)["log_groups"])
    assert "cloudwatch:GetMetricStatistics" in " ".join(target(out)["notes"])
    assert "cloudwatch:GetMetricStatistics" in run.output
    assert target(out)["total"]["events"]["measured"] == 5
    with denied(here, "cloudwatch:GetMetricStatistics", "cloudwatch:GetMetricData"):
        run = preview(ansible)
    assert run.status == 0, run.output
    assert target(out)["total"] == {"bytes": None, "events": None}
    assert target(out)["written"]["chosen"]["bytes"] == {"low": 0, "high": None}
    assert target(out)["estimates"]["filters"]["cost"]["high"] is None
    notes = " ".join(target(out)["notes"])
    assert "cloudwatch:GetMetricData" in notes
    assert "what the deployed functions used is unknown" in notes


def test_preview_of_a_target_that_cannot_be_read_fails_and_names_it(ansible: Ansible, out: Path) -> None:
    run = preview(ansible, target_role_arn="arn:aws:iam::{{ target_account_id }}:role/none")
    assert run.status == 2
    found = estimate(out)
    assert (found["targets_read"], found["targets_unread"]) == (0, 1)
    assert "role/none" in target(out)["error"]
    assert target(out)["total"] is None


def test_preview_takes_shipped_prices_if_the_price_list_cannot_be_read(ansible: Ansible, out: Path) -> None:
    """The embedded AWS has no price list."""
    run = preview(ansible, volume_prices=True)
    assert run.status == 0, run.output
    assert "Could not read the prices of AWSLambda" in " ".join(target(out)["notes"])
    alarms = next(each for each in target(out)["estimates"]["filters"]["items"] if each["name"] == "alarms")
    assert alarms["price"]["usd"] == pytest.approx(0.1)
    assert alarms["price"]["source"] != "AWS's price list, read in this run"


@pytest.fixture(scope="module")
def deployed(ansible: Ansible, here: Deployed) -> Deployed:
    """The target with a reflector that has received lines. From here on the other tests' figures are no longer true."""
    run = ansible.run("logreflector.aws.deploy", "--limit", HERE)
    assert run.status == 0, run.output
    for _number in range(3):
        here.write(LOUD, "a line")
    here.wait_until_idle()
    return here


def invocations(here: Deployed) -> int:
    """Return AWS's own count of the reflector's invocations."""
    found = here.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": FUNCTION}],
        StartTime=time.time() - 7200,
        EndTime=time.time() + 60,
        Period=86_400,
        Statistics=["Sum"],
    )
    return round(sum(point["Sum"] for point in found["Datapoints"]))


def report(ansible: Ansible, out: Path, **extra: Any) -> Run:
    variables = {"report_cost": True, "report_directory": str(out), **extra}
    return ansible.run("logreflector.aws.report", "--limit", HERE, extra=variables)


def test_report_has_what_the_deployed_functions_used(ansible: Ansible, out: Path, deployed: Deployed) -> None:
    run = report(ansible, out)
    assert run.status == 0, run.output
    found = target(out)["deployed"]
    items = {each["name"]: each for each in found["items"]}
    assert items["lambda_requests"]["basis"] == items["lambda_time"]["basis"] == "measured"
    days = target(out)["days"]
    a_month = invocations(deployed) * 730 / 24 / max(days, 1)
    assert invocations(deployed) >= 3
    assert items["lambda_requests"]["quantity"]["low"] == pytest.approx(a_month, rel=0.02)
    coverage = json.loads((out / "report.json").read_text(encoding="utf-8"))
    Draft202012Validator(REPORT_SCHEMA).validate(coverage)
    assert coverage["cost"]["deployed"] == {"targets": 1, "unknown": 0, "cost": found["cost"]}
    assert coverage["counts"]["covered"] > 0
    for name in ("report.html", "report.md"):
        assert LOUD in (out / name).read_text(encoding="utf-8").partition("cost")[2], name
    assert "Deployed on 1 target: $" in run.output


def test_report_on_coverage_is_complete_where_the_volume_cannot_be_read(
    ansible: Ansible, out: Path, deployed: Deployed
) -> None:
    with denied(deployed, "cloudwatch:*"):
        run = report(ansible, out)
    assert run.status == 0, run.output
    assert target(out)["total"] == {"bytes": None, "events": None}
    assert "cloudwatch:GetMetricData" in run.output
    assert "What is deployed on 1 target is unknown" in run.output
    coverage = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert coverage["is_complete"]
    assert coverage["cost"]["deployed"] == {"targets": 0, "unknown": 1, "cost": None}


def test_report_without_the_option_reads_no_volume(ansible: Ansible, out: Path, deployed: Deployed) -> None:
    deployed.aws.front.clear_journal()
    run = report(ansible, out, report_cost=False)
    assert run.status == 0, run.output
    assert not any(call.operation == "GetMetricStatistics" for call in calls_of_runs(deployed.aws))
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["cost"] is None
