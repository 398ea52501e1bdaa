# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of log groups and of their copies."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralization import NAME_PATTERN
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.names import is_copy, matches
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text("/a*b.", min_size=1, max_size=8)


@given(NAMES, st.text("/ab.\n", max_size=12))
def test_matches_star_is_any_text(pattern: str, name: str) -> None:
    assert matches(pattern, name) == fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/central/222222222222/eu-west-1/app", True),
        ("/central/222222222222/eu-west-1", False),
        ("/central/shared/eu-west-1/app", False),
        ("/central/app", False),
        ("x/central/222222222222/eu-west-1/app", False),
    ],
)
def test_is_copy_only_names_of_the_pattern(name: str, expected: bool) -> None:
    assert is_copy(NAME_PATTERN, name) is expected
