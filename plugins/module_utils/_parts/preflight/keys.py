# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The KMS keys that the options name: whether they exist, are enabled, and let AWS's services use them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..._errors import NotFoundError, ReflectorError
from ..._resources.policy_document import statements
from ..._session import Target
from ..deployment import Deployment
from .findings import Finding, attempt, not_checked, problem, unread


@dataclass(slots=True)
class KeyUse:
    """A key, with the variables that name it and the services that must be able to use it by the key's policy."""

    arn: str
    variables: list[str] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The key, for messages."""
        return f"key {self.arn} of {', '.join(sorted(set(self.variables)))}"


def key_uses(target: Target, options: Deployment) -> list[KeyUse]:
    """Return the keys of the options, each once."""
    found: dict[str, KeyUse] = {}
    for variable, given, services in _named(target, options):
        arn = str(target.expand(given))
        use = found.setdefault(arn, KeyUse(arn))
        use.variables.append(variable)
        use.services.update(services)
    return list(found.values())


def _named(target: Target, options: Deployment) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield variable, key, and the services that use it with their reason."""
    logs = {f"logs.{target.region}.amazonaws.com": "encrypt the function's log group"}
    events = {"events.amazonaws.com": "send to the subscriber's queue"}
    reflector = options.reflector
    for prefix, part in (("reflector_", reflector), ("subscriber_", options.subscriber)):
        if part.log_kms_key_arn:
            yield f"{prefix}log_kms_key_arn", part.log_kms_key_arn, logs
        if part.kms_key_arn:
            yield f"{prefix}kms_key_arn", part.kms_key_arn, events if prefix == "subscriber_" else {}
    for arn in reflector.secret_kms_key_arns:
        yield "reflector_secret_kms_key_arns", arn, {}
    for arn in reflector.sink_kms_key_arns:
        yield "reflector_sink_kms_key_arns", arn, {}


def key_findings(target: Target, use: KeyUse) -> list[Finding]:
    """Return what keeps the deployment from using the key. A pattern grants several keys, and names none to read."""
    if "*" in use.arn or "?" in use.arn:
        return []
    region = use.arn.split(":")[3] if use.arn.startswith("arn:") and use.arn.count(":") >= 5 else target.region
    if region != target.region:
        return [_elsewhere(use, region)]
    client = target.client("kms")
    try:
        with target.describe_operation(f"read the {use.what}"):
            metadata = client.describe_key(KeyId=use.arn)["KeyMetadata"]
    except NotFoundError as error:
        return [problem("key", f"the {use.what} does not exist: {error.message}", "Create it, or name another key.")]
    except ReflectorError as error:
        return [unread("key", error)]
    if found := state_findings(use, metadata):
        return found
    return attempt("key", lambda: _policy_findings(target, use, metadata)) if use.services else []


def _elsewhere(use: KeyUse, region: str) -> Finding:
    """Return the finding for a key of another region: functions and log groups take none, secrets and sinks may."""
    if any(not each.endswith("_arns") for each in use.variables):
        advice = "Name a key of the target's region: write {region} in the ARN, or set the variable for each region."
        return problem("key", f"the {use.what} is in the region {region}", advice)
    return not_checked(
        "key", f"the {use.what} is in the region {region}, and only keys of the target's region are read"
    )


def state_findings(use: KeyUse, metadata: Mapping[str, Any]) -> list[Finding]:
    """Return why the key encrypts nothing. `metadata` is that of DescribeKey."""
    state = str(metadata.get("KeyState") or "Enabled")
    if state != "Enabled":
        return [problem("key", f"the {use.what} is in the state {state}", "Enable the key, or name another one.")]
    usage, spec = metadata.get("KeyUsage", "ENCRYPT_DECRYPT"), metadata.get("KeySpec", "SYMMETRIC_DEFAULT")
    if (usage, spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
        return [problem("key", f"the {use.what} is a {spec} key for {usage}", "Name a symmetric key for encryption.")]
    return []


def _policy_findings(target: Target, use: KeyUse, metadata: Mapping[str, Any]) -> list[Finding]:
    with target.describe_operation(f"read the policy of the {use.what}"):
        answer = target.client("kms").get_key_policy(KeyId=metadata["KeyId"], PolicyName="default")
    return policy_findings(use, json.loads(answer["Policy"]))


def policy_findings(use: KeyUse, document: Mapping[str, Any]) -> list[Finding]:
    """Return the services that no statement of the key's policy lets in. Conditions are not judged."""
    principals = [
        str(name)
        for statement in statements(document)
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow"
        for name in _service_principals(statement.get("Principal"))
    ]
    return [
        problem(
            "key",
            f"the policy of the {use.what} does not let {service} use it, which has to {reason}",
            "Add a statement for that service to the key's policy.",
        )
        for service, reason in use.services.items()
        if not any(_admits(name, service) for name in principals)
    ]


def _service_principals(principal: Any) -> list[Any]:
    """Return the services of a statement's principal; "*" for everybody."""
    if principal == "*":
        return ["*"]
    if not isinstance(principal, Mapping):
        return []
    named = principal.get("Service") or []
    everybody = ["*"] if principal.get("AWS") in ("*", ["*"]) else []
    return [*(named if isinstance(named, list) else [named]), *everybody]


def _admits(principal: str, service: str) -> bool:
    """Return whether the principal is the service; that of CloudWatch Logs is also known without a region."""
    name = principal.removesuffix(".cn")  # of the partition aws-cn
    return fnmatchcase(service, name) or name == f"{service.partition('.')[0]}.amazonaws.com"
