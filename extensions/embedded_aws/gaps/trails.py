# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trail of the organisation, as its member accounts see it. MiniStack has only trails that an account created.

Source: CloudTrail user guide, "Creating a trail for an organization"; API reference, DescribeTrails.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import cloudtrail

from ..settings import Organization
from .current import current
from .hooks import Function, replace
from .validation import Answer

NAME = "embedded-organization"


def install(organization: Organization) -> None:
    """Show the trail in every account and region unless the setting `trail` is false."""
    trail = _trail(organization)
    replace(cloudtrail, "_describe_trails", "body")(functools.partial(_hook_describe, trail))
    replace(cloudtrail, "_get_trail_status", "body")(functools.partial(_hook_read, trail, "Name", {"IsLogging": True}))
    selectors = {"TrailARN": trail["TrailARN"], "EventSelectors": cloudtrail._DEFAULT_EVENT_SELECTORS}
    replace(cloudtrail, "_get_event_selectors", "body")(functools.partial(_hook_read, trail, "TrailName", selectors))


def _trail(organization: Organization) -> dict[str, Any]:
    home = organization.regions[0]
    return {
        "Name": NAME,
        "TrailARN": f"arn:aws:cloudtrail:{home}:{organization.management}:trail/{NAME}",
        "S3BucketName": f"{NAME}-trail",
        "HomeRegion": home,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": True,
        "IncludeGlobalServiceEvents": True,
        "LogFileValidationEnabled": False,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
    }


def _hook_describe(trail: dict[str, Any], ministack: Function) -> Function:
    def describe(body: dict[str, Any]) -> Answer:
        status, headers, answer = ministack(body)
        named = body.get("trailNameList")
        if status != 200 or not current.settings.trail or (named and not {NAME, trail["TrailARN"]} & {*named}):
            return status, headers, answer
        answered: Answer = json_response({"trailList": [trail, *json.loads(answer)["trailList"]]})
        return answered

    return describe


def _hook_read(trail: dict[str, Any], member: str, answer: dict[str, Any], ministack: Function) -> Function:
    def read(body: dict[str, Any]) -> Answer:
        is_organizations = current.settings.trail and body.get(member) in (NAME, trail["TrailARN"])
        answered: Answer = json_response(answer) if is_organizations else ministack(body)
        return answered

    return read
