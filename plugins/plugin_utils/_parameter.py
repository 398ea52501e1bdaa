# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a function that stand in an SSM parameter, since Lambda has 4 KB for all variables of a function."""

from __future__ import annotations

import hashlib

LONGEST = 8192
"""Bytes of a parameter in the tier Advanced (AWS General Reference, Systems Manager endpoints and quotas)."""


def reference(step: str, text: str) -> str:
    """What the environment holds instead of the text, by the name of the step that writes it: with a hash, so that other
    settings make new environments wherever the counting of versions begins again."""
    return f"{{steps.{step}.reference}}#" + hashlib.sha256(text.encode()).hexdigest()[:12]
