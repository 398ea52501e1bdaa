# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules against moto in this process and the embedded AWS: each checks things that the other accepts."""

from __future__ import annotations

from aws_in_tests import (  # noqa: F401  # pylint: disable=unused-import
    cloud,
    embedded,
    models_that_know_moto,
    moto,
    pytest_generate_tests,
    remove_rate_limits,
)
