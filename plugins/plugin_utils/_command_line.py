# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command line of ansible-playbook asks for."""

from __future__ import annotations

from ansible import context


def only_lists() -> bool:
    """Return whether nothing runs: a syntax check, or a list of hosts, tasks or tags."""
    return any(context.CLIARGS.get(name) for name in ("syntax", "listhosts", "listtasks", "listtags"))
