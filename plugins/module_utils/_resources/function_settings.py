# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The configuration of a Lambda function: from AWS's answer, from the options, into requests and diffs. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .._errors import InvalidInputError
from .._plan import Params, Result
from .._session import Target
from .._subscriptions.choice import default_log_group
from .function_environment import Environment, shown_after, shown_before

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"


@dataclass(frozen=True, slots=True)
class Vpc:
    """Where the function's network interfaces stand; sorted, since AWS keeps no order. Empty is no VPC."""

    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    ipv6: bool = False  # no option of ours, and lost if an update does not repeat it

    def request(self) -> dict[str, Any]:
        """As VpcConfig."""
        request: dict[str, Any] = {
            "SubnetIds": list(self.subnet_ids),
            "SecurityGroupIds": list(self.security_group_ids),
        }
        return {**request, "Ipv6AllowedForDualStack": True} if self.ipv6 else request

    def plain(self) -> Result:
        """For diffs and results."""
        return {"subnet_ids": list(self.subnet_ids), "security_group_ids": list(self.security_group_ids)}


@dataclass(frozen=True, slots=True)
class Logging:
    """How the function writes its log. The levels exist only with the format JSON; "" is AWS's default."""

    log_format: str = "Text"
    application_log_level: str = ""
    system_log_level: str = ""
    log_group: str = ""

    def request(self) -> dict[str, Any]:
        """As LoggingConfig: all of it, whatever AWS does with a part."""
        whole = {
            "LogFormat": self.log_format,
            "ApplicationLogLevel": self.application_log_level,
            "SystemLogLevel": self.system_log_level,
            "LogGroup": self.log_group,
        }
        return {key: value for key, value in whole.items() if value}

    def plain(self) -> Result:
        """For diffs and results, without the levels where there are none."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name))}

    def with_options(self, given: Mapping[str, Any]) -> Logging:
        """With what the options give; InvalidInputError for levels that the format cannot have."""
        wanted = replace(self, **given)
        if wanted.log_format == "JSON":
            return wanted
        levels = [name for name in ("application_log_level", "system_log_level") if given.get(name)]
        if levels:
            raise InvalidInputError("logging_config", f"{' and '.join(levels)} can only be set with log_format JSON")
        return replace(wanted, application_log_level="", system_log_level="")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that UpdateFunctionConfiguration sets, with AWS's defaults, so that equal functions compare equal.

    environment         None where AWS could not decrypt it for the caller
    dead_letter_target  it and all below it have no option of ours: they are kept and restored with a release
    file_systems        each as JSON, as are durable and capacity_provider
    """

    role: str = ""
    runtime: str = RUNTIME
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
    def from_api(cls, answer: Mapping[str, Any]) -> Settings:
        """From the Configuration of GetFunction's answer."""
        simple = {ours: answer[theirs] for ours, theirs in _SIMPLE.items() if answer.get(theirs) not in (None, "")}
        vpc = answer.get("VpcConfig") or {}
        log = answer.get("LoggingConfig") or {}
        environment = answer.get("Environment") or {}
        return cls(
            **{"runtime": "", **simple},
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
        """The parameters of CreateFunction and UpdateFunctionConfiguration for these attributes."""
        request = {theirs: getattr(self, ours) for ours, theirs in _SIMPLE.items() if ours in names}
        for ours, (theirs, form) in _STRUCTURES.items():
            if ours in names:
                request[theirs] = form(getattr(self, ours))
        return request

    def plain(self, names: frozenset[str]) -> Result:
        """These attributes for diffs and results; never the environment, which needs to know what is public."""
        shown = {name: _plain(getattr(self, name)) for name in _NAMES if name in names and name != "environment"}
        return {name: value for name, value in shown.items() if value != _WITHOUT_OPTION.get(name)}


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
# Shown only where somebody set them.
_WITHOUT_OPTION = {
    "dead_letter_target": "",
    "file_systems": [],
    "snap_start": "None",
    "durable": "",
    "capacity_provider": "",
}
_NAMES = tuple(item.name for item in fields(Settings))
ALL_SETTINGS = frozenset(_NAMES)


def _as_text(structure: Any) -> str:
    """A structure of AWS's that we keep as it is; "" without one."""
    return json.dumps(structure, sort_keys=True) if structure else ""


def _plain(value: Any) -> Any:
    if isinstance(value, (Vpc, Logging)):
        return value.plain()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class WantedSettings:
    """Return the settings that the options set, by name. Others are left alone.

    logging     the suboptions of logging_config that are given
    """

    attributes: Mapping[str, Any]
    logging: Mapping[str, Any]
    environment: Environment | None

    @property
    def given(self) -> frozenset[str]:
        """The attributes that the options name."""
        more = {"logging_config": self.logging, "environment": self.environment is not None}
        return frozenset(self.attributes) | {name for name, said in more.items() if said}

    def on(self, actual: Settings) -> Settings:
        """`actual` with what is given."""
        wanted = replace(actual, **self.attributes, logging_config=actual.logging_config.with_options(self.logging))
        if self.environment is not None:
            wanted = replace(wanted, environment=self.environment.variables)
        if "vpc_config" in self.attributes and wanted.vpc_config.subnet_ids:
            wanted = replace(wanted, vpc_config=replace(wanted.vpc_config, ipv6=actual.vpc_config.ipv6))
        return wanted

    def diff(self, names: frozenset[str], before: Settings | None, after: Settings) -> tuple[Result | None, Result]:
        """Both sides of a change of these attributes, with the values of secret variables hidden."""
        left = before.plain(names) if before else None
        right = after.plain(names)
        if "environment" in names:
            public = self.environment.public if self.environment else {}
            known = (before.environment or {}) if before else {}
            right["environment"] = shown_after(after.environment or {}, public, known)
            if left is not None:
                left["environment"] = shown_before(known, public)
        return left, right


def differing(before: Settings, after: Settings) -> frozenset[str]:
    """Names of the attributes that differ."""
    return frozenset(name for name in _NAMES if getattr(before, name) != getattr(after, name))


def wanted_settings(target: Target, params: Params, environment: Environment | None) -> WantedSettings:
    """From the module's options, checked before anything is asked. ARNs are expanded."""
    _check_ranges(params)
    given = {name: params[name] for name in _PLAIN_OPTIONS if params[name] is not None}
    if params["role"] is not None:
        given["role"] = role_arn(target, params["role"])
    if params["kms_key_arn"] is not None:
        given["kms_key_arn"] = key_arn(target, "kms_key_arn", params["kms_key_arn"])
    if params["layers"] is not None:
        given["layers"] = tuple(target.expand(params["layers"]))
    if params["vpc_config"] is not None:
        vpc = params["vpc_config"]
        given["vpc_config"] = Vpc(tuple(sorted(set(vpc["subnet_ids"]))), tuple(sorted(set(vpc["security_group_ids"]))))
    logging = {key: value for key, value in (params["logging_config"] or {}).items() if value is not None}
    return WantedSettings(given, logging, environment)


_PLAIN_OPTIONS = (
    "runtime",
    "handler",
    "memory_size",
    "timeout",
    "description",
    "tracing_mode",
    "ephemeral_storage",
)
# Bounds of CreateFunction's and PutFunctionEventInvokeConfig's API reference. AWS may allow an account less.
_RANGES = {
    "memory_size": (128, 32768),
    "timeout": (1, 5400),
    "ephemeral_storage": (512, 32768),
    "maximum_retry_attempts": (0, 2),
    "maximum_event_age": (60, 21600),
}


def _check_ranges(params: Params) -> None:
    for option, (lowest, highest) in _RANGES.items():
        value = params[option]
        if value is not None and not lowest <= value <= highest:
            raise InvalidInputError(option, f"{value} is not between {lowest} and {highest}")
    reserved = params["reserved_concurrent_executions"]
    if reserved is not None and reserved < -1:
        raise InvalidInputError("reserved_concurrent_executions", f"{reserved} is neither -1 (none) nor 0 or more")


def role_arn(target: Target, value: str) -> str:
    """An ARN as given (placeholders replaced), or that of the account's own role of this name (with its path)."""
    value = str(target.expand(value))
    return value if value.startswith("arn:") else target.arn("iam", f"role/{value.strip('/')}", regional=False)


def queue_arn(target: Target, value: str) -> str:
    """An ARN as given, "" as given, or that of the target's own SQS queue of this name."""
    value = str(target.expand(value))
    return value if not value or value.startswith("arn:") else target.arn("sqs", value)


def key_arn(target: Target, option: str, value: str) -> str:
    """A key's ARN or "". An alias is refused: AWS answers with the key, and every run would see a change."""
    value = str(target.expand(value))
    if value and not (value.startswith("arn:") and ":key/" in value):
        raise InvalidInputError(option, f"{value!r} is not the ARN of a KMS key (arn:...:key/...)")
    return value
