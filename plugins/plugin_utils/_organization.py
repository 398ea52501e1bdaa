# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads of AWS Organizations and Account Management."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ..module_utils._errors import AccessDeniedError
from ..module_utils._session import Target

with contextlib.suppress(ImportError):  # the plugin says what to install
    from botocore.loaders import create_loader

Argument = TypeVar("Argument")
Result = TypeVar("Result")

# Organizations allows a whole organization few calls a second: more threads would only be throttled more.
_PARALLEL_CALLS = 4
_POLICY = "docs/iam/inventory-policy.json of this collection has all permissions of the inventory."
_CALLER = (
    "The caller must belong to the organization's management account or to a delegated administrator whose delegation policy "
    "allows the action."
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the organization. `ou` has the OUs' names from the top down; () is the root itself."""

    id: str
    name: str
    ou: tuple[str, ...]
    state: str

    @property
    def is_active(self) -> bool:
        return self.state == "ACTIVE"


@dataclass(frozen=True, slots=True)
class Organization:
    """The whole tree: every OU by its path of names, every account in any state."""

    partition: str
    management: str  # the management account's id
    ous: tuple[tuple[str, ...], ...]
    accounts: tuple[Account, ...]


def path(ou: Iterable[str]) -> str:
    """Return an OU's path as users write it: /Workloads/Prod, and / for the root."""
    return "/" + "/".join(ou)


def read_organization(target: Target) -> Organization:
    """Read the tree: one call for the root, two for it and each OU, and one more for each 20 further entries.

    Raises ReflectorError; AccessDeniedError names the action.
    """
    client = target.client("organizations")
    with _describe_read(target, "list the roots of the organization", "organizations:ListRoots"):
        roots = _all(client, "list_roots", "Roots")
    _unused, partition, _unused, _unused, management, _unused = roots[0]["Arn"].split(":", 5)
    found: list[tuple[str, tuple[str, ...]]] = []

    def ous_below(parent: tuple[str, tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
        identifier, names = parent
        action = "organizations:ListOrganizationalUnitsForParent"
        with _describe_read(target, f"list the OUs below {path(names)}", action):
            units = _all(client, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=identifier)
        return [(unit["Id"], (*names, unit["Name"])) for unit in units]

    def accounts_in(parent: tuple[str, tuple[str, ...]]) -> list[Account]:
        identifier, names = parent
        with _describe_read(target, f"list the accounts in {path(names)}", "organizations:ListAccountsForParent"):
            accounts = _all(client, "list_accounts_for_parent", "Accounts", ParentId=identifier)
        return [Account(item["Id"], item["Name"], names, _state(item)) for item in accounts]

    level: list[tuple[str, tuple[str, ...]]] = [(root["Id"], ()) for root in roots]
    while level:
        found += level
        level = [unit for units in _parallel(ous_below, level) for unit in units]
    accounts = [account for some in _parallel(accounts_in, found) for account in some]
    return Organization(
        partition=partition,
        management=management,
        ous=tuple(sorted(names for _unused, names in found if names)),
        accounts=tuple(sorted(accounts, key=lambda account: account.id)),
    )


def known_regions() -> dict[str, list[str]]:
    """Return region names by partition, as botocore has them. Makes no call."""
    partitions = create_loader().load_data("partitions")["partitions"]
    return {
        partition["id"]: [name for name in partition["regions"] if not name.endswith("-global")]
        for partition in partitions
    }


def read_tags(target: Target, accounts: Iterable[Account]) -> dict[str, dict[str, str]]:
    """Return tags by account id: one call for each account."""
    client = target.client("organizations")

    def tags_of(account: Account) -> tuple[str, dict[str, str]]:
        action = "organizations:ListTagsForResource"
        with _describe_read(target, f"list the tags of the account {account.id} ({account.name})", action):
            tags = _all(client, "list_tags_for_resource", "Tags", ResourceId=account.id)
        return account.id, {tag["Key"]: tag["Value"] for tag in tags}

    return dict(_parallel(tags_of, accounts))


def read_enabled_regions(
    target: Target, organization: Organization, accounts: Iterable[Account]
) -> dict[str, tuple[str, ...]]:
    """Return enabled regions by account id: one call for each account, and one for the caller's own account id."""
    client, own = target.client("account"), target.identity.account

    def regions_of(account: Account) -> tuple[str, tuple[str, ...]]:
        # Account Management API, ListRegions: a caller may not name its own account.
        which = {} if account.id == own else {"AccountId": account.id}
        with _describe_read(
            target,
            f"list the regions of the account {account.id} ({account.name})",
            "account:ListRegions",
            _regions_advice(organization, account, own),
        ):
            regions = _all(
                client, "list_regions", "Regions", RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], **which
            )
        return account.id, tuple(sorted(region["RegionName"] for region in regions))

    return dict(_parallel(regions_of, accounts))


def _regions_advice(organization: Organization, account: Account, own: str) -> str:
    if account.id == own:
        return ""
    if account.id == organization.management:
        return "Only the management account itself may list its regions: exclude it, or give regions as a list."
    return f"{_CALLER} The organization needs trusted access for account.amazonaws.com. Or give regions as a list."


def _state(account: dict[str, Any]) -> str:
    """Return the account's State, which replaces Status; older versions of botocore have only that (Organizations API)."""
    return str(account.get("State") or account.get("Status") or "unknown")


def _all(client: Any, api_operation: str, field: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return all pages of a list."""
    found: list[dict[str, Any]] = client.get_paginator(api_operation).paginate(**parameters).build_full_result()[field]
    return found


def _parallel(work: Callable[[Argument], Result], arguments: Iterable[Argument]) -> list[Result]:
    """Return the results in order. After the first error no further call begins."""
    with ThreadPoolExecutor(_PARALLEL_CALLS) as pool:
        return list(pool.map(work, arguments))


@contextlib.contextmanager
def _describe_read(target: Target, operation: str, action: str, advice: str = _CALLER) -> Iterator[None]:
    """Translate errors of the calls inside; a refusal names the missing IAM action and the policy that has it."""
    try:
        with target.describe_operation(operation):
            yield
    except AccessDeniedError as error:
        raise error.with_advice(f"The caller needs {action}: {_POLICY} {advice}".rstrip()) from None
