# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Comparison of event patterns. Pure."""

from __future__ import annotations

import json
from typing import Any


def same_pattern(one: str, other: str) -> bool:
    """Return whether two event patterns, as JSON texts, match the same events. "" is no pattern."""
    if not one or not other:
        return one == other
    return _canonical(json.loads(one)) == _canonical(json.loads(other))


def _canonical(value: Any, *, is_ordered: bool = False) -> str:
    if isinstance(value, dict):
        # {"numeric": [">", 0, "<=", 5]} is the only list in EventBridge's patterns whose order counts
        parts = (f"{json.dumps(key)}:{_canonical(value[key], is_ordered=key == 'numeric')}" for key in sorted(value))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        return "[" + ",".join(items if is_ordered else sorted(items)) + "]"
    return json.dumps(value)
