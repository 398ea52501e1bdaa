# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Typed settings for resources that still take a module's params. Temporary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._plan import Result, converge
from .._session import Target
from .event_rule import EventRuleResource
from .execution_role import ExecutionRoleResource
from .lambda_function import LambdaFunction as _LambdaFunction
from .lambda_function_info import read_function
from .lambda_package import LambdaPackage
from .lambda_permission import LambdaPermissionResource
from .lambda_rollback import LambdaRollback


def _base(settings: Any) -> dict[str, Any]:
    return {
        "state": "present" if settings.present else "absent",
        "name": getattr(settings, "name", None),
        "tags": dict(getattr(settings, "tags", {})) if settings.present else None,
        "purge_tags": False,
        "adopt": False,
        "force": False,
        "wait_timeout": 180,
    }


class _Missing(dict):
    def __missing__(self, key: str) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    name: str
    present: bool = True
    description: str = ""
    package: str = ""
    code_sha256: str = ""
    release: str = ""
    role: str = ""
    handler: str = ""
    runtime: str = "python3.13"
    architecture: str = "arm64"
    memory_size: int = 256
    timeout: int = 120
    environment: Mapping[str, Any] = field(default_factory=dict)
    secret_environment: Mapping[str, str] = field(default_factory=dict)
    on_failure_destination: str = ""
    maximum_retry_attempts: int = 2
    maximum_event_age: int = 21600
    reserved_concurrency: int | None = None
    log_retention_days: int = 30
    log_group_kms_key_arn: str | None = None
    subnet_ids: tuple[str, ...] | None = None
    security_group_ids: tuple[str, ...] | None = None
    kms_key_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    delete_log_group: bool = False
    wait_seconds: float = 600


class LambdaFunction(_LambdaFunction):
    def __init__(self, target: Target, s: FunctionSettings) -> None:
        params = _Missing(_base(s), delete_log_group=s.delete_log_group)
        if s.present:
            params.update(
                zip_file=s.package,
                code_sha256=s.code_sha256,
                release=s.release,
                role=s.role,
                handler=s.handler,
                runtime=s.runtime,
                architecture=s.architecture,
                memory_size=s.memory_size,
                timeout=s.timeout,
                description=s.description,
                environment=dict(s.environment),
                secret_environment=dict(s.secret_environment),
                kms_key_arn=s.kms_key_arn,
                on_failure_destination=s.on_failure_destination,
                maximum_retry_attempts=s.maximum_retry_attempts,
                maximum_event_age=s.maximum_event_age,
                reserved_concurrent_executions=s.reserved_concurrency,
                log_group_retention_days=s.log_retention_days,
                log_group_kms_key_id=s.log_group_kms_key_arn,
                vpc_config={"subnet_ids": list(s.subnet_ids), "security_group_ids": list(s.security_group_ids or ())}
                if s.subnet_ids is not None
                else None,
            )
        super().__init__(target, params)


def release_info(target: Target, name: str) -> Result:
    return read_function(target, {"function_name": name}, False)


def roll_back(target: Target, name: str, *, variables: Any = (), check_mode: bool) -> Result:
    params = {"function_name": name, "variables": list(variables), "wait_timeout": 180}
    return converge(LambdaRollback(target, params), check_mode=check_mode)


def build_package(
    dest: str, sources: Any, *, requirements: str | None = None, runtime: str, architecture: str, check_mode: bool
) -> Result:
    params = _Missing(
        dest=dest,
        sources=[{"dest": "", **each} for each in sources],
        requirements=requirements,
        runtime=runtime,
        architecture=architecture,
        exclude=["tests"],
        check_syntax=True,
    )
    return converge(LambdaPackage(None, params), check_mode=check_mode)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class RoleSettings:
    name: str
    present: bool = True
    description: str = ""
    permissions_boundary: str | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    vpc_access: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class ExecutionRole(ExecutionRoleResource):
    def __init__(self, target: Target, s: RoleSettings) -> None:
        params = _Missing(_base(s), purge_managed_policies=False, purge_inline_policies=s.present, keep_previous=True)
        if s.present:
            params.update(
                description=s.description,
                permissions_boundary=s.permissions_boundary,
                inline_policies={"log-reflector": s.policy},
            )
        super().__init__(target, params)


@dataclass(frozen=True, kw_only=True)
class RuleTarget:
    id: str
    arn: str
    message_group_id: str | None = None
    dead_letter_queue: str = ""
    maximum_retry_attempts: int | None = None
    maximum_event_age: int | None = None


@dataclass(frozen=True, kw_only=True)
class RuleSettings:
    name: str
    present: bool = True
    description: str = ""
    event_pattern: Mapping[str, Any] | None = None
    schedule_expression: str = ""
    enabled: bool | None = True
    targets: tuple[RuleTarget, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


class EventRule(EventRuleResource):
    def __init__(self, target: Target, s: RuleSettings) -> None:
        params = _Missing(_base(s), event_bus_name="default", purge_targets=s.present)
        if s.present:
            params.update(
                description=s.description,
                event_pattern=json.dumps(s.event_pattern) if s.event_pattern else None,
                schedule_expression=s.schedule_expression,
                enabled=s.enabled,
                targets=[
                    _Missing(
                        id=t.id,
                        arn=t.arn,
                        message_group_id=t.message_group_id,
                        dead_letter_arn=t.dead_letter_queue,
                        retry_policy={
                            "maximum_retry_attempts": t.maximum_retry_attempts,
                            "maximum_event_age": t.maximum_event_age,
                        },
                    )
                    for t in s.targets
                ],
            )
        super().__init__(target, params)


@dataclass(frozen=True, kw_only=True)
class StatementSettings:
    statement_id: str
    principal: str
    source_arn: str
    source_account: str


@dataclass(frozen=True, kw_only=True)
class PermissionSettings:
    function_name: str
    statements: tuple[StatementSettings, ...] = ()
    purge_prefix: str = ""


class LambdaPermission(LambdaPermissionResource):
    def __init__(self, target: Target, s: PermissionSettings) -> None:
        super().__init__(
            target,
            _Missing(
                function_name=s.function_name,
                state="present",
                purge_prefix=s.purge_prefix,
                compact=False,
                wait_timeout=60,
                statements=[
                    _Missing(
                        action="lambda:InvokeFunction",
                        statement_id=x.statement_id,
                        principal=x.principal,
                        source_arn=x.source_arn,
                        source_account=x.source_account,
                    )
                    for x in s.statements
                ],
            ),
        )
