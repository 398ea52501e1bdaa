# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permissions of the reflector's role."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from .._options.reflector import ReflectorOptions
from . import reflector_code
from .policy_statements import (
    Document,
    Statement,
    TargetOptions,
    all_values,
    allow,
    arn_of,
    document,
    own_keys,
    own_logs,
    parameter_arn,
    versions,
)

_REFERENCE = re.compile(r'"((?:arn:[a-z0-9-]+:(?:secretsmanager|ssm):|secretsmanager:|ssm:)[^"]+)"')


def reflector_policy(targets: Sequence[TargetOptions]) -> Document:
    """Return the policy of the reflector's role. The placeholders {partition} and {account} stay in it."""
    options = [target.reflector for target in targets]
    secrets = _secret_arns(options)
    queues = {arn_of("sqs", each.dead_letter_queue) for each in options}
    statements = [
        allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], own_logs(options)),
        allow("SendDeadLetters", ["sqs:GetQueueUrl", "sqs:SendMessage"], sorted(queues)),
        allow(
            "ReadSecretsmanager",
            ["secretsmanager:GetSecretValue"],
            [arn for arn in secrets if ":secretsmanager:" in arn],
        ),
        allow("ReadSsm", ["ssm:GetParameter"], [arn for arn in secrets if ":ssm:" in arn]),
        allow("DecryptSecrets", ["kms:Decrypt"], all_values(options, lambda each: each.secret_kms_key_arns)),
        allow("ReadRules", ["ssm:GetParameter"], _rules_parameters(options)),
        allow("UseOwnKey", ["kms:Decrypt", "kms:GenerateDataKey"], own_keys(options)),
        *_sink_statements(options),
    ]
    return document(statements)


def _sink_statements(options: Sequence[ReflectorOptions]) -> list[Statement]:
    """Return one statement for each action that the sinks need."""
    resources: dict[str, set[str]] = {
        "kms:GenerateDataKey": set(all_values(options, lambda each: each.sink_kms_key_arns))
    }
    for action, arn in reflector_code.sink_permissions([each.sinks for each in options]):
        resources.setdefault(action, set()).add(arn)
    return [allow(_sid(action), [action], sorted(arns)) for action, arns in sorted(resources.items())]


def _sid(action: str) -> str:
    service, _colon, name = action.partition(":")
    return f"{name}Of{service.capitalize()}ForSinks"


def _secret_arns(options: Iterable[ReflectorOptions]) -> list[str]:
    """Return the secrets that may be read: those that are named, or else all that endpoints and sinks refer to."""
    found: set[str] = set()
    for each in options:
        named = each.secret_arns
        found.update(map(_secret_arn, secret_references(each)) if named is None else named)
    return sorted(found)


def secret_references(options: ReflectorOptions) -> list[str]:
    """Return the references to secrets and parameters in the endpoint and the sinks, as the user wrote them."""
    text = json.dumps([options.sumo_endpoint, options.sinks], default=str)
    return sorted({name.strip() for name in _REFERENCE.findall(text)})


def _secret_arn(reference: str) -> str:
    service, _colon, name = reference.partition(":")
    if service == "secretsmanager":  # Secrets Manager appends a hyphen and six characters to the name
        return arn_of("secretsmanager", f"secret:{name}-??????")
    return parameter_arn(name) if service == "ssm" else reference


def _rules_parameters(options: Iterable[ReflectorOptions]) -> list[str]:
    """Return the parameters that may hold the rules. Whether they do depends on how long the rules are."""
    return versions({each.rules_parameter for each in options if each.sinks or each.routes})
