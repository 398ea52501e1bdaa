# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a Lambda function: read from AWS's answer or from settings, written to requests and diffs. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..._errors import InvalidInputError
from ..._plan import Result
from ..._session import Target
from ..._subscriptions.choice import default_log_group
from .environment import Environment, desired_environment, shown_after, shown_before
from .settings import FunctionSettings


@dataclass(frozen=True, slots=True)
class Vpc:
    """The subnets and security groups of the function, sorted because AWS keeps no order. Empty means no VPC."""

    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    ipv6: bool = False  # has no setting, and an update that omits it would reset it

    def request(self) -> dict[str, Any]:
        """Return VpcConfig."""
        request: dict[str, Any] = {
            "SubnetIds": list(self.subnet_ids),
            "SecurityGroupIds": list(self.security_group_ids),
        }
        return {**request, "Ipv6AllowedForDualStack": True} if self.ipv6 else request

    def plain(self) -> Result:
        """Return the values for diffs and results."""
        return {"subnet_ids": list(self.subnet_ids), "security_group_ids": list(self.security_group_ids)}


@dataclass(frozen=True, slots=True)
class Logging:
    """The function's logging configuration. No setting changes it. "" is AWS's default."""

    log_format: str = "Text"
    application_log_level: str = ""
    system_log_level: str = ""
    log_group: str = ""

    def request(self) -> dict[str, Any]:
        """Return LoggingConfig."""
        whole = {
            "LogFormat": self.log_format,
            "ApplicationLogLevel": self.application_log_level,
            "SystemLogLevel": self.system_log_level,
            "LogGroup": self.log_group,
        }
        return {key: value for key, value in whole.items() if value}

    def plain(self) -> Result:
        """Return the values for diffs and results, without empty ones."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name))}


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that UpdateFunctionConfiguration sets, with AWS's defaults, so that equal functions compare equal.

    Some attributes have no setting (tracing_mode, ephemeral_storage, layers, logging_config, and those after environment).
    Updates leave them unchanged; releases keep and restore them.

    environment         None if AWS could not decrypt it for the caller
    file_systems        each as JSON, as are durable and capacity_provider
    """

    role: str = ""
    runtime: str = ""
    handler: str = ""
    memory_size: int = 128
    timeout: int = 3
    description: str = ""
    kms_key_arn: str = ""
    tracing_mode: str = "PassThrough"
    ephemeral_storage: int = 512
    layers: tuple[str, ...] = ()
    vpc_config: Vpc = Vpc()
    logging_config: Logging = Logging()
    environment: Mapping[str, str] | None = field(default_factory=dict, repr=False)
    dead_letter_target: str = ""
    file_systems: tuple[str, ...] = ()
    snap_start: str = "None"
    durable: str = ""
    capacity_provider: str = ""

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Configuration:
        """Return the configuration in GetFunction's answer (its Configuration)."""
        simple = {name: answer[key] for name, key in _SIMPLE.items() if answer.get(key) not in (None, "")}
        vpc = answer.get("VpcConfig") or {}
        log = answer.get("LoggingConfig") or {}
        environment = answer.get("Environment") or {}
        return cls(
            **simple,
            tracing_mode=(answer.get("TracingConfig") or {}).get("Mode") or "PassThrough",
            ephemeral_storage=(answer.get("EphemeralStorage") or {}).get("Size") or 512,
            layers=tuple(layer["Arn"] for layer in answer.get("Layers") or ()),
            vpc_config=Vpc(
                tuple(sorted(vpc.get("SubnetIds") or ())),
                tuple(sorted(vpc.get("SecurityGroupIds") or ())),
                bool(vpc.get("Ipv6AllowedForDualStack")),
            ),
            logging_config=Logging(
                log.get("LogFormat") or "Text",
                log.get("ApplicationLogLevel") or "",
                log.get("SystemLogLevel") or "",
                log.get("LogGroup") or default_log_group(answer["FunctionName"]),
            ),
            environment=None if environment.get("Error") else dict(environment.get("Variables") or {}),
            dead_letter_target=(answer.get("DeadLetterConfig") or {}).get("TargetArn") or "",
            file_systems=tuple(map(_as_text, answer.get("FileSystemConfigs") or ())),
            snap_start=(answer.get("SnapStart") or {}).get("ApplyOn") or "None",
            durable=_as_text(answer.get("DurableConfig")),
            capacity_provider=_as_text(answer.get("CapacityProviderConfig")),
        )

    def request(self, names: frozenset[str]) -> dict[str, Any]:
        """Return the parameters of CreateFunction and UpdateFunctionConfiguration for these attributes."""
        request = {key: getattr(self, name) for name, key in _SIMPLE.items() if name in names}
        for name, (key, form) in _STRUCTURES.items():
            if name in names:
                request[key] = form(getattr(self, name))
        return request

    def plain(self, names: frozenset[str]) -> Result:
        """Return these attributes for diffs and results, without the environment, whose values may be secret."""
        shown = {name: _plain(getattr(self, name)) for name in _NAMES if name in names and name != "environment"}
        return {name: value for name, value in shown.items() if value != _HIDDEN_IF.get(name)}


_SIMPLE = {
    "role": "Role",
    "runtime": "Runtime",
    "handler": "Handler",
    "memory_size": "MemorySize",
    "timeout": "Timeout",
    "description": "Description",
    "kms_key_arn": "KMSKeyArn",
}
_STRUCTURES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "tracing_mode": ("TracingConfig", lambda value: {"Mode": value}),
    "ephemeral_storage": ("EphemeralStorage", lambda value: {"Size": value}),
    "layers": ("Layers", list),
    "vpc_config": ("VpcConfig", lambda value: value.request()),
    "logging_config": ("LoggingConfig", lambda value: value.request()),
    "environment": ("Environment", lambda value: {"Variables": dict(value)}),
    "dead_letter_target": ("DeadLetterConfig", lambda value: {"TargetArn": value}),
    "file_systems": ("FileSystemConfigs", lambda value: [json.loads(item) for item in value]),
    "snap_start": ("SnapStart", lambda value: {"ApplyOn": value}),
    "durable": ("DurableConfig", lambda value: json.loads(value or "{}")),
    "capacity_provider": ("CapacityProviderConfig", lambda value: json.loads(value or "{}")),
}
# Shown only if somebody set them.
_HIDDEN_IF = {
    "dead_letter_target": "",
    "file_systems": [],
    "snap_start": "None",
    "durable": "",
    "capacity_provider": "",
}
_NAMES = tuple(item.name for item in fields(Configuration))
ALL_ATTRIBUTES = frozenset(_NAMES)


def _as_text(structure: Any) -> str:
    """Return one of AWS's structures as JSON, "" without one."""
    return json.dumps(structure, sort_keys=True) if structure else ""


def _plain(value: Any) -> Any:
    if isinstance(value, (Vpc, Logging)):
        return value.plain()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class DesiredConfiguration:
    """The attributes that the settings give, by name. All others are left alone."""

    attributes: Mapping[str, Any]
    environment: Environment

    @property
    def names(self) -> frozenset[str]:
        """The names of the attributes that the settings give."""
        return frozenset({*self.attributes, "environment"})

    def applied_to(self, actual: Configuration) -> Configuration:
        """Return `actual` with the attributes that the settings give."""
        desired = replace(actual, **self.attributes, environment=self.environment.variables)
        if "vpc_config" in self.attributes and desired.vpc_config.subnet_ids:
            desired = replace(desired, vpc_config=replace(desired.vpc_config, ipv6=actual.vpc_config.ipv6))
        return desired

    def diff(self, names: frozenset[str], before: Configuration | None, after: Configuration) -> tuple[Any, Result]:
        """Return both sides of a change of these attributes, with the values of secret variables hidden."""
        return configuration_diff(names, before, after, self.environment.public)


def configuration_diff(
    names: frozenset[str], before: Configuration | None, after: Configuration, public: Collection[str]
) -> tuple[Any, Result]:
    """Return both sides of a change of these attributes; the left one is None for a creation.

    public  names of the variables whose values may be shown
    """
    left = before.plain(names) if before else None
    right = after.plain(names)
    if "environment" in names:
        known = (before.environment or {}) if before else {}
        right["environment"] = shown_after(after.environment or {}, public, known)
        if left is not None:
            left["environment"] = shown_before(known, public)
    return left, right


def differing(before: Configuration, after: Configuration) -> frozenset[str]:
    """Return the names of the attributes that differ."""
    return frozenset(name for name in _NAMES if getattr(before, name) != getattr(after, name))


def desired_configuration(target: Target, settings: FunctionSettings) -> DesiredConfiguration:
    """Return the configuration that the settings describe, with expanded ARNs.

    Raises InvalidInputError before the first call.
    """
    environment = desired_environment(target.expand(dict(settings.environment)), settings.secret_environment)
    given: dict[str, Any] = {name: getattr(settings, name) for name in _COPIED}
    given["role"] = role_arn(target, settings.role)
    if settings.kms_key_arn is not None:
        given["kms_key_arn"] = key_arn(target, "kms_key_arn", settings.kms_key_arn)
    if settings.subnet_ids is not None:
        groups = settings.security_group_ids or ()
        given["vpc_config"] = Vpc(tuple(sorted(set(settings.subnet_ids))), tuple(sorted(set(groups))))
    return DesiredConfiguration(given, environment)


_COPIED = ("runtime", "handler", "memory_size", "timeout", "description")


def role_arn(target: Target, value: str) -> str:
    """Return the ARN of a role. A name (with its path) is that of a role of the target's account."""
    value = str(target.expand(value))
    return value if value.startswith("arn:") else target.arn("iam", f"role/{value.strip('/')}", regional=False)


def queue_arn(target: Target, value: str) -> str:
    """Return the ARN of a queue, "" for "". A name is that of a queue of the target."""
    value = str(target.expand(value))
    return value if not value or value.startswith("arn:") else target.arn("sqs", value)


def key_arn(target: Target, option: str, value: str) -> str:
    """Return the ARN of a key, "" for "".

    An alias is refused: AWS answers with the key, so every run would see a change.
    """
    value = str(target.expand(value))
    if value and not (value.startswith("arn:") and ":key/" in value):
        raise InvalidInputError(option, f"{value!r} is not the ARN of a KMS key (arn:...:key/...)")
    return value
