# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trusted access of services to the organisation, and delegated administrators. MiniStack has neither.

Sources: Organizations API Reference, EnableAWSServiceAccess, ListAWSServiceAccessForOrganization,
RegisterDelegatedAdministrator, ListDelegatedAdministrators, ListDelegatedServicesForAccount (who may call them, errors).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ministack.services import organizations

from ..settings import Organization
from .validation import Answer, error, success

_MAX_PAGE = 20
_trusted: dict[str, float] = {}
"""Service principals with trusted access, with the time of its activation."""
_delegates: dict[str, dict[str, float]] = {}
"""Member accounts that administer services, with the service principals and the time of their registration."""


def has_trusted_access(service: str) -> bool:
    return service in _trusted


def is_delegate(account: str, service: str | None = None) -> bool:
    """Return whether the account is a delegated administrator, of one service or of any."""
    services = _delegates.get(account, {})
    return bool(services) if service is None else service in services


def answer_of(operation: str, data: dict[str, Any], organization: Organization, caller: str) -> Answer | None:
    """Return the answer of an operation of this file for an account of the organisation; None for other operations. The
    current account is the management account."""
    if operation in _READS:
        return _READS[operation](data)
    if operation not in _WRITES:
        return None
    if caller != organization.management:
        return error("AccessDeniedException", "You don't have permissions to access this resource.")
    return _service_refusal(data) or _WRITES[operation](data, organization)


def _service_refusal(data: dict[str, Any]) -> Answer | None:
    if 1 <= len(data.get("ServicePrincipal") or "") <= 128:
        return None
    return error("InvalidInputException", "You specified an invalid value for ServicePrincipal.")


def _enable(data: dict[str, Any], _organization: Organization) -> Answer:
    _trusted.setdefault(data["ServicePrincipal"], time.time())
    return success({})


def _disable(data: dict[str, Any], _organization: Organization) -> Answer:
    _trusted.pop(data["ServicePrincipal"], None)
    return success({})


def _register(data: dict[str, Any], organization: Organization) -> Answer:
    account, service = data.get("AccountId", ""), data["ServicePrincipal"]
    if account == organization.management:
        message = "You cannot register the management account as a delegated administrator for your organization."
        return error("ConstraintViolationException", message)
    if account not in organizations._accounts:
        return error("AccountNotFoundException", "You specified an account that doesn't exist.")
    if is_delegate(account, service):
        message = "The provided account is already a delegated administrator for your organization."
        return error("AccountAlreadyRegisteredException", message)
    _delegates.setdefault(account, {})[service] = time.time()
    return success({})


def _deregister(data: dict[str, Any], _organization: Organization) -> Answer:
    account, service = data.get("AccountId", ""), data["ServicePrincipal"]
    if not is_delegate(account, service):
        message = "The provided account is not a registered delegated administrator for your organization."
        return error("AccountNotRegisteredException", message)
    del _delegates[account][service]
    return success({})


def _list_trusted(data: dict[str, Any]) -> Answer:
    found = [{"ServicePrincipal": name, "DateEnabled": at} for name, at in sorted(_trusted.items())]
    return _page(data, "EnabledServicePrincipals", found)


def _list_delegates(data: dict[str, Any]) -> Answer:
    found = [
        {
            **organizations._public_account(organizations._accounts[account]),
            "DelegationEnabledDate": min(services.values()),
        }
        for account, services in sorted(_delegates.items())
        if services and data.get("ServicePrincipal") in (None, *services)
    ]
    return _page(data, "DelegatedAdministrators", found)


def _list_services(data: dict[str, Any]) -> Answer:
    services = _delegates.get(data.get("AccountId", ""), {})
    if not services:
        message = "The provided account is not a registered delegated administrator for your organization."
        return error("AccountNotRegisteredException", message)
    found = [{"ServicePrincipal": name, "DelegationEnabledDate": at} for name, at in sorted(services.items())]
    return _page(data, "DelegatedServices", found)


def _page(data: dict[str, Any], member: str, found: list[dict[str, Any]]) -> Answer:
    size, begin = data.get("MaxResults", _MAX_PAGE), data.get("NextToken") or "0"
    if not 1 <= size <= _MAX_PAGE or not begin.isdigit():
        return error("InvalidInputException", "You provided an invalid MaxResults or NextToken.")
    end = int(begin) + size
    more = {"NextToken": str(end)} if end < len(found) else {}
    return success({member: found[int(begin) : end], **more})


_READS: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "ListAWSServiceAccessForOrganization": _list_trusted,
    "ListDelegatedAdministrators": _list_delegates,
    "ListDelegatedServicesForAccount": _list_services,
}
_WRITES: dict[str, Callable[[dict[str, Any], Organization], Answer]] = {
    "EnableAWSServiceAccess": _enable,
    "DisableAWSServiceAccess": _disable,
    "RegisterDelegatedAdministrator": _register,
    "DeregisterDelegatedAdministrator": _deregister,
}
