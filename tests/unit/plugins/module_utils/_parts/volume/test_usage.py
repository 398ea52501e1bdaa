# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the deployed functions used: by their own metrics and logs, and nothing for a function that does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError
from ansible_collections.logreflector.aws.plugins.module_utils._parts.metrics import Series
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Measured
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.metrics import Period
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.usage import read_usage
from botocore.exceptions import ClientError

FUNCTIONS = {"reflector": "log-reflector", "subscriber": "log-reflector-subscriber"}
PERIOD = Period.of(14, 1_795_877_730)


class Functions:
    """A target with these functions. One with an empty configuration may not be read."""

    where = "111111111111/eu-west-1"

    def __init__(self, **configurations: dict[str, Any]) -> None:
        self._configurations = {name.replace("_", "-"): each for name, each in configurations.items()}

    def client(self, service: str) -> Functions:
        assert service == "lambda"
        return self

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        if (found := self._configurations.get(FunctionName)) is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunctionConfiguration")
        if not found:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetFunctionConfiguration")
        return found


class Metrics:
    """CloudWatch with these sums by metric; all others have no data."""

    period = PERIOD

    def __init__(self, **sums: int) -> None:
        self._sums = sums
        self.asked: list[Series] = []

    def sums(self, series: Sequence[Series], _operation: str) -> dict[Series, Measured | None]:
        self.asked += series
        return {each: Measured(self._sums[each.name], 14) if each.name in self._sums else None for each in series}


def usage(target: Functions, metrics: Metrics) -> dict[str, Any]:
    return read_usage(target, metrics, FUNCTIONS, "work.fifo")  # type: ignore[arg-type]


def test_function_has_its_memory_and_its_sums() -> None:
    configuration = {"MemorySize": 512, "Architectures": ["arm64"], "LoggingConfig": {"LogGroup": "/own/log"}}
    metrics = Metrics(Invocations=7, NumberOfEmptyReceives=9)
    found = usage(Functions(log_reflector=configuration), metrics)
    assert (found["reflector"]["memory_mb"], found["reflector"]["architecture"]) == (512, "arm64")
    assert found["reflector"]["invocations"]["measured"] == 7
    assert found["reflector"]["duration_ms"] is None, "no data point is unknown"
    assert found["queue"]["empty_receives"]["measured"] == 9
    assert found["subscriber"] is None
    assert Series("AWS/Logs", "IncomingBytes", (("LogGroupName", "/own/log"),)) in metrics.asked
    assert Series("AWS/SQS", "NumberOfEmptyReceives", (("QueueName", "work.fifo"),)) in metrics.asked
    assert not any(each.dimension("FunctionName") == FUNCTIONS["subscriber"] for each in metrics.asked)


def test_function_without_architectures_is_x86() -> None:
    found = usage(Functions(log_reflector={"MemorySize": 128}), Metrics())
    assert found["reflector"]["architecture"] == "x86_64"


def test_function_that_may_not_be_read_is_an_error_and_not_absent() -> None:
    with pytest.raises(AccessDeniedError):
        usage(Functions(log_reflector={}), Metrics())
