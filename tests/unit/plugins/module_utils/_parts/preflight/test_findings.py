# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings, and the verdict on a target."""

from __future__ import annotations

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    NotFoundError,
    ReflectorError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.findings import (
    Finding,
    attempt,
    examples,
    from_error,
    in_order,
    is_organization_denial,
    not_checked,
    note,
    problem,
    verdict,
    warning,
)


@pytest.mark.parametrize(
    ("findings", "state"),
    [
        ([], "ready"),
        ([note("slots", "x")], "ready"),
        ([warning("slots", "x")], "ready_with_warnings"),
        ([not_checked("key", "x"), note("slots", "x")], "ready_with_warnings"),
        ([not_checked("key", "x"), problem("key", "y")], "not_ready"),
    ],
)
def test_verdict_of_what_was_not_checked_is_never_ready(findings: list[Finding], state: str) -> None:
    assert verdict(findings) == state


def test_check_that_cannot_read_is_not_checked_with_the_advice_apart() -> None:
    error = AccessDeniedError(
        "read key x", "not allowed", advice="Allow kms:DescribeKey.", code="AccessDenied", where="1/r"
    )

    def check() -> list[Finding]:
        raise error

    (found,) = attempt("key", check)
    assert found == not_checked(
        "key", "Could not read key x in 1/r: AccessDenied: not allowed", "Allow kms:DescribeKey."
    )
    assert from_error("problem", "key", ReflectorError("read it", "no")).sentence == "Could not read it: no"


def test_order_is_by_gravity_without_repetitions() -> None:
    grave, light = problem("slots", "x"), problem("names", "x")
    assert in_order([note("key", "n"), grave, warning("key", "w"), light, grave]) == [
        light,
        grave,
        warning("key", "w"),
        note("key", "n"),
    ]


@pytest.mark.parametrize(
    ("error", "is_denial"),
    [
        (AccessDeniedError("x", "with an explicit deny in a service control policy: arn:p"), True),
        (AccessDeniedError("x", "with an explicit deny in a resource control policy"), True),
        (AccessDeniedError("x", "because no identity-based policy allows it"), False),
        (NotFoundError("x", "service control policy"), False),
    ],
)
def test_denial_by_the_organisation_is_known_by_its_text(error: ReflectorError, is_denial: bool) -> None:
    assert is_organization_denial(error) is is_denial


def test_examples_name_the_first_and_count_the_others() -> None:
    assert examples(["a", "b"]) == "a, b"
    assert examples(map(str, range(1500)), 2) == "0, 1 and 1,498 more"
