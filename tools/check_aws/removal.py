# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the resources of a check: those of this run, and those that a killed run left."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from botocore.exceptions import BotoCoreError, ClientError

PREFIX = "log-reflector-check-"
ROLE_PATH = "/log-reflector-check/"
POLICY_TYPE = "SUBSCRIPTION_FILTER_POLICY"
OWN_NAME = re.compile(re.escape(PREFIX) + r"[0-9a-f]{8}-[a-z0-9-]+(\.fifo)?")
"""The names of the check's resources. A resource with any other name belongs to somebody else."""

_TRIES, _PAUSE_SECONDS = 30, 2.0
_MISSING = {
    "NoSuchEntity",
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ParameterNotFound",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the check."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def role_path(target: Target) -> str:
    """Return the path of the roles. IAM is global, and runs in two regions must not remove each other's roles."""
    return f"{ROLE_PATH}{target.region}/"


def find_resources(target: Target) -> tuple[list[Resource], list[str]]:
    """Return all resources of checks in this account and region, and what could not be listed, with the reason."""
    found, problems = [], []
    for kind, read in _READERS.items():
        try:
            found += [Resource(kind, name) for name in read(target) if OWN_NAME.fullmatch(name)]
        except (ClientError, BotoCoreError) as error:
            problems.append(f"the resources of kind {kind} ({error})")
    return found, problems


def remove(target: Target, resources: Iterable[Resource]) -> dict[Resource, str]:
    """Remove the resources; return the reason for each that is still there. A missing resource is removed."""
    failed: dict[Resource, str] = {}
    order = list(_DELETIONS)
    for each in sorted(set(resources), key=lambda it: (order.index(it.kind), it.name)):
        try:
            _DELETIONS[each.kind](target, each.name)
        except (ClientError, BotoCoreError) as error:
            if not is_missing(error):
                failed[each] = str(error)
    return failed


def is_missing(error: Exception) -> bool:
    """Whether the error says that the resource does not exist."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _MISSING


def _pages(target: Target, service: str, operation: str, key: str, **request: Any) -> Iterator[dict[str, Any]]:
    for page in target.client(service).get_paginator(operation).paginate(**request):
        yield from page.get(key) or ()


def _account_policies(target: Target) -> Iterator[str]:
    answer = target.client("logs").describe_account_policies(policyType=POLICY_TYPE)
    return (each["policyName"] for each in answer["accountPolicies"])


def _log_groups(target: Target) -> Iterator[str]:
    found = _pages(target, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=PREFIX)
    return (each["logGroupName"] for each in found)


def _parameters(target: Target) -> Iterator[str]:
    wanted = [{"Key": "Name", "Option": "BeginsWith", "Values": [PREFIX]}]
    return (
        each["Name"] for each in _pages(target, "ssm", "describe_parameters", "Parameters", ParameterFilters=wanted)
    )


def _queues(target: Target) -> Iterator[str]:
    for page in target.client("sqs").get_paginator("list_queues").paginate(QueueNamePrefix=PREFIX):
        yield from (url.rpartition("/")[2] for url in page.get("QueueUrls") or ())


_READERS: dict[str, Callable[[Target], Iterable[str]]] = {
    "account policy": _account_policies,
    "rule": lambda it: (each["Name"] for each in _pages(it, "events", "list_rules", "Rules", NamePrefix=PREFIX)),
    "function": lambda it: (each["FunctionName"] for each in _pages(it, "lambda", "list_functions", "Functions")),
    "log group": _log_groups,
    "queue": _queues,
    "parameter": _parameters,
    "role": lambda it: (
        each["RoleName"] for each in _pages(it, "iam", "list_roles", "Roles", PathPrefix=role_path(it))
    ),
}


def _delete_account_policy(target: Target, name: str) -> None:
    target.client("logs").delete_account_policy(policyName=name, policyType=POLICY_TYPE)


def _delete_rule(target: Target, name: str) -> None:
    events = target.client("events")
    targets = [each["Id"] for each in events.list_targets_by_rule(Rule=name)["Targets"]]
    if targets:
        events.remove_targets(Rule=name, Ids=targets)
    events.delete_rule(Name=name)


def _delete_function(target: Target, name: str) -> None:
    """Delete the event source mappings of a function, and then the function: the reverse order would leave mappings."""
    client = target.client("lambda")
    found = _pages(target, "lambda", "list_event_source_mappings", "EventSourceMappings", FunctionName=name)
    for each in list(found):
        _delete_mapping(client, each["UUID"])
    client.delete_function(FunctionName=name)


def _delete_mapping(client: Any, uuid: str) -> None:
    """Delete a mapping as soon as Lambda allows it: not while it is being created."""
    for tries_left in reversed(range(_TRIES)):
        try:
            client.delete_event_source_mapping(UUID=uuid)
        except client.exceptions.ResourceNotFoundException:
            return
        except client.exceptions.ResourceInUseException:
            if not tries_left:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _delete_log_group(target: Target, name: str) -> None:
    target.client("logs").delete_log_group(logGroupName=name)


def _delete_queue(target: Target, name: str) -> None:
    sqs = target.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _delete_parameter(target: Target, name: str) -> None:
    target.client("ssm").delete_parameter(Name=name)


def _delete_role(target: Target, name: str) -> None:
    iam = target.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


_DELETIONS: dict[str, Callable[[Target, str], None]] = {
    "account policy": _delete_account_policy,
    "rule": _delete_rule,
    "function": _delete_function,
    "log group": _delete_log_group,
    "queue": _delete_queue,
    "parameter": _delete_parameter,
    "role": _delete_role,
}
