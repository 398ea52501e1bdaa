# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regions that are not enabled in an account: Account Management reports them, and regional calls there are refused.

Sources: Account Management API Reference, ListRegions, GetRegionOptStatus and AccountId in both; of the refusal, Lambda
API Reference and Systems Manager API Reference, "Common Errors" (UnrecognizedClientException), IAM User Guide,
"Troubleshoot IAM" (InvalidClientTokenId), EC2 User Guide, "Error codes" (AuthFailure).
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import account as account_management

from ..http_server import Request, Response
from ..operations import error_response, is_query
from ..settings import Organization
from .current import current
from .hooks import replace
from .validation import Answer, error

# Global services answer in every region.
_GLOBAL = frozenset({"account", "iam", "organizations"})
_ENABLED_BY_DEFAULT = frozenset(account_management._REGIONS_LIST) - frozenset(account_management._OPT_IN_REQUIRED)
_MAX_PAGE = 50


def install(organization: Organization) -> None:
    @replace(account_management, "_list_regions", "payload")
    def list_regions(_ministack: Any) -> Any:
        return lambda payload: _account_refusal(organization, payload) or _list(organization, payload)

    @replace(account_management, "_get_region_opt_status", "payload")
    def get_region_opt_status(_ministack: Any) -> Any:
        return lambda payload: _account_refusal(organization, payload) or _get_status(organization, payload)


def refusal(request: Request, account: str, region: str, service: str) -> Response | None:
    """Return the error of a call to a region that is not enabled in the caller's account; None for an enabled one."""
    if not account or service in _GLOBAL or not _is_disabled(account, region):
        return None
    message = "The security token included in the request is invalid."
    if service == "ec2":
        return error_response(
            request,
            service,
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        )
    if is_query(request):
        return error_response(request, service, 403, "InvalidClientTokenId", message)
    status = 400 if request.header("x-amz-target") else 403
    return error_response(request, service, status, "UnrecognizedClientException", message)


def _is_disabled(account: str, region: str) -> bool:
    """Return whether the settings disable the region. Calls to opt-in regions that no setting names pass."""
    return bool({region, f"{account}/{region}"} & {*current.settings.disabled_regions})


def _account_refusal(organization: Organization, payload: dict[str, Any]) -> Answer | None:
    """Return the error for AccountId. Only the management account and its delegates may name another account."""
    caller, asked = get_account_id(), payload.get("AccountId")
    if asked is None:
        return None
    if caller not in (organization.management, *organization.delegated) or asked not in organization.members:
        if asked == caller == organization.management:
            return error("ValidationException", "The management account can't specify its own AccountId.")
        message = f"User is not authorized to perform this operation on the account {asked}."
        return error("AccessDeniedException", message, 403)
    return None


def _status(organization: Organization, account: str, region: str) -> str:
    if _is_disabled(account, region):
        return "DISABLED"
    if region in _ENABLED_BY_DEFAULT:
        return "ENABLED_BY_DEFAULT"
    return "ENABLED" if region in organization.regions else "DISABLED"


def _list(organization: Organization, payload: dict[str, Any]) -> Answer:
    account, wanted = payload.get("AccountId") or get_account_id(), payload.get("RegionOptStatusContains")
    size, begin = payload.get("MaxResults", _MAX_PAGE), int(payload.get("NextToken") or 0)
    if not 1 <= size <= _MAX_PAGE:
        return error("ValidationException", f"MaxResults is not between 1 and {_MAX_PAGE}.")
    found = [
        {"RegionName": region, "RegionOptStatus": status}
        for region in account_management._REGIONS_LIST
        if (status := _status(organization, account, region)) and (not wanted or status in wanted)
    ]
    more = {"NextToken": str(begin + size)} if begin + size < len(found) else {}
    answer: Answer = account_management._json(200, {"Regions": found[begin : begin + size], **more})
    return answer


def _get_status(organization: Organization, payload: dict[str, Any]) -> Answer:
    account, region = payload.get("AccountId") or get_account_id(), str(payload.get("RegionName"))
    if region not in account_management._REGIONS_LIST:
        return error("ValidationException", f"{region!r} is no region.")
    status = _status(organization, account, region)
    answer: Answer = account_management._json(200, {"RegionName": region, "RegionOptStatus": status})
    return answer
