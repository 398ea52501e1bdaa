# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of the checks before a deployment, and the verdict on a target. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ..._errors import AccessDeniedError, ReflectorError

Level = Literal["problem", "warning", "not_checked", "note"]
"""problem       the deployment fails, or delivers nothing
warning       the deployment succeeds, and somebody will be surprised later
not_checked   it was not read, so it may be a problem
note          good to know
"""

LEVELS: tuple[Level, ...] = get_args(Level)

State = Literal["ready", "ready_with_warnings", "not_ready"]

TITLES = {
    "access": "access to the target",
    "failed": "checks that failed",
    "options": "options",
    "names": "names",
    "foreign": "resources that are not ours",
    "policy_size": "sizes of policies",
    "resources": "resources",
    "permission": "permissions of the caller",
    "organization": "policies of the organisation",
    "boundary": "permissions boundary",
    "concurrency": "concurrency quota",
    "code_storage": "code storage of Lambda",
    "key": "KMS keys",
    "secret": "secrets of the sinks",
    "trail": "trail that logs new log groups",
    "account_policy": "account policy",
    "centralization": "AWS's centralization",
    "log_class": "log groups of a class that takes no filter",
    "slots": "filter slots of log groups",
    "forwarders": "other forwarders on the same log groups",
    "duration": "duration of the catch-up",
    "session": "session of the run",
    "sink": "test line to the sinks",
}
"""The checks by key, with a name that suits every level."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know before the deployment.

    key       of `TITLES`
    sentence  what was found, for people; the names in it may be chosen by others
    advice    what to do, "" if there is nothing to do
    """

    level: Level
    key: str
    sentence: str
    advice: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the finding for a result."""
        return asdict(self)


def problem(key: str, sentence: str, advice: str = "") -> Finding:
    """Return a finding that makes the deployment fail."""
    return Finding("problem", key, sentence, advice)


def warning(key: str, sentence: str, advice: str = "") -> Finding:
    """Return a finding that surprises later."""
    return Finding("warning", key, sentence, advice)


def note(key: str, sentence: str, advice: str = "") -> Finding:
    """Return a finding that is good to know."""
    return Finding("note", key, sentence, advice)


def not_checked(key: str, sentence: str, advice: str = "") -> Finding:
    """Return a finding about something that was not read."""
    return Finding("not_checked", key, sentence, advice)


def from_error(level: Level, key: str, error: ReflectorError) -> Finding:
    """Return the finding that an error is, with its advice apart."""
    advice = error.advice
    sentence = str(error).removesuffix(advice).strip().removesuffix(".") if advice else str(error).removesuffix(".")
    return Finding(level, key, sentence, advice)


def attempt(key: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    """Return what the check finds. A check that cannot read is not checked, and never silently passed."""
    try:
        return check()
    except ReflectorError as error:
        return [from_error("not_checked", key, error)]


ORGANIZATION_ADVICE = "Ask the owner of the organisation's policies for an exception."


def is_organization_denial(error: ReflectorError) -> bool:
    """Return whether AWS names a policy of the organisation (IAM User Guide, "Troubleshoot access denied error messages")."""
    text = error.message
    return isinstance(error, AccessDeniedError) and (
        "service control policy" in text or "resource control policy" in text
    )


def unread(key: str, error: ReflectorError) -> Finding:
    """Return that something is not checked, because the read failed. If a policy of the organisation denies it, that is the finding."""
    return from_error("not_checked", "organization" if is_organization_denial(error) else key, error)


def verdict(findings: Iterable[Finding]) -> State:
    """Return whether the target is ready. A target with an unchecked fact is never plainly "ready"."""
    levels = {each.level for each in findings}
    if "problem" in levels:
        return "not_ready"
    return "ready_with_warnings" if levels & {"warning", "not_checked"} else "ready"


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, the gravest first, without repetitions."""
    keys = list(TITLES)
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda each: (LEVELS.index(each.level), keys.index(each.key)))


def examples(names: Iterable[str], most: int = 3) -> str:
    """Return the first names, and the number of the others."""
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}"
