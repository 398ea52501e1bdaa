# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsing of plain values (JSON, YAML) into a dataclass. Errors name the place: `routes[2].sample: must be ...`.

Fields may be `str`, `bool`, `int`, `float`, `Secret`, `tuple[str, ...]`, `list[Any]`, `dict[str, str]`, `dict[str, Secret]`, a
`Literal` of strings, or any of them `| None`. The dataclass's `__post_init__` may refuse values with ValueError("option: allowed values").

`required` and `option` make fields with a description. `make generate` writes the tables of docs/SINKS.md from them.
"""

from collections.abc import Mapping
from dataclasses import MISSING, field, fields
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from .secrets import Secret

T = TypeVar("T")

COMPRESS = "send gzip bodies"
HEADERS = (
    "names and values of more headers; each value is a secret, or a reference to one with the whole value (in a JSON object under"
    " the header's name)"
)
"""Texts of options that several sinks have."""


def required(text: str) -> Any:
    """Return a field that must be given. `text` says what it is, in Markdown."""
    return field(metadata={"text": text})  # pylint: disable=invalid-field-call


def option(default: Any, text: str, *, shown: str = "") -> Any:
    """Return a field with a default. `shown` is the default in words, where the value does not say it."""
    value = {"default_factory": default.copy} if isinstance(default, dict) else {"default": default}
    return field(**value, metadata={"text": text, "shown": shown})  # pylint: disable=invalid-field-call


class SettingsError(ValueError):
    """A setting is missing or unusable. The text names the place and the allowed values, never a secret."""


def parsed(kind: type[T], value: Any, place: str) -> T:
    """Return the value as that dataclass. Raises SettingsError with the place of the first error."""
    if not isinstance(value, Mapping):
        raise SettingsError(f"{place}: must be an object with options.")
    hints = get_type_hints(kind)
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    for name in value:
        if name not in known:
            raise SettingsError(f"{_join(place, name)}: there is no such option. Options are {', '.join(known)}.")
    arguments = {}
    for name, each in known.items():
        if value.get(name) is not None:
            arguments[name] = _checked(hints[name], value[name], _join(place, name))
        elif each.default is MISSING and each.default_factory is MISSING:
            raise SettingsError(f"{_join(place, name)}: is needed.")
    try:
        return kind(**arguments)
    except ValueError as error:
        raise SettingsError(f"{_join(place, str(error))}.") from None


def _checked(hint: Any, value: Any, place: str) -> Any:
    if NoneType in get_args(hint):
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise SettingsError(f"{place}: must be one of {', '.join(get_args(hint))}.")
        return value
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise SettingsError(f"{place}: must be a list of strings.")
        return tuple(value)
    if get_origin(hint) is list:
        if not isinstance(value, list | tuple):
            raise SettingsError(f"{place}: must be a list.")
        return list(value)
    if get_origin(hint) is dict:
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
            raise SettingsError(f"{place}: must be an object of strings.")
        return {name: _scalar(get_args(hint)[1], item, _join(place, name)) for name, item in value.items()}
    return _scalar(hint, value, place)


def _scalar(hint: Any, value: Any, place: str) -> Any:
    if hint is Secret:
        if not isinstance(value, str) or not value.strip():
            raise SettingsError(f"{place}: must be a string that is not empty.")
        return Secret(value.strip(), place)
    is_bool = isinstance(value, bool)  # to Python a bool is an int
    if hint is float and isinstance(value, int) and not is_bool and abs(value) < 2**1000:  # a float has no more
        return float(value)
    if is_bool != (hint is bool) or not isinstance(value, hint):
        words = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}
        raise SettingsError(f"{place}: must be {words[hint]}.")
    return value


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
