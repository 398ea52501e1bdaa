# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redaction of secrets by their name (`password=...`) or their form (`Bearer ...`, private keys, tokens of known services)."""

import re

_WORDS = ("pass", "pwd", "secret", "token", "key", "authoriz", "cookie", "signature", "cvv", "cvc", "otp", "connection")
_QUOTE = r"(?:\\*+[\"'`]|%(?:25)?22|&quot;)"
_DELIMITER = r"(?:=>|:=|={1,2}|[:\uff1a>]|%(?:25)?3[ad])"
_NAMED = re.compile(
    r"(?P<name>(?:passw(?:or)?d|passphrase|passcode|pwd|(?<=[?&])(?:pass|sig)|secret(?:[_-]?string)?|token"
    r"|(?:api|private|secret|access|subscription|encryption|signing)[ _-]?key|authorization|cookie|signature"
    r"|connection[ _-]?string|cvv2?|cvc2?|otp)"
    r"(?:[_-]?confirm(?:ation)?|_?[0-9])?)(?![a-z0-9_-])"
    rf"(?P<close>(?:\]|%5d)?{_QUOTE}?)"
    rf"(?:[ \t]{{0,8}}(?P<delimiter>{_DELIMITER})[ \t]{{0,8}}|,[ \t]{{0,4}}{_QUOTE}value{_QUOTE}[ \t]{{0,4}}:[ \t]{{0,4}}|[ \t]{{1,4}})"
    rf"(?P<open>{_QUOTE})?"
)
"""A name with what precedes its value, in lower-case text. A name ends there: `token_type` and `tokens` are no secrets."""

_scheme = re.compile(
    r"(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256)(?:[ \t+]|%20){1,8}", re.IGNORECASE
).match
_word = re.compile(r"[^\s\"'`&;,<>|(){}\[\]\\]+").match
_encoded_word = re.compile(
    r"(?:[^\s\"'`&;,<>|(){}\[\]\\%]|%(?!(?:25)?(?:26|22|2c|7d|0a|0d|3b)))++", re.IGNORECASE
).match
_line = re.compile(r"[^\r\n\"\\]+").match
_OTHER_TOKENS = tuple(
    f"{word}{joint}"
    for word in ("next", "page", "pagination", "continuation", "unexpected", "request", "client", "sync", "marker")
    for joint in ("", "_", "-", " ")
)
_REFERENCES = ("${", "$(", "{{", "arn:", "secretsmanager:", "ssm:", "%s", "%(")
_NOTHING = frozenset(("", "null", "none", "nil", "true", "false", "undefined", "empty", "n/a", "yes", "no"))
_is_prose = re.compile(
    "a|accepted|and|any|are|at|bool|by|bytes|can|cannot|changed|contains|correct|created|do|does|enabled"
    "|disabled|expired|failed|failure|field|for|found|from|generated|given|has|if|in|incorrect|int|invalid|is"
    "|it|length|loaded|match|matched|may|mismatch|missing|must|needs|not|object|of|ok|on|optional|or|policy"
    "|provided|refreshed|rejected|required|reset|revoked|rotated|set|should|str|string|success|the|this|to|too"
    "|unknown|updated|used|using|valid|verified|was|were|will|with|wrong"
).fullmatch
"""Words that follow a name in sentences, such as `password: must be longer`."""

_FORM_SIGNS = (
    "earer",
    "EARER",
    "eyJ",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "k_live_",
    "k_test_",
    "AIza",
    "npm_",
    "SG.",
    "PRIVATE KEY",
    "://",
)
"""Parts of the texts that `_forms` replaces. A search for the pattern in each message would be slow."""

_AFTER_QUOTED_TEXT = ("", ",", "}", "]", ":", " ", "\n", "\t")
_BEGIN = r"(?:(?<![\w.-])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"
_forms = re.compile(
    rf"{_BEGIN}(?:eyJ[\w-]{{8,}}+\.eyJ[\w-]{{8,}}+\.[\w-]{{8,}}+"  # JSON Web Token
    r"|gh[opusr]_[A-Za-z0-9]{36,255}+|github_pat_\w{22,255}+|glpat-[\w-]{20,255}+|xox[abeoprs]-[A-Za-z0-9-]{10,255}+"
    r"|[srp]k_(?:live|test)_[A-Za-z0-9]{16,255}+|AIza[\w-]{35}|npm_[A-Za-z0-9]{36}|SG\.[\w-]{22}\.[\w-]{43})"
    r"|(?P<scheme>[Bb](?:earer|EARER)(?:[ \t+]|%20){1,8})(?:[A-Za-z0-9._~+-]|\\{0,3}/){16,}+=*"
    r"|(?P<key>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)(?:[A-Za-z0-9+/=\s:,.]|\\+[nr]|-(?!----))*+"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?"
    r"|(?P<user>://[^\s:/@\"'\\]{1,128}:)[^\s/@\"'\\]{1,256}(?=@)"
).sub


def redact_secrets(text: str) -> str:
    """Return the text with `[secret]` in place of values of secret names, and of what has a secret's form."""
    if any(map(text.__contains__, _FORM_SIGNS)):
        text = _forms(lambda found: f"{found['scheme'] or found['user'] or ''}[secret]", text)
    lower = _lower(text)
    if not any(map(lower.__contains__, _WORDS)):
        return text
    parts: list[str] = []
    done = at = 0
    while found := _NAMED.search(lower, at):
        at = found.end()
        start, end = _value_span(text, found)
        at = max(at, end)
        if start < end and not _is_harmless(text[start:end], lower, found):
            parts += text[done:start], _replacement(text, start, end, found)
            done = end
    return "".join((*parts, text[done:])) if parts else text


def _lower(text: str) -> str:
    """Return the text in lower case, with the same length."""
    lower = text.lower()
    return (
        lower if len(lower) == len(text) else "".join(letter.lower() if letter.isascii() else letter for letter in text)
    )


def _value_span(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Return where the value is, an empty span if there is none."""
    start = found.end()
    opened, closed = found["open"], found["close"]
    if found["delimiter"] is None and not (closed and opened):
        # `--password hunter2`; other blanks are in sentences
        begin = text.rfind(" ", max(0, found.start() - 40), found.start()) + 1
        if opened or closed or not text.startswith("--", max(begin, found.start() - 40)):
            return start, start
    if found["delimiter"] == ">" and "<" not in text[max(0, found.start() - 40) : found.start()]:
        return start, start
    if opened:
        # `{"a":"password:","b":1}`: the quote ends the text that the name is in.
        quote_ends_name = closed.removeprefix("]").removeprefix("%5d") == opened
        if not quote_ends_name and text[start : start + 1] in _AFTER_QUOTED_TEXT:
            return start, start
        if end := _closing_quote(text, start, opened):
            return start, end
    elif (found["name"].endswith(("authorization", "token"))) and (scheme := _scheme(text, start)):
        start = scheme.end()
    is_encoded = "%" in closed + (opened or "") + (found["delimiter"] or "")
    pattern = _line if found["name"] == "cookie" and not opened else _encoded_word if is_encoded else _word
    value = pattern(text, start)
    return start, value.end() if value else start


def _closing_quote(text: str, start: int, opened: str) -> int:
    """Return where the quoted value ends, 0 if unknown: then only its first word is the value.

    A quote with n backslashes is closed by one with n, n + 2(n + 1) ... backslashes: the others belong to escaped quotes.
    """
    if opened[-1] != '"':
        end = text.find(opened, start)
        inner = text[start : max(end, start)]
        return end if end > start and '"' not in inner and "\n" not in inner else 0
    level = len(opened) - 1
    limit = text.find("\n", start)
    limit = len(text) if limit < 0 else limit
    end = start - 1
    while (end := text.find('"', end + 1, limit)) >= 0:
        backslashes = 0
        while end - backslashes > start and text[end - backslashes - 1] == "\\":
            backslashes += 1
        if backslashes % (2 * (level + 1)) == level:
            return end - level
        if backslashes % (level + 1) != level:
            return end - _outer_level(backslashes, level)  # the text that the value is in ends
    return limit  # the text was cut: the remainder belongs to the value


def _outer_level(backslashes: int, level: int) -> int:
    """Return how many of the backslashes belong to a quote that closes a text of a lower level: JSON in JSON doubles them."""
    while level:
        level = (level - 1) // 2
        if backslashes % (2 * (level + 1)) == level:
            return level
    return backslashes % 2


def _is_harmless(value: str, lower: str, found: re.Match[str]) -> bool:
    """Return whether the value is no secret: nothing, a mask, a reference to a secret, or the next word of a sentence."""
    name, first = found["name"], found.start()
    if name == "token" and lower.endswith(_OTHER_TOKENS, max(0, first - 16), first):
        return True
    if name == "pwd" and value.startswith("/"):
        return True  # the shell's working directory
    if value[0] + value[-1] in ("[]", "<>") or value.startswith(_REFERENCES) or not set(value) - set("*xX\u2022_#$"):
        return True
    word = value[:20].strip(" .!?").lower()
    return word in _NOTHING or _is_prose(word) is not None


def _replacement(text: str, start: int, end: int, found: re.Match[str]) -> str:
    """Return the text for the value's place. A JSON number becomes 0."""
    is_number = not found["open"] and found["close"].endswith('"') and found["delimiter"] == ":"
    return "0" if is_number and re.fullmatch(r"-?[0-9.eE+-]+", text[start:end]) else "[secret]"
