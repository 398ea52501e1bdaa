# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sinks and routes through the real roles: routes choose the sinks, wrong rules change nothing, long rules are in a parameter."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from deployed import FUNCTION, Deployed, calls_of_runs, payload
from embedded_aws import Behaviour, RunningAws, Sink, SinkClient
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, REGIONS, Ansible, write_inventory

PARAMETER = "/log-reflector/rules"
REDACTED, DROPPED, KEPT, NEVER, ALWAYS, OTHER = (f"/aws/lambda/service-{number:02}" for number in range(6))
MAIL = "jo@example.com"
ROUTES: list[dict[str, Any]] = [
    {"log_groups": [REDACTED.replace("service", "serv?ce")], "redact": ["email"]},
    {"log_groups": [DROPPED], "sinks": []},
    {"log_groups": [KEPT], "sinks": ["sumologic"], "keep": ["ERROR", "WARN"], "drop": ["probe$"]},
    {"log_groups": [NEVER], "sample": 0},
    {"log_groups": [ALWAYS], "sinks": ["audit"], "sample": 1},
    {"log_groups": ["*"]},
]
# Enough routes to exceed the limit for rules in the function's environment.
MANY = [{"log_groups": [f"/not/here/{number:03}/*"], "sinks": []} for number in range(70)]

Deploy = Callable[..., Ansible]


@pytest.fixture(scope="module")
def place(aws: RunningAws) -> Deployed:
    return Deployed(aws, MANAGEMENT, REGIONS[0])


@pytest.fixture(scope="module")
def audit() -> Iterator[Sink]:
    """Start the receiver of the http sink, beside the embedded Sumo Logic."""
    sink = Sink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture(scope="module")
def fleet(place: Deployed, audit: Sink, tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """Return a runner for one target that has both sinks and these variables."""
    folder = tmp_path_factory.mktemp("rules")

    def with_variables(**variables: Any) -> Ansible:
        given = {
            "log_groups_exclude": EXCLUDE,
            "reflector_timeout": 15,
            "replay_idle_timeout": 2,
            "reflector_sinks": {"audit": {"type": "http", "endpoint": audit.url}},
            **variables,
        }
        inventory = write_inventory(folder, [(place.account, place.region)], **given)
        return Ansible(place.aws.deploy_environment(), inventory, folder)

    return with_variables


@pytest.fixture(scope="module")
def routed(fleet: Deploy) -> Ansible:
    """Deploy the routes above in the function's environment."""
    ansible = fleet(reflector_routes=ROUTES)
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    return ansible


@pytest.fixture(autouse=True)
def _tidy(place: Deployed, audit: Sink) -> None:
    for sink in (place.aws.sink, audit):
        sink.behave()
        sink.clear()


def written(place: Deployed, lines: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Write lines, one payload for each group, and wait for the function. Return the accounting lines of these payloads."""
    streams = {place.write(group, *messages) for group, messages in lines.items()}

    def accounts() -> list[dict[str, Any]]:
        return [line for line in place.accounts() if line["logStream"] in streams]

    wait_until(
        lambda: len(accounts()) == len(streams),
        f"{len(streams)} accounting lines",
        seen=lambda: place.log()[-20:],
        every=0.2,
    )
    return accounts()


def counted(lines: Iterable[tuple[str, Any]]) -> Counter[tuple[str, str]]:
    """Count the lines by group and message, which may be JSON."""
    return Counter((group, json.dumps(message)) for group, message in lines)


def received(sink: Sink | SinkClient) -> Counter[tuple[str, str]]:
    """Return the lines that a sink accepted."""
    return counted((line["logGroup"], line["message"]) for line in sink.lines())


def refusal(place: Deployed, ansible: Ansible, *arguments: str) -> str:
    """Run a deployment that must be refused and change nothing, not even the execution roles. Return its recap."""
    place.aws.front.clear_journal()
    run = ansible.run("logreflector.aws.deploy", *arguments)
    assert run.status != 0
    assert "Traceback" not in run.output
    assert [call for call in calls_of_runs(place.aws) if call.write] == []
    return next(line for line in run.recap().splitlines() if line.startswith(place.host))


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["for real", "in check mode"])
@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"reflector_routes": [{"log_groups": ["*"], "redact": ["email", {"pattern": "(token"}]}]},
            "the reflector would refuse its rules: routes[0].redact[1].pattern: is no Python regular expression",
        ),
        (
            {"reflector_routes": [{"log_groups": ["*"], "sinks": ["archive"]}]},
            "routes[0].sinks[0]: there is no sink archive. Sinks are sumologic, audit.",
        ),
        ({"reflector_sumo_endpoint": None, "reflector_sinks": {}}, "there is no sink: give one in sinks, or"),
        ({"reflector_sumo_endpoint": "", "reflector_sinks": None}, "there is no sink: give one in sinks, or"),
    ],
    ids=["pattern", "unknown sink", "neither sink nor endpoint", "an empty endpoint"],
)
def test_rules_wrong_are_refused_before_any_change(
    place: Deployed, fleet: Deploy, variables: dict[str, Any], told: str, arguments: tuple[str, ...]
) -> None:
    line = refusal(place, fleet(**variables), *arguments)
    assert f"{place.host}: failed. " in line
    assert told in line
    assert "reflector_sinks" in line


def test_routes_send_lines_only_to_their_sinks(place: Deployed, routed: Ansible, audit: Sink) -> None:
    lines = {
        REDACTED: [f"mail from {MAIL}", json.dumps({"from": MAIL, "n": 1.5})],
        DROPPED: ["of no use"],
        KEPT: ["ERROR one", "INFO two", "WARN three", "ERROR of a probe"],
        NEVER: [f"sampled {number}" for number in range(20)],
        ALWAYS: [f"all {number}" for number in range(20)],
        OTHER: [f"{MAIL} is welcome here"],
    }
    accounts = written(place, lines)
    to_both = [
        (REDACTED, "mail from [email]"),
        (REDACTED, {"from": "[email]", "n": 1.5}),
        (OTHER, f"{MAIL} is welcome here"),
    ]
    assert received(place.aws.sink) == counted([*to_both, (KEPT, "ERROR one"), (KEPT, "WARN three")])
    assert received(audit) == counted([*to_both, *((ALWAYS, message) for message in lines[ALWAYS])])
    sums = {line["logGroup"]: (line["DroppedEvents"], line["DeliveredEvents"]) for line in accounts}
    assert sums == {REDACTED: (0, 2), DROPPED: (1, 0), KEPT: (2, 2), NEVER: (20, 0), ALWAYS: (0, 20), OTHER: (0, 1)}
    assert place.counts() == (0, 0)


@pytest.mark.parametrize("silent", ["sumologic", "audit"])
def test_sink_silent_does_not_delay_the_other_and_gets_lines_by_replay(
    place: Deployed, routed: Ansible, audit: Sink, silent: str
) -> None:
    sinks: dict[str, Sink | SinkClient] = {"sumologic": place.aws.sink, "audit": audit}
    bad, good = sinks.pop(silent), next(iter(sinks.values()))
    written(place, {OTHER: ["the function is warm"]})
    good.clear()
    bad.clear()
    bad.behave(Behaviour(kind="hang"))
    lines = [f"{number} from {MAIL}" for number in range(5)]
    accounts = written(place, {OTHER: lines, REDACTED: [f"mail from {MAIL}"]})
    once = counted([*((OTHER, line) for line in lines), (REDACTED, "mail from [email]")])
    assert (received(good), received(bad)) == (once, Counter())
    # The function waited for the silent sink until its time was over. The other sink had its lines long before.
    over = min(line["_aws"]["Timestamp"] for line in accounts) / 1000
    assert max(request.time for request in good.requests()) < over - 1
    for account in accounts:
        assert account["sinks"][silent]["delivered"] == account["sinks"][next(iter(sinks))]["deadLettered"] == 0
    letters = [json.loads(body) for body in place.take(visible_again=True)]
    assert {letter["deadLetter"]["sink"] for letter in letters} == {silent}
    waiting = [(found["logGroup"], event["message"]) for found in map(payload, letters) for event in found["logEvents"]]
    assert counted(waiting) == once
    bad.behave()
    run = routed.run("logreflector.aws.replay")
    assert run.status == 0, run.output
    assert received(bad) == received(good) == once
    assert place.counts() == (0, 0)


def test_rules_long_are_stored_in_a_parameter(place: Deployed, fleet: Deploy, audit: Sink) -> None:
    ssm = place.client("ssm")
    ansible = fleet(reflector_routes=[*MANY, *ROUTES])
    announced = ansible.run("logreflector.aws.deploy", "--check")
    assert announced.status == 0, announced.output
    deployed = ansible.run("logreflector.aws.deploy")
    assert deployed.status == 0, deployed.output
    assert announced.changes() == deployed.changes()
    assert f"create parameter {PARAMETER}" in deployed.changes()[place.host]
    found = ssm.get_parameter(Name=PARAMETER, WithDecryption=True)["Parameter"]
    assert found["Type"] == "SecureString"
    assert json.loads(found["Value"])["routes"] == [*MANY, *ROUTES]
    assert setting(place).startswith(f"ssm:{PARAMETER}:1#")
    again = ansible.run("logreflector.aws.deploy")
    assert (again.status, again.changed_tasks()) == (0, []), again.output

    place.aws.front.clear_journal()
    written(place, {KEPT: ["ERROR one", "INFO two"], DROPPED: ["of no use"]})
    assert received(place.aws.sink) == counted([(KEPT, "ERROR one")])
    assert audit.lines() == []
    readers = {call.caller for call in place.aws.front.calls(operation="GetParameter")}
    assert [f":assumed-role/{FUNCTION}/" in reader for reader in readers] == [True]

    policy = place.client("iam").get_role_policy(RoleName=FUNCTION, PolicyName="log-reflector")["PolicyDocument"]
    assert [item["Resource"] for item in policy["Statement"] if item["Action"] == ["ssm:GetParameter"]] == [
        [f"arn:aws:ssm:*:{place.account}:parameter{PARAMETER}{version}" for version in ("", ":*")]
    ]

    before = setting(place)
    changed = fleet(reflector_routes=[*MANY, {"log_groups": [KEPT], "drop": ["ERROR"]}, *ROUTES])
    run = changed.run("logreflector.aws.deploy")
    assert run.status == 0, run.output
    assert run.changes()[place.host] == [
        f"update parameter {PARAMETER}",
        f"update configuration of function {FUNCTION}",
        f"update release of function {FUNCTION}",
        f"update release of function {FUNCTION}-subscriber",  # one deployment has one release name
    ]
    assert setting(place) != before
    place.aws.sink.clear()
    written(place, {KEPT: ["ERROR one", "INFO two"]})
    assert received(place.aws.sink) == received(audit) == counted([(KEPT, "INFO two")])

    torn_down = changed.run("logreflector.aws.teardown")
    assert torn_down.status == 0, torn_down.output
    assert f"delete parameter {PARAMETER}" in torn_down.changes()[place.host]
    assert place.own_resources() == []


def setting(place: Deployed) -> str:
    """Return the function's REFLECTOR_RULES."""
    configuration = place.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    value: str = configuration["Environment"]["Variables"]["REFLECTOR_RULES"]
    return value
