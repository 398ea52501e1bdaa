# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""account_subscription_policy in the Ansible worker."""

from __future__ import annotations

from ..modules.account_subscription_policy import SPEC
from ..plugin_utils._worker import WorkerAction


class ActionModule(WorkerAction):
    """See the module of the same name."""

    spec = SPEC
