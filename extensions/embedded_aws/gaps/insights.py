# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sums in CloudWatch Logs Insights: `filter A = "x" and ispresent(B) and C like /d/ | stats sum(C) as c, count(*) as n by D, E`.

MiniStack lists events and has no `stats`. Members of a JSON line are fields, nested ones with dots. Source: CloudWatch Logs User
Guide, "CloudWatch Logs Insights query syntax".
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import cloudwatch_logs as logs

from .hooks import Function, original, replace
from .validation import Answer, error

_stages = original(logs, "_split_insights_pipes", "query_string")
_FIELD = r"(?:`[^`]+`|[@\w.]+)"
_CONDITION = re.compile(
    rf"(?:ispresent\((?P<present>{_FIELD})\)|(?P<field>{_FIELD})\s*=\s*(?P<value>\"[^\"]*\"|'[^']*')"
    rf"|(?P<matched>{_FIELD})\s+like\s+/(?P<pattern>(?:\\.|[^/])*)/)"
)
_AGGREGATE = re.compile(rf"(?P<function>sum|count|max|min)\((?P<field>\*|{_FIELD})\)\s+as\s+(?P<name>\w+)")
_FUNCTIONS: Mapping[str, Callable[[Iterable[float]], float]] = {"sum": sum, "max": max, "min": min}
Row = dict[str, Any]


class _SyntaxError(Exception):
    """The query has a form that the embedded AWS does not know."""


def install() -> None:
    @replace(logs, "_start_query", "data")
    def start_query(ministack: Function) -> Function:
        def start(data: dict[str, Any]) -> Answer:
            query = str(data.get("queryString", ""))
            if not any(stage.startswith("stats ") for stage in _stages(query)):
                answer: Answer = ministack(data)
                return answer
            try:
                stages = [_parsed(stage) for stage in _stages(query)]
            except _SyntaxError as unknown:
                return error("MalformedQueryException", f"The embedded AWS knows no query like {unknown}.")
            # MiniStack finds the events and their size, and keeps the query under its id.
            answer = ministack({**data, "queryString": "fields @message", "limit": None})
            if answer[0] == 200:
                _replace_results(json.loads(answer[2])["queryId"], stages)
            return answer

        return start


def _replace_results(identity: str, stages: list[Callable[[list[Row]], list[Row]]]) -> None:
    query = logs._queries[identity]
    messages = [field["value"] for row in query["results"] for field in row if field["field"] == "@message"]
    rows = [_fields(message) for message in messages]
    for stage in stages:
        rows = stage(rows)
    query["results"] = [[{"field": name, "value": str(value)} for name, value in row.items()] for row in rows]


def _fields(message: str) -> Row:
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return dict(_flat(found)) if isinstance(found, dict) else {}


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def _parsed(stage: str) -> Callable[[list[Row]], list[Row]]:
    kind, _space, rest = stage.partition(" ")
    if kind == "filter":
        conditions = [_condition(text) for text in re.split(r"\s+and\s+", rest.strip())]
        return lambda rows: [row for row in rows if all(fits(row) for fits in conditions)]
    if kind == "stats":
        aggregates, _by, groups = rest.partition(" by ")
        return _statistics(aggregates, [_name(text) for text in groups.split(",") if text.strip()])
    if kind == "limit":
        return lambda rows: rows[: int(rest)]
    raise _SyntaxError(stage)


def _condition(text: str) -> Callable[[Row], bool]:
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise _SyntaxError(text)
    if match["present"]:
        present = _name(match["present"])
        return lambda row: present in row
    if match["matched"]:
        matched, pattern = _name(match["matched"]), re.compile(match["pattern"])
        return lambda row: pattern.search(str(row.get(matched, ""))) is not None
    field, value = _name(match["field"]), match["value"][1:-1]
    return lambda row: str(row.get(field)) == value


def _statistics(aggregates: str, groups: list[str]) -> Callable[[list[Row]], list[Row]]:
    found = [_AGGREGATE.fullmatch(text.strip()) for text in aggregates.split(",")]
    if not all(found):
        raise _SyntaxError(aggregates)
    known = [(match["name"], match["function"], _name(match["field"])) for match in found if match]

    def count(rows: list[Row]) -> list[Row]:
        by_group: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in rows:
            by_group[tuple(row.get(name) for name in groups)].append(row)
        return [
            {name: value for name, value in zip(groups, key, strict=True) if value is not None}
            | {
                name: value
                for name, function, field in known
                if (value := _value(function, field, members)) is not None
            }
            for key, members in by_group.items()
        ]

    return count


def _value(function: str, field: str, rows: list[Row]) -> float | None:
    if function == "count":
        return sum(1 for row in rows if field == "*" or field in row)
    values = [float(row[field]) for row in rows if isinstance(row.get(field), (int, float))]
    return _FUNCTIONS[function](values) if values else None


def _name(field: str) -> str:
    return field.strip().strip("`")
