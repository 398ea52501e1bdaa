# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resources of a deployment: read and planned as the deployment does it, but each one by itself, and nothing is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from ..._errors import (
    AccessDeniedError,
    ConflictError,
    CredentialsError,
    InvalidInputError,
    LimitReachedError,
    ReflectorError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from ..._plan import Change, Resource, Result
from ..._resources.execution_role.role import POLICIES_LIMIT, ExecutionRole
from ..._resources.permission.policy import SIZE_LIMIT, Policy
from ..._session import Target
from ..account import role_settings
from ..alarms import check_alarms
from ..deployment import Deployment, release_of, rules_of_mode, subscriber_resources_of, with_delivery_path
from ..packages import Package, reflector_package, subscriber_package
from ..policy_statements import TargetOptions
from ..reflector import check_reflector, reflector_resources
from ..run import Run
from ..subscriber import check_subscriber
from .findings import (
    ORGANIZATION_ADVICE,
    Finding,
    Level,
    from_error,
    is_organization_denial,
    not_checked,
    problem,
    warning,
)

_NEARLY_FULL = 0.8
_UNREAD = (CredentialsError, ThrottledError, UnreachableError)


@dataclass(slots=True)
class Planned:
    """The plans of all resources.

    changes         the changes that the deployment would make, by resource
    package_bytes   of the packages that it would upload
    """

    findings: list[Finding] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    package_bytes: int = 0


class _Collector(Run):
    """Collects the resources of the parts. Nothing is read or written."""

    def __init__(self, target: Target) -> None:
        super().__init__(target, check_mode=True)
        self.resources: dict[str, Resource] = {}

    def converge(self, part: str, resources: Mapping[str, Resource]) -> dict[str, Result]:
        """Keep the resources. Their facts are those of a parameter's first version."""
        self.resources.update({f"{part} {name}": each for name, each in resources.items()})
        return {name: {"reference": "ssm:preflight:1"} for name in resources}


def plan_resources(target: Target, options: Deployment, targets: Sequence[TargetOptions]) -> Planned:
    """Read all resources at once and plan each one.

    targets     all targets of the account, this one first
    """
    planned = Planned()
    resources: dict[str, Resource] = {}
    for what, build in _builders(target, options, targets, planned).items():
        try:
            resources.update(build())
        except InvalidInputError as error:
            planned.findings.append(_wrong_options(what, error))
        except ReflectorError as error:
            planned.findings.append(from_error("problem", "resources", error))
    denied: list[AccessDeniedError] = []
    states = target.together(*(partial(_attempt, each.read) for each in resources.values()))
    for (name, resource), state in zip(resources.items(), states, strict=True):
        if isinstance(state, AccessDeniedError):
            denied.append(state)
            continue
        if isinstance(state, ReflectorError):
            planned.findings.append(_unread(state))
            continue
        changes = _attempt(partial(_plan, resource, state))
        if isinstance(changes, ReflectorError):
            planned.findings.append(plan_finding(changes))
            continue
        planned.changes[name] = changes
        planned.findings += _size_findings(resource, state)
    planned.findings += denied_findings(denied)
    return planned


def _builders(
    target: Target, options: Deployment, targets: Sequence[TargetOptions], planned: Planned
) -> dict[str, Callable[[], Mapping[str, Resource]]]:
    """Return how the resources of each part are made: a mistake in one part does not hide the others."""
    reflector, subscriber = options.reflector, options.subscriber
    log_groups = with_delivery_path(options.log_groups, subscriber.function_name, reflector.sinks)

    @cache
    def packages() -> tuple[Package, Package, str]:
        """Return both packages, and the name of the release."""
        own = reflector_package(reflector, check_mode=True)
        other = subscriber_package(subscriber, check_mode=True)
        planned.package_bytes = own.size + other.size
        return own, other, release_of(options, log_groups, own, other)

    def roles() -> Mapping[str, Resource]:
        found = role_settings(options.account, targets)
        return {f"IAM role {each.name}": ExecutionRole(target, each) for each in found.values()}

    def of_reflector() -> Mapping[str, Resource]:
        check_reflector(reflector, "reflector_")
        check_alarms(options.alarms)
        run, (own, _other, release) = _Collector(target), packages()
        # The quota is another check, and the reservation needs a call.
        kept = dataclasses.replace(reflector, reserved_concurrency="keep")
        run.converge("reflector", reflector_resources(run, kept, options.alarms, own, release))
        return run.resources

    def of_subscriber() -> Mapping[str, Resource]:
        check_subscriber(subscriber, log_groups, "subscriber_", "log_groups_")
        run, (_own, other, release) = _Collector(target), packages()
        run.converge("subscriber", subscriber_resources_of(run, options, log_groups, other, release))
        run.converge("subscriber", rules_of_mode(target, options, log_groups))
        return run.resources

    return {"execution roles": roles, "reflector": of_reflector, "subscriber": of_subscriber}


def _attempt(work: Callable[[], Any]) -> Any:
    """Return the result, or the error."""
    try:
        return work()
    except ReflectorError as error:
        return error


def _plan(resource: Resource, state: Any) -> list[Change]:
    return list(resource.plan(state))


def _wrong_options(what: str, error: InvalidInputError) -> Finding:
    """Return the finding for a part that cannot be described. Wrong names are findings of their own."""
    if error.option in ("name", "function_name", "queue"):
        return not_checked("resources", f"the resources of the {what} were not compared, because a name is wrong")
    return problem("options", f"{error.option}: {error.message}", "Correct the variable.")


def _unread(error: ReflectorError) -> Finding:
    """Return the finding for a resource that could not be read: the deployment would stop at the same call."""
    if isinstance(error, _UNREAD):
        return from_error("not_checked", "resources", error)
    return plan_finding(error)


def denied_findings(errors: Iterable[AccessDeniedError]) -> list[Finding]:
    """Return a finding for each action that is denied, not one for each resource. The advice names the action."""
    by_action: dict[str, list[AccessDeniedError]] = {}
    for error in errors:
        by_action.setdefault(error.advice, []).append(error)
    found = []
    for first, *others in by_action.values():
        finding = plan_finding(first)
        more = f"; the same for {len(others)} more" if others else ""
        found.append(dataclasses.replace(finding, sentence=f"{finding.sentence}{more}"))
    return found


def plan_finding(error: ReflectorError) -> Finding:
    """Return the finding for an error with which the deployment would stop."""
    level: Level = "problem"
    if is_organization_denial(error):
        return from_error(level, "organization", error.with_advice(ORGANIZATION_ADVICE))
    if isinstance(error, RefusedError):
        error = error.with_advice(error.advice.partition(" Planned: ")[0])
    for kind, key in (
        (AccessDeniedError, "permission"),
        (RefusedError, "foreign"),
        (ConflictError, "foreign"),
        (LimitReachedError, "policy_size"),
    ):
        if isinstance(error, kind):
            return from_error(level, key, error)
    return from_error(level, "resources", error)


def _size_findings(resource: Resource, state: Any) -> list[Finding]:
    """Return warnings about policies that have little room left."""
    if isinstance(resource, ExecutionRole):
        return role_size_findings(resource.what, resource.policy_size, keeps_previous=resource.keeps_previous)
    if isinstance(state, Policy):
        return function_policy_findings(state.resource.rpartition(":")[2], state.size())
    return []


def role_size_findings(what: str, characters: int, *, keeps_previous: bool) -> list[Finding]:
    """Return a warning if the policy fits once, and not beside its former document."""
    if not keeps_previous or not POLICIES_LIMIT // 2 < characters <= POLICIES_LIMIT:
        return []
    return [
        warning(
            "policy_size",
            f"the inline policy of {what} has {characters:,} of {POLICIES_LIMIT:,} characters, and a later change of it does not"
            " fit beside the former document",
            "Set account_keep_previous: false, or shorten reflector_secret_arns and the sinks with wildcards.",
        )
    ]


def function_policy_findings(function: str, size: int) -> list[Finding]:
    """Return a warning if the function's policy is nearly full."""
    if size <= SIZE_LIMIT * _NEARLY_FULL:
        return []
    return [
        warning(
            "policy_size",
            f"the policy of function {function} has {size:,} of {SIZE_LIMIT:,} bytes",
            "Remove statements that are no longer needed: one statement serves all log groups.",
        )
    ]
