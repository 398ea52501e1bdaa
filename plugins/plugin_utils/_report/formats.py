# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of the report by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from . import as_csv, as_json, cost_markdown, junit, markdown, openmetrics
from .drift import Drift
from .fleet import FleetReport
from .page import document
from .records import lines


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its file in the directory of the report, and the function that yields the file's text in pieces."""

    file: str
    text: Callable[[FleetReport, Drift | None], Iterator[str]]


def _ndjson(report: FleetReport, _drift: Drift | None) -> Iterator[str]:
    return (f"{line}\n" for line in lines(report))


def _markdown(report: FleetReport, drift: Drift | None) -> Iterator[str]:
    yield from markdown.summary(report, drift)
    if report.cost:
        yield from cost_markdown.section(report.cost)


FORMATS: Mapping[str, Format] = {
    "ndjson": Format("report.ndjson", _ndjson),
    "json": Format("report.json", as_json.document),
    "csv": Format("report.csv", as_csv.table),
    "junit": Format("report.junit.xml", junit.document),
    "openmetrics": Format("report.prom", openmetrics.exposition),  # node_exporter's textfile collector reads *.prom
    "markdown": Format("report.md", _markdown),
    "html": Format("report.html", document.render),
}
