# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups of the class DELIVERY: a Firehose stream serves them from the deployment to the teardown, and nothing else changes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import populate
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, POLICY, REGIONS, Ansible, write_inventory

OLD, NEW, LEFT_OUT = "/aws/lambda/to-firehose", "/aws/lambda/born-later", "/aws/codebuild/to-firehose"
ORDINARY = "/aws/lambda/service-00"
ROLE = "log-reflector-delivery"
STREAM = f"arn:aws:firehose:{REGIONS[0]}:{MANAGEMENT}:deliverystream/one"
OTHER = STREAM.replace("/one", "/two")
ROLE_CHANGES = [
    "create IAM role log-reflector-delivery",
    "create inline policy log-reflector of IAM role log-reflector-delivery",
]


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start one account with two streams and with log groups of the class DELIVERY. IAM is enforced."""
    organization = Organization(management=MANAGEMENT, members=(), regions=REGIONS[:1])
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        populate(running, MANAGEMENT, REGIONS[0], groups=1)
        place = Deployed(running, MANAGEMENT, REGIONS[0])
        for stream in (STREAM, OTHER):
            _make_stream(place, stream.rpartition("/")[2])
        for group in (OLD, LEFT_OUT):
            place.client("logs").create_log_group(logGroupName=group, logGroupClass="DELIVERY")
        yield running


def _make_stream(place: Deployed, name: str) -> None:
    s3 = place.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": place.region})
    destination = {"RoleARN": f"arn:aws:iam::{place.account}:role/firehose", "BucketARN": f"arn:aws:s3:::{name}"}
    place.client("firehose").create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination
    )


@pytest.fixture(scope="module")
def place(aws: RunningAws) -> Deployed:
    return Deployed(aws, MANAGEMENT, REGIONS[0])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the report."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    folder = tmp_path_factory.mktemp("delivery")
    inventory = write_inventory(
        folder,
        [(MANAGEMENT, REGIONS[0])],
        log_groups_exclude=EXCLUDE,
        subscriber_backfill_seconds=60,
        reflector_drain_seconds=0,
        report_directory=str(out),
    )
    return Ansible(aws.deploy_environment(), inventory, folder)


def filters(place: Deployed, group: str) -> list[tuple[str, str]]:
    """Return destination and role of a log group's filters."""
    found = place.client("logs").describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    return [(item["destinationArn"], item.get("roleArn", "").rpartition("/")[2]) for item in found]


def delivered(place: Deployed, bucket: str, group: str) -> list[str]:
    """Return the lines of a log group in a stream's bucket."""
    s3 = place.client("s3")
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    bodies = [s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in found]
    messages = [json.loads(gzip.decompress(body)) for body in bodies]
    return [event["message"] for each in messages if each["logGroup"] == group for event in each["logEvents"]]


def roles(place: Deployed) -> list[str]:
    return [item["RoleName"] for item in place.client("iam").list_roles()["Roles"] if item["RoleName"] == ROLE]


def coverage(ansible: Ansible, out: Path, **extra: Any) -> dict[str, dict[str, Any]]:
    """Return the report's rows by log group."""
    run = ansible.run("logreflector.aws.report", extra=extra)
    assert run.status == 0, run.output
    (file,) = (out / "targets").glob("*.ndjson")
    return {row["log_group"]: row for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())}


def explanation(ansible: Ansible, group: str, **extra: Any) -> dict[str, Any]:
    run = ansible.run("logreflector.aws.explain", extra={"log_group": group, **extra})
    found: dict[str, Any] = next(
        line["result"]["log_group_path"] for line in run.results if "log_group_path" in line["result"]
    )
    return found


def test_without_a_stream_nothing_is_made_for_the_class(ansible: Ansible, place: Deployed, out: Path) -> None:
    run = ansible.run("logreflector.aws.deploy")
    assert run.status == 0, run.output
    assert filters(place, OLD) == []
    assert roles(place) == []
    row = coverage(ansible, out)[OLD]
    assert (row["state"], row["cause"]) == ("impossible", "class")
    assert explanation(ansible, OLD)["verdict"]["station"] == "log_group"


def test_stream_of_another_region_is_refused_before_anything_changes(ansible: Ansible, place: Deployed) -> None:
    run = ansible.run(
        "logreflector.aws.deploy", extra={"log_groups_delivery_stream": STREAM.replace(REGIONS[0], REGIONS[1])}
    )
    assert run.status != 0
    assert "delivery_stream" in run.output
    assert roles(place) == []


def test_check_mode_announces_the_role_and_the_filter_that_a_deployment_makes(
    ansible: Ansible, place: Deployed
) -> None:
    # Earlier events cannot be sent to Firehose. The deployer may not read events, so trying it would fail the run.
    extra = {"log_groups_delivery_stream": STREAM, "catch_up_backfill_seconds": 60}
    announced = ansible.run("logreflector.aws.deploy", "--check", "--diff", extra=extra)
    assert announced.status == 0, announced.output
    assert roles(place) == []
    assert filters(place, OLD) == []
    done = ansible.run("logreflector.aws.deploy", extra=extra)
    assert done.status == 0, done.output
    changes = done.changes()[place.host]
    assert set(announced.changes()[place.host]) == set(changes)
    assert [line for line in ROLE_CHANGES if line not in changes] == []
    assert f"create subscription of log group {OLD}" in changes
    assert filters(place, OLD) == [(STREAM, ROLE)]
    assert filters(place, LEFT_OUT) == []
    again = ansible.run("logreflector.aws.deploy", extra=extra)
    assert again.changed_tasks() == []


def test_role_may_write_to_the_stream_and_nothing_else(place: Deployed) -> None:
    iam = place.client("iam")
    policy = iam.get_role_policy(RoleName=ROLE, PolicyName="log-reflector")["PolicyDocument"]
    (statement,) = policy["Statement"]
    assert statement["Resource"] == [STREAM]
    assert statement["Action"] == ["firehose:PutRecord", "firehose:PutRecordBatch"]
    (trust,) = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "logs.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": MANAGEMENT}


def test_lines_arrive_in_the_stream_and_new_log_groups_are_subscribed(ansible: Ansible, place: Deployed) -> None:
    place.write(OLD, "to firehose", "another")
    assert delivered(place, "one", OLD) == ["to firehose", "another"]
    place.client("logs").create_log_group(logGroupName=NEW, logGroupClass="DELIVERY")
    wait_until(
        lambda: filters(place, NEW),
        f"a filter on {NEW}",
        seen=lambda: place.log("/aws/lambda/log-reflector-subscriber"),
    )
    assert filters(place, NEW) == [(STREAM, ROLE)]
    place.write(NEW, "from a new group")
    assert delivered(place, "one", NEW) == ["from a new group"]
    place.write(ORDINARY, "to the reflector")
    place.wait_until_idle()
    assert delivered(place, "one", ORDINARY) == []


def test_report_and_explain_say_that_firehose_serves_them(ansible: Ansible, out: Path) -> None:
    extra = {"log_groups_delivery_stream": STREAM}
    rows = coverage(ansible, out, **extra)
    for group in (OLD, NEW):
        assert (rows[group]["state"], rows[group]["means"]) == ("covered", "firehose")
    assert rows[ORDINARY]["means"] == "filter"
    assert rows[LEFT_OUT]["state"] == "excluded"
    found = explanation(ansible, OLD, **extra)
    assert found["verdict"]["outcome"] == "delivered", found
    assert STREAM in found["verdict"]["sentence"]
    assert [station["name"] for station in found["stations"]] == ["log_group", "rules", "subscription", "delivery"]


def test_another_stream_updates_filter_and_role_in_place(ansible: Ansible, place: Deployed) -> None:
    run = ansible.run("logreflector.aws.deploy", extra={"log_groups_delivery_stream": OTHER})
    assert run.status == 0, run.output
    assert filters(place, OLD) == filters(place, NEW) == [(OTHER, ROLE)]
    place.write(OLD, "to the other")
    assert delivered(place, "two", OLD) == ["to the other"]


def test_without_the_option_the_filters_are_removed_again(ansible: Ansible, place: Deployed) -> None:
    run = ansible.run("logreflector.aws.deploy")
    assert run.status == 0, run.output
    assert filters(place, OLD) == filters(place, NEW) == []
    assert place.subscription_tags(OLD) == {}


def test_teardown_removes_filters_tags_and_role(ansible: Ansible, place: Deployed) -> None:
    extra = {"log_groups_delivery_stream": STREAM}
    assert ansible.run("logreflector.aws.deploy", extra=extra).status == 0
    assert filters(place, OLD) == [(STREAM, ROLE)]
    announced = ansible.run("logreflector.aws.teardown", "--check", extra=extra)
    done = ansible.run("logreflector.aws.teardown", extra=extra)
    assert done.status == 0, done.output
    assert set(announced.changes()[place.host]) == set(done.changes()[place.host])
    assert filters(place, OLD) == filters(place, NEW) == []
    assert place.subscription_tags(OLD) == {}
    assert place.own_resources() == []
