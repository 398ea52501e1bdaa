# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""JSON in rules: event patterns and targets' inputs, and what counts as the same. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._errors import InvalidInputError
from .common import compact_json

_INPUTS = ("Input", "InputPath", "InputTransformer")


def same_pattern(one: str | None, other: str | None) -> bool:
    """Whether two event patterns match the same events: JSON is compared, and a list's order only where it counts."""
    if not one or not other:
        return one == other
    return _canonical(json.loads(one)) == _canonical(json.loads(other))


def _canonical(value: Any, *, ordered: bool = False) -> str:
    if isinstance(value, dict):
        # {"numeric": [">", 0, "<=", 5]} is the one list in EventBridge's patterns that is read in order
        parts = (f"{json.dumps(key)}:{_canonical(value[key], ordered=key == 'numeric')}" for key in sorted(value))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        return "[" + ",".join(items if ordered else sorted(items)) + "]"
    return json.dumps(value)


def json_text(option: str, value: str | None, kind: type = object) -> str | None:
    """JSON without white space; None and "" as they are. InvalidInputError for what is not JSON."""
    if not value:
        return value
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise InvalidInputError(option, f"it is not JSON ({error})") from error
    if not isinstance(parsed, kind):
        raise InvalidInputError(option, "it is JSON, but not a dictionary")
    return compact_json(parsed)


def put_in(target: dict[str, Any], key: str, value: Any) -> None:
    if value == "":
        target.pop(key, None)
    elif value is not None:
        target[key] = value


def put_input(target: dict[str, Any], given: Mapping[str, Any]) -> None:
    """One of the three kinds of input replaces the others; text that says the same as what stands is left."""
    transformer = given.get("input_transformer")
    wanted = {
        "Input": given.get("input"),
        "InputPath": given.get("input_path"),
        "InputTransformer": _transformer(transformer) if transformer else None,
    }
    wanted = {key: value for key, value in wanted.items() if value is not None}
    for key, value in wanted.items():
        standing = target.get(key)
        for other in _INPUTS:
            target.pop(other, None)
        put_in(target, key, standing if standing and _same_input(standing, value) else value)


def _transformer(given: Mapping[str, Any]) -> dict[str, Any]:
    paths = {str(key): str(value) for key, value in (given.get("input_paths_map") or {}).items()}
    return {**({"InputPathsMap": paths} if paths else {}), "InputTemplate": given["input_template"]}


def _same_input(standing: Any, wanted: Any) -> bool:
    if isinstance(standing, Mapping):
        return {"InputPathsMap": {}, **standing} == {"InputPathsMap": {}, **wanted}
    try:
        return bool(_canonical_input(standing) == _canonical_input(wanted))
    except ValueError:
        return bool(standing == wanted)


def _canonical_input(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)
