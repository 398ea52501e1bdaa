# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sweeps of a target, over botocore, with calls that fail."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from typing import Any

import botocore.exceptions
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import ReflectorError
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import (
    Choice,
    LogGroup,
    own_log_groups,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import DesiredFilter
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.listing import Position
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.outcome import Outcome
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.planning import SweepSettings
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.sweep import Sweep
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.tally import Tally
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs_server import LogsServer

OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
THEIRS = "arn:aws:lambda:eu-west-1:222222222222:function:theirs"


def arn(name: str) -> str:
    return f"arn:aws:logs:eu-west-1:222222222222:log-group:{name}"


def sweep(server: LogsServer, *, exclude: tuple[str, ...] = (), workers: int = 2, **options: Any) -> Sweep:
    """Return a sweep. By default it uses no tags, so it reads every group."""
    desired = options.pop("desired", None) or DesiredFilter(OURS, options.pop("attributes", {}))
    api = LogsApi(server.client, lambda: "222222222222/eu-west-1", RetryPolicy(seconds=0), RateLimiter(scale=1e6))
    choice = options.pop("choice", None) or Choice(["*"], exclude, own_log_groups(OURS, ["log-reflector-subscriber"]))
    return Sweep(api, choice, desired, arn, SweepSettings(workers=workers, **{"tag_log_groups": False, **options}))


def last_words(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the last outcome of each group, by name."""
    said = {outcome.log_group: outcome for outcome in outcomes}
    return [said[name] for name in sorted(said)]


def run(server: LogsServer, **options: Any) -> list[Outcome]:
    return last_words(sweep(server, **options).run(write=True))


def planned(server: LogsServer, **options: Any) -> list[Outcome]:
    return last_words(sweep(server, **options).run(write=False))


def tally_all(tally: Tally, outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        tally.add(outcome)


def summary(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    tally = Tally()
    tally_all(tally, outcomes)
    return tally.summary()


def kinds(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.log_group: outcome.kind for outcome in outcomes}


def mixed() -> LogsServer:
    """Return a target with one group of every kind."""
    server = LogsServer(
        "/a/new", "/aws/lambda/log-reflector", "/aws/lambda/log-reflector-subscriber", "/archive", "/dev/x"
    )
    server.classes["/archive"] = "INFREQUENT_ACCESS"
    server.add_filter("/b/right", "b-right", OURS)
    server.add_filter("/c/other-pattern", "a-name-of-its-own", OURS, filterPattern="WARN")
    for number in range(5):
        server.add_filter("/d/full", f"theirs-{number}", THEIRS)
    server.add_filter("/e/shared", "e-shared", THEIRS)
    return server


def foreign(server: LogsServer) -> Any:
    return {
        group: {name: item for name, item in filters.items() if item["destinationArn"] != OURS}
        for group, filters in server.groups.items()
    }


def test_run_mixed_target_creates_updates_and_excludes() -> None:
    server = mixed()
    before = copy.deepcopy(foreign(server))
    outcomes = run(server, exclude=("/dev/*",), attributes={"filter_pattern": ""})
    assert kinds(outcomes) == {
        "/a/new": "created",
        "/archive": "not_possible",
        "/aws/lambda/log-reflector": "excluded",
        "/aws/lambda/log-reflector-subscriber": "excluded",
        "/b/right": "subscribed",
        "/c/other-pattern": "updated",
        "/d/full": "not_possible",
        "/dev/x": "excluded",
        "/e/shared": "created",
    }
    assert foreign(server) == before
    assert list(server.groups["/c/other-pattern"]) == ["a-name-of-its-own"]
    assert set(server.groups["/e/shared"]) == {"e-shared", "e-shared-log-reflector"}


def test_summary_has_counts_and_a_reason_for_each_unsubscribed_group() -> None:
    told = summary(run(mixed(), exclude=("/dev/*",), attributes={"filter_pattern": ""}))
    assert told["counts"] == {
        "groups": 9,
        "subscribed": 4,
        "already_right": 1,
        "known_by_tag": 0,
        "changed": 3,
        "excluded": 3,
        "kept": 0,
        "other_forwarders": 0,
        "not_possible": 2,
        "gone": 0,
        "in_deletion": 0,
        "contested": 0,
        "denied": 0,
        "failed": 0,
    }
    reasons = {entry["log_group"]: entry["reason"] for entry in told["not_subscribed"]}
    assert len(reasons) == 9 - 4
    assert all(reasons.values())
    assert "theirs-0" in reasons["/d/full"]
    assert told["foreign"]["filters"] == 6


def test_second_run_writes_nothing() -> None:
    server = mixed()
    run(server)
    server.calls.clear()
    again = run(server)
    assert set(server.operations()) == {"DescribeLogGroups", "DescribeSubscriptionFilters"}
    assert not any(outcome.has_changes for outcome in again)


def test_plan_writes_nothing_and_predicts_the_run() -> None:
    server = mixed()
    announced = planned(server)
    assert set(server.operations()) == {"DescribeLogGroups", "DescribeSubscriptionFilters"}
    assert kinds(announced) == kinds(run(server))


def test_absent_removes_our_filters_and_keeps_foreign_ones() -> None:
    server = mixed()
    before = copy.deepcopy(foreign(server))
    run(server)
    outcomes = run(server, present=False)
    assert foreign(server) == before == server.groups
    assert Counter(kinds(outcomes).values())["removed"] == 5
    server.calls.clear()
    run(server, present=False)
    assert set(server.operations()) == {"DescribeLogGroups", "DescribeSubscriptionFilters", "ListLogGroups"}


def test_fingerprint_changes_with_a_foreign_filter() -> None:
    server = mixed()
    before = summary(run(server))["foreign"]
    assert summary(run(server, present=False))["foreign"] == before
    server.add_filter("/e/shared", "e-shared", THEIRS, filterPattern="changed")
    assert summary(run(server))["foreign"] != before


def test_run_processes_groups_of_all_pages() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(120)))
    outcomes = run(server, workers=8)
    assert Counter(kinds(outcomes).values()) == {"created": 120}
    assert [outcome.log_group for outcome in outcomes] == sorted(server.groups)
    assert all(len(filters) == 1 for filters in server.groups.values())


def test_excluded_groups_cost_no_call() -> None:
    server = mixed()
    run(server, exclude=("/dev/*",))
    for group in ("/dev/x", "/archive", "/aws/lambda/log-reflector"):
        assert server.operations(group) == []


def test_purge_removes_our_filter_from_excluded_group() -> None:
    server = mixed()
    server.add_filter("/dev/x", "dev-x", OURS)
    server.add_filter("/dev/x", "theirs", THEIRS)
    told = summary(run(server, exclude=("/dev/*",), purge=True))
    assert list(server.groups["/dev/x"]) == ["theirs"]
    reasons = {entry["log_group"]: entry["reason"] for entry in told["not_subscribed"]}
    assert reasons["/dev/x"] == "the exclude pattern '/dev/*' matches"
    assert kinds(run(server, exclude=("/dev/*",), purge=True))["/dev/x"] == "excluded"


def test_purge_unsubscribes_the_reflectors_own_group() -> None:
    server = LogsServer()
    server.add_filter("/aws/lambda/log-reflector", "loop", OURS)
    run(server, purge=True)
    assert server.groups["/aws/lambda/log-reflector"] == {}


@pytest.mark.parametrize("operation", ["DescribeSubscriptionFilters", "PutSubscriptionFilter"])
def test_group_deleted_during_the_run_is_gone(operation: str) -> None:
    server = LogsServer("/a", "/b")

    def vanish(name: str, request: dict[str, Any]) -> None:
        if name == operation and request["logGroupName"] == "/b":
            server.groups.pop("/b", None)

    server.spoil = vanish
    outcomes = run(server)
    assert kinds(outcomes) == {"/a": "created", "/b": "gone"}
    assert summary(outcomes)["not_subscribed"][0]["reason"]


@pytest.mark.parametrize("operation", ["DescribeSubscriptionFilters", "PutSubscriptionFilter"])
def test_denied_group_does_not_stop_others(operation: str) -> None:
    server = LogsServer("/a", "/b", "/c")
    server.spoil = lambda name, request: (
        ("AccessDeniedException", "explicit deny") if name == operation and request["logGroupName"] == "/b" else None
    )
    outcomes = run(server)
    assert kinds(outcomes) == {"/a": "created", "/b": "denied", "/c": "created"}
    assert f"/b in 222222222222/eu-west-1: AccessDeniedException: explicit deny. {''}" in outcomes[1].reason
    assert operation in outcomes[1].reason


def test_slot_taken_between_read_and_write_is_not_possible() -> None:
    server = LogsServer("/a", slots=1)

    def others_are_faster(name: str, request: dict[str, Any]) -> None:
        if name == "PutSubscriptionFilter":
            server.add_filter("/a", "theirs", THEIRS)

    server.spoil = others_are_faster
    (outcome,) = run(server)
    assert outcome.kind == "not_possible"
    assert f"theirs (to {THEIRS})" in outcome.reason


def test_plan_with_the_advised_slots_predicts_not_possible() -> None:
    server = LogsServer("/a", slots=2)
    for name in ("one", "two"):
        server.add_filter("/a", name, THEIRS)
    (outcome,) = run(server)
    assert (outcome.kind, outcome.has_changes) == ("not_possible", False)
    assert "option slots (of the roles: log_groups_slots) to 2" in outcome.reason
    assert kinds(planned(server, desired=DesiredFilter(OURS, slots=2))) == {"/a": "not_possible"}


# A function that receives logs, as another deployment's reflector does


def two_deployments() -> LogsServer:
    """Return a target where another deployment has subscribed a group, and ours has not run yet."""
    server = LogsServer("/aws/lambda/theirs")
    server.add_filter("/a", "theirs", THEIRS + ":live")
    return server


def test_other_forwarder_is_not_subscribed() -> None:
    server = two_deployments()
    announced = planned(server)
    outcomes = run(server)
    assert kinds(announced) == kinds(outcomes) == {"/a": "created", "/aws/lambda/theirs": "other_forwarder"}
    assert "loop" in summary(outcomes)["not_subscribed"][0]["reason"]
    assert server.groups["/aws/lambda/theirs"] == {}
    assert not any(outcome.has_changes for outcome in run(server))


def test_two_deployments_never_forward_each_others_logs() -> None:
    server = LogsServer("/a", "/aws/lambda/log-reflector", "/aws/lambda/theirs")
    run(server)  # nothing identifies the other function yet
    for _unused in range(2):
        run(server, choice=Choice(["*"], [], own_log_groups(THEIRS, [])), desired=DesiredFilter(THEIRS))
        run(server)
        assert server.groups["/aws/lambda/log-reflector"] == {}
        assert [item["destinationArn"] for item in server.groups["/aws/lambda/theirs"].values()] == [OURS]


def test_older_filter_on_other_forwarder_stays_without_purge() -> None:
    server = two_deployments()
    for name in ("aws-lambda-theirs", "another"):
        server.add_filter("/aws/lambda/theirs", name, OURS)
    server.add_filter("/aws/lambda/theirs", "foreign", "arn:aws:kinesis:eu-west-1:222222222222:stream/theirs")
    outcomes = run(server)
    assert kinds(outcomes)["/aws/lambda/theirs"] == "subscribed"
    (note,) = summary(outcomes)["notes"]
    assert "loop" in note
    both = "aws-lambda-theirs, another; log_groups_merge: true keeps aws-lambda-theirs"
    assert f"events arrive twice: {both}" in note, "the note named only one of the two filters"
    outcomes = run(server, purge=True)
    assert kinds(outcomes)["/aws/lambda/theirs"] == "removed"
    assert list(server.groups["/aws/lambda/theirs"]) == ["foreign"]
    assert not any(outcome.has_changes for outcome in run(server, purge=True))


def test_absent_unsubscribes_other_forwarder() -> None:
    server = two_deployments()
    server.add_filter("/aws/lambda/theirs", "aws-lambda-theirs", OURS)
    run(server, present=False)
    assert server.groups["/aws/lambda/theirs"] == {}


@pytest.mark.parametrize(
    ("operation", "trouble"),
    [
        ("DescribeSubscriptionFilters", botocore.exceptions.EndpointConnectionError(endpoint_url="https://logs")),
        ("PutSubscriptionFilter", botocore.exceptions.EndpointConnectionError(endpoint_url="https://logs")),
        ("DescribeSubscriptionFilters", ("ExpiredTokenException", "The security token is expired")),
    ],
)
def test_fatal_error_stops_calls_for_remaining_groups(operation: str, trouble: Any) -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(100)))
    server.spoil = lambda name, _unused: trouble if name == operation else None
    outcomes = run(server, workers=2)
    assert Counter(kinds(outcomes).values()) == {"failed": 100}
    assert server.operations().count(operation) <= 4
    assert all(outcome.reason.startswith("Could not ") for outcome in outcomes)


def test_failed_removal_reports_completed_removals() -> None:
    server = LogsServer()
    server.add_filter("/a", "one", OURS)
    server.add_filter("/a", "two", OURS)
    server.spoil = lambda name, request: (
        ("AccessDeniedException", "no") if name.startswith("Delete") and request["filterName"] == "two" else None
    )
    (outcome,) = run(server, present=False)
    assert outcome.kind == "denied"
    assert outcome.has_changes
    assert [item.name for item in outcome.plan.remove] == ["one"]


def test_failed_first_write_reports_no_change() -> None:
    server = LogsServer("/a")
    server.spoil = lambda name, _unused: ("AccessDeniedException", "no") if name.startswith("Put") else None
    (outcome,) = run(server)
    assert (outcome.kind, outcome.has_changes) == ("denied", False)


def test_duplicate_filters_are_noted() -> None:
    server = LogsServer()
    server.add_filter("/a", "a", OURS)
    server.add_filter("/a", "b", OURS)
    told = summary(run(server))
    assert told["counts"]["already_right"] == 1
    (note,) = told["notes"]
    assert note.startswith("/a: ")
    assert note.endswith(": a, b; log_groups_merge: true keeps a")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["foo", "foo-bar", "/foo", "/foo/bar"]),
        st.dictionaries(st.sampled_from(["foo", "foo-bar", "foo-log-reflector", "x"]), st.sampled_from([OURS, THEIRS])),
        min_size=1,
    )
)
def test_any_target_converges_in_one_run_and_keeps_foreign_filters(target: dict[str, dict[str, str]]) -> None:
    server = LogsServer(*target)
    for group, filters in target.items():
        for name, destination in filters.items():
            server.add_filter(group, name, destination)
    before = copy.deepcopy(foreign(server))
    run(server)
    assert foreign(server) == before
    assert all(any(item["destinationArn"] == OURS for item in filters.values()) for filters in server.groups.values())
    again = run(server)
    assert {outcome.kind for outcome in again} == {"subscribed"}
    run(server, present=False)
    assert server.groups == before


# Tags: groups that are not read


def cheap(server: LogsServer, **options: Any) -> list[Outcome]:
    return run(server, **{"tag_log_groups": True, "audit": lambda _name: False, **options})


def test_tagged_groups_are_not_read() -> None:
    server = mixed()
    first = cheap(server)
    server.calls.clear()
    again = cheap(server)
    assert not any(outcome.has_changes for outcome in again)
    # It reads only groups that are neither subscribed nor excluded, and the group of the other forwarder.
    looks = [request["logGroupName"] for name, request in server.calls if name == "DescribeSubscriptionFilters"]
    assert looks == ["/d/full", "/aws/lambda/theirs"]
    assert {outcome.log_group for outcome in again if outcome.known_by_tag} == {
        outcome.log_group for outcome in first if outcome.tag == "set"
    }


def test_unchanged_target_of_5000_groups_costs_110_calls() -> None:
    server = LogsServer(*(f"/group/{number:05}" for number in range(5000)))
    key, value = DesiredFilter(OURS).subscription_tag
    for name in server.groups:
        server.add_filter(name, name.strip("/").replace("/", "-"), OURS)
        server.tags[name] = {key: value}
    assert not any(outcome.has_changes for outcome in cheap(server))
    assert len(server.calls) <= 110


def test_tag_is_written_after_the_filter_and_removed_before_it() -> None:
    server = LogsServer("/a")
    cheap(server)
    assert server.operations()[-2:] == ["PutSubscriptionFilter", "TagResource"]
    run(server, tag_log_groups=True, present=False)
    assert server.operations()[-2:] == ["UntagResource", "DeleteSubscriptionFilter"]
    assert server.groups == {"/a": {}}
    assert server.tags["/a"] == {}


def test_other_settings_read_every_group_again() -> None:
    server = LogsServer("/a", "/b")
    cheap(server)
    outcomes = cheap(server, attributes={"filter_pattern": "ERROR"})
    assert kinds(outcomes) == {"/a": "updated", "/b": "updated"}
    assert not any(outcome.has_changes for outcome in cheap(server, attributes={"filter_pattern": "ERROR"}))


def test_only_an_audit_finds_a_deleted_filter() -> None:
    server = LogsServer("/a", "/b")
    cheap(server)
    server.groups["/a"].clear()
    assert kinds(cheap(server)) == {"/a": "subscribed", "/b": "subscribed"}
    assert kinds(cheap(server, audit=lambda name: name == "/b"))["/a"] == "subscribed"
    assert kinds(run(server, tag_log_groups=True)) == {"/a": "created", "/b": "subscribed"}


def test_recreated_group_is_read() -> None:
    server = LogsServer("/a")
    cheap(server)
    server.groups["/a"], server.tags["/a"] = {}, {}
    assert kinds(cheap(server)) == {"/a": "created"}


def test_denied_tag_is_noted_once_and_no_failure() -> None:
    server = LogsServer("/a", "/b", "/c")
    server.spoil = lambda name, _unused: ("AccessDeniedException", "no") if name == "TagResource" else None
    swept = sweep(server, tag_log_groups=True, audit=lambda _name: False, workers=1)
    outcomes = last_words(swept.run(write=True))
    assert kinds(outcomes) == {"/a": "created", "/b": "created", "/c": "created"}
    assert server.operations().count("TagResource") == 1
    assert "TagResource" in swept.notes[0]


def test_unlistable_tags_read_every_group() -> None:
    server = LogsServer("/a", "/b")
    cheap(server)
    server.groups["/a"].clear()
    server.spoil = lambda name, _unused: ("AccessDeniedException", "no") if name == "ListLogGroups" else None
    swept = sweep(server, tag_log_groups=True, audit=lambda _name: False)
    assert kinds(last_words(swept.run(write=True))) == {"/a": "created", "/b": "subscribed"}
    assert "cannot be listed" in swept.notes[0]
    server.calls.clear()
    assert not any(outcome.tag for outcome in run(server, tag_log_groups=True)), "a second run changes nothing"
    assert "TagResource" not in server.operations()


def test_two_deployments_have_separate_tags() -> None:
    server = LogsServer("/a")
    cheap(server)
    assert kinds(cheap(server, desired=DesiredFilter(THEIRS), choice=Choice(["*"], []))) == {"/a": "created"}
    assert len(server.tags["/a"]) == 2
    run(server, tag_log_groups=True, present=False, desired=DesiredFilter(THEIRS), choice=Choice(["*"], []))
    assert list(server.tags["/a"]) == [DesiredFilter(OURS).subscription_tag[0]]


# Groups of another forwarder in a stream


def late_deliveries() -> LogsServer:
    """Return a target whose other forwarder is identified by a filter on a group that is listed after the forwarder's group."""
    server = LogsServer("/aws/lambda/theirs", "/aws/lambda/worker", "/z")
    server.add_filter("/z", "theirs", THEIRS)
    return server


@pytest.mark.parametrize("tag_log_groups", [True, False])
def test_other_forwarder_found_late_is_unsubscribed_again(tag_log_groups: bool) -> None:
    server = late_deliveries()
    expected = {"/aws/lambda/theirs": "other_forwarder", "/aws/lambda/worker": "created", "/z": "created"}
    assert kinds(planned(server, tag_log_groups=tag_log_groups)) == expected
    told = summary(sweep(server, tag_log_groups=tag_log_groups).run(write=True))
    assert (told["counts"]["groups"], told["counts"]["subscribed"], told["counts"]["other_forwarders"]) == (3, 2, 1)
    assert server.groups["/aws/lambda/theirs"] == {}
    server.calls.clear()
    assert not any(outcome.has_changes for outcome in run(server, tag_log_groups=tag_log_groups))
    assert not any(name.startswith(("Put", "Delete", "Tag", "Untag")) for name in server.operations())


def test_without_tags_other_forwarder_is_never_subscribed() -> None:
    server = late_deliveries()
    run(server, tag_log_groups=False)
    assert "PutSubscriptionFilter" not in server.operations("/aws/lambda/theirs")
    assert server.operations("/aws/lambda/worker") == ["DescribeSubscriptionFilters", "PutSubscriptionFilter"]


def test_tagged_other_forwarder_costs_a_read_of_its_evidence() -> None:
    server = LogsServer("/aws/lambda/theirs", "/z")
    server.add_filter("/z", "theirs", THEIRS)
    cheap(server)
    server.calls.clear()
    assert kinds(cheap(server)) == {"/aws/lambda/theirs": "other_forwarder", "/z": "subscribed"}
    looks = [request["logGroupName"] for name, request in server.calls if name == "DescribeSubscriptionFilters"]
    assert looks == ["/z", "/aws/lambda/theirs"]


@pytest.mark.parametrize("audit", [True, False])
def test_former_forwarder_is_subscribed(audit: bool) -> None:
    server = late_deliveries()
    cheap(server)
    del server.groups["/z"]["theirs"]
    told = summary(sweep(server, tag_log_groups=True, audit=lambda _name: audit).run(write=True))
    assert (told["counts"]["groups"], told["counts"]["subscribed"], told["not_subscribed"]) == (3, 3, [])
    assert not any(outcome.has_changes for outcome in run(server, tag_log_groups=True))
    run(server, tag_log_groups=True, present=False)
    assert not any(server.tags.values())


FORGED = {"logreflector.aws/subscribed/log-reflector": "other-forwarder"}
EVIDENCE = "logreflector.aws/receives/log-reflector"


@pytest.mark.parametrize("evidence", ["", "/z", "/missing", "/excluded", "not a name", "/aws/lambda/victim"])
@pytest.mark.parametrize("group", ["/aws/lambda/victim", "/app/victim"])
@pytest.mark.parametrize("audit", [True, False])
@pytest.mark.parametrize("slices", [1, 3])
def test_forged_tag_keeps_no_group_out(group: str, evidence: str, audit: bool, slices: int) -> None:
    """A tag "other forwarder" exempted a log group for good, from sweeps in several slices in audits too."""
    server = LogsServer(group, "/z", "/excluded")
    server.add_filter("/excluded", "theirs", "arn:aws:lambda:eu-west-1:222222222222:function:victim")
    server.add_filter("/z", "theirs", THEIRS)
    server.tags[group] = {**FORGED, **({EVIDENCE: evidence} if evidence else {})}
    position: Position | None = None
    for number in range(slices):
        left = iter(range(1))
        more = {} if number == slices - 1 else {"is_time_up": lambda left=left: next(left, None) is None}
        swept = sweep(server, tag_log_groups=True, audit=lambda _name: audit, exclude=("/excluded",), **more)
        list(swept.run(write=True, position=position))
        position = swept.stopped
    assert len(server.groups[group]) == 1
    assert server.tags[group]["logreflector.aws/subscribed/log-reflector"] != "other-forwarder"


def test_tag_that_becomes_true_during_a_sweep_is_written_again() -> None:
    """The tag "subscribed" stayed on a log group whose filter the same sweep removed, so that later sweeps skipped it."""
    group = "/aws/lambda/theirs"
    server = LogsServer(group, "/z")
    server.tags[group] = {**FORGED, EVIDENCE: "/z"}

    def add_foreign_filter(operation: str, request: dict[str, Any]) -> None:
        if (operation, request.get("logGroupName")) == ("DescribeSubscriptionFilters", group):
            server.add_filter("/z", "theirs", THEIRS)

    server.spoil = add_foreign_filter
    run(server, tag_log_groups=True, workers=1)  # so that /z is read after the group
    assert server.groups[group] == {}
    assert server.tags[group]["logreflector.aws/subscribed/log-reflector"] == "other-forwarder"


@pytest.mark.parametrize("audit", [True, False])
def test_forged_tag_takes_no_filter_away(audit: bool) -> None:
    """With purge, an existing filter of ours was removed because of such a tag."""
    server = LogsServer()
    server.add_filter("/aws/lambda/victim", "ours", OURS)
    server.tags["/aws/lambda/victim"] = dict(FORGED)
    run(server, tag_log_groups=True, purge=True, audit=lambda _name: audit)
    assert list(server.groups["/aws/lambda/victim"]) == ["ours"]
    assert "DeleteSubscriptionFilter" not in server.operations()


def ignore_tag_filters(server: LogsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS returns every group, as for a parameter that it does not know."""
    monkeypatch.setattr(server, "_carries", lambda _name, _wanted: True)


@pytest.mark.parametrize("choice", [Choice(["*"], []), Choice(["*"], [], include_tags={"logs": ["on"]})])
def test_sweep_believes_no_listing_that_ignores_tags(choice: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every group counted as subscribed, or as chosen by its tags."""
    server = LogsServer("/a", "/b")
    server.tags = {"/a": {"logs": "on"}}
    ignore_tag_filters(server, monkeypatch)
    found = kinds(cheap(server, choice=choice))
    assert found == {"/a": "created", "/b": "excluded" if choice.needs_tags else "created"}
    swept = sweep(server, tag_log_groups=True, choice=choice, audit=lambda _name: False)
    list(swept.run(write=False))
    assert all("AWS returned log groups that do not carry the tag" in note for note in swept.notes)
    assert swept.notes


@pytest.mark.parametrize("listed", [True, False])
def test_name_with_a_number_sign_is_no_failure(listed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's calls for tags do not take such a name."""
    server = LogsServer("/a#b")
    server.spoil = lambda _name, request: (
        ("InvalidParameterException", "resourceArn") if "#" in request.get("resourceArn", "") else None
    )
    if not listed:
        ignore_tag_filters(server, monkeypatch)
    for expected in ("created", "subscribed"):
        swept = sweep(server, tag_log_groups=True)
        assert kinds(last_words(swept.run(write=True))) == {"/a#b": expected}
        assert not any("#" in note for note in swept.notes)
    assert not any(outcome.has_changes for outcome in planned(server, tag_log_groups=True))
    choice = Choice(["*"], [], include_tags={"logs": ["on"]})
    server.tags["/a#b"] = {"logs": "on"}
    (outcome,) = run(server, tag_log_groups=True, choice=choice, purge=True)
    assert (outcome.kind, len(server.groups["/a#b"])) == ("subscribed" if listed else "excluded", 1)


@pytest.mark.parametrize("tag_log_groups", [True, False])
@pytest.mark.parametrize("purge", [True, False])
def test_group_that_is_excluded_later_is_removed_or_reported(purge: bool, tag_log_groups: bool) -> None:
    """The events of a group that a later deployment excluded were delivered for ever, without a report."""
    server = LogsServer("/a", "/b", "/never")
    options = {"tag_log_groups": tag_log_groups, "audit": lambda _name: not tag_log_groups}
    run(server, **options, exclude=("/never",))
    server.calls.clear()
    more: dict[str, Any] = {**options, "purge": purge, "report_kept": True, "exclude": ("/b", "/never")}
    expected = {"/a": "subscribed", "/b": "removed" if purge else "kept", "/never": "excluded"}
    assert kinds(planned(server, **more)) == expected
    assert kinds(run(server, **more)) == expected
    assert (len(server.groups["/a"]), len(server.groups["/b"])) == (1, 0 if purge else 1)
    told = summary(planned(server, **more))
    assert (told["counts"]["kept"], told["counts"]["excluded"]) == (0, 2) if purge else (1, 1)
    assert ("/b" in [entry["log_group"] for entry in told["not_subscribed"] if entry["outcome"] == "kept"]) != purge
    assert not any(outcome.has_changes for outcome in planned(server, **more))
    if tag_log_groups:  # a group that never had the tag costs no call
        assert server.operations("/never") == []


# Continuing


def test_next_sweep_continues_at_the_stopped_position() -> None:
    names = [f"/group/{number:03}" for number in range(130)]
    server = LogsServer(*names)
    position: Position | None = None
    seen: list[str] = []
    for _unused in range(20):
        left = iter(range(17))
        swept = sweep(server, tag_log_groups=True, is_time_up=lambda left=left: next(left, None) is None)
        seen += [outcome.log_group for outcome in swept.run(write=True, position=position)]
        position = swept.stopped
        if position is None:
            break
    assert sorted(seen) == names
    assert all(len(filters) == 1 for filters in server.groups.values())


def test_position_on_later_page_lists_only_from_there() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(130)))
    list(sweep(server).run(write=False, position=Position("100", "/group/120")))
    assert server.operations().count("DescribeLogGroups") == 1
    assert server.operations().count("DescribeSubscriptionFilters") == 9


# Other outcomes


@pytest.mark.parametrize(
    ("code", "kind"),
    [("InvalidOperationException", "in_deletion"), ("OperationAbortedException", "contested")],
)
@pytest.mark.parametrize("operation", ["DescribeSubscriptionFilters", "PutSubscriptionFilter"])
def test_errors_of_one_group_are_named_and_do_not_stop_others(operation: str, code: str, kind: str) -> None:
    server = LogsServer("/a", "/b", "/c")
    server.spoil = lambda name, request: (
        (code, "not now") if name == operation and request["logGroupName"] == "/b" else None
    )
    outcomes = run(server)
    assert kinds(outcomes) == {"/a": "created", "/b": kind, "/c": "created"}
    assert summary(outcomes)["counts"][kind] == 1


def test_permission_missing_for_all_groups_ends_the_calls() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(200)))
    server.spoil = lambda name, _unused: ("AccessDeniedException", "no") if name.startswith("DescribeSub") else None
    counts = summary(run(server, workers=2))["counts"]
    assert counts["denied"] + counts["failed"] == 200
    assert server.operations().count("DescribeSubscriptionFilters") <= 22


def test_merge_writes_the_kept_filter_before_removing_duplicates() -> None:
    server = LogsServer()
    for name in ("a", "old", "x"):
        server.add_filter("/a", name, OURS)
    server.add_filter("/a", "theirs", THEIRS)
    desired = DesiredFilter(OURS, {"filter_pattern": "ERROR"}, merge=True)
    (outcome,) = run(server, desired=desired)
    assert outcome.kind == "updated"
    assert sorted(server.groups["/a"]) == ["a", "theirs"]
    assert server.operations("/a")[-3:] == ["PutSubscriptionFilter", *["DeleteSubscriptionFilter"] * 2]


# Tags, dates


def test_listed_tags_and_read_tags_select_the_same_groups() -> None:
    server = LogsServer("/a", "/b", "/c", "/d")
    server.tags = {"/a": {"logs": "yes"}, "/b": {"logs": "no"}, "/c": {"logs": "yes", "secret": "1"}, "/d": {}}
    choice = Choice(["*"], [], include_tags={"logs": ["yes", "true"]}, exclude_tags={"secret": []})
    expected = {"/a": "created", "/b": "excluded", "/c": "excluded", "/d": "excluded"}
    assert kinds(planned(server, choice=choice)) == expected
    one_by_one = sweep(server, choice=choice)
    assert {name: one_by_one.process(LogGroup(name), write=False).kind for name in server.groups} == expected


def test_purge_unsubscribes_group_that_lost_its_tag() -> None:
    server = LogsServer("/a", "/b")
    server.tags = {"/a": {"logs": "yes"}, "/b": {"logs": "yes"}}
    choice = Choice(["*"], [], include_tags={"logs": ["yes"]})
    cheap(server, choice=choice)
    del server.tags["/b"]["logs"]
    assert kinds(cheap(server, choice=choice, purge=True)) == {"/a": "subscribed", "/b": "removed"}
    assert server.groups["/b"] == {}
    assert server.tags["/b"] == {}


def test_groups_are_selected_by_creation_date() -> None:
    server = LogsServer("/old", "/new")
    server.created = {"/old": 1000, "/new": 3000}
    assert kinds(planned(server, choice=Choice(["*"], [], created_after=2000)))["/old"] == "excluded"
    assert kinds(planned(server, choice=Choice(["*"], [], created_before=2000)))["/new"] == "excluded"


# Results that must not be lost, and tags that must not be wrong


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    found: dict[str, int] = summary(outcomes)["counts"]
    return found


def test_fatal_error_reports_deferred_groups_too() -> None:
    """Without tags these groups wait until all others were read."""
    server = LogsServer("/aws/lambda/a", "/aws/lambda/b", "/z")
    server.spoil = lambda _name, request: (
        botocore.exceptions.NoCredentialsError() if request.get("logGroupName") == "/z" else None
    )
    told = counts(sweep(server, workers=1).run(write=True))
    assert (told["groups"], told["failed"]) == (3, 3)


def test_broken_listing_yields_finished_groups_before_the_error() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(60)))
    server.spoil = lambda name, request: ("InternalFailure", "no") if request.get("nextToken") == "50" else None
    swept = sweep(server, tag_log_groups=True)
    tally = Tally()
    with pytest.raises(ReflectorError, match="list the log groups"):
        tally_all(tally, swept.run(write=True))
    assert tally.counts()["changed"] == 50
    assert swept.stopped == Position("", "/group/049")


def test_incomplete_sweep_keeps_other_forwarders_excluded() -> None:
    """The filter that identifies the forwarder is in another slice, on a group known by its tag, or on an unreadable group."""
    server = LogsServer("/a", "/aws/lambda/theirs")
    server.add_filter("/a", "theirs", THEIRS)
    cheap(server)
    expected = {"/aws/lambda/theirs": "other_forwarder"}
    rest = sweep(server, tag_log_groups=True).run(write=True, position=Position(after="/a"))
    assert kinds(last_words(rest)) == expected
    assert kinds(cheap(server, audit=lambda name: name != "/a")) == {"/a": "subscribed", **expected}
    server.spoil = lambda name, request: (
        ("AccessDeniedException", "no") if request.get("logGroupName") == "/a" else None
    )
    assert kinds(run(server, tag_log_groups=True)) == {"/a": "denied", "/aws/lambda/theirs": "denied"}
    assert server.groups["/aws/lambda/theirs"] == {}


def test_full_group_of_other_forwarder_is_counted_once() -> None:
    server = late_deliveries()
    for number in range(5):
        server.add_filter("/aws/lambda/theirs", f"full-{number}", OURS + "-of-others")
    for write in (False, True):
        told = counts(sweep(server, tag_log_groups=True, workers=1).run(write=write))
        assert (told["groups"], told["subscribed"], told["not_possible"], told["excluded"]) == (3, 2, 1, 0)


def test_slices_count_other_forwarder_once() -> None:
    server = LogsServer("/a", "/aws/lambda/theirs", "/z")
    server.add_filter("/a", "theirs", THEIRS)
    left = iter(range(1))
    first = sweep(server, tag_log_groups=True, is_time_up=lambda: next(left, None) is None)
    told = Counter(counts(first.run(write=True)))
    told.update(counts(sweep(server, tag_log_groups=True).run(write=True, position=first.stopped)))
    assert (told["groups"], told["subscribed"], told["other_forwarders"]) == (3, 2, 1)
    assert server.groups["/aws/lambda/theirs"] == {}


def test_late_tag_keeps_the_tag_of_other_forwarder() -> None:
    """A caller that writes tags later (`tag_new=False`) may have an outcome that the sweep has corrected meanwhile."""
    server = late_deliveries()
    swept = sweep(server, tag_log_groups=True, tag_new=False, workers=1)
    late = [outcome for outcome in swept.run(write=True) if outcome.kind == "created"]
    assert "/aws/lambda/theirs" in [outcome.log_group for outcome in late]
    for outcome in late:
        swept.tag(outcome)
    assert list(server.tags["/aws/lambda/theirs"].values()) == ["other-forwarder", "/z"]
    assert kinds(run(server, tag_log_groups=True)) == {
        "/aws/lambda/theirs": "other_forwarder",
        "/aws/lambda/worker": "subscribed",
        "/z": "subscribed",
    }


def test_killed_update_is_detected_by_the_earlier_settings() -> None:
    """Its filter has the new settings, so the tag must not have the hash of the earlier ones."""
    server = LogsServer("/a")
    cheap(server, attributes={"filter_pattern": "ONE"})
    killed = True
    server.spoil = lambda name, request: (
        RuntimeError("killed")
        if killed and name == "TagResource" and "changing" not in request["tags"].values()
        else None
    )
    with pytest.raises(RuntimeError):
        cheap(server, attributes={"filter_pattern": "TWO"})
    killed = False
    assert server.groups["/a"]["a"]["filterPattern"] == "TWO"
    assert kinds(cheap(server, attributes={"filter_pattern": "ONE"})) == {"/a": "updated"}
    assert server.groups["/a"]["a"]["filterPattern"] == "ONE"
    assert kinds(cheap(server, attributes={"filter_pattern": "ONE"})) == {"/a": "subscribed"}


def test_failed_removal_is_retried_without_an_audit() -> None:
    server = LogsServer("/a", "/b")
    cheap(server)
    server.spoil = lambda name, _unused: ("OperationAbortedException", "no") if name.startswith("Delete") else None
    assert kinds(cheap(server, exclude=("/b",), purge=True)) == {"/a": "subscribed", "/b": "contested"}
    server.spoil = lambda _name, _unused: None
    assert kinds(cheap(server, exclude=("/b",), purge=True)) == {"/a": "subscribed", "/b": "removed"}
    assert (server.groups["/b"], server.tags["/b"]) == ({}, {})


@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyTagsException"])
def test_update_succeeds_if_tags_cannot_be_written(code: str) -> None:
    server = LogsServer()
    server.add_filter("/a", "a", OURS, filterPattern="ONE")
    server.spoil = lambda name, _unused: (code, "no") if name == "TagResource" else None
    assert kinds(cheap(server, attributes={"filter_pattern": "TWO"})) == {"/a": "updated"}


def test_absent_without_tags_needs_no_tag_permission() -> None:
    server = LogsServer()
    server.add_filter("/a", "a", OURS)
    server.spoil = lambda name, _unused: (
        ("AccessDeniedException", "no") if name in ("ListLogGroups", "UntagResource") else None
    )
    assert kinds(run(server, present=False)) == {"/a": "removed"}


def test_aws_without_listing_by_tag_reads_every_group() -> None:
    server = LogsServer("/a")
    code = "UnknownOperationException"
    server.spoil = lambda name, _unused: (code, "no") if name == "ListLogGroups" else None
    assert kinds(cheap(server)) == {"/a": "created"}
    code = "InternalFailure"  # the next attempt may know the groups of another forwarder
    with pytest.raises(ReflectorError, match="by tag"):
        cheap(server)


@pytest.mark.parametrize("tag_log_groups", [True, False])
def test_outdated_sdk_reads_the_tags_of_each_group(monkeypatch: pytest.MonkeyPatch, tag_log_groups: bool) -> None:
    monkeypatch.setattr(LogsApi, "can_list_by_tag", False)
    server = LogsServer("/aws/lambda/a", "/aws/lambda/b", "/c", "/d")
    server.tags = {"/aws/lambda/a": {"logs": "yes"}, "/c": {"logs": "yes"}}
    swept = sweep(server, tag_log_groups=tag_log_groups, choice=Choice(["*"], ["/d"], include_tags={"logs": []}))
    assert kinds(last_words(swept.run(write=True))) == {
        "/aws/lambda/a": "created",
        "/aws/lambda/b": "excluded",
        "/c": "created",
        "/d": "excluded",
    }
    assert server.operations().count("ListTagsForResource") == 3
    assert "tags of every log group were read" in swept.notes[0]


def test_many_denied_groups_do_not_stop_later_ones() -> None:
    server = LogsServer("/a", *(f"/denied/{number}" for number in range(30)), "/z")
    server.spoil = lambda _name, request: (
        ("AccessDeniedException", "no") if request.get("logGroupName", "").startswith("/denied") else None
    )
    told = counts(run(server, workers=1))
    assert (told["subscribed"], told["denied"]) == (2, 30)
