# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resources of module_utils against moto in this process and the embedded AWS: each checks things that the other accepts.

`-k moto` runs without the embedded AWS. The marker `backend("moto")` or `backend("embedded")` limits a test to one.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _retry
from aws_in_tests import (  # noqa: F401  # pylint: disable=unused-import
    answer_one_call_at_a_time,
    cloud,
    embedded,
    moto,
    pytest_generate_tests,
    read_models_once,
    refuse_calls_to_other_machines,
    remove_rate_limits,
)
from functions_in_tests import pauses, settings, short_waits  # noqa: F401  # pylint: disable=unused-import


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "backend(name): run a test of the fixture `cloud` on this backend only")


@pytest.fixture(scope="session", autouse=True)
def _retry_at_once() -> Iterator[None]:
    """Retry after 10 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_retry, "random", SimpleNamespace(uniform=lambda _low, _high: 0.01))
        yield
