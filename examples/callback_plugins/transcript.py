# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what Ansible's default callback would print to a file, while another callback owns the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback.default import CallbackModule as DefaultCallback

DOCUMENTATION = r"""
name: transcript
type: notification
short_description: Append the output of Ansible's default callback to a file
description:
  - The environment variable E(DEMO_TRANSCRIPT) names the file.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""


class Transcript:
    """The part of Ansible's Display that the default callback uses."""

    verbosity = 0

    def __init__(self, path: Path) -> None:
        self._path = path

    def display(self, msg: str, color: str | None = None, *, screen_only: bool = False, **options: Any) -> None:
        """Append a message. Messages for the screen only are coloured, and are repeated for logs."""
        del color, options
        if not screen_only:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{msg}\n")

    def banner(self, msg: str, color: str | None = None, cows: bool = True) -> None:
        """Append the title of a play or task."""
        del color, cows
        self.display(f"\n{msg} {'*' * max(79 - len(msg), 3)}")


class CallbackModule(DefaultCallback):  # type: ignore[misc]
    """Ansible's entry point."""

    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "transcript"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._display = Transcript(Path(os.environ["DEMO_TRANSCRIPT"]))

    def _handle_warnings_and_exception(self, result: Any) -> None:
        """Do nothing: the callback that owns the terminal shows warnings."""
