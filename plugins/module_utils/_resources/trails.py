# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check that a CloudTrail trail logs write management events: without one no event reports a new log group.

Sources: CloudTrail API reference (DescribeTrails, GetTrailStatus, GetEventSelectors, AdvancedFieldSelector) and EventBridge user
guide, "AWS service events delivered via AWS CloudTrail".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._errors import ReflectorError
from .._session import Target

_EVENT = {
    "eventCategory": "Management",
    "eventName": "CreateLogGroup",
    "eventSource": "logs.amazonaws.com",
    "eventType": "AwsApiCall",
    "readOnly": "false",
}
"""The fields of the event that the subscriber waits for. The fields that are missing here depend on the caller."""

_ONE_OF: dict[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}
_NONE_OF = {f"Not{name}": matches for name, matches in _ONE_OF.items()}


class NoTrailError(ReflectorError):
    """No trail logs the creation of log groups."""


def check_trail(target: Target) -> str:
    """Return a note if the trails cannot be read, otherwise "". Raises NoTrailError if none logs write management events.

    A trail of the organisation counts: DescribeTrails lists it in each member account.
    """
    client = target.client("cloudtrail")
    try:
        with target.describe_operation("list the trails"):
            trails = client.describe_trails(includeShadowTrails=True)["trailList"]
    except ReflectorError as error:
        return f"whether a trail logs management events is not known: {error}"
    found: dict[str, str] = {}
    for trail in trails:
        try:
            with target.describe_operation(f"read the trail {trail['Name']}"):
                found[trail["Name"]] = _problem(client, trail["TrailARN"])
        except ReflectorError as error:  # members may not be allowed to read the organisation's trail
            return f"whether the trail {trail['Name']} logs management events is not known: {error}"
        if not found[trail["Name"]]:
            return ""
    listed = "; ".join(f"{name}: {problem}" for name, problem in found.items()) or "there is no trail"
    raise NoTrailError(
        "learn of new log groups",
        f"no CloudTrail trail logs their creation ({listed})",
        advice=(
            "Create a trail that logs write management events, or start it. Until then a new log group waits for the"
            " subscriber's daily sweep. log_groups_mode: account_policy needs no trail."
        ),
        where=target.where,
    )


def _problem(client: Any, arn: str) -> str:
    """Return why a trail does not log the creation of log groups, "" if it does."""
    if not client.get_trail_status(Name=arn)["IsLogging"]:
        return "it is stopped"
    return "" if logs_new_groups(client.get_event_selectors(TrailName=arn)) else "its event selectors leave them out"


def logs_new_groups(selectors: Mapping[str, Any]) -> bool:
    """Return whether GetEventSelectors' answer includes the event of CreateLogGroup."""
    return any(map(_matches, selectors.get("EventSelectors") or ())) or any(
        all(map(_field_matches, selector["FieldSelectors"]))
        for selector in selectors.get("AdvancedEventSelectors") or ()
    )


def _matches(selector: Mapping[str, Any]) -> bool:
    return (
        selector.get("IncludeManagementEvents", True)
        and selector.get("ReadWriteType", "All") != "ReadOnly"
        and _EVENT["eventSource"] not in (selector.get("ExcludeManagementEventSources") or ())
    )


def _field_matches(selector: Mapping[str, Any]) -> bool:
    """Return whether the event has a value that the field's operators accept. Fields of the caller may have one."""
    if (value := _EVENT.get(selector["Field"])) is None:
        return True
    for name, matches in _ONE_OF.items():
        if selector.get(name) and not any(matches(value, each) for each in selector[name]):
            return False
    return not any(matches(value, each) for name, matches in _NONE_OF.items() for each in selector.get(name) or ())
