# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin for AWS Organizations: one host for each region of each account."""

from __future__ import annotations

DOCUMENTATION = r"""
name: organization
short_description: Accounts and regions of an AWS organization as hosts
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Each host is a target, which is one account in one region.
  - Accounts are read from AWS Organizations. Regions come from the file or are read from each account.
  - Only accounts in the state C(ACTIVE) become hosts.
  - >-
    Host variables are C(target_account_id), C(target_account_name), C(target_ou_path), C(target_region), C(target_account_regions)
    (those of all its targets), C(target_account_tags) unless O(fetch_tags=false), and C(target_role_arn) if O(role_arn) is given. They are
    the variables of a static inventory of this collection. C(group_vars/all.yml) beside the file has variables of all targets.
  - >-
    Groups are C(account_<id>), C(region_<name>), C(ou_<names from the top down>) with the groups of the OUs below as children, and
    C(tag_<key>_<value>). Characters that a group name cannot have become underscores.
  - The name of the file ends with C(organization.yml), C(organization.yaml), C(logreflector.yml) or C(logreflector.yaml).
  - >-
    The caller needs the policy C(docs/iam/inventory-policy.json) in the management account of the organization, or in the account of
    a delegated administrator. The plugin makes two calls for each OU and three for the root, one for each account to read its tags, one for
    each account with O(regions=enabled), and one more for each 20 further entries of a list.
notes:
  - >-
    If an inventory cannot be parsed, Ansible continues with a warning. Set C(any_unparsed_is_failed=true) in the section
    C([inventory]) of ansible.cfg, or E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED), to end with an error.
extends_documentation_fragment:
  - logreflector.aws.connection
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [logreflector.aws.organization]
  region:
    description:
      - The region for the first calls. It matters outside the partition C(aws), and for O(assume_role_arn).
      - Falls back to the environment variables E(AWS_REGION) and E(AWS_DEFAULT_REGION), then to the first of O(regions), then to V(us-east-1).
    type: str
    aliases: [aws_region]
  regions:
    description:
      - The regions to work in, in every account.
      - >-
        V(enabled) alone means the regions that are enabled in each account. The management account and delegated administrators of Account
        Management may read them. The organization needs trusted access for C(account.amazonaws.com).
    type: list
    elements: str
    required: true
  include:
    description:
      - The accounts to include. An account must match an entry of each list that is given. Without lists, every account is included.
      - An OU or account that does not exist is an error, and so is a tag that no chosen account has.
    type: dict
    default: {}
    suboptions:
      ous:
        description: Paths of OUs such as V(/Workloads/Prod), with shell patterns in each part. An OU includes those below it.
        type: list
        elements: str
      accounts:
        description: Ids (in quotes) or names of accounts, as shell patterns.
        type: list
        elements: str
      tags:
        description: Keys of tags with a shell pattern, or a list of them, for the value. An account must have all the keys.
        type: dict
  exclude:
    description:
      - The accounts to exclude. An account that matches an entry of any list is excluded.
      - An OU or account that does not exist is an error. A tag may be one that no account has yet.
    type: dict
    default: {}
    suboptions:
      ous:
        description: As in O(include.ous).
        type: list
        elements: str
      accounts:
        description: As in O(include.accounts).
        type: list
        elements: str
      tags:
        description: As in O(include.tags), but one of the keys is enough.
        type: dict
  fetch_tags:
    description:
      - Whether to read the accounts' tags, for C(target_account_tags) and the groups by tag.
      - With O(include.tags) or O(exclude.tags) they are always read.
    type: bool
    default: true
  role_arn:
    description:
      - A template for C(target_role_arn), with the fields C({partition}), C({account_id}) and C({region}).
      - Without it, the plugin does not set the variable, so that one in C(group_vars) applies.
    type: str
  hostname:
    description:
      - A template for the hosts' names, with the fields C({account_name}), C({account_id}), C({region}) and C({partition}).
      - >-
        In C({account_name}), characters other than letters, digits, dots, hyphens and underscores become hyphens. If several accounts have
        the same name, their ids are appended.
    type: str
    default: "{account_name}.{region}"
"""

EXAMPLES = r"""
# organization.yml: every active account, in two regions
plugin: logreflector.aws.organization
regions: [eu-west-1, us-east-1]

---
# prod.logreflector.yml: production without the sandboxes, in all enabled regions, through a delegated administrator
plugin: logreflector.aws.organization
assume_role_arn: arn:aws:iam::222222222222:role/log-reflector-inventory
regions: enabled
include:
  ous: [/Workloads/Prod]
  tags:
    log-reflector: "on"
exclude:
  accounts: [sandbox-*, "333333333333"]
role_arn: arn:{partition}:iam::{account_id}:role/log-reflector-deployer
keyed_groups:
  - key: target_account_tags.team
    prefix: team
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.ansible/tmp/log-reflector-inventory
"""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    InvalidInputError,
    ReflectorError,
    check_name,
    did_you_mean,
)
from ansible_collections.logreflector.aws.plugins.module_utils._module import CONNECTION
from ansible_collections.logreflector.aws.plugins.module_utils._options.connection import EXCLUSIVE, TOGETHER
from ansible_collections.logreflector.aws.plugins.module_utils._session import SDK_ERROR, Target
from ansible_collections.logreflector.aws.plugins.plugin_utils._organization import (
    known_regions,
    read_enabled_regions,
    read_organization,
    read_tags,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._targets import (
    ChosenAccount,
    Host,
    check_regions,
    check_template,
    choose,
    choose_by_tags,
    hosts,
    merged_groups,
    ou_group,
    selection,
)

_FILES = tuple(f"{name}.{suffix}" for name in ("organization", "logreflector") for suffix in ("yml", "yaml"))
_ENABLED = ["enabled"]
_ROLE_FIELDS = ("partition", "account_id", "region")
_HOST_FIELDS = ("account_name", *_ROLE_FIELDS)
_SELECTION = {
    "type": "dict",
    "default": {},
    "options": {
        "ous": {"type": "list", "elements": "str"},
        "accounts": {"type": "list", "elements": "str"},
        "tags": {"type": "dict"},
    },
}
_SPEC: dict[str, Any] = {
    **CONNECTION,
    "regions": {"type": "list", "elements": "str", "required": True},
    "include": _SELECTION,
    "exclude": _SELECTION,
    "fetch_tags": {"type": "bool", "default": True},
    "role_arn": {"type": "str"},
    "hostname": {"type": "str"},
}
_SECRETS = {"secret_key", "session_token", "assume_role_external_id"}
# They also decide which organization is read.
_ENVIRONMENT = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL")
_CACHE_FORMAT = 1


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """The plugin, under the name that Ansible expects."""

    NAME = "logreflector.aws.organization"

    def verify_file(self, path: str) -> bool:
        """Return whether the file's name is one of this plugin's."""
        return bool(super().verify_file(path)) and path.endswith(_FILES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory. Raises AnsibleParserError with one sentence."""
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        try:
            params = self._params(config)
            accounts, partition = self._accounts(params, path, cache)
            found = hosts(accounts, partition, params["hostname"], params["role_arn"])
        except ReflectorError as error:
            raise AnsibleParserError(str(error)) from None
        for host in found:
            self._add(host)
        for group, things in merged_groups(found).items():
            self.display.warning(f"The group {group} has several origins with similar names: {', '.join(things)}")

    def _params(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of this collection, checked as far as possible without a call."""
        if SDK_ERROR:
            raise AnsibleParserError(f"This inventory needs boto3 and botocore: {SDK_ERROR}.")
        aliases = {alias for option in self.option_definitions.values() for alias in option.get("aliases") or ()}
        if unknown := sorted(str(name) for name in {*config} - {*self.option_definitions} - aliases):
            hint = did_you_mean(unknown[0], [*self.option_definitions, *aliases])
            raise InvalidInputError(unknown[0], f"there is no such option.{hint}".removesuffix("."))
        given = {name: self.get_option(name) for name in _SPEC}
        # From the file itself: Ansible reads an invalid bool as false.
        given |= {name: config[name] for name in config if _SPEC.get(name, {}).get("type") == "bool"}
        given = {name: value for name, value in given.items() if value is not None}
        validated = ArgumentSpecValidator(_SPEC, mutually_exclusive=EXCLUSIVE, required_together=TOGETHER).validate(
            given
        )
        if validated.error_messages:
            unknown_part = "there is no option " if isinstance(validated.errors[0], UnsupportedError) else ""
            raise AnsibleParserError(f"Could not accept the options: {unknown_part}{validated.errors.msg.rstrip('.')}.")
        params: dict[str, Any] = validated.validated_parameters
        if not params["regions"]:
            raise InvalidInputError("regions", "it is empty: give regions, or enabled")
        if params["regions"] != _ENABLED:
            params["regions"] = check_regions("regions", params["regions"], known_regions())
        params["region"] = params["region"] or ("us-east-1" if params["regions"] == _ENABLED else params["regions"][0])
        check_regions("region", [params["region"]], known_regions())
        check_template("hostname", params["hostname"], _HOST_FIELDS)
        if params["role_arn"]:
            check_template("role_arn", params["role_arn"], _ROLE_FIELDS)
            example = params["role_arn"].format(partition="aws", account_id="1" * 12, region="eu-west-1")
            pattern, allowed = r"arn:[\w-]+:iam::\d{12}:role/\S+", "a role: arn:{partition}:iam::{account_id}:role/NAME"
            check_name("role_arn", example, pattern, allowed)
        return params

    def _accounts(self, params: dict[str, Any], path: str, cache: bool) -> tuple[list[ChosenAccount], str]:
        """Return the chosen accounts and their partition, from the inventory's cache if it is enabled and has them."""
        if not self.get_option("cache"):
            return _read(params)
        key = f"{self.get_cache_key(path)}_{_digest(params)}"
        if cache:
            try:
                return _from_cache(self._cache[key])
            except KeyError:
                pass
        accounts, partition = _read(params)
        self._cache[key] = _to_cache(accounts, partition)
        return accounts, partition

    def _add(self, host: Host) -> None:
        self.inventory.add_host(host.name)
        for name, value in host.variables.items():
            # Others write names and tags: a template in them must never be rendered.
            self.inventory.set_variable(host.name, name, wrap_var(value))
        for depth in range(1, len(host.ou)):
            above = self.inventory.add_group(ou_group(host.ou[:depth]))
            self.inventory.add_child(above, self.inventory.add_group(ou_group(host.ou[: depth + 1])))
        for group in host.groups:
            self.inventory.add_child(self.inventory.add_group(group), host.name)
        strict, variables = self.get_option("strict"), self.inventory.get_host(host.name).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, host.name, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host.name, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host.name, strict)


def _read(params: dict[str, Any]) -> tuple[list[ChosenAccount], str]:
    """Read the chosen accounts and their partition from AWS."""
    include, exclude = (selection(option, params[option]) for option in ("include", "exclude"))
    target = Target.from_params(params)
    organization = read_organization(target)
    if params["regions"] != _ENABLED:
        check_regions("regions", params["regions"], known_regions(), organization.partition)
    chosen = choose(organization, include, exclude)
    tags: dict[str, dict[str, str]] = {}
    if params["fetch_tags"] or include.tags or exclude.tags:
        tags = read_tags(target, chosen)
        chosen = choose_by_tags(chosen, tags, include, exclude)
    if params["regions"] == _ENABLED:
        regions = read_enabled_regions(target, organization, chosen)
    else:
        regions = {account.id: tuple(params["regions"]) for account in chosen}
    accounts = [
        ChosenAccount(account.id, account.name, account.ou, tags.get(account.id), regions[account.id])
        for account in chosen
    ]
    return accounts, organization.partition


def _digest(params: Mapping[str, Any]) -> str:
    """Return a digest of everything that a cached answer depends on, without secrets."""
    asked = {name: value for name, value in params.items() if name not in (*_SECRETS, "role_arn", "hostname")}
    environment = {name: os.environ.get(name) for name in _ENVIRONMENT}
    text = json.dumps([_CACHE_FORMAT, asked, environment], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _to_cache(accounts: list[ChosenAccount], partition: str) -> dict[str, Any]:
    return {
        "partition": partition,
        "accounts": [
            [account.id, account.name, list(account.ou), account.tags, list(account.regions)] for account in accounts
        ],
    }


def _from_cache(kept: Mapping[str, Any]) -> tuple[list[ChosenAccount], str]:
    accounts = [
        ChosenAccount(identifier, name, tuple(ou), tags, tuple(regions))
        for identifier, name, ou, tags, regions in kept["accounts"]
    ]
    return accounts, kept["partition"]
