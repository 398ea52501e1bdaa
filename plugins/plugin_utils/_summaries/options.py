# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the summaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...module_utils._module import Group
from ...module_utils._options.option import Option, option, required
from ...module_utils._options.target import RoleVariables

_MILLION = 1_000_000.0
FORMATS = ("ndjson", "json", "csv", "junit", "openmetrics", "markdown", "html")
"""The keys of `_report.formats.FORMATS`, whose import takes 40 ms."""


@dataclass(frozen=True, kw_only=True)
class AdviseOptions:
    """The options of advise."""

    directory: str = option(
        "log-reflector-advice", "Directory for the files. Files of an earlier run are replaced.", type="path"
    )
    destination: str | None = option(
        None, "Host of the inventory whose account and region would receive the copies in the mode V(centralized)."
    )


@dataclass(frozen=True, kw_only=True)
class PriceOptions:
    """The price and the network path that only the user knows."""

    log_service_price: float | None = option(
        None,
        "Dollars for each GB that the log service takes in. Without it the cost of the log service is unknown.",
        low=0,
        high=_MILLION,
    )
    egress: str = option(
        "internet",
        "V(internet) if AWS bills what the reflector sends to sinks outside AWS as transfer to the internet.",
        "V(none) if it does not, as with a private link.",
        choices=("internet", "none"),
    )


@dataclass(frozen=True, kw_only=True)
class CostOptions:
    """The options of cost."""

    directory: str = option(
        "log-reflector-preview",
        "Directory for the file C(cost.json). A file of an earlier run is replaced.",
        type="path",
    )


@dataclass(frozen=True, kw_only=True)
class FailureOption:
    """The variable with the errors of targets."""

    failure: str = option(
        "recap_failure",
        "Name of the variable with the error of a target that could not be read, in the form of the filter C(failure_parts).",
    )


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """The options of explain."""

    log_group: str = required("Name of the log group.")
    file: str | None = option(
        None,
        "File of mode 0640 for everything that was printed, as JSON: C(targets) with their C(path) (stations and verdict) or C(error). Its"
        " folder is created.",
        type="path",
    )


@dataclass(frozen=True, kw_only=True)
class RecapOptions:
    """The recap of a run."""

    title: str = option("Log Reflector", "Title of the recap.")
    waves: bool = option(
        False,
        "Whether the playbook takes the targets in waves. Then a target without the variable C(recap_wave) was not started.",
    )
    lines: int = option(30, "Up to this many targets without problems have a line each. More are summed up.", low=0)
    retry_file: str = option(
        "",
        "File for the names of the targets that failed or were not started, one a line, for C(--limit @FILE). A relative path"
        " starts in the current directory. Targets in the file that this run did not include stay. If no target is left, the file"
        " is removed.",
        'V("") writes none. Check mode writes none.',
    )


@dataclass(frozen=True, kw_only=True)
class WaveOptions:
    """The result of a wave."""

    scope: str = option("run", "Text to print.", choices=("run", "wave"))
    sizes: tuple[str, ...] = option(("100%",), "The sizes of the waves, as C(serial) has them. With O(scope=wave).")
    allowed_failures: str = option(
        "0%", "How many targets of a wave may fail, as a number or as a percentage of the wave. With O(scope=wave)."
    )


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of report."""

    directory: str = option(
        "log-reflector-report",
        "Directory for the files of the report. Files of an earlier report are replaced.",
        type="path",
    )
    cost: bool = option(
        False,
        "Whether the report also has the volume and the cost of what M(logreflector.aws.volume_info) read. Then the directory gets a"
        " file C(cost.json) too, see M(logreflector.aws.cost). A merged report and one of O(history) have none.",
    )
    formats: tuple[str, ...] = option(FORMATS, "Files to write, see docs/REPORT_FORMATS.md.", choices=FORMATS)
    history: str | None = option(
        None,
        "Directory that keeps every report, as compressed NDJSON. Without it nothing is kept and nothing is compared.",
        type="path",
    )
    at: str | None = option(
        None,
        "A date or a time in ISO 8601, in UTC if it has no zone. The report is the last one in O(history) until then, until the end"
        " of the day for a date. Nothing is read in AWS.",
    )
    merge: tuple[str, ...] = option(
        (),
        "Files C(report.ndjson), or files of a history, to make one report of. Nothing is read in AWS. If several files have a"
        " target, its latest reading counts, a complete one before an incomplete one.",
        elements="path",
    )
    fail_if_worse: bool = option(
        False,
        "Whether the task fails if log groups or targets are worse off than in the last report of O(history). The files are written"
        " before.",
    )
    sns_topic: str | None = option(
        None,
        "ARN of an SNS topic that gets the Markdown summary, also from the report of a history and from a merge. It has no log"
        " events. In check mode nothing is published.",
        "The credentials of the control node need C(sns:Publish). SNS takes 256 KB. If the summary is longer, its lists are shortened, and it says so.",
    )
    sns_profile: str | None = option(
        None,
        "Named profile that may publish to O(sns_topic). The default is the credentials that boto3 finds on the control node.",
    )
    sns_endpoint_url: str | None = option(None, "Address of SNS instead of AWS's, as used with an emulated AWS.")


_PRICES = Group(PriceOptions, variables="cost_")
_ROLE_VARIABLES = Group(RoleVariables)
RECAP = Group(RecapOptions, variables="recap_")

GROUPS: dict[str, tuple[Group, ...]] = {
    "advise": (Group(AdviseOptions, variables="advise_"), _PRICES, Group(FailureOption), _ROLE_VARIABLES),
    "cost": (Group(CostOptions, variables="preview_"), _PRICES, Group(FailureOption), _ROLE_VARIABLES),
    "explain": (
        Group(ExplainOptions, variables="explain_", named={"log_group": "log_group"}),
        _ROLE_VARIABLES,
    ),
    "preflight": (),
    "recap": (RECAP, Group(WaveOptions), _ROLE_VARIABLES),
    "report": (
        Group(ReportOptions, variables="report_", named={"sns_endpoint_url": "target_endpoint_url"}),
        _PRICES,
        _ROLE_VARIABLES,
    ),
}
"""The options of each summary."""

SUMMARIES_AFTER = {
    "coverage_info": ("recap", "report"),
    "log_group_path": ("recap", "explain"),
    "volume_info": ("recap", "report", "cost", "advise"),
}
"""The summaries that follow a module in the playbooks. Only the recap follows every other module."""


def summary_variables(module: str) -> dict[str, Option]:
    """Return the variables that the summaries after a module read."""
    groups = (group for name in SUMMARIES_AFTER.get(module, ("recap",)) for group in GROUPS[name])
    return {name: option for group in groups for name, option in group.by_variable().items() if not option.required}


RULES: dict[str, dict[str, Any]] = {
    "report": {"mutually_exclusive": [["at", "merge"]], "required_by": {"at": ["history"]}},
}
"""Rules between them, as AnsibleModule takes them."""
