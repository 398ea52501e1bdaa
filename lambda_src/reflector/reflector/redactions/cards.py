# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redaction of payment card numbers."""

import re

from .json_numbers import is_json_number

# Separators between the digits of a card: blanks, dashes, dots, underscores, and their URL and JSON escapes.
_SEPARATOR = (
    r"(?:[ \t.\-_+/\u00a0\u2000-\u200a\u2010-\u2015\u202f\u2212\u3000\uff0d]{1,3}"
    r"|%(?:25)?(?:20|09|2[DdEeBb])|%[Cc]2%[Aa]0|\\++(?:t|u(?:00[aA]0|20[01][0-9a-fA-F]))|&nbsp;)"
)
# Columns of numbers must not become cards, so only these groups of digits are joined: 4 4 4 4, 4 6 5, 8 8 and so on.
_GROUPS = (
    r"\d{3}S\d{4}S\d{4}S(?:\d{4}(?!\d)(?P<tail>S\d{1,3}(?!\d))?|\d{1,3})"
    r"|\d{3}S(?:\d{6}S\d{4,5}|\d{12}|\d{4}S\d{8}|\d{8}S\d{4}|\d{7}S\d{4})"
    r"|\d{5}S(?:\d{6}S\d{4,7}|(?!1[5-9])\d{7,13})"  # 15... to 19... is a time beside a number
    r"|\d{7}S(?:\d{8}|\d{4}S\d{4})"
    r"|\d{11}S\d{4}"
)
# Groups of one to three digits, only if there is nothing else in the row, with the same separator throughout.
_ROWS = (
    r"(?<!\d[ .\-_]\d)(?:(?P<one>[ .\-_])\d(?:(?P=one)\d){11,17}+(?!(?P=one)?\d)"
    r"|\d(?P<two>[ .\-_])\d\d(?:(?P=two)\d\d){5,7}+(?:(?P=two)\d)?+(?!(?P=two)?\d)"
    r"|\d\d(?P<three>[ .\-_])\d{3}(?:(?P=three)\d{3}){2,4}+(?:(?P=three)\d{1,2})?+(?!(?P=three)?\d))"
)
# The digits begin a word, or follow a URL or JSON escape. The look ahead refuses most numbers of ordinary lines.
_BEGIN = (
    r"[2-689\uff12-\uff16\uff18\uff19](?=\d{3}|\d{0,2}[ .\-_](?:\d{1,3}[ .\-_]){3})"
    r"(?:(?<!\d\d)|(?<=[%x][0-9A-Fa-f]{2}\d)|(?<=u[0-9A-Fa-f]{4}\d))"
)
_CANDIDATE = re.compile(rf"{_BEGIN}(?:\d{{12,18}}+|{_GROUPS.replace('S', _SEPARATOR)}|{_ROWS})(?!\d)")
_separators = re.compile(_SEPARATOR)
# Prefixes and lengths of the card networks (ISO/IEC 7812-1). No number begins with 1 or 20, as times do.
_is_network = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|09|[689]\d)\d{11,16}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|(?:5[06-8]|6[37])\d{11,17}"  # Maestro
    r"|(?:6\d|8[12])\d{14,17}|220[0-4]\d{12,15}|9792\d{12}"  # Discover, UnionPay, RuPay, Mir, Troy
).fullmatch
_UUID_LENGTH = 36
_UUID = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])")
_HASH_LENGTHS = frozenset({24, 32, 40, 48, 56, 64, 96, 128})
_DIGITS = "0123456789"
_HEX_DIGITS = "0123456789abcdefABCDEF"
_ends_with_iban_start = re.compile(r"(?<![A-Za-z])[A-Z]{2}\d\d[ -](?:\d{4}[ -]){0,4}\Z").search
_DOUBLED = bytes.maketrans(_DIGITS.encode(), b"0246813579")

MAX_OTHERS = 500
"""Numbers in a text that look like cards but are none. After that many, all that look like cards are redacted: checks cost time."""


def redact_cards(text: str) -> str:
    """Return the text with `[card]` in place of card numbers: 13 to 19 digits of a card network, with a valid check digit.

    A card number that is a JSON number becomes 0.
    """
    search = _CANDIDATE.search
    found = search(text)
    if not found:
        return text
    parts: list[str] = []
    done = others = 0
    while found:
        start = found.start()
        if end := _card_end(text, found, is_checked=others < MAX_OTHERS):
            parts += text[done:start], "0" if is_json_number(text, start, end) else "[card]"
            done = end
        else:
            others += 1
        found = search(text, end or start + 1)
    return "".join((*parts, text[done:])) if parts else text


def _card_end(text: str, found: re.Match[str], *, is_checked: bool) -> int:
    """Return the end of the card number that begins where the match does, 0 if none does."""
    start, end = found.span()
    for last in (end, found.start("tail")):
        digits = _card_digits(text[start:last]) if last > 0 else ""
        if digits and (not is_checked or (_has_valid_check_digit(digits) and not _is_other_number(text, start, last))):
            return last
    return 0


def _card_digits(text: str) -> str:
    """Return the digits if a card network uses that many with that prefix, else ""."""
    digits = text
    if not text.isdecimal():
        # Nearly always all separators are the same; the search by pattern would take most of the time.
        separator = text.lstrip(_DIGITS)[0]
        digits = text if separator in "%\\&" else text.replace(separator, "")
        if not digits.isdecimal():
            digits = _separators.sub("", text)
    if not digits.isascii():
        digits = "".join(str(int(digit)) for digit in digits)
    return digits if _is_network(digits) else ""


def _has_valid_check_digit(digits: str) -> bool:
    """Return whether the sum of the digits, every second one doubled, is a multiple of ten (the Luhn algorithm)."""
    codes = digits.encode()
    return (sum(codes[-1::-2]) + sum(codes[-2::-2].translate(_DOUBLED)) - ord("0") * len(codes)) % 10 == 0


def _is_other_number(text: str, start: int, end: int) -> bool:
    """Return whether the digits are part of a fraction, hash, UUID or IBAN. One in ten of these has a valid check digit."""
    if text[start:end].isdecimal():
        if text[start - 1 : start] == "." and text[max(0, start - 2) : start - 1].isdecimal():
            return True
        before, after = text[max(0, start - 128) : start], text[end : end + 128]
        more = len(before) - len(before.rstrip(_HEX_DIGITS)) + len(after) - len(after.lstrip(_HEX_DIGITS))
        return more > 0 and end - start + more in _HASH_LENGTHS
    if _ends_with_iban_start(text, max(0, start - 26), start):
        return True
    near = _UUID.finditer(text, max(0, start - _UUID_LENGTH), end + _UUID_LENGTH)
    return any(uuid.start() < end and start < uuid.end() for uuid in near)
