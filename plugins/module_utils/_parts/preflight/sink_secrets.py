# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets and parameters that the sinks refer to: whether they exist, and whether the reflector's role may read them.

Their values are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..._errors import NotFoundError, ReflectorError
from ..._options.reflector import ReflectorOptions
from ..._resources.policy_document import statements
from ..._session import Target
from ..policy_statements import Document
from ..secrets import Reference, is_elsewhere, require_parameter, require_secret
from .findings import Finding, from_error, not_checked, problem, unread

_ACTIONS = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameter"}


def secret_findings(target: Target, text: str, options: ReflectorOptions, policy: Document) -> list[Finding]:
    """Return what keeps the reflector from reading a reference.

    policy  of the reflector's role, with placeholders replaced
    """
    reference = Reference.parsed(str(target.expand(text)))
    if is_elsewhere(target, reference):
        place = f"{reference.account}/{reference.region}"
        return [not_checked("secret", f"the {reference.what} is in {place}, and only secrets of the target are read")]
    try:
        if reference.service == "ssm":
            return _parameter_findings(target, reference, options, policy)
        return _secret_findings(target, reference, options, policy)
    except NotFoundError as error:
        return [problem("secret", error.message, error.advice)]
    except ReflectorError as error:
        return [unread("secret", error)]


def _secret_findings(
    target: Target, reference: Reference, options: ReflectorOptions, policy: Document
) -> list[Finding]:
    secret = require_secret(target, reference)
    found = described_secret_findings(reference, secret, target.expand(list(options.secret_kms_key_arns)), policy)
    try:
        with target.describe_operation(f"read the resource policy of the {reference.what}"):
            answer = target.client("secretsmanager").get_resource_policy(SecretId=reference.identifier)
    except ReflectorError as error:
        return [*found, from_error("not_checked", "secret", error)]
    return [*found, *resource_policy_findings(reference, json.loads(answer.get("ResourcePolicy") or "{}"))]


def described_secret_findings(
    reference: Reference, secret: Mapping[str, Any], keys: Sequence[str], policy: Document
) -> list[Finding]:
    """Return what DescribeSecret's answer and the role's policy show together.

    keys    that the role may decrypt with
    """
    found = coverage_findings(reference, str(secret["ARN"]), policy)
    return [*found, *key_findings(reference, str(secret.get("KmsKeyId") or ""), keys)]


def key_findings(reference: Reference, key: str, granted: Sequence[str]) -> list[Finding]:
    """Return whether the role may decrypt with the key. AWS's own key needs no permission; an alias does not name its key."""
    if not key or "alias/aws/" in key or any(_same_key(key, each) for each in granted):
        return []
    if "alias/" in key:
        text = f"the {reference.what} is encrypted with {key}, and whether reflector_secret_kms_key_arns has that key is not known"
        return [not_checked("secret", text, "Compare the key of the alias with reflector_secret_kms_key_arns.")]
    return [
        problem(
            "secret",
            f"the {reference.what} is encrypted with the key {key}, which the reflector's role may not use",
            "Add the key's ARN to reflector_secret_kms_key_arns.",
        )
    ]


def _same_key(key: str, granted: str) -> bool:
    """Return whether the granted ARN, or pattern, is that key. A secret may name its key by id."""
    return fnmatchcase(key, granted) or fnmatchcase(key, granted.rpartition("/")[2]) or granted == "*"


def resource_policy_findings(reference: Reference, document: Mapping[str, Any]) -> list[Finding]:
    """Return a finding if the secret's own policy denies somebody: whom, AWS decides by conditions."""
    if any(isinstance(each, Mapping) and each.get("Effect") == "Deny" for each in statements(document)):
        text = f"the {reference.what} has a resource policy that denies, and whether it denies the reflector's role is not known"
        return [not_checked("secret", text, "See the policy of the secret.")]
    return []


def _parameter_findings(
    target: Target, reference: Reference, options: ReflectorOptions, policy: Document
) -> list[Finding]:
    parameter = require_parameter(target, reference)
    found = coverage_findings(reference, target.arn("ssm", f"parameter/{parameter['Name'].removeprefix('/')}"), policy)
    granted = target.expand(list(options.secret_kms_key_arns))
    return [*found, *key_findings(reference, str(parameter.get("KeyId") or ""), granted)]


def coverage_findings(reference: Reference, arn: str, policy: Document) -> list[Finding]:
    """Return a problem if no statement of the role's policy lets it read the ARN."""
    action = _ACTIONS[reference.service]
    granted = [resource for each in policy["Statement"] if action in each["Action"] for resource in each["Resource"]]
    if any(fnmatchcase(arn, resource) for resource in granted):
        return []
    return [
        problem(
            "secret",
            f"the policy of the reflector's role does not allow {action} on {arn}",
            "Name it in reflector_secret_arns, or leave that variable out.",
        )
    ]
