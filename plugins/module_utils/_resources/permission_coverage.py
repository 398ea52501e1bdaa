# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which statements for single log groups one statement for many of them makes superfluous. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .permission_statement import Statement

# With and without a region it is the same service: tools write either, and AWS takes either for a region's log groups.
_SERVICE = re.compile(r"logs\.(?:(?P<region>[a-z0-9-]+)\.)?(?P<suffix>amazonaws\.com(?:\.cn)?)")
_SOURCE = re.compile(r"(?P<place>arn:[^:*?]+:logs:(?P<region>[^:*?]+):(?P<account>\d{12})):log-group:(?P<groups>.+)")
_ONE_GROUP = re.compile(r"(?P<name>[^:*?]+)(?::\*)?")


@dataclass(frozen=True, slots=True)
class _LogsPermission:
    """A statement that lets CloudWatch Logs in for log groups of one account and region, on no further condition.

    suffix  what the principal ends in: amazonaws.com, amazonaws.com.cn
    place   arn:<partition>:logs:<region>:<account>
    groups  the source ARN after "log-group:"
    """

    action: str
    suffix: str
    place: str
    region: str
    groups: str

    @property
    def name(self) -> str:
        """The log group's name; "" where there are several."""
        one = _ONE_GROUP.fullmatch(self.groups)
        return one["name"] if one else ""

    @property
    def several(self) -> bool:
        """Whether it is for log groups by a pattern."""
        return bool({"*", "?"} & set(self.groups.partition(":")[0]))


def _logs_permission(statement: Statement) -> _LogsPermission | None:
    service, source = _SERVICE.fullmatch(statement.principal), _SOURCE.fullmatch(statement.source_arn or "")
    if not service or not source or service["region"] not in (None, source["region"]):
        return None
    # A condition that this does not know of is one that it does not understand.
    plain = Statement(statement.statement_id, statement.principal, statement.action, source_arn=statement.source_arn)
    if replace(statement, source_account=None) != plain or statement.source_account not in (None, source["account"]):
        return None
    return _LogsPermission(statement.action, service["suffix"], source["place"], source["region"], source["groups"])


def log_group_of(statement: Statement) -> str:
    """The one log group that the statement lets CloudWatch Logs in for; "" where it is anything else."""
    found = _logs_permission(statement)
    return found.name if found else ""


def is_blanket(statement: Statement, region: str) -> bool:
    """Whether it lets CloudWatch Logs in for all log groups of the region that a pattern names, on no further condition."""
    found = _logs_permission(statement)
    return found is not None and found.several and found.region == region


def covers(blanket: Statement, single: Statement) -> bool:
    """Whether each delivery that `single`, for one log group, allows is allowed by `blanket`, for many.

    A delivery always names the log group and its account (AWS page "Subscription filters with Lambda"), so that
    blanket's source_account holds for it.
    """
    wide, narrow = _logs_permission(blanket), _logs_permission(single)
    if not wide or not narrow or not wide.several or not narrow.name:
        return False
    if (wide.action, wide.suffix, wide.place) != (narrow.action, narrow.suffix, narrow.place):
        return False
    # The narrow pattern as text: its own "*" is matched by a "*" only, and so is whatever that stands for.
    pattern = "".join({"*": ".*", "?": "[^*]"}.get(sign, re.escape(sign)) for sign in wide.groups)
    return re.fullmatch(pattern, narrow.groups, re.DOTALL) is not None


def coverer(single: Statement, wanted: Iterable[Statement]) -> Statement | None:
    """The first of `wanted` that covers it."""
    return next((statement for statement in wanted if covers(statement, single)), None)
