# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cause, one line: what failed on hundreds of targets, without what only tells the targets apart."""

from __future__ import annotations

DOCUMENTATION = r"""
name: failures_by_reason
short_description: Group targets that failed by their reason
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Puts targets together that failed for one cause. Two reasons are the same when they differ only in the target's name, account and region, in
    the names within ARNs, in ids of requests and log streams, and in how many seconds it took.
  - The largest group comes first, and among equals the one whose first target comes first.
options:
  _input:
    description:
      - "The variables of each target that failed, such as C(hostvars) holds them: C(inventory_hostname) and C(recap_failure); C(target_region)
        where it is set."
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what failed, a line for each cause
  ansible.builtin.debug:
    msg: "{{ failures | map(attribute='reason') | list }}"
  vars:
    failures: >-
      {{ ansible_play_hosts_all | map('extract', hostvars) | selectattr('recap_failure', 'defined')
         | logreflector.aws.failures_by_reason }}
  run_once: true
"""

RETURN = r"""
_value:
  description: One entry for each cause.
  type: list
  elements: dict
  contains:
    reason:
      description:
        - What the targets have in common. C(<target>), C(<account>), C(<region>) and C(<id>) stand for what is each target's own.
        - Of a single target it is the failure as it was.
      type: str
    targets:
      description: Their names, in the order of the input.
      type: list
      elements: str
  sample:
    - reason: >-
        Could not assume the role arn:aws:iam::<account>:role/log-reflector-deployer in <account>/<region>: AccessDenied: not authorized.
      targets:
        - shop.eu-west-1
        - shop.us-east-1
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from jinja2 import UndefinedError

_REGION = re.compile(r"(?<![a-z0-9])[a-z]{2}(?:-[a-z]+){1,2}-[1-9](?![0-9])")
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])")
# A UUID as most services give; hexadecimal with digits and letters, such as a canary's.
_ID = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{12,})(?![0-9A-Za-z])"
)
_ARN_NAME = re.compile(r"(\barn:[^:\s]*:[^:\s]*:[^:\s]*:[^:\s]*:)[^\s'\",;)]+")
_SECONDS = re.compile(r"\b[0-9]+(?:\.[0-9]+)?(?= ?(?:s|ms|seconds)\b)")


def general(reason: str, host: str, region: str = "") -> str:
    """The reason without what is the target's own: its name, any account, any region, any id of a request.

    region   the target's, for one whose name is no usual one
    """
    text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "<target>", reason) if host else reason
    text = _ACCOUNT.sub("<account>", _ID.sub("<id>", text))  # an id may end in twelve digits
    text = _REGION.sub("<region>", text)
    if region:
        text = re.sub(rf"(?<![\w-]){re.escape(region)}(?![\w-])", "<region>", text)
    return text


def _cause(reason: str) -> str:
    """What two general reasons have to share to be one cause: the names within ARNs and the seconds do not count."""
    return _SECONDS.sub("<seconds>", _ARN_NAME.sub(r"\1<name>", reason))


def _region(target: Mapping[str, Any]) -> str:
    """The target's region, or nothing where the inventory's template for it cannot be rendered: that may be why it failed."""
    try:
        return str(target.get("target_region") or "")
    except (AnsibleError, UndefinedError):
        return ""


def failures_by_reason(targets: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """See the documentation above."""
    groups: dict[str, dict[str, Any]] = {}
    for target in targets:
        host, failure = str(target["inventory_hostname"]), str(target["recap_failure"])
        reason = general(failure, host, _region(target))
        group = groups.setdefault(_cause(reason), {"reason": failure, "general": reason, "targets": []})
        group["targets"].append(host)
    return [
        {"reason": group["reason" if len(group["targets"]) == 1 else "general"], "targets": group["targets"]}
        for group in sorted(groups.values(), key=lambda group: -len(group["targets"]))
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"failures_by_reason": failures_by_reason}
