# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdicts, the table, the policy and the costs of `make check-aws`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from check_aws import ROOT, functions, needs, program, removal
from check_aws.limits import Limits
from check_aws.measurements import MEASUREMENTS, handover
from check_aws.measurements.handover import LOOP_HOPS
from check_aws.measurements.rates import Calls
from check_aws.results import (
    WIDTHS,
    Finding,
    Measurement,
    Result,
    Verdict,
    as_assumed,
    differs,
    judge_delay,
    judge_rate,
    not_measured,
    table,
    write_json,
)


@pytest.mark.parametrize(
    ("found", "waited", "verdict"),
    [
        ([1.0, 30.0], 300.0, Verdict.AS_ASSUMED),
        ([1.0, 30.5], 300.0, Verdict.DIFFERS),
        ([], 300.0, Verdict.DIFFERS),
        ([], 30.0, Verdict.DIFFERS),
        ([], 29.0, Verdict.NOT_MEASURED),
    ],
)
def test_judge_delay_compares_the_longest(found: list[float], waited: float, verdict: Verdict) -> None:
    finding = judge_delay("arrived", found, 30.0, waited, "advice")
    assert finding.verdict is verdict
    assert bool(finding.advice) == (verdict is not Verdict.AS_ASSUMED)
    assert finding.figures == {"seconds": found, "assumed_seconds": 30.0}


@pytest.mark.parametrize(
    ("calls", "seconds", "throttled", "verdict"),
    [
        (8, 0.5, True, Verdict.AS_ASSUMED),  # a bucket of one second's calls is empty
        (4, 0.1, True, Verdict.DIFFERS),
        (20, 5.0, True, Verdict.DIFFERS),
        (75, 5.0, False, Verdict.AS_ASSUMED),
        (20, 5.0, False, Verdict.NOT_MEASURED),
        (0, 0.0, True, Verdict.DIFFERS),
    ],
)
def test_judge_rate_compares_accepted_calls(calls: int, seconds: float, throttled: bool, verdict: Verdict) -> None:
    finding = judge_rate("ListLogGroups", 5.0, calls, seconds, throttled=throttled)
    assert finding.verdict is verdict
    assert bool(finding.advice) == (verdict is not Verdict.AS_ASSUMED)


def test_calls_end_with_first_throttled_call() -> None:
    left, lock = iter(range(5)), threading.Lock()

    def call() -> None:
        with lock:
            if next(left, None) is None:
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, "ListLogGroups")

    calls = Calls(call, rate=1000.0, seconds=600.0)
    calls.run()
    assert (calls.accepted, calls.is_throttled) == (5, True)


def test_calls_end_after_their_number() -> None:
    calls = Calls(lambda: None, rate=1000.0, seconds=0.05)
    calls.run()
    assert calls.accepted <= 50
    assert not calls.is_throttled


def test_calls_raise_other_errors() -> None:
    def call() -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListLogGroups")

    with pytest.raises(ClientError, match="AccessDenied"):
        Calls(call, rate=1000.0, seconds=0.05).run()


def test_table_shows_advice_and_keeps_its_width() -> None:
    results = [
        Result("one", "it holds " * 20, as_assumed("it does")),
        Result("two", "it holds", differs("it does not", "Do this. " * 30)),
        Result("three", "it holds", not_measured("a reason", "Do that.")),
    ]
    text = table(results)
    assert max(map(len, text.splitlines())) <= sum(WIDTHS) + 4
    for expected in ("as assumed", "differs", "could not be measured", "-> Do this.", "-> Do that.", "a reason"):
        assert expected in text


def test_write_json_holds_names_verdicts_and_figures(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    write_json(path, {"account": "1", "region": "r"}, [Result("one", "it holds", as_assumed("yes", seconds=[1]))])
    report = json.loads(path.read_text())
    finding = {"text": "yes", "verdict": "as assumed", "advice": "", "figures": {"seconds": [1]}}
    assert report == {
        "account": "1",
        "region": "r",
        "results": [{"name": "one", "assumption": "it holds", "finding": finding}],
    }


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "TagResource"), "--policy"),
        (ClientError({"Error": {"Code": "InternalFailure", "Message": "no"}}, "TagResource"), "again"),
        (KeyError("State"), "report it"),
    ],
)
def test_measure_error_is_not_measured(error: Exception, advice: str) -> None:
    def fail(_lab: Any) -> Finding:
        raise error

    result = program._measure(None, Measurement("one", "it holds", fail))  # type: ignore[arg-type]
    assert result.finding.verdict is Verdict.NOT_MEASURED
    assert advice in result.finding.advice


class FakeLab:
    """An AWS that refuses calls.

    refuses    takes the statements of a session, and returns whether AWS refuses its call
    """

    def __init__(self, refuses: Callable[..., bool] = lambda *_unused: False) -> None:
        self.limits, self.run_id = Limits(), "0123abcd"
        self.refuses = refuses
        self.target = SimpleNamespace(identity=SimpleNamespace(account="1"))
        self.log_group_arn = "arn:log-group:{}".format
        self.role_error = ""

    def shared(self, _name: str, make: Callable[[], Any]) -> Any:
        return make()

    def caller_role(self, *_unused: Any) -> str:
        return "role"

    role = caller_role

    def log_group(self, name: str) -> str:
        return name

    def allow_logs(self) -> float:
        return 0.0

    def destination(self) -> Any:
        return SimpleNamespace(arn="arn:destination", role_seconds=10.0)

    def becomes_true(self, is_true: Callable[[], bool]) -> bool:
        return is_true()

    def put_filter(self, _group: str, logs: Any) -> None:
        logs.put_subscription_filter()

    def session(self, _role: str, *statements: Any) -> Any:
        return SimpleNamespace(client=lambda _service: self.client("logs", *statements))

    def function(self, *_unused: Any) -> tuple[str, float]:
        if self.role_error:
            raise denied("InvalidParameterValueException", self.role_error)
        return "arn:function", 0.0

    def client(self, _service: str, *statements: Any) -> Any:
        def call(**_unused: Any) -> dict[str, Any]:
            if statements and self.refuses(*statements):
                raise denied("AccessDeniedException", "not authorized to perform: logs:Third")
            return {}

        return SimpleNamespace(describe_account_policies=call, put_subscription_filter=call, invoke=call)


def denied(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


def run(name: str, lab: FakeLab) -> Finding:
    (found,) = (each for each in MEASUREMENTS if each.name == name)
    return found.run(lab)  # type: ignore[arg-type]


OWN, SECOND = "logs:DescribeAccountPolicies", "logs:DescribeSubscriptionFilters"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([(OWN, "*")], {"needed": [OWN], "second_on_log_groups": True}),
        ([(OWN, "*"), (SECOND, "x")], {"needed": [OWN, SECOND], "second_on_log_groups": True}),
        ([(OWN, "*"), (SECOND, "*")], {"needed": [OWN, SECOND], "second_on_log_groups": False}),
    ],
    ids=["one action", "both actions", "both actions on all resources"],
)
def test_account_policy_permissions_names_needed_actions(
    wanted: list[tuple[str, str]], expected: dict[str, Any]
) -> None:
    def refuses(*statements: Any) -> bool:
        given = {
            (action, resource)
            for each in statements
            for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
            for resource in (each["Resource"], "x")
        }
        return not given.issuperset(wanted)

    finding = run("permissions-DescribeAccountPolicies", FakeLab(refuses))
    assert (finding.verdict, finding.figures) == (Verdict.AS_ASSUMED, expected)


def test_account_policy_permissions_third_action_differs() -> None:
    finding = run("permissions-DescribeAccountPolicies", FakeLab(lambda *_unused: True))
    assert finding.verdict is Verdict.DIFFERS
    assert "logs:Third" in finding.text


@pytest.mark.parametrize(
    ("refused", "verdict"),
    [
        ((), Verdict.AS_ASSUMED),
        (("arn:destination", "arn:destination-other"), Verdict.AS_ASSUMED),
        (("arn:destination-other",), Verdict.DIFFERS),
    ],
    ids=["ignored", "unknown", "known"],
)
def test_destination_condition_known_key_differs(refused: tuple[str, ...], verdict: Verdict) -> None:
    def refuses(statement: Any) -> bool:
        return "Condition" in statement and statement["Condition"]["StringEquals"]["logs:DestinationArn"] in refused

    assert run("destination-condition", FakeLab(refuses)).verdict is verdict


@pytest.mark.parametrize(
    ("error", "wait_seconds", "verdict"),
    [
        ("", 300.0, Verdict.DIFFERS),
        ("The role cannot be assumed by Lambda.", 300.0, Verdict.AS_ASSUMED),
        ("The role cannot be assumed by Lambda.", 20.0, Verdict.NOT_MEASURED),
    ],
)
def test_source_account_judges_the_wait(error: str, wait_seconds: float, verdict: Verdict) -> None:
    lab = FakeLab()
    lab.role_error, lab.limits = error, Limits(wait_seconds=wait_seconds)
    assert run("source-account", lab).verdict is verdict


@pytest.mark.parametrize(
    ("name", "hops", "reached", "verdict"),
    [
        ("hand-over", 24, 24, Verdict.AS_ASSUMED),
        ("hand-over", 24, 16, Verdict.DIFFERS),
        ("hand-over", 24, 0, Verdict.NOT_MEASURED),
        ("hand-over", 10, 10, Verdict.NOT_MEASURED),
        ("loop-detection", 24, 16, Verdict.AS_ASSUMED),
        ("loop-detection", 24, 24, Verdict.DIFFERS),
        ("loop-detection", 24, 3, Verdict.DIFFERS),
        ("loop-detection", 24, 0, Verdict.NOT_MEASURED),
    ],
)
def test_hand_over_judges_the_hops(
    monkeypatch: pytest.MonkeyPatch, name: str, hops: int, reached: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(handover, "_hops", lambda *_unused: reached)
    lab = FakeLab()
    lab.limits = Limits(hops=hops)
    assert run(name, lab).verdict is verdict


def test_measurements_have_unique_names() -> None:
    names = [each.name for each in MEASUREMENTS]
    assert len(names) == len(set(names))
    assert Limits().hops > LOOP_HOPS


@pytest.mark.parametrize(
    ("name", "is_own"),
    [
        ("log-reflector-check-0123abcd-event-1", True),
        ("log-reflector-check-0123abcd-chain.fifo", True),
        ("log-reflector-check-orders", False),
        ("log-reflector-check-0123abc-event", False),
        ("log-reflector-subscriber", False),
        ("log-reflector", False),
    ],
)
def test_own_name_spares_similar_names(name: str, is_own: bool) -> None:
    assert bool(removal.OWN_NAME.fullmatch(name)) is is_own


def test_costs_have_the_shipped_prices() -> None:
    found = needs.costs()
    assert [each.price for each in found] == [0.5, 0.2, 0.0000133334, 0.5, 2.0]
    assert sum(each.dollars for each in found) < 0.10


def test_policy_names_only_own_resources_in_writes() -> None:
    account_wide = {"logs:DeleteAccountPolicy", "logs:PutAccountPolicy", *_SECOND_ACTIONS}
    for statement in needs.policy("aws-cn")["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        writes = {each for each in actions if not each.partition(":")[2].startswith(("Describe", "Get", "List"))}
        if statement["Resource"] == "*":
            assert writes <= account_wide or "Condition" in statement
        else:
            assert statement["Resource"].startswith("arn:aws-cn:")


_SECOND_ACTIONS = {"logs:DeleteSubscriptionFilter", "logs:PutSubscriptionFilter"}


def test_policy_fits_into_a_managed_policy() -> None:
    assert len(json.dumps(needs.policy("aws-us-gov"), separators=(",", ":"))) <= 6144


def test_chain_uses_the_subscribers_own_trace() -> None:
    source = functions.chain(new_trace=True)
    compile(source, "index.py", "exec")
    assert "def _begin_new_trace" in source
    assert 'register_first("before-call.sqs.SendMessage", _begin_new_trace)' in functions.WORKER.read_text()
    compile(functions.chain(new_trace=False), "index.py", "exec")
    assert "_begin_new_trace" not in functions.chain(new_trace=False)


def test_main_without_region_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert program.main([]) == program.REFUSED
    assert "REGION=eu-west-1" in capsys.readouterr().out


def test_main_unknown_profile_ends_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--profile", "nobody"]) == program.FAILED
    assert "nobody" in capsys.readouterr().out


def test_main_lists_chosen_measurements(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--list", "--only", "rate", "--skip", "rate-List"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == ["rate-DescribeSubscriptionFilters", "rate-FilterLogEvents", "rate-DescribeAccountPolicies"]


def test_page_names_every_measurement() -> None:
    page = (ROOT / "docs" / "CHECK_AWS.md").read_text(encoding="utf-8")
    names = {each.name for each in MEASUREMENTS}
    assert {name for name in names if f"`{name}`" not in page} == set()
