# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscription tag of log groups: list, set, remove.

The tag means "subscribed with these settings" (`DesiredFilter.subscription_tag`). ListLogGroups lists a thousand tagged
groups a call, DescribeSubscriptionFilters reads one, five times a second. So a sweep reads only the groups whose tag is
missing or has other settings, unless it audits.

The tag is written after the filter and removed before it. While a write is in progress that an interrupted run would leave
half done, the tag is `changing`, so a crash never leaves a tag that lies. Only somebody else can make the tag wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from .._errors import AccessDeniedError, AwsError, NotFoundError, ReflectorError
from .calls import CannotListByTagError, LogsApi, can_read_tags
from .filters import EVIDENCE_PREFIX, TAG_PREFIX
from .outcome import Outcome, TagChange

OTHER_FORWARDER = "other-forwarder"
"""The tag's value on the log group of a function that filters of others send to. A second tag, `EVIDENCE_PREFIX`, names a log
group with such a filter: a sweep reads that filter before it believes the tag."""

CHANGING = "changing"
"""The tag's value while a group is written to. No settings have it, so every sweep reads the group."""

_NO_LISTING = ("UnknownOperationException", "InvalidParameterException")
"""Answers of an AWS that does not list log groups by tag yet, such as a partition or an emulator."""


@dataclass(frozen=True, slots=True)
class TaggedGroups:
    """The groups with a subscription tag, by its value.

    current             with the desired settings
    other_forwarders    with the value `OTHER_FORWARDER`
    any_value           with any value; None if unknown
    is_listed           whether `current` and `other_forwarders` were listed
    is_unlistable       AWS refused the listing: then a tag would be written again in every run
    """

    current: frozenset[str] = frozenset()
    other_forwarders: frozenset[str] = frozenset()
    any_value: frozenset[str] | None = None
    is_listed: bool = False
    is_unlistable: bool = False


class SubscriptionTags:
    """Reads and writes the subscription tag. Safe to share between threads.

    arn     returns the ARN of a log group
    tag     key and value for the desired settings
    enabled whether tags are written; False after AWS denied the first
    notes   for the user
    """

    def __init__(self, api: LogsApi, arn: Callable[[str], str], tag: tuple[str, str], *, enabled: bool) -> None:
        self._api, self._arn = api, arn
        self._key, self._value = tag
        self._evidence_key = EVIDENCE_PREFIX + self._key.removeprefix(TAG_PREFIX)
        self.enabled = enabled
        self.notes: list[str] = []

    def list_groups(self, *, current: bool, any_value: bool) -> TaggedGroups:
        """List the tagged groups: those with the current settings or another forwarder, those with any value, or both."""
        has_current = current and self.enabled
        values = [*([(self._value,), (OTHER_FORWARDER,)] if has_current else []), *([()] if any_value else [])]
        try:
            with ThreadPoolExecutor(max(len(values), 1)) as pool:
                found = list(pool.map(lambda each: self._tagged(*each), values))
        except (AccessDeniedError, AwsError, CannotListByTagError) as error:
            if isinstance(error, AwsError) and error.code not in _NO_LISTING:
                raise
            self.notes.append(f"every log group was read, because the tagged ones cannot be listed: {error}")
            return TaggedGroups(is_unlistable=True)
        listed = TaggedGroups(found[0], found[1], is_listed=True) if has_current else TaggedGroups()
        return replace(listed, any_value=found[-1]) if any_value else listed

    def _tagged(self, *values: str) -> frozenset[str]:
        return frozenset(self._api.tagged({self._key: list(values)}))

    def read_evidence(self, log_group: str) -> str:
        """Return the log group that the tags name as evidence for another forwarder, "" if there is none to read."""
        if not can_read_tags(log_group):
            return ""
        try:
            return self._api.tags(self._arn(log_group)).get(self._evidence_key, "")
        except (AccessDeniedError, NotFoundError):
            return ""

    def set_changing(self, log_group: str) -> None:
        """Set the tag to `CHANGING`. If no tag can be written, none will lie."""
        if self.enabled and can_read_tags(log_group):
            with contextlib.suppress(AccessDeniedError, AwsError):
                self._api.tag(self._arn(log_group), {self._key: CHANGING})

    def remove(self, log_group: str) -> None:
        """Remove the tag. Users who do not use tags need no permission for it."""
        if not can_read_tags(log_group):
            return
        ignored = () if self.enabled else (AccessDeniedError,)
        with contextlib.suppress(*ignored):
            self._api.untag(self._arn(log_group), [self._key, self._evidence_key])

    def set(self, outcome: Outcome) -> Outcome:
        """Tag the group and return the outcome with the tag that was written. A tag that cannot be written is a note."""
        if not self.enabled or not can_read_tags(outcome.log_group):
            return replace(outcome, tag="")
        change: TagChange = "other_forwarder" if outcome.tag == "other_forwarder" else "set"
        tags = {self._key: self._value}
        if change == "other_forwarder":
            tags = {self._key: OTHER_FORWARDER, self._evidence_key: outcome.evidence}
        try:
            self._api.tag(self._arn(outcome.log_group), tags)
        except NotFoundError:
            return replace(outcome, tag="")
        except ReflectorError as error:
            if isinstance(error, AccessDeniedError):
                self.enabled = False  # AWS would deny it for every group
            self.notes.append(f"log group {outcome.log_group} has no subscription tag, so every run reads it: {error}")
            return replace(outcome, tag="")
        return replace(outcome, tag=change)
