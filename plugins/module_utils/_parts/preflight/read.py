# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks before a deployment of one target. Changes nothing in AWS, but for the test line that `send` asks for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..._errors import ReflectorError
from ..._options.option import read
from ..._options.preflight import PreflightOptions
from ..._plan import Params, Result
from ..._resources.target_info import read_target
from ..._resources.trails import NoTrailError, check_trail
from ..._session import Target
from ..catch_up import params_of
from ..deployment import Deployment, with_delivery_path
from ..entry import account_targets
from ..policy_statements import TargetOptions
from ..reflector_policy import reflector_policy, secret_references
from .boundary import boundary_findings
from .caller import permission_findings, planned_needs
from .centralization import KEY, check_centralization
from .facts import rule_facts
from .findings import LEVELS, Finding, attempt, from_error, in_order, not_checked, verdict
from .groups import GroupOptions, check_groups
from .keys import key_findings, key_uses
from .names import name_findings
from .quotas import quota_findings
from .resources import Planned, plan_resources
from .session import session_findings
from .sink_line import sink_findings
from .sink_secrets import secret_findings


def read_preflight(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module preflight_info."""
    given, options = read(PreflightOptions, params), Deployment.from_params(params)
    began = time.monotonic()
    try:
        read_target(target, params, True)
    except ReflectorError as error:
        findings = [from_error("problem", "access", target.explained(error))]
        facts = None
    else:
        preflight = _Preflight(target, params, options, given)
        findings = preflight.findings()
        findings += preflight.test_line(check_mode=check_mode) if given.send else []
        facts = preflight.facts
    ordered = in_order(findings)
    counts = Counter(each.level for each in ordered)
    account, _slash, region = target.where.rpartition("/")
    preflight_result = {
        "account_id": account or str(params["account_id"] or ""),
        "region": region,
        "state": verdict(ordered),
        "counts": {level: counts[level] for level in LEVELS},
        "findings": [each.plain() for each in ordered],
        "facts": facts,
        "seconds": round(time.monotonic() - began, 1),
    }
    return {"changed": False, "preflight": preflight_result}


class _Preflight:
    """The checks of a target that can be reached. Independent checks run at the same time."""

    def __init__(self, target: Target, params: Params, options: Deployment, given: PreflightOptions) -> None:
        self._target, self._params, self._options, self._given = target, params, options, given
        own = options.permissions(target.region)
        self._planned, self._example = Planned(), ""
        self.facts: dict[str, Any] = {"rules": rule_facts(options.log_groups), "trail": None}
        self.facts["partition"] = target.identity.partition
        self._targets: Sequence[TargetOptions] = [own, *account_targets(params, own)]

    def findings(self) -> list[Finding]:
        """Return what all checks find. Nothing is deployed to a target in the mode centralized."""
        if self._options.mode == "centralized":
            return attempt(KEY, self._centralization)
        checks = [
            (KEY, self._centralization),
            ("resources", self._resources),
            ("slots", self._log_groups),
            ("trail", self._trail),
            ("boundary", self._boundary),
            *(("key", check) for check in self._keys()),
            *(("secret", check) for check in self._secrets()),
        ]
        found = self._target.together(*(partial(attempt, key, check) for key, check in checks))
        names = name_findings(self._target, self._options)
        writes = attempt("permission", self._permissions)
        return [*names, *(each for findings in found for each in findings), *writes]

    def test_line(self, *, check_mode: bool) -> list[Finding]:
        """Send a line to each sink."""
        if check_mode:
            return [not_checked("sink", "no test line is sent in check mode")]
        return attempt("sink", lambda: sink_findings(self._target, self._options.reflector))

    def _resources(self) -> list[Finding]:
        """Plan the resources, and check the quotas for what would be uploaded."""
        target, options = self._target, self._options
        self._planned = planned = plan_resources(target, options, self._targets)
        package_bytes = planned.package_bytes if _uploads(planned.changes) else 0
        return [
            *planned.findings,
            *attempt("concurrency", lambda: quota_findings(target, options, package_bytes)),
        ]

    def _permissions(self) -> list[Finding]:
        """Let IAM evaluate the writes that follow from the plans."""
        target, options = self._target, self._options
        needs = planned_needs(target, options, self._planned.changes, self._example)
        return permission_findings(target, options, needs, self._params["assume_role_arn"])

    def _log_groups(self) -> list[Finding]:
        target, options = self._target, self._options
        log_groups = with_delivery_path(options.log_groups, options.subscriber.function_name, options.reflector.sinks)
        params: dict[str, Any] = params_of(options.catch_up, log_groups, options.reflector.function_name)
        wanted = GroupOptions({**params, "state": "present"}, options.mode, self._given.slots)
        found = check_groups(target, wanted)
        self._example = found.example
        self.facts |= found.facts
        return [*found.findings, *session_findings(target, found.seconds)]

    def _centralization(self) -> list[Finding]:
        return check_centralization(self._target, self._params["centralization_rules"], self._options.mode)

    def _trail(self) -> list[Finding]:
        """The account policy needs no trail."""
        if self._options.mode == "account_policy":
            return []
        try:
            unread = check_trail(self._target)
            self.facts["trail"] = None if unread else True
        except NoTrailError as error:
            self.facts["trail"] = False
            return [from_error("problem", "trail", error)]
        return [not_checked("trail", unread.removesuffix("."))] if unread else []

    def _boundary(self) -> list[Finding]:
        return boundary_findings(self._target, self._options.account.permissions_boundary)

    def _keys(self) -> list[Callable[[], list[Finding]]]:
        return [partial(key_findings, self._target, use) for use in key_uses(self._target, self._options)]

    def _secrets(self) -> list[Callable[[], list[Finding]]]:
        target, reflector = self._target, self._options.reflector
        references = secret_references(reflector)
        policy = target.expand(reflector_policy(self._targets)) if references else {}
        return [partial(secret_findings, target, each, reflector, policy) for each in references]


def _uploads(changes: Any) -> bool:
    """Return whether a change uploads code."""
    return any(each.kind in ("function", "code of function") for planned in changes.values() for each in planned)
