# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that describe a target: which account it is, and what else is in that account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .option import option


@dataclass(frozen=True, kw_only=True)
class StateOption:
    """Whether something is to exist."""

    state: str = option(
        "present",
        "V(present) brings everything into the state that the options describe.",
        "V(absent) removes it.",
        choices=("present", "absent"),
    )


@dataclass(frozen=True, kw_only=True)
class DeploymentState:
    """Which parts of a deployment exist."""

    state: str = option(
        "present",
        "V(present) brings everything into the state that the options describe.",
        "V(unsubscribed) removes the subscriber and every subscription. The reflector stays, so that deliveries in progress end.",
        "V(absent) removes everything. If it ends subscriptions, it waits for deliveries in progress before it removes the"
        " reflector.",
        choices=("present", "unsubscribed", "absent"),
    )
    remove_roles: bool = option(
        True,
        "Whether O(state=absent) also removes the execution roles. They serve all regions of the account, so they go with its"
        " last target.",
    )


@dataclass(frozen=True, kw_only=True)
class RemovalOptions:
    """The messages that a removal may lose."""

    discard_dead_letters: bool = option(
        False,
        "Whether a removal also deletes queues that hold dead letters, with the log events in them. Without it the module"
        " fails: send the dead letters again first, with M(logreflector.aws.dead_letter_replay).",
    )


@dataclass(frozen=True, kw_only=True)
class RoleVariables:
    """Source of the options that a task does not give."""

    role_variables: bool = option(
        False,
        "Whether options that the task does not give are read from the variables of the roles, such as"
        " C(reflector_runtime). The roles and playbooks of this collection use it.",
        "Errors then name the variable.",
    )


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The account of a target."""

    account_id: str | None = option(
        None, "Account that the target is expected to be. The module fails if the credentials lead into another one."
    )
    account_regions: tuple[str, ...] = option(
        (),
        "Regions in which the account has targets, in addition to those in the inventory. A job slice of AWX sees only"
        " its own part of the inventory.",
    )


@dataclass(frozen=True, kw_only=True)
class AccountTargets:
    """The other targets of the account, for which the execution roles must have permissions too."""

    account_targets: tuple[Mapping[str, Any], ...] = option(
        (),
        "The other targets of the account, each with C(region) and its options by the names of this module. The execution"
        " roles serve all regions of their account.",
        "With O(role_variables) they are read from the inventory.",
        is_hidden=True,
    )


@dataclass(frozen=True, kw_only=True)
class TargetInfoOptions:
    """The expected account."""

    account_id: str | None = option(None, "Account that the target is expected to be.")
