# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values without Ansible's own kinds of text."""

from __future__ import annotations

import json
from typing import Any


def plain(value: Any) -> Any:
    """The value as JSON would bring it, YAML's dates as text. Ansible's own kinds of text are slow to copy, and validation copies deeply."""
    return json.loads(json.dumps(value, default=str))
