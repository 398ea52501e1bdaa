# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of the state file: URLs, accounts and keys of a running embedded AWS."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    endpoint_url: str  # for AWS clients: the front
    front_url: str  # the front's control paths
    sink_url: str  # where lines are sent to
    sink_control_url: str
    pid: int  # of the supervisor
    organization_id: str
    management_account: str
    accounts: list[str]
    regions: list[str]
    deployer_role: str  # its name, the same in every account
    environment: dict[str, str]  # the deployer's
    log: str  # the server's

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> State:
        return cls(**json.loads(text))

    @classmethod
    def read(cls, path: Path) -> State:
        return cls.from_json(path.read_text())
