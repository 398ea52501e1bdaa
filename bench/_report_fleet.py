# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An invented fleet, always the same for the same size: what the page of the report is measured with, and shows in the README."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.drift import Drift, drift
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import (
    FleetReport,
    TargetReport,
    sort_targets,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.flow import Flow, TargetFlow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.points import Point

NOW = 1_795_860_000
DAY = 86_400
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-southeast-2")
TEAMS = (
    "payments",
    "orders",
    "search",
    "identity",
    "billing",
    "catalog",
    "shipping",
    "fraud",
    "media",
    "data",
    "platform",
    "mobile",
)
STAGES = ("prod", "staging", "dev")
JOBS = ("api", "worker", "authorizer", "webhook", "export", "import", "scheduler", "notifier", "stream", "report")
HEX = "0123456789ABCDEF"
SLOTS = "all 2 filter slots are taken by others: {} and {}"
HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("https://example.org","x")',
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "/aws/lambda/\u202egnp.exe",
    "</template></script><!--",
    "\u200b",
    "/" + "long/" * 100,
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The data that a page shows."""

    report: FleetReport
    drift: Drift
    history: tuple[Point, ...]


def fleet(groups: int, targets: int, seed: int = 12) -> Fleet:
    """Return a fleet of so many log groups in so many targets; one target in a hundred was not read."""
    chance = random.Random(seed)
    found = []
    for number in range(targets):
        size = groups // targets + (number < groups % targets)
        found.append(_target(chance, number, size))
    found = [replace(target, flow=_flow() if number else flow()) for number, target in enumerate(found)]
    report = FleetReport(NOW, sort_targets(_unread(found)))
    earlier = FleetReport(NOW - DAY, tuple(_earlier(chance, target) for target in report.targets))
    return Fleet(report, drift(earlier, report), tuple(_history(chance, report)))


def hostile() -> Fleet:
    """Return a fleet whose names and errors are hostile."""
    rows = tuple(CoverageRow(name, "missing", "missing", name, others=(name,)) for name in sorted(HOSTILE))
    target = TargetReport(
        "host<b>", "111111111111", "eu-central-1", "partly_read", HOSTILE[0], NOW - 60, log_groups=rows
    )
    report = FleetReport(NOW, (target,))
    gone = FleetReport(
        NOW - DAY, (replace(target, status="read", log_groups=(*rows, CoverageRow("<b>gone</b>", "covered"))),)
    )
    names = dict.fromkeys(HOSTILE, 3)
    events = _flow(written=60, forwarded=60, received=60, dropped=names, sinks=names)
    full = FleetReport(
        NOW, (replace(target, status="read", error="", flow=events), TargetReport("<i>", error=HOSTILE[1]))
    )
    return Fleet(
        replace(report, targets=(replace(target, flow=events), full.targets[1])), drift(gone, full), (Point.of(gone),)
    )


def _flow(**counts: Any) -> TargetFlow:
    """Return counts of a day; those that are not given are 0."""
    zero = {each.name: 0 for each in fields(Flow) if each.name not in ("begin", "end")}
    return TargetFlow(Flow(NOW - DAY, NOW, **{**zero, "dropped": {}, "sinks": {}, **counts}))


def flow() -> TargetFlow:
    """Return counts of a day, of which 1,204 are unexplained."""
    return _flow(
        written=48_211_904,
        delivery_throttles=310_220,
        forwarded=47_900_480,
        waiting=18_400,
        received=47_882_080,
        dropped={"drop-debug": 9_120_554, "health-checks": 2_480_113},
        sinks={"sumologic": 35_961_087, "s3-archive": 8_402_330},
        dead_lettered=320_326,
        extra_copies=8_402_330,
    )


def _target(chance: random.Random, number: int, size: int) -> TargetReport:
    account = f"{100_000_000_000 + (number // len(REGIONS) + 1) * 7_919_353_201 % 899_999_999_999:012d}"
    region = REGIONS[number % len(REGIONS)]
    team, stage = TEAMS[number // len(REGIONS) % len(TEAMS)], STAGES[number // len(REGIONS) // len(TEAMS) % len(STAGES)]
    health = chance.choice((1.0, 1.0, 1.0, 1.0, 0.995, 0.97, 0.9))
    names = sorted({_name(chance, team) for _unused in range(size)})
    while len(names) < size:
        names.append(f"{names[0]}-{len(names)}")
    rows = tuple(_row(chance, name, account, region, health) for name in names)
    host = f"{team}-{stage}.{region}"
    return TargetReport(
        host, account, region, "read", "", NOW - chance.randrange(60, 900), 1.2, "filters", log_groups=rows
    )


def _name(chance: random.Random, team: str) -> str:
    job, suffix = chance.choice(JOBS), "".join(chance.choices(HEX, k=12))
    return chance.choice(
        (
            f"/aws/lambda/{team}-{job}",
            f"/aws/lambda/{team}-{job}-{chance.randrange(100)}",
            f"/aws/lambda/{team}-stack-{job.title()}Function-{suffix}",
            f"/ecs/{team}/{job}-{chance.randrange(40)}",
            f"/aws/codebuild/{team}-{job}-{suffix[:6]}",
            f"/aws/rds/instance/{team}-{chance.randrange(30)}/postgresql",
            f"API-Gateway-Execution-Logs_{suffix.lower()[:10]}/prod",
        )
    )


def _row(chance: random.Random, name: str, account: str, region: str, health: float) -> CoverageRow:
    created = (NOW - chance.randrange(3 * DAY, 900 * DAY)) * 1000
    since = max(created, (NOW - chance.randrange(DAY, 300 * DAY)) * 1000)
    function = f"arn:aws:lambda:{region}:{account}:function:"
    draw = chance.random()
    if draw < 0.08:
        rule = chance.choice(("a name pattern excludes it: ^/aws/codebuild/", "its tag log-reflector=off excludes it"))
        return CoverageRow(name, "excluded", "rule", rule, known_by="rule", created=created)
    if draw < 0.08 + 0.92 * health:
        others = (f"{function}siem-forwarder",) if chance.random() < 0.1 else ()
        is_tagged = chance.random() < 0.8
        known_by = "tag" if is_tagged else "filter"
        return CoverageRow(name, "covered", "", "", "filter", known_by, since, created, None if is_tagged else others)
    holders = (f"{function}datadog-forwarder", f"arn:aws:firehose:{region}:{account}:deliverystream/siem")
    permission = "no statement of the reflector's policy lets CloudWatch Logs invoke it for this log group"
    outdated = "its filter has other settings than the deployment asks for: pattern"
    denied = f"Could not read the filters of {name} in {account}/{region}: AccessDeniedException: not authorized"
    return chance.choice(
        (
            CoverageRow(
                name,
                "missing",
                "missing",
                "the rules choose it, and it has no filter of ours",
                "",
                "filter",
                0,
                created,
                (),
            ),
            CoverageRow(name, "impossible", "slots", SLOTS.format(*holders), "", "filter", 0, created, holders),
            CoverageRow(
                name, "impossible", "class", "its class INFREQUENT_ACCESS allows no filter", "", "rule", 0, created
            ),
            CoverageRow(name, "broken", "permission", permission, "filter", "filter", since, created, ()),
            CoverageRow(name, "broken", "outdated", outdated, "filter", "filter", since, created, ()),
            CoverageRow(name, "not_checked", "denied", denied, created=created),
        )
    )


def _unread(targets: list[TargetReport]) -> Iterator[TargetReport]:
    for number, target in enumerate(targets):
        if number % 100 == 7:
            error = (
                f"Could not assume the role arn:aws:iam::{target.account}:role/log-reflector-deployer: AccessDenied."
            )
            yield replace(target, status="not_checked", error=error, checked_at=0, log_groups=())
        elif number % 100 == 41:
            error = (
                f"Could not list the log groups in {target.account}/{target.region}: ThrottlingException after 120 s."
            )
            yield replace(
                target, status="partly_read", error=error, log_groups=target.log_groups[: len(target.log_groups) // 2]
            )
        else:
            yield target


def _earlier(chance: random.Random, target: TargetReport) -> TargetReport:
    """Return the target a day before: some log groups had another state, some did not exist, others do not exist any more."""
    rows = []
    for row in target.log_groups:
        if chance.random() < 0.002:
            continue
        rows.append(_other_state(row) if chance.random() < 0.004 else row)
    gone = [CoverageRow("/aws/lambda/retired-" + target.host, "covered")] if chance.random() < 0.1 else []
    return replace(target, status="read", error="", log_groups=(*rows, *gone))


def _other_state(row: CoverageRow) -> CoverageRow:
    return (
        replace(row, state="missing", cause="missing")
        if row.state == "covered"
        else replace(row, state="covered", cause="")
    )


def _history(chance: random.Random, report: FleetReport) -> Iterator[Point]:
    """Yield 60 days of a roll-out: few log groups at first, nearly all at the end."""
    chosen = report.chosen
    for day in range(60, 0, -1):
        part = min(
            0.999, report.counts["covered"] / max(1, chosen) - 0.28 * (day / 60) ** 2 + chance.uniform(-0.004, 0.002)
        )
        covered = max(0, int(chosen * part))
        counts = {**report.counts, "covered": covered, "missing": chosen - covered, "broken": 0, "impossible": 0}
        yield Point(NOW - day * DAY, counts, is_complete=day % 13 != 0)
