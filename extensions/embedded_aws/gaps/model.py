# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a request against botocore's model of its service."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from botocore.loaders import create_loader

_SIZED = frozenset({"string", "list", "map"})


def problem(service: str, operation: str, data: dict[str, Any]) -> str | None:
    """Return why the request is invalid, or None: required and unknown members, types, sizes, patterns and enumerations."""
    model = _model(service)
    return _problem(model["shapes"], model["operations"][operation]["input"]["shape"], data, "")


@cache
def _model(service: str) -> dict[str, Any]:
    model: dict[str, Any] = create_loader().load_service_model(service, "service-2")
    return model


def _problem(shapes: dict[str, Any], name: str, value: Any, path: str) -> str | None:
    shape = shapes[name]
    kind = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int}[shape["type"]]
    if not isinstance(value, kind):
        return f"Value at '{path}' failed to satisfy constraint: Member must be a {shape['type']}"
    return _value_problem(shape, value, path) or _member_problem(shapes, shape, value, path)


def _value_problem(shape: dict[str, Any], value: Any, path: str) -> str | None:
    start = f"Value at '{path}' failed to satisfy constraint: Member must"
    size = len(value) if shape["type"] in _SIZED else value if shape["type"] == "integer" else 0
    if shape["type"] != "structure" and not shape.get("min", size) <= size <= shape.get("max", size):
        return f"{start} have a length or value from {shape.get('min', 0)} to {shape.get('max', 'any')}"
    pattern = shape.get("pattern", "").replace(r"\p{L}\p{Z}\p{N}", r"\w\s")
    if pattern and not re.fullmatch(pattern, value):
        return f"{start} satisfy regular expression pattern: {shape['pattern']}"
    if "enum" in shape and value not in shape["enum"]:
        return f"{start} satisfy enum value set: [{', '.join(shape['enum'])}]"
    return None


def _member_problem(shapes: dict[str, Any], shape: dict[str, Any], value: Any, path: str) -> str | None:
    if shape["type"] == "list":
        found = [_problem(shapes, shape["member"]["shape"], item, f"{path}.member") for item in value]
    elif shape["type"] == "map":
        found = [_problem(shapes, shape["key"]["shape"], key, f"{path}.key") for key in value]
        found += [_problem(shapes, shape["value"]["shape"], item, f"{path}.value") for item in value.values()]
    elif shape["type"] == "structure":
        found = [
            f"Value at '{path}.{name}' failed to satisfy constraint: Member must not be null"
            for name in shape.get("required", ())
            if value.get(name) is None
        ]
        found += [f"Unknown member '{path}.{name}'" for name in value.keys() - shape["members"].keys()]
        found += [
            _problem(shapes, shape["members"][name]["shape"], item, f"{path}.{name}".lstrip("."))
            for name, item in value.items()
            if name in shape["members"] and item is not None
        ]
    else:
        return None
    return next((item for item in found if item), None)
