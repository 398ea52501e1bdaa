# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Descriptions of the roles, and the options of each entry point. The options themselves are described elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.logreflector.aws.plugins.module_utils._module import Group
from ansible_collections.logreflector.aws.plugins.module_utils._options.account import AccountOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.alarms import AlarmOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.catch_up import CatchUpOptions, ModeOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.centralization import CentralizationOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.log_groups import LogGroupOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import (
    DrainOptions,
    ReflectorOptions,
    ReflectorQueueReference,
    ReflectorReference,
)
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import (
    SubscriberOptions,
    SubscriberReference,
)
from ansible_collections.logreflector.aws.plugins.module_utils._options.target import StateOption
from ansible_collections.logreflector.aws.plugins.plugin_utils._summaries.options import RECAP


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry point of a role.

    only        the variables to document, if not all of the groups
    """

    summary: str
    text: tuple[str, ...]
    groups: tuple[Group, ...] = ()
    only: frozenset[str] = frozenset()


REFLECTOR = Group(ReflectorOptions, variables="reflector_")
SUBSCRIBER = Group(SubscriberOptions, variables="subscriber_")
ACCOUNT = Group(AccountOptions, variables="account_")
ALARMS = Group(AlarmOptions, variables="alarms_")
LOG_GROUPS = Group(LogGroupOptions, variables="log_groups_")
MODE = Group(ModeOptions, variables="log_groups_")
CATCH_UP = Group(CatchUpOptions, variables="catch_up_")
REFLECTOR_QUEUE = Group(ReflectorQueueReference, variables="reflector_")
REFLECTOR_REFERENCE = Group(ReflectorReference, variables="reflector_")
SUBSCRIBER_REFERENCE = Group(SubscriberReference, variables="subscriber_")

ROLES: dict[str, dict[str, Entry]] = {
    "account": {
        "main": Entry(
            "Manage the execution roles of an account",
            (
                "Creates the execution roles of the reflector and of the subscriber with the least that each needs.",
                (
                    "A role belongs to the account and serves all its regions. Its permissions follow from the variables of"
                    " all targets of the account. One target does the work for all of them."
                ),
                (
                    "The targets of an account are the hosts of the inventory group C(account_<target_account_id>), or else all"
                    " hosts with that C(target_account_id)."
                ),
            ),
            (ACCOUNT,),
        ),
        "absent": Entry(
            "Remove the execution roles of an account",
            ("Removes both roles, once the reflector was removed from every target of the account in the same run.",),
            (REFLECTOR, SUBSCRIBER),
            frozenset({"reflector_role_name", "subscriber_role_name"}),
        ),
    },
    "reflector": {
        "main": Entry(
            "Deploy the reflector",
            (
                (
                    "Deploys the function that forwards log events, with its dead-letter queue, its alarms and the permission for"
                    " CloudWatch Logs."
                ),
            ),
            (REFLECTOR, ALARMS),
        ),
        "absent": Entry(
            "Remove the reflector",
            (
                (
                    "Removes the dead-letter queue, the function with its log group, and its rules. Remove the filters first,"
                    " with the role C(catch_up)."
                ),
                (
                    "A queue that holds dead letters is refused. Then the function stays too, because only it can send them"
                    " again."
                ),
            ),
            (REFLECTOR, Group(DrainOptions, variables="reflector_")),
            frozenset(
                {
                    "reflector_function_name",
                    "reflector_queue_name",
                    "reflector_rules_parameter",
                    "reflector_timeout",
                    "reflector_drain_seconds",
                    "reflector_settle_seconds",
                }
            ),
        ),
    },
    "subscriber": {
        "main": Entry(
            "Deploy the subscriber",
            (
                (
                    "Deploys the function that subscribes new log groups, with the queue in front of it, its dead-letter queues"
                    " with an alarm, and two rules."
                ),
                (
                    "The rule on C(CreateLogGroup) works only if a CloudTrail trail logs management events in the region. The"
                    " daily sweep finds what it missed."
                ),
            ),
            (SUBSCRIBER, ALARMS, MODE, LOG_GROUPS, REFLECTOR_REFERENCE, REFLECTOR_QUEUE),
        ),
        "absent": Entry(
            "Remove the subscriber",
            (
                "Removes the rules, then the function with its log group, settings and alarm, then the queues. Filters stay.",
                (
                    "Events that still wait for the function are lost with their queue. A dead-letter queue that holds messages"
                    " is refused."
                ),
            ),
            (SUBSCRIBER,),
            frozenset(
                {
                    "subscriber_function_name",
                    "subscriber_rule_name",
                    "subscriber_work_queue_name",
                    "subscriber_queue_name",
                    "subscriber_settings_parameter",
                }
            ),
        ),
    },
    "catch_up": {
        "main": Entry(
            "Subscribe the log groups that exist",
            (
                "Gives every log group of the target that the rules choose a filter to the reflector, in one task.",
                (
                    "Filters of others are never touched. C(catch_up_result.catch_up) holds the counts, and a reason for each log"
                    " group that is not subscribed."
                ),
            ),
            (MODE, LOG_GROUPS, CATCH_UP, REFLECTOR_REFERENCE, SUBSCRIBER_REFERENCE),
        ),
        "absent": Entry(
            "Remove our subscriptions",
            ("Removes our account-level policy, and our filters and subscription tags from every log group.",),
            (CATCH_UP, LOG_GROUPS, REFLECTOR_REFERENCE, SUBSCRIBER_REFERENCE),
            frozenset(
                {
                    "catch_up_workers",
                    "log_groups_rate_share",
                    "reflector_function_name",
                    "subscriber_function_name",
                }
            ),
        ),
    },
    "recap": {
        "main": Entry(
            "Print the recap, and fail the targets that failed",
            (
                "Prints what happened on every target, see M(logreflector.aws.recap).",
                (
                    "Fails the targets whose error the entry point C(failure) stored, and those that were not started, so that"
                    " the exit status shows it."
                ),
            ),
            (RECAP,),
        ),
        "failure": Entry(
            "Store why a target failed",
            (("For the rescue of a block. Stores the parts of the error for the recap, and lets the play continue."),),
        ),
    },
    "centralization": {
        "main": Entry(
            "Centralize the logs of an organisation",
            (
                (
                    "Brings the centralization rules of AWS into the state that C(centralization_rules) describes, in the management"
                    " account or a delegated administrator."
                ),
                "C(centralization_result) holds the rules with their health, and notes on what they do not do.",
            ),
            (
                Group(CentralizationOptions, variables="centralization_"),
                Group(StateOption, variables="centralization_"),
            ),
        ),
    },
}
