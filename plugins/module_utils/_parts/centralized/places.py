# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other accounts of a centralized target: the administrator of the rules, and the destinations of the copies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._errors import ReflectorError
from ..._options.centralized import PlacesOption
from ..._options.option import read
from ..._plan import Params
from ..._resources.centralization.info import read_rules
from ..._session import Target
from ..once import once
from .rules import CopyRule, Rules, SourceTarget

_UNKNOWN_PLACE = "centralization_administrator does not name a host of the inventory"
_ALL_RULES = {"name_prefix": None, "all_regions": True}


@dataclass(frozen=True, slots=True)
class OtherHost:
    """An account and region that another host of the inventory stands for.

    options     by the names of the module: of the connection, and of the reflector there
    """

    host: str
    options: Mapping[str, Any] = field(default_factory=dict)
    account: str = ""
    region: str = ""

    @classmethod
    def from_option(cls, given: Mapping[str, Any]) -> OtherHost:
        """Return the place that an element of the option describes."""
        texts = {name: str(given.get(name) or "") for name in ("host", "account", "region")}
        return cls(options=dict(given.get("options") or {}), **texts)

    def params(self, params: Params) -> dict[str, Any]:
        """Return a module's parameters with those of this place."""
        return {**params, **self.options}

    def connect(self, target: Target, params: Params) -> Target:
        """Return the target of this place. Calls nothing."""
        return target.elsewhere(self.params(params))


@dataclass(frozen=True, slots=True)
class Places:
    """The administrator, None if the inventory names none, and the destinations."""

    administrator: OtherHost | None
    destinations: tuple[OtherHost, ...]

    @classmethod
    def from_params(cls, params: Params) -> Places:
        """Return the places of the option `centralization`."""
        given = read(PlacesOption, params).centralization
        administrator = given.get("administrator")
        return cls(
            OtherHost.from_option(administrator) if administrator else None,
            tuple(map(OtherHost.from_option, given.get("destinations") or ())),
        )


def read_actual_rules(target: Target, params: Params, administrator: OtherHost | None) -> Rules:
    """Return the rules as AWS has them, for the target's account and region. One worker of a run reads them for all."""
    account, region = target.identity.account, target.region
    if administrator is None:
        return Rules(SourceTarget(account, region), unread=(_UNKNOWN_PLACE,))
    try:
        reader = _Administrator(administrator.connect(target, params))
    except ReflectorError as error:
        return Rules(SourceTarget(account, region), unread=(str(error),))
    found = once(["centralization rules", administrator.host], lambda: reader.read(params["wait_timeout"]))
    units = found["units"]
    source = SourceTarget(
        account,
        region,
        None if found["accounts"] is None else found["organization"] if account in found["accounts"] else "",
        None if units is None else frozenset(unit for unit, accounts in units.items() if account in accounts),
    )
    rules = [each for each in found["rules"] if each["configuration"] is not None]
    unread = [f"{each['name']}: {each['not_read']}" for each in found["rules"] if each["configuration"] is None]
    return Rules(source, tuple(map(CopyRule.from_result, rules)), (*found["unread"], *unread))


class _Administrator:
    """Reads rules, and what their scopes mean. What cannot be read is a sentence in `unread`, or None."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def read(self, wait_timeout: int) -> dict[str, Any]:
        """Return rules, organization, its accounts, and the accounts of each OU that a scope names, as JSON has them."""
        found: dict[str, Any] = {"rules": [], "unread": [], "organization": None, "accounts": None, "units": None}
        try:
            found["rules"] = read_rules(self._target, {**_ALL_RULES, "wait_timeout": wait_timeout}, False)["rules"]
        except ReflectorError as error:
            return {**found, "unread": [str(error)]}
        scopes = [
            rule.scope for each in found["rules"] if each["configuration"] and (rule := CopyRule.from_result(each))
        ]
        names = {key: {value for scope in scopes if scope for value in scope.values(key)} for key in _SCOPES}
        with contextlib.suppress(ReflectorError):
            if names["OrganizationId"]:
                found["organization"], found["accounts"] = self._organization()
        with contextlib.suppress(ReflectorError):
            found["units"] = {unit: sorted(self._accounts_below(unit)) for unit in sorted(names["OrganizationUnitId"])}
        return found

    def _organization(self) -> tuple[str, list[str]]:
        """Return the id of the organisation, and the ids of its accounts."""
        with self._target.describe_operation("read the organization"):
            identity = str(self._target.client("organizations").describe_organization()["Organization"]["Id"])
        return identity, sorted(self._listed("list_accounts", "Accounts"))

    def _accounts_below(self, unit: str) -> Iterator[str]:
        """Yield the accounts of an OU and of the OUs in it."""
        yield from self._listed("list_accounts_for_parent", "Accounts", ParentId=unit)
        for each in self._listed("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=unit):
            yield from self._accounts_below(each)

    def _listed(self, operation: str, key: str, **request: str) -> list[str]:
        with self._target.describe_operation("read which accounts a centralization rule has in its scope"):
            pages = self._target.client("organizations").get_paginator(operation).paginate(**request)
            return [item["Id"] for page in pages for item in page[key]]


_SCOPES = ("OrganizationId", "OrganizationUnitId")
