# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A statement of a Lambda function's resource policy: as settings, and as AWS stores it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

STATEMENT_ID = r"[a-zA-Z0-9_-]{1,100}"

# Operator and key under which AddPermission stores each option (AWS pages "Resource-based policy" and "urls-auth").
_CONDITIONS = {
    "source_arn": ("ArnLike", "AWS:SourceArn"),
    "source_account": ("StringEquals", "AWS:SourceAccount"),
    "principal_org_id": ("StringEquals", "aws:PrincipalOrgID"),
    "event_source_token": ("StringEquals", "lambda:EventSourceToken"),
    "function_url_auth_type": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "invoked_via_function_url": ("Bool", "lambda:InvokedViaFunctionUrl"),
}
# IAM compares the names of condition keys without regard to case, and AWS itself writes both AWS: and aws:.
_FIELDS = {(operator, key.lower()): name for name, (operator, key) in _CONDITIONS.items()}

_PARAMETERS = {
    "statement_id": "StatementId",
    "action": "Action",
    "principal": "Principal",
    "source_arn": "SourceArn",
    "source_account": "SourceAccount",
    "principal_org_id": "PrincipalOrgID",
    "event_source_token": "EventSourceToken",
    "function_url_auth_type": "FunctionUrlAuthType",
    "invoked_via_function_url": "InvokedViaFunctionUrl",
}

_ROOT = re.compile(r"arn:aws[a-zA-Z0-9-]*:iam::(\d{12}):root", re.ASCII)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that AddPermission can create; None is a condition that the statement does not have.

    principal                   a service, "*", an ARN, or an account id (also for arn:<partition>:iam::<id>:root); "" if
                                only the id counts, because the statement is to be removed
    invoked_via_function_url    True or None: AddPermission's False allows as much as no condition
    """

    statement_id: str
    principal: str = ""
    action: str = "lambda:InvokeFunction"
    source_arn: str | None = None
    source_account: str | None = None
    principal_org_id: str | None = None
    event_source_token: str | None = None
    function_url_auth_type: str | None = None
    invoked_via_function_url: bool | None = None

    def plain(self) -> dict[str, Any]:
        """Return the fields that are set."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    def request(self) -> dict[str, Any]:
        """Return AddPermission's parameters."""
        return {_PARAMETERS[name]: value for name, value in self.plain().items()}

    def named(self, statement_id: str) -> Statement:
        """Return the same content under another id."""
        return replace(self, statement_id=statement_id)


def principal_from(value: str) -> str:
    """Return one form of a principal: AWS stores an account id as the ARN of the account's root, some emulators do not."""
    root = _ROOT.fullmatch(value)
    return root.group(1) if root else value


def render(statement: Statement, resource: str, partition: str = "aws") -> dict[str, Any]:
    """Return the statement as AWS stores it. Its size counts, so an account id becomes the ARN of the account's root."""
    name = statement.principal
    principal: Any
    if name == "*":
        principal = "*"
    elif name.isdigit():
        principal = {"AWS": f"arn:{partition}:iam::{name}:root"}
    else:
        principal = {"AWS" if name.startswith("arn:") or "." not in name else "Service": name}
    stored = {
        "Sid": statement.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": statement.action,
        "Resource": resource,
    }
    conditions: dict[str, dict[str, str]] = {}
    for option, (operator, key) in _CONDITIONS.items():
        value = getattr(statement, option)
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else value
            conditions.setdefault(operator, {})[key] = text
    return {**stored, "Condition": conditions} if conditions else stored


def parse(raw: Any, resource_tail: str) -> Statement | None:
    """Return the statement that AddPermission stores as `raw`, None if it cannot have created it.

    resource_tail   the part of the statement's Resource after ":function:", "name" or "name:qualifier"
    """
    if not isinstance(raw, Mapping) or not set(raw) <= {
        "Sid",
        "Effect",
        "Principal",
        "Action",
        "Resource",
        "Condition",
    }:
        return None
    sid, action, resource = _one(raw.get("Sid")), _one(raw.get("Action")), _one(raw.get("Resource"))
    principal, conditions = _parse_principal(raw.get("Principal")), _parse_conditions(raw.get("Condition", {}))
    if sid is None or action is None or resource is None or principal is None or conditions is None:
        return None
    is_possible = (
        re.fullmatch(STATEMENT_ID, sid) and raw.get("Effect") == "Allow" and resource_tail_of(resource) == resource_tail
    )
    return Statement(sid, principal, action, **conditions) if is_possible else None


def _one(value: Any) -> str | None:
    """Return a string, or the only one of a list, which means the same to IAM; None for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else None


def _parse_principal(value: Any) -> str | None:
    if isinstance(value, str):  # "*"; moto also stores account ids and role ARNs like this
        return principal_from(value)
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    kind, name = next(iter(value.items()))
    one = _one(name)
    if one is None or kind not in ("AWS", "Service") or (kind == "Service" and "." not in one):
        return None
    return principal_from(one)


def _parse_conditions(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    found: dict[str, Any] = {}
    for operator, block in value.items():
        if not isinstance(block, Mapping):
            return None
        for key, wanted in block.items():
            name = _FIELDS.get((operator, str(key).lower()))
            text = _condition_value(wanted)
            if name is None or text is None or name in found:
                return None
            found[name] = text
    via_url = found.get("invoked_via_function_url")
    if via_url is not None:
        if via_url not in ("true", "false"):
            return None
        found["invoked_via_function_url"] = via_url == "true"
    return found


def _condition_value(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else _one(value)


def resource_tail_of(resource: str) -> str:
    """Return the part of a function's ARN after ":function:", "" for anything else."""
    return resource.rpartition(":function:")[2] if resource.startswith("arn:") else ""
