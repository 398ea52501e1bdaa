# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that certainly copy a target now, and the connection to where its copies go."""

from __future__ import annotations

from ..._errors import CredentialsError, NotFoundError, RefusedError
from ..._options.delivery_check import CheckLineOptions
from ..._plan import Params
from ..._resources.centralization.destination import Destination
from ..._resources.delivery_check import NAME_INFIX
from ..._resources.subscriptions.shared import destination, logs_api
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from ..._subscriptions.choice import LogGroup
from ..catch_up import WAIT_SECONDS
from .places import OtherHost, Places, read_actual_rules
from .rules import CopyRule, Rules, decide_all

_CENTRALIZE = "Run ansible-playbook logreflector.aws.centralize, and see logreflector.aws.centralization_rule_info."


def read_rules_of(target: Target, params: Params) -> Rules:
    """Return the rules that the administrator has, for the target's account and region."""
    return read_actual_rules(target, {**params, "wait_timeout": WAIT_SECONDS}, Places.from_params(params).administrator)


def working_rules(rules: Rules) -> tuple[CopyRule, ...]:
    """Return the rules that copy something from the target. RefusedError with the reason if there is none.

    A rule whose scope is not known counts: only a line through the copy shows whether it copies.
    """
    relevant = rules.relevant()
    if working := tuple(rule for rule in relevant if not rule.problem):
        return working
    if relevant:
        rule = relevant[0]
        raise _not_copied(rules, f"the rule {rule.name} does not copy now: {rule.problem}")
    if rules.unread:
        raise _not_copied(rules, f"it is not known which rules copy it: {rules.unread[0]}")
    decision = decide_all(rules.rules, rules.source, LogGroup("/"))[0]
    raise _not_copied(rules, f"no rule copies it: {decision.reason}")


def _not_copied(rules: Rules, message: str) -> RefusedError:
    return RefusedError(
        "serve the log groups by AWS's centralization", message, advice=_CENTRALIZE, where=rules.source.name
    )


def check_line_group(options: CheckLineOptions) -> str:
    """Return the name of a log group as the delivery check makes it."""
    return f"{options.log_group_prefix}{NAME_INFIX}000000000000"


def copy_destinations(target: Target, params: Params, rules: Rules, log_group: str) -> list[Destination]:
    """Return where the copies of a log group go: several if it is not known which rule has the account in its scope.

    RefusedError if no rule copies it, NotFoundError for a destination that is no host of the inventory.
    """
    decisions = [decide_all((rule,), rules.source, LogGroup(log_group))[0] for rule in working_rules(rules)]
    chosen = [each.rule for each in decisions if each.rule and each.outcome in ("copied", "unknown")]
    if not chosen:
        raise _not_copied(rules, f"{decisions[0].reason}, so no line of {log_group} can show that copies arrive")
    places = {(each.account, each.region): each for each in Places.from_params(params).destinations}
    return [_destination(target, params, rule, places.get(rule.destination)) for rule in chosen]


def read_policies(target: Target, params: Params, rules: Rules) -> dict[tuple[str, str], AccountPolicy]:
    """Return the account policies of ours in the destinations, by account and region.

    A destination without one forwards copies by filters, or is no host of the inventory: then only a line shows whether it forwards.
    """
    places = {(each.account, each.region): each for each in Places.from_params(params).destinations}
    found = {}
    for rule in working_rules(rules):
        if rule.destination in places and rule.destination not in found:
            there = _destination(target, params, rule, places[rule.destination])
            api = logs_api(there.target, {"wait_timeout": WAIT_SECONDS})
            policy = AccountPolicyApi(api, RetryPolicy(seconds=WAIT_SECONDS)).read()
            if policy and policy.destination_arn == destination(there.target, there.function_name):
                found[rule.destination] = policy
    return found


def _destination(target: Target, params: Params, rule: CopyRule, place: OtherHost | None) -> Destination:
    where = "/".join(rule.destination)
    if place is None:
        raise NotFoundError(
            f"reach the destination of the rule {rule.name}",
            f"no host of the inventory is {where}",
            advice="Add it to the inventory, with the same centralization_rules.",
        )
    there = place.connect(target, params)
    if (account := there.identity.account) != place.account:
        message = f"the credentials belong to account {account}, and the inventory says {place.account}"
        raise CredentialsError(f"connect to {where}", message, where=there.where)
    options = place.params(params)
    function = str(options.get("reflector_function_name") or options["function_name"])
    return Destination(there, where, function, rule.pattern)
