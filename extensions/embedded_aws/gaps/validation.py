# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch Logs' checks of parameters, with its error texts (service model of 2026-08-07)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import error_response_json, json_response

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Text:
    """The constraints of a text parameter."""

    name: str
    longest: int
    pattern: str | None = None
    required: bool = True

    def problem(self, value: Any) -> str | None:
        if value is None or (value == "" and not self.required):
            return (
                f"Value null at '{self.name}' failed to satisfy constraint: Member must not be null"
                if (self.required)
                else None
            )
        start = f"Value '{value}' at '{self.name}' failed to satisfy constraint: Member must"
        if not isinstance(value, str) or len(value) > self.longest:
            return f"{start} have length less than or equal to {self.longest}"
        if self.required and not value:
            return f"{start} have length greater than or equal to 1"
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return f"{start} satisfy regular expression pattern: {self.pattern}"
        return None


LOG_GROUP = Text("logGroupName", 512, r"[\.\-_/#A-Za-z0-9]+")
LOG_GROUP_PREFIX = Text("logGroupNamePrefix", 512, r"[\.\-_/#A-Za-z0-9]+", required=False)
FILTER = Text("filterName", 512, r"[^:*]*")
FILTER_PREFIX = Text("filterNamePrefix", 512, r"[^:*]*", required=False)
PATTERN = Text("filterPattern", 1024, required=False)
DESTINATION = Text("destinationArn", 2048)


def refusal(data: dict[str, Any], *parameters: Text, largest: int = 50) -> Answer | None:
    """Return AWS's error for invalid parameters, or None. Check `limit` too, if the request has one."""
    found = [parameter.problem(data.get(parameter.name)) for parameter in parameters]
    limit = data.get("limit")
    if limit is not None and not 1 <= limit <= largest:
        bound = f"less than or equal to {largest}" if limit > largest else "greater than or equal to 1"
        found.append(f"Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value {bound}")
    problems = [problem for problem in found if problem]
    if not problems:
        return None
    errors = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
    return invalid(f"{errors}: {'; '.join(problems)}")


def invalid(message: str) -> Answer:
    return error("InvalidParameterException", message)


def no_such_group() -> Answer:
    return error("ResourceNotFoundException", "The specified log group does not exist.")


def error(code: str, message: str, status: int = 400) -> Answer:
    answer: Answer = error_response_json(code, message, status)
    return answer


def success(value: dict[str, Any], status: int = 200) -> Answer:
    answer: Answer = json_response(value, status)
    return answer


def paged(items: list[dict[str, Any]], key: str, data: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of items sorted by a name, and the next token. The token is the last name, so that items deleted
    between two pages cause no gap."""
    after = data.get("nextToken")
    rest = [item for item in sorted(items, key=lambda item: item[key]) if after is None or item[key] > after]
    limit = data.get("limit") or 50
    page = rest[:limit]
    return page, page[-1][key] if len(rest) > limit else None
