# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The origin of events that AWS's centralization copied: account, region and log group.

It follows from the name of the copy's log group, or else from the system fields that a subscription filter adds to each event.

Source: AWS page "Cross-account cross-Region log centralization" (attributes of destination log group names, and a suffix of log
streams, whose form `-ACCOUNT-REGION` AWS does not document; a stream with another form keeps its name). System fields:
PutSubscriptionFilter, emitSystemFields; they are in each event's `extractedFields`.
"""

import re
from dataclasses import dataclass, replace

from .decode import LogEvent, Payload
from .options import SettingsError

ACCOUNT, REGION, LOG_GROUP = "${source.accountId}", "${source.region}", "${source.logGroup}"
_FORMS = {ACCOUNT: "(?P<account>[0-9]{12})", REGION: "(?P<region>[a-z]{2,8}(?:-[a-z]+)+-[0-9])"}
_SYSTEM_FIELDS = ("@aws.account", "@aws.region", "@source.log")
_FIELD_FORMS = tuple(
    re.compile(form, re.ASCII) for form in ("[0-9]{12}", "[a-z]{2,8}(?:-[a-z]+)+-[0-9]", r"[.\-_/#A-Za-z0-9]{0,512}")
)
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
        return _renamed(payload, found["account"], found["region"], found["group"])


def from_system_fields(payload: Payload) -> Payload:
    """Return the payload with the origin that all its events name in system fields; itself if they name none or several.

    A value that has not the form of AWS's names counts as none, because it would reach sinks and accounting as a name.
    """
    first = next((event for page in payload.pages() for event in page), None)
    origin = _origin(first) if first else None
    if origin is None:
        return payload  # as nearly every payload, without a loop over its events
    is_only_one = all(_origin(event) == origin for page in payload.pages() for event in page)
    return _renamed(payload, *origin) if is_only_one else payload


def _origin(event: LogEvent) -> tuple[str, ...] | None:
    """Return account, region and log group of an event's system fields. Without @source.log the log group is "": the payload's own."""
    fields = event.get("extractedFields")
    if not isinstance(fields, dict):
        return None
    account, region, log_group = (fields.get(name, "") for name in _SYSTEM_FIELDS)
    texts = (account, region, log_group)
    is_valid = all(
        isinstance(text, str) and form.fullmatch(text) for form, text in zip(_FIELD_FORMS, texts, strict=True)
    )
    return texts if is_valid else None


def _renamed(payload: Payload, account: str, region: str, log_group: str) -> Payload:
    log_group = log_group or payload.log_group
    if (account, log_group) == (payload.owner, payload.log_group):
        return payload
    stream = payload.log_stream.removesuffix(f"-{account}-{region}") or payload.log_stream
    return replace(payload, owner=account, region=region, log_group=log_group, log_stream=stream)


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
