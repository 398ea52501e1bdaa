# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as OpenMetrics text, which Prometheus's exporters and the Pushgateway read as well. No label has a log group's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .copies import BY_NAME, COUNTS
from .drift import Drift
from .fleet import FleetReport, TargetReport
from .text import visible

Sample = tuple[dict[str, str], str]
"""Labels and value."""


def exposition(report: FleetReport, _drift: Drift | None) -> Iterator[str]:
    """Yield the lines."""
    yield from _family("report_timestamp_seconds", "Time of the report.", [({}, str(report.made_at))], "seconds")
    complete = "1" if report.is_complete else "0"
    yield from _family("report_complete", "1 if every target and log group was read, 0 if not.", [({}, complete)])
    if report.percentage is not None:
        ratio: list[Sample] = [({}, f"{report.percentage / 100:.3f}")]
        yield from _family("covered_ratio", "Covered share of the chosen log groups, rounded down.", ratio, "ratio")
    targets = report.targets
    yield from _family("target_read", "1 if the target was read to its end, 0 if not.", map(_read, targets))
    groups = (sample for target in targets for sample in _log_groups(target))
    yield from _family("log_groups", "Log groups of a target by state. None for a target that was not read.", groups)
    calls = (sample for target in targets for sample in _calls(target))
    yield from _family("api_calls", "API calls that reading the target took, by operation.", calls)
    events = (sample for target in targets for sample in _events(target))
    yield from _family("events", "Events of the period by count. None for a count that was not read.", events)
    facts = (sample for target in targets for sample in _facts(target))
    yield from _family(
        "event_facts", "Payloads, requests and messages of the period. None for what was not read.", facts
    )
    copied = (sample for target in targets for sample in _copied(target))
    text = "Copied events of the period by destination and count. None for a count that was not read."
    yield from _family("copied_events", text, copied)
    if report.flow:
        price: list[Sample] = [({}, f"{report.flow.dollars:.6f}")]
        yield from _family("events_reading_dollars", "List price of reading the events.", price, "dollars")
    yield "# EOF\n"


def _read(target: TargetReport) -> Sample:
    return _labels(target), "1" if target.status == "read" else "0"


def _log_groups(target: TargetReport) -> Iterator[Sample]:
    if target.status != "not_checked":  # otherwise 0 would say that it has none
        for state, number in target.counts().items():
            yield _labels(target, state=state), str(number)


def _calls(target: TargetReport) -> Iterator[Sample]:
    for operation, number in target.calls.items():
        yield _labels(target, operation=operation), str(number)


def _events(target: TargetReport) -> Iterator[Sample]:
    for name, number in target.flow.flow.numbers().items() if target.flow else ():
        if number is not None:
            yield _labels(target, count=name), str(number)


def _copied(target: TargetReport) -> Iterator[Sample]:
    for flow in target.copy_flows or ():
        for name in COUNTS:
            value = getattr(flow, name)
            if value is not None:
                number = sum(value.values()) if name in BY_NAME else value
                labels = {"destination_account": flow.account, "destination_region": flow.region, "count": name}
                yield _labels(target, **labels), str(number)


def _facts(target: TargetReport) -> Iterator[Sample]:
    for name, number in target.flow.facts.items() if target.flow else ():
        yield _labels(target, fact=name), str(number)


def _labels(target: TargetReport, **more: str) -> dict[str, str]:
    # Without the host, targets of unknown accounts would be one series.
    return {"account": target.account, "region": target.region, "host": target.host, **more}


def _family(name: str, text: str, samples: Iterable[Sample], unit: str = "") -> Iterator[str]:
    name = f"log_reflector_{name}"
    yield f"# TYPE {name} gauge\n"
    if unit:
        yield f"# UNIT {name} {unit}\n"
    yield f"# HELP {name} {text}\n"
    for labels, value in samples:
        inner = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{name}{{{inner}}} {value}\n" if inner else f"{name} {value}\n"


def _escaped(label: str) -> str:
    return visible(label).replace("\\", "\\\\").replace('"', '\\"')
