# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redaction of AWS credentials: access key ids, secret access keys and session tokens."""

import re

_BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-F]{2})|(?<=\\[nrt]))"
_FORTY = r"(?<!\\)(?:[A-Za-z0-9+]|\\{0,3}/|%(?:25)?2[FfBb]|\\{1,3}u002[fFbB]){40}(?![A-Za-z0-9/+=])"
# Text between a name and its value: quotes and signs, with URL or JSON escapes, and the member `value` of a list of pairs.
_GAP = r"(?:[\s\"'\\:=>,;|()\[\]{}]|%(?:25)?(?:20|22|27|3[AaDd])|&quot;|\b(?:[Vv]alue|is|was)\b){1,24}"
_LETTER = r"(?<!\\)(?:[A-Za-z0-9+=]|\\{0,3}/|%(?:25)?(?:2[FfBb]|3[Dd])|\\{1,3}u00(?:2[fFbB]|3[dD]))"

_AFTER_NAME = r"\1[aws_key]"

# An id, and the secret that often follows it: `id:secret`, `id,secret`.
_key_ids = re.compile(
    r"(?:(?<![A-Z0-9])|(?<=%[0-9A-F]{2}))(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"
    rf"(?:([\s:,;|\"'\\]{{1,6}})(?=[A-Fa-f0-9]{{0,39}}[G-Zg-z+/]){_FORTY})?"
)
_named_secrets = re.compile(
    rf"((?i:secret(?:[ _.-]{{0,2}}access)?[ _.-]{{0,2}}key|aws[ _.-]{{0,2}}secret){_GAP}){_FORTY}"
).sub
_named_tokens = re.compile(rf"((?i:(?:session|security)[ _.-]{{0,2}}token){_GAP})(?=\S{{0,60}}\d){_LETTER}{{16,}}+").sub
_tokens = re.compile(rf"{_BEGIN}(?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz){_LETTER}{{50,}}+").sub


def redact_aws_keys(text: str) -> str:
    """Return the text with `[aws_key]` in place of AWS credentials. Secrets need a name or a key id before them."""
    if "AKIA" in text or "ASIA" in text:
        text = _key_ids.sub(lambda found: f"[aws_key]{found[1]}[aws_key]" if found[1] else "[aws_key]", text)
    lower = text.lower()
    if "secret" in lower:
        text = _named_secrets(_AFTER_NAME, text)
    if "token" in lower:
        text = _named_tokens(_AFTER_NAME, text)
    return _tokens("[aws_key]", text) if "IQoJb3JpZ2lu" in text or "oGZXIvYXdz" in text else text
