# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recap of a run: what happened on every target, as lines of text."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._failures import FailedTarget, group_by_reason, pattern, printable
from ._outcomes import OUTCOMES, Outcome, plural, summary, word
from ._target_state import Coverage, DeliveryCheck, Function, Impossible, ReplayCounts, TargetState

_EXAMPLES = 3  # log groups named for each reason
_NOTES = 5
_NAMES_IN_A_LINE = 4
_CODE = 12  # characters of a package's hash
_ACCOUNT_POLICY = "https://github.com/logreflector/logreflector.aws/blob/main/docs/ACCOUNT_POLICY.md"


@dataclass(frozen=True, slots=True)
class Recap:
    """The states of all targets of a run, and how to print them.

    lines        most targets that get a line each if nothing is wrong with them
    retry_file   as the user gave it, "" for none
    """

    title: str
    states: Sequence[TargetState]
    check_mode: bool = False
    lines: int = 30
    retry_file: str = ""
    _by_outcome: dict[Outcome, list[TargetState]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the targets by outcome."""
        for outcome in OUTCOMES:
            self._by_outcome[outcome] = [state for state in self.states if state.outcome == outcome]

    def counts(self) -> dict[Outcome, int]:
        """Return the number of targets by outcome."""
        return {outcome: len(states) for outcome, states in self._by_outcome.items()}

    def left(self) -> list[str]:
        """Return the names of the targets that failed or were not started."""
        return [state.name for outcome in ("failed", "not_started") for state in self._by_outcome[outcome]]

    def text(self) -> list[str]:
        """Return all lines, without control characters."""
        checked = ". Check mode: nothing was changed" if self.check_mode else ""
        done = [state for state in self.states if state.outcome in ("changed", "ok")]
        lines = [
            f"{self.title}, {summary(self.counts(), check_mode=self.check_mode)}{checked}.",
            *self._targets(done),
            *self._total(done),
            *_impossible_lines(self.states),
            *_kept_lines(self.states),
            *_dead_letter_lines(self.states),
            *_note_lines(self.states),
            *failure_lines(state.failed() for state in self._by_outcome["failed"]),
            *self._not_started(),
            *self._next_steps(),
        ]
        return list(map(printable, lines))

    def report(self) -> dict[str, Any]:
        """Return the figures for machines: of all targets, and of each target that has some."""
        figures = {state.name: _figures(state) for state in self.states}
        coverages = [state.coverage for state in self.states if state.coverage]
        return {
            "coverage": dataclasses.asdict(Coverage.total(coverages)) if coverages else None,
            "targets": {name: found for name, found in figures.items() if found},
        }

    def _targets(self, done: Sequence[TargetState]) -> Iterator[str]:
        if any(state.functions or state.restored for state in done):
            yield from _grouped_targets(done, self.check_mode)
        elif len(done) <= self.lines:
            for state in done:
                details = "; ".join(_details(state, self.check_mode))
                outcome = word(state.outcome, check_mode=self.check_mode)
                yield f"{state.name}: {outcome}{f'. {details}' if details else ''}."

    def _total(self, done: Sequence[TargetState]) -> Iterator[str]:
        """Yield the sums over all targets, if there are several."""
        if len(done) < 2:
            return
        details = "; ".join(_total_details(done, self.check_mode))
        if details:
            yield f"All {len(done):,} targets: {details}."

    def _not_started(self) -> Iterator[str]:
        waiting = self._by_outcome["not_started"]
        if not waiting:
            return
        last = next((state.wave for state in self.states if state.stops), None)
        reason = (
            f"wave {last} exceeded its failure limit"
            if last is not None
            else "too many targets of the wave before failed"
            if self._by_outcome["failed"]
            else "no task of a wave ran. Do not use --tags or --skip-tags with this playbook"
        )
        yield f"{plural(len(waiting), 'target')} not started: {reason}."

    def _next_steps(self) -> Iterator[str]:
        left = self.left()
        if not left or self.check_mode:
            return
        if self.retry_file:
            yield (
                f"To run the {plural(len(left), 'target')} again that failed or did not start: "
                f"the same command with --limit @{self.retry_file}"
            )
        for release in sorted({state.release for state in self.states if state.release})[:_NOTES]:
            yield (
                "To take the new release back from the targets that have it: "
                f"logreflector.aws.rollback -e rollback_release={release}"
            )


def _figures(state: TargetState) -> dict[str, Any]:
    names = ("coverage", "delivery_check", "replay", "dead_letters")
    parts = {name: getattr(state, name) for name in names}
    return {name: dataclasses.asdict(part) for name, part in parts.items() if part}


def wave_line(number: int, of: int, counts: Mapping[str, int], allowed: str, *, stops: bool) -> str:
    """Return the result of a wave. `counts` has the keys ok and failed."""
    stop = " The remaining waves do not start." if stops and number < of else ""
    return f"Wave {number} of {of}: {plural(counts['ok'], 'target')} ok, {counts['failed']:,} failed (limit {allowed}).{stop}"


def failure_lines(failed: Iterable[FailedTarget]) -> Iterator[str]:
    """Yield the failures, those of several targets with one reason together."""
    for group in group_by_reason(failed):
        if len(group.targets) == 1:
            yield f"{group.targets[0]}: failed. {group.sentence}"
        else:
            yield f"{plural(len(group.targets), 'target')}: failed. {group.sentence}"
            yield from _names(group.targets)


def _names(names: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(names), _NAMES_IN_A_LINE):
        yield f"    {', '.join(names[start : start + _NAMES_IN_A_LINE])}"


def _details(state: TargetState, check_mode: bool) -> Iterator[str]:
    if state.coverage:
        yield coverage_text(state.coverage, check_mode=check_mode)
    if state.delivery_check:
        yield delivery_check_text([state.delivery_check])
    if state.replay:
        yield replay_text([state.replay], check_mode=check_mode)
    if state.removed:
        yield removed_text([state.removed], check_mode=check_mode)
    if state.centralization:
        yield state.centralization


def _total_details(done: Sequence[TargetState], check_mode: bool) -> Iterator[str]:
    if coverages := [state.coverage for state in done if state.coverage]:
        yield coverage_text(Coverage.total(coverages), check_mode=check_mode)
    if checks := [state.delivery_check for state in done if state.delivery_check]:
        yield delivery_check_text(checks)
    if replays := [state.replay for state in done if state.replay]:
        yield replay_text(replays, check_mode=check_mode)
    if removed := [state.removed for state in done if state.removed]:
        yield removed_text(removed, check_mode=check_mode)


def coverage_text(coverage: Coverage, *, check_mode: bool) -> str:
    """Return how many log groups are subscribed, and what was or would be changed."""
    parts = [_subscribed(coverage, check_mode)]
    if coverage.changed:
        parts.append(f"{coverage.changed:,} {'to change' if check_mode else 'changed'}")
    else:
        parts.append("no changes")
    for count, text in (
        (coverage.trusted, "trusted by tag, not read again"),
        (coverage.excluded, "excluded"),
        (coverage.other_forwarders, "of other forwarders"),
        (coverage.kept, "excluded but STILL DELIVERED"),
        (coverage.not_possible, "cannot be subscribed"),
    ):
        if count:
            parts.append(f"{count:,} {text}")
    if check_mode and coverage.minutes >= 1:
        parts.append(f"the changes take about {plural(round(coverage.minutes), 'minute')} at AWS's rates")
    if coverage.incomplete:
        parts.append(_incomplete(coverage))
    return "; ".join(parts)


def _subscribed(coverage: Coverage, check_mode: bool) -> str:
    verb = "would be subscribed" if check_mode and coverage.changed else "subscribed"
    if not coverage.eligible:
        return "no eligible log groups"
    # Rounded down: 100 % means all.
    percent = math.floor(1000 * coverage.subscribed / coverage.eligible) / 10
    return f"{coverage.subscribed:,} of {coverage.eligible:,} eligible log groups {verb} ({percent:g} %)"


def _incomplete(coverage: Coverage) -> str:
    if coverage.incomplete > 1:
        return (
            f"INCOMPLETE on {coverage.incomplete:,} targets: catch_up_max_seconds ended the run, the next run continues"
        )
    after = f" after log group {coverage.stopped_after}" if coverage.stopped_after else ""
    return f"INCOMPLETE: catch_up_max_seconds ended the run{after}, the next run continues there"


def delivery_check_text(checks: Sequence[DeliveryCheck]) -> str:
    """Return how long the delivery checks took. Of several, the slowest counts."""
    copied = [each for each in checks if each.to_copy is not None]
    others = [each for each in checks if each.to_copy is None]
    texts = []
    if others:
        steps = {"filter": max(each.to_filter for each in others), "line": max(each.to_sink for each in others)}
        texts.append(
            _check_text(others, "filter after{most} {filter:.1f} s, line at the sink{most} {line:.1f} s later", steps)
        )
    if copied:
        steps = {"copy": max(each.to_copy or 0.0 for each in copied), "line": max(each.to_sink for each in copied)}
        texts.append(
            _check_text(copied, "copy after{most} {copy:.1f} s, line at the sink after{most} {line:.1f} s", steps)
        )
    return "; ".join(texts)


def _check_text(checks: Sequence[DeliveryCheck], text: str, steps: Mapping[str, float]) -> str:
    if len(checks) == 1:
        return f"delivery check: {text.format(most='', **steps)}"
    return f"{len(checks):,} delivery checks: {text.format(most=' at most', **steps)}"


def replay_text(replays: Sequence[ReplayCounts], *, check_mode: bool) -> str:
    """Return the numbers of dead letters before, sent again and left."""
    before, sent = sum(each.before for each in replays), sum(each.sent for each in replays)
    if not before and not sent:
        return "no dead letters"
    after = [each.after for each in replays]
    left = "an unknown number" if None in after else f"{sum(filter(None, after)):,}"
    done = "to send again" if check_mode else "sent again and accepted"
    text = f"{plural(before, 'dead letter')}, {sent:,} {done}, {left} {'would be left' if check_mode else 'left'}"
    if len(replays) == 1 and replays[0].stopped:
        return f"{text}; stopped: {replays[0].stopped}"
    return text


def removed_text(several: Sequence[Mapping[str, int]], *, check_mode: bool) -> str:
    """Return what a teardown removed, or would remove, by kind."""
    counts: Counter[str] = Counter()
    for each in several:
        counts.update(each)
    kinds = ", ".join(f"{kind} ({count:,})" for kind, count in counts.most_common())
    return f"{plural(counts.total(), 'change')}{' to make' if check_mode else ''}: {kinds}"


def _grouped_targets(done: Sequence[TargetState], check_mode: bool) -> Iterator[str]:
    """Yield the targets, those whose functions have the same text together."""
    groups: dict[str, list[str]] = {}
    for state in done:
        if state.skipped:
            text = f"left as it is, {state.skipped}"
        elif state.restored is not None:
            changed = state.outcome == "changed"
            text = ", ".join(
                f"{part} {_restored_text(release, changed, check_mode)}" for part, release in state.restored.items()
            )
        else:
            text = ", ".join(function_text(part, function) for part, function in (state.functions or {}).items())
        groups.setdefault(text, []).append(state.name)
    for text, names in groups.items():
        yield f"{plural(len(names), 'target')}: {text}"
        yield from _names(names)


def _restored_text(release: str, changed: bool, check_mode: bool) -> str:
    if not release:
        return "left as it is"
    if not changed:
        return f"is already back at {release}"
    return f"{'would go back to' if check_mode else 'is back at'} {release}"


def function_text(name: str, function: Function) -> str:
    """Return the release of a function, and what is wrong with it."""
    if not function.exists:
        return f"no {name}"
    before = (
        f"release before: {function.previous}"
        if function.previous
        else f"withdrawn: {function.withdrawn}"
        if function.withdrawn
        else "no release before"
    )
    text = f"{name} {function.release or 'without a release'} (package {function.code[:_CODE]}, {before})"
    for is_so, warning in (
        (function.is_foreign, ", WITHOUT THE OWNER TAG"),
        (function.has_drifted, ", CHANGED since its release"),
        (bool(function.failure), f", BROKEN: {function.failure}"),
    ):
        text += warning if is_so else ""
    return text


def _impossible_lines(states: Sequence[TargetState]) -> Iterator[str]:
    """Yield the log groups that cannot be subscribed, counted by reason."""
    groups: dict[str, list[tuple[TargetState, Impossible]]] = {}
    for state in states:
        for entry in state.impossible:
            reason = pattern(_general(state, entry.common_reason()))
            groups.setdefault(reason, []).append((state, entry))
    if not groups:
        return
    total = sum(state.coverage.not_possible for state in states if state.coverage)
    yield f"{plural(total, 'log group')} cannot be subscribed:"
    for members in sorted(groups.values(), key=len, reverse=True):
        yield from _impossible_group(members)
    if full := sum(entry.is_full for state in states for entry in state.impossible):
        yield (
            f"    {plural(full, 'log group')} without a free filter slot: to deliver them as well, set "
            f"catch_up_on_full: account_policy ({_ACCOUNT_POLICY})"
        )


def _impossible_group(members: Sequence[tuple[TargetState, Impossible]]) -> Iterator[str]:
    targets = len({state.name for state, _entry in members})
    examples = ", ".join(f"{entry.log_group} in {state.name}" for state, entry in members[:_EXAMPLES])
    more = len(members) - _EXAMPLES
    state, first = members[0]
    is_common = targets == 1 or all(entry.reason == first.reason for _state, entry in members)
    reason = first.reason if is_common else _general(state, first.reason)
    yield f"    {len(members):,} on {plural(targets, 'target')}: {reason}"
    yield f"        {examples}{f' and {more:,} more' if more > 0 else ''}"


def _general(state: TargetState, text: str) -> str:
    """Return the text with placeholders for the target's name, account and region."""
    return FailedTarget(state.name, state.account, state.region, {}).generalise(text)


def _kept_lines(states: Sequence[TargetState]) -> Iterator[str]:
    """Yield the log groups that the rules leave out and that are still delivered."""
    total = sum(state.coverage.kept for state in states if state.coverage)
    if not total:
        return
    named = [f"{log_group} in {state.name}" for state in states for log_group in state.kept][:_EXAMPLES]
    more = f" and {total - len(named):,} more" if total > len(named) else ""
    yield f"{plural(total, 'excluded log group')} still delivered: {', '.join(named)}{more}"
    yield "    To stop their delivery, set catch_up_purge: true"


def _dead_letter_lines(states: Sequence[TargetState]) -> Iterator[str]:
    """Yield the dead letters that wait, the targets with the most first."""
    waiting = [
        (state.name, state.dead_letters) for state in states if state.dead_letters and state.dead_letters.messages
    ]
    if not waiting:
        return
    waiting.sort(key=lambda item: -item[1].messages)
    total = sum(each.messages for _name, each in waiting)
    yield (
        f"WARNING: {plural(total, 'dead letter')} on {plural(len(waiting), 'target')}. SQS deletes them after 14 days. "
        "Remove the cause, then send them again: logreflector.aws.replay"
    )
    for name, each in waiting[:_NOTES]:
        yield f"    {name}: {each.summary}"
    if len(waiting) > _NOTES:
        yield f"    and {plural(len(waiting) - _NOTES, 'more target')}"


def _note_lines(states: Sequence[TargetState]) -> Iterator[str]:
    notes = [(state.name, note) for state in states for note in state.notes]
    for name, note in notes[:_NOTES]:
        yield f"{name}: note: {note}"
    if len(notes) > _NOTES:
        yield f"and {len(notes) - _NOTES:,} more notes"
