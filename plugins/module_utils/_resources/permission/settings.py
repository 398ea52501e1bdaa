# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a function's permissions, and their checks. Makes no call except those of `expand`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from ..._errors import InvalidInputError, check_name
from ..._options.permissions import SETTLE_SECONDS
from ..._plan import Params
from ..._session import Target
from .policy import LONGEST_PREFIX, is_temporary_id
from .statement import STATEMENT_ID, Statement, principal_from

Expand = Callable[[Any], Any]
"""Target.expand, or `sample_expand`, which makes no call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSettings:
    """The desired state of a function's resource policy. {partition}, {region} and {account} are replaced in all texts.

    function_name   name, partial ARN or ARN
    statements      those that must exist exactly like this; if not `present`, those whose ids must not exist
    purge_prefix    statements whose ids begin with it and that are not in `statements` are removed; "" removes none
    qualifier       a version or alias; each has a policy of its own
    settle_seconds  between the last statement that is added and the first that is removed: CloudWatch Logs must see the new
                    one, or it skips log events for up to ten minutes (Logs User Guide, "Real-time processing of log data with subscriptions")
    wait_seconds    for transient errors, and until Lambda knows a role that was just created
    """

    function_name: str
    statements: tuple[Statement, ...] = ()
    purge_prefix: str = ""
    qualifier: str | None = None
    present: bool = True
    settle_seconds: float = SETTLE_SECONDS
    wait_seconds: float = 60


def permission_settings(params: Params) -> PermissionSettings:
    """Return the settings that the options of the module lambda_permission describe."""
    prefix = params["purge_prefix"]
    if prefix == "":
        raise InvalidInputError("purge_prefix", "it is empty, which would mean every statement")
    return PermissionSettings(
        function_name=params["function_name"],
        statements=tuple(
            Statement(**{name: value for name, value in item.items() if value is not None})
            for item in params["statements"] or ()
        ),
        purge_prefix=prefix or "",
        qualifier=params["qualifier"],
        present=params["state"] == "present",
        settle_seconds=params["settle_seconds"],
        wait_seconds=params["wait_timeout"],
    )


_NO_ACCOUNT = "0" * 12

_FUNCTION = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?(?:(?P<region>[a-z]+(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$?[a-zA-Z0-9_.-]+))?"
)
_QUALIFIER = re.compile(r"\$LATEST\.PUBLISHED|[a-zA-Z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class FunctionAddress:
    """A function, or its version or alias: each has a policy of its own.

    address     the name, or the ARN if an account is given; without the qualifier
    resource    the ARN in the statements of the policy
    """

    address: str
    qualifier: str
    resource: str

    @classmethod
    def named(cls, target: Target, function_name: str, option: str | None, expand: Expand) -> FunctionAddress:
        """Return the address for a function's name and the option qualifier. Raises InvalidInputError."""
        given = str(expand(function_name))
        parts = _FUNCTION.fullmatch(given)
        if not parts or len(given) > 256:
            raise InvalidInputError("function_name", f"{given!r} is not a function's name, partial ARN or ARN")
        if parts["region"] not in (None, target.region):
            raise InvalidInputError("function_name", f"{given} is in another region than {target.region}")
        inside = parts["qualifier"] or ""
        if inside and option and inside != option:
            raise InvalidInputError("qualifier", f"{option} differs from the one in function_name, {inside}")
        qualifier = inside or option or ""
        if qualifier and not _QUALIFIER.fullmatch(qualifier):
            message = "Lambda has no policy for $LATEST" if qualifier == "$LATEST" else "it is not a version or alias"
            raise InvalidInputError("qualifier", f"{qualifier!r}: {message}")
        # The account of a bare name is not read: the ARN serves to compare names and to count bytes.
        partition = parts["partition"] or target.client("lambda").meta.partition
        arn = f"arn:{partition}:lambda:{target.region}:{parts['account'] or _NO_ACCOUNT}:function:{parts['name']}"
        address = arn if parts["account"] else parts["name"]
        return cls(address, qualifier, f"{arn}:{qualifier}" if qualifier else arn)

    def request(self) -> dict[str, str]:
        """Return the parameters of Lambda's calls."""
        return {"FunctionName": self.address, **({"Qualifier": self.qualifier} if self.qualifier else {})}

    def __str__(self) -> str:
        return f"function {self.address}" + (f":{self.qualifier}" if self.qualifier else "")


_PATTERNS = {
    "action": (r"lambda:\*|lambda:[a-zA-Z]+|\*", "lambda:<Action>, lambda:* or *"),
    "source_arn": (r"arn:aws[a-zA-Z0-9-]*:[a-zA-Z0-9-]+:[a-z0-9-]*:(\d{12})?:.+", "an ARN"),
    "source_account": (r"\d{12}", "an account id of 12 digits (in quotes, so that YAML keeps a leading zero)"),
    "principal_org_id": (r"o-[a-z0-9]{10,32}", "an organization's id, o- and 10 to 32 lower-case letters or digits"),
    "event_source_token": (r"[a-zA-Z0-9._-]{1,256}", "1 to 256 letters, digits, '.', '_' or '-'"),
    "principal": (
        r"\*|\d{12}|arn:aws[a-zA-Z0-9-]*:(iam|sts)::\d{12}:\S+|[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+",
        "a service such as logs.amazonaws.com, an account id (12 digits, in quotes), an IAM ARN or *",
    ),
}
_SINGLE_GROUP = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:[^:]*[^:*]")


def desired_statements(settings: PermissionSettings, expand: Expand) -> list[Statement]:
    """Return the statements with placeholders replaced. Raises InvalidInputError. If not `present`, only ids matter."""
    prefix = settings.purge_prefix
    if not settings.statements and not prefix:
        raise InvalidInputError("statements", "neither a statement nor purge_prefix is given")
    if prefix:
        allowed = f"1 to {LONGEST_PREFIX} letters, digits, '-' and '_'"
        check_name("purge_prefix", prefix, rf"[a-zA-Z0-9_-]{{1,{LONGEST_PREFIX}}}", allowed)
    found = [
        _desired(item, f"statements[{index}]", expand, settings.present)
        for index, item in enumerate(settings.statements)
    ]
    ids = [item.statement_id for item in found]
    for index, statement_id in enumerate(ids):
        if statement_id in ids[:index]:
            raise InvalidInputError(f"statements[{index}].statement_id", f"{statement_id} is given twice")
    return found


def _desired(item: Statement, option: str, expand: Expand, is_present: bool) -> Statement:
    found = replace(item, **{field.name: expand(getattr(item, field.name)) for field in fields(item)})
    statement_id = found.statement_id
    check_name(f"{option}.statement_id", statement_id, STATEMENT_ID, "1 to 100 letters, digits, '-' and '_'")
    if is_temporary_id(statement_id):
        message = "has the ending of the statements that exist while another one is replaced"
        raise InvalidInputError(f"{option}.statement_id", f"{statement_id} {message}")
    if not is_present:
        return Statement(statement_id)
    if not found.principal:
        raise InvalidInputError(f"{option}.principal", f"statement {statement_id} has none, and AWS needs one")
    for name, (pattern, allowed) in _PATTERNS.items():
        if (value := getattr(found, name)) is not None:
            check_name(f"{option}.{name}", value, pattern, allowed)
    _check_combination(found, option)
    # AddPermission's False is its default: no condition and False become one.
    via_url = found.invoked_via_function_url or None
    return replace(found, principal=principal_from(found.principal), invoked_via_function_url=via_url)


def _check_combination(statement: Statement, option: str) -> None:
    """Raise InvalidInputError for what AWS refuses, and for what AWS accepts but never matches."""
    action, arn = statement.action, statement.source_arn or ""
    if statement.function_url_auth_type and action != "lambda:InvokeFunctionUrl":
        message = f"it needs the action lambda:InvokeFunctionUrl, not {action}"
        raise InvalidInputError(f"{option}.function_url_auth_type", message)
    if statement.invoked_via_function_url and action != "lambda:InvokeFunction":
        message = f"it needs the action lambda:InvokeFunction, not {action}"
        raise InvalidInputError(f"{option}.invoked_via_function_url", message)
    if statement.principal.startswith("logs.") and _SINGLE_GROUP.fullmatch(arn):
        message = f"CloudWatch Logs invokes for a log group as {arn}:*, so it has to end in ':*'"
        raise InvalidInputError(f"{option}.source_arn", message)


def sample_expand(region: str) -> Expand:
    """Return a Target.expand that makes no call: placeholders become values of the right form."""

    def expand(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.replace("{partition}", "aws").replace("{region}", region).replace("{account}", _NO_ACCOUNT)

    return expand
