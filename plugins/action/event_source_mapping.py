# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""event_source_mapping in the Ansible worker."""

from __future__ import annotations

from ..modules.event_source_mapping import SPEC
from ..plugin_utils._worker import WorkerAction


class ActionModule(WorkerAction):
    """See the module of the same name."""

    spec = SPEC
