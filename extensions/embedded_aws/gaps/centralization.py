# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copy new log events to the destinations of centralization rules.

Sources: CloudWatch Logs User Guide, "Cross-account cross-Region log centralization" (new events only, name pattern, suffix of
log streams, encryption, dropped records) and "Centralization metrics and dimensions". Nothing was observed on AWS. Assumed:
the suffix is "-ACCOUNT-REGION"; a scope includes nested OUs; a copy is not copied again, counts in IncomingCopiedLogEvents and
not in IncomingLogEvents; nothing is copied to the account and region where it is; log groups of class DELIVERY are not copied.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch_logs as logs
from ministack.services import kms, organizations

from ..settings import Organization
from . import centralization_rules
from .centralization_rules import Rule, known_rules
from .current import current
from .deliveries import Batch
from .hooks import Function, original, replace
from .log_events import stored_events
from .log_groups import log_class
from .metrics import record
from .subscriptions import deliver_batch
from .validation import LOG_GROUP

_create_stream = original(logs, "_create_log_stream", "data")
_log = logging.getLogger("embedded_aws.centralization")
_LONGEST_STREAM = 512
_MOST_WAITING = 5_000
"""Copies and other events that may wait at once. More copies are written without delay, so memory stays bounded."""


def install(organization: Organization) -> None:
    centralization_rules.install(organization)

    @replace(logs, "_fanout_to_subscription_filters", "group_name", "stream_name")
    def fanout_to_subscription_filters(ministack: Function) -> Function:
        def fan_out(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
            batch = Batch(group_name, stream_name, stored_events())
            ministack(group_name, stream_name, events)
            for copy in _copies(organization, batch):
                copy.start()

        return fan_out


@dataclass(frozen=True, slots=True)
class _Origin:
    """The source of a copy. `units` are its OUs and the root, from the account upwards."""

    organization: str
    units: tuple[str, ...]
    account: str
    region: str
    log_group: str
    log_class: str
    is_encrypted: bool

    def expand(self, pattern: str) -> str:
        """Return the name of the destination's log group."""
        for name, value in {
            "logGroup": self.log_group,
            "accountId": self.account,
            "region": self.region,
            "org.id": self.organization,
            "org.ouId": self.units[0],  # of an account without OU the root, the parent in the hierarchy
            "org.rootId": self.units[-1],
            "org.path": "/".join([self.organization, *reversed(self.units)]),
        }.items():
            pattern = pattern.replace(f"${{source.{name}}}", value)
        return pattern


@dataclass(frozen=True, slots=True)
class _Copy:
    """Events on their way to one destination."""

    origin: _Origin
    account: str
    region: str
    configuration: dict[str, Any]
    key: str | None
    stream: str
    events: list[dict[str, Any]]

    def start(self) -> None:
        delay = current.settings.centralization_delay
        if delay and current.events_under_way < _MOST_WAITING:
            current.run_later(delay, self.attempt)
        else:
            self.attempt()

    def attempt(self) -> None:
        """Write the copy. Errors are logged, because the writer of the log must not see them."""
        try:
            self._attempt()
        except Exception:
            _log.exception("Copy of %s to %s/%s", self.origin.log_group, self.account, self.region)

    def _attempt(self) -> None:
        share, target = current.settings.centralization_throttling, {"DestinationRegion": self.region}
        if share and current.random() < share and current.events_under_way < _MOST_WAITING:
            record("AWS/Logs", "CentralizationThrottled", 1, target, "None")
            current.run_later(current.settings.retry_delay, self.attempt)
            return
        counts = {
            "CopiedLogEvents": (len(self.events), "None"),
            "CopiedBytes": (sum(len(event["message"].encode()) for event in self.events), "Bytes"),
        }
        with request_scope(self.account, self.region):
            if error := current.settings.centralization_error or self._problem():
                record("AWS/Logs", "CentralizationError", 1, {"ErrorType": error}, "None")
                return
            source = {"SourceAccount": self.origin.account, "SourceRegion": self.origin.region}
            for name, (value, unit) in counts.items():
                record("AWS/Logs", f"Incoming{name}", value, source, unit)
            self._write()
        for name, (value, unit) in counts.items():
            record("AWS/Logs", f"Outgoing{name}", value, target, unit)

    @property
    def log_group(self) -> str:
        pattern = (self.configuration.get("LogGroupNameConfiguration") or {}).get("LogGroupNamePattern")
        return self.origin.expand(pattern or "${source.logGroup}")

    @property
    def log_stream(self) -> str:
        return f"{self.stream}-{self.origin.account}-{self.origin.region}"

    def _problem(self) -> str | None:
        """Return the error type that drops the events."""
        if LOG_GROUP.problem(self.log_group):
            return "InvalidLogGroup"
        if len(self.log_stream) > _LONGEST_STREAM:
            return "InvalidLogStream"
        group = logs._log_groups.get(self.log_group)
        if group is None:
            return _key_problem(self.key) if self.key else None
        if log_class(group) != self.origin.log_class:
            return "LogTierMismatch"
        encryption = self.configuration.get("LogsEncryptionConfiguration") or {}
        skips = encryption.get("EncryptionConflictResolutionStrategy") == "SKIP"
        return "DestinationEncryptionMismatch" if self.key and skips and not group.get("kmsKeyId") else None

    def _write(self) -> None:
        """Store the events, and deliver them to the destination's subscriptions. A missing log group is created."""
        if self.log_group not in logs._log_groups:
            key = {"kmsKeyId": self.key} if self.key else {}
            group = {"logGroupName": self.log_group, "logGroupClass": self.origin.log_class, **key}
            logs._create_log_group(group)
        streams = logs._log_groups[self.log_group]["streams"]
        if self.log_stream not in streams:
            _create_stream({"logGroupName": self.log_group, "logStreamName": self.log_stream})
        now = int(time.time() * 1000)
        events = [{**event, "ingestionTime": now} for event in self.events]
        logs._append_log_events(streams[self.log_stream], events)
        deliver_batch(Batch(self.log_group, self.log_stream, events))


def _copies(organization: Organization, batch: Batch) -> list[_Copy]:
    """Return the copies that the rules ask for, of events of the current account and region."""
    account, region, group = get_account_id(), get_region(), logs._log_groups.get(batch.log_group)
    rules = [rule for rule in known_rules() if rule.is_active(organization)]
    if not rules or not batch.events or account not in organization.accounts or group is None:
        return []
    units = _units(organization, account)
    origin = _Origin(
        organization.id, units, account, region, batch.log_group, log_class(group), bool(group.get("kmsKeyId"))
    )
    events = [{"timestamp": event["timestamp"], "message": event["message"]} for event in batch.events]
    return [
        _Copy(origin, rule.destination, place, _destination(rule), key, batch.log_stream, [*map(dict, events)])
        for rule in rules
        if _selects(rule, origin)
        for place, key in _places(rule, origin)
        if (rule.destination, place) != (account, region)
    ]


def _selects(rule: Rule, origin: _Origin) -> bool:
    source = rule.body["Source"]
    if rule.groups is None or origin.region not in source["Regions"] or origin.log_class == "DELIVERY":
        return False
    if origin.is_encrypted and source["SourceLogsConfiguration"]["EncryptedLogGroupStrategy"] == "SKIP":
        return False
    return rule.groups.holds(LogGroupName=frozenset({origin.log_group})) and rule.scope.holds(
        OrganizationId=frozenset({origin.organization}),
        OrganizationUnitId=frozenset(origin.units),
        AccountId=frozenset({origin.account}),
    )


def _destination(rule: Rule) -> dict[str, Any]:
    return rule.body["Destination"].get("DestinationLogsConfiguration") or {}


def _places(rule: Rule, origin: _Origin) -> list[tuple[str, str | None]]:
    """Return the regions that receive a copy, with the key of a new log group there."""
    configuration = _destination(rule)
    encryption = configuration.get("LogsEncryptionConfiguration") or {}
    is_for_all = encryption.get("EncryptionScope") == "NEW_DESTINATION_LOG_GROUPS"
    has_key = encryption.get("EncryptionStrategy") == "CUSTOMER_MANAGED" and (is_for_all or origin.is_encrypted)
    found = [(rule.body["Destination"]["Region"], encryption.get("KmsKeyArn") if has_key else None)]
    if backup := configuration.get("BackupConfiguration"):
        found.append((backup["Region"], backup.get("KmsKeyArn") if has_key else None))
    return found


def _units(organization: Organization, account: str) -> tuple[str, ...]:
    """Return the OUs of an account and the root, from the account upwards."""
    found: list[str] = []
    with request_scope(organization.management, organization.regions[0]):
        record_of = organizations._accounts.get(account)
        while record_of is not None:
            found.append(record_of["_ParentId"])
            record_of = organizations._ous.get(found[-1])
    return tuple(found)


def _key_problem(arn: str) -> str | None:
    """Return the error type of a key that the copies cannot use, in the current account and region."""
    key = kms._keys.get(arn.rpartition("/")[2])
    if key is None or key["KeyState"] != "Enabled" or key["KeySpec"] != "SYMMETRIC_DEFAULT":
        return "InvalidKMS"
    is_managed = {"TagKey": "LogsManaged", "TagValue": "true"} in (key.get("Tags") or [])
    return None if is_managed else "AccessDenied"
