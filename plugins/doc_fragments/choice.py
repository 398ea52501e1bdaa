# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options CHOICE in module_utils/_argspec.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that choose among the log groups of a target."""

    DOCUMENTATION = r"""
options:
  include:
    description:
      - Patterns of log group names to take, shell-style over the whole name, or C(re:) and a regular expression that is
        searched for in the name.
      - The exact words C({partition}), C({region}) and C({account}) are replaced as in O(destination_arn), as they are in the
        subscriber's rules. Other braces stay.
    type: list
    elements: str
    default: ['*']
  exclude:
    description: Patterns of log group names to leave out, as in O(include). They win over O(include).
    type: list
    elements: str
    default: []
  include_tags:
    description:
      - Tags that a log group must carry to be taken, up to five. Each key has a value, a list of values of which one must be
        there, or V("") for any value.
      - AWS filters by them, in one call for a thousand log groups.
    type: dict
  exclude_tags:
    description: Tags that exclude a log group that carries one of them, written as in O(include_tags).
    type: dict
  created_after:
    description: Only log groups that were created then or later, an ISO 8601 date or date and time. Without a zone it is UTC.
    type: str
  created_before:
    description: Only log groups that were created before, written as in O(created_after).
    type: str
  own_functions:
    description:
      - Names of other Lambda functions of the delivery. Their log groups are never subscribed.
      - These are the default names, and the log groups in the logging configurations of the functions and of the
        reflector. Reading those needs the permission C(lambda:GetFunctionConfiguration).
      - If one of the functions runs in a VPC, the log groups of its flow logs are excluded as well. That needs
        the permission C(ec2:DescribeFlowLogs).
    type: list
    elements: str
    default: [log-reflector-subscriber]
  own_log_groups:
    description:
      - Names, and patterns as in O(include), of more log groups that the delivery writes to, such as those of a service behind
        the reflector. They are never subscribed.
    type: list
    elements: str
    default: []
"""
