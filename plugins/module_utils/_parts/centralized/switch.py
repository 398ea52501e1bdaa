# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The switch of a target to AWS's centralization: first the proof that copies arrive, then the end of what served before.

The order loses no event: rules of the administrator, a line through the copy, the log groups that no rule copies; then the
subscriber, filters or account policy, deliveries in progress, the reflector, and last the roles of the account. A run that is
killed leaves the rest for the next one, which does the same again.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..._errors import InvalidInputError, NotFoundError, ReflectorError, RefusedError
from ..._options.centralized import SwitchOptions
from ..._options.delivery_check import CheckLineOptions, DeliveryCheckOptions
from ..._options.option import read
from ..._plan import Params, Result
from ..._resources.copy_check import CopyCheck
from ..._resources.reflector_ready import find_reflector
from ..._resources.sqs_queue import QueueNotEmptyError
from ..._resources.subscriptions.shared import destination, logs_api, target_choice
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from ..._subscriptions.choice import LogGroup
from ..._subscriptions.filters import DesiredFilter
from ..account import check_account, remove_roles, role_names
from ..catch_up import WAIT_SECONDS, params_of, remove_subscriptions
from ..reflector import removed_reflector
from ..removal import drain_seconds
from ..run import Run
from ..subscriber import removed_subscriber
from .destinations import check_line_group, copy_destinations, read_policies, read_rules_of, working_rules
from .rules import Decision, Rules, SourceTarget, decide_all

if TYPE_CHECKING:
    from ..deployment import Deployment

MODE = "centralized"
_NAMED = 5
_REPLAY = "Send them again first: ansible-playbook logreflector.aws.replay."


@dataclass(slots=True)
class _Served:
    """Log groups that a filter or the account policy serves now.

    covered     number of those that the account policy serves and a rule copies
    left        decisions on those that no rule copies, by name
    unwanted    log groups that the target's rules leave out and a centralization rule copies
    """

    covered: int
    left: dict[str, Decision]
    unwanted: list[str]


def serve_by_copies(target: Target, options: Deployment, params: Params, check_mode: bool) -> Result:
    """Leave a target to AWS's centralization, which has to work, and remove everything of ours. Return the result."""
    run = Run(target, check_mode=check_mode)
    check_account(run, params["account_id"])
    switch = SwitchToCopies(run, options, params)
    with run.keeping_changes():
        rules = switch.require_rules()
    if switch.has_reflector():
        switch.leave(rules)
    with _advice_on_dead_letters():
        switch.remove_functions()
    switch.remove_roles(params["account_targets"] or ())
    return run.finish()


class SwitchToCopies:
    """The steps of one target."""

    def __init__(self, run: Run, options: Deployment, params: Params) -> None:
        self._run, self._target, self._options, self._params = run, run.target, options, params
        self._reflector = options.reflector.function_name
        self._line = read(CheckLineOptions, params, "verify_")

    def require_rules(self) -> Rules:
        """Return the rules of the administrator. RefusedError if none of them copies the target now."""
        rules = read_rules_of(self._target, self._params)
        place = (rules.source.account, rules.source.region)
        if receiving := [rule for rule in rules.rules if rule.destination == place]:
            message = f"the rule {receiving[0].name} copies to this target, so a reflector has to serve it"
            raise InvalidInputError("log_groups_mode", f"{message}. Set account_policy, its default")
        names = ", ".join(rule.name for rule in working_rules(rules))
        self._run.add("centralization", lambda: {"rules": names.split(", ")})
        return rules

    def has_reflector(self) -> bool:
        """Return whether the target still has a reflector. Without one nothing is served."""
        with self._run.keeping_changes(), contextlib.suppress(NotFoundError):
            find_reflector(self._target, self._reflector)
            return True
        return False

    def leave(self, rules: Rules) -> None:
        """Prove that copies arrive, then remove what served the log groups."""
        parts = (self._subscriber(), removed_reflector(self._target, self._options.reflector))
        self._run.read_ahead(*parts)
        with _advice_on_dead_letters():
            self._run.check_plans(*parts)
        with self._run.keeping_changes():
            served = self._require_copies(rules)
            if not self._run.check_mode:
                self._run.add("centralization", lambda: {"delivery_check": self._prove(rules)})
                self._settle(rules)
                served = self._require_copies(rules)  # a log group may be new
        self._run.converge("subscriber", self._subscriber())
        options = self._options
        remove_subscriptions(self._run, options.catch_up, options.log_groups, self._reflector)
        # These counts are of log groups with a filter, and the target is to have none.
        filtered = self._run.result["catch_up"].pop("counts")["changed"] - len(served.left)
        self._run.add("centralization", lambda: _doubled(max(filtered, served.covered), served, rules))
        if not self._run.check_mode:
            time.sleep(drain_seconds(self._options, self._params))

    def _subscriber(self) -> dict[str, Any]:
        return removed_subscriber(self._target, self._options.subscriber)

    def _require_copies(self, rules: Rules) -> _Served:
        """Return the served log groups. RefusedError if no rule copies some of them, unless an option allows that."""
        served = self._served(rules)
        if served.left and not read(SwitchOptions, self._params, "log_groups_").allow_unserved:
            named = [f"{name} ({decision.reason})" for name, decision in list(served.left.items())[:_NAMED]]
            more = f" and {len(served.left) - _NAMED} more" if len(served.left) > _NAMED else ""
            raise RefusedError(
                "leave the log groups to AWS's centralization",
                f"{len(served.left)} log groups that are served now would not be any more: {'; '.join(named)}{more}",
                advice="Let a rule of centralization_rules select them, and the destination forward their copies. Or exclude them"
                " first with log_groups_exclude, or accept that their events are no longer forwarded:"
                " log_groups_allow_unserved: true.",
                where=self._target.where,
            )
        return served

    def _served(self, rules: Rules) -> _Served:
        """Read what serves the log groups. Only those that no rule copies cost a call each."""
        params = params_of(self._options.catch_up, self._options.log_groups, self._reflector)
        api = logs_api(self._target, params)
        desired = DesiredFilter(destination(self._target, self._reflector))
        policy, choice = self._policy(api, desired), target_choice(self._target, params, desired.destination_arn)
        found, policies = _Served(0, {}, []), read_policies(self._target, self._params, rules)
        for group in api.groups():
            is_covered = policy is not None and group.log_class == "STANDARD" and _may_cover(policy, group.name)
            decision = _with_destination(decide_all(rules.rules, rules.source, group)[0], rules.source, group, policies)
            if decision.outcome == "copied" and decision.rule and not decision.rule.problem:
                found.covered += is_covered
                if choice.exclusion(LogGroup(group.name)):
                    found.unwanted.append(group.name)
            elif is_covered or (group.log_class == "STANDARD" and self._is_filtered(api, group, desired)):
                found.left[group.name] = decision
        return found

    def _policy(self, api: Any, desired: DesiredFilter) -> AccountPolicy | None:
        policy = AccountPolicyApi(api, RetryPolicy(seconds=WAIT_SECONDS)).read()
        return policy if policy and policy.destination_arn == desired.destination_arn else None

    @staticmethod
    def _is_filtered(api: Any, group: LogGroup, desired: DesiredFilter) -> bool:
        try:
            return any(desired.owns(item) for item in api.filters(group.name))
        except NotFoundError:  # deleted meanwhile
            return False

    def _prove(self, rules: Rules) -> Result:
        """Send a line through the copy. Raises ReflectorError if it does not arrive; then nothing was removed."""
        destinations = copy_destinations(self._target, self._params, rules, check_line_group(self._line))
        options = DeliveryCheckOptions(
            function_name=self._reflector,
            log_group_prefix=self._line.log_group_prefix,
            line=self._line.line,
            timeout=self._line.timeout,
            subscription=MODE,
        )
        check = CopyCheck(self._target, options, destinations)
        check.require_reflector()
        try:
            return check.run()
        except ReflectorError as error:
            raise error.with_advice(f"{error.advice} Nothing was removed.".strip()) from None

    def _settle(self, rules: Rules) -> None:
        """Wait until a rule that was written just now is in force for all log groups: AWS does not say how long that takes."""
        changed = max(rule.changed for rule in working_rules(rules)) / 1000
        settle = float(self._options.catch_up.settle_seconds)
        time.sleep(max(0.0, settle - max(0.0, time.time() - changed)) if changed else settle)

    def remove_functions(self) -> None:
        """Remove the rest of the subscriber, and the reflector."""
        if "subscriber" not in self._run.result:
            self._run.converge("subscriber", self._subscriber())
        self._run.converge("reflector", removed_reflector(self._target, self._options.reflector))

    def remove_roles(self, others: Sequence[Params]) -> None:
        """Remove the execution roles, unless another target of the account has or gets a reflector."""
        if any(each.get("log_groups_mode") != MODE for each in others):
            return
        regions = {str(each["region"]) for each in others} | {*self._params["account_regions"]}
        with self._run.keeping_changes():
            if any(map(self._has_reflector_in, sorted(regions - {self._target.region}))):
                return
        remove_roles(self._run, role_names(self._options.permissions(self._target.region)))

    def _has_reflector_in(self, region: str) -> bool:
        there = self._target.elsewhere({**self._params, "region": region})
        with contextlib.suppress(NotFoundError):
            find_reflector(there, self._reflector)
            return True
        return False


def _with_destination(
    decision: Decision, source: SourceTarget, group: LogGroup, policies: Mapping[tuple[str, str], AccountPolicy]
) -> Decision:
    """Return the decision on a log group: one whose copy the destination's account policy leaves out is not served."""
    rule = decision.rule
    if decision.outcome != "copied" or rule is None or rule.destination not in policies:
        return decision
    copy = rule.copy_name(source, group.name)
    if copy not in (policies[rule.destination].excluded or ()):
        return decision
    reason = f"the account policy of {'/'.join(rule.destination)} leaves out its copy {copy}"
    return Decision("excluded", rule, "destination", reason)


def _may_cover(policy: AccountPolicy, log_group: str) -> bool:
    """Return whether the policy serves a log group. One whose criteria cannot be parsed may serve any."""
    return policy.excluded is None or policy.covers(log_group)


def _doubled(groups: int, served: _Served, rules: Rules) -> Result:
    """Return how many log groups were served twice and for how long, and the notes about that."""
    changed = max((rule.changed for rule in rules.relevant()), default=0) / 1000
    seconds = math.ceil(time.time() - changed) if changed and groups else 0
    notes = []
    if groups:
        since = f"for up to {seconds} s" if changed else "since the rule exists"
        notes.append(f"{groups} log groups were copied and forwarded {since}: events of that time arrive twice.")
    if served.left:
        names = ", ".join(list(served.left)[:_NAMED])
        notes.append(f"{len(served.left)} log groups are no longer served: {names}.")
    if served.unwanted:
        names = ", ".join(served.unwanted[:_NAMED])
        notes.append(
            f"{len(served.unwanted)} log groups that the target's rules leave out are copied, and so forwarded from now on:"
            f" {names}. Exclude them in the rule of centralization_rules."
        )
    return {"doubled": {"groups": groups, "seconds_at_most": seconds}, "notes": notes}


@contextlib.contextmanager
def _advice_on_dead_letters() -> Iterator[None]:
    """Add advice to the error about a queue that is not removed because of its dead letters."""
    try:
        yield
    except QueueNotEmptyError as error:
        raise error.with_advice(_REPLAY) from None
