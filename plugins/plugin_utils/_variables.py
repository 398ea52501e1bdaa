# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of a task's variables, each worked out once.

Ansible's templar compiles the template of a variable wherever another mentions it, and again in each worker. Of a roll-out's
150 templates most only name a variable, and the rest name the same few.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleUndefinedVariable

try:
    from ansible.template import is_trusted_as_template

    def _final(value: Any) -> Any:
        """The value, which is not templated again where another template names it: the results of templates never are."""
        return value

except ImportError:  # ansible-core before 2.19 marks what it must not template, and not what it may
    from ansible.utils.unsafe_proxy import wrap_var

    def _final(value: Any) -> Any:
        """The value, marked."""
        return wrap_var(value)

    def is_trusted_as_template(value: object) -> bool:
        """Whether the text came from a playbook or an inventory file, and not from somewhere out there."""
        return not getattr(value, "__UNSAFE__", False)


_NAME = r"[a-zA-Z_]\w*"
_MENTION = re.compile(rf"\{{\{{ *({_NAME}(?:\.{_NAME})*) *\}}\}}")
_OMIT_UNLESS = re.compile(rf"\{{\{{ *({_NAME}) *\| *default\( *omit *\) *\}}\}}")
_LITERAL_UNLESS = re.compile(
    rf"\{{\{{ *({_NAME}) *\| *default\( *('[^'\\]*'|[0-9]+(?:\.[0-9]+)?|true|false|\{{\}}|\[\]|\[ *'[^'\\]*' *\]) *\) *\}}\}}"
)
_TRUTHS = {"true": "True", "false": "False"}  # Jinja's words, and Python's
_NOTHING = object()
_STARTS = ("{{", "{%", "{#")
_NAMES = re.compile(rf"(?<![\w.]){_NAME}")


class _Omitted:
    """Stands for what is to be left out."""


class Variables:
    """Resolves templates with a task's variables.

    templar     the action's own
    variables   the task's, as Ansible gives them to an action: not templated
    """

    def __init__(self, templar: Any, variables: Mapping[str, Any]) -> None:
        self._templar = templar
        self._raw = variables
        self._omit = variables.get("omit", _NOTHING)
        self._known: dict[str, Any] = {}
        self._under_way: set[str] = set()

    def resolve(self, value: Any) -> Any:
        """The value with every template in it resolved; whatever Ansible raises for one that cannot be."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            items = ((key, self.resolve(item)) for key, item in value.items())
            return {key: item for key, item in items if item is not _Omitted}
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _Omitted]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self._templar.template(value)  # a value of a vault, say

    def _text(self, text: str) -> Any:
        if not any(start in text for start in _STARTS) or not is_trusted_as_template(text):
            return text
        if (found := _MENTION.fullmatch(text)) and (value := self._mentioned(found[1])) is not _NOTHING:
            return value
        if found := _OMIT_UNLESS.fullmatch(text):
            return self._or(text, found[1], _Omitted)
        if found := _LITERAL_UNLESS.fullmatch(text):
            return self._or(text, found[1], ast.literal_eval(_TRUTHS.get(found[2], found[2])))
        return self._composed(text) or self._templated(text)

    def _mentioned(self, path: str) -> Any:
        """Of NAME or NAME.KEY.KEY the value, _NOTHING where it is not as simple as that."""
        name, *keys = path.split(".")
        if not self._has(name):
            return _NOTHING
        if not keys:
            return self._variable(name)
        # Of a dictionary only what is named: another of its items may mention what there is not.
        found = isinstance(self._raw[name], dict)
        value = self._raw[name] if found else self._variable(name)
        for key in keys:
            if not isinstance(value, dict) or key not in value or hasattr(type(value), key):
                return _NOTHING
            value = value[key]
        return self._resolved_in(name, value) if found else value

    def _or(self, text: str, name: str, otherwise: Any) -> Any:
        if name not in self._raw:
            return otherwise
        # Undefined is one that it mentions: what that comes to is Ansible's to say.
        with contextlib.suppress(AnsibleUndefinedVariable):
            if self._has(name):
                return self._variable(name)
        return self._templated(text)

    def _composed(self, text: str) -> str:
        """A text with mentions of other texts in it; "" where there is anything else in it."""
        if "{%" in text or "{#" in text:
            return ""
        parts = _MENTION.split(text)
        values = [self._mentioned(path) for path in parts[1::2]]
        if any("{{" in part or "\n" in part for part in parts[::2]) or not all(
            isinstance(value, str) for value in values
        ):
            return ""
        parts[1::2] = values
        composed = "".join(parts)
        # Of these ansible-core before 2.19 makes a list, a dictionary or a truth.
        return "" if composed.startswith(("{", "[")) or composed in ("True", "False") else composed

    def _templated(self, text: str) -> Any:
        # Jinja looks every name of a template up before it begins, so this does no more. What cannot be resolved stays a template:
        # it may stand in a branch that is not taken, or have a default.
        for name in _NAMES.findall(text):
            if self._has(name) and isinstance(self._raw[name], str):
                with contextlib.suppress(Exception):
                    self._variable(name)
        self._templar.available_variables = {**self._raw, **self._known}
        # In a list, since what is to be left out cannot be told by itself.
        values = self._templar.template([text])
        if isinstance(self._omit, str):  # ansible-core before 2.19 leaves its word for it
            values = _without(values, self._omit)
        return values[0] if values else _Omitted

    def _has(self, name: str) -> bool:
        # One that mentions itself is Ansible's to complain about.
        return name in self._raw and name not in self._under_way

    def _variable(self, name: str) -> Any:
        if name not in self._known:
            value = self._resolved_in(name, self._raw[name])
            if value is _Omitted or value == self._omit:
                return _Omitted
            self._known[name] = _final(value)
        return self._known[name]

    def _resolved_in(self, name: str, value: Any) -> Any:
        """`value`, which is the variable or a part of it."""
        self._under_way.add(name)
        try:
            return self.resolve(value)
        finally:
            self._under_way.discard(name)


def _without(value: Any, word: str) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, word) for key, item in value.items() if item != word}
    return [_without(item, word) for item in value if item != word] if isinstance(value, list) else value
