# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups that Firehose serves are no part of the reflector's counts."""

from __future__ import annotations

from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.scope import Scope
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow


def test_log_group_that_firehose_serves_is_left_out_of_the_counts() -> None:
    scope = Scope()
    scope.add(CoverageRow("/delivery", "covered", means="firehose", since=5))
    scope.add(CoverageRow("/app", "covered", means="filter", since=5))
    assert (set(scope.since), scope.left_out) == ({"/app"}, {"/delivery"})
    scope.add(CoverageRow("/delivery", "covered", means="filter", since=5))
    assert (set(scope.since), scope.left_out) == ({"/app", "/delivery"}, set())
