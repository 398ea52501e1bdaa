# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event selectors of a trail that include the creation of log groups, and others."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.trails import logs_new_groups


def field(name: str, **operators: Any) -> dict[str, Any]:
    return {"Field": name, **operators}


MANAGEMENT = field("eventCategory", Equals=["Management"])


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ([{"ReadWriteType": "All", "IncludeManagementEvents": True}], True),
        ([{"ReadWriteType": "WriteOnly"}], True),
        ([{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}], False),
        ([{"ReadWriteType": "All", "IncludeManagementEvents": False}], False),
        ([{"ReadWriteType": "All", "ExcludeManagementEventSources": ["kms.amazonaws.com"]}], True),
        ([{"ReadWriteType": "All", "ExcludeManagementEventSources": ["logs.amazonaws.com"]}], False),
        ([{"ReadWriteType": "ReadOnly"}, {"ReadWriteType": "WriteOnly"}], True),
        ([], False),
    ],
)
def test_basic_selectors(selectors: list[Any], expected: bool) -> None:
    assert logs_new_groups({"EventSelectors": selectors}) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([MANAGEMENT], True),
        ([field("eventCategory", Equals=["Data"])], False),
        ([field("eventCategory", Equals=["Data", "Management"])], True),
        ([MANAGEMENT, field("readOnly", Equals=["true"])], False),
        ([MANAGEMENT, field("readOnly", Equals=["false"])], True),
        ([MANAGEMENT, field("eventSource", NotEquals=["kms.amazonaws.com", "rdsdata.amazonaws.com"])], True),
        ([MANAGEMENT, field("eventSource", NotEquals=["kms.amazonaws.com", "logs.amazonaws.com"])], False),
        ([MANAGEMENT, field("eventSource", NotStartsWith=["logs."])], False),
        ([MANAGEMENT, field("eventName", StartsWith=["Create"], NotEndsWith=["Stream"])], True),
        ([MANAGEMENT, field("userIdentity.arn", NotEquals=["arn:aws:iam::111111111111:role/x"])], True),
    ],
)
def test_advanced_selectors(fields: list[Any], expected: bool) -> None:
    assert logs_new_groups({"AdvancedEventSelectors": [{"FieldSelectors": fields}]}) is expected


def test_one_of_several_advanced_selectors_is_enough() -> None:
    selectors = [{"FieldSelectors": [field("eventCategory", Equals=["Data"])]}, {"FieldSelectors": [MANAGEMENT]}]
    assert logs_new_groups({"EventSelectors": [], "AdvancedEventSelectors": selectors})
