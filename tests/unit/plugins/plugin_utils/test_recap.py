# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recap: from the variables of the targets to lines of text."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._recap import Recap, wave_line
from ansible_collections.logreflector.aws.plugins.plugin_utils._target_state import target_state

COUNTS = {"groups": 61, "subscribed": 56, "changed": 0, "excluded": 3, "not_possible": 2}
USUAL = "56 of 58 eligible log groups subscribed (96.5 %); no changes; 3 excluded; 2 cannot be subscribed"
FULL = "all its 5 filter slots are taken: other-team (to arn:aws:lambda:eu-west-1:222222222222:function:ship)"
CLASS = "its log class is INFREQUENT_ACCESS; only STANDARD groups take filters"


def recap(
    *targets: dict[str, Any], waves: bool = False, lost: tuple[str, ...] = (), names: str = "abcdefgh", **more: Any
) -> Recap:
    states = [
        target_state(name, variables, waves=waves, lost=name in lost)
        for name, variables in zip(names, targets, strict=False)
    ]
    return Recap("Deploy", states, **more)


def lines(*targets: dict[str, Any], **more: Any) -> list[str]:
    return recap(*targets, **more).text()


def catch_up(**more: Any) -> dict[str, Any]:
    """Return the variables of a target whose log groups were subscribed."""
    counts = {**COUNTS, **more.pop("counts", {})}
    return {
        "deploy_result": {"changed": bool(counts["changed"]), "catch_up": {"counts": counts, "complete": True, **more}}
    }


def impossible(*reasons: str, group: str = "/group/{}") -> list[dict[str, str]]:
    return [
        {
            "log_group": group.format(number),
            "outcome": "not_possible",
            "cause": "slots" if "slots are taken" in reason else "class",
            "reason": reason,
            "holders": reason.partition(": ")[2] if "slots are taken" in reason else None,
        }
        for number, reason in enumerate(reasons)
    ]


def failure(**parts: str) -> dict[str, Any]:
    return {"recap_failure": {"message": "no", **parts}}


def test_recap_healthy_target_has_one_line() -> None:
    assert lines(catch_up()) == ["Deploy, 1 target: 1 ok.", f"a: ok. {USUAL}."]


def test_recap_control_characters_do_not_reach_the_terminal() -> None:
    """A log group's name in a note, and an error, could clear the screen or forge lines."""
    note, message = "\x1b[2J cannot be tagged", "Could not \x1b]0;title\x07 do it\u202e.\nforged: ok"
    shown = lines(catch_up(notes=[note]), {"recap_failure": {"message": message}})
    assert all(line.isprintable() for line in shown)
    assert any("[2J cannot be tagged" in line for line in shown)


def test_recap_catch_up_alone_reads_its_result() -> None:
    assert lines({"catch_up_result": catch_up()["deploy_result"]})[1] == f"a: ok. {USUAL}."


def test_recap_changed_target_says_changed() -> None:
    assert (
        "a: changed. 56 of 58 eligible log groups subscribed (96.5 %); 4 changed;"
        in lines(catch_up(counts={"changed": 4}))[1]
    )


def test_recap_target_without_result_is_ok() -> None:
    assert lines({}) == ["Deploy, 1 target: 1 ok.", "a: ok."]


def test_recap_check_mode_shows_changes_and_duration() -> None:
    found = lines(catch_up(counts={"changed": 57}, estimate={"minutes": 17.2}), check_mode=True)
    assert found[0] == "Deploy, 1 target: 1 would change. Check mode: nothing was changed."
    assert found[1].startswith(
        "a: would change. 56 of 58 eligible log groups would be subscribed (96.5 %); 57 to change;"
    )
    assert found[1].endswith("the changes take about 17 minutes at AWS's rates.")


@pytest.mark.parametrize(("minutes", "check_mode"), [(17.2, False), (0.4, True)])
def test_recap_short_or_done_changes_have_no_estimate(minutes: float, check_mode: bool) -> None:
    assert (
        "minute" not in lines(catch_up(counts={"changed": 1}, estimate={"minutes": minutes}), check_mode=check_mode)[1]
    )


def test_recap_trusted_log_groups_are_counted() -> None:
    assert (
        "no changes; 50 trusted by tag, not read again; 3 excluded" in lines(catch_up(counts={"known_by_tag": 50}))[1]
    )


@pytest.mark.parametrize(
    ("subscribed", "groups", "text"),
    [
        (58, 61, "58 of 58 eligible log groups subscribed (100 %)"),
        (4999, 5003, "4,999 of 5,000 eligible log groups subscribed (99.9 %)"),
        (0, 3, "no eligible log groups"),
        (0, 4, "0 of 1 eligible log groups subscribed (0 %)"),
    ],
)
def test_recap_coverage_is_100_percent_only_if_complete(subscribed: int, groups: int, text: str) -> None:
    assert f"a: ok. {text}; no changes" in lines(catch_up(counts={"subscribed": subscribed, "groups": groups}))[1]


def test_recap_vanished_log_groups_are_not_eligible() -> None:
    assert "56 of 56 eligible" in lines(catch_up(counts={"gone": 1, "in_deletion": 1}))[1]


@pytest.mark.parametrize(
    ("after", "text"),
    [
        ("/aws/lambda/m", "INCOMPLETE: catch_up_max_seconds ended the run after log group /aws/lambda/m, the next run"),
        (None, "INCOMPLETE: catch_up_max_seconds ended the run, the next run continues there."),
    ],
)
def test_recap_incomplete_catch_up_says_where_it_stopped(after: str | None, text: str) -> None:
    assert text in lines(catch_up(complete=False, stopped_after=after))[1]


def test_recap_several_targets_have_a_total() -> None:
    found = lines(catch_up(counts={"changed": 1}), catch_up(complete=False), catch_up(complete=False))
    assert found[4].startswith(
        "All 3 targets: 168 of 174 eligible log groups subscribed (96.5 %); 1 changed; 9 excluded; 6 cannot be subscribed; "
        "INCOMPLETE on 2 targets: "
    )


def test_recap_more_targets_than_lines_has_totals_only() -> None:
    found = lines(
        *[catch_up(estimate={"minutes": number}, counts={"changed": 1}) for number in (3, 8, 5)],
        lines=2,
        check_mode=True,
    )
    assert len(found) == 2
    assert "take about 8 minutes" in found[1]


def test_recap_full_log_groups_are_counted_once_with_examples() -> None:
    targets = [catch_up(counts={"not_possible": 2}, not_subscribed=impossible(FULL, CLASS)) for _target in range(5)]
    found = lines(*targets)
    assert found[7:] == [
        "10 log groups cannot be subscribed:",
        f"    5 on 5 targets: {FULL}",
        "        /group/0 in a, /group/0 in b, /group/0 in c and 2 more",
        f"    5 on 5 targets: {CLASS}",
        "        /group/1 in a, /group/1 in b, /group/1 in c and 2 more",
        (
            "    5 log groups without a free filter slot: to deliver them as well, set catch_up_on_full: account_policy "
            "(https://github.com/logreflector/logreflector.aws/blob/main/docs/ACCOUNT_POLICY.md)"
        ),
    ]
    assert "\n".join(found).count("arn:") == 1


def test_recap_reason_of_several_targets_has_the_arn_of_none() -> None:
    """The recap of six targets named the ARN of one of them as the reason of all."""
    targets = [
        {
            **catch_up(
                not_subscribed=impossible(
                    f"all its 5 filter slots are taken: shipper (to arn:aws:lambda:{region}:{account}:x)"
                )
            ),
            "target_account_id": account,
            "target_region": region,
        }
        for region, account in (("eu-west-1", "111111111111"), ("us-east-1", "222222222222"))
    ]
    text = "\n".join(lines(*targets))
    assert (
        "    2 on 2 targets: all its 5 filter slots are taken: shipper (to arn:aws:lambda:<region>:<account>:x)" in text
    )
    assert "111111111111" in "\n".join(lines(targets[0]))


def test_recap_other_impossible_log_groups_do_not_mention_the_account_policy() -> None:
    found = "\n".join(lines(catch_up(not_subscribed=impossible(CLASS))))
    assert "2 log groups cannot be subscribed:" in found
    assert "account_policy" not in found


def test_recap_cause_of_an_impossible_log_group_is_not_read_from_its_text() -> None:
    entries = [{**impossible("no room")[0], "cause": "slots"}, {**impossible(FULL)[0], "cause": "class"}]
    assert "    1 log group without a free filter slot" in "\n".join(lines(catch_up(not_subscribed=entries)))


def test_recap_excluded_log_groups_are_not_listed() -> None:
    excluded = [{"log_group": "/x", "outcome": "excluded", "reason": "a pattern"}]
    assert "/x" not in "\n".join(lines(catch_up(not_subscribed=excluded)))


def test_recap_notes_are_cut() -> None:
    found = lines(catch_up(notes=[f"note {number}" for number in range(7)]))
    assert found[2:] == [*(f"a: note: note {number}" for number in range(5)), "and 2 more notes"]


def test_recap_delivery_checks_have_seconds() -> None:
    def check(to_filter: float, to_sink: float) -> dict[str, Any]:
        times = {"seconds_to_subscription": to_filter, "seconds_to_delivery": to_sink}
        return {"delivery_check_result": {"delivery_check": times}}

    found = lines(check(10.09, 0.24), check(3.0, 10.24))
    assert found[1] == "a: ok. delivery check: filter after 10.1 s, line at the sink 0.2 s later."
    assert found[3] == (
        "All 2 targets: 2 delivery checks: filter after at most 10.1 s, line at the sink at most 10.2 s later."
    )


def test_recap_delivery_checks_through_the_copy_have_both_delays() -> None:
    def check(**times: float) -> dict[str, Any]:
        return {"delivery_check_result": {"delivery_check": times}}

    copied = check(seconds_to_copy=2.06, seconds_to_delivery=4.4)
    found = lines(copied, check(seconds_to_subscription=10.0, seconds_to_delivery=0.2), copied)
    assert found[1] == "a: ok. delivery check: copy after 2.1 s, line at the sink after 4.4 s."
    assert found[4] == (
        "All 3 targets: delivery check: filter after 10.0 s, line at the sink 0.2 s later; 2 delivery checks: copy after at most"
        " 2.1 s, line at the sink after at most 4.4 s."
    )


def test_recap_has_the_notes_about_rules_that_still_copy() -> None:
    note = "The rule central still copies this target, so events arrive twice."
    assert lines({"deploy_result": {"centralization": {"notes": [note]}}})[2] == f"a: note: {note}"


@pytest.mark.parametrize("result", [{"delivery_check": None}, {"skipped": True}, {"delivery_check": {}}])
def test_recap_skipped_delivery_check_is_not_mentioned(result: dict[str, Any]) -> None:
    assert lines({"delivery_check_result": result}) == ["Deploy, 1 target: 1 ok.", "a: ok."]


def replayed(**counts: Any) -> dict[str, Any]:
    stopped = counts.pop("stopped", "")
    return {
        "replay_result": {"changed": True, "counts": {"before": 0, "sent": 0, "after": 0, **counts}, "stopped": stopped}
    }


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({}, "no dead letters"),
        ({"before": 6, "sent": 6}, "6 dead letters, 6 sent again and accepted, 0 left"),
        ({"before": 1, "sent": 1, "after": None}, "1 dead letter, 1 sent again and accepted, an unknown number left"),
        ({"before": 9, "sent": 3, "after": 6, "stopped": "the limit"}, "6 left; stopped: the limit"),
    ],
)
def test_recap_replay_counts_dead_letters(counts: dict[str, Any], text: str) -> None:
    assert text in lines(replayed(**counts))[1]


def test_recap_replay_total_and_check_mode() -> None:
    found = lines(replayed(before=2, sent=2), replayed(before=3, sent=3), check_mode=True)
    assert found[3] == "All 2 targets: 5 dead letters, 5 to send again, 0 would be left."


def test_recap_failed_targets_are_grouped_by_reason() -> None:
    parts = {"kind": "AccessDeniedError", "operation": "create x", "code": "AccessDenied", "region": "eu-west-1"}
    found = lines(
        {}, failure(**parts, account="111111111111"), failure(**parts, account="222222222222"), failure(message="y")
    )
    assert found == [
        "Deploy, 4 targets: 1 ok, 3 failed.",
        "a: ok.",
        "2 targets: failed. Could not create x in <account>/<region>: AccessDenied: no.",
        "    b, c",
        "d: failed. y",
    ]


def test_recap_failed_target_may_have_a_region_that_cannot_be_templated() -> None:
    variables = {"target_region": None, "target_account_id": None, **failure(message="'x' is undefined")}
    assert lines(variables)[1] == "a: failed. 'x' is undefined"


def test_recap_lost_target_failed() -> None:
    found = recap({}, {}, lost=("b",))
    assert found.left() == ["b"]
    assert found.text()[2] == "b: failed. Ansible removed the target from the run. Ansible's message is above."


WAVE = {"recap_wave": {"number": 2, "of": 3, "stops": False}}
LAST = {"recap_wave": {"number": 2, "of": 3, "stops": True}}


def test_recap_targets_after_the_last_wave_were_not_started() -> None:
    found = recap(LAST, {**LAST, **failure()}, {}, {}, waves=True, retry_file="x.retry")
    assert found.left() == ["b", "c", "d"]
    assert found.text() == [
        "Deploy, 4 targets: 1 ok, 1 failed, 2 not started.",
        "a: ok.",
        "b: failed. no",
        "2 targets not started: wave 2 exceeded its failure limit.",
        "To run the 3 targets again that failed or did not start: the same command with --limit @x.retry",
    ]


def test_recap_no_wave_ran_names_the_tags() -> None:
    assert lines({}, waves=True)[1] == (
        "1 target not started: no task of a wave ran. Do not use --tags or --skip-tags with this playbook."
    )


def test_recap_check_mode_offers_no_next_step() -> None:
    assert len(lines(failure(), check_mode=True, retry_file="x")) == 2


def deployed(release: str, **more: Any) -> dict[str, Any]:
    tags = {"logreflector.aws/release": f"{release} 2026-11-28"}
    return {**WAVE, "deploy_result": {"reflector": {"function": {"tags": tags}}, **more}}


def test_recap_failure_offers_the_rollback_of_the_new_release() -> None:
    """The delivery check of a target failed: its new release runs all the same."""
    assert lines({**deployed("0.2.0+abc"), **failure()}, waves=True)[-1] == (
        "To take the new release back from the targets that have it: logreflector.aws.rollback -e rollback_release=0.2.0+abc"
    )


def test_recap_failed_deployment_offers_no_rollback() -> None:
    failed = {**deployed("0.2.0", failed=True), **failure()}
    assert "rollback" not in "\n".join(lines(failed))


def info(**more: Any) -> dict[str, Any]:
    base = {"exists": True, "release": "0.2.0", "code_sha256": "TCWmB245lqGdXYZ", "previous": None, "withdrawn": None}
    return {**base, "ours": True, "drifted": False, "failure": None, **more}


NOTHING = {"exists": False, "release": None, "code_sha256": None, "previous": None}


def releases(reflector: dict[str, Any], subscriber: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"release_info_result": {"reflector": reflector, "subscriber": subscriber or NOTHING}}


def test_recap_releases_are_grouped() -> None:
    same = releases(info(previous={"release": "0.1.0"}), info())
    assert lines(same, same, releases(NOTHING), lines=1)[1:] == [
        (
            "2 targets: reflector 0.2.0 (package TCWmB245lqGd, release before: 0.1.0), "
            "subscriber 0.2.0 (package TCWmB245lqGd, no release before)"
        ),
        "    a, b",
        "1 target: no reflector, no subscriber",
        "    c",
    ]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"ours": False}, "), WITHOUT THE OWNER TAG, no"),
        ({"ours": None}, "), no subscriber"),
        ({"drifted": True}, "), CHANGED since its release, no"),
        ({"failure": "it broke"}, "), BROKEN: it broke, no"),
        ({"withdrawn": {"release": "0.3.0"}}, "withdrawn: 0.3.0)"),
        ({"release": None}, "reflector without a release (package"),
    ],
)
def test_recap_release_names_the_problem(more: dict[str, Any], text: str) -> None:
    assert text in lines(releases(info(**more)))[1]


@pytest.mark.parametrize(
    ("changed", "check_mode", "text"),
    [
        (True, False, "reflector is back at 0.1.0, subscriber left as it is"),
        (True, True, "reflector would go back to 0.1.0, subscriber left as it is"),
        (False, False, "reflector is already back at 0.1.0, subscriber left as it is"),
    ],
)
def test_recap_rollback_names_the_restored_releases(changed: bool, check_mode: bool, text: str) -> None:
    result = {"rollback_result": {"changed": changed, "reflector": {"restored": {"release": "0.1.0"}}}}
    assert lines(result, check_mode=check_mode)[1:] == [f"1 target: {text}", "    a"]


def test_recap_teardown_counts_removed_resources() -> None:
    absent = {"changes": ["delete subscription of log group /a", "delete subscription of log group /b", "and 3 more"]}
    variables = {"teardown_unsubscribed": absent, "reflector_absent": {"changes": ["delete log group /log-reflector"]}}
    text = "6 changes{}: delete subscription (5), delete log group (1)."
    assert lines(variables)[1] == f"a: changed. {text.format('')}"
    assert lines(variables, check_mode=True)[1] == f"a: would change. {text.format(' to make')}"


def test_recap_report_has_the_figures() -> None:
    report = recap(catch_up(), {}).report()
    assert report["coverage"]["eligible"] == 58
    assert list(report["targets"]) == ["a"]
    assert report["targets"]["a"]["coverage"]["subscribed"] == 56


@pytest.mark.parametrize(
    ("stops", "number", "text"),
    [
        (False, 1, "Wave 1 of 4: 1 target ok, 2 failed (limit 0%)."),
        (True, 1, "Wave 1 of 4: 1 target ok, 2 failed (limit 0%). The remaining waves do not start."),
        (True, 4, "Wave 4 of 4: 1 target ok, 2 failed (limit 0%)."),
    ],
)
def test_wave_line_says_whether_other_waves_start(stops: bool, number: int, text: str) -> None:
    assert wave_line(number, 4, {"ok": 1, "failed": 2}, "0%", stops=stops) == text


def test_recap_names_excluded_groups_that_are_still_delivered() -> None:
    """Such a group was counted as excluded, and its events went on being delivered."""
    kept = [{"log_group": f"/dev/{number}", "outcome": "kept", "reason": "x"} for number in range(5)]
    text = lines(catch_up(counts={"groups": 67, "kept": 5, "other_forwarders": 1}, not_subscribed=kept))
    assert "3 excluded; 1 of other forwarders; 5 excluded but STILL DELIVERED" in text[1]
    assert "5 excluded log groups still delivered: /dev/0 in a, /dev/1 in a, /dev/2 in a and 2 more" in text
    assert "catch_up_purge: true" in text[-1]


def dead_letters(messages: int, summary: str = "") -> dict[str, Any]:
    found = {"exists": True, "messages": messages, "oldest_seconds": 60 if messages else None, "summary": summary}
    return {"dead_letter_info_result": {"dead_letters": found}}


def test_recap_warns_of_dead_letters() -> None:
    """A target with four waiting dead letters was "ok", without a warning."""
    found = lines({**catch_up(), **dead_letters(1, "1 dead letter waits")}, dead_letters(4, "4 dead letters wait"), {})
    assert found[-3:] == [
        (
            "WARNING: 5 dead letters on 2 targets. SQS deletes them after 14 days. Remove the cause, then send them again: "
            "logreflector.aws.replay"
        ),
        "    b: 4 dead letters wait",
        "    a: 1 dead letter waits",
    ]
    assert recap(dead_letters(4)).report()["targets"]["a"]["dead_letters"]["messages"] == 4


def test_recap_deployed_warns_of_dead_letters() -> None:
    waiting = dead_letters(4, "4 dead letters wait")["dead_letter_info_result"]
    deployed = {"deploy_result": {"changed": False, "reflector": waiting}}
    assert lines(deployed)[-1] == "    a: 4 dead letters wait"


def test_recap_without_dead_letters_does_not_warn() -> None:
    missing = {"dead_letter_info_result": {"dead_letters": {"exists": False, "messages": 0}}}
    assert "WARNING" not in "\n".join(lines(dead_letters(0), missing, {}))


def test_recap_dead_letters_on_many_targets_name_the_worst() -> None:
    found = lines(*(dead_letters(number, str(number)) for number in range(1, 9)))
    assert found[-6:] == ["    h: 8", "    g: 7", "    f: 6", "    e: 5", "    d: 4", "    and 3 more targets"]


def test_recap_rollback_says_why_targets_were_skipped() -> None:
    back = {"rollback_result": {"changed": True, "reflector": {"restored": {"release": "1"}}, "left_alone": ""}}
    left = {"rollback_result": {"changed": False, "left_alone": "no release before is kept"}}
    assert lines(left, back, left)[1:5] == [
        "2 targets: left as it is, no release before is kept",
        "    a, c",
        "1 target: reflector is back at 1, subscriber left as it is",
        "    b",
    ]


def test_recap_failed_delivery_check_offers_the_rollback() -> None:
    """A deployment that broke the only target of the run did not name the way back."""

    def broken(release: str) -> dict[str, Any]:
        tags = {"logreflector.aws/release": f"{release} 1234"}
        return {**failure(), "deploy_result": {"changed": True, "reflector": {"function": {"tags": tags}}}}

    offer = "To take the new release back from the targets that have it: logreflector.aws.rollback -e rollback_release="
    assert lines(broken("0.2.0+aa"), waves=True)[-1] == f"{offer}0.2.0+aa"
    assert lines(broken("0.2.0+bb"), broken("0.2.0+aa"))[-2:] == [f"{offer}0.2.0+aa", f"{offer}0.2.0+bb"]


def test_recap_centralization_names_rules_and_copies() -> None:
    rules = [{"name": "eu", "problem": None}, {"name": "us", "problem": "The rule does not copy."}]
    counts = {"log_groups": 1200, "never_expire": 3, "changed": 1, "failed": 0}
    administrator = {"centralization_result": {"changed": True, "rules": rules}}
    destination = {"centralization_copies": {"changed": False, "counts": counts}}
    removed = {"centralization_result": {"changed": True, "rules": []}}
    assert lines(administrator, destination, removed)[1:] == [
        "a: changed. 2 centralization rules, 1 of them healthy.",
        "b: ok. 1,200 log groups of copies, 2 of them never expire.",
        "c: changed.",
    ]


def test_recap_full_log_groups_with_other_holders_are_one_reason_and_aws_refusals_another() -> None:
    refused = "Resource limit exceeded; the log group's filters are one (to arn:x). Set log_groups_slots to 1"
    entries = impossible(FULL, FULL.replace("other-team", "third-team"), refused)
    entries[2] |= {"cause": "slots", "holders": "one (to arn:x)"}
    found = "\n".join(lines(catch_up(not_subscribed=entries)))
    assert f"    2 on 1 target: {FULL}" in found
    assert f"    1 on 1 target: {refused}" in found
    assert "    3 log groups without a free filter slot" in found
