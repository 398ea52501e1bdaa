# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS behaviour that MiniStack lacks, patched into the running MiniStack, one file for each subject.

The patches replace private functions, so MiniStack's version is pinned. hooks.py checks each function and refuses to
start if one has moved.
"""

from __future__ import annotations

from ..function_processes import FunctionProcesses
from ..settings import Organization, Settings
from . import (
    account_policies,
    alarms,
    authorisation,
    centralization,
    event_rules,
    event_sources,
    function_output,
    function_timeouts,
    functions,
    insights,
    invocations,
    log_events,
    log_groups,
    metric_reads,
    metrics,
    organization,
    parameters,
    permissions,
    queues,
    regions,
    roles,
    simulation,
    streams,
    subscriptions,
    trails,
    versions,
    workers,
)
from .current import current


def install(settings: Settings, members: Organization, processes: FunctionProcesses | None) -> None:
    """Patch MiniStack. Call it after the import and before MiniStack serves."""
    current.settings = settings
    for subject in (
        account_policies,
        alarms,
        authorisation,
        event_rules,
        event_sources,
        function_output,
        function_timeouts,
        functions,
        insights,
        invocations,
        log_events,
        log_groups,
        metric_reads,
        metrics,
        parameters,
        permissions,
        queues,
        roles,
        simulation,
        streams,
        subscriptions,
        versions,
    ):
        subject.install()
    centralization.install(members)
    organization.install(members)
    regions.install(members)
    trails.install(members)
    workers.install(processes)
