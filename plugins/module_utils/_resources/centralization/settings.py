# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state of a centralization rule, its checks before the first call, and what this rule cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._errors import InvalidInputError, check_name
from ..._options.centralization import NAME_PATTERN
from ..._plan import Params
from .selection import fixed_beginning, groups_text, scope_text

_NAME = (r"[0-9A-Za-z\-_.#/]{1,100}", "a rule's name: 1 to 100 of A-Z a-z 0-9 - _ . # /")
ACCOUNT_FORM = (r"[0-9]{12}", "an account id of 12 digits")
_REGION = (r"[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}", "a region")
_ORGANIZATION = (r"o-[a-z0-9]{10,32}", "the id of an organisation, o- and 10 to 32 letters and digits")
_UNIT = (r"ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}", "the id of an organizational unit, ou-...")
_GROUP = (r"[.\-_/#A-Za-z0-9*]{1,512}", "a log group's name: A-Z a-z 0-9 . - _ / # and * for any characters")
_KEY = (r"arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/.{1,900}", "the ARN of a KMS key")
_PATTERN = (
    r"(?=.{1,512}\Z)(?:[._\-/#A-Za-z0-9]+|\$\{source\.(?:accountId|region|logGroup|org\.(?:id|ouId|rootId|path))\})+",
    "a pattern of up to 512 letters, digits, . _ - / # and AWS's variables",
)
_OTHER_PARTITIONS = ("us-gov-", "us-iso", "eu-isoe-", "eusc-", "cn-")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """The desired state; the fields are the module's options.

    copies_elsewhere    beginnings of the names of other rules' copies
    """

    name: str
    present: bool = True
    organization_id: str = ""
    organizational_units: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    source_regions: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    own_log_groups: tuple[str, ...] = ()
    copies_elsewhere: tuple[str, ...] = ()
    skip_encrypted: bool = False
    destination_account: str = ""
    destination_region: str = ""
    backup_region: str = ""
    name_pattern: str = NAME_PATTERN
    kms_key_arn: str = ""
    backup_kms_key_arn: str = ""
    encrypt_all: bool = False
    skip_unencrypted_copies: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 60

    @property
    def scope(self) -> str:
        """The accounts in AWS's words."""
        return scope_text(self.organization_id, self.organizational_units, self.accounts)

    @property
    def copies(self) -> tuple[str, ...]:
        """Names of copies, which are never copied again, with * for any characters."""
        beginnings = (fixed_beginning(self.name_pattern), *self.copies_elsewhere)
        return tuple(f"{beginning}*" for beginning in dict.fromkeys(beginnings))

    @property
    def groups(self) -> str:
        """The log groups in AWS's words. Copies and the delivery's own log groups are always excluded."""
        return groups_text(self.include, (*self.exclude, *self.own_log_groups, *self.copies))

    def notes(self) -> list[str]:
        """Return what the rule does not do, a sentence each."""
        notes = [
            "AWS copies events that arrive after the creation of the rule, and no earlier ones.",
            "AWS copies log groups of the class INFREQUENT_ACCESS into log groups of that class, which take no subscriptions.",
            "AWS copies up to 2.5 GB a second into a region for the whole organisation, and everything above later.",
        ]
        notes.append(f"Log groups whose names begin with {fixed_beginning(self.name_pattern)} are not copied.")
        if self.skip_encrypted:
            notes.append("Log groups with a customer managed KMS key are not copied.")
        if self.backup_region:
            notes.append(f"AWS bills each gigabyte of the second copy in {self.backup_region}.")
        return notes


def rule_settings(params: Params) -> RuleSettings:
    """Return the settings for a module's parameters."""
    texts = ("organization_id", "destination_account", "destination_region", "backup_region")
    lists = ("organizational_units", "accounts", "source_regions", "include", "exclude", "own_log_groups")
    given: dict[str, Any] = {name: params[name] or "" for name in texts}
    given |= {name: tuple(map(str, params[name] or ())) for name in lists}
    return RuleSettings(
        name=params["name"],
        present=params["state"] == "present",
        skip_encrypted=params["encrypted_log_groups"] == "skip",
        name_pattern=params["log_group_name_pattern"],
        kms_key_arn=params["kms_key_arn"] or "",
        backup_kms_key_arn=params["backup_kms_key_arn"] or "",
        encrypt_all=params["encrypt"] == "all",
        skip_unencrypted_copies=params["unencrypted_copies"] == "skip",
        tags={str(key): str(value) for key, value in (params["tags"] or {}).items()},
        wait_seconds=params["wait_timeout"],
        **given,
    )


def check_settings(settings: RuleSettings) -> None:
    """Raise InvalidInputError for what AWS would refuse, and for what would make a loop."""
    check_name("name", settings.name, *_NAME)
    if not settings.present:
        return
    _check_forms(settings)
    _check_regions(settings)
    if not (settings.organization_id or settings.organizational_units or settings.accounts):
        raise InvalidInputError("organization_id", "neither it nor organizational_units nor accounts is given")
    _check_beginning(fixed_beginning(settings.name_pattern))
    for option, key, region in (
        ("kms_key_arn", settings.kms_key_arn, settings.destination_region),
        ("backup_kms_key_arn", settings.backup_kms_key_arn, settings.backup_region),
    ):
        if key and f":{region}:{settings.destination_account}:" not in key:
            raise InvalidInputError(option, f"{key!r} is not a key in {settings.destination_account}/{region}")
    for option, text in (("exclude", settings.groups), ("accounts", settings.scope)):
        if len(text) > 2000:
            message = f"with it the rule's selection has {len(text)} characters, and AWS takes 2000. Use fewer names, or * in them"
            raise InvalidInputError(option, message)


def _check_beginning(text: str) -> None:
    """Refuse a name pattern whose fixed beginning does not tell copies from other log groups: it is excluded as a whole."""
    if not text.strip("/"):
        message = "it begins with a variable, so copies cannot be told apart and would be copied again"
        raise InvalidInputError("log_group_name_pattern", f"{message}. Begin it with a name such as /central/")
    if text.startswith("/aws/") or "/aws/".startswith(text):
        message = f"it begins with {text}, which log groups of AWS's services have too, so none of them would be copied"
        raise InvalidInputError("log_group_name_pattern", f"{message}. Begin it with a name such as /central/")


def _check_forms(settings: RuleSettings) -> None:
    check_name("destination_account", settings.destination_account, *ACCOUNT_FORM)
    check_name("log_group_name_pattern", settings.name_pattern, *_PATTERN)
    if settings.organization_id:
        check_name("organization_id", settings.organization_id, *_ORGANIZATION)
    for option, values, form in (
        ("organizational_units", settings.organizational_units, _UNIT),
        ("accounts", settings.accounts, ACCOUNT_FORM),
        ("include", settings.include, _GROUP),
        ("exclude", settings.exclude, _GROUP),
        ("own_log_groups", settings.own_log_groups, _GROUP),
        ("kms_key_arn", filter(None, [settings.kms_key_arn]), _KEY),
        ("backup_kms_key_arn", filter(None, [settings.backup_kms_key_arn]), _KEY),
    ):
        for value in values:
            check_name(option, value, *form)


def _check_regions(settings: RuleSettings) -> None:
    if not settings.source_regions:
        raise InvalidInputError("source_regions", "no region is given to copy from")
    for option, regions in (
        ("source_regions", settings.source_regions),
        ("destination_region", (settings.destination_region,)),
        ("backup_region", filter(None, [settings.backup_region])),
    ):
        for region in regions:
            check_name(option, region, *_REGION)
            if region.startswith(_OTHER_PARTITIONS):
                message = f"AWS offers no centralization of logs in {region}. Use subscription filters there"
                raise InvalidInputError(option, message)
    if settings.backup_region == settings.destination_region:
        raise InvalidInputError("backup_region", "it is the destination region")
