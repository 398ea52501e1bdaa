# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS Organizations and Account Management tell of an organisation. Reads only."""

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

# Organizations allows few calls a second to a whole organisation: more threads would only be throttled more.
_PARALLEL_CALLS = 4
_POLICY = "docs/iam/inventory-policy.json of this collection has all that the inventory needs."
_CALLER = (
    "The caller must be of the organisation's management account or of a delegated administrator's, "
    "whose delegation policy allows the action as well."
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the organisation. `ou` holds the OUs' names from the top down; () is the root itself."""

    id: str
    name: str
    ou: tuple[str, ...]
    state: str

    @property
    def is_active(self) -> bool:
        return self.state == "ACTIVE"


@dataclass(frozen=True, slots=True)
class Organization:
    """The whole tree: every OU by the names that lead to it, every account in whatever state."""

    partition: str
    management: str  # the management account's id
    ous: tuple[tuple[str, ...], ...]
    accounts: tuple[Account, ...]


def path(ou: Iterable[str]) -> str:
    """An OU as users write it: /Workloads/Prod, and / for the root."""
    return "/" + "/".join(ou)


def read_organization(target: Target) -> Organization:
    """Walks the tree: one call for the root, two for it and each OU, and one more for each 20 further entries.

    ReflectorError if AWS refuses; AccessDeniedError names the action.
    """
    client = target.client("organizations")
    with _asking(target, "list the roots of the organisation", "organizations:ListRoots"):
        roots = _all(client, "list_roots", "Roots")
    _unused, partition, _unused, _unused, management, _unused = roots[0]["Arn"].split(":", 5)
    found: list[tuple[str, tuple[str, ...]]] = []

    def ous_below(parent: tuple[str, tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
        identifier, names = parent
        action = "organizations:ListOrganizationalUnitsForParent"
        with _asking(target, f"list the OUs below {path(names)}", action):
            units = _all(client, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=identifier)
        return [(unit["Id"], (*names, unit["Name"])) for unit in units]

    def accounts_in(parent: tuple[str, tuple[str, ...]]) -> list[Account]:
        identifier, names = parent
        with _asking(target, f"list the accounts in {path(names)}", "organizations:ListAccountsForParent"):
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
    """Region names by partition, as botocore has them. No call."""
    partitions = create_loader().load_data("partitions")["partitions"]
    return {
        partition["id"]: [name for name in partition["regions"] if not name.endswith("-global")]
        for partition in partitions
    }


def read_tags(target: Target, accounts: Iterable[Account]) -> dict[str, dict[str, str]]:
    """Tags by account id: one call for each account."""
    client = target.client("organizations")

    def tags_of(account: Account) -> tuple[str, dict[str, str]]:
        action = "organizations:ListTagsForResource"
        with _asking(target, f"list the tags of the account {account.id} ({account.name})", action):
            tags = _all(client, "list_tags_for_resource", "Tags", ResourceId=account.id)
        return account.id, {tag["Key"]: tag["Value"] for tag in tags}

    return dict(_parallel(tags_of, accounts))


def read_enabled_regions(
    target: Target, organization: Organization, accounts: Iterable[Account]
) -> dict[str, tuple[str, ...]]:
    """Regions that can be used, by account id: one call for each account, and one to learn which is the caller's own."""
    client, own = target.client("account"), target.identity.account

    def regions_of(account: Account) -> tuple[str, tuple[str, ...]]:
        # Account Management API, ListRegions: a caller may not name its own account.
        which = {} if account.id == own else {"AccountId": account.id}
        with _asking(
            target,
            f"list the regions of the account {account.id} ({account.name})",
            "account:ListRegions",
            _regions_hint(organization, account, own),
        ):
            regions = _all(
                client, "list_regions", "Regions", RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], **which
            )
        return account.id, tuple(sorted(region["RegionName"] for region in regions))

    return dict(_parallel(regions_of, accounts))


def _regions_hint(organization: Organization, account: Account, own: str) -> str:
    if account.id == own:
        return ""
    if account.id == organization.management:
        return "Only the management account itself may ask for its regions: exclude it, or give regions as a list."
    return f"{_CALLER} The organisation needs trusted access for account.amazonaws.com; or give regions as a list."


def _state(account: dict[str, Any]) -> str:
    """Organizations API, Account: State takes the place of Status, which retires; an older botocore knows only that."""
    return str(account.get("State") or account.get("Status") or "unknown")


def _all(client: Any, api_operation: str, field: str, **parameters: Any) -> list[dict[str, Any]]:
    """Every page of a list."""
    found: list[dict[str, Any]] = client.get_paginator(api_operation).paginate(**parameters).build_full_result()[field]
    return found


def _parallel(work: Callable[[Argument], Result], arguments: Iterable[Argument]) -> list[Result]:
    """Results in order; the first error ends it, and what has not begun by then is left."""
    with ThreadPoolExecutor(_PARALLEL_CALLS) as pool:
        return list(pool.map(work, arguments))


@contextlib.contextmanager
def _asking(target: Target, operation: str, action: str, advice: str = _CALLER) -> Iterator[None]:
    """Calls stand inside: a refusal says which IAM action is missing, and where the policy is that has it."""
    try:
        with target.describe_operation(operation):
            yield
    except AccessDeniedError as error:
        raise error.with_advice(f"The caller needs {action}: {_POLICY} {advice}".rstrip()) from None
