# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events on the page about notifications follow the published schema, which accepts nothing else."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = Draft202012Validator(json.loads((DOCS / "notify.schema.json").read_text(encoding="utf-8")))
BLOCKS = re.findall(r"```json\n(.*?)```", (DOCS / "NOTIFY.md").read_text(encoding="utf-8"), re.DOTALL)
EXAMPLES: dict[str, Any] = {event["detail-type"]: event for event in map(json.loads, BLOCKS)}


def test_page_has_an_example_of_each_event() -> None:
    assert set(EXAMPLES) == {"Log Coverage Changed", "Log Sources Silent", "Log Dead Letters Growing"}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_example_follows_the_schema_and_a_changed_one_does_not(kind: str) -> None:
    SCHEMA.check_schema(SCHEMA.schema)
    SCHEMA.validate(EXAMPLES[kind])
    for change in ({"message": "log content"}, {"version": 2}):
        event = copy.deepcopy(EXAMPLES[kind])
        event["detail"].update(change)
        assert not SCHEMA.is_valid(event)
    for name in EXAMPLES[kind]["detail"]:
        event = copy.deepcopy(EXAMPLES[kind])
        del event["detail"][name]
        assert not SCHEMA.is_valid(event), name
