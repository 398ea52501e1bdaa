# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A function's environment variables: the desired ones, what a diff may show, and errors without secrets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..._errors import InvalidInputError, ReflectorError

LARGEST_ENVIRONMENT = 4096
"""Bytes of all variables together (AWS page "Lambda quotas"). Checked here, because AWS's refusal quotes every value."""

HIDDEN = "(hidden)"
HIDDEN_CHANGED = "(hidden, changed)"

_Error = TypeVar("_Error", bound=ReflectorError)


@dataclass(frozen=True, slots=True)
class Environment:
    """All variables that the function should have.

    public    variables whose values may be shown
    secret    variables whose values must never be shown
    """

    public: Mapping[str, str]
    secret: Mapping[str, str] = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """All variables, sorted by name."""
        return dict(sorted({**self.public, **self.secret}.items()))


def desired_environment(public: Mapping[str, Any], secret: Mapping[str, Any]) -> Environment:
    """Return the environment of both settings. Raises InvalidInputError if Lambda would refuse it."""
    desired = Environment(_texts("environment", public), _texts("secret_environment", secret))
    twice = sorted(set(desired.public) & set(desired.secret))
    if twice:
        raise InvalidInputError("secret_environment", f"{', '.join(twice)} is also in environment")
    size = environment_size(desired.variables)
    if size > LARGEST_ENVIRONMENT:
        raise InvalidInputError(
            "environment",
            f"the variables (with those of secret_environment) have {size} bytes and Lambda takes {LARGEST_ENVIRONMENT}",
        )
    return desired


def _texts(option: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return every value as the text that AWS stores. Errors name the variable, never the value."""
    return {str(name): _text(option, str(name), value) for name, value in values.items()}


def _text(option: str, name: str, value: Any) -> str:
    if isinstance(value, bool):  # before int, because bool is an int
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if value is None:
        raise InvalidInputError(option, f"variable {name} is null; leave it out, or give it a value")
    return json.dumps(value, sort_keys=True)


def environment_size(variables: Mapping[str, str]) -> int:
    """Return the size in bytes as Lambda measures it: the variables as JSON."""
    return len(json.dumps(dict(variables), ensure_ascii=False, separators=(",", ":")).encode())


def shown_before(variables: Mapping[str, str], public: Collection[str]) -> dict[str, Any]:
    """Return the diff's left side. A variable that the settings do not name as public may be secret."""
    return {name: _readable(variables[name]) if name in public else HIDDEN for name in sorted(variables)}


def shown_after(variables: Mapping[str, str], public: Collection[str], before: Mapping[str, str]) -> dict[str, Any]:
    """Return the diff's right side. A hidden value shows only whether it differs."""

    def shown(name: str) -> Any:
        if name in public:
            return _readable(variables[name])
        return HIDDEN_CHANGED if before.get(name, variables[name]) != variables[name] else HIDDEN

    return {name: shown(name) for name in sorted(variables)}


def _readable(value: str) -> Any:
    """Return settings in JSON as a dictionary: a diff then has a line for each of them."""
    if value.startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def without_secrets(error: _Error, secret: Collection[str]) -> _Error:
    """Return the same error with every secret value in it hidden."""
    message = error.message
    # This refusal quotes the environment and may cut it anywhere.
    head, quoted, _rest = message.partition("String measured:")
    if quoted:
        message = f"{head}{quoted} {HIDDEN}"
    forms = {form for value in secret if value for form in _quotations(value)}
    for form in sorted(forms, key=len, reverse=True):
        message = message.replace(form, HIDDEN)
    return error.replace(message=message)


def _quotations(value: str) -> set[str]:
    """Return the forms in which a message may quote a value: unchanged, JSON, JSON within JSON, Python's repr."""
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
