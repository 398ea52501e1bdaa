# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules lambda_permission and lambda_permission_info: options and results; tests/resources has the rest."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.settings import (
    PermissionSettings,
    permission_settings,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.statement import Statement

LOGS = {"statement_id": "logs", "principal": "logs.amazonaws.com", "source_account": "{account}"}
FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:f"


def test_lambda_permission_translates_its_options() -> None:
    missing = dict.fromkeys(("source_arn", "principal_org_id", "event_source_token", "invoked_via_function_url"))
    params = {"function_name": "f", "qualifier": None, "state": "present", "purge_prefix": "lr-"}
    params |= {"settle_seconds": 7, "wait_timeout": 5}
    statement = {**missing, **LOGS, "action": "lambda:InvokeFunction"}
    assert permission_settings({**params, "statements": [statement]}) == PermissionSettings(
        function_name="f",
        statements=(Statement("logs", "logs.amazonaws.com", source_account="{account}"),),
        purge_prefix="lr-",
        settle_seconds=7,
        wait_seconds=5,
    )
    absent = permission_settings({**params, "statements": [], "state": "absent", "qualifier": "live"})
    assert (absent.present, absent.statements, absent.qualifier) == (False, (), "live")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"statements": [{**LOGS, "source_account": "12"}]}, "statements[0].source_account"),
        ({"statements": []}, "neither a statement nor purge_prefix"),
        ({"purge_prefix": ""}, "purge_prefix"),
        ({"statements": [LOGS], "qualifier": "$LATEST"}, "$LATEST"),
        ({"statements": [{"statement_id": "a", "principal": "*", "function_url_auth_type": "SOME"}]}, "NONE, AWS_IAM"),
        ({"statements": [{"principal": "*"}]}, "statement_id"),
        ({"statements": [LOGS], "region": None}, "no region is given"),
    ],
)
def test_lambda_permission_refuses_wrong_options_before_any_call(aws: Any, options: Any, words: str) -> None:
    result = aws.run("lambda_permission", function_name=FUNCTION, **options)
    assert result["failed"]
    assert words in result["msg"]
    assert aws.calls == []


def test_lambda_permission_denied_call_names_the_action(aws: Any) -> None:
    message = "User: x is not authorized to perform: lambda:GetPolicy on resource: y"
    aws.stub("lambda").add_client_error("get_policy", "AccessDeniedException", message)
    result = aws.run("lambda_permission", function_name="f", statements=[LOGS])
    assert result["error"]["kind"] == "AccessDeniedError"
    assert "read the policy of function f" in result["msg"]


def test_lambda_permission_info_missing_function_is_an_error(aws: Any) -> None:
    result = aws.run("lambda_permission_info", function_name="nothing", qualifier="live")
    assert (result["failed"], result["error"]["kind"]) == (True, "NotFoundError")
    assert "find function nothing:live" in result["msg"]
    assert aws.calls == ["GetPolicy", "GetFunctionConfiguration"]
    assert "function_name" in aws.run("lambda_permission_info", function_name="no name")["msg"]
    assert aws.calls == []
