# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Markdown summary as a message of SNS.

Source: SNS API reference, Publish (256 KB for subject and message; a subject has at most 100 ASCII characters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...module_utils._errors import InvalidInputError, describe_operation
from ...module_utils._options.connection import Connection
from ...module_utils._options.option import options_of
from ...module_utils._session import Target
from .fleet import FleetReport

_TOPIC = re.compile(r"arn:[a-z0-9-]+:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")
_LARGEST = 262_144
_SUBJECT_BYTES = 100
_SEPARATOR = re.compile(r"\|( --- \|)+")
_MORE = re.compile(r"and ([\d,]+) more")
_COUNTS = ("Log groups |", "Events |", "Quantity |")
"""The ends of headers whose tables have numbers and no names. Such a table is never shortened."""

_SHORTENED = "\n**Lists are shortened**, because SNS takes 256 KB. The counts are whole, and the files of the report have all rows.\n"


def region_of(topic: str) -> str:
    """Return the region of the topic. Raises InvalidInputError if it is no ARN of one."""
    found = _TOPIC.fullmatch(topic)
    if not found:
        message = f"{topic!r} is no ARN of a topic such as arn:aws:sns:eu-west-1:111111111111:on-call"
        raise InvalidInputError("sns_topic", message)
    return found[1]


def publish(topic: str, report: FleetReport, text: str, *, profile: str | None, endpoint_url: str | None) -> str:
    """Publish the summary with the control node's credentials, or those of a profile. Return the message's id. ReflectorError."""
    defaults = {each.name: each.default for each in options_of(Connection)}
    where = {"region": region_of(topic), "profile": profile, "endpoint_url": endpoint_url}
    target = Target.from_params({**defaults, **where})
    client = target.client("sns")
    heading = subject(report)
    with describe_operation(f"publish the report to {topic}"):
        answer = client.publish(TopicArn=topic, Subject=heading, Message=shortened(text, _LARGEST - len(heading)))
    return str(answer["MessageId"])


def subject(report: FleetReport) -> str:
    """Return the subject of the message. It holds numbers only."""
    share = "no log group is chosen" if report.percentage is None else f"{report.percentage:g} % of {report.chosen:,}"
    unread = len(report.unread_targets)
    rest = f", {unread:,} of {len(report.targets):,} targets not read" if unread else ""
    return f"Log coverage: {share}{rest}"[:_SUBJECT_BYTES]


def shortened(text: str, limit: int) -> str:
    """Return the Markdown within so many bytes: with fewer rows in its tables of names, and the numbers of those left out."""
    if len(text.encode()) <= limit:
        return text
    found = text
    for rows in (10, 5, 2, 1, 0):
        found = "".join(_with_rows(text.splitlines(), rows)) + _SHORTENED
        if len(found.encode()) <= limit:
            break
    return found


def _with_rows(lines: Iterable[str], most: int) -> Iterator[str]:
    """Yield the lines with at most so many rows of each table of names. Text of others has neither bars nor line ends."""
    before, rows, left_out, is_names = "", 0, 0, False
    for line in lines:
        if _SEPARATOR.fullmatch(line):
            rows, is_names = 0, not before.endswith(_COUNTS)
        elif is_names and line.startswith("| "):
            rows += 1
            if rows > most:
                left_out += 1
                continue
        elif line:
            is_names = False
            counted = _MORE.fullmatch(line)
            if left_out and counted:
                line = f"and {int(counted[1].replace(',', '')) + left_out:,} more"  # noqa: PLW2901
            elif left_out:
                yield f"and {left_out:,} more\n\n"
            left_out = 0
        before = line
        yield f"{line}\n"
    if left_out:
        yield f"\nand {left_out:,} more\n"
