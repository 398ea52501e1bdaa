# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the account's execution roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .option import option

_NO_TAGS: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class AccountOptions:
    """Both execution roles of an account."""

    permissions_boundary: str | None = option(
        None,
        "ARN of the permissions boundary of both roles. Left alone if not given.",
        aliases=("boundary", "boundary_policy_arn"),
    )
    kept_managed_policies: tuple[str, ...] = option(
        (),
        "ARNs of managed policies that may be attached to both roles, such as one that your organisation attaches to every"
        " role. All others are detached, because permissions that others added must not stay. C({partition}) and C({account}) are replaced.",
        "The collection itself attaches none.",
    )
    keep_previous: bool = option(
        True,
        "Whether a role keeps its former inline policy in addition to the present one, as C(log-reflector-previous).",
        "The functions need it while they change to the next release, and after a rollback. It also keeps rights that you"
        " took away, such as access to a bucket, until the next change. V(false) removes them at once.",
    )
    tags: Mapping[str, Any] = option(_NO_TAGS, "Tags of both roles. Other tags stay.", aliases=("resource_tags",))
