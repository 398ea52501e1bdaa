# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The origin of events that AWS's centralization copied: account, region and log group, from the name of the copy's log group.

Source: AWS page "Cross-account cross-Region log centralization" (attributes of destination log group names, and a suffix of log
streams, whose form `-ACCOUNT-REGION` AWS does not document; a stream with another form keeps its name).
"""

import re
from dataclasses import dataclass, replace

from .decode import Payload
from .options import SettingsError

ACCOUNT, REGION, LOG_GROUP = "${source.accountId}", "${source.region}", "${source.logGroup}"
_FORMS = {ACCOUNT: "(?P<account>[0-9]{12})", REGION: "(?P<region>[a-z]{2,8}(?:-[a-z]+)+-[0-9])"}
_FIXED = re.compile(r"[._\-/#A-Za-z0-9]*").fullmatch


@dataclass(frozen=True, slots=True)
class NamePattern:
    """The names of the log groups of copies."""

    match: re.Pattern[str]

    def original(self, payload: Payload) -> Payload:
        """Return the payload with the names of its origin; itself if its log group is none of a copy."""
        found = self.match.fullmatch(payload.log_group)
        if found is None:
            return payload
        account, region, log_group = found["account"], found["region"], found["group"]
        stream = payload.log_stream.removesuffix(f"-{account}-{region}")
        names = {"owner": account, "region": region, "log_group": log_group}
        return replace(payload, log_stream=stream or payload.log_stream, **names)


def name_pattern(text: str) -> NamePattern:
    """Return the pattern that the text describes. Raises SettingsError.

    The log group is last, because its owner chooses its name: AWS alone writes what is before it, so no name can claim
    another account.
    """
    fixed = [part for part in re.split(r"(\$\{[^}]*\})", text.removesuffix(LOG_GROUP)) if part not in _FORMS]
    is_whole = text.endswith(LOG_GROUP) and all(text.count(name) == 1 for name in (ACCOUNT, REGION, LOG_GROUP))
    if not is_whole or not all(map(_FIXED, fixed)) or not text.partition("$")[0].strip("/"):
        raise SettingsError(
            f"must begin with fixed text, have {ACCOUNT} and {REGION} once each, and end with {LOG_GROUP}."
        )
    parts = re.split(r"(\$\{[^}]*\})", text.removesuffix(LOG_GROUP))
    expression = "".join(_FORMS.get(part) or re.escape(part) for part in parts)
    return NamePattern(re.compile(f"{expression}(?P<group>.+)", re.ASCII | re.DOTALL))
