# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: the sizes that a user gives, the targets of each wave, and when a wave has too many failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible.utils.helpers import pct_to_int

_BOOLEANS = ("true", "yes", "on", "1", "false", "no", "off", "0")


def parse_sizes(sizes: Any) -> list[str]:
    """Return the sizes of a list, or of a text with commas, as texts. Any other value is one entry."""
    if isinstance(sizes, (str, int, float)):
        return [part.strip() for part in str(sizes).split(",")]
    if isinstance(sizes, (list, tuple)):
        return [str(part) for part in sizes]
    return [str(sizes)]


def sizes_problem(name: str, sizes: Any) -> str:
    """Return what is wrong with the sizes of the waves, "" if nothing is.

    name   the variable that the user sets
    """
    parsed = parse_sizes(sizes)
    wrong = [part for part in parsed if not _is_size(part, lowest=1)]
    if parsed and not wrong:
        return ""
    value = repr(wrong[0]) if wrong else "an empty list"
    return (
        f"{name}: {value} is not valid; use numbers of targets or percentages. On the command line: -e {name}=1,5%,100%"
    )


def limit_problem(name: str, limit: Any) -> str:
    """Return what is wrong with the share of a wave that may fail, "" if nothing is."""
    if _is_size(str(limit), lowest=0):
        return ""
    return f"{name}: {str(limit)!r} is not valid; use a number of targets, or a percentage of the wave such as 10%."


def switch_problem(name: str, value: Any) -> str:
    """Return what is wrong with a variable that is true or false, "" if nothing is."""
    return "" if str(value).lower() in _BOOLEANS else f"{name}: {str(value)!r} is not valid; use true or false."


def _is_size(text: str, *, lowest: int) -> bool:
    """Return whether the text is a whole number or a percentage, written without sign and leading zero."""
    number = text.removesuffix("%")
    if not (number.isascii() and number.isdigit()) or str(int(number)) != number:
        return False
    return lowest <= int(number) and (int(number) <= 100 or not text.endswith("%"))


def wave_sizes(serial: Sequence[int | str], hosts: int) -> list[int]:
    """Return how many hosts each batch of a play has: the last entry of `serial` repeats until no host is left."""
    sizes: list[int] = []
    left = hosts
    while left > 0:
        size = pct_to_int(serial[min(len(sizes), len(serial) - 1)], hosts) if serial else 0
        sizes.append(min(size, left) if size > 0 else left)
        left -= sizes[-1]
    return sizes


def exceeds(failed: int, of: int, limit: str) -> bool:
    """Return whether more targets of a wave failed than may: `limit` is a number, or a percentage of the wave."""
    if limit.endswith("%"):
        return failed * 100 > int(limit.removesuffix("%")) * of
    return failed > int(limit)


@dataclass(frozen=True, slots=True)
class WaveMembers:
    """A wave of a play: its number from 1, the number of waves, and its hosts."""

    number: int
    of: int
    hosts: tuple[str, ...]


def wave_with(host: str, serial: Sequence[int | str], hosts: Sequence[str]) -> WaveMembers:
    """Return the wave that a host is in.

    hosts   all hosts of the play, in the order of Ansible
    """
    sizes = wave_sizes(serial, len(hosts))
    start = 0
    for number, size in enumerate(sizes, start=1):
        members = tuple(hosts[start : start + size])
        if host in members:
            return WaveMembers(number, len(sizes), members)
        start += size
    return WaveMembers(len(sizes), len(sizes), ())
