# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read which release a function runs and which releases are kept."""

from __future__ import annotations

from ..._plan import Result
from ..._retry import RetryPolicy
from ..._session import Target
from ..ownership import RELEASE_KEY, has_owner_tag
from .api import FunctionApi
from .release import Releases, digest_of, released
from .state import Function, check_function_name

_ABSENT: Result = dict.fromkeys(
    ("ours", "release", "code_sha256", "architecture", "drifted", "runtime", "last_modified", "state", "failure")
)


def release_info(target: Target, name: str) -> Result:
    """Return which release the function runs, which ones are kept, and whether the function drifted from its release.

    Two calls, and a third one if the function may have drifted.
    """
    api = FunctionApi(target, check_function_name(name), None, RetryPolicy())
    answer = api.get()
    if not answer:
        return {"changed": False, "exists": False, **_ABSENT, **Releases().plain()}
    function = Function.from_api(answer, {})
    releases = Releases.from_aliases(api.list_aliases())
    return {
        "changed": False,
        "exists": True,
        "ours": None if function.tags is None else has_owner_tag(function.tags),
        "release": released((function.tags or {}).get(RELEASE_KEY)),
        "code_sha256": function.code_sha256,
        "architecture": function.architecture,
        "drifted": _drifted(api, function, releases),
        "runtime": function.configuration.runtime,
        "last_modified": function.last_modified,
        "state": function.state,
        "failure": function.failure or None,
        **releases.plain(),
    }


def _drifted(api: FunctionApi, function: Function, releases: Releases) -> bool | None:
    """Return whether the function differs from its current release, None if none is kept or the caller may not read it."""
    current = releases.current
    if not current or function.configuration.environment is None:
        return None
    if current.digest == digest_of(function):
        return False
    answer = api.get_version(current.version)
    return not answer or digest_of(Function.from_version(answer["Configuration"])) != digest_of(function)
