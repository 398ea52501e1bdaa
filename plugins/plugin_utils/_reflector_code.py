# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reflector's own code, for those who want to know what it would make of its settings."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

_FUNCTION = Path(__file__).resolve().parents[2] / "lambda_src" / "reflector" / "reflector"
_NAME = "logreflector_aws_reflector"  # a name of its own: the function's package is called reflector


@lru_cache(maxsize=1)
def config() -> ModuleType:
    """The module of the Lambda function that reads its configuration."""
    if _NAME in sys.modules:
        return importlib.import_module(f"{_NAME}.config")
    spec = importlib.util.spec_from_file_location(
        _NAME, _FUNCTION / "__init__.py", submodule_search_locations=[str(_FUNCTION)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{_FUNCTION} is no package of Python")
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    spec.loader.exec_module(package)
    return importlib.import_module(f"{_NAME}.config")


def mistake(rules: Any, sumo_endpoint: str, environment: Mapping[str, Any]) -> str:
    """Why the reflector would not take these, in a sentence; "" if it would. No secret is followed, no sink called.

    rules   plain values, as JSON has them
    """
    code = config()
    what = "rules"
    try:
        code.checked_rules(rules, (code.SUMO_LOGIC,) if sumo_endpoint else ())
        what = "settings"
        texts = {name: str(value) for name, value in environment.items()}
        code.checked({code.RULES: json.dumps(rules), "SUMO_ENDPOINT": sumo_endpoint, **texts})
    except (ValueError, TypeError) as error:
        return f"The reflector would refuse its {what}: {error}"
    return ""
