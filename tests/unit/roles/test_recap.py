"""What the recap says of log groups, of one target and of many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.filter.failures_by_reason import failures_by_reason
from jinja2 import ChainableUndefined, Environment, FileSystemLoader

TEMPLATES = Path(__file__).resolve().parents[3] / "roles" / "recap" / "templates"
COUNTS = {"groups": 12, "subscribed": 7, "changed": 0, "excluded": 3, "not_possible": 2}


def recap(*results: dict[str, Any], check_mode: bool = False, lines: int = 30) -> str:
    """The recap of targets whose catch-up came to these results."""
    # As Ansible's own environment: what is missing in what is missing is missing.
    environment = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, undefined=ChainableUndefined)
    environment.filters["extract"] = lambda key, container: container[key]
    environment.filters["logreflector.aws.failures_by_reason"] = failures_by_reason
    environment.tests["search"] = lambda text, part: part in text
    hosts = {
        f"target-{number}": {
            "inventory_hostname": f"target-{number}",
            "deploy_result" if number % 2 else "catch_up_result": {"steps": {"catch_up": result}},
        }
        for number, result in enumerate(results)
    }
    return environment.get_template("recap.txt.j2").render(
        hostvars=hosts,
        ansible_play_hosts=list(hosts),
        ansible_play_hosts_all=list(hosts),
        ansible_check_mode=check_mode,
        recap_title="Catch-up",
        recap_waves=False,
        recap_releases=False,
        recap_retry_file="",
        recap_lines=lines,
        recap_failed=[],
        recap_lost=[],
        recap_waiting=[],
        recap_left=[],
    )


def catch_up(
    estimate: float = 0.0, *, complete: bool = True, after: str | None = None, **counts: int
) -> dict[str, Any]:
    return {
        "counts": {**COUNTS, **counts},
        "estimate": {"calls": {}, "minutes": estimate},
        "complete": complete,
        "stopped_after": after,
    }


USUAL = "ok, 12 log groups, 7 subscribed (0 changed), 3 excluded, 2 not possible\n"


def test_what_was_looked_at_has_no_more_to_say() -> None:
    assert f"target-0: {USUAL}" in recap(catch_up())


def test_notes_are_told_but_not_without_end() -> None:
    told = recap({**catch_up(), "notes": [f"note {number}" for number in range(7)]})
    assert "    note 0\n" in told
    assert "    note 4\n    and 2 more notes\n" in told
    assert "    and" not in recap({**catch_up(), "notes": ["one"]})


def test_the_account_policy_has_no_marks_to_go_by() -> None:
    assert f"target-0: {USUAL}" in recap({"counts": COUNTS})


def test_what_was_not_looked_at_is_told() -> None:
    assert "7 subscribed (0 changed, 5 known by their marks)" in recap(catch_up(known_by_tag=5))


@pytest.mark.parametrize(
    ("minutes", "check_mode", "told"),
    [
        (17.2, True, ", to take about 17 minutes at AWS's rate\n"),
        (17.2, False, "2 not possible\n"),
        (0.4, True, "2 not possible\n"),
    ],
)
def test_a_run_that_only_looks_says_how_long_it_would_take(minutes: float, check_mode: bool, told: str) -> None:
    assert told in recap(catch_up(minutes), check_mode=check_mode)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("/aws/lambda/m", "NOT COMPLETE in catch_up_max_seconds, after log group /aws/lambda/m: the next run goes on"),
        (None, "NOT COMPLETE in catch_up_max_seconds: the next run goes on there"),
    ],
)
def test_a_run_that_had_to_stop_says_where(after: str | None, told: str) -> None:
    assert told in recap(catch_up(complete=False, after=after))


@pytest.mark.parametrize(("slots", "told"), [(True, 1), (False, 0)])
def test_who_has_full_log_groups_hears_of_what_serves_them(slots: bool, told: int) -> None:
    reason = "all its 5 filter slots are taken: other-team" if slots else "its log class is INFREQUENT_ACCESS"
    entries = [{"log_group": f"/full/{number}", "outcome": "not_possible", "reason": reason} for number in range(12)]
    found = recap({**catch_up(not_possible=12), "not_subscribed": entries})
    assert "    /full/9: " + reason in found
    assert "    and 2 more\n" in found
    assert found.count("log_groups_mode, docs/ACCOUNT_POLICY.md") == told


def test_many_targets_are_summed_up_and_the_slowest_says_how_long() -> None:
    told = recap(catch_up(3), catch_up(7.6, known_by_tag=4), catch_up(complete=False), check_mode=True, lines=2)
    assert (
        "3 targets: ok, 36 log groups, 21 subscribed (0 to change, 4 known by their marks), 9 excluded, 6 not possible, "
        "to take about 8 minutes at AWS's rate, NOT COMPLETE in catch_up_max_seconds on 1 target: the next run goes on there\n"
    ) in told
