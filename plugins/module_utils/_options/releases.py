# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules about releases."""

from __future__ import annotations

from dataclasses import dataclass

from .functions import REFLECTOR, SUBSCRIBER
from .option import option


@dataclass(frozen=True, kw_only=True)
class ReleaseInfoOptions:
    """Whose releases are read."""

    reflector_function_name: str = option(REFLECTOR, "Name of the reflector's function.")
    subscriber_function_name: str = option(SUBSCRIBER, "Name of the subscriber's function.")


@dataclass(frozen=True, kw_only=True)
class RollbackOptions(ReleaseInfoOptions):
    """What a rollback returns to the release before."""

    release: str = option(
        "",
        "Return only if the target runs this release, ran it before a rollback, or has it unfinished. The part of the name"
        " before a C(+) matches too.",
    )
    subscriber_rule_name: str = option(
        "", "Name of the EventBridge rule on new log groups.", shown="the subscriber's function name"
    )
    subscriber_work_queue_name: str = option(
        "", "Name of the FIFO queue in front of the subscriber.", shown="the subscriber's function name and C(.fifo)"
    )
    subscriber_queue_name: str = option(
        "",
        "Name of the subscriber's dead-letter queue.",
        shown="the subscriber's function name and C(-dead-letters)",
    )
    wait_timeout: int = option(
        180,
        "Seconds to wait for each update, and for what passes by itself, such as another update in progress.",
        low=0,
    )
