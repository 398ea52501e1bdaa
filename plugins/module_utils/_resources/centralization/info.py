# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All centralization rules of the organisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._errors import NotFoundError, ReflectorError, ThrottledError
from ..._options.centralization import SERVICE
from ..._plan import Params, Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..ownership import has_owner_tag
from .health import problem


def read_rules(target: Target, params: Params, _check_mode: bool) -> Result:
    """Do the work of the module centralization_rule_info."""
    request = {"AllRegions": params["all_regions"]}
    if params["name_prefix"]:
        request["RuleNamePrefix"] = params["name_prefix"]
    retry_policy = RetryPolicy(seconds=params["wait_timeout"])
    paginator = target.client(SERVICE).get_paginator("list_centralization_rules_for_organization")

    def listed() -> list[dict[str, Any]]:
        with target.describe_operation("list the centralization rules"):
            found: list[dict[str, Any]] = (
                paginator.paginate(**request).build_full_result().get("CentralizationRuleSummaries", [])
            )
            return found

    summaries = retry_policy.wait_out(listed, _is_transient)
    return {"changed": False, "rules": [_described(target, retry_policy, summary) for summary in summaries]}


def _described(target: Target, retry_policy: RetryPolicy, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule. What cannot be read is null, and `not_read` says why."""
    rule = {
        "name": summary["RuleName"],
        "arn": summary["RuleArn"],
        "region": summary.get("CreatedRegion"),
        "created_by": summary.get("CreatorAccountId"),
        "created": summary.get("CreatedTimeStamp"),
        "updated": summary.get("LastUpdateTimeStamp"),
        "destination_account": summary.get("DestinationAccountId"),
        "destination_region": summary.get("DestinationRegion"),
        "health": summary.get("RuleHealth"),
        "problem": problem(summary.get("RuleHealth") or "", summary.get("FailureReason") or ""),
        "configuration": None,
        "tags": None,
        "owned": None,
        "not_read": None,
    }
    if rule["region"] not in (None, target.region):
        return {**rule, "not_read": f"AWS returns configuration and tags of this rule in {rule['region']} only."}
    try:
        body, tags = retry_policy.wait_out(lambda: _details(target, summary["RuleArn"]), _is_transient)
    except NotFoundError:
        return {**rule, "not_read": "The rule was deleted after the list was read."}
    except ReflectorError as error:
        return {**rule, "not_read": str(error)}
    return {**rule, "configuration": body, "tags": tags, "owned": has_owner_tag(tags)}


def _details(target: Target, arn: str) -> tuple[dict[str, Any], dict[str, str]]:
    client = target.client(SERVICE)
    with target.describe_operation(f"read centralization rule {arn}"):
        rule = client.get_centralization_rule_for_organization(RuleIdentifier=arn)["CentralizationRule"]
        return dict(rule), dict(client.list_tags_for_resource(ResourceARN=arn)["Tags"])


def _is_transient(error: ReflectorError) -> bool:
    return isinstance(error, ThrottledError) or error.code == "InternalServerException"
