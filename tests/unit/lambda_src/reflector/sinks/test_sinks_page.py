# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/SINKS.md is complete, and its examples are valid. test_contract.py runs its code."""

from dataclasses import fields
from importlib import import_module

import documented
import pytest
import reflector.sinks
import yaml


@pytest.mark.parametrize("kind", reflector.sinks.TYPES)
def test_page_has_every_option_of_every_sink(kind):
    section = documented.section(kind)
    options = import_module(f"reflector.sinks.{kind}").Options
    assert [option.name for option in fields(options) if f"`{option.name}`" not in section] == []
    assert f"[`{kind}`](#{kind})" in documented.TEXT


@pytest.mark.parametrize("kind", reflector.sinks.TYPES)
def test_page_has_an_example_of_every_sink(kind):
    assert f"type: {kind}\n" in documented.section(kind)


@pytest.mark.parametrize("example", [block for _before, block in documented.blocks("yaml")])
def test_page_examples_are_valid(example, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for name, options in yaml.safe_load(example)["reflector_sinks"].items():
        assert callable(reflector.sinks.make(options, f"sinks.{name}").chunks)
