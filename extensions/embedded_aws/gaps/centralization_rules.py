# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Centralization rules of the service observabilityadmin, as configuration. centralization.py copies the events.

Sources: botocore's model of observabilityadmin, 2018-05-10 (parameters and errors); CloudWatch Logs User Guide,
"Cross-account cross-Region log centralization" and "CloudWatch Logs quotas" (50 rules). Nothing was observed on AWS. Assumed:
a rule's name is unique in its region, a rule needs trusted access, a scope or selection that is left out selects everything.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import get_account_id, get_region

from ..settings import Organization
from . import delegation, model, selection
from .current import current
from .selection import Selection
from .validation import Answer, success

SERVICE = "observabilityadmin"
TRUSTED = "observabilityadmin.amazonaws.com"
_MAX_RULES = 50
_MAX_TAGS = 50
_PAGE = 100
_SCOPE_KEYS = frozenset({"OrganizationId", "OrganizationUnitId", "AccountId"})
_LOG_GROUP_KEYS = frozenset({"LogGroupName"})
_OTHER_PARTITIONS = ("us-gov-", "us-iso", "cn-")


@dataclass(slots=True)
class Rule:
    """A rule, with its scope and its selection of log groups parsed. `groups` is None if it copies no logs."""

    name: str
    region: str
    creator: str
    body: dict[str, Any]
    scope: Selection
    groups: Selection | None
    tags: dict[str, str] = field(default_factory=dict)
    created_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    updated_ms: int = field(default_factory=lambda: int(time.time() * 1000))

    @property
    def arn(self) -> str:
        return _arn(self.region, self.creator, self.name)

    @property
    def destination(self) -> str:
        """The account that receives the copies."""
        return str(self.body["Destination"].get("Account") or self.creator)

    def failure(self, organization: Organization) -> str:
        """Return the reason why the rule does not work, "" if there is none."""
        if not delegation.has_trusted_access(TRUSTED):
            return "TRUSTED_ACCESS_NOT_ENABLED"
        return "" if self.destination in organization.accounts else "DESTINATION_ACCOUNT_NOT_IN_ORGANIZATION"

    def is_active(self, organization: Organization) -> bool:
        is_ready = current.is_older(current.settings.centralization_provisioning, since_ms=self.created_ms)
        return is_ready and not self.failure(organization)

    def described(self, organization: Organization) -> dict[str, Any]:
        """Return the members that Get and List have in common."""
        failure = self.failure(organization)
        health = "Unhealthy" if failure else "Healthy" if self.is_active(organization) else "Provisioning"
        return {
            "RuleName": self.name,
            "RuleArn": self.arn,
            "CreatorAccountId": self.creator,
            "CreatedTimeStamp": self.created_ms,
            "CreatedRegion": self.region,
            "LastUpdateTimeStamp": self.updated_ms,
            "RuleHealth": health,
        } | ({"FailureReason": failure} if failure else {})


_rules: dict[str, Rule] = {}
"""By ARN."""


class _RefusedError(Exception):
    """An error of the service, with its code and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.answer: Answer = (
            status,
            {"Content-Type": "application/json", "x-amzn-ErrorType": code},
            json.dumps({"Message": message, "message": message}).encode(),
        )


def install(organization: Organization) -> None:
    """Add the service to MiniStack, which would answer that it is not supported."""

    async def handle(_method: str, path: str, _headers: Any, body: bytes, _query_params: Any) -> Answer:
        return _answer(organization, path.strip("/"), json.loads(body or b"{}"))

    app.SERVICE_HANDLERS[SERVICE] = handle
    router.SERVICE_PATTERNS[SERVICE] = {"credential_scope": SERVICE}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    iam_actions._BOTOCORE_SERVICE_MAP[SERVICE] = [SERVICE]
    iam_actions._DENIED_CODES[SERVICE] = "AccessDeniedException"


def known_rules() -> list[Rule]:
    return list(_rules.values())


def rule_arn(data: dict[str, Any], region: str, account: str) -> str:
    """Return the resource of an IAM check."""
    named = str(data.get("ResourceARN") or data.get("RuleIdentifier") or data.get("RuleName") or "")
    return named if named.startswith("arn:") or not named else _arn(region, account, named)


def _arn(region: str, account: str, name: str) -> str:
    return f"arn:aws:{SERVICE}:{region}:{account}:organization-centralization-rule/{name}"


def _answer(organization: Organization, operation: str, data: dict[str, Any]) -> Answer:
    if operation not in _OPERATIONS:
        return _RefusedError("ValidationException", f"The embedded AWS does not know {operation}.").answer
    caller = get_account_id()
    if caller != organization.management and not delegation.is_delegate(caller, TRUSTED):
        message = "Only the management account or a delegated administrator of the organization may call this."
        return _RefusedError("AccessDeniedException", message).answer
    if problem := model.problem(SERVICE, operation, data):
        return _RefusedError("ValidationException", problem).answer
    try:
        return _OPERATIONS[operation](organization, data)
    except _RefusedError as refused:
        return refused.answer


def _create(_organization: Organization, data: dict[str, Any]) -> Answer:
    name = data["RuleName"]
    if not delegation.has_trusted_access(TRUSTED):
        raise _RefusedError("ValidationException", f"Trusted access of {TRUSTED} is not enabled in the organization.")
    scope, groups = _selections(data["Rule"])
    if any((rule.name, rule.region) == (name, get_region()) for rule in _rules.values()):
        raise _RefusedError("ConflictException", f"A centralization rule named {name} exists already.", 409)
    if len(_rules) >= _MAX_RULES:
        message = f"An organization can have {_MAX_RULES} centralization rules."
        raise _RefusedError("ServiceQuotaExceededException", message, 402)
    rule = Rule(name, get_region(), get_account_id(), data["Rule"], scope, groups, dict(data.get("Tags") or {}))
    _rules[rule.arn] = rule
    return success({"RuleArn": rule.arn})


def _selections(rule: dict[str, Any]) -> tuple[Selection, Selection | None]:
    """Return the scope and the selected log groups of a valid rule."""
    destination, logs = rule["Destination"], rule["Source"].get("SourceLogsConfiguration")
    target = destination.get("DestinationLogsConfiguration") or {}
    backup = (target.get("BackupConfiguration") or {}).get("Region")
    for region in (*rule["Source"]["Regions"], destination["Region"], *filter(None, [backup])):
        if region.startswith(_OTHER_PARTITIONS):
            raise _RefusedError("ValidationException", f"Centralization is not available in {region}.")
    if backup == destination["Region"]:
        raise _RefusedError("ValidationException", "The backup region must differ from the destination region.")
    encryption = target.get("LogsEncryptionConfiguration") or {}
    if encryption.get("EncryptionStrategy") == "CUSTOMER_MANAGED" and not encryption.get("KmsKeyArn"):
        raise _RefusedError("ValidationException", "The strategy CUSTOMER_MANAGED needs a KmsKeyArn.")
    if (logs or {}).get("DataSourceSelectionCriteria") or target.get("TagPropagationConfiguration"):
        message = "The embedded AWS knows no data sources and no propagation of tags."
        raise _RefusedError("ValidationException", message)
    try:
        scope = selection.parse(rule["Source"].get("Scope") or "*", _SCOPE_KEYS, selection.SCOPE_OPERATORS)
        if logs is None:
            return scope, None
        criteria = logs.get("LogGroupSelectionCriteria") or "*"
        return scope, selection.parse(criteria, _LOG_GROUP_KEYS, selection.LOG_GROUP_OPERATORS)
    except ValueError as error:
        raise _RefusedError("ValidationException", str(error)) from error


def _find(identifier: str) -> Rule:
    for rule in _rules.values():
        if rule.region == get_region() and identifier in (rule.name, rule.arn):
            return rule
    raise _RefusedError("ResourceNotFoundException", f"There is no centralization rule {identifier}.", 404)


def _get(organization: Organization, data: dict[str, Any]) -> Answer:
    rule = _find(data["RuleIdentifier"])
    return success({**rule.described(organization), "CentralizationRule": rule.body})


def _update(_organization: Organization, data: dict[str, Any]) -> Answer:
    rule = _find(data["RuleIdentifier"])
    rule.scope, rule.groups = _selections(data["Rule"])
    rule.body, rule.updated_ms = data["Rule"], int(time.time() * 1000)
    return success({"RuleArn": rule.arn})


def _delete(_organization: Organization, data: dict[str, Any]) -> Answer:
    del _rules[_find(data["RuleIdentifier"]).arn]
    return success({})


def _list(organization: Organization, data: dict[str, Any]) -> Answer:
    size, after, prefix = data.get("MaxResults") or _PAGE, data.get("NextToken") or "", data.get("RuleNamePrefix") or ""
    found = [
        rule
        for arn, rule in sorted(_rules.items())
        if arn > after and rule.name.startswith(prefix) and (data.get("AllRegions") or rule.region == get_region())
    ]
    summaries = [
        {
            **rule.described(organization),
            "DestinationAccountId": rule.destination,
            "DestinationRegion": rule.body["Destination"]["Region"],
        }
        for rule in found[:size]
    ]
    token = {"NextToken": found[size - 1].arn} if len(found) > size else {}
    return success({"CentralizationRuleSummaries": summaries, **token})


def _list_tags(_organization: Organization, data: dict[str, Any]) -> Answer:
    return success({"Tags": _find(data["ResourceARN"]).tags})


def _tag(_organization: Organization, data: dict[str, Any]) -> Answer:
    rule = _find(data["ResourceARN"])
    tags = rule.tags | data["Tags"]
    if len(tags) > _MAX_TAGS:
        raise _RefusedError("ServiceQuotaExceededException", f"A rule can have {_MAX_TAGS} tags.", 402)
    rule.tags = tags
    return success({})


def _untag(_organization: Organization, data: dict[str, Any]) -> Answer:
    rule = _find(data["ResourceARN"])
    rule.tags = {key: value for key, value in rule.tags.items() if key not in data["TagKeys"]}
    return success({})


_OPERATIONS: dict[str, Callable[[Organization, dict[str, Any]], Answer]] = {
    "CreateCentralizationRuleForOrganization": _create,
    "GetCentralizationRuleForOrganization": _get,
    "UpdateCentralizationRuleForOrganization": _update,
    "DeleteCentralizationRuleForOrganization": _delete,
    "ListCentralizationRulesForOrganization": _list,
    "ListTagsForResource": _list_tags,
    "TagResource": _tag,
    "UntagResource": _untag,
}
