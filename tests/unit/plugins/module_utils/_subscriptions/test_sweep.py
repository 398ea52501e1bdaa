"""The whole of a target, over botocore, with calls that fail."""

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
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.planning import SweepOptions
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
    """Without marks, unless they are asked for: every group is looked at."""
    desired = options.pop("desired", None) or DesiredFilter(OURS, options.pop("attributes", {}))
    api = LogsApi(server.client, lambda: "222222222222/eu-west-1", RetryPolicy(seconds=0), RateLimiter(scale=1e6))
    choice = options.pop("choice", None) or Choice(["*"], exclude, own_log_groups(OURS, ["log-reflector-subscriber"]))
    return Sweep(api, choice, desired, arn, SweepOptions(workers=workers, **{"tag_log_groups": False, **options}))


def last_words(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """What is said of each group last, by name."""
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
    """A target with one group of every kind."""
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


def test_every_group_gets_what_is_due() -> None:
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


def test_the_summary_counts_and_gives_a_reason_for_every_group_that_is_not_subscribed() -> None:
    told = summary(run(mixed(), exclude=("/dev/*",), attributes={"filter_pattern": ""}))
    assert told["counts"] == {
        "groups": 9,
        "subscribed": 4,
        "already_right": 1,
        "known_by_tag": 0,
        "changed": 3,
        "excluded": 3,
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


def test_a_second_pass_writes_nothing() -> None:
    server = mixed()
    run(server)
    server.calls.clear()
    again = run(server)
    assert set(server.operations()) == {"DescribeLogGroups", "DescribeSubscriptionFilters"}
    assert not any(outcome.has_changes for outcome in again)


def test_planning_writes_nothing_and_announces_what_the_pass_then_does() -> None:
    server = mixed()
    announced = planned(server)
    assert set(server.operations()) == {"DescribeLogGroups", "DescribeSubscriptionFilters"}
    assert kinds(announced) == kinds(run(server))


def test_absent_takes_back_what_present_made_and_leaves_the_foreign_as_they_were() -> None:
    server = mixed()
    before = copy.deepcopy(foreign(server))
    run(server)
    outcomes = run(server, present=False)
    assert foreign(server) == before == server.groups
    assert Counter(kinds(outcomes).values())["removed"] == 5
    server.calls.clear()
    run(server, present=False)
    assert set(server.operations()) == {"DescribeLogGroups", "DescribeSubscriptionFilters", "ListLogGroups"}


def test_the_fingerprint_of_the_foreign_tells_whether_one_was_touched() -> None:
    server = mixed()
    before = summary(run(server))["foreign"]
    assert summary(run(server, present=False))["foreign"] == before
    server.add_filter("/e/shared", "e-shared", THEIRS, filterPattern="changed")
    assert summary(run(server))["foreign"] != before


def test_many_groups_over_several_pages_are_all_served() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(120)))
    outcomes = run(server, workers=8)
    assert Counter(kinds(outcomes).values()) == {"created": 120}
    assert [outcome.log_group for outcome in outcomes] == sorted(server.groups)
    assert all(len(filters) == 1 for filters in server.groups.values())


def test_excluded_groups_and_those_of_another_class_are_not_even_looked_at() -> None:
    server = mixed()
    run(server, exclude=("/dev/*",))
    for group in ("/dev/x", "/archive", "/aws/lambda/log-reflector"):
        assert server.operations(group) == []


def test_purge_removes_ours_from_excluded_groups_with_the_reason_and_the_others_stay() -> None:
    server = mixed()
    server.add_filter("/dev/x", "dev-x", OURS)
    server.add_filter("/dev/x", "theirs", THEIRS)
    told = summary(run(server, exclude=("/dev/*",), purge=True))
    assert list(server.groups["/dev/x"]) == ["theirs"]
    reasons = {entry["log_group"]: entry["reason"] for entry in told["not_subscribed"]}
    assert reasons["/dev/x"] == "the exclude pattern '/dev/*' matches"
    assert kinds(run(server, exclude=("/dev/*",), purge=True))["/dev/x"] == "excluded"


def test_a_subscribed_reflector_is_a_loop_and_purge_ends_it() -> None:
    server = LogsServer()
    server.add_filter("/aws/lambda/log-reflector", "loop", OURS)
    run(server, purge=True)
    assert server.groups["/aws/lambda/log-reflector"] == {}


@pytest.mark.parametrize("operation", ["DescribeSubscriptionFilters", "PutSubscriptionFilter"])
def test_a_group_that_vanishes_meanwhile_is_gone_and_no_failure(operation: str) -> None:
    server = LogsServer("/a", "/b")

    def vanish(name: str, request: dict[str, Any]) -> None:
        if name == operation and request["logGroupName"] == "/b":
            server.groups.pop("/b", None)

    server.spoil = vanish
    outcomes = run(server)
    assert kinds(outcomes) == {"/a": "created", "/b": "gone"}
    assert summary(outcomes)["not_subscribed"][0]["reason"]


@pytest.mark.parametrize("operation", ["DescribeSubscriptionFilters", "PutSubscriptionFilter"])
def test_a_group_that_is_denied_fails_alone(operation: str) -> None:
    server = LogsServer("/a", "/b", "/c")
    server.spoil = lambda name, request: (
        ("AccessDeniedException", "explicit deny") if name == operation and request["logGroupName"] == "/b" else None
    )
    outcomes = run(server)
    assert kinds(outcomes) == {"/a": "created", "/b": "denied", "/c": "created"}
    assert f"/b in 222222222222/eu-west-1: AccessDeniedException: explicit deny. {''}" in outcomes[1].reason
    assert operation in outcomes[1].reason


def test_a_slot_that_is_taken_between_look_and_write_is_not_possible() -> None:
    server = LogsServer("/a", slots=1)

    def others_are_faster(name: str, request: dict[str, Any]) -> None:
        if name == "PutSubscriptionFilter":
            server.add_filter("/a", "theirs", THEIRS)

    server.spoil = others_are_faster
    (outcome,) = run(server)
    assert outcome.kind == "not_possible"
    assert f"theirs (to {THEIRS})" in outcome.reason


def test_with_the_number_of_slots_that_the_refusal_names_check_mode_tells_the_truth() -> None:
    server = LogsServer("/a", slots=2)
    for name in ("one", "two"):
        server.add_filter("/a", name, THEIRS)
    (outcome,) = run(server)
    assert (outcome.kind, outcome.has_changes) == ("not_possible", False)
    assert "option slots (of the roles: log_groups_slots) to 2" in outcome.reason
    assert kinds(planned(server, desired=DesiredFilter(OURS, slots=2))) == {"/a": "not_possible"}


# A function that receives logs, as another deployment's reflector does


def two_deployments() -> LogsServer:
    """Ours has not run yet, the other one has subscribed a group."""
    server = LogsServer("/aws/lambda/theirs")
    server.add_filter("/a", "theirs", THEIRS + ":live")
    return server


def test_a_function_that_others_send_to_is_not_subscribed() -> None:
    server = two_deployments()
    announced = planned(server)
    outcomes = run(server)
    assert kinds(announced) == kinds(outcomes) == {"/a": "created", "/aws/lambda/theirs": "excluded"}
    assert "loop" in summary(outcomes)["not_subscribed"][0]["reason"]
    assert server.groups["/aws/lambda/theirs"] == {}
    assert not any(outcome.has_changes for outcome in run(server))


def test_two_deployments_do_not_feed_each_other() -> None:
    server = LogsServer("/a", "/aws/lambda/log-reflector", "/aws/lambda/theirs")
    run(server)  # nothing tells yet what the other function is
    for _unused in range(2):
        run(server, choice=Choice(["*"], [], own_log_groups(THEIRS, [])), desired=DesiredFilter(THEIRS))
        run(server)
        assert server.groups["/aws/lambda/log-reflector"] == {}
        assert [item["destinationArn"] for item in server.groups["/aws/lambda/theirs"].values()] == [OURS]


def test_ours_on_such_a_group_stays_with_a_note_and_goes_with_purge() -> None:
    server = two_deployments()
    for name in ("aws-lambda-theirs", "another"):
        server.add_filter("/aws/lambda/theirs", name, OURS)
    server.add_filter("/aws/lambda/theirs", "foreign", "arn:aws:kinesis:eu-west-1:222222222222:stream/theirs")
    outcomes = run(server)
    assert kinds(outcomes)["/aws/lambda/theirs"] == "subscribed"
    (note,) = summary(outcomes)["notes"]
    assert "loop" in note
    assert "events arrive twice: another" in note
    outcomes = run(server, purge=True)
    assert kinds(outcomes)["/aws/lambda/theirs"] == "removed"
    assert list(server.groups["/aws/lambda/theirs"]) == ["foreign"]
    assert not any(outcome.has_changes for outcome in run(server, purge=True))


def test_absent_takes_ours_from_such_a_group_too() -> None:
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
def test_what_would_be_the_same_for_every_group_stops_the_rest_without_a_call_for_each(
    operation: str, trouble: Any
) -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(100)))
    server.spoil = lambda name, _unused: trouble if name == operation else None
    outcomes = run(server, workers=2)
    assert Counter(kinds(outcomes).values()) == {"failed": 100}
    assert server.operations().count(operation) <= 4
    assert all(outcome.reason.startswith("Could not ") for outcome in outcomes)


def test_what_was_removed_before_a_failure_is_told() -> None:
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


def test_a_failure_of_the_first_write_is_no_change() -> None:
    server = LogsServer("/a")
    server.spoil = lambda name, _unused: ("AccessDeniedException", "no") if name.startswith("Put") else None
    (outcome,) = run(server)
    assert (outcome.kind, outcome.has_changes) == ("denied", False)


def test_two_filters_of_ours_are_worth_a_note() -> None:
    server = LogsServer()
    server.add_filter("/a", "a", OURS)
    server.add_filter("/a", "b", OURS)
    told = summary(run(server))
    assert told["counts"]["already_right"] == 1
    (note,) = told["notes"]
    assert note.startswith("/a: ")
    assert note.endswith(": b")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["foo", "foo-bar", "/foo", "/foo/bar"]),
        st.dictionaries(st.sampled_from(["foo", "foo-bar", "foo-log-reflector", "x"]), st.sampled_from([OURS, THEIRS])),
        min_size=1,
    )
)
def test_any_target_converges_in_one_pass_with_everything_foreign_untouched(target: dict[str, dict[str, str]]) -> None:
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


# Marks: what need not be looked at


def cheap(server: LogsServer, **options: Any) -> list[Outcome]:
    return run(server, **{"tag_log_groups": True, "audit": lambda _name: False, **options})


def test_what_is_marked_is_taken_as_subscribed_without_a_look() -> None:
    server = mixed()
    first = cheap(server)
    server.calls.clear()
    again = cheap(server)
    assert not any(outcome.has_changes for outcome in again)
    # Only what is no subscription and no exclusion, and the group of the function that its filters send to.
    looks = [request["logGroupName"] for name, request in server.calls if name == "DescribeSubscriptionFilters"]
    assert looks == ["/d/full", "/aws/lambda/theirs"]
    assert {outcome.log_group for outcome in again if outcome.known_by_tag} == {
        outcome.log_group for outcome in first if outcome.tag == "set"
    }


def test_five_thousand_groups_without_changes_cost_a_hundred_and_some_calls() -> None:
    server = LogsServer(*(f"/group/{number:05}" for number in range(5000)))
    key, value = DesiredFilter(OURS).subscription_tag
    for name in server.groups:
        server.add_filter(name, name.strip("/").replace("/", "-"), OURS)
        server.tags[name] = {key: value}
    assert not any(outcome.has_changes for outcome in cheap(server))
    assert len(server.calls) <= 110


def test_the_mark_is_written_after_the_filter_and_taken_before_it() -> None:
    server = LogsServer("/a")
    cheap(server)
    assert server.operations()[-2:] == ["PutSubscriptionFilter", "TagResource"]
    run(server, tag_log_groups=True, present=False)
    assert server.operations()[-2:] == ["UntagResource", "DeleteSubscriptionFilter"]
    assert server.groups == {"/a": {}}
    assert server.tags["/a"] == {}


def test_other_settings_make_every_group_be_looked_at_again() -> None:
    server = LogsServer("/a", "/b")
    cheap(server)
    outcomes = cheap(server, attributes={"filter_pattern": "ERROR"})
    assert kinds(outcomes) == {"/a": "updated", "/b": "updated"}
    assert not any(outcome.has_changes for outcome in cheap(server, attributes={"filter_pattern": "ERROR"}))


def test_a_filter_that_somebody_deleted_is_seen_by_an_audit_alone() -> None:
    server = LogsServer("/a", "/b")
    cheap(server)
    server.groups["/a"].clear()
    assert kinds(cheap(server)) == {"/a": "subscribed", "/b": "subscribed"}
    assert kinds(cheap(server, audit=lambda name: name == "/b"))["/a"] == "subscribed"
    assert kinds(run(server, tag_log_groups=True)) == {"/a": "created", "/b": "subscribed"}


def test_what_was_made_anew_under_the_same_name_is_looked_at() -> None:
    server = LogsServer("/a")
    cheap(server)
    server.groups["/a"], server.tags["/a"] = {}, {}
    assert kinds(cheap(server)) == {"/a": "created"}


def test_a_mark_that_may_not_be_written_is_no_failure_and_is_told_once() -> None:
    server = LogsServer("/a", "/b", "/c")
    server.spoil = lambda name, _unused: ("AccessDeniedException", "no") if name == "TagResource" else None
    swept = sweep(server, tag_log_groups=True, audit=lambda _name: False, workers=1)
    outcomes = last_words(swept.run(write=True))
    assert kinds(outcomes) == {"/a": "created", "/b": "created", "/c": "created"}
    assert server.operations().count("TagResource") == 1
    assert "TagResource" in swept.notes[0]


def test_where_marks_cannot_be_listed_every_group_is_looked_at() -> None:
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


def test_another_deployment_has_marks_of_its_own() -> None:
    server = LogsServer("/a")
    cheap(server)
    assert kinds(cheap(server, desired=DesiredFilter(THEIRS), choice=Choice(["*"], []))) == {"/a": "created"}
    assert len(server.tags["/a"]) == 2
    run(server, tag_log_groups=True, present=False, desired=DesiredFilter(THEIRS), choice=Choice(["*"], []))
    assert list(server.tags["/a"]) == [DesiredFilter(OURS).subscription_tag[0]]


# Another delivery's groups, as a stream


def late_deliveries() -> LogsServer:
    """The filter that tells whose function it is stands on a group that is listed after the function's own."""
    server = LogsServer("/aws/lambda/theirs", "/aws/lambda/worker", "/z")
    server.add_filter("/z", "theirs", THEIRS)
    return server


@pytest.mark.parametrize("tag_log_groups", [True, False])
def test_another_deliverys_group_is_left_alone_whenever_it_is_known(tag_log_groups: bool) -> None:
    server = late_deliveries()
    expected = {"/aws/lambda/theirs": "excluded", "/aws/lambda/worker": "created", "/z": "created"}
    assert kinds(planned(server, tag_log_groups=tag_log_groups)) == expected
    told = summary(sweep(server, tag_log_groups=tag_log_groups).run(write=True))
    assert (told["counts"]["groups"], told["counts"]["subscribed"], told["counts"]["excluded"]) == (3, 2, 1)
    assert server.groups["/aws/lambda/theirs"] == {}
    server.calls.clear()
    assert not any(outcome.has_changes for outcome in run(server, tag_log_groups=tag_log_groups))
    assert not any(name.startswith(("Put", "Delete", "Tag", "Untag")) for name in server.operations())


def test_without_marks_no_such_group_is_subscribed_even_for_a_moment() -> None:
    server = late_deliveries()
    run(server, tag_log_groups=False)
    assert "PutSubscriptionFilter" not in server.operations("/aws/lambda/theirs")
    assert server.operations("/aws/lambda/worker") == ["DescribeSubscriptionFilters", "PutSubscriptionFilter"]


def test_what_a_mark_tells_of_another_deliverys_group_costs_no_look_either() -> None:
    server = LogsServer("/aws/lambda/theirs")
    for number in range(5):
        server.add_filter("/full", f"theirs-{number}", THEIRS)
    cheap(server)
    server.calls.clear()
    assert kinds(cheap(server)) == {"/aws/lambda/theirs": "excluded", "/full": "not_possible"}
    looks = [request["logGroupName"] for name, request in server.calls if name == "DescribeSubscriptionFilters"]
    assert looks == ["/full"]


def test_an_audit_notices_that_a_delivery_is_no_more() -> None:
    server = late_deliveries()
    cheap(server)
    del server.groups["/z"]["theirs"]
    assert kinds(cheap(server))["/aws/lambda/theirs"] == "excluded"
    told = summary(sweep(server, tag_log_groups=True).run(write=True))
    assert (told["counts"]["groups"], told["counts"]["subscribed"], told["not_subscribed"]) == (3, 3, [])
    assert not any(outcome.has_changes for outcome in run(server, tag_log_groups=True))


# Going on


def test_when_the_time_is_up_the_next_sweep_goes_on_from_there() -> None:
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


def test_a_position_on_a_later_page_begins_there() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(130)))
    list(sweep(server).run(write=False, position=Position("100", "/group/120")))
    assert server.operations().count("DescribeLogGroups") == 1
    assert server.operations().count("DescribeSubscriptionFilters") == 9


# Outcomes of their own


@pytest.mark.parametrize(
    ("code", "kind"),
    [("InvalidOperationException", "in_deletion"), ("OperationAbortedException", "contested")],
)
@pytest.mark.parametrize("operation", ["DescribeSubscriptionFilters", "PutSubscriptionFilter"])
def test_what_happens_to_one_group_has_a_name_and_the_others_go_on(operation: str, code: str, kind: str) -> None:
    server = LogsServer("/a", "/b", "/c")
    server.spoil = lambda name, request: (
        (code, "not now") if name == operation and request["logGroupName"] == "/b" else None
    )
    outcomes = run(server)
    assert kinds(outcomes) == {"/a": "created", "/b": kind, "/c": "created"}
    assert summary(outcomes)["counts"][kind] == 1


def test_a_permission_that_is_missing_for_all_is_not_asked_for_thousands_of_times() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(200)))
    server.spoil = lambda name, _unused: ("AccessDeniedException", "no") if name.startswith("DescribeSub") else None
    counts = summary(run(server, workers=2))["counts"]
    assert counts["denied"] + counts["failed"] == 200
    assert server.operations().count("DescribeSubscriptionFilters") <= 22


def test_duplicates_go_on_request_and_the_one_that_is_kept_is_written_first() -> None:
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


def test_tags_choose_by_the_lists_of_aws_and_by_the_groups_own_alike() -> None:
    server = LogsServer("/a", "/b", "/c", "/d")
    server.tags = {"/a": {"logs": "yes"}, "/b": {"logs": "no"}, "/c": {"logs": "yes", "secret": "1"}, "/d": {}}
    choice = Choice(["*"], [], include_tags={"logs": ["yes", "true"]}, exclude_tags={"secret": []})
    expected = {"/a": "created", "/b": "excluded", "/c": "excluded", "/d": "excluded"}
    assert kinds(planned(server, choice=choice)) == expected
    one_by_one = sweep(server, choice=choice)
    assert {name: one_by_one.process(LogGroup(name), write=False).kind for name in server.groups} == expected


def test_a_group_that_lost_its_tag_is_unsubscribed_by_purge() -> None:
    server = LogsServer("/a", "/b")
    server.tags = {"/a": {"logs": "yes"}, "/b": {"logs": "yes"}}
    choice = Choice(["*"], [], include_tags={"logs": ["yes"]})
    cheap(server, choice=choice)
    del server.tags["/b"]["logs"]
    assert kinds(cheap(server, choice=choice, purge=True)) == {"/a": "subscribed", "/b": "removed"}
    assert server.groups["/b"] == {}
    assert server.tags["/b"] == {}


def test_groups_are_chosen_by_the_day_they_were_made() -> None:
    server = LogsServer("/old", "/new")
    server.created = {"/old": 1000, "/new": 3000}
    assert kinds(planned(server, choice=Choice(["*"], [], created_after=2000)))["/old"] == "excluded"
    assert kinds(planned(server, choice=Choice(["*"], [], created_before=2000)))["/new"] == "excluded"


# What must not be lost, and what marks may not say


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    found: dict[str, int] = summary(outcomes)["counts"]
    return found


def test_where_a_look_at_the_rest_is_hopeless_functions_groups_are_told_too() -> None:
    """Without marks they wait until all were looked at."""
    server = LogsServer("/aws/lambda/a", "/aws/lambda/b", "/z")
    server.spoil = lambda _name, request: (
        botocore.exceptions.NoCredentialsError() if request.get("logGroupName") == "/z" else None
    )
    told = counts(sweep(server, workers=1).run(write=True))
    assert (told["groups"], told["failed"]) == (3, 3)


def test_a_listing_that_breaks_off_tells_first_what_was_done() -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(60)))
    server.spoil = lambda name, request: ("InternalFailure", "no") if request.get("nextToken") == "50" else None
    swept = sweep(server, tag_log_groups=True)
    tally = Tally()
    with pytest.raises(ReflectorError, match="list the log groups"):
        tally_all(tally, swept.run(write=True))
    assert tally.counts()["changed"] == 50
    assert swept.stopped == Position("", "/group/049")


def test_only_who_looked_at_every_group_says_that_a_delivery_is_no_more() -> None:
    """The filter that tells of it stands in another slice, on a group that is believed, or on one that cannot be read."""
    server = LogsServer("/a", "/aws/lambda/theirs")
    server.add_filter("/a", "theirs", THEIRS)
    cheap(server)
    expected = {"/aws/lambda/theirs": "excluded"}
    rest = sweep(server, tag_log_groups=True).run(write=True, position=Position(after="/a"))
    assert kinds(last_words(rest)) == expected
    assert kinds(cheap(server, audit=lambda name: name != "/a")) == {"/a": "subscribed", **expected}
    server.spoil = lambda name, request: (
        ("AccessDeniedException", "no") if request.get("logGroupName") == "/a" else None
    )
    assert kinds(run(server, tag_log_groups=True)) == {"/a": "denied", **expected}
    assert server.groups["/aws/lambda/theirs"] == {}


def test_what_was_not_served_is_counted_once_although_others_send_to_its_function() -> None:
    server = late_deliveries()
    for number in range(5):
        server.add_filter("/aws/lambda/theirs", f"full-{number}", OURS + "-of-others")
    for write in (False, True):
        told = counts(sweep(server, tag_log_groups=True).run(write=write))
        assert (told["groups"], told["subscribed"], told["not_possible"], told["excluded"]) == (3, 2, 1, 0)


def test_slices_count_another_deliverys_group_once() -> None:
    server = LogsServer("/a", "/aws/lambda/theirs", "/z")
    server.add_filter("/a", "theirs", THEIRS)
    left = iter(range(1))
    first = sweep(server, tag_log_groups=True, is_time_up=lambda: next(left, None) is None)
    told = Counter(counts(first.run(write=True)))
    told.update(counts(sweep(server, tag_log_groups=True).run(write=True, position=first.stopped)))
    assert (told["groups"], told["subscribed"], told["excluded"]) == (3, 2, 1)
    assert server.groups["/aws/lambda/theirs"] == {}


def test_a_late_mark_does_not_say_of_another_deliverys_group_that_it_is_subscribed() -> None:
    """Who marks later (`tag_new`) may hold an outcome that was taken back meanwhile."""
    server = late_deliveries()
    swept = sweep(server, tag_log_groups=True, tag_new=False)
    late = [outcome for outcome in swept.run(write=True) if outcome.kind == "created"]
    assert "/aws/lambda/theirs" in [outcome.log_group for outcome in late]
    for outcome in late:
        swept.tag(outcome)
    assert list(server.tags["/aws/lambda/theirs"].values()) == ["other-forwarder"]
    assert kinds(run(server, tag_log_groups=True)) == {
        "/aws/lambda/theirs": "excluded",
        "/aws/lambda/worker": "subscribed",
        "/z": "subscribed",
    }


def test_back_to_the_settings_of_before_after_a_run_that_was_killed() -> None:
    """Its filter has the new settings by then, and the mark must not say that it has the old ones."""
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


def test_a_removal_that_failed_is_tried_again_by_the_next_cheap_sweep() -> None:
    server = LogsServer("/a", "/b")
    cheap(server)
    server.spoil = lambda name, _unused: ("OperationAbortedException", "no") if name.startswith("Delete") else None
    assert kinds(cheap(server, exclude=("/b",), purge=True)) == {"/a": "subscribed", "/b": "contested"}
    server.spoil = lambda _name, _unused: None
    assert kinds(cheap(server, exclude=("/b",), purge=True)) == {"/a": "subscribed", "/b": "removed"}
    assert (server.groups["/b"], server.tags["/b"]) == ({}, {})


@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyTagsException"])
def test_an_update_needs_no_mark(code: str) -> None:
    server = LogsServer()
    server.add_filter("/a", "a", OURS, filterPattern="ONE")
    server.spoil = lambda name, _unused: (code, "no") if name == "TagResource" else None
    assert kinds(cheap(server, attributes={"filter_pattern": "TWO"})) == {"/a": "updated"}


def test_who_uses_no_marks_needs_no_permission_for_tags_to_take_filters_away() -> None:
    server = LogsServer()
    server.add_filter("/a", "a", OURS)
    server.spoil = lambda name, _unused: (
        ("AccessDeniedException", "no") if name in ("ListLogGroups", "UntagResource") else None
    )
    assert kinds(run(server, present=False)) == {"/a": "removed"}


def test_where_aws_does_not_know_the_listing_by_tag_every_group_is_looked_at() -> None:
    server = LogsServer("/a")
    code = "UnknownOperationException"
    server.spoil = lambda name, _unused: (code, "no") if name == "ListLogGroups" else None
    assert kinds(cheap(server)) == {"/a": "created"}
    code = "InternalFailure"  # the next try may know which groups are another delivery's
    with pytest.raises(ReflectorError, match="by tag"):
        cheap(server)


@pytest.mark.parametrize("tag_log_groups", [True, False])
def test_an_old_sdk_asks_every_group_for_its_tags(monkeypatch: pytest.MonkeyPatch, tag_log_groups: bool) -> None:
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


def test_many_denied_groups_do_not_stop_those_after_them() -> None:
    server = LogsServer("/a", *(f"/denied/{number}" for number in range(30)), "/z")
    server.spoil = lambda _name, request: (
        ("AccessDeniedException", "no") if request.get("logGroupName", "").startswith("/denied") else None
    )
    told = counts(run(server, workers=1))
    assert (told["subscribed"], told["denied"]) == (2, 30)
