"""docs/SINKS.md says what there is, and its examples are good. Its code runs in test_contract.py."""

from dataclasses import fields
from importlib import import_module

import documented
import pytest
import reflector.sinks
import yaml


@pytest.mark.parametrize("kind", reflector.sinks.TYPES)
def test_every_option_of_every_sink_is_on_the_page(kind):
    section = documented.section(kind)
    options = import_module(f"reflector.sinks.{kind}").Options
    assert [option.name for option in fields(options) if f"`{option.name}`" not in section] == []
    assert f"[`{kind}`](#{kind})" in documented.TEXT


@pytest.mark.parametrize("kind", reflector.sinks.TYPES)
def test_every_sink_has_an_example(kind):
    assert f"type: {kind}\n" in documented.section(kind)


@pytest.mark.parametrize("example", [block for _before, block in documented.blocks("yaml")])
def test_the_examples_are_good(example, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for name, options in yaml.safe_load(example)["reflector_sinks"].items():
        assert callable(reflector.sinks.make(options, f"sinks.{name}").chunks)
