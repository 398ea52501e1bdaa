# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the subscriber."""

from __future__ import annotations

from dataclasses import dataclass

from .functions import INLINE_BYTES, RETENTION_DAYS, SUBSCRIBER, SUBSCRIBER_ROLE, FunctionOptions
from .log_groups import LogGroupOptions
from .notifications import NotificationOptions
from .option import option


@dataclass(frozen=True, kw_only=True)
class NewGroupOptions:
    """The function's other work on new log groups, and its sweeps."""

    backfill_seconds: int = option(
        172_800,
        "When a new log group is subscribed, also forward its events of the last N seconds, which its filter did not see."
        " V(0) forwards none.",
        low=0,
    )
    retention_days: int = option(
        0,
        "Retention in days for new log groups that have none. V(0) leaves them alone.",
        choices=(0, *RETENTION_DAYS),
    )
    audit_days: int = option(
        1,
        "Number of days in which the sweeps read each log group once, whatever its subscription tag is. V(1) reads all of them in"
        " every sweep.",
        low=1,
        high=365,
    )
    slice_seconds: int = option(
        120, "Seconds of a sweep in one invocation. The next invocation continues.", low=10, high=600
    )


@dataclass(frozen=True, kw_only=True)
class SubscriberSettings(LogGroupOptions, NewGroupOptions):
    """The function's configuration: JSON with exactly these names, types and units."""


@dataclass(frozen=True, kw_only=True)
class SubscriberReference:
    """Name of the subscriber that belongs to the reflector."""

    function_name: str = option(SUBSCRIBER, "Name of the subscriber's function.")


@dataclass(frozen=True, kw_only=True)
class SubscriberNames(SubscriberReference):
    """The names of the function, its rules and its queues."""

    rule_name: str = option(
        "",
        "Name of the EventBridge rule on new log groups. The rule of the sweeps has this name and C(-sweep).",
        shown="the function's name",
    )
    work_queue_name: str = option(
        "", "Name of the FIFO queue in front of the function.", shown="the function's name and C(.fifo)"
    )
    queue_name: str = option(
        "",
        "Name of the dead-letter queue for events that the rules could not deliver, and of the alarm.",
        "The FIFO queue for events that the function could not handle has this name and C(.fifo). The alarm watches both.",
        shown="the function's name and C(-dead-letters)",
    )

    @property
    def new_groups_rule(self) -> str:
        """Name of the rule on new log groups."""
        return self.rule_name or self.function_name

    @property
    def sweep_rule(self) -> str:
        """Name of the rule that starts and continues sweeps."""
        return f"{self.new_groups_rule}-sweep"

    @property
    def work_queue(self) -> str:
        """Name of the queue in front of the function."""
        return self.work_queue_name or f"{self.function_name}.fifo"

    @property
    def dead_letter_queue(self) -> str:
        """Name of the queue for events that a rule could not deliver."""
        return self.queue_name or f"{self.function_name}-dead-letters"

    @property
    def fifo_dead_letter_queue(self) -> str:
        """Name of the queue for events that the function could not handle."""
        return f"{self.dead_letter_queue}.fifo"


@dataclass(frozen=True, kw_only=True)
class SubscriberOptions(FunctionOptions, NewGroupOptions, SubscriberNames, NotificationOptions):
    """The function that subscribes new log groups, with its queues, alarm and rules."""

    role_name: str = option(SUBSCRIBER_ROLE, "Name of the function's execution role.")
    redrive_principals: tuple[str, ...] = option(
        (),
        "ARNs of principals that may send messages from the dead-letter queue back to the work queue (redrive). Besides them,"
        " only the function may send to that queue. C({partition}), C({region}) and C({account}) in them are replaced, and"
        " C(*) and C(?) are wildcards.",
    )
    sweep_schedule: str = option(
        "rate(1 day)",
        'When the function checks all log groups, as a schedule of EventBridge. V("") is never.',
    )
    settings_parameter: str = option(
        "/log-reflector/subscriber",
        "Name of the SSM parameter that holds the settings if they are too long for the function's environment.",
    )
    settings_inline_bytes: int = option(
        INLINE_BYTES,
        "Maximum size of the settings as JSON in the function's environment. Lambda has 4096 bytes for all variables.",
        low=0,
    )
    timeout: int = option(300, "Maximum seconds of an invocation.", low=1, high=900)
    kms_key_arn: str | None = option(
        None,
        "ARN of the KMS key that encrypts the function's environment, its queues and the SSM parameter. EventBridge has to be"
        " allowed to use it. The default is AWS's own keys. Left alone if not given.",
        no_log=False,
    )
    package_file: str = option(
        "",
        "Path of the function's package, which is built on the control node.",
        type="path",
        shown="C(~/.cache/log-reflector/subscriber.zip)",
    )
