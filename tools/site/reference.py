# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adjust the pages that antsibull-docs writes to this site. Pure."""

from __future__ import annotations

import re

_CONTENTS = re.compile(r"^\.\. contents::\n(?:[ \t]+:.*\n)*", re.MULTILINE)
_ENTRY = ".. Entry point title\n"
_END = ".. Extra links\n"


def adjusted(text: str) -> str:
    """Return a page without its list of headings, which the theme shows beside it, and with the main entry point of a role first."""
    return _main_first(_CONTENTS.sub("", text))


def _main_first(text: str) -> str:
    """Return the page of a role with its entry points in the order of use. antsibull-docs sorts them by name."""
    before, *entries = text.split(_ENTRY)
    if len(entries) < 2:
        return text
    last, end, links = entries[-1].partition(_END)
    ordered = sorted([*entries[:-1], last], key=lambda entry: not entry.lstrip().startswith("Entry point ``main``"))
    return _ENTRY.join([before, *ordered]) + end + links
