# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A function's environment variables: what is wanted, what a diff may show, and errors without secrets."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .._errors import InvalidInputError, ReflectorError

LARGEST_ENVIRONMENT = 4096
"""Bytes of all variables together (AWS page "Lambda quotas"). AWS's own refusal quotes every value: it must not come to that."""

HIDDEN = "(hidden)"
HIDDEN_CHANGED = "(hidden, changed)"

_Error = TypeVar("_Error", bound=ReflectorError)


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that the options give: as a whole what the function is to have.

    public    names whose values may be shown
    secret    values that may never be shown; kept out of repr for the same reason
    """

    public: Mapping[str, str]
    secret: Mapping[str, str] = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """All of them, sorted by name."""
        return dict(sorted({**self.public, **self.secret}.items()))


def wanted_environment(public: Mapping[str, Any] | None, secret: Mapping[str, Any] | None) -> Environment | None:
    """From the two options; None where neither is given, so that the function's environment is left alone."""
    if public is None and secret is None:
        return None
    wanted = Environment(_texts("environment", public or {}), _texts("secret_environment", secret or {}))
    twice = sorted(set(wanted.public) & set(wanted.secret))
    if twice:
        raise InvalidInputError("secret_environment", f"{', '.join(twice)} is also in environment")
    size = environment_size(wanted.variables)
    if size > LARGEST_ENVIRONMENT:
        raise InvalidInputError(
            "environment",
            f"the variables (with those of secret_environment) have {size} bytes and Lambda takes {LARGEST_ENVIRONMENT}",
        )
    return wanted


def _texts(option: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Every value as the text that AWS stores. Errors name the variable, never the value."""
    return {str(name): _text(option, str(name), value) for name, value in values.items()}


def _text(option: str, name: str, value: Any) -> str:
    if isinstance(value, bool):  # before int, which it is too
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if value is None:
        raise InvalidInputError(option, f"variable {name} is null; leave it out, or give it a value")
    return json.dumps(value, sort_keys=True)


def environment_size(variables: Mapping[str, str]) -> int:
    """Bytes as Lambda measures them: the variables as JSON."""
    return len(json.dumps(dict(variables), ensure_ascii=False, separators=(",", ":")).encode())


def shown_before(variables: Mapping[str, str], public: Collection[str]) -> dict[str, str]:
    """The diff's left side. What the options do not name as public may be anybody's secret."""
    return {name: variables[name] if name in public else HIDDEN for name in sorted(variables)}


def shown_after(variables: Mapping[str, str], public: Collection[str], before: Mapping[str, str]) -> dict[str, str]:
    """The diff's right side: a hidden value tells only whether it differs."""

    def shown(name: str) -> str:
        if name in public:
            return variables[name]
        return HIDDEN_CHANGED if before.get(name, variables[name]) != variables[name] else HIDDEN

    return {name: shown(name) for name in sorted(variables)}


def without_secrets(error: _Error, secret: Collection[str]) -> _Error:
    """The same error with no secret value in it, whatever AWS or botocore quoted."""
    message = error.message
    # The one refusal known to quote the environment, which it may cut anywhere.
    head, quoted, _rest = message.partition("String measured:")
    if quoted:
        message = f"{head}{quoted} {HIDDEN}"
    forms = {form for value in secret if value for form in _quotations(value)}
    for form in sorted(forms, key=len, reverse=True):
        message = message.replace(form, HIDDEN)
    clean = type(error)(error.operation, message, advice=error.advice, code=error.code, where=error.where)
    clean.done = error.done
    return clean


def _quotations(value: str) -> set[str]:
    """How a value may stand in a message: as it is, in JSON, in JSON within JSON, in Python's repr."""
    quoted = json.dumps(value)[1:-1]
    plain = json.dumps(value, ensure_ascii=False)[1:-1]
    return {
        value,
        quoted,
        plain,
        json.dumps(quoted)[1:-1],
        json.dumps(plain, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
    }
