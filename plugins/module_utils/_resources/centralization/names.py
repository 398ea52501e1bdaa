# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of log groups and of their copies. Pure."""

from __future__ import annotations

import re

LONGEST_NAME = 512
"""Characters of a log group's name (CloudWatch Logs API reference, CreateLogGroup)."""


def matches(pattern: str, name: str) -> bool:
    """Return whether a name matches a pattern, in which * is any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def origin_name(pattern: str, account: str, region: str, log_group: str) -> str:
    """Return a name pattern with the names of an origin in it."""
    values = {"accountId": account, "region": region, "logGroup": log_group}
    return re.sub(r"\$\{source\.(accountId|region|logGroup)\}", lambda found: values[found[1]], pattern)


def is_copy(pattern: str, log_group: str) -> bool:
    """Return whether a log group's name can only come from the name pattern of copies."""
    forms = {"accountId": "[0-9]{12}", "region": "[a-z]{2,8}(?:-[a-z]+)+-[0-9]{1,2}", "logGroup": ".+"}
    parts = re.split(r"\$\{source\.(\w+)\}", pattern)  # fixed text and variables in turns
    expression = "".join(forms.get(part, ".+") if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return re.fullmatch(expression, log_group, re.ASCII | re.DOTALL) is not None
