# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A parameter of Systems Manager's Parameter Store. Its value is a secret: nobody gets to see more of it than its size
and the beginning of its hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .._errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    OutdatedError,
    ReflectorError,
    RefusedError,
    ThrottledError,
    check_name,
)
from .._plan import Change, Params, Result, converge
from .._retry import RetryPolicy
from .._session import Target
from .common import Call
from .ownership import Ownership, as_dict, as_list

STANDARD_BYTES = 4_096
"""Of a value in the tier Standard (User Guide, "Managing parameter tiers")."""
ADVANCED_BYTES = 8_192
"""Of a value in the tier Advanced."""
DESCRIPTION_CHARACTERS = 1_024
"""PutParameter, Description."""

_NAME = r"(?=.{1,1011}\Z)(?!/?(?i:aws|ssm))(?:[\w.-]+|(?:/[\w.-]+){1,15})"
_TAKEN = "ParameterAlreadyExists"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options speak of. `value` None where it was not asked for; `kms_key_id` "" for a String."""

    type: str = ""
    tier: str = ""
    kms_key_id: str = ""
    description: str = ""
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as it stands. `tags` None where they were not asked for."""

    arn: str
    version: int
    settings: Settings
    allowed_pattern: str = ""
    data_type: str = "text"
    tags: dict[str, str] | None = None


class SsmParameterResource:
    """Identity: the parameter's name in the account and region."""

    def __init__(self, target: Target, params: Params) -> None:
        self._name: str = params["name"]
        check_name(
            "name",
            self._name,
            _NAME,
            "a parameter's name: A-Z a-z 0-9 _ . -, or up to 15 levels of them each after a /, and neither aws nor ssm first",
        )
        self._target = target
        self._present = params["state"] == "present"
        self._given = _given_settings(target, params) if self._present else {}
        self._own = Ownership.from_params(f"parameter {self._name}", lambda: target.where, params)
        self._api = ParameterApi(target, self._name, RetryPolicy(seconds=params["wait_timeout"]))

    def read(self) -> Parameter | None:
        """One call, a second for what it leaves out if the parameter exists, a third for the tags if they matter.

        A value that is to be deleted is not decrypted: its key may be gone.
        """
        found = self._api.parameter(decrypt=self._present)
        if found and (self._own.concerns_tags or not self._present or self._wanted(found.settings) != found.settings):
            found = replace(found, tags=self._api.tags())
        return found

    def plan(self, actual: Parameter | None) -> list[Change]:
        """RefusedError if the parameter is foreign, or of another type, or would have to leave the tier Advanced."""
        if not self._present:
            return [self._deletion(actual)] if actual else []
        if actual is None:
            return [self._creation()]
        changes = [*self._tag_update(actual), *self._settings_update(actual)]
        if actual.tags is not None:
            self._own.guard_changes(actual.tags, changes)
        self._refuse_impossible(actual.settings)
        return changes

    def apply(self, change: Change) -> None:
        """The calls of one change; a parameter that is gone already when it is to be deleted is no error."""
        for call in change.payload:
            self._api.write(call, str(change))

    def facts(self, actual: Parameter | None) -> Result:
        """The parameter as it stands, without its value; null if it does not exist."""
        if actual is None:
            return {"parameter": None}
        settings = actual.settings
        return {
            "parameter": {
                "name": self._name,
                "arn": actual.arn,
                "type": settings.type,
                "version": actual.version,
                "tier": settings.tier,
                "size": None if settings.value is None else size(settings.value),
            }
        }

    def _wanted(self, standing: Settings) -> Settings:
        """What is to stand: an option that was not given leaves alone what it is about."""
        given = {key: value for key, value in self._given.items() if key != "tier"}
        tier = wanted_tier(self._given.get("tier"), standing.tier, size(self._given["value"]))
        return replace(standing, **given, tier=tier)

    def _creation(self) -> Change:
        wanted = self._wanted(Settings())
        tags = self._own.first_tags()
        call = Call("put_parameter", {**self._request(wanted), "Tags": as_list(tags)})
        return Change("create", "parameter", self._name, None, {**_plain(wanted), "tags": tags}, (call,))

    def _tag_update(self, actual: Parameter) -> Iterator[Change]:
        resource = {"ResourceType": "Parameter", "ResourceId": self._name}
        return self._own.tag_update(
            "parameter",
            self._name,
            actual.tags,
            tag=lambda tags: Call("add_tags_to_resource", {**resource, "Tags": as_list(tags)}),
            untag=lambda keys: Call("remove_tags_from_resource", {**resource, "TagKeys": keys}),
        )

    def _settings_update(self, actual: Parameter) -> Iterator[Change]:
        before, after = actual.settings, self._wanted(actual.settings)
        if after == before:
            return
        # A put replaces the whole parameter: what no option speaks of goes along.
        request = {**self._request(after), "Overwrite": True}
        if actual.allowed_pattern:
            request["AllowedPattern"] = actual.allowed_pattern
        if actual.data_type != "text":
            request["DataType"] = actual.data_type
        yield Change(
            "update", "parameter", self._name, _plain(before), _plain(after), (Call("put_parameter", request),)
        )

    def _request(self, wanted: Settings) -> dict[str, Any]:
        request = {
            "Name": self._name,
            "Value": wanted.value,
            "Type": wanted.type,
            "Tier": self._given.get("tier") or wanted.tier,
        }
        if wanted.kms_key_id:
            request["KeyId"] = wanted.kms_key_id
        if wanted.description or "description" in self._given:
            request["Description"] = wanted.description
        return request

    def _refuse_impossible(self, standing: Settings) -> None:
        wanted = self._wanted(standing)
        anew = "delete it, wait 30 seconds and create it anew"
        if wanted.type != standing.type:
            message = f"it is a {standing.type}, of which Parameter Store makes no {wanted.type}"
            advice = f"Choose another name, or {anew}."
        elif (standing.tier, wanted.tier) == ("Advanced", "Standard"):
            message = "it is in the tier Advanced, from which there is no way back to Standard"
            advice = f"Leave out the option tier, or {anew}."
        else:
            return
        raise RefusedError(f"change {self._own.what}", message, advice=advice, where=self._target.where)

    def _deletion(self, actual: Parameter) -> Change:
        tags = actual.tags or {}
        self._own.guard_deletion(tags)
        call = Call("delete_parameter", {"Name": self._name})
        before = {**_plain(actual.settings), "tags": dict(tags)}
        return Change("delete", "parameter", self._name, before, None, (call,))


def converge_parameter(target: Target, params: Params, check_mode: bool) -> Result:
    """The work of ssm_parameter: beside the usual, `reference`, by which GetParameter finds the version that this leaves."""
    result = converge(SsmParameterResource(target, params), check_mode=check_mode)
    puts = ("create parameter ", "update parameter ")
    ahead = sum(change.startswith(puts) for change in result["changes"]) if check_mode else 0
    version = (result["parameter"] or {}).get("version", 0) + ahead
    wanted = params["state"] == "present"
    return {**result, "reference": f"ssm:{params['name']}:{version}" if wanted else None}


class ParameterApi:
    """The calls to Systems Manager about one parameter."""

    def __init__(self, target: Target, name: str, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._patience = retry_policy
        # By us: Systems Manager may show what was before for a while.
        self._written = 0
        self._deleted = False

    @property
    def _client(self) -> Any:
        return self._target.client("ssm")

    def parameter(self, *, decrypt: bool) -> Parameter | None:
        """The parameter without its tags, None if it does not exist.

        decrypt     whether to ask for the value, which may need the permission to decrypt with its key
        """
        if self._deleted:
            return None
        try:
            return self._patience.wait_out(lambda: self._current(decrypt), self._lags)
        except NotFoundError:
            return None

    def tags(self) -> dict[str, str]:
        """The parameter's tags."""
        with self._target.describe_operation(f"read the tags of parameter {self._name}"):
            answer = self._client.list_tags_for_resource(ResourceType="Parameter", ResourceId=self._name)
        return as_dict(answer.get("TagList"))

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call; OutdatedError if somebody else was faster to create the parameter."""

        def make() -> Any:
            with self._target.describe_operation(operation):
                return call.made_with(self._client)

        try:
            answer = self._patience.wait_out(make, self._passes)
        except NotFoundError:
            if call.method != "delete_parameter":
                raise
        except ConflictError as error:
            if error.code != _TAKEN:
                raise
            raise OutdatedError(error.operation, error.message, code=error.code, where=error.where) from error
        else:
            self._written = answer.get("Version", self._written)
        self._deleted = call.method == "delete_parameter"

    def _current(self, decrypt: bool) -> Parameter:
        operation = f"read parameter {self._name}"
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
        settings = Settings(
            type=found["Type"],
            tier=about.get("Tier") or "Standard",
            kms_key_id=about.get("KeyId") or "",
            description=about.get("Description") or "",
            value=found["Value"] if decrypt else None,
        )
        pattern, data_type = about.get("AllowedPattern") or "", about.get("DataType") or "text"
        return Parameter(found["ARN"], version, settings, pattern, data_type)

    def _lags(self, error: ReflectorError) -> bool:
        return isinstance(error, OutdatedError) or (isinstance(error, NotFoundError) and self._written > 0)

    def _passes(self, error: ReflectorError) -> bool:
        """A rate or a parameter shared with others, or the half minute in which a deleted name stays taken."""
        return (
            isinstance(error, ThrottledError)
            or error.code == "TooManyUpdates"
            or (error.code == _TAKEN and not self._exists())
        )

    def _exists(self) -> bool:
        try:
            with self._target.describe_operation(f"read parameter {self._name}"):
                self._client.get_parameter(Name=self._name, WithDecryption=False)
        except NotFoundError:
            return False
        return True


def size(value: str) -> int:
    """Bytes of a value as it is sent."""
    return len(value.encode(errors="surrogatepass"))


def wanted_tier(given: str | None, standing: str, value_size: int) -> str:
    """The tier that a parameter is in afterwards.

    Without a word of the user's, and with Intelligent-Tiering (of which Systems Manager makes one of the two others),
    it stays where it is, and a new one is Standard; only Advanced takes a long value.
    """
    if given in ("Standard", "Advanced"):
        return given
    if value_size > STANDARD_BYTES and standing in ("", "Standard"):
        return "Advanced"
    return standing or "Standard"


def _given_settings(target: Target, params: Params) -> dict[str, str]:
    """The settings that the user gave; InvalidInputError for those that cannot be."""
    _check_value(params["value"], params["tier"])
    key = target.expand(params["kms_key_id"])
    if key is not None:
        check_name(
            "kms_key_id",
            key,
            r"[a-zA-Z0-9:/_-]{1,256}",
            "the id, ARN or alias of a key: 1 to 256 of A-Z a-z 0-9 : / _ -",
        )
        if params["type"] != "SecureString":
            raise InvalidInputError("kms_key_id", "only a SecureString is encrypted")
    if len(params["description"] or "") > DESCRIPTION_CHARACTERS:
        raise InvalidInputError(
            "description", f"it has {len(params['description'])} characters, of {DESCRIPTION_CHARACTERS} allowed"
        )
    names = ("value", "type", "tier", "description")
    given = {name: params[name] for name in names if params[name] is not None}
    return given if key is None else {**given, "kms_key_id": key}


def _check_value(value: str, tier: str | None) -> None:
    length = size(value)
    if not length:
        raise InvalidInputError("value", "it is empty, and a parameter holds at least one character")
    if length > ADVANCED_BYTES:
        raise InvalidInputError("value", f"it has {length} bytes, and a parameter holds at most {ADVANCED_BYTES}")
    if length > STANDARD_BYTES and tier == "Standard":
        raise InvalidInputError(
            "tier",
            f"the value has {length} bytes, of which Standard takes {STANDARD_BYTES} and Advanced {ADVANCED_BYTES}",
        )
    if re.search(r"\{\{[^{}]*\}\}", value):
        raise InvalidInputError("value", "it has {{...}}, which Parameter Store keeps for references to parameters")


def _plain(settings: Settings) -> dict[str, Any]:
    """Settings in the words of the options, for diffs; of the value only what tells one from another."""
    plain: dict[str, Any] = {"type": settings.type, "tier": settings.tier}
    if settings.value is not None:
        digest = hashlib.sha256(settings.value.encode(errors="surrogatepass")).hexdigest()
        plain["value"] = f"{size(settings.value)} bytes, sha256 {digest[:8]}..."
    if settings.kms_key_id:
        plain["kms_key_id"] = settings.kms_key_id
    if settings.description:
        plain["description"] = settings.description
    return plain
