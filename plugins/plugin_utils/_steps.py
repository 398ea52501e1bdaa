# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several modules on one target, one after another: what the module converge does."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.arg_spec import ValidationResult

from ..module_utils._errors import InvalidInputError, ReflectorError
from ..module_utils._module import Spec, perform
from ..module_utils._plan import Result
from ..module_utils._session import Target
from ._once import once
from ._reflector_code import config
from ._worker import cleaned, refusal, validate

MODULES: dict[str, Spec] = {
    name: importlib.import_module(f"{__name__.partition('.plugin_utils.')[0]}.modules.{name}").SPEC
    for name in (
        "account_subscription_policy",
        "canary",
        "dead_letter_queue",
        "dead_letter_replay",
        "event_source_mapping",
        "lambda_function",
        "lambda_function_info",
        "lambda_permission",
        "lambda_permission_info",
        "lambda_rollback",
        "metric_alarm",
        "ssm_parameter",
        "subscription_filter",
        "subscription_filter_info",
        "subscription_filters",
        "target_info",
    )
}

config()  # for the roles' filters: what is loaded here, workers inherit

Step = Mapping[str, Any]
"""name, module, args, when, once, refuse: as the options of converge say."""
Results = Mapping[str, Result]
"""Of the steps so far, by their names."""


def _work(target: Target, params: Mapping[str, Any], check_mode: bool) -> Result:
    """All steps in this process, on one target: its session and its clients serve them all."""

    def do(step: Step, checked: ValidationResult, so_far: Results) -> Result:
        parameters = filled_in(checked.validated_parameters, so_far)

        def work() -> Result:
            return cleaned(perform(MODULES[step["module"]], parameters, check_mode=check_mode, target=target), checked)

        if not step["once"]:
            return work()
        return once([target.identity.arn, params["endpoint_url"], check_mode, step["module"], step["args"]], work)

    return follow(params, do)


def follow(params: Mapping[str, Any], do: Callable[[Step, ValidationResult, Results], Result]) -> Result:
    """The result of all steps, in their order; the first that fails is the last. InvalidInputError for what no step could be.

    params   the options of converge
    do       does a step, given its options as its module takes them, and the results of the steps before it
    """
    steps = params["steps"]
    if refused := next((step["refuse"] for step in steps if step["refuse"]), ""):
        return {"failed": True, "changed": False, "msg": refused, "steps": {}}
    steps = _named(steps)
    checked = _checked(steps)
    results: dict[str, Result] = {}
    failure: Result = {}
    for step in steps:
        if not step["when"]:
            results[step["name"]] = {"changed": False, "skipped": True}
            continue
        results[step["name"]] = result = do(step, checked[step["name"]], results)
        if result.get("failed"):
            failure = {key: result[key] for key in ("failed", "msg", "error_code", "error_kind") if key in result}
            if (
                failure.get("error_kind") == InvalidInputError.__name__
            ):  # which names an option that other steps may have too
                failure["msg"] = f"In step {step['name']}: {failure['msg']}"
            break
    return {**_merged(results.values()), "steps": results, **failure}


def _checked(steps: Sequence[Step]) -> dict[str, ValidationResult]:
    """Of every step, before the first does anything: InvalidInputError if one has options that its module does not take."""
    names = [step["name"] for step in steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInputError("steps", f"more than one step has the name {', '.join(twice)}")
    checked = {}
    for step in steps:
        validated = validate(MODULES[step["module"]].arguments(connection=False), step["args"])
        if step["when"] and (refused := refusal(validated, step["module"])):
            raise InvalidInputError("steps", f"of step {step['name']}, {refused}")
        checked[step["name"]] = validated
    return checked


def _named(steps: Sequence[Step]) -> list[Step]:
    """The steps, with the hash of what the functions among them are in the names of their releases."""
    found = settings_hash(steps) if any(_HASH in str(step["args"].get("release")) for step in steps) else ""

    def named(args: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**args, "release": str(args["release"]).replace(_HASH, found)} if "release" in args else args

    return [{**step, "args": named(step["args"])} for step in steps]


def _merged(results: Any) -> Result:
    """What the steps did, as one result. Their diffs and warnings move there: a fleet keeps every result in memory."""
    merged = {
        "changed": any(result.get("changed") for result in results),
        "changes": [line for result in results for line in result.get("changes") or []],
        "diff": [part for result in results for part in result.pop("diff", None) or []],
    }
    warnings = [line for result in results for line in result.pop("warnings", None) or []]
    return {**merged, "warnings": warnings} if warnings else merged


_REFERENCE = re.compile(r"\{steps\.(\w+)\.(\w+)\}")
_HASH = "{steps.hash}"
# What no version of a function keeps (lambda_function's documentation), where its package lies, and the hash's own place.
_IN_NO_VERSION = {
    "log_group_retention_days",
    "maximum_event_age",
    "maximum_retry_attempts",
    "on_failure_destination",
    "purge_tags",
    "release",
    "reserved_concurrent_executions",
    "tags",
    "zip_file",
}


def settings_hash(steps: Sequence[Step]) -> str:
    """Twelve hexadecimal digits of what the functions among the steps are, packages and settings: what "{steps.hash}" stands for."""
    functions = [
        {name: value for name, value in step["args"].items() if name not in _IN_NO_VERSION}
        for step in steps
        if step["module"] == "lambda_function"
    ]
    return hashlib.sha256(json.dumps(functions, sort_keys=True).encode()).hexdigest()[:12]


def filled_in(value: Any, results: Results) -> Any:
    """`value` with each {steps.NAME.FIELD} in its strings replaced by that field of that step's result, where there is one."""

    def field(found: re.Match[str]) -> str:
        return str(results.get(found[1], {}).get(found[2], found[0]))

    if isinstance(value, str):
        return _REFERENCE.sub(field, value) if "{steps." in value else value
    if isinstance(value, Mapping):
        return {key: filled_in(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [filled_in(item, results) for item in value]
    return value


SPEC = Spec(
    options={
        "steps_from": {"type": "list", "elements": "str", "default": []},
        "steps": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "module": {"type": "str", "required": True, "choices": sorted(MODULES)},
                "args": {"type": "dict", "default": {}},
                "when": {"type": "bool", "default": True},
                "once": {"type": "bool", "default": False},
                "refuse": {"type": "str", "default": ""},
            },
        },
    },
    work=_work,
)


def follow_unconnected(given: Mapping[str, Any], do: Callable[[str, Mapping[str, Any]], Result]) -> Result:
    """`follow` for whoever connects on its own: `do` gets a module, and its arguments with those of the connection."""
    validated = validate(SPEC.arguments(), given)
    if refused := refusal(validated, "converge"):
        return {"failed": True, "msg": refused}
    connection = {name: value for name, value in given.items() if name not in SPEC.options}

    def with_connection(step: Step, _checked: ValidationResult, so_far: Results) -> Result:
        return do(step["module"], {**connection, **filled_in(step["args"], so_far)})

    try:
        return follow(validated.validated_parameters, with_connection)
    except ReflectorError as error:
        return {"failed": True, **error.as_result()}
