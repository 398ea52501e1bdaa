# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters of Systems Manager: refused puts, and the tier that a put chooses."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from toys import Place
from toys import name as unused


@pytest.fixture
def put(place: Place) -> Any:
    """Put a parameter with a unique name and return its tier."""
    ssm = place.aws.client("ssm", place.account, place.region)
    name = unused("/parameter")

    def call(size: int = 1, **options: Any) -> str:
        answer = ssm.put_parameter(Name=name, Value="x" * size, **({"Type": "String"} | options))
        (about,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
        assert about["Tier"] == answer["Tier"]
        return str(answer["Tier"])

    return call


def test_put_parameter_chooses_the_tier_by_size(put: Any) -> None:
    assert put(4096) == "Standard"
    assert put(4096, Tier="Intelligent-Tiering", Overwrite=True) == "Standard"
    assert put(4097, Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"
    assert put(1, Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"
    assert put(8192, Overwrite=True) == "Advanced"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"size": 8193, "Tier": "Advanced"}, "ValidationException"),
        ({"size": 4097, "Tier": "Standard"}, "ValidationException"),
        ({"size": 0}, "ValidationException"),
        ({"Type": "SecureString"}, "HierarchyTypeMismatchException"),
        ({"Tier": "Standard"}, "ValidationException"),
    ],
)
def test_put_parameter_invalid_request_is_refused(put: Any, options: dict[str, Any], code: str) -> None:
    put(Tier="Advanced")
    with pytest.raises(ClientError) as refused:
        put(Overwrite=True, **options)
    assert refused.value.response["Error"]["Code"] == code
