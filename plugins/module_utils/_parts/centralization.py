# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All centralization rules of an organisation, and what they need there. The management account or a delegated administrator calls."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import ReflectorError
from .._options.centralization import SERVICE
from .._plan import Params, Resource, Result
from .._resources.centralization.health import NOT_POSSIBLE, TRUSTED
from .._resources.centralization.info import read_rules
from .._resources.centralization.organization import DelegatedAdministrator, TrustedAccess
from .._resources.centralization.rule import CentralizationRule
from .._resources.centralization.rules import parse_rules
from .._resources.centralization.settings import RuleSettings
from .._retry import RetryPolicy
from .._session import Target
from .account import check_account
from .run import Run

_RULES = "rules"
_RULE_ARN = f"arn:aws:{SERVICE}:*:*:organization-centralization-rule/*"
_OF_THE_SERVICE = {"StringEquals": {"organizations:ServicePrincipal": TRUSTED}}
# Service Authorization Reference, "AWS Organizations" and "Amazon CloudWatch Observability Admin Service".
ADMINISTRATOR_POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "ReadTheOrganisation",
            "Effect": "Allow",
            "Action": [
                "organizations:DescribeOrganization",
                "organizations:ListAWSServiceAccessForOrganization",
                "organizations:ListAccounts",
                "organizations:ListAccountsForParent",
                "organizations:ListDelegatedAdministrators",
                "organizations:ListOrganizationalUnitsForParent",
            ],
            "Resource": "*",
        },
        {
            "Sid": "TrustedAccessOnRequest",
            "Effect": "Allow",
            "Action": ["organizations:EnableAWSServiceAccess", "organizations:RegisterDelegatedAdministrator"],
            "Resource": "*",
            "Condition": _OF_THE_SERVICE,
        },
        {
            "Sid": "ListRules",
            "Effect": "Allow",
            "Action": f"{SERVICE}:ListCentralizationRulesForOrganization",
            "Resource": "*",
        },
        {
            "Sid": "Rules",
            "Effect": "Allow",
            "Action": [
                f"{SERVICE}:CreateCentralizationRuleForOrganization",
                f"{SERVICE}:DeleteCentralizationRuleForOrganization",
                f"{SERVICE}:GetCentralizationRuleForOrganization",
                f"{SERVICE}:ListTagsForResource",
                f"{SERVICE}:TagResource",
                f"{SERVICE}:UpdateCentralizationRuleForOrganization",
            ],
            "Resource": _RULE_ARN,
        },
    ],
}
"""The permissions that the caller of the module `centralization` needs. docs/iam/administrator-policy.json is generated from it."""


class _ProvisioningError(ReflectorError):
    """AWS is still setting up a rule."""


def manage_centralization(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module centralization."""
    wanted = parse_rules(params["rules"])
    is_present = params["state"] == "present"
    desired = [rule if is_present else dataclasses.replace(rule, present=False) for rule in wanted]
    run = Run(target, check_mode=check_mode)
    check_account(run, params["account_id"])
    facts: Result = _prepare_organization(run, params) if is_present else {}
    with run.keeping_changes():
        others = _unlisted(target, params, {rule.name for rule in desired})
    purged = [each["name"] for each in others if each["owned"]] if params["purge"] else []
    desired += [RuleSettings(name=name, present=False, wait_seconds=params["wait_timeout"]) for name in purged]
    resources = {rule.name: CentralizationRule(target, rule) for rule in desired}
    run.read_ahead(resources)
    run.check_plans(resources)
    rules, errors = _converge(run, resources)
    removed = any(change.startswith("delete ") for change in run.result["changes"])
    if removed and not check_mode:
        time.sleep(params["drain_seconds"])
    if not check_mode and params["healthy_seconds"]:
        errors += _wait_until_healthy(resources, desired, rules, params["healthy_seconds"])
    notes = _notes(desired, [each for each in others if each["name"] not in purged], removes=not is_present)
    found = {key: value for key, value in run.finish().items() if key != _RULES}
    result = {**found, **facts, "rules": [rules[name] for name in resources if rules.get(name)], "notes": notes}
    return {**result, **_failure(errors)} if errors else result


def _prepare_organization(run: Run, params: Params) -> Result:
    """Check or enable trusted access, and register the delegated administrator. Return their facts."""
    resources: dict[str, Resource] = {
        "access": TrustedAccess(run.target, enable=params["enable_trusted_access"]),
    }
    if account := params["delegated_administrator"]:
        resources["administrator"] = DelegatedAdministrator(run.target, account)
    run.read_ahead(resources)
    run.check_plans(resources)
    found = run.converge("organization", resources)
    run.result.pop("organization")
    facts = {key: value for each in found.values() for key, value in each.items()}
    return {key: facts.get(key) for key in ("trusted_access", "delegated_administrators")}


def _unlisted(target: Target, params: Params, names: set[str]) -> list[dict[str, Any]]:
    """Return the rules of this region that the variable does not name."""
    options = {"name_prefix": None, "all_regions": False, "wait_timeout": params["wait_timeout"]}
    return [each for each in read_rules(target, options, True)["rules"] if each["name"] not in names]


def _converge(run: Run, resources: Mapping[str, CentralizationRule]) -> tuple[dict[str, Any], list[ReflectorError]]:
    """Bring each rule into its desired state. Return the facts by name, and the errors: one rule does not stop the others."""
    rules: dict[str, Any] = {}
    errors: list[ReflectorError] = []
    for name, resource in resources.items():
        try:
            rules[name] = run.converge(_RULES, {name: resource})[name][name]
        except ReflectorError as error:
            errors.append(error)
    return rules, errors


def _wait_until_healthy(
    resources: Mapping[str, CentralizationRule],
    desired: Sequence[RuleSettings],
    rules: dict[str, Any],
    seconds: float,
) -> list[ReflectorError]:
    """Wait until AWS has set up the rules. Return an error for each that does not copy; `rules` gets the new facts."""
    errors: list[ReflectorError] = []
    end = time.monotonic() + seconds
    for name in [rule.name for rule in desired if rule.present and rules.get(rule.name)]:
        try:
            rules[name] = _healthy(resources[name], name, max(0.0, end - time.monotonic()))
        except ReflectorError as error:
            errors.append(error)
    return errors


def _healthy(resource: CentralizationRule, name: str, seconds: float) -> Any:
    """Return the facts of a rule that copies. Raises ReflectorError for any other."""
    operation = f"copy logs by centralization rule {name}"

    def read() -> Any:
        rule = resource.facts(resource.read())["rule"]
        if rule and rule["problem"] is None:
            return rule
        problem = rule["problem"] if rule else "The rule was deleted meanwhile."
        is_waiting = rule is not None and rule["health"] == "Provisioning"
        kind = _ProvisioningError if is_waiting else ReflectorError
        raise kind(operation, problem[:1].lower() + problem[1:] if is_waiting else problem)

    return RetryPolicy(seconds=seconds).wait_out(read, lambda error: isinstance(error, _ProvisioningError))


def _notes(desired: Sequence[RuleSettings], others: Sequence[Mapping[str, Any]], *, removes: bool) -> list[str]:
    """Return what the rules do not do, and which other rules concern the same destinations."""
    if removes:
        notes = ["Log groups of copies stay, and never expire unless they have a retention."]
    else:
        notes = [*NOT_POSSIBLE, *(note for rule in desired if rule.present for note in rule.notes())]
    places = {(rule.destination_account, rule.destination_region) for rule in desired if rule.present}
    for each in others:
        place = (each["destination_account"], each["destination_region"])
        if each["owned"] is None:
            notes.append(f"Rule {each['name']} was left alone, because its tags were not read: {each['not_read']}")
        elif each["owned"]:
            notes.append(
                f"Rule {each['name']} is not in centralization_rules and still copies. Remove it with purge: true."
            )
        elif place in places:
            notes.append(
                f"Rule {each['name']} of others copies to {'/'.join(place)}, too. Its copies are forwarded as log groups of that account."
            )
    return list(dict.fromkeys(notes))


def _failure(errors: Sequence[ReflectorError]) -> Result:
    """Return the fields of a failed result, which name all errors."""
    first, *others = errors
    if others:
        first = first.with_advice(" ".join(filter(None, [first.advice, *(error.sentence() for error in others)])))
    return {"failed": True, **first.as_result()}
