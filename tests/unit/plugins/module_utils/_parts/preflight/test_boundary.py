# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permissions boundary of the execution roles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import describe_operation
from ansible_collections.logreflector.aws.plugins.module_utils._parts.preflight.boundary import boundary_findings
from botocore.exceptions import ClientError

BOUNDARY = "arn:{partition}:iam::{account}:policy/log-reflector-boundary"


def target(code: str, message: str = "no") -> Any:
    """A target that answers GetPolicy with an error, or with the policy for the code ""."""

    def get_policy(PolicyArn: str) -> dict[str, Any]:  # boto3 names it so
        assert PolicyArn == "arn:aws:iam::111111111111:policy/log-reflector-boundary"
        if code:
            raise ClientError({"Error": {"Code": code, "Message": message}}, "GetPolicy")
        return {}

    return SimpleNamespace(
        expand=lambda text: text.format(partition="aws", account="111111111111"),
        client=lambda _service: SimpleNamespace(get_policy=get_policy),
        describe_operation=describe_operation,
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [("", []), ("NoSuchEntity", [("problem", "boundary")]), ("AccessDenied", [("not_checked", "boundary")])],
)
def test_boundary_must_exist_as_far_as_it_can_be_read(code: str, expected: list[tuple[str, str]]) -> None:
    """The preflight called a target ready whose boundary did not exist, and the deployment failed."""
    found = boundary_findings(target(code), BOUNDARY)
    assert [(each.level, each.key) for each in found] == expected


def test_boundary_missing_names_policy_and_variable() -> None:
    (found,) = boundary_findings(target("NoSuchEntity"), BOUNDARY)
    assert "arn:aws:iam::111111111111:policy/log-reflector-boundary" in found.sentence
    assert "account_permissions_boundary" in found.advice


def test_boundary_denied_by_the_organisation_is_named_as_such() -> None:
    (found,) = boundary_findings(target("AccessDenied", "explicit deny in a service control policy"), BOUNDARY)
    assert (found.level, found.key) == ("not_checked", "organization")


@pytest.mark.parametrize("boundary", ["", None])
def test_roles_without_boundary_need_no_read(boundary: str | None) -> None:
    assert boundary_findings(target("unread"), boundary) == []
