# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that only playbooks read. A default in a playbook must be that of the description (a test compares them)."""

from __future__ import annotations

from dataclasses import dataclass

from ..module_utils._module import Group
from ..module_utils._options.event_message import LONGEST_PAUSE
from ..module_utils._options.option import option

_SIZES = (
    "Sizes of the waves, as a list or as a text with commas: numbers of targets, or percentages of all targets. The last size"
    " repeats until all targets are done."
)
_ALLOWED = "How many targets of a wave may fail, as a number or as a percentage of the wave."
_VERIFY = (
    "Whether the delivery check runs on every target. On AWS it takes up to minutes, because CloudTrail delivers events with a"
    " delay."
)
_RETRY_FILE = "File for the targets that failed or did not start. A relative path starts in the current directory."


@dataclass(frozen=True, kw_only=True)
class Waves:
    """The waves of a playbook."""

    waves: tuple[str, ...] = option(("1", "5%", "25%", "100%"), _SIZES)
    allowed_failures: str = option("0%", _ALLOWED)


@dataclass(frozen=True, kw_only=True)
class DeployWaves(Waves):
    """The waves of deploy."""

    verify: bool = option(True, _VERIFY)
    retry_file: str = option("log-reflector-deploy.retry", _RETRY_FILE, type="path")


@dataclass(frozen=True, kw_only=True)
class RollbackWaves(DeployWaves):
    """The waves of rollback."""

    retry_file: str = option("log-reflector-rollback.retry", _RETRY_FILE, type="path")


@dataclass(frozen=True, kw_only=True)
class TeardownWaves(Waves):
    """The waves of teardown."""

    waves: tuple[str, ...] = option(
        ("1", "100%"), _SIZES, "Each wave waits until deliveries in progress have ended, four minutes and more."
    )
    retry_file: str = option("log-reflector-teardown.retry", _RETRY_FILE, type="path")


@dataclass(frozen=True, kw_only=True)
class FlowOption:
    """The option of coverage_info with the default that the playbook report has."""

    flow: bool = option(
        True,
        "Whether the events of a period are counted, too: written, forwarded, received, delivered, and where the others are. It"
        " costs money, and the report says how much.",
    )


@dataclass(frozen=True, kw_only=True)
class EventOptions:
    """The retries of playbooks that an event starts."""

    retry_seconds: int = option(300, "Seconds until the first retry, up to 14,400.", low=1, high=LONGEST_PAUSE)
    run_seconds: int = option(
        3600,
        "Seconds for which the message is hidden while the playbook runs: more than the longest playbook takes.",
        low=1,
    )


GROUPS = (
    Group(DeployWaves, variables="deploy_"),
    Group(RollbackWaves, variables="rollback_"),
    Group(TeardownWaves, variables="teardown_"),
    Group(FlowOption, variables="report_"),
    Group(EventOptions, variables="event_"),
)
