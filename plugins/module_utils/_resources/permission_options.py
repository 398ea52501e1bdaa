# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of lambda_permission as values, refused where they cannot be right. Makes no call but those of `expand`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._errors import InvalidInputError, check_name
from .._plan import Params
from .._session import Target
from .permission_coverage import is_blanket
from .permission_policy import LONGEST_PREFIX, looks_like_twin
from .permission_statement import STATEMENT_ID, Statement, principal_from

Expand = Callable[[Any], Any]
"""Target.expand, or its like without calls."""

_NO_ACCOUNT = "0" * 12

_FUNCTION = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?(?:(?P<region>[a-z]+(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$?[a-zA-Z0-9_.-]+))?"
)
_QUALIFIER = re.compile(r"\$LATEST\.PUBLISHED|[a-zA-Z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class FunctionAddress:
    """A function, or its version or alias: each has a policy of its own.

    address     the bare name, or the ARN where an account is given; without a qualifier
    resource    the ARN in the statements of its policy
    """

    address: str
    qualifier: str
    resource: str

    @classmethod
    def named(cls, target: Target, params: Params, expand: Expand) -> FunctionAddress:
        """From the options function_name and qualifier; InvalidInputError where they cannot be right."""
        given = str(expand(params["function_name"]))
        parts = _FUNCTION.fullmatch(given)
        if not parts or len(given) > 256:
            raise InvalidInputError("function_name", f"{given!r} is no function's name, partial ARN or ARN")
        if parts["region"] not in (None, target.region):
            raise InvalidInputError("function_name", f"{given} is in another region than {target.region}")
        inside, option = parts["qualifier"] or "", params["qualifier"] or ""
        if inside and option and inside != option:
            raise InvalidInputError("qualifier", f"{option} differs from the one in function_name, {inside}")
        qualifier = inside or option
        if qualifier and not _QUALIFIER.fullmatch(qualifier):
            message = (
                "Lambda takes no policy for $LATEST" if qualifier == "$LATEST" else "it is no version or alias name"
            )
            raise InvalidInputError("qualifier", f"{qualifier!r}: {message}")
        # The account of a bare name is not asked for: the ARN serves to compare names and to count bytes.
        partition = parts["partition"] or target.client("lambda").meta.partition
        arn = f"arn:{partition}:lambda:{target.region}:{parts['account'] or _NO_ACCOUNT}:function:{parts['name']}"
        address = arn if parts["account"] else parts["name"]
        return cls(address, qualifier, f"{arn}:{qualifier}" if qualifier else arn)

    def request(self) -> dict[str, str]:
        """As parameters of Lambda's calls."""
        return {"FunctionName": self.address, **({"Qualifier": self.qualifier} if self.qualifier else {})}

    def owned_by(self, account: str) -> FunctionAddress:
        """The same with that account in its ARN, where none was given."""
        return replace(self, resource=self.resource.replace(f":{_NO_ACCOUNT}:", f":{account}:", 1))

    def __str__(self) -> str:
        return f"function {self.address}" + (f":{self.qualifier}" if self.qualifier else "")


_PATTERNS = {
    "action": (r"lambda:\*|lambda:[a-zA-Z]+|\*", "lambda:<Action>, lambda:* or *"),
    "source_arn": (r"arn:aws[a-zA-Z0-9-]*:[a-zA-Z0-9-]+:[a-z0-9-]*:(\d{12})?:.+", "an ARN"),
    "source_account": (r"\d{12}", "an account id of 12 digits (in quotes, so that YAML keeps a leading zero)"),
    "principal_org_id": (r"o-[a-z0-9]{10,32}", "an organisation's id, o- and 10 to 32 lower-case letters or digits"),
    "event_source_token": (r"[a-zA-Z0-9._-]{1,256}", "1 to 256 letters, digits, '.', '_' or '-'"),
    "principal": (
        r"\*|\d{12}|arn:aws[a-zA-Z0-9-]*:(iam|sts)::\d{12}:\S+|[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+",
        "a service such as logs.amazonaws.com, an account id (12 digits, in quotes), an IAM ARN or *",
    ),
}
_SINGLE_GROUP = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:[^:]*[^:*]")


def wanted_statements(params: Params, expand: Expand) -> list[Statement]:
    """The option statements as values, placeholders replaced by `expand`; InvalidInputError where it cannot be right.

    With state=absent only the ids matter.
    """
    present = params["state"] == "present"
    items = params["statements"] or []
    if not items and not params["purge_prefix"]:
        raise InvalidInputError("statements", "neither a statement nor purge_prefix is given")
    found = [_statement(item, f"statements[{index}]", expand, present) for index, item in enumerate(items)]
    ids = [item.statement_id for item in found]
    for index, statement_id in enumerate(ids):
        if statement_id in ids[:index]:
            raise InvalidInputError(f"statements[{index}].statement_id", f"{statement_id} is given twice")
    return found


def _statement(item: Mapping[str, Any], option: str, expand: Expand, present: bool) -> Statement:
    given = {name: expand(value) for name, value in item.items() if value is not None}
    statement_id = given["statement_id"]
    check_name(f"{option}.statement_id", statement_id, STATEMENT_ID, "1 to 100 letters, digits, '-' and '_'")
    if looks_like_twin(statement_id):
        message = "has the ending of the statements that stand in while another is replaced"
        raise InvalidInputError(f"{option}.statement_id", f"{statement_id} {message}")
    if not present:
        return Statement(statement_id, "*")
    if "principal" not in given:
        raise InvalidInputError(f"{option}.principal", f"statement {statement_id} has none, and AWS wants one")
    for name, (pattern, allowed) in _PATTERNS.items():
        if name in given:
            check_name(f"{option}.{name}", given[name], pattern, allowed)
    _check_combination(given, option)
    # AddPermission's false is its default; leaving it out makes "not given" and "false" one.
    given["invoked_via_function_url"] = given.get("invoked_via_function_url") or None
    given["principal"] = principal_from(given["principal"])
    return Statement(**given)


def _check_combination(given: Mapping[str, Any], option: str) -> None:
    """What AWS refuses, or takes and never lets anybody in by."""
    if "function_url_auth_type" in given and given["action"] != "lambda:InvokeFunctionUrl":
        raise InvalidInputError(
            f"{option}.function_url_auth_type",
            f"it goes with action lambda:InvokeFunctionUrl, not with {given['action']}",
        )
    if given.get("invoked_via_function_url") and given["action"] != "lambda:InvokeFunction":
        raise InvalidInputError(
            f"{option}.invoked_via_function_url",
            f"it goes with action lambda:InvokeFunction, not with {given['action']}",
        )
    arn = given.get("source_arn", "")
    if given["principal"].startswith("logs.") and _SINGLE_GROUP.fullmatch(arn):
        raise InvalidInputError(
            f"{option}.source_arn", f"CloudWatch Logs calls for a log group as {arn}:*, so it has to end in ':*'"
        )


def purge_prefix(value: str | None) -> str:
    """The option purge_prefix, "" where it is not given; InvalidInputError for an empty one."""
    if value is None:
        return ""
    allowed = f"1 to {LONGEST_PREFIX} letters, digits, '-' and '_' (an empty one would mean every statement)"
    check_name("purge_prefix", value, rf"[a-zA-Z0-9_-]{{1,{LONGEST_PREFIX}}}", allowed)
    return value


def compacts(params: Params, wanted: Sequence[Statement], region: str) -> bool:
    """The option compact; InvalidInputError where no statement is given that could stand for the others."""
    if not params["compact"]:
        return False
    if params["state"] != "present":
        raise InvalidInputError(
            "compact", "it goes with state=present: what is removed has to be covered by what stands"
        )
    if not any(is_blanket(statement, region) for statement in wanted):
        raise InvalidInputError(
            "compact",
            "none of the statements lets CloudWatch Logs in for log groups of this region by a pattern, such as source_arn "
            "arn:{partition}:logs:{region}:{account}:log-group:*, with no other condition than source_account",
        )
    return True


def sample_expand(region: str) -> Expand:
    """Target.expand without a call: placeholders become values of the right form."""

    def expand(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.replace("{partition}", "aws").replace("{region}", region).replace("{account}", _NO_ACCOUNT)

    return expand
