# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Which release a function runs, and which ones are kept."""

from __future__ import annotations

from typing import Any

from .._plan import Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .function_api import FunctionApi
from .function_release import Releases, digest_of, released, unmarked
from .function_state import Function, check_function_name
from .ownership import RELEASE_KEY, has_owner_tag

_ABSENT: Result = dict.fromkeys(
    ("ours", "release", "code_sha256", "architecture", "drifted", "runtime", "last_modified", "state", "failure")
)


def read_function(target: Target, params: Params, _check_mode: bool) -> Result:
    """The work of lambda_function_info. Two calls; a third only where a function may be another than its release was."""
    name = check_function_name("function_name", params["function_name"])
    api = FunctionApi(target, name, None, RetryPolicy())
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
        "runtime": function.settings.runtime,
        "last_modified": function.last_modified,
        "state": function.state,
        "failure": function.failure or None,
        **releases.plain(),
    }


def _drifted(api: FunctionApi, function: Function, releases: Releases) -> bool | None:
    """Whether it is another than its current release was; None where it keeps none or nobody may look."""
    current = releases.current
    if not current or function.settings.environment is None:
        return None
    if current.digest == digest_of(function):
        return False
    answer: dict[str, Any] | None = api.get_version(current.version)
    if not answer:
        return True
    return digest_of(Function.from_api({"Configuration": unmarked(answer["Configuration"])}, {})) != digest_of(function)
