"""An organisation whose accounts have chosen ids: MiniStack's CreateAccount makes up random ones."""

from __future__ import annotations

import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import organizations

from ..settings import Organization
from .hooks import Function, original, replace


def install(organization: Organization) -> None:
    ensure = original(organizations, "_ensure_org")
    with request_scope(organization.management, organization.regions[0]):
        ensure()
        _rename(organization.id)
        (root_id,) = organizations._roots.keys()
        for account in organization.members:
            organizations._accounts[account] = _account(organization, account, root_id)

    # On AWS a member is in the organisation of its management account.
    @replace(iam_evaluator, "_principal_org_id", "account_id")
    def principal_org_id(ministack: Function) -> Function:
        return lambda account_id: organization.id if account_id in organization.accounts else ministack(account_id)


def _rename(organization_id: str) -> None:
    """The id is made up on creation as well, and stands within the ARNs."""
    former = organizations._orgs["self"]["Id"]
    for store in (organizations._orgs, organizations._roots, organizations._accounts):
        for name, record in store.items():
            store[name] = {key: _replaced(value, former, organization_id) for key, value in record.items()}


def _replaced(value: Any, former: str, new: str) -> Any:
    return value.replace(former, new) if isinstance(value, str) else value


def _account(organization: Organization, account: str, root_id: str) -> dict[str, Any]:
    return {
        "Id": account,
        "Arn": f"arn:aws:organizations::{organization.management}:account/{organization.id}/{account}",
        "Email": f"account-{account}@example.com",
        "Name": f"account-{account}",
        "Status": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": int(time.time()),
        "Path": "/",
        "_ParentId": root_id,
    }
