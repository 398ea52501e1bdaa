# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A read-only MCP server: agents ask for the last report and for the explanation of a log group. docs/AGENTS.md.

    python extensions/agents/mcp_server --inventory inventory [--report log-reflector-report/report.json]

It speaks the Model Context Protocol on standard input and output. Needs Python's package mcp, version 2.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:
    # Run as a folder: import the package from its parent.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

try:
    from mcp_server.server import serve
except ModuleNotFoundError as error:
    if error.name != "mcp":
        raise
    sys.exit("The MCP server needs Python's package mcp: pip install 'mcp>=2,<3'")


def main() -> None:
    """Serve until the client closes the connection."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inventory", type=Path, required=True, help="Ansible inventory of the targets")
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("log-reflector-report/report.json"),
        help="the file report.json that the playbook report writes (log-reflector-report/report.json)",
    )
    options = parser.parse_args()
    serve(options.inventory.resolve(), options.report.resolve())


if __name__ == "__main__":
    main()
