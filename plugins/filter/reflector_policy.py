# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reflector may do: the least that its sinks need, in every region of its account."""

from __future__ import annotations

DOCUMENTATION = r"""
name: reflector_policy
short_description: Make the policy of the reflector's execution role
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - The least that the reflector needs for its log, its dead-letter queue, its rules and its sinks, as an IAM policy document.
  - C({partition}) and C({account}) in it are replaced by M(logreflector.aws.execution_role).
positional: function_name, queue_name
options:
  _input:
    description: >-
      The variables of all targets of the account. Of each C(reflector_sumo_endpoint), C(reflector_sinks), C(reflector_routes) and
      C(reflector_rules_parameter) count.
    type: list
    elements: dict
    required: true
  function_name:
    description: The function's name.
    type: str
    required: true
  queue_name:
    description: The dead-letter queue's name.
    type: str
    required: true
  secret_arns:
    description: The secrets and parameters that it may read. The default is what C(reflector_sumo_endpoint) and C(reflector_sinks) refer to.
    type: list
    elements: str
  kms_key_arns:
    description: The customer managed keys that encrypt those.
    type: list
    elements: str
    default: []
  sink_kms_key_arns:
    description: The customer managed keys that encrypt what the sinks write to, beside each C(kms_key_id) there.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Execution role of the reflector
  logreflector.aws.execution_role:
    region: eu-west-1
    name: log-reflector
    inline_policies:
      log-reflector: "{{ [variables] | logreflector.aws.reflector_policy('log-reflector', 'log-reflector-dead-letters') }}"
  vars:
    variables:
      reflector_sumo_endpoint: secretsmanager:log-reflector/sumo-endpoint
      reflector_sinks:
        archive: {type: s3, bucket: example-log-archive}
"""

RETURN = r"""
_value:
  description: The policy document.
  type: dict
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

_REFERENCE = re.compile(r'"((?:arn:[a-z0-9-]+:(?:secretsmanager|ssm):|secretsmanager:|ssm:)[^"]+)"')
_DEFAULT_PARAMETER = "/log-reflector/rules"

Statement = dict[str, Any]


def reflector_policy(
    targets: Iterable[Mapping[str, Any]],
    function_name: str,
    queue_name: str,
    *,
    secret_arns: Sequence[str] | None = None,
    kms_key_arns: Sequence[str] = (),
    sink_kms_key_arns: Sequence[str] = (),
) -> dict[str, Any]:
    """See the documentation above."""
    settings = [_settings(target) for target in targets]
    sinks = [sink for each in settings for sink in _sinks(each)]
    secrets = _referred_to(settings) if secret_arns is None else secret_arns
    statements = [
        _allow(
            "WriteItsOwnLog",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:{{partition}}:logs:*:{{account}}:log-group:/aws/lambda/{function_name}:*",
        ),
        _allow(
            "SendWhatItCannotDeliver",
            ["sqs:GetQueueUrl", "sqs:SendMessage"],
            f"arn:{{partition}}:sqs:*:{{account}}:{queue_name}",
        ),
        _allow(
            "ReadSecretsmanager",
            "secretsmanager:GetSecretValue",
            [arn for arn in secrets if ":secretsmanager:" in arn],
        ),
        _allow("ReadSsm", "ssm:GetParameter", [arn for arn in secrets if ":ssm:" in arn]),
        _allow("DecryptIt", "kms:Decrypt", list(kms_key_arns)),
        _allow("ReadItsRules", "ssm:GetParameter", _rules_parameters(settings, any(sinks))),
        *_sink_statements(sinks, sink_kms_key_arns),
    ]
    return {"Version": "2012-10-17", "Statement": [statement for statement in statements if statement["Resource"]]}


def _settings(target: Mapping[str, Any]) -> dict[str, Any]:
    """What counts of a target's variables."""
    return {
        "endpoint": target.get("reflector_sumo_endpoint") or "",
        "sinks": target.get("reflector_sinks") or {},
        "routes": target.get("reflector_routes") or [],
        "parameter": target.get("reflector_rules_parameter") or _DEFAULT_PARAMETER,
    }


def _sinks(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Those that have a type at least: the rest is refused elsewhere, with what is wrong."""
    sinks = settings["sinks"]
    for sink in sinks.values() if isinstance(sinks, Mapping) else ():
        if isinstance(sink, Mapping) and "type" in sink:
            yield sink


def _referred_to(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ARNs of the secrets and parameters that endpoints and sinks name, wherever in them."""
    text = json.dumps([[each["endpoint"], each["sinks"]] for each in settings], default=str)
    return [_secret_arn(name) for name in sorted({name.strip() for name in _REFERENCE.findall(text)})]


def _secret_arn(reference: str) -> str:
    service, _colon, name = reference.partition(":")
    if service == "secretsmanager":  # Secrets Manager puts a hyphen and six characters behind the name
        return f"arn:{{partition}}:secretsmanager:*:{{account}}:secret:{name}-??????"
    if service == "ssm":
        return _parameter_arn(name)
    return reference


def _parameter_arn(name: str) -> str:
    return f"arn:{{partition}}:ssm:*:{{account}}:parameter/{name.removeprefix('/')}"


def _rules_parameters(settings: Sequence[Mapping[str, Any]], any_sinks: bool) -> list[str]:
    """The parameters that may hold the rules. Whether they do depends on how long the rules are, and that may change."""
    if not any_sinks and not any(each["routes"] for each in settings):
        return []
    arns = {_parameter_arn(each["parameter"]) for each in settings}
    # One version is asked for, NAME:VERSION; whether IAM sees that in the ARN is not documented.
    return sorted(arns | {f"{arn}:*" for arn in arns})


def _sink_statements(sinks: Iterable[Mapping[str, Any]], key_arns: Sequence[str]) -> list[Statement]:
    places: dict[str, set[str]] = {"firehose": set(), "kinesis": set(), "s3": set(), "kms": set(key_arns)}
    for sink in sinks:
        region = sink.get("region") or "*"
        kind, stream, bucket, key = (sink.get(name) for name in ("type", "stream", "bucket", "kms_key_id"))
        if kind == "firehose" and isinstance(stream, str):
            places["firehose"].add(f"arn:{{partition}}:firehose:{region}:{{account}}:deliverystream/{stream}")
        elif kind == "kinesis" and isinstance(stream, str):
            places["kinesis"].add(_arn_or(stream, f"kinesis:{region}:{{account}}:stream"))
        elif kind == "s3" and isinstance(bucket, str):
            places["s3"].add(f"arn:{{partition}}:s3:::{bucket}/{sink.get('prefix') or ''}*")
            if key and isinstance(key, str):
                places["kms"].add(_arn_or(key, f"kms:{region}:{{account}}:key"))
    return [
        _allow("SendToFirehose", "firehose:PutRecordBatch", sorted(places["firehose"])),
        _allow("SendToKinesis", "kinesis:PutRecords", sorted(places["kinesis"])),
        _allow("StoreInS3", "s3:PutObject", sorted(places["s3"])),
        _allow("EncryptIt", "kms:GenerateDataKey", sorted(places["kms"])),
    ]


def _arn_or(name: str, place: str) -> str:
    return name if name.startswith("arn:") else f"arn:{{partition}}:{place}/{name}"


def _allow(sid: str, action: str | list[str], resource: str | list[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filter by its name."""
        return {"reflector_policy": reflector_policy}
