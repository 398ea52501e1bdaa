# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of others in a report: log group names, error texts, names of policies."""

from __future__ import annotations


def visible(text: str, forbidden: str = "") -> str:
    r"""Return the text with an escape such as \u202e for each character that cannot be seen, and for each that is forbidden.

    Control characters, direction marks, line ends and surrogates cannot be seen. XML 1.0 allows every character of the result.
    """
    if text.isprintable() and not any(letter in text for letter in forbidden):
        return text
    return "".join(letter if letter.isprintable() and letter not in forbidden else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def more(total: int, shown: int) -> list[str]:
    """Return the line that counts what is not shown; none if all is shown."""
    return [f"and {total - shown:,} more"] if total > shown else []
