# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules about AWS's centralization rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .functions import REFLECTOR, SUBSCRIBER
from .option import option, required

NAME_PATTERN = "/central/${source.accountId}/${source.region}${source.logGroup}"
SERVICE = "observabilityadmin"
RULES_VARIABLE = "centralization_rules"
"""The variable of all hosts that describes what AWS copies."""
ADMINISTRATOR_VARIABLE = "centralization_administrator"
"""The variable with the host that manages the rules: the management account or a delegated administrator."""
_NO_TAGS: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """The accounts, regions and log groups that are copied."""

    organization_id: str | None = option(
        None, "Id of the organisation, V(o-...). All of its accounts are in scope, also later ones."
    )
    organizational_units: tuple[str, ...] = option((), "Ids of OUs, V(ou-...). Their accounts are in scope.")
    accounts: tuple[str, ...] = option(
        (),
        "Ids of accounts that are in scope, 12 digits in quotes.",
        "With O(state=present), O(organization_id), O(organizational_units) or O(accounts) is needed.",
    )
    source_regions: tuple[str, ...] = option((), "Regions to copy from. Needed with O(state=present).")
    include: tuple[str, ...] = option(
        (), "Names of log groups to copy. C(*) matches any characters. Without it all log groups are copied."
    )
    exclude: tuple[str, ...] = option((), "Names of log groups not to copy, written as in O(include).")
    own_log_groups: tuple[str, ...] = option(
        (f"/aws/lambda/{REFLECTOR}", f"/aws/lambda/{SUBSCRIBER}"),
        "Names of log groups that the delivery itself writes to, written as in O(include). They are never copied, because"
        " each delivery would cause another one.",
    )
    encrypted_log_groups: str = option(
        "copy",
        "Whether log groups with a customer managed KMS key are copied. Without O(kms_key_arn) the copies have a key that AWS"
        " owns.",
        choices=("copy", "skip"),
    )


@dataclass(frozen=True, kw_only=True)
class DestinationOptions:
    """The account and region of the copies, and their names and keys."""

    destination_account: str | None = option(
        None, "Account that receives the copies, 12 digits in quotes. Needed with O(state=present)."
    )
    destination_region: str | None = option(None, "Region that receives the copies. Needed with O(state=present).")
    backup_region: str | None = option(
        None, "Region of the same account that receives a second copy. AWS bills each gigabyte of it."
    )
    log_group_name_pattern: str = option(
        NAME_PATTERN,
        "Name of the copies' log groups. It begins with fixed text, by which the rule recognises copies and does not copy them again.",
        "AWS replaces C(${source.accountId}), C(${source.region}), C(${source.logGroup}), C(${source.org.id}),"
        " C(${source.org.ouId}), C(${source.org.rootId}) and C(${source.org.path}).",
        "AWS drops the events of a log group whose new name is longer than 512 characters.",
    )
    kms_key_arn: str | None = option(
        None,
        "Customer managed KMS key of new copies, in the destination's account and region. It needs the tag"
        " C(LogsManaged=true). Without it AWS's own key encrypts them.",
        no_log=False,
    )
    backup_kms_key_arn: str | None = option(None, "The same for the copies in O(backup_region).", no_log=False)
    encrypt: str = option(
        "encrypted_sources",
        "Which copies O(kms_key_arn) encrypts: V(all), or those of log groups that have a customer managed key.",
        choices=("encrypted_sources", "all"),
    )
    unencrypted_copies: str = option(
        "copy",
        "Whether events that O(kms_key_arn) would encrypt are copied into existing log groups without a key. With V(skip) AWS drops"
        " them.",
        choices=("copy", "skip"),
    )


@dataclass(frozen=True, kw_only=True)
class CentralizationRuleOptions(DestinationOptions, SourceOptions):
    """One centralization rule."""

    name: str = required(
        "Name of the rule: 1 to 100 letters, digits and any of C(-_.#/).",
        sdk=(SERVICE, "CreateCentralizationRuleForOrganization", "RuleName"),
    )
    state: str = option("present", "Whether the rule is to exist.", choices=("present", "absent"))
    tags: Mapping[str, Any] = option(_NO_TAGS, "Tags of the rule. Other tags stay.")
    wait_timeout: int = option(60, "Seconds to wait while AWS throttles calls.", low=0)


@dataclass(frozen=True, kw_only=True)
class CentralizationInfoOptions:
    """Choice of the rules that are read."""

    name_prefix: str | None = option(
        None,
        "Only rules whose names begin with this.",
        sdk=(SERVICE, "ListCentralizationRulesForOrganization", "RuleNamePrefix"),
    )
    all_regions: bool = option(
        True,
        "Whether rules that were created in other regions are listed too. AWS returns their configuration and tags in their own"
        " region only.",
        sdk=(SERVICE, "ListCentralizationRulesForOrganization", "AllRegions"),
    )
    wait_timeout: int = option(60, "Seconds to wait while AWS throttles calls.", low=0)


@dataclass(frozen=True, kw_only=True)
class CentralizationOptions:
    """All centralization rules, and what they need in the organisation."""

    rules: tuple[CentralizationRuleOptions, ...] = option(
        (),
        "The rules, each with the options of M(logreflector.aws.centralization_rule). Several rules can have several destinations.",
        "Each rule excludes the copies of all of them, so no copy is copied again.",
    )
    purge: bool = option(
        False,
        "Whether rules of ours in this region that O(rules) does not name are removed. Without it they stay, and the notes of the result name them.",
    )
    enable_trusted_access: bool = option(
        False,
        "Whether trusted access of C(observabilityadmin.amazonaws.com) is enabled in the organisation if it is missing. Only the"
        " management account can. Without it the module fails if trusted access is missing.",
    )
    delegated_administrator: str | None = option(
        None,
        "Account to register as a delegated administrator of C(observabilityadmin.amazonaws.com), 12 digits in quotes. Only the"
        " management account can.",
        "A removal leaves registration and trusted access, because others may use them.",
    )
    healthy_seconds: int = option(
        600,
        "Seconds to wait until AWS reports the rules as healthy. The module fails if a rule is unhealthy, or not healthy by then."
        " V(0) reports the health and does not fail.",
        low=0,
    )
    drain_seconds: int = option(
        300,
        "Seconds to wait after rules were removed, until copies in progress have arrived. AWS does not say how long a copy takes.",
        low=0,
    )
    wait_timeout: int = option(60, "Seconds to wait while AWS throttles calls.", low=0)
