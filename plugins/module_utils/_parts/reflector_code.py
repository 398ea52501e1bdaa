# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the reflector's own code, which checks its settings and lists the permissions that its sinks need."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from .._errors import did_you_mean
from .packages import LAMBDA_SOURCES, missing_sources

_FUNCTION = LAMBDA_SOURCES / "reflector" / "reflector"
_NAME = "logreflector_aws_reflector"  # a name of its own: the function's package is called reflector


@cache
def module(name: str) -> ModuleType:
    """Return a module of the Lambda function. ReflectorError where the collection is not installed."""
    if _NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            _NAME, _FUNCTION / "__init__.py", submodule_search_locations=[str(_FUNCTION)]
        )
        if spec is None or spec.loader is None or not _FUNCTION.is_dir():
            raise missing_sources("read the reflector's code")
        package = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{_NAME}.{name}")


def load() -> None:
    """Import what checks of ordinary settings need. A host that forks calls this once before the fork."""
    if _FUNCTION.is_dir():
        for name in ("config", "sink_facts", "sinks.sumologic"):
            module(name)


def mistake(rules: Any, sumo_endpoint: str, environment: Mapping[str, Any]) -> str:
    """Return why the reflector would refuse these settings, in a sentence, "" if it would not. Reads no secret, calls no sink.

    rules   plain values, as JSON has them
    """
    code = module("config")
    what = "rules"
    try:
        code.checked_rules(rules, (code.SUMO_LOGIC,) if sumo_endpoint else ())
        what = "settings"
        texts = {name: str(value) for name, value in environment.items()}
        code.checked({code.RULES: json.dumps(rules), "SUMO_ENDPOINT": sumo_endpoint, **texts})
    except (ValueError, TypeError) as error:
        origin = "" if what == "rules" else " SUMO_ENDPOINT is the option sumo_endpoint, other names are in environment"
        return f"the reflector would refuse its {what}: {error}{origin}"
    return ""


def misspelled_variable(environment: Mapping[str, Any]) -> str:
    """Return which variable of the environment is nearly one of the reflector's, in a sentence, "" if none is."""
    known = ("DEAD_LETTER_QUEUE", *module("config")._VARIABLES)
    for name in sorted(set(environment).difference(known)):
        if hint := did_you_mean(name.upper(), known, cutoff=0.85):
            return f"the reflector reads no variable {name}.{hint}"
    return ""


def sink_permissions(sinks: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return what the sinks of several targets need: actions and the ARNs of their resources."""
    return [needed for each in sinks for needed in module("sink_facts").sink_permissions(each)]


def sink_log_groups(sinks: Mapping[str, Any]) -> list[str]:
    """Return names and patterns of the log groups that sinks in AWS write to: they would feed themselves."""
    names: list[str] = module("sink_facts").sink_log_groups(sinks)
    return names
