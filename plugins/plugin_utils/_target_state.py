# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a playbook on one target, read from the variables that its tasks registered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ._failures import LOST, FailedTarget, Parts
from ._outcomes import Outcome

VARIABLES = (
    "target_account_id",
    "target_region",
    "recap_failure",
    "recap_wave",
    "deploy_result",
    "catch_up_result",
    "delivery_check_result",
    "replay_result",
    "release_info_result",
    "dead_letter_info_result",
    "rollback_result",
    "centralization_result",
    "centralization_copies",
    "teardown_unsubscribed",
    "reflector_absent",
    "account_absent",
)
"""The variables that `target_state` reads."""

_CHANGING = (
    "deploy_result",
    "catch_up_result",
    "replay_result",
    "rollback_result",
    "centralization_result",
    "centralization_copies",
)
_REMOVING = ("teardown_unsubscribed", "reflector_absent", "account_absent")
_TWO_WORDS = {"event", "IAM", "inline", "log"}  # event rule, IAM role, inline policy, log group
_RELEASE_TAG = "logreflector.aws/release"

_LOST: Parts = {"message": LOST}


@dataclass(frozen=True, slots=True)
class Impossible:
    """A log group that cannot be subscribed.

    is_full     whether others hold all its filter slots
    holders     the part of the reason that names their filters
    """

    log_group: str
    reason: str
    is_full: bool = False
    holders: str = ""

    def common_reason(self) -> str:
        """Return the reason without what is different for each log group."""
        return self.reason.replace(self.holders, "") if self.holders else self.reason


@dataclass(frozen=True, slots=True)
class Coverage:
    """The log groups of a target, or of several.

    eligible       chosen by the rules, and not of another forwarder
    kept           left out by the rules, but still delivered: our filter is there
    trusted        known by the subscription tag, filter not read
    minutes        that the changes take at AWS's rates; of the slowest target
    incomplete     targets whose run ended before all log groups were served
    stopped_after  the last log group that was served, if one target is incomplete and its result has it
    """

    eligible: int = 0
    subscribed: int = 0
    changed: int = 0
    trusted: int = 0
    excluded: int = 0
    kept: int = 0
    other_forwarders: int = 0
    not_possible: int = 0
    minutes: float = 0.0
    incomplete: int = 0
    stopped_after: str = ""

    @classmethod
    def total(cls, several: Sequence[Coverage]) -> Coverage:
        """Return the sum of several targets. They run at the same time, so the minutes are those of the slowest."""
        numbers = (each.name for each in fields(cls) if each.name not in ("minutes", "stopped_after"))
        sums = {name: sum(getattr(each, name) for each in several) for name in numbers}
        return cls(**sums, minutes=max((each.minutes for each in several), default=0.0))


@dataclass(frozen=True, slots=True)
class DeliveryCheck:
    """Seconds until the test log group had its filter, and from then until its line was at the sink.

    to_copy    seconds until AWS's centralization had copied the line, None for a target that it does not copy
    """

    to_filter: float
    to_sink: float
    to_copy: float | None = None


@dataclass(frozen=True, slots=True)
class ReplayCounts:
    """Numbers of dead letters. `after` is None if SQS did not return it."""

    before: int
    sent: int
    after: int | None
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Dead letters that wait. `summary` is one line about them."""

    messages: int
    oldest_seconds: int | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed function. All but `exists` is empty if it does not exist."""

    exists: bool = False
    release: str = ""
    code: str = ""
    previous: str = ""
    withdrawn: str = ""
    is_foreign: bool = False
    has_drifted: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class TargetState:
    """The result of a run on a target. A part is None if the playbook did not run it.

    wave       its number, None if the target was in none
    stops      whether that wave was the last because too many of its targets failed
    release    that this run deployed
    skipped    why a rollback left the target alone, "" if it did not
    restored   the release that each function went back to, "" if it was left alone
    removed    lines of changes of a teardown
    kept       log groups that the rules leave out and that are still delivered
    centralization  the centralization rules and the copies in words
    """

    name: str
    outcome: Outcome
    account: str = ""
    region: str = ""
    failure: Parts | None = None
    wave: int | None = None
    stops: bool = False
    release: str = ""
    coverage: Coverage | None = None
    impossible: tuple[Impossible, ...] = ()
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    delivery_check: DeliveryCheck | None = None
    replay: ReplayCounts | None = None
    dead_letters: DeadLetters | None = None
    functions: Mapping[str, Function] | None = None
    restored: Mapping[str, str] | None = None
    skipped: str = ""
    removed: Mapping[str, int] = field(default_factory=dict)
    centralization: str = ""

    def failed(self) -> FailedTarget:
        """Return the target with its failure, to be grouped by reason."""
        return FailedTarget(self.name, self.account, self.region, self.failure or _LOST)


def target_state(name: str, variables: Mapping[str, Any], *, waves: bool, lost: bool) -> TargetState:
    """Return the result of a run on a target.

    variables   of the target: those of VARIABLES that are set, as plain values
    waves       whether the playbook takes the targets in waves
    lost        whether Ansible removed the target from the run
    """
    wave = _dict(variables, "recap_wave")
    failure = variables.get("recap_failure") or (_LOST if lost else None)
    deployed = _dict(variables, "deploy_result")
    subscribed = _dict(variables, "catch_up_result") or deployed
    catch_up = _dict(subscribed, "catch_up")
    checked = _dict(variables, "delivery_check_result")
    rolled_back = _dict(variables, "rollback_result")
    with_notes = (
        _dict(deployed, "reflector"),
        _dict(deployed, "centralization"),
        _dict(subscribed, "account_policy"),
        catch_up,
        checked,
    )
    removed = _removed(variables)
    changed = bool(removed) or any(_dict(variables, key).get("changed") for key in _CHANGING)
    outcome: Outcome = "changed" if changed else "ok"
    if failure:
        outcome = "failed"
    elif waves and not wave:
        outcome = "not_started"
    return TargetState(
        name,
        outcome,
        account=str(variables.get("target_account_id") or ""),
        region=str(variables.get("target_region") or ""),
        failure=failure,
        wave=wave.get("number"),
        stops=bool(wave.get("stops")),
        release="" if deployed.get("failed") else _deployed_release(deployed),
        coverage=_coverage(catch_up),
        impossible=tuple(_impossible(catch_up)),
        notes=tuple(note for part in with_notes for note in part.get("notes") or ()),
        kept=tuple(entry["log_group"] for entry in _entries(catch_up, "kept")),
        delivery_check=_delivery_check(checked),
        replay=_replay(_dict(variables, "replay_result")),
        dead_letters=_dead_letters(_dict(variables, "dead_letter_info_result") or _dict(deployed, "reflector")),
        functions=_functions(_dict(variables, "release_info_result")),
        restored=_restored(rolled_back),
        skipped=rolled_back.get("left_alone") or "",
        removed=removed,
        centralization=_centralization(variables),
    )


def _centralization(variables: Mapping[str, Any]) -> str:
    """Return the numbers of centralization rules and of copies' log groups, "" if the playbook did not read them."""
    parts = []
    if rules := _dict(variables, "centralization_result").get("rules"):
        healthy = sum(rule.get("problem") is None for rule in rules)
        parts.append(f"{len(rules):,} centralization rules, {healthy:,} of them healthy")
    counts = _dict(_dict(variables, "centralization_copies"), "counts")
    if counts.get("log_groups"):
        never = counts["never_expire"] - counts["changed"]
        parts.append(f"{counts['log_groups']:,} log groups of copies, {max(never, 0):,} of them never expire")
    return "; ".join(parts)


def _dict(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _deployed_release(deployed: Mapping[str, Any]) -> str:
    tags = _dict(_dict(_dict(deployed, "reflector"), "function"), "tags")
    return str(tags.get(_RELEASE_TAG, "")).partition(" ")[0]


def _coverage(catch_up: Mapping[str, Any]) -> Coverage | None:
    counts = _dict(catch_up, "counts")
    if not counts:
        return None
    excluded, gone = counts.get("excluded", 0), counts.get("gone", 0) + counts.get("in_deletion", 0)
    kept, others = counts.get("kept", 0), counts.get("other_forwarders", 0)
    incomplete = catch_up.get("complete") is False
    return Coverage(
        eligible=counts.get("groups", 0) - excluded - gone - kept - others,
        subscribed=counts.get("subscribed", 0),
        changed=counts.get("changed", 0),
        trusted=counts.get("known_by_tag", 0),
        excluded=excluded,
        kept=kept,
        other_forwarders=others,
        not_possible=counts.get("not_possible", 0),
        minutes=_dict(catch_up, "estimate").get("minutes", 0.0),
        incomplete=int(incomplete),
        stopped_after=(catch_up.get("stopped_after") or "") if incomplete else "",
    )


def _entries(catch_up: Mapping[str, Any], outcome: str) -> Iterable[Mapping[str, Any]]:
    return (entry for entry in catch_up.get("not_subscribed") or () if entry["outcome"] == outcome)


def _impossible(catch_up: Mapping[str, Any]) -> Iterable[Impossible]:
    for entry in _entries(catch_up, "not_possible"):
        is_full = entry.get("cause") == "slots"
        yield Impossible(entry["log_group"], entry["reason"], is_full, entry.get("holders") or "")


def _delivery_check(result: Mapping[str, Any]) -> DeliveryCheck | None:
    found = _dict(result, "delivery_check")
    if "seconds_to_delivery" not in found:
        return None
    to_copy = found.get("seconds_to_copy")
    to_filter = found.get("seconds_to_subscription", 0.0)
    return DeliveryCheck(to_filter, found["seconds_to_delivery"], to_copy)


def _replay(result: Mapping[str, Any]) -> ReplayCounts | None:
    counts = _dict(result, "counts")
    if not counts:
        return None
    return ReplayCounts(counts["before"], counts["sent"], counts["after"], result.get("stopped") or "")


def _dead_letters(result: Mapping[str, Any]) -> DeadLetters | None:
    found = _dict(result, "dead_letters")
    if not found.get("exists"):
        return None
    return DeadLetters(found["messages"], found["oldest_seconds"], found["summary"])


def _functions(result: Mapping[str, Any]) -> Mapping[str, Function] | None:
    if "reflector" not in result:
        return None
    return {part: _function(_dict(result, part)) for part in ("reflector", "subscriber")}


def _function(info: Mapping[str, Any]) -> Function:
    if not info.get("exists"):
        return Function()
    return Function(
        exists=True,
        release=info.get("release") or "",
        code=str(info.get("code_sha256") or ""),
        previous=_dict(info, "previous").get("release", ""),
        withdrawn=_dict(info, "withdrawn").get("release", ""),
        is_foreign=info.get("ours") is False,
        has_drifted=bool(info.get("drifted")),
        failure=info.get("failure") or "",
    )


def _restored(result: Mapping[str, Any]) -> Mapping[str, str] | None:
    if not result or result.get("failed"):
        return None
    return {part: _dict(_dict(result, part), "restored").get("release", "") for part in ("reflector", "subscriber")}


def _removed(variables: Mapping[str, Any]) -> Mapping[str, int]:
    """Return how many things of which kind a teardown removed, or would remove, by the first words of its changes."""
    lines = [line for key in _REMOVING for line in _dict(variables, key).get("changes") or ()]
    counts: Counter[str] = Counter()
    kind = ""
    for line in lines:
        words = str(line).split()
        if words[:1] == ["and"] and words[2:] == ["more"]:  # of the line before
            counts[kind] += int(words[1].replace(",", ""))
        else:
            kind = " ".join(words[: 3 if words[1:2] and words[1] in _TWO_WORDS else 2])
            counts[kind] += 1
    return dict(counts.most_common())
