# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A SecureString in Systems Manager's Parameter Store. Results show of its value only the size and the beginning of a hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._errors import (
    InvalidInputError,
    NotFoundError,
    OutdatedError,
    ReflectorError,
    RefusedError,
    check_name,
)
from .._plan import Change, Result
from .._session import Target
from .common import Call
from .owned_resource import OwnedResource, OwnedState
from .ownership import as_dict, as_list

STANDARD_BYTES = 4_096
"""Maximum size of a value in the tier Standard (User Guide, "Managing parameter tiers")."""
ADVANCED_BYTES = 8_192
"""Maximum size of a value in the tier Advanced."""
DESCRIPTION_CHARACTERS = 1_024
"""PutParameter, Description."""

_NAME = (
    r"(?=.{1,1011}\Z)(?!/?(?i:aws|ssm))(?:[\w.-]+|(?:/[\w.-]+){1,15})",
    "a parameter's name: A-Z a-z 0-9 _ . -, or up to 15 levels of them each after a /, and neither aws nor ssm first",
)
_KEY = (r"[a-zA-Z0-9:/_-]{1,256}", "the id, ARN or alias of a key: 1 to 256 of A-Z a-z 0-9 : / _ -")
_TYPE = "SecureString"
_TAKEN = "ParameterAlreadyExists"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSettings:
    """The desired state of a parameter. Its tier follows from the value's size, and never goes back to Standard.

    kms_key_arn     None (or "") leaves the key alone; a new parameter has AWS's own key, alias/aws/ssm
    wait_seconds    for transient errors. The name of a deleted parameter stays taken for 30 seconds (DeleteParameter)
    """

    name: str
    present: bool = True
    value: str = field(default="", repr=False)
    description: str = ""
    kms_key_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(OwnedState):
    """A parameter as it was read, or as it is desired. `value` is None if it was not decrypted."""

    name: str
    arn: str = ""
    version: int = 0
    type: str = _TYPE
    tier: str = ""
    kms_key_id: str = ""
    description: str = ""
    value: str | None = field(default=None, repr=False)
    allowed_pattern: str = ""
    data_type: str = "text"

    def plain(self) -> dict[str, Any]:
        """Return the settings for diffs, without the value."""
        plain: dict[str, Any] = {"type": self.type, "tier": self.tier}
        if self.value is not None:
            digest = hashlib.sha256(self.value.encode(errors="surrogatepass")).hexdigest()
            plain["value"] = f"{size(self.value)} bytes, sha256 {digest[:8]}..."
        optional = {"kms_key_id": self.kms_key_id, "description": self.description}
        return {**plain, **{name: text for name, text in optional.items() if text}}

    def request(self) -> dict[str, Any]:
        """Return the parameters of PutParameter, which replaces all of them."""
        optional = {
            "KeyId": self.kms_key_id,
            "AllowedPattern": self.allowed_pattern,
            "DataType": "" if self.data_type == "text" else self.data_type,
        }
        required = {
            "Name": self.name,
            "Value": self.value,
            "Type": self.type,
            "Tier": self.tier,
            "Description": self.description,
        }
        return {**required, **{name: text for name, text in optional.items() if text}}


class SsmParameter(OwnedResource[Parameter]):
    """Identity: the parameter's name in the account and region."""

    kind, service = "parameter", "ssm"
    transient_codes = ("TooManyUpdates",)
    taken_codes = (_TAKEN,)

    def __init__(self, target: Target, settings: ParameterSettings) -> None:
        _check(settings)
        super().__init__(
            target, settings.name, present=settings.present, tags=settings.tags, wait_seconds=settings.wait_seconds
        )
        self._settings = settings
        self._written = 0  # version by this run: Systems Manager may show an older one for a while

    def plan(self, actual: Parameter | None) -> list[Change]:
        """Return the changes. Raises RefusedError if the parameter is foreign or no SecureString."""
        changes = super().plan(actual)
        if actual and self._present and actual.type != _TYPE:
            message = f"it is a {actual.type}, which Parameter Store cannot change into a {_TYPE}"
            advice = "Choose another name, or delete it, wait 30 seconds and run again."
            raise RefusedError(f"change {self._own.what}", message, advice=advice, where=self._target.where)
        return changes

    def facts(self, actual: Parameter | None) -> Result:
        """Return the parameter without its value, and the reference to the version that this run leaves (None if absent).

        In check mode the reference names the version that a real run would write.
        """
        parameter, reference = None, None
        if actual:
            length = None if actual.value is None else size(actual.value)
            names = ("name", "arn", "type", "version", "tier")
            parameter = {**{name: getattr(actual, name) for name in names}, "size": length}
        if self._present:
            before = actual or Parameter(name=self._name)
            version = before.version + (self._desired(before) != before)
            reference = f"ssm:{self._name}:{version}"
        return {"parameter": parameter, "reference": reference}

    def _find(self) -> Parameter | None:
        """Two calls. A value that is to be deleted is not decrypted: its key may be gone."""
        try:
            return self._retry_policy.wait_out(self._read_current, self._is_outdated)
        except NotFoundError:
            return None

    def _read_current(self) -> Parameter:
        operation, decrypt = f"read parameter {self._name}", self._present
        with self._target.describe_operation(operation):
            found = self._client.get_parameter(Name=self._name, WithDecryption=decrypt)["Parameter"]
            pages = self._client.get_paginator("describe_parameters").paginate(
                ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [self._name]}]
            )
            listed = [item for item in pages.build_full_result()["Parameters"] if item["Name"] == self._name]
        about: dict[str, Any] = listed[0] if listed else {}
        version = int(found["Version"])
        latest = max(version, self._written)
        if version < latest or about.get("Version", 0) < latest:
            message = "Systems Manager does not show its latest version yet"
            raise OutdatedError(operation, message, advice="Run again.", where=self._target.where)
        return Parameter(
            name=self._name,
            arn=found["ARN"],
            version=version,
            type=found["Type"],
            tier=about.get("Tier") or "Standard",
            kms_key_id=about.get("KeyId") or "",
            description=about.get("Description") or "",
            value=found["Value"] if decrypt else None,
            allowed_pattern=about.get("AllowedPattern") or "",
            data_type=about.get("DataType") or "text",
        )

    def _is_outdated(self, error: ReflectorError) -> bool:
        return isinstance(error, OutdatedError) or (isinstance(error, NotFoundError) and self._written > 0)

    def _read_tags(self, found: Parameter) -> dict[str, str]:
        with self._target.describe_operation(f"read the tags of parameter {self._name}"):
            answer = self._client.list_tags_for_resource(ResourceType="Parameter", ResourceId=found.name)
        return as_dict(answer.get("TagList"))

    def _desired(self, before: Parameter) -> Parameter:
        settings = self._settings
        is_advanced = before.tier == "Advanced" or size(settings.value) > STANDARD_BYTES
        return replace(
            before,
            tier="Advanced" if is_advanced else "Standard",
            kms_key_id=settings.kms_key_arn or before.kms_key_id,
            description=settings.description,
            value=settings.value,
        )

    def _creation(self) -> Change:
        desired, tags = self._desired(Parameter(name=self._name)), self._own.creation_tags()
        call = Call("put_parameter", {**desired.request(), "Tags": as_list(tags)})
        return self._change("create", None, {**desired.plain(), "tags": tags}, call)

    def _changes(self, actual: Parameter) -> list[Change]:
        resource = {"ResourceType": "Parameter", "ResourceId": actual.name}
        changes = self._tag_update(
            actual, lambda tags: Call("add_tags_to_resource", {**resource, "Tags": as_list(tags)})
        )
        desired = self._desired(actual)
        if desired != actual:
            call = Call("put_parameter", {**desired.request(), "Overwrite": True})
            changes.append(self._change("update", actual.plain(), desired.plain(), call))
        return changes

    def _deletion(self, actual: Parameter) -> Change:
        before = {**actual.plain(), "tags": dict(actual.tags or {})}
        return self._change("delete", before, None, Call("delete_parameter", {"Name": self._name}))

    def _write(self, call: Call, operation: str) -> Mapping[str, Any] | None:
        answer = super()._write(call, operation)
        self._written = (answer or {}).get("Version", self._written)
        return answer

    def _is_transient(self, error: ReflectorError) -> bool:
        """A deleted name stays taken for half a minute."""
        return super()._is_transient(error) or (error.code == _TAKEN and not self._exists())

    def _exists(self) -> bool:
        try:
            with self._target.describe_operation(f"read parameter {self._name}"):
                self._client.get_parameter(Name=self._name, WithDecryption=False)
        except NotFoundError:
            return False
        return True


def size(value: str) -> int:
    """Return the bytes of a value as it is sent."""
    return len(value.encode(errors="surrogatepass"))


def _check(settings: ParameterSettings) -> None:
    """Raise InvalidInputError for what Systems Manager would refuse; its text does not show the value."""
    check_name("name", settings.name, *_NAME)
    if not settings.present:
        return
    length = size(settings.value)
    if not length:
        raise InvalidInputError("value", "it is empty, and a parameter holds at least one character")
    if length > ADVANCED_BYTES:
        raise InvalidInputError("value", f"it has {length} bytes, and a parameter holds at most {ADVANCED_BYTES}")
    if re.search(r"\{\{[^{}]*\}\}", settings.value):
        raise InvalidInputError("value", "it has {{...}}, which Parameter Store keeps for references to parameters")
    if settings.kms_key_arn:
        check_name("kms_key_arn", settings.kms_key_arn, *_KEY)
    if (length := len(settings.description)) > DESCRIPTION_CHARACTERS:
        raise InvalidInputError("description", f"it has {length} characters, of {DESCRIPTION_CHARACTERS} allowed")
