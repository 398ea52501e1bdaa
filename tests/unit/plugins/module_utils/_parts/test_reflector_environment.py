# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of the reflector's environment that nothing reads."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.reflector_code import misspelled_variable


def test_misspelled_variable_is_refused_before_any_call(aws: Any) -> None:
    """The misspelled INCLUDE_LOGINFO was deployed without an error and had no effect."""
    result = aws.run("reflector", sumo_endpoint="secretsmanager:x", environment={"INCLUDE_LOGINFO": "true"})
    assert (
        "option environment: the reflector reads no variable INCLUDE_LOGINFO. Did you mean INCLUDE_LOG_INFO?"
        in result["msg"]
    )
    assert aws.calls == []


@pytest.mark.parametrize("name", ["INCLUDE_LOG_INFO", "HTTPS_PROXY", "TZ"])
def test_known_and_foreign_variables_pass(name: str) -> None:
    assert misspelled_variable({name: "x"}) == ""


def test_unsafe_name_pattern_of_copies_is_refused_before_any_call(aws: Any) -> None:
    pattern = "/central/${source.logGroup}/${source.accountId}/${source.region}"
    result = aws.run("reflector", sumo_endpoint="secretsmanager:x", centralized_name_pattern=pattern)
    assert "CENTRALIZED_NAME_PATTERN: must begin with fixed text" in result["msg"]
    assert aws.calls == []
