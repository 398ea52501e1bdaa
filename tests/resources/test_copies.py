# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log groups of copies in a destination."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_in_tests import Cloud

RULE = {
    "name": "europe",
    "organization_id": "o-embeddedaws",
    "source_regions": ["eu-west-1"],
    "destination_account": "123456789012",
    "destination_region": "eu-west-1",
}
COPIES = ("/central/222222222222/eu-west-1/a", "/central/222222222222/eu-west-1/b")
OTHERS = ("/central/notes", "/app", "/central/222222222222/eu-west-1")


@pytest.fixture
def rule(cloud: Cloud) -> Iterator[dict[str, Any]]:
    logs = cloud.client("logs")
    for name in (*COPIES, *OTHERS):
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=COPIES[1], retentionInDays=30)
    yield {**RULE, "destination_account": cloud.account}
    for name in (*COPIES, *OTHERS):
        if name in groups(cloud):
            logs.delete_log_group(logGroupName=name)


def groups(cloud: Cloud) -> dict[str, int | None]:
    """Return the retention of this test's log groups. The account has those of other tests, too."""
    pages = cloud.client("logs").get_paginator("describe_log_groups").paginate()
    found = {each["logGroupName"]: each.get("retentionInDays") for page in pages for each in page["logGroups"]}
    return {name: days for name, days in found.items() if name in (*COPIES, *OTHERS)}


def test_copies_without_retention_get_it(cloud: Cloud, rule: dict[str, Any]) -> None:
    options = {"rules": [rule], "retention_days": 7}
    planned = cloud.run("centralized_log_groups", **options, check_mode=True)
    assert groups(cloud)[COPIES[0]] is None
    done = cloud.run("centralized_log_groups", **options)
    assert done["changes"] == planned["changes"] == [f"update retention of log group {COPIES[0]}"]
    assert done["counts"] == {"log_groups": 2, "never_expire": 1, "changed": 1, "failed": 0}
    assert {name: days for name, days in groups(cloud).items() if days} == {COPIES[0]: 7, COPIES[1]: 30}
    assert not cloud.run("centralized_log_groups", **options)["changed"]


def test_copies_are_deleted_on_request_and_nothing_else(cloud: Cloud, rule: dict[str, Any]) -> None:
    assert len(cloud.run("centralized_log_groups", rules=[rule], state="absent", check_mode=True)["changes"]) == 2
    assert set(COPIES) <= set(groups(cloud))
    done = cloud.run("centralized_log_groups", rules=[rule], state="absent")
    assert done["changes"] == [f"delete log group {name}" for name in COPIES]
    assert set(OTHERS) <= set(groups(cloud))
    assert not set(COPIES) & set(groups(cloud))
    assert not cloud.run("centralized_log_groups", rules=[rule], state="absent")["changed"]


def test_copies_elsewhere_than_the_destination_are_refused(cloud: Cloud, rule: dict[str, Any]) -> None:
    result = cloud.run("centralized_log_groups", rules=[{**rule, "destination_region": "us-east-1"}], retention_days=7)
    assert f"no rule has the destination {cloud.account}/eu-west-1" in result["msg"]
