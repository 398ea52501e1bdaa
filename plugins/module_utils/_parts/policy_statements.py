# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies of execution roles: the fewest permissions that the options of all targets of the account need.

A role serves all regions of its account, so it allows for all of them what the options of one target need. The placeholders
{partition} and {account} stay in the policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._options.log_groups import LogGroupOptions
from .._options.reflector import ReflectorOptions
from .._options.subscriber import SubscriberOptions

Statement = dict[str, Any]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """The options of one target that decide about permissions."""

    region: str
    reflector: ReflectorOptions
    subscriber: SubscriberOptions
    log_groups: LogGroupOptions


def versions(parameters: Iterable[str]) -> list[str]:
    """Return the ARNs of parameters that a function reads one version of, by name."""
    # The function reads one version, NAME:VERSION. AWS does not document whether IAM sees that in the ARN.
    arns = {parameter_arn(name) for name in parameters}
    return sorted(arns | {f"{arn}:*" for arn in arns})


def parameter_arn(name: str) -> str:
    """Return the ARN of a parameter in every region."""
    return arn_of("ssm", f"parameter/{name.removeprefix('/')}")


def own_logs(options: Iterable[Any]) -> list[str]:
    """Return the ARNs of the functions' own log groups."""
    names = sorted({each.function_name for each in options})
    return [arn_of("logs", f"log-group:/aws/lambda/{name}:*") for name in names]


def own_keys(options: Iterable[Any]) -> list[str]:
    """Return the keys that encrypt what belongs to the functions."""
    return sorted({each.kms_key_arn for each in options if each.kms_key_arn})


def all_values(options: Iterable[Any], read: Callable[[Any], Iterable[str]]) -> list[str]:
    """Return the values of all options, each once."""
    return sorted({value for each in options for value in read(each)})


def arn_of(service: str, resource: str) -> str:
    """Return the ARN of a resource in every region of the account."""
    return f"arn:{{partition}}:{service}:*:{{account}}:{resource}"


def allow(sid: str, actions: list[str], resources: list[str]) -> Statement:
    """Return a statement. `document` leaves it out if it has no resources."""
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def document(statements: Iterable[Mapping[str, Any]]) -> Document:
    """Return the policy of the statements that have resources."""
    return {"Version": "2012-10-17", "Statement": [dict(each) for each in statements if each["Resource"]]}
