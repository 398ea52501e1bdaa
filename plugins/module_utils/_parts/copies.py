# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log groups of copies in a destination: their retention, and their removal on request.

AWS creates them. They have no owner tag, so only names that the rules' pattern describes are touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._errors import InvalidInputError, NotFoundError, ReflectorError
from .._options.centralization import NAME_PATTERN
from .._plan import Params, Result
from .._resources.centralization.names import is_copy
from .._resources.centralization.rules import destination_rules, parse_rules
from .._resources.centralization.selection import fixed_beginning
from .._resources.subscriptions.shared import logs_api
from .._session import Target
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import LogGroup
from .account import check_account
from .run import Run

_MOST_CHANGES = 100
_COPIES_ARN = f"arn:aws:logs:*:*:log-group:{fixed_beginning(NAME_PATTERN)}*"
DESTINATION_POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "LogGroupsOfCopies",
            "Effect": "Allow",
            "Action": ["logs:DeleteLogGroup", "logs:PutRetentionPolicy"],
            "Resource": _COPIES_ARN,
        }
    ],
}
"""What the deployer of a destination needs beside its own policy. docs/iam/destination-policy.json is generated from it."""


def manage_copies(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module centralized_log_groups."""
    run = Run(target, check_mode=check_mode)
    check_account(run, params["account_id"])
    account, days = target.identity.account, params["retention_days"]
    rules = destination_rules(parse_rules(params["rules"]), account, target.region)
    if not rules:
        raise InvalidInputError("rules", f"no rule has the destination {account}/{target.region}")
    pattern = rules[0].name_pattern
    api = logs_api(target, params)
    groups = [each for each in api.groups(prefix=fixed_beginning(pattern)) if is_copy(pattern, each.name)]
    is_absent = params["state"] == "absent"
    chosen = groups if is_absent else [each for each in groups if days and each.retention is None]
    errors = [] if check_mode else _write(api, chosen, 0 if is_absent else days)
    failed = {name for name, _error in errors}
    verb = "delete" if is_absent else "update retention of"
    changes = [f"{verb} log group {each.name}" for each in chosen if each.name not in failed]
    more = len(changes) - _MOST_CHANGES
    counts = {"log_groups": len(groups), "never_expire": sum(each.retention is None for each in groups)}
    result: Result = {
        "changed": bool(changes),
        "changes": changes[:_MOST_CHANGES] + ([f"and {more} more"] if more > 0 else []),
        "diff": [],
        "target": run.result["target"],
        "counts": {**counts, "changed": len(changes), "failed": len(errors)},
    }
    return {**result, **_failure(errors)} if errors else result


def _write(api: LogsApi, groups: Sequence[LogGroup], days: int) -> list[tuple[str, ReflectorError]]:
    """Set the retention of the log groups, or delete them with 0 days. Return the failures by name: one stops no other."""
    failures: list[tuple[str, ReflectorError]] = []
    work: Callable[[str], None] = (lambda name: api.put_retention(name, days)) if days else api.delete_group
    for each in groups:
        try:
            work(each.name)
        except NotFoundError:
            continue  # somebody else has deleted it
        except ReflectorError as error:
            failures.append((each.name, error))
    return failures


def _failure(errors: Sequence[tuple[str, ReflectorError]]) -> Result:
    first = errors[0][1]
    if len(errors) > 1:
        names = ", ".join(name for name, _error in errors[1:4])
        first = first.with_advice(
            f"{first.advice} {len(errors) - 1:,} more log groups failed, such as {names}.".strip()
        )
    return {"failed": True, **first.as_result()}
