# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The description of an option, and everything that is derived from it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from .._errors import InvalidInputError, did_you_mean

T = TypeVar("T")

_NAMES = {str: "str", int: "int", float: "float", bool: "bool", Mapping: "dict", tuple: "list"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option, as the field of a dataclass describes it.

    type        Ansible's name of the type: str, int, float, bool, dict, list or path
    elements    Ansible's type of a list's elements, "" for other types
    text        description in Ansible markup, a paragraph each
    default     None where an option that is not given leaves things as they are
    shown       default as documentation shows it, where it depends on other options
    low, high   range of a number, both included
    env         environment variables to fall back to
    is_hidden   whether results do not repeat the value, which may hold secrets among other values. The values of an option
                with no_log are also masked everywhere else, so it has to be a secret and nothing else
    sdk         service, operation and parameter that botocore must know if the option is given
    suboptions  of a dict, or of the dicts in a list
    """

    name: str
    type: str
    text: tuple[str, ...]
    default: Any = None
    elements: str = ""
    required: bool = False
    choices: tuple[Any, ...] = ()
    aliases: tuple[str, ...] = ()
    no_log: bool | None = None
    low: float | None = None
    high: float | None = None
    env: tuple[str, ...] = ()
    is_hidden: bool = False
    shown: str = ""
    sdk: tuple[str, str, str] | None = None
    suboptions: tuple[Option, ...] = ()

    def argument(self) -> dict[str, Any]:
        """Return the option as an entry of an argument spec, without `env`."""
        argument: dict[str, Any] = {"type": self.type}
        if self.elements:
            argument["elements"] = self.elements
        if self.required:
            argument["required"] = True
        elif self.default is not None:
            argument["default"] = list(self.default) if isinstance(self.default, tuple) else self.default
        if self.choices:
            argument["choices"] = list(self.choices)
        if self.aliases:
            argument["aliases"] = list(self.aliases)
        if self.no_log is not None:
            argument["no_log"] = self.no_log
        if self.suboptions:
            argument["options"] = {option.name: option.argument() for option in self.suboptions}
        return argument

    def check(self, value: Any, name: str) -> Any:
        """Return the value as the dataclass holds it. InvalidInputError for a wrong type, choice or range.

        name    the option as the user knows it
        """
        if value is None:
            return self.default
        value = _with_type(self, value, name)
        if self.choices and value not in self.choices:
            raise InvalidInputError(name, f"{value!r} is none of {', '.join(map(str, self.choices))}")
        self.check_range(value, name)
        return value

    def check_range(self, value: Any, name: str) -> None:
        """InvalidInputError for a number out of range; any other value is fine."""
        if value is None or self.type not in ("int", "float"):
            return
        is_within = (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        if not is_within:  # so that NaN is refused
            raise InvalidInputError(name, f"{value} is not {_range(self.low, self.high)}")


def option(default: Any, *text: str, **more: Any) -> Any:
    """Return the dataclass field of an option; `more` are Option's other fields."""
    return dataclasses.field(  # pylint: disable=invalid-field-call
        default=default if default is None or isinstance(default, (str, int, float, bool, tuple)) else None,
        metadata={"text": text, "more": more, "default": default},
    )


def required(*text: str, **more: Any) -> Any:
    """Return the dataclass field of an option that has to be given."""
    return dataclasses.field(  # pylint: disable=invalid-field-call
        metadata={"text": text, "more": {**more, "required": True}, "default": None}
    )


@cache
def options_of(cls: type) -> tuple[Option, ...]:
    """Return the options that a dataclass describes, in the order of its fields."""
    return tuple(_options(cls))


def _options(cls: type) -> Iterator[Option]:
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        kind, elements, suboptions = _type(hints[field.name])
        more = dict(field.metadata["more"])
        kind, elements = more.pop("type", kind), more.pop("elements", elements)
        yield Option(
            field.name,
            kind,
            field.metadata["text"],
            default=field.metadata["default"],
            elements=elements,
            suboptions=suboptions,
            **more,
        )


def _type(hint: Any) -> tuple[str, str, tuple[Option, ...]]:
    """Return Ansible's type, the type of elements and the suboptions of a type hint."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    origin = typing.get_origin(hint) or hint
    if dataclasses.is_dataclass(origin):
        return "dict", "", options_of(origin)  # type: ignore[arg-type]
    name = _NAMES.get(origin) or _NAMES[next(base for base in _NAMES if issubclass(origin, base))]
    if name != "list":
        return name, "", ()
    element, _none, suboptions = _type(typing.get_args(hint)[0])
    return name, element, suboptions


def argument_spec(*classes: type, prefix: str = "") -> dict[str, Any]:
    """Return the argument spec of the options of these dataclasses."""
    return {prefix + each.name: each.argument() for cls in classes for each in options_of(cls)}


def read(cls: type[T], params: Mapping[str, Any], prefix: str = "") -> T:
    """Return the dataclass with the values of `params`, whose names have the prefix. InvalidInputError for a wrong value."""
    values = {each.name: each.check(params.get(prefix + each.name), prefix + each.name) for each in options_of(cls)}  # type: ignore[arg-type]
    return cls(**values)


def refuse_unknown(cls: type, given: Mapping[str, Any], what: str) -> None:
    """InvalidInputError for names that are no option of the dataclass."""
    if unknown := sorted(set(map(str, given)) - {each.name for each in options_of(cls)}):
        hint = did_you_mean(unknown[0], [each.name for each in options_of(cls)])
        raise InvalidInputError(what, f"it has no option {', '.join(unknown)}.{hint}")


_ACCEPTED: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "path": ((str,), "a path"),
    "int": ((int,), "a whole number"),
    "float": ((float, int), "a number"),
    "bool": ((bool,), "true or false"),
    "dict": ((Mapping,), "a dictionary"),
    "list": ((list, tuple), "a list"),
}


def _with_type(each: Option, value: Any, name: str) -> Any:
    accepted: tuple[type, ...]
    accepted, noun = _ACCEPTED[each.type]
    if not isinstance(value, accepted) or (isinstance(value, bool) and each.type in ("int", "float")):
        raise InvalidInputError(name, f"{value!r} is not {noun}")
    if each.type != "list":
        return value
    items: tuple[Any, ...] = tuple(value)  # type: ignore[arg-type]
    if each.elements == "str" and not all(isinstance(item, str) for item in items):
        raise InvalidInputError(name, f"{value!r} is not a list of texts")
    return items


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"{low} or more"
    return f"{high} or less" if low is None else f"between {low} and {high}"
