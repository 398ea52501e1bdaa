# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the reflector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .functions import INLINE_BYTES, REFLECTOR, REFLECTOR_ROLE, FunctionOptions
from .option import option
from .permissions import SETTLE_SECONDS, SETTLE_TEXT

_NO_OPTIONS: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class ReflectorName:
    """Name of the reflector's function."""

    function_name: str = option(REFLECTOR, "Name of the reflector's function.")


@dataclass(frozen=True, kw_only=True)
class ReflectorReference(ReflectorName):
    """Name of the reflector that the log groups are subscribed to."""

    sinks: Mapping[str, Any] = option(
        _NO_OPTIONS,
        "Further sinks, by name, each with C(type) and the options of that type, see docs/SINKS.md. Log groups that a sink in AWS"
        " writes to are never subscribed.",
        "Tokens can be references to secrets, as C(secretsmanager:NAME), C(ssm:NAME) or an ARN.",
        is_hidden=True,
    )


@dataclass(frozen=True, kw_only=True)
class ReflectorQueueReference:
    """Name of the queue whose dead letters the subscriber counts."""

    queue_name: str = option(
        "",
        "Name of the reflector's dead-letter queue, in which the notifications count the messages.",
        shown="the reflector's name and C(-dead-letters)",
    )


@dataclass(frozen=True, kw_only=True)
class ForwardingOptions(ReflectorReference):
    """Sinks and routes of the reflector."""

    sumo_endpoint: str = option(
        "",
        "Destination of the log events. The secret that holds the URL of a Sumo Logic HTTP source, as C(secretsmanager:NAME),"
        " C(ssm:NAME) or an ARN.",
        "The URL itself works too, but everybody who may read the function's configuration sees it there.",
        "Needed unless O(sinks) has a sink.",
        no_log=True,
    )
    routes: tuple[Mapping[str, Any], ...] = option(
        (),
        "Routes from log groups to sinks, with the events to keep or drop and the text to redact, see docs/RULES.md.",
        "The first route that matches is used, and the last one must match every log group. Without routes everything goes"
        " to every sink.",
    )
    rules_parameter: str = option(
        "/log-reflector/rules",
        "Name of the SSM parameter that holds sinks and routes if they are too long for the function's environment.",
    )
    rules_inline_bytes: int = option(
        INLINE_BYTES,
        "Maximum size of sinks and routes as JSON in the function's environment. Lambda has 4096 bytes for all variables.",
        low=0,
    )


@dataclass(frozen=True, kw_only=True)
class ReflectorOptions(FunctionOptions, ForwardingOptions):
    """The function that forwards log events, with its dead-letter queue and the permission for CloudWatch Logs."""

    role_name: str = option(REFLECTOR_ROLE, "Name of the function's execution role.")
    queue_name: str = option(
        "",
        "Name of the dead-letter queue.",
        shown="the function's name and C(-dead-letters)",
    )
    environment: Mapping[str, Any] = option(
        _NO_OPTIONS,
        "More environment variables of the function, such as C(SOURCE_CATEGORY_OVERRIDE) and C(INCLUDE_LOG_INFO), see"
        " docs/REFLECTOR.md.",
    )
    centralized_name_pattern: str = option(
        "",
        "Name pattern of the log groups that AWS's centralization copies into, as in"
        " O(logreflector.aws.centralization_rule#module:log_group_name_pattern). Sinks, routes and counts then see account, log group"
        " and log stream of the origin.",
        "It begins with fixed text, has C(${source.accountId}) and C(${source.region}) once each, and ends with"
        " C(${source.logGroup}).",
    )
    timeout: int = option(120, "Maximum seconds of an invocation.", low=1, high=900)
    reserved_concurrency: str = option(
        "auto",
        "Executions that are reserved for the function, which are its maximum too. Without them a sink that answers slowly"
        " can use up the concurrency of the whole account.",
        "V(auto) is a tenth of the quota of the account and region, at most 100. If less than 10 can be reserved, nothing is"
        " changed and the result has a note.",
        "V(none) gives the reservation back, and V(keep) leaves it alone.",
        "A number reserves exactly so many. V(0) stops the function.",
    )
    kms_key_arn: str | None = option(
        None,
        "ARN of the KMS key that encrypts the function's environment, the dead-letter queue and the SSM parameter. The"
        " default is AWS's own keys. Left alone if not given.",
        no_log=False,
    )
    trigger_log_groups: tuple[str, ...] = option(
        (),
        "Log groups that Lambda's console shows as triggers, by their exact names. Each takes some 400 of the 20,480 bytes"
        " of the function's policy, so about 50 fit. The module fails before it changes the policy if they do not fit.",
        "All others are served as well, by one statement for all log groups, which the console does not show.",
    )
    permission_settle_seconds: int = option(SETTLE_SECONDS, SETTLE_TEXT, low=0, high=600)
    secret_arns: tuple[str, ...] | None = option(
        None,
        "ARNs of the secrets and parameters that the function may read. The default is the secrets that O(sumo_endpoint)"
        " and O(sinks) refer to.",
        no_log=False,
    )
    secret_kms_key_arns: tuple[str, ...] = option(
        (), "Customer managed keys that encrypt those secrets, by ARN.", no_log=False
    )
    sink_kms_key_arns: tuple[str, ...] = option(
        (),
        "Customer managed keys that encrypt what the sinks write to, in addition to the C(kms_key_id) of each sink.",
        no_log=False,
    )
    native: bool = option(
        False,
        "Whether the package contains orjson and isal, compiled for the runtime and the architecture, to save CPU time.",
        "The control node needs pip, and a package index the first time.",
    )
    package_file: str = option(
        "",
        "Path of the function's package, which is built on the control node.",
        "A native package has the runtime and the architecture in its name, as C(reflector-python3.13-arm64.zip).",
        type="path",
        shown="C(~/.cache/log-reflector/reflector.zip)",
    )

    @property
    def dead_letter_queue(self) -> str:
        """Name of the dead-letter queue."""
        return self.queue_name or default_queue(self.function_name)


def default_queue(function_name: str) -> str:
    """Return the name of a reflector's dead-letter queue that the options do not name."""
    return f"{function_name}-dead-letters"


@dataclass(frozen=True, kw_only=True)
class DrainOptions:
    """How long a teardown waits before it removes the reflector."""

    drain_seconds: int | None = option(
        None,
        "Seconds that deliveries in progress have to end before the function is removed. V(0) does not wait.",
        shown="180, in which Lambda tries a failed delivery twice more, and C(reflector_timeout)",
        low=0,
    )
    settle_seconds: int = option(
        60,
        "Seconds until the dead-letter queue's count can be trusted. SQS says about a minute. V(0) does not wait.",
        low=0,
    )
