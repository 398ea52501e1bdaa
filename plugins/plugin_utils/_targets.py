# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an organization to the hosts of an inventory: the choice of accounts, names, groups. Pure."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from ansible.inventory.group import to_safe_group_name

from ..module_utils._errors import InvalidInputError, NotFoundError
from ._organization import Account, Organization, path
from ._outcomes import some

_MOST_NAMED = 10
# Valid for --limit, host patterns and retry files without quotes.
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


@dataclass(frozen=True, slots=True)
class TargetSelection:
    """The option include or exclude. `tags` maps a key to patterns, any of which its value may match."""

    option: str
    ous: tuple[tuple[str, ...], ...] = ()
    accounts: tuple[str, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChosenAccount:
    """An account with the regions to work in, as the inventory's cache has it."""

    id: str
    name: str
    ou: tuple[str, ...]
    tags: Mapping[str, str] | None  # None: not read
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A target with its variables and its direct groups; each group is mapped to what its name was made from."""

    name: str
    variables: dict[str, Any]
    groups: dict[str, str]
    ou: tuple[str, ...]


def selection(option: str, given: Mapping[str, Any]) -> TargetSelection:
    """Return the selection for an option's value, whose types are already checked. Raises InvalidInputError."""
    return TargetSelection(
        option,
        ous=tuple(_segments(f"{option}.ous", item) for item in given.get("ous") or ()),
        accounts=tuple(given.get("accounts") or ()),
        tags={str(key): _values(f"{option}.tags", key, value) for key, value in (given.get("tags") or {}).items()},
    )


def choose(organization: Organization, include: TargetSelection, exclude: TargetSelection) -> list[Account]:
    """Return the active accounts that match every list of `include` that is given, and no list of `exclude`.

    Raises InvalidInputError for an OU or account that does not exist, NotFoundError if no account is left.
    """
    for chosen in (include, exclude):
        for pattern in chosen.ous:
            if not any(_is_in(ou, pattern) for ou in organization.ous) and pattern:
                raise InvalidInputError(f"{chosen.option}.ous", _no_ou(organization, pattern))
        for text in chosen.accounts:
            named = [account for account in organization.accounts if _is_named(account, text)]
            if not named:
                known = [word for account in organization.accounts for word in (account.name, account.id)]
                message = f"no account has the name or id {str(text)!r}{_similar(text, known)}"
                raise InvalidInputError(f"{chosen.option}.accounts", message)
            if chosen is include and not any(account.is_active for account in named):
                message = f"the account {str(text)!r} is not active but {named[0].state}"
                raise InvalidInputError(f"{chosen.option}.accounts", message)
    active = [account for account in organization.accounts if account.is_active]
    left = [
        account
        for account in active
        if (not include.ous or any(_is_in(account.ou, pattern) for pattern in include.ous))
        and (not include.accounts or any(_is_named(account, text) for text in include.accounts))
        and not any(_is_in(account.ou, pattern) for pattern in exclude.ous)
        and not any(_is_named(account, text) for text in exclude.accounts)
    ]
    if not left:
        message = (
            f"{len(active)} of {len(organization.accounts)} accounts are active, and include and exclude leave none"
        )
        raise NotFoundError("find a target in the organization", message)
    return left


def choose_by_tags(
    accounts: Sequence[Account],
    tags: Mapping[str, Mapping[str, str]],
    include: TargetSelection,
    exclude: TargetSelection,
) -> list[Account]:
    """Return the accounts that have every tag of `include` and no tag of `exclude`.

    Raises InvalidInputError for a tag of `include` that no account has. A tag of `exclude` may be one that no account has yet.
    """
    for key, patterns in include.tags.items():
        values = {tags[account.id][key] for account in accounts if key in tags[account.id]}
        if not values:
            known = {key for account in accounts for key in tags[account.id]}
            message = f"no chosen account has a tag {key!r}{_similar(key, known)}"
            raise InvalidInputError(f"{include.option}.tags", message)
        for pattern in patterns:
            if not any(_matches(value, pattern) for value in values):
                message = (
                    f"no chosen account has the value {str(pattern)!r} in its tag {key!r}{_similar(pattern, values)}"
                )
                raise InvalidInputError(f"{include.option}.tags", message)

    def has(account: Account, key: str, patterns: Iterable[str]) -> bool:
        value = tags[account.id].get(key)
        return value is not None and any(_matches(value, pattern) for pattern in patterns)

    left = [
        account
        for account in accounts
        if all(has(account, *tag) for tag in include.tags.items())
        and not any(has(account, *tag) for tag in exclude.tags.items())
    ]
    if not left:
        message = f"{len(accounts)} active accounts were chosen before, and the tags of include and exclude leave none"
        raise NotFoundError("find a target in the organization", message)
    return left


def check_regions(
    option: str, given: Sequence[str], known: Mapping[str, Iterable[str]], partition: str = ""
) -> list[str]:
    """Return the regions without duplicates. Raises InvalidInputError for one that does not exist in the partition.

    known   regions by partition, as botocore has them
    """
    everywhere = {region: name for name, regions in known.items() for region in regions}
    for region in given:
        if region not in everywhere:
            message = f"there is no region {str(region)!r} that this botocore knows{_similar(region, everywhere)}"
            raise InvalidInputError(option, message)
        if partition in known and everywhere[region] != partition:
            message = f"{region} is in the partition {everywhere[region]}, the organization in {partition}"
            raise InvalidInputError(option, message)
    # The names as botocore has them: those of the file have Ansible's data tags, which a cache cannot store.
    return list(dict.fromkeys(name for region in given for name in everywhere if name == region))


def check_template(option: str, template: str, fields: Iterable[str]) -> None:
    """Raise InvalidInputError unless `template` is text with some of these {fields}."""
    allowed = ", ".join(f"{{{name}}}" for name in fields)
    if "{{" in template:
        raise InvalidInputError(option, f"its fields have single braces: {allowed}")
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InvalidInputError(option, f"{template!r} is not a template: {error}") from error
    for _text, name, spec, conversion in parts:
        if name is not None and (name not in fields or spec or conversion):
            raise InvalidInputError(option, f"{name!r} is not a field: there are {allowed}")


def hosts(accounts: Sequence[ChosenAccount], partition: str, hostname: str, role_arn: str | None) -> list[Host]:
    """Return a host for each region of each account. Raises InvalidInputError if two hosts would have the same name."""
    names = _account_names(accounts)
    found: dict[str, Host] = {}
    for account in accounts:
        for region in account.regions:
            place = {"partition": partition, "account_id": account.id, "region": region}
            name = hostname.format(**place, account_name=names[account.id])
            if not _HOST_NAME.fullmatch(name):
                message = f"{name!r} is not a host name: it may have letters, digits, dots, hyphens and underscores"
                raise InvalidInputError("hostname", message)
            if name in found:
                former = found[name].variables
                both = f"{former['target_account_id']}/{former['target_region']} and {account.id}/{region}"
                raise InvalidInputError("hostname", f"it gives the name {name!r} to {both}")
            variables: dict[str, Any] = {
                "target_account_id": account.id,
                "target_account_name": account.name,
                "target_ou_path": path(account.ou),
                "target_region": region,
                "target_account_regions": list(account.regions),
            }
            if account.tags is not None:
                variables["target_account_tags"] = dict(account.tags)
            if role_arn:
                variables["target_role_arn"] = role_arn.format(**place)
            found[name] = Host(name, variables, _groups(account, region), account.ou)
    return list(found.values())


def ou_group(ou: Sequence[str]) -> str:
    """Return the name of an OU's group: ou_Workloads_Prod."""
    return _group(f"ou_{'_'.join(ou)}")


def merged_groups(found: Iterable[Host]) -> dict[str, list[str]]:
    """Return groups that were made from several names, which differ only in characters that group names cannot have."""
    named_after: dict[str, set[str]] = {}
    for host in found:
        ous = {ou_group(host.ou[:depth]): path(host.ou[:depth]) for depth in range(1, len(host.ou))}
        for group, thing in {**ous, **host.groups}.items():
            named_after.setdefault(group, set()).add(thing)
    return {group: sorted(things) for group, things in named_after.items() if len(things) > 1}


def _groups(account: ChosenAccount, region: str) -> dict[str, str]:
    groups = {
        f"account_{account.id}": f"account {account.id}",
        _group(f"region_{region}"): f"region {region}",
    }
    if account.ou:
        groups[ou_group(account.ou)] = path(account.ou)
    for key, value in (account.tags or {}).items():
        groups[_group(f"tag_{key}_{value}" if value else f"tag_{key}")] = f"tag {key}={value}"
    return groups


def _group(name: str) -> str:
    return str(to_safe_group_name(name, force=True, silent=True))


def _account_names(accounts: Sequence[ChosenAccount]) -> dict[str, str]:
    """Return unique names for host names, by account id. Organizations allows several accounts with one name."""
    names = {account.id: _host_part(account.name) for account in accounts}
    times = Counter(names.values())
    return {
        identifier: f"{name}-{identifier}" if times[name] > 1 or _ends_with_other_id(name, identifier) else name
        for identifier, name in names.items()
    }


def _ends_with_other_id(name: str, identifier: str) -> bool:
    """Return whether another account could get the same name from its id."""
    return re.fullmatch(r"(.*-)?\d{12}", name) is not None and not name.endswith(identifier)


def _host_part(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.") or "account"


def _segments(option: str, text: str) -> tuple[str, ...]:
    if not text.startswith("/"):
        raise InvalidInputError(option, f"{str(text)!r} is not a path from the root, such as /Workloads/Prod")
    return tuple(part for part in text.split("/") if part)


def _values(option: str, key: Any, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(item, str) for item in values):
        raise InvalidInputError(option, f"the value of {str(key)!r} is not a text or a list of texts: put it in quotes")
    return tuple(values)


def _matches(text: str, pattern: str) -> bool:
    """Return whether text matches a shell pattern or equals it: names may have brackets."""
    return text == pattern or fnmatchcase(text, pattern)


def _is_in(ou: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether an OU matches the pattern or is below one that does."""
    return len(ou) >= len(pattern) and all(_matches(*pair) for pair in zip(ou, pattern, strict=False))


def _is_named(account: Account, text: str) -> bool:
    return _matches(account.id, text) or _matches(account.name, text)


def _no_ou(organization: Organization, pattern: Sequence[str]) -> str:
    """Return a message with the OUs beside the first wrong segment."""
    for depth in reversed(range(len(pattern))):
        above = pattern[:depth]
        if depth == 0 or any(len(ou) == depth and _is_in(ou, above) for ou in organization.ous):
            break
    beside = {ou[depth] for ou in organization.ous if len(ou) > depth and _is_in(ou, above)}
    return f"no OU is at {path(pattern)}: below {path(above)} there is {some(sorted(beside), _MOST_NAMED) if beside else 'no OU'}"


def _similar(text: str, known: Iterable[str]) -> str:
    """Return "; similar: ..." with the most similar of `known`, or some of them."""
    by_lower = {word.lower(): word for word in known}
    close = [by_lower[word] for word in get_close_matches(text.lower(), by_lower, n=5)]
    if close:
        return f"; similar: {', '.join(close)}"
    return f"; there is {some(sorted(by_lower.values()), _MOST_NAMED)}" if by_lower else "; there is none"
