# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reflector: the function that forwards log events, its dead-letter queue, its rules and the permission for its log groups."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .._errors import InvalidInputError
from .._options.alarms import AlarmOptions
from .._options.functions import FunctionOptions
from .._options.reflector import ReflectorOptions
from .._options.subscriber import SubscriberOptions
from .._plan import Resource, Result
from .._resources.function.function import FunctionRemoval, LambdaFunction
from .._resources.function.settings import FunctionSettings
from .._resources.function.state import CONFIGURATION, FUNCTION
from .._resources.permission.permission import LambdaPermission
from .._resources.permission.settings import PermissionSettings
from .._resources.permission.statement import Statement
from .._resources.reserved_concurrency import Reservation, choose_reservation
from .._resources.sqs_queue import QueueSettings, SqsQueue
from .._resources.ssm_parameter import ParameterSettings, SsmParameter
from .._session import Target
from . import reflector_code
from .alarms import reflector_alarms, removed_reflector_alarms
from .packages import Package
from .reflector_policy import secret_references
from .run import Run
from .secrets import require_references
from .settings import StoredSettings, store

TRIGGER_PREFIX = "log-reflector-trigger-"
_REFERENCES = ("arn:", "secretsmanager:", "ssm:")
_OWN_VARIABLES = {"SUMO_ENDPOINT": ("sumo_endpoint",), "REFLECTOR_RULES": ("sinks", "routes")}
_RESERVATION = re.compile(r"auto|none|keep|\d{1,6}", re.ASCII)
_LOG_GROUP = re.compile(r"[A-Za-z0-9._/#-]{1,512}")


def check_reflector(options: ReflectorOptions, prefix: str = "") -> None:
    """Raise InvalidInputError for options that the function would refuse. Makes no call.

    It runs before the first write: the execution role follows from these options, and a mistake in them would take
    permissions from the function that runs.
    """
    rules = _rules(options)
    check_network(options, prefix)
    _check_environment(options, prefix)
    # If the options only name a secret, as most do, there is nothing to check.
    environment = _environment(options)
    is_plain = not rules and not environment and options.sumo_endpoint.startswith(_REFERENCES)
    if not is_plain and (mistake := reflector_code.mistake(rules, options.sumo_endpoint, environment)):
        raise InvalidInputError(f"{prefix}sinks", mistake)
    if options.environment and (misspelled := reflector_code.misspelled_variable(options.environment)):
        raise InvalidInputError(f"{prefix}environment", misspelled)
    stored_rules(options).check(f"{prefix}sinks")
    if not _RESERVATION.fullmatch(options.reserved_concurrency):
        message = f"{options.reserved_concurrency!r} is neither auto, none, keep nor a number"
        raise InvalidInputError(f"{prefix}reserved_concurrency", message)
    if wrong := [name for name in options.trigger_log_groups if not _LOG_GROUP.fullmatch(name)]:
        raise InvalidInputError(f"{prefix}trigger_log_groups", f"these are no names of log groups: {', '.join(wrong)}")


def _check_environment(options: ReflectorOptions, prefix: str) -> None:
    """Raise InvalidInputError for a variable that has its own option, because diffs show variables of the environment."""
    for name, names in _OWN_VARIABLES.items():
        if name in options.environment:
            instead = " and ".join(f"{prefix}{option}" for option in names)
            raise InvalidInputError(f"{prefix}environment", f"{name} may hold a secret. Set {instead} instead")


def check_network(options: FunctionOptions, prefix: str) -> None:
    """Raise InvalidInputError if only subnets or only security groups are given."""
    if bool(options.subnet_ids) != bool(options.security_group_ids):
        raise InvalidInputError(f"{prefix}subnet_ids", f"it needs {prefix}security_group_ids, and the other way round")


def stored_rules(options: ReflectorOptions) -> StoredSettings:
    """Return sinks and routes as the function reads them."""
    rules = _rules(options)
    return StoredSettings(json.dumps(rules) if rules else "", options.rules_inline_bytes)


def reflector_function(options: ReflectorOptions, package: Package, reference: str = "") -> FunctionSettings:
    """Return the function's settings, without its release.

    reference   of the parameter with the rules, "" while it is unknown
    """
    secret = {"SUMO_ENDPOINT": options.sumo_endpoint, "REFLECTOR_RULES": stored_rules(options).value(reference)}
    return FunctionSettings(
        name=options.function_name,
        description="Log Reflector, forwards log events",
        package=package.path,
        code_sha256=package.code_sha256,
        handler="handler.handler",
        environment={"DEAD_LETTER_QUEUE": options.dead_letter_queue, **_environment(options)},
        secret_environment={name: value for name, value in secret.items() if value},
        **common_function_settings(options),
    )


def _environment(options: ReflectorOptions) -> dict[str, Any]:
    """Return the given variables, and those of options that hold no secret."""
    copies = {"CENTRALIZED_NAME_PATTERN": options.centralized_name_pattern}
    return {**{name: value for name, value in copies.items() if value}, **options.environment}


def common_function_settings(options: ReflectorOptions | SubscriberOptions) -> dict[str, Any]:
    """Return the settings of FunctionSettings that both functions take from options of the same names."""
    return {
        "role": options.role_name,
        "runtime": options.runtime,
        "architecture": options.architecture,
        "memory_size": options.memory_size,
        "timeout": options.timeout,
        "on_failure_destination": options.dead_letter_queue,
        "maximum_retry_attempts": options.maximum_retry_attempts,
        "maximum_event_age": options.maximum_event_age,
        "log_retention_days": options.log_retention_days,
        "log_group_kms_key_arn": options.log_kms_key_arn,
        "subnet_ids": options.subnet_ids,
        "security_group_ids": options.security_group_ids,
        "kms_key_arn": options.kms_key_arn,
        "tags": as_tags(options.tags),
    }


def as_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return tags as AWS takes them: texts."""
    return {str(key): str(value) for key, value in tags.items()}


def deploy_reflector(run: Run, options: ReflectorOptions, alarms: AlarmOptions, package: Package, release: str) -> None:
    """Bring the reflector into the state that the options describe."""
    resources = reflector_resources(run, options, alarms, package, release)
    run.read_ahead(resources)
    check_secrets(run, resources["function"], options)
    run.converge("reflector", resources)


def check_secrets(run: Run, function: Resource, options: ReflectorOptions) -> None:
    """Raise NotFoundError if the function would get the name of a secret that does not exist. The function is read ahead.

    Otherwise a function that delivers would be replaced by one that cannot. This makes no call if the environment stays.
    """
    changes = function.plan(run.state_of(function))
    if any("Environment" in change.payload for change in changes if change.kind in (FUNCTION, CONFIGURATION)):
        with run.keeping_changes():
            require_references(run.target, secret_references(options))


def reflector_resources(
    run: Run, options: ReflectorOptions, alarms: AlarmOptions, package: Package, release: str
) -> dict[str, Resource]:
    """Return the resources of the reflector in the order of their creation. Store its rules if they need a parameter."""
    target, tags = run.target, as_tags(options.tags)
    reference = store(
        run,
        "reflector",
        stored_rules(options),
        name=options.rules_parameter,
        description="Log Reflector, sinks and routes",
        kms_key_arn=options.kms_key_arn,
        tags=tags,
    )
    with run.keeping_changes():
        reservation = _reservation(target, options)
    function = dataclasses.replace(
        reflector_function(options, package, reference), reserved_concurrency=reservation.number, release=release
    )
    run.add("reflector", lambda: {"notes": [reservation.note] if reservation.note else []})
    return {
        "queue": SqsQueue(
            target, QueueSettings(name=options.dead_letter_queue, kms_key_arn=options.kms_key_arn, tags=tags)
        ),
        "function": LambdaFunction(target, function),
        "permission": LambdaPermission(target, permission(target, options)),
        **reflector_alarms(target, options, alarms, tags),
    }


def _reservation(target: Target, options: ReflectorOptions) -> Reservation:
    given = options.reserved_concurrency
    if given == "auto":
        return choose_reservation(target, options.function_name)
    if given == "keep":
        return Reservation(None)
    return Reservation(-1 if given == "none" else int(given))


def permission(target: Target, options: ReflectorOptions) -> PermissionSettings:
    """Return the statements that let CloudWatch Logs invoke the function.

    One statement serves all log groups of the target: a statement for each would reach the policy's 20 KB at 40 to 60.
    """
    log_groups = "arn:{partition}:logs:{region}:{account}:log-group:"
    # By hash, because a name may be longer than a statement's id and have other characters.
    triggers = {
        TRIGGER_PREFIX + hashlib.sha256(name.encode()).hexdigest()[:16]: f"{log_groups}{name}:*"
        for name in options.trigger_log_groups
    }
    principal = "logs.amazonaws.com.cn" if target.region.startswith("cn-") else "logs.amazonaws.com"
    return PermissionSettings(
        function_name=options.function_name,
        statements=tuple(
            Statement(statement_id=name, principal=principal, source_arn=arn, source_account="{account}")
            for name, arn in {"log-reflector-logs": f"{log_groups}*", **triggers}.items()
        ),
        purge_prefix=TRIGGER_PREFIX,
        settle_seconds=options.permission_settle_seconds,
    )


def remove_reflector(run: Run, options: ReflectorOptions, *, discard_dead_letters: bool = False) -> None:
    """Remove everything that belongs to the reflector."""
    run.converge("reflector", removed_reflector(run.target, options, discard_dead_letters=discard_dead_letters))


def removed_reflector(
    target: Target, options: ReflectorOptions, *, discard_dead_letters: bool = False
) -> dict[str, Resource]:
    """Return the resources of the reflector, in the order of their removal.

    The queue goes first: one that holds dead letters is refused, and only the function can send them again.
    """
    queue = QueueSettings(name=options.dead_letter_queue, present=False, discard_messages=discard_dead_letters)
    return {
        "queue": SqsQueue(target, queue),
        "function": FunctionRemoval(target, options.function_name),
        "rules": SsmParameter(target, ParameterSettings(name=options.rules_parameter, present=False)),
        **removed_reflector_alarms(target, options),
    }


def _rules(options: ReflectorOptions) -> Result:
    parts = {"sinks": options.sinks, "routes": list(options.routes)}
    return {name: value for name, value in parts.items() if value}
