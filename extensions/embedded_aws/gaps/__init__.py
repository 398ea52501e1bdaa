# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS does and MiniStack does not, patched into the running MiniStack, one file for each subject.

The patches replace private functions, which is why MiniStack's version is pinned: hooks.py looks each of them up and
refuses to start when one has moved.
"""

from __future__ import annotations

from ..settings import Organization, Settings
from . import (
    account_policies,
    alarms,
    authorisation,
    event_rules,
    event_sources,
    functions,
    invocations,
    log_events,
    log_groups,
    organization,
    parameters,
    permissions,
    queues,
    regions,
    roles,
    subscriptions,
    versions,
    workers,
)
from .current import current


def install(settings: Settings, members: Organization) -> None:
    """Patches MiniStack, which must be imported and not yet serving."""
    current.settings = settings
    for subject in (
        account_policies,
        alarms,
        authorisation,
        event_rules,
        event_sources,
        functions,
        invocations,
        log_events,
        log_groups,
        parameters,
        permissions,
        queues,
        roles,
        subscriptions,
        versions,
        workers,
    ):
        subject.install()
    organization.install(members)
    regions.install(members)
