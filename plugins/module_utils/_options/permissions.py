# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules about a function's resource policy."""

from __future__ import annotations

from dataclasses import dataclass

from .option import option, required

SETTLE_SECONDS = 30
SETTLE_TEXT = (
    "Seconds between the last statement that is added and the first that is removed, once a run. AWS does not say how soon a"
    " new statement counts, and a refused delivery makes CloudWatch Logs skip log events for up to ten minutes."
)


@dataclass(frozen=True, kw_only=True)
class StatementOptions:
    """One statement of the policy."""

    statement_id: str = required("Id of the statement: up to 100 letters, digits, hyphens and underscores.")
    action: str = option(
        "lambda:InvokeFunction",
        "Action that the principal may call, such as V(lambda:InvokeFunction) or V(lambda:InvokeFunctionUrl).",
    )
    principal: str | None = option(
        None,
        "Principal of the statement. A service such as V(logs.amazonaws.com), an account id (in quotes), the ARN of an account's root, of"
        " a role or of a user, or V(*).",
        "An account id and the ARN of its root mean the same.",
        "Needed with O(state=present).",
    )
    source_arn: str | None = option(
        None,
        "Resource that the service acts for. C(*) and C(?) match any part of it, so that one statement can serve all log"
        " groups.",
        "The ARN of a single log group has to end in C(:*) if the principal is CloudWatch Logs.",
    )
    source_account: str | None = option(None, "Account that owns the resource, 12 digits in quotes.")
    principal_org_id: str | None = option(None, "Organisation that the principal has to belong to.")
    # Stored in clear in the policy and shown by GetPolicy: hiding it here would only hide what is compared.
    event_source_token: str | None = option(
        None, "Token that an Alexa skill has to supply. It is part of the policy, and no secret.", no_log=False
    )
    function_url_auth_type: str | None = option(
        None,
        "Type of authentication that the function's URL has. Only with the action V(lambda:InvokeFunctionUrl).",
        choices=("NONE", "AWS_IAM"),
    )
    invoked_via_function_url: bool | None = option(
        None,
        "Whether the function may be invoked through its URL only. Only with the action V(lambda:InvokeFunction).",
        "V(false) is the same as not given.",
    )


@dataclass(frozen=True, kw_only=True)
class FunctionOptions:
    """The function, version or alias whose policy it is."""

    function_name: str = required(
        "Name, partial ARN or ARN of the function, with or without a qualifier.",
        "C({partition}), C({region}) and C({account}) in it are replaced by those of the caller.",
        aliases=("function_arn", "lambda_function_arn"),
    )
    qualifier: str | None = option(
        None, "A version or an alias. Each has its own policy, in addition to that of the function."
    )


@dataclass(frozen=True, kw_only=True)
class PermissionOptions(FunctionOptions):
    """Statements of a function's resource policy."""

    state: str = option(
        "present",
        "V(present) brings each of O(statements) into exactly the given form.",
        "V(absent) removes the statements with these ids. Only O(statements[].statement_id) is read then. A function that"
        " does not exist has no statements.",
        choices=("present", "absent"),
    )
    statements: tuple[StatementOptions, ...] = option(
        (),
        "The statements. Each is given whole, so a condition that is not given is not in the policy.",
        "C({partition}), C({region}) and C({account}) in the values are replaced by those of the caller.",
        "At least one statement or O(purge_prefix) is needed.",
    )
    purge_prefix: str | None = option(
        None,
        "Statements whose ids begin with this and that are not in O(statements) are removed. With O(state=absent) all that"
        " begin with it.",
        "Without it only the statements that O(state=absent) names are removed. An empty text is refused.",
    )
    settle_seconds: int = option(SETTLE_SECONDS, SETTLE_TEXT, low=0, high=600)
    wait_timeout: int = option(
        60,
        "Seconds to wait for what passes by itself, such as another writer on the same policy, throttling, or a new role that"
        " Lambda does not know yet.",
        "A role or user that does not exist is therefore reported after this time only.",
        low=0,
    )
