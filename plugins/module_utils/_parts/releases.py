# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The releases of a target's functions: which one runs, and the way back to the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from .._options.option import read
from .._options.subscriber import SubscriberOptions
from .._plan import Params, Result
from .._resources.function.info import release_info
from .._resources.function.rollback import roll_back
from .._session import Target
from .run import Run
from .subscriber import restore_rules

_KEPT_RULES = "EVENT_RULES"

Info = Mapping[str, Any]


def read_releases(target: Target, params: Params, _check_mode: bool) -> Result:
    """Do the work of the module release_info."""
    return {"changed": False, **_releases(target, _functions(params))}


def roll_back_target(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module release_rollback: return what the last deployment changed."""
    functions = _functions(params)
    releases = _releases(target, functions)
    chosen = functions_to_roll_back(releases, params["release"])
    run = Run(target, check_mode=check_mode)
    rules = ""
    for part in chosen:
        work = partial(
            roll_back,
            target,
            functions[part],
            variables=(_KEPT_RULES,) if part == "subscriber" else (),
            wait_seconds=params["wait_timeout"],
            check_mode=check_mode,
        )
        rules = (run.add(part, work).get("variables") or {}).get(_KEPT_RULES, rules)
    # After the subscriber: a rule that lets more events through would send them to one that cannot read them yet.
    if rules:
        restore_rules(run, read(SubscriberOptions, params, "subscriber_"), json.loads(rules))
    return {
        **run.finish(),
        "functions": chosen,
        "left_alone": "" if chosen else _nothing_to_do(releases, params["release"]),
    }


def _nothing_to_do(functions: Mapping[str, Info], release: str) -> str:
    """Return why no function is rolled back."""
    if not any(info["exists"] for info in functions.values()):
        return "nothing is deployed"
    return f"it does not run release {release}" if release else "no release before is kept"


def _functions(params: Params) -> dict[str, str]:
    """Return the names of the functions by part, in the order of deployment."""
    return {part: params[f"{part}_function_name"] for part in ("reflector", "subscriber")}


def _releases(target: Target, functions: Mapping[str, str]) -> dict[str, Result]:
    found = target.together(*(partial(release_info, target, name) for name in functions.values()))
    return {
        part: {key: value for key, value in info.items() if key != "changed"}
        for part, info in zip(functions, found, strict=True)
    }


def functions_to_roll_back(functions: Mapping[str, Info], release: str = "") -> list[str]:
    """Return the functions that the last deployment changed, in the order of deployment.

    A function that this deployment did not change would go back too far.

    * A function with an unfinished release goes back, and so do those before it in the order of deployment if they came
      from the release that it goes back to. The deployment had not reached those after it.
    * If every release is finished, functions that went from one release to the same other one go back together. If they
      differ, a change that kept the name of the release came after one that gave a new name, and it alone goes back.
    * After a rollback the same functions are chosen, for which nothing is to be done then.
    * If no function has a release to go back to, none is chosen.

    functions   the result of `release_info` for each, in the order of deployment
    release     if given, nothing goes back unless a function runs it, ran it before a rollback, or has it unfinished. The
                part of a release's name before a "+" matches too
    """
    names = list(functions)
    unfinished = [name for name in names if _is_unfinished(functions[name])]
    steps = {name: step for name, info in functions.items() if (step := _step(info))}
    newer = {(info["withdrawn"] or info["current"] or {}).get("release") for info in functions.values()}
    if release and not unfinished and not any(name and release in (name, name.partition("+")[0]) for name in newer):
        return []
    if unfinished:
        base = functions[unfinished[0]]["current"]["release"]
        before = names[: names.index(unfinished[0])]
        return [name for name in before if name in steps and steps[name][1] == base] + unfinished
    if len(set(steps.values())) > 1:
        return [name for name, (left, right) in steps.items() if left == right] or list(steps)
    return list(steps)


def _is_unfinished(info: Info) -> bool:
    """Return whether the function runs an incomplete release, or ran one until a rollback."""
    withdrawn = info["withdrawn"]
    return bool(withdrawn.get("unfinished") if withdrawn else info["drifted"])


def _step(info: Info) -> tuple[str, str] | None:
    """Return the names of the release to leave and of the one to return to."""
    newer = info["withdrawn"] or info["current"]
    older = info["previous"] or (info["current"] if info["withdrawn"] else None)
    return (newer["release"], older["release"]) if newer and older else None
