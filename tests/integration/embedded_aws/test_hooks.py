# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types

import pytest
from embedded_aws import Organization, Settings, gaps
from embedded_aws.gaps import hooks


@pytest.fixture
def ministack() -> types.ModuleType:
    module = types.ModuleType("ministack.services.example")
    module._handle = lambda data, region: (data, region)
    return module


def test_original_missing_function_is_reported(ministack: types.ModuleType) -> None:
    with pytest.raises(hooks.HookMovedError, match=r"ministack\.services\.example\._gone is gone: .*requirements\.txt"):
        hooks.original(ministack, "_gone", "data")


def test_original_changed_parameters_are_reported(ministack: types.ModuleType) -> None:
    with pytest.raises(hooks.HookMovedError, match=r"takes \(data, region\) and not \(request\)"):
        hooks.original(ministack, "_handle", "request")


def test_replace_passes_the_original(ministack: types.ModuleType) -> None:
    hooks.replace(ministack, "_handle", "data")(lambda original: lambda data: original(data, "r"))
    assert ministack._handle(1) == (1, "r")


def test_install_finds_every_replaced_function() -> None:
    """The import of the patches finds every private name that they call, and their installation those that they replace."""
    gaps.install(Settings(), Organization(), None)
