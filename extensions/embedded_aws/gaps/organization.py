# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An organisation with chosen account ids, names, tags and states in a tree of OUs, paged, and visible to the management
account and its delegates only. MiniStack generates ids and gives every account an organisation of its own.

Sources: Organizations API Reference, ListAccounts, ListAccountsForParent, ListOrganizationalUnitsForParent, ListRoots,
ListTagsForResource (who may call them, MaxResults, NextToken) and Account (State, Status).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, request_scope
from ministack.services import organizations

from ..settings import Account, Organization
from . import delegation
from .hooks import Function, original, replace
from .validation import Answer, error

_MEMBER_OPERATIONS = frozenset({"DescribeOrganization"})
_MAX_PAGE = 20
_PAGES = {
    "_list_accounts": "Accounts",
    "_list_accounts_for_parent": "Accounts",
    "_list_organizational_units_for_parent": "OrganizationalUnits",
    "_list_roots": "Roots",
    "_list_tags_for_resource": "Tags",
}
# Status has three of the five states of State. An account in another state has no Status.
_STATUSES = {
    "ACTIVE": "ACTIVE",
    "SUSPENDED": "SUSPENDED",
    "PENDING_CLOSURE": "PENDING_CLOSURE",
    "CLOSED": "SUSPENDED",
}


def install(organization: Organization) -> None:
    ensure = original(organizations, "_ensure_org")
    with request_scope(organization.management, organization.regions[0]):
        ensure()
        _set_organization_id(organization.id)
        _create_accounts(organization)

    # On AWS a member belongs to the organisation of its management account.
    @replace(iam_evaluator, "_principal_org_id", "account_id")
    def principal_org_id(ministack: Function) -> Function:
        return lambda account_id: organization.id if account_id in organization.accounts else ministack(account_id)

    @replace(organizations, "handle_request", "method", "path", "headers")
    def handle_request(ministack: Function) -> Function:
        async def handle(method: str, path: str, headers: dict[str, str], *rest: Any) -> Answer:
            caller = get_account_id()
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            is_member = caller in organization.members
            is_delegate = caller in organization.delegated or delegation.is_delegate(caller)
            if is_member and not is_delegate and operation not in _MEMBER_OPERATIONS:
                return error("AccessDeniedException", "You don't have permissions to access this resource.")
            with request_scope(organization.management if is_member else caller, organization.regions[0]):
                if caller in organization.accounts:
                    added = delegation.answer_of(operation, json.loads(rest[0] or b"{}"), organization, caller)
                    if added is not None:
                        return added
                answer: Answer = await ministack(method, path, headers, *rest)
            return answer

        return handle

    for name, field in _PAGES.items():
        replace(organizations, name)(_paginate(field))


def _paginate(field: str) -> Callable[[Function], Function]:
    return lambda ministack: lambda payload: _page(ministack, payload, field)


def _page(ministack: Function, payload: dict[str, Any], field: str) -> Answer:
    """Return one page of a list, of at most 20 entries."""
    size, begin = payload.get("MaxResults", _MAX_PAGE), payload.get("NextToken") or "0"
    if not 1 <= size <= _MAX_PAGE or not begin.isdigit():
        return error("InvalidInputException", "You provided an invalid MaxResults or NextToken.")
    status, headers, body = ministack(payload)
    if status == 200:
        value = json.loads(body)
        entries, first = value[field], int(begin)
        value[field] = entries[first : first + size]
        if first + size < len(entries):
            value["NextToken"] = str(first + size)
        body = json.dumps(value).encode()
    return status, headers, body


def _set_organization_id(organization_id: str) -> None:
    """Replace the generated organisation id, also within ARNs."""
    former = organizations._orgs["self"]["Id"]
    for store in (organizations._orgs, organizations._roots, organizations._accounts):
        for name, record in store.items():
            store[name] = {key: _replace_text(value, former, organization_id) for key, value in record.items()}


def _replace_text(value: Any, former: str, new: str) -> Any:
    return value.replace(former, new) if isinstance(value, str) else value


def _create_accounts(organization: Organization) -> None:
    """Create the OUs and their accounts."""
    (root_id,) = organizations._roots.keys()
    ous = {"": root_id}
    for account in organization.accounts:
        known = organization.described.get(account, Account())
        parent = _ensure_ou(ous, known.ou)
        organizations._accounts[account] = _account(organization, account, known, parent)
        if known.tags:
            organizations._tags[account] = dict(known.tags)
    for path in organization.empty_ous:
        _ensure_ou(ous, path)


def _ensure_ou(ous: dict[str, str], path: str) -> str:
    """Return the id of the OU at a path. Create missing OUs of the path."""
    path = path.rstrip("/")
    if path not in ous:
        above, _unused, name = path.rpartition("/")
        answer = organizations._create_organizational_unit({"ParentId": _ensure_ou(ous, above), "Name": name})
        ous[path] = json.loads(answer[2])["OrganizationalUnit"]["Id"]
    return ous[path]


def _account(organization: Organization, account: str, known: Account, parent: str) -> dict[str, Any]:
    status = {"Status": _STATUSES[known.state]} if known.state in _STATUSES else {}
    return {
        "Id": account,
        "Arn": f"arn:aws:organizations::{organization.management}:account/{organization.id}/{account}",
        "Email": f"account-{account}@example.com",
        "Name": known.name or f"account-{account}",
        **status,
        "State": known.state,
        "JoinedMethod": "INVITED" if account == organization.management else "CREATED",
        "JoinedTimestamp": int(time.time()),
        "_ParentId": parent,
    }
