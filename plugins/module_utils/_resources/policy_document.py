# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Policy documents: equal in meaning, whatever their form; their size as AWS counts it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from .._errors import InvalidInputError
from .common import compact_json

Document = dict[str, Any]

_ROOT_ARN = re.compile(r"arn:[^:]+:iam::(\d{12}):root")
_SETS = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")


def given_document(option: str, value: Any) -> Document:
    """A user's document as JSON would hold it; InvalidInputError if it cannot be one. {} stands for no policy."""
    try:
        document = json.loads(value if isinstance(value, str) else compact_json(value))
    except ValueError as error:
        raise InvalidInputError(option, f"it is not JSON ({error})") from error
    if not isinstance(document, dict) or (document and not isinstance(document.get("Statement"), (dict, list))):
        raise InvalidInputError(option, "a policy document is a dictionary with a Statement")
    return document


def stored_document(value: str | Mapping[str, Any] | None) -> Document:
    """A document as a service answers it: text, text that is URL-encoded (IAM's wire form), or parsed by botocore."""
    if not value:
        return {}
    if isinstance(value, str):
        document: Document = json.loads(value if value.lstrip().startswith("{") else unquote(value))
        return document
    return dict(value)


def statements(document: Mapping[str, Any]) -> list[Any]:
    """The statements, also where a single one stands without a list."""
    return _as_list(document.get("Statement") or [])


def same_meaning(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two documents say the same: AWS's normal forms and the order of what has none make no difference."""
    return canonical(one) == canonical(other)


def size(document: Mapping[str, Any]) -> int:
    """Characters as IAM's quotas count them (page "IAM and AWS STS quotas"): white space does not count."""
    return len(re.sub(r"\s", "", compact_json(document)))


def canonical(document: Mapping[str, Any]) -> str:
    """One text for all documents of the same meaning.

    From the IAM User Guide, "IAM JSON policy elements reference": a list of one is its element, order and repetition
    say nothing, names of actions and of condition keys have no case, an account's id stands for its root's ARN, the
    principal "*" is {"AWS": "*"}, a missing Version is 2008-10-17.
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
            # a list of pairs: two spellings of one key must both be seen
            found[operator] = _set([key.lower(), _set(map(_scalar, _as_list(item)))] for key, item in tests.items())
    return found


def _scalar(value: Any) -> str:
    """Conditions compare text: AWS takes true and 300 as well as "true" and "300"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _set(items: Any) -> list[str]:
    return sorted({_text(item) for item in items})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
