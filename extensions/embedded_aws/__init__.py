# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AWS on this machine, for tests and demonstrations: MiniStack with the AWS behaviour that it lacks, an organisation
of accounts, a front that injects faults, and a sink that plays Sumo Logic. docs/EMBEDDED_AWS.md describes it.

    with EmbeddedAws() as aws:
        aws.session("222222222222", "eu-west-1").client("logs").create_log_group(logGroupName="/app")
"""

from __future__ import annotations

from .front import Call, Fault, FrontClient
from .library import EmbeddedAws, RunningAws, StartError, down, up
from .organization import role_arn
from .settings import DEPLOYER_ROLE, Account, Configuration, Organization, Settings
from .sink import Behaviour, Received, Sink, SinkClient
from .state import State

__all__ = [
    "DEPLOYER_ROLE",
    "Account",
    "Behaviour",
    "Call",
    "Configuration",
    "EmbeddedAws",
    "Fault",
    "FrontClient",
    "Organization",
    "Received",
    "RunningAws",
    "Settings",
    "Sink",
    "SinkClient",
    "StartError",
    "State",
    "down",
    "role_arn",
    "up",
]
