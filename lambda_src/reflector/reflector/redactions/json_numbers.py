# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON numbers in a text, which must stay numbers when they are redacted."""


def is_json_number(text: str, start: int, end: int) -> bool:
    """Return whether the digits look like a JSON number. Inside a JSON string a mistake does no harm."""
    digits = text[start:end]
    if not (digits.isascii() and digits.isdecimal()):
        return False
    before, after = text[max(0, start - 8) : start].rstrip(), text[end : end + 8].lstrip()
    return before.removesuffix("-").endswith((":", ",", "[")) and after.startswith((",", "}", "]"))
