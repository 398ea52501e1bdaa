# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trail of the organisation, without which there are no events of management calls."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import Place, name

NAME = "embedded-organization"


def test_organisations_trail_is_seen_by_a_member(place: Place) -> None:
    client = place.aws.client("cloudtrail", place.account, place.region)
    (trail,) = (item for item in client.describe_trails()["trailList"] if item["Name"] == NAME)
    assert trail["IsOrganizationTrail"]
    assert trail["TrailARN"].split(":")[4] == "111111111111"
    assert client.get_trail_status(Name=trail["TrailARN"])["IsLogging"]
    (selector,) = client.get_event_selectors(TrailName=trail["TrailARN"])["EventSelectors"]
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("All", True)


def test_without_trail_no_event_reports_a_new_log_group(aws: RunningAws, place: Place) -> None:
    aws.configure(trail=False)
    client = place.aws.client("cloudtrail", place.account, place.region)
    assert client.describe_trails()["trailList"] == []
    with pytest.raises(ClientError, match="TrailNotFound"):
        client.get_trail_status(Name=NAME)
    before = aws.events_under_way()
    place.logs.create_log_group(logGroupName=name("/without-trail"))
    assert aws.events_under_way() == before
