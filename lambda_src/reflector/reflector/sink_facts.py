# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about configured sinks that the deployment needs: their permissions, and the log groups that they write to.

Both functions take plain values, options by sink name, and skip malformed sinks: `config.checked_rules` reports those.
"""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from .sinks import Permission, no_log_groups, no_permissions, sink_module


def sink_permissions(sinks: Any) -> list[Permission]:
    """Return the permissions that the function's role needs for the sinks, sorted. `{partition}` and `{account}` are placeholders."""
    return sorted(
        {
            needed
            for module, options in _known(sinks)
            for needed in getattr(module, "permissions", no_permissions)(options)
        }
    )


def sink_log_groups(sinks: Any) -> list[str]:
    """Return names and patterns of all log groups that services of the sinks write to, sorted."""
    return sorted(
        {
            name
            for module, options in _known(sinks)
            for name in getattr(module, "own_log_groups", no_log_groups)(options)
        }
    )


def _known(sinks: Any) -> Iterator[tuple[ModuleType, Mapping[str, Any]]]:
    for options in sinks.values() if isinstance(sinks, Mapping) else ():
        if isinstance(options, Mapping) and (module := sink_module(options.get("type"))):
            yield module, options
