# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the path of one log group."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("log_group", "message"),
    [
        ("", "option log_group: it is missing. Give one log group, as in -e log_group="),
        ("/aws/*", "'/aws/*' is not the exact name of a log group"),
    ],
)
def test_log_group_path_without_a_usable_name_is_refused_before_any_call(
    aws: Any, log_group: str, message: str
) -> None:
    """The playbook explain without its variable complained about the name ''."""
    refused = aws.run("log_group_path", log_group=log_group)
    assert message in refused["msg"]
    assert aws.calls == []
