# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Internal resources run by the options that their tests give: as a module would run them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._module import CONNECTION, Group, Spec
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_log_group import RETENTION_DAYS
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_function import LambdaFunction
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_function_info import read_function
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_package import LambdaPackage
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_rollback import LambdaRollback


@dataclass(frozen=True, kw_only=True)
class ResourceSpec(Spec):
    """An internal resource, with the options that its tests give, as an argument spec. The resource itself checks ranges."""

    given: dict[str, Any]
    groups: tuple[Group, ...] = ()

    def arguments(self, *, names: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the keyword arguments of AnsibleModule."""
        connection = CONNECTION if self.connects else {}
        return {"argument_spec": {**connection, **self.given}, **self.rules}


def spec_of(name: str) -> Any:
    """Return the spec of a module, or of an internal resource."""
    if name in RESOURCES:
        return RESOURCES[name]
    return importlib.import_module(f"ansible_collections.logreflector.aws.plugins.modules.{name}").SPEC


OPTIONS: dict[str, Any] = {"tags": {"type": "dict", "aliases": ["resource_tags"]}}

LAMBDA_FUNCTION = ResourceSpec(
    given={
        **OPTIONS,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "zip_file": {"type": "path"},
        "code_sha256": {"type": "str"},
        "role": {"type": "str"},
        "runtime": {"type": "str"},
        "handler": {"type": "str"},
        "architecture": {"type": "str", "choices": ["arm64", "x86_64"], "aliases": ["architectures"]},
        "memory_size": {"type": "int"},
        "timeout": {"type": "int"},
        "description": {"type": "str"},
        "environment": {"type": "dict", "aliases": ["environment_variables"]},
        "secret_environment": {"type": "dict", "no_log": True},
        "kms_key_arn": {"type": "str", "no_log": False},
        "vpc_config": {
            "type": "dict",
            "options": {
                "subnet_ids": {"type": "list", "elements": "str", "required": True},
                "security_group_ids": {"type": "list", "elements": "str", "required": True},
            },
        },
        "layers": {"type": "list", "elements": "str"},
        "tracing_mode": {"type": "str", "choices": ["Active", "PassThrough"]},
        "reserved_concurrent_executions": {"type": "int"},
        "ephemeral_storage": {"type": "int"},
        "logging_config": {
            "type": "dict",
            "options": {
                "log_format": {"type": "str", "choices": ["JSON", "Text"]},
                "application_log_level": {
                    "type": "str",
                    "choices": ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"],
                },
                "system_log_level": {"type": "str", "choices": ["DEBUG", "INFO", "WARN"]},
                "log_group": {"type": "str"},
            },
        },
        "on_failure_destination": {"type": "str"},
        "maximum_retry_attempts": {"type": "int"},
        "maximum_event_age": {"type": "int"},
        "log_group_retention_days": {"type": "int", "choices": list(RETENTION_DAYS)},
        "log_group_kms_key_id": {"type": "str", "no_log": False},
        "delete_log_group": {"type": "bool", "default": False},
        "release": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 180},
    },
    work=converging(LambdaFunction),
)

LAMBDA_PACKAGE = ResourceSpec(
    given={
        "dest": {"type": "path", "required": True},
        "sources": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "src": {"type": "path", "required": True},
                "dest": {"type": "str", "default": ""},
            },
        },
        "exclude": {"type": "list", "elements": "str", "default": ["tests"]},
        "check_syntax": {"type": "bool", "default": True},
        "requirements": {"type": "path"},
        "runtime": {"type": "str"},
        "architecture": {"type": "str", "choices": ["arm64", "x86_64"]},
    },
    rules={"required_by": {"requirements": ["runtime", "architecture"]}},
    work=converging(LambdaPackage),
    connects=False,
)

LAMBDA_ROLLBACK = ResourceSpec(
    given={
        "function_name": {"type": "str", "required": True},
        "variables": {"type": "list", "elements": "str", "default": []},
        "wait_timeout": {"type": "int", "default": 180},
    },
    work=converging(LambdaRollback),
)


LAMBDA_FUNCTION_INFO = ResourceSpec(given={"function_name": {"type": "str", "required": True}}, work=read_function)

RESOURCES: dict[str, Any] = {
    "lambda_function": LAMBDA_FUNCTION,
    "lambda_function_info": LAMBDA_FUNCTION_INFO,
    "lambda_package": LAMBDA_PACKAGE,
    "lambda_rollback": LAMBDA_ROLLBACK,
}
