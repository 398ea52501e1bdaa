# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Comparison of policy documents by meaning, and their size as AWS counts it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from .common import compact_json

Document = dict[str, Any]

_ROOT_ARN = re.compile(r"arn:[^:]+:iam::(\d{12}):root")
_SETS = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")


def stored_document(value: str | Mapping[str, Any] | None) -> Document:
    """Return a document from a service's answer: text, URL-encoded text (as IAM sends it), or parsed by botocore."""
    if not value:
        return {}
    if isinstance(value, str):
        document: Document = json.loads(value if value.lstrip().startswith("{") else unquote(value))
        return document
    return dict(value)


def statements(document: Mapping[str, Any]) -> list[Any]:
    """Return the statements, also a single one without a list."""
    return _as_list(document.get("Statement") or [])


def same_meaning(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two documents mean the same: order and AWS's normal forms make no difference."""
    return canonical(one) == canonical(other)


def size(document: Mapping[str, Any]) -> int:
    """Return the characters that IAM's quotas count (page "IAM and AWS STS quotas"): all but white space."""
    return len(re.sub(r"\s", "", compact_json(document)))


def canonical(document: Mapping[str, Any]) -> str:
    """Return one text for all documents with the same meaning.

    From the IAM User Guide, "IAM JSON policy elements reference": a list of one equals its element, order and repetition
    mean nothing, names of actions and condition keys have no case, an account's id equals its root's ARN, the principal
    "*" is {"AWS": "*"}, a missing Version is 2008-10-17.
    """
    if not document:
        return "{}"
    rest = {key: value for key, value in document.items() if key not in ("Version", "Statement")}
    return _text(
        {
            **rest,
            "Version": str(document.get("Version") or "2008-10-17"),
            "Statement": _set(_statement(item) for item in statements(document)),
        }
    )


def _statement(statement: Any) -> Any:
    if not isinstance(statement, Mapping):
        return statement
    result: dict[str, Any] = {}
    for key, value in statement.items():
        if key in _SETS:
            fold = str.lower if key.endswith("Action") else str
            result[key] = _set(fold(str(item)) for item in _as_list(value))
        elif key in _PRINCIPALS:
            result[key] = _principals(value)
        elif key == "Condition":
            result[key] = _conditions(value)
        else:
            result[key] = value
    return {key: value for key, value in result.items() if value not in ("", {}, None)}


def _principals(value: Any) -> Any:
    if value == "*":
        value = {"AWS": "*"}
    if not isinstance(value, Mapping):
        return value
    return {kind: _set(_account(str(item)) for item in _as_list(items)) for kind, items in value.items()}


def _account(principal: str) -> str:
    root = _ROOT_ARN.fullmatch(principal)
    return root[1] if root else principal


def _conditions(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for operator, tests in value.items():
        if not isinstance(tests, Mapping):
            found[operator] = tests
        elif tests:
            # a list of pairs, because two spellings of one key both count
            found[operator] = _set([key.lower(), _set(map(_scalar, _as_list(item)))] for key, item in tests.items())
    return found


def _scalar(value: Any) -> str:
    """Return a value as text, as conditions compare it: true equals "true", 300 equals "300"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _set(items: Any) -> list[str]:
    return sorted({_text(item) for item in items})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
