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
    function_output,
    function_timeouts,
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
        function_output,
        function_timeouts,
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
