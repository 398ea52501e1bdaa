# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redaction of e-mail addresses."""

import re

_SIGNS = ("@", "%40", "%2540", "u0040", "&#64;", "\uff20")
# A JSON escape of a letter beyond ASCII, with any number of backslashes: JSON may be in JSON.
_LETTER_ESCAPE = r"\\++u(?!00[0-7])[0-9A-Fa-f]{4}"
_TOP_LEVEL = r"(?:xn--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,24}(?![A-Za-z0-9])|[^\W\d_A-Za-z]{2,24})"
_AT_DOMAIN = re.compile(
    r"(?:[@\uff20]|%(?:25)?40|(?<!\\)\\++u0040|&#64;)"
    r"(?!\d+\.\d+\.|\dx\.)"  # package@1.2.3-rc.one, picture@2x.png
    rf"(?:(?:[\w-]|{_LETTER_ESCAPE}){{1,63}}+(?:\.|%2[Ee])){{1,16}}{_TOP_LEVEL}"
)
_local_backwards = re.compile(
    r"(?:[BbDdEe]2%|[Ff]5%|[0-9A-Fa-f]{2}(?![0-7]00u)[0-9A-Fa-f]{2}u\\++|[\w.+-]|'(?=\w))*+"
).match
_LONGEST_LOCAL = 256  # the standard's limit is 64, which not everybody keeps
_ends_with_cjk = re.compile(r".*[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]", re.DOTALL).match
_hex_pair = re.compile(r"[0-9A-Fa-f]{2}").match
_escape = re.compile(r"[bfnrt]|u[0-9A-Fa-f]{4}").match


def redact_emails(text: str) -> str:
    """Return the text with `[email]` in place of addresses, also of those with URL or JSON escapes."""
    if not any(map(text.__contains__, _SIGNS)):
        return text  # most messages, and the search is slow
    parts: list[str] = []
    done = 0
    for found in _AT_DOMAIN.finditer(text):
        start = _local_start(text, done, found.start())
        if start < found.start():
            parts += text[done:start], "[email]"
            done = found.end()
    return "".join((*parts, text[done:])) if parts else text


def _local_start(text: str, first: int, end: int) -> int:
    """Return where the local part begins that ends there. `first`: where it may begin at the earliest."""
    before = text[max(first, end - _LONGEST_LOCAL) : end]
    backwards = _local_backwards(before[::-1])
    start = end - backwards.end() if backwards else end
    previous = text[start - 1 : start] if start > first else ""
    # In `%3Dme@example.com` and `\nme@example.com` 3D and n belong to the escape, not to the address.
    if previous == "%" and _hex_pair(text, start, end):
        start += 2
    elif previous == "\\" and (escape := _escape(text, start, end)):
        start = escape.end()
    # Text in these scripts has no blanks before an address.
    if (cjk := _ends_with_cjk(text, start, end)) and cjk.end() < end:
        start = cjk.end()
    local = text[start:end]
    return start + len(local) - len(local.lstrip(".'"))
