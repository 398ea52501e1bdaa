# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets and parameters that the sinks refer to: whether they exist, and whether the reflector's role may read them.

Their values are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ..._errors import NotFoundError, ReflectorError
from ..._options.reflector import ReflectorOptions
from ..._resources.policy_document import statements
from ..._session import Target
from ..permissions import Document
from .findings import Finding, from_error, is_organization_denial, not_checked, problem

_ACTIONS = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameter"}


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in the options, taken apart.

    place   the region and account of an ARN, "" for a name
    """

    text: str
    service: str
    name: str
    region: str = ""
    account: str = ""

    @classmethod
    def parsed(cls, text: str) -> Reference:
        """Return the reference in one of the forms that the reflector reads."""
        if not text.startswith("arn:"):
            service, _colon, name = text.partition(":")
            return cls(text, service, name)
        _arn, _partition, service, region, account, resource = text.split(":", 5)
        name = resource.removeprefix("secret:") if service == "secretsmanager" else resource.removeprefix("parameter")
        return cls(text, service, name, region, account)

    @property
    def what(self) -> str:
        """The secret, for messages."""
        return f"{'secret' if self.service == 'secretsmanager' else 'parameter'} {self.name}"


def secret_findings(target: Target, text: str, options: ReflectorOptions, policy: Document) -> list[Finding]:
    """Return what keeps the reflector from reading a reference.

    policy  of the reflector's role, with placeholders replaced
    """
    reference = Reference.parsed(str(target.expand(text)))
    if reference.region not in ("", target.region) or reference.account not in ("", target.identity.account):
        place = f"{reference.account}/{reference.region}"
        return [not_checked("secret", f"the {reference.what} is in {place}, and only secrets of the target are read")]
    try:
        if reference.service == "ssm":
            return _parameter_findings(target, reference, options, policy)
        return _secret_findings(target, reference, options, policy)
    except NotFoundError as error:
        return [_missing(reference, error.message)]
    except ReflectorError as error:
        key = "organization" if is_organization_denial(error) else "secret"
        return [from_error("not_checked", key, error)]


def _missing(reference: Reference, message: str) -> Finding:
    return problem(
        "secret",
        f"the {reference.what} of the sinks does not exist: {message}",
        "Create it in this account and region, or correct reflector_sumo_endpoint and reflector_sinks.",
    )


def _secret_findings(
    target: Target, reference: Reference, options: ReflectorOptions, policy: Document
) -> list[Finding]:
    client = target.client("secretsmanager")
    identifier = reference.text if reference.text.startswith("arn:") else reference.name
    with target.describe_operation(f"describe the {reference.what}"):
        secret = client.describe_secret(SecretId=identifier)
    found = described_secret_findings(reference, secret, target.expand(list(options.secret_kms_key_arns)), policy)
    try:
        with target.describe_operation(f"read the resource policy of the {reference.what}"):
            text = client.get_resource_policy(SecretId=identifier).get("ResourcePolicy") or "{}"
    except ReflectorError as error:
        return [*found, from_error("not_checked", "secret", error)]
    return [*found, *resource_policy_findings(reference, json.loads(text))]


def described_secret_findings(
    reference: Reference, secret: Mapping[str, Any], keys: Sequence[str], policy: Document
) -> list[Finding]:
    """Return what DescribeSecret's answer and the role's policy show together.

    keys    that the role may decrypt with
    """
    if secret.get("DeletedDate"):
        return [problem("secret", f"the {reference.what} is marked for deletion", "Restore it, or name another one.")]
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
    name = reference.name.partition(":")[0]  # a version or label may follow
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    with target.describe_operation(f"find the {reference.what}"):
        pages = target.client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=filters)
        listed = [each for each in pages.build_full_result()["Parameters"] if each["Name"] == name]
    if not listed:
        return [_missing(reference, "Parameter Store does not list it")]
    found = coverage_findings(reference, target.arn("ssm", f"parameter/{name.removeprefix('/')}"), policy)
    granted = target.expand(list(options.secret_kms_key_arns))
    return [*found, *key_findings(reference, str(listed[0].get("KeyId") or ""), granted)]


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
