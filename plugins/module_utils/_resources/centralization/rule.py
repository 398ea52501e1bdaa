# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A centralization rule of the organisation. Its management account or a delegated administrator calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..._errors import NotFoundError, ReflectorError
from ..._options.centralization import SERVICE
from ..._plan import Change, Result
from ..._session import Target
from ..common import Call
from ..owned_resource import OwnedResource, OwnedState
from .health import TRUSTED, problem
from .settings import RuleSettings, check_settings

_PREREQUISITES = f"Call from the management account or a delegated administrator, and enable trusted access of {TRUSTED} in the organisation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(OwnedState):
    """A rule as it was read, or as it is desired. `body` is the member CentralizationRule."""

    name: str
    arn: str = ""
    health: str = ""
    failure: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


class CentralizationRule(OwnedResource[Rule]):
    """Identity: the rule's name in the region."""

    kind, service = "centralization rule", SERVICE
    transient_codes = ("InternalServerException",)
    taken_codes = ("ConflictException",)

    def __init__(self, target: Target, settings: RuleSettings) -> None:
        check_settings(settings)
        super().__init__(
            target, settings.name, present=settings.present, tags=settings.tags, wait_seconds=settings.wait_seconds
        )
        self._settings = settings

    def facts(self, actual: Rule | None) -> Result:
        """Return the rule, null if it does not exist, and what it does not do."""
        notes = self._settings.notes() if self._present else []
        if actual is None:
            return {"rule": None, "notes": notes}
        return {
            "rule": {
                "name": actual.name,
                "arn": actual.arn,
                "health": actual.health,
                "problem": problem(actual.health, actual.failure),
                "configuration": dict(actual.body),
            },
            "notes": notes,
        }

    def _find(self) -> Rule | None:
        try:
            return self._retry_policy.wait_out(self._read, self._is_transient)
        except NotFoundError:
            return None

    def _read(self) -> Rule:
        with self._target.describe_operation(f"read centralization rule {self._name}"):
            found = self._client.get_centralization_rule_for_organization(RuleIdentifier=self._name)
        return Rule(
            name=found["RuleName"],
            arn=found["RuleArn"],
            health=found.get("RuleHealth") or "",
            failure=found.get("FailureReason") or "",
            body=found["CentralizationRule"],
        )

    def _read_tags(self, found: Rule) -> dict[str, str]:
        with self._target.describe_operation(f"read the tags of centralization rule {self._name}"):
            return dict(self._client.list_tags_for_resource(ResourceARN=found.arn)["Tags"])

    def _desired(self, before: Rule) -> Rule:
        return replace(before, body=desired_body(self._settings, before.body))

    def _creation(self) -> Change:
        body, tags = self._desired(Rule(name=self._name)).body, self._own.creation_tags()
        request = {"RuleName": self._name, "Rule": body, "Tags": tags}
        return self._change(
            "create", None, {**body, "tags": tags}, Call("create_centralization_rule_for_organization", request)
        )

    def _changes(self, actual: Rule) -> list[Change]:
        changes = self._tag_update(actual, lambda tags: Call("tag_resource", {"ResourceARN": actual.arn, "Tags": tags}))
        desired = self._desired(actual)
        if desired != actual:
            request = {"RuleIdentifier": actual.arn, "Rule": desired.body}
            call = Call("update_centralization_rule_for_organization", request)
            changes.append(self._change("update", dict(actual.body), dict(desired.body), call))
        return changes

    def _deletion(self, actual: Rule) -> Change:
        before = {**actual.body, "tags": dict(actual.tags or {})}
        call = Call("delete_centralization_rule_for_organization", {"RuleIdentifier": actual.arn})
        return self._change("delete", before, None, call)

    def _write(self, call: Call, operation: str) -> Mapping[str, Any] | None:
        try:
            return super()._write(call, operation)
        except ReflectorError as error:
            if error.code in ("ValidationException", "AccessDeniedException"):
                error.with_advice(f"{error.advice} {_PREREQUISITES}".strip())
            raise


def desired_body(settings: RuleSettings, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule that the settings ask for. Members that they do not know stay as they are."""
    source, destination = before.get("Source") or {}, before.get("Destination") or {}
    regions = list(source.get("Regions") or [])
    logs = {
        **(source.get("SourceLogsConfiguration") or {}),
        "EncryptedLogGroupStrategy": "SKIP" if settings.skip_encrypted else "ALLOW",
        "LogGroupSelectionCriteria": settings.groups,
    }
    return {
        "Source": {
            **source,
            "Regions": regions if {*regions} == {*settings.source_regions} else sorted({*settings.source_regions}),
            "Scope": settings.scope,
            "SourceLogsConfiguration": logs,
        },
        "Destination": {
            **destination,
            "Region": settings.destination_region,
            "Account": settings.destination_account,
            "DestinationLogsConfiguration": _copies(settings, destination.get("DestinationLogsConfiguration") or {}),
        },
    }


def _copies(settings: RuleSettings, before: Mapping[str, Any]) -> dict[str, Any]:
    after = {**before, "LogGroupNameConfiguration": {"LogGroupNamePattern": settings.name_pattern}}
    after.pop("BackupConfiguration", None)
    if settings.backup_region:
        key = {"KmsKeyArn": settings.backup_kms_key_arn} if settings.backup_kms_key_arn else {}
        after["BackupConfiguration"] = {"Region": settings.backup_region, **key}
    encryption = before.get("LogsEncryptionConfiguration") or {}
    if settings.kms_key_arn:
        after["LogsEncryptionConfiguration"] = {
            "EncryptionStrategy": "CUSTOMER_MANAGED",
            "KmsKeyArn": settings.kms_key_arn,
            "EncryptionConflictResolutionStrategy": "SKIP" if settings.skip_unencrypted_copies else "ALLOW",
            "EncryptionScope": "NEW_DESTINATION_LOG_GROUPS" if settings.encrypt_all else "ENCRYPTED_SOURCE_ONLY",
        }
    elif encryption.get("EncryptionStrategy", "AWS_OWNED") != "AWS_OWNED":
        after["LogsEncryptionConfiguration"] = {"EncryptionStrategy": "AWS_OWNED"}
    return after
