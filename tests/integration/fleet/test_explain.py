# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the events of a log group do not arrive: one deployment, broken at one station after the other and repaired again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.modules.log_group_path import SPEC
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from deployed import FUNCTION, QUEUE, Deployed, calls_of_runs
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import ARCHIVE_GROUP, EXCLUDED_GROUP, FULL_GROUP, HALF_GROUP, populate
from embedded_aws.sink import Behaviour
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from waits import wait_until

from playbooks import EXCLUDE, MANAGEMENT, POLICY, REGIONS, ROOT, Ansible, write_inventory

GROUP, TAGGED, DEAD = (f"/aws/lambda/service-{number:02}" for number in range(3))
HOSTILE = "theirs\x1b[31m<script>"
SEND_POLICY = json.loads((ROOT / "docs" / "iam" / "test-line-policy.json").read_text(encoding="utf-8"))
TARGETS = [(MANAGEMENT, region) for region in REGIONS]
POLICY_TYPE = "SUBSCRIPTION_FILTER_POLICY"


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start one account. The deployer may also send test lines."""
    organization = Organization(management=MANAGEMENT, members=(), regions=REGIONS)
    policy = {**POLICY, "Statement": [*POLICY["Statement"], *SEND_POLICY["Statement"]]}
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=policy)) as running:
        populate(running, MANAGEMENT, REGIONS[0], groups=4)
        yield running


@pytest.fixture(scope="module")
def here(aws: RunningAws) -> Deployed:
    return Deployed(aws, MANAGEMENT, REGIONS[0])


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, here: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks for two targets, with a deployment on one of them."""
    folder = tmp_path_factory.mktemp("explain")
    ansible = Ansible(aws.deploy_environment(), write_inventory(folder, TARGETS, log_groups_exclude=EXCLUDE), folder)
    run = ansible.run("logreflector.aws.deploy", "--limit", here.host)
    assert run.status == 0, run.output
    return ansible


class Explain:
    """The module, run in this process with the permissions of the deployer."""

    def __init__(self, here: Deployed) -> None:
        self._here = here
        keys = here.aws.deployer_session(here.account, here.region).get_credentials().get_frozen_credentials()
        self._connection = {
            "endpoint_url": here.aws.endpoint_url,
            "access_key": keys.access_key,
            "secret_key": keys.secret_key,
            "session_token": keys.token,
            "region": here.region,
        }

    def __call__(self, log_group: str, **options: Any) -> dict[str, Any]:
        """Return the field log_group_path of the module's result."""
        arguments = {**self._connection, "exclude": EXCLUDE, "log_group": log_group, **options}
        result = perform_in_process(SPEC, arguments, check_mode=False)
        assert not result.get("failed"), result
        assert result["changed"] is False
        found: dict[str, Any] = result["log_group_path"]
        return found


@pytest.fixture(scope="module")
def explain(ansible: Ansible, here: Deployed) -> Explain:
    return Explain(here)


def statuses(path: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Status and cause of each station that is not in order."""
    return {each["name"]: (each["status"], each["cause"]) for each in path["stations"] if each["status"] != "ok"}


def problems(path: dict[str, Any]) -> dict[str, str]:
    """The cause of each problem. Dead letters and earlier deliveries of other tests are not counted."""
    return {name: cause for name, (status, cause) in statuses(path).items() if status == "problem"}


def fact(path: dict[str, Any], name: str) -> str:
    return str(next(each["fact"] for each in path["stations"] if each["name"] == name))


def our_filter(here: Deployed, log_group: str) -> dict[str, Any]:
    found = here.client("logs").describe_subscription_filters(logGroupName=log_group)["subscriptionFilters"]
    (ours,) = (item for item in found if item["destinationArn"].endswith(f":{FUNCTION}"))
    return {key: ours[key] for key in ("logGroupName", "filterName", "filterPattern", "destinationArn")}


@contextmanager
def without_filter(here: Deployed) -> Iterator[None]:
    ours = our_filter(here, GROUP)
    here.client("logs").delete_subscription_filter(logGroupName=GROUP, filterName=ours["filterName"])
    yield
    here.client("logs").put_subscription_filter(**ours)


@contextmanager
def outdated_filter(here: Deployed) -> Iterator[None]:
    ours = our_filter(here, GROUP)
    here.client("logs").put_subscription_filter(**{**ours, "filterPattern": "ERROR"})
    yield
    here.client("logs").put_subscription_filter(**ours)


@contextmanager
def two_filters(here: Deployed) -> Iterator[None]:
    here.client("logs").put_subscription_filter(**{**our_filter(here, GROUP), "filterName": "twice"})
    yield
    here.client("logs").delete_subscription_filter(logGroupName=GROUP, filterName="twice")


@contextmanager
def without_permission(here: Deployed) -> Iterator[None]:
    functions = here.client("lambda")
    statements = json.loads(functions.get_policy(FunctionName=FUNCTION)["Policy"])["Statement"]
    (statement,) = (each for each in statements if "logs" in json.dumps(each["Principal"]))
    functions.remove_permission(FunctionName=FUNCTION, StatementId=statement["Sid"])
    yield
    functions.add_permission(
        FunctionName=FUNCTION,
        StatementId=statement["Sid"],
        Action=statement["Action"],
        Principal=statement["Principal"]["Service"],
        SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
        SourceAccount=statement["Condition"]["StringEquals"]["AWS:SourceAccount"],
    )


@contextmanager
def stopped(here: Deployed) -> Iterator[None]:
    functions = here.client("lambda")
    before = functions.get_function(FunctionName=FUNCTION)["Concurrency"]["ReservedConcurrentExecutions"]
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    yield
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=before)


@contextmanager
def configured(here: Deployed, rules: str) -> Iterator[None]:
    functions = here.client("lambda")
    before = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]

    def write(variables: dict[str, str]) -> None:
        functions.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})

    write({**before, "REFLECTOR_RULES": rules})
    yield
    write(before)


def drop_rule(here: Deployed) -> AbstractContextManager[None]:
    routes = [{"log_groups": ["/aws/lambda/service-*"], "sinks": []}, {"log_groups": ["*"]}]
    return configured(here, json.dumps({"sinks": {}, "routes": routes}))


def wrong_settings(here: Deployed) -> AbstractContextManager[None]:
    return configured(here, '{"routes": [{"log_groups": ["*"], "sinks": ["nowhere"]}]}')


@contextmanager
def in_deletion(here: Deployed) -> Iterator[None]:
    fault = here.aws.front.error(
        "InvalidOperationException", "The log group is being deleted.", 400, operation="DescribeSubscriptionFilters"
    )
    yield
    here.aws.front.remove(fault)


# The breakage, the first broken station and its cause, what its fact says, and the command that repairs it.
CAUSES: dict[str, tuple[Callable[[Deployed], AbstractContextManager[None]], str, str, str, str]] = {
    "no filter": (without_filter, "subscription", "missing", "no filter sends to the reflector", "catch_up"),
    "outdated filter": (outdated_filter, "subscription", "outdated", "filter_pattern", "catch_up"),
    "duplicate filter": (two_filters, "subscription", "duplicate", "twice", "catch_up"),
    "log group in deletion": (in_deletion, "subscription", "in_deletion", "The log group is being deleted", ""),
    "permission removed": (without_permission, "permission", "permission", "lets CloudWatch Logs invoke", "deploy"),
    "function stopped": (stopped, "function", "stopped", "reserved concurrency is 0", "deploy"),
    "drop rule": (drop_rule, "route", "dropped", "route 1 of 2 (/aws/lambda/service-*) drops every event", "deploy"),
    "wrong settings": (wrong_settings, "route", "settings", "there is no sink nowhere", "deploy"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_broken_station_is_named_with_what_repairs_it(explain: Explain, here: Deployed, cause: str) -> None:
    breakage, station, key, text, command = CAUSES[cause]
    with breakage(here):
        path = explain(GROUP, filter_pattern="")
    verdict = path["verdict"]
    assert problems(path) == {station: key}
    assert (verdict["outcome"], verdict["station"], verdict["also"]) == ("broken", station, [])
    assert text in fact(path, station)
    assert text in verdict["sentence"]
    assert verdict["to_do"][0]["advice"]
    assert verdict["to_do"][0]["command"].partition(" ")[0] == command
    repaired = explain(GROUP, filter_pattern="")
    assert problems(repaired) == {}
    assert repaired["verdict"]["outcome"] in ("delivered", "no_problem")


def test_several_causes_at_once_are_all_named_in_the_order_of_the_path(explain: Explain, here: Deployed) -> None:
    with ExitStack() as stack:
        for breakage in (without_filter, without_permission, stopped):
            stack.enter_context(breakage(here))
        path = explain(GROUP)
    assert problems(path) == {"subscription": "missing", "permission": "permission", "function": "stopped"}
    verdict = path["verdict"]
    assert verdict["station"] == "subscription"
    assert verdict["also"] == ["permission", "function"]
    assert "There are also problems with: permission, reflector." in verdict["sentence"]
    assert [each["command"].split()[0] for each in verdict["to_do"]] == ["catch_up", "deploy", "deploy"]


def test_group_that_takes_no_filter_is_told_from_one_that_the_rules_leave_out(explain: Explain) -> None:
    wrong_class = explain(ARCHIVE_GROUP)
    assert problems(wrong_class) == {"log_group": "class"}
    assert "INFREQUENT_ACCESS takes no filter" in wrong_class["verdict"]["sentence"]
    assert "Create a log group of the class STANDARD" in wrong_class["verdict"]["to_do"][0]["advice"]
    excluded = explain(EXCLUDED_GROUP)
    assert problems(excluded) == {"rules": "excluded"}
    assert "the exclude pattern '/aws/codebuild/*' matches" in fact(excluded, "rules")
    assert "as the rules want" in fact(excluded, "subscription")
    assert excluded["verdict"]["to_do"] == [
        {"advice": excluded["stations"][1]["advice"], "command": "deploy"},
    ]


def test_group_with_an_excluded_tag_is_named_and_still_delivered(explain: Explain, here: Deployed) -> None:
    arn = f"arn:aws:logs:{here.region}:{here.account}:log-group:{TAGGED}"
    here.client("logs").tag_resource(resourceArn=arn, tags={"noise": "yes"})
    path = explain(TAGGED, exclude_tags={"noise": "yes"})
    assert problems(path) == {"subscription": "delivered"}
    assert "it carries the tag 'noise' of exclude_tags" in fact(path, "rules")
    ours = our_filter(here, TAGGED)
    here.client("logs").delete_subscription_filter(logGroupName=TAGGED, filterName=ours["filterName"])
    path = explain(TAGGED, exclude_tags={"noise": "yes"})
    assert problems(path) == {"rules": "excluded"}
    assert path["verdict"]["to_do"][0]["command"] == "deploy"


def test_full_group_names_who_holds_its_slots(explain: Explain) -> None:
    path = explain(FULL_GROUP)
    assert problems(path) == {"subscription": "slots"}
    names = ", ".join(f"other-team-{number}" for number in range(5))
    holders = f"{names} (to arn:aws:lambda:{REGIONS[0]}:{MANAGEMENT}:function:other-team-shipper)"
    assert fact(path, "subscription") == (
        f"all its 5 filter slots are taken; no filter sends to the reflector; filters of others: {holders}; 5 of 5 slots taken"
    )
    assert "catch_up_on_full: account_policy" in path["verdict"]["to_do"][0]["advice"]


def test_denied_reads_are_not_checked_and_hide_no_other_problem(explain: Explain, here: Deployed) -> None:
    front = here.aws.front
    denied = ("DescribeSubscriptionFilters", "DescribeLogStreams", "GetPolicy", "GetMetricData", "ReceiveMessage")
    faults = [front.deny(operation) for operation in denied]
    with stopped(here):
        path = explain(GROUP)
    found = statuses(path)
    assert found["subscription"] == ("not_checked", "denied")
    assert found["permission"] == ("not_checked", "denied")
    assert found["function"] == ("problem", "stopped")
    assert "DescribeSubscriptionFilters" in fact(path, "subscription")
    assert "its last event was not read: Could not" in fact(path, "log_group")
    assert "errors and throttles were not read: Could not" in fact(path, "function")
    assert path["verdict"]["outcome"] == "broken"
    assert {"subscription", "permission"} <= set(path["verdict"]["not_checked"])
    path = explain(GROUP, lookback_minutes=1)
    assert "Not checked: subscription, permission" in path["verdict"]["sentence"]
    for fault in faults:
        front.remove(fault)
    fault = front.deny("DescribeLogGroups")
    path = explain(GROUP)
    front.remove(fault)
    assert path["exists"] is None
    assert statuses(path)["log_group"] == ("not_checked", "denied")
    assert statuses(path).keys() >= {"log_group"}
    assert "subscription" not in statuses(path)


def test_account_policy_that_leaves_the_group_out_is_named(explain: Explain, here: Deployed) -> None:
    logs, destination = here.client("logs"), our_filter(here, HALF_GROUP)["destinationArn"]
    document = {"DestinationArn": destination, "FilterPattern": ""}

    def put(excluded: list[str]) -> None:
        logs.put_account_policy(
            policyName="log-reflector",
            policyType=POLICY_TYPE,
            policyDocument=json.dumps(document),
            selectionCriteria=f"LogGroupName NOT IN {json.dumps(excluded)}",
            scope="ALL",
        )

    ours = our_filter(here, GROUP)
    logs.delete_subscription_filter(logGroupName=GROUP, filterName=ours["filterName"])
    missing = explain(GROUP, mode="account_policy")
    assert problems(missing) == {"subscription": "missing"}
    put([GROUP])
    path = explain(GROUP, mode="account_policy")
    assert problems(path) == {"subscription": "missing"}
    assert "the account's policy log-reflector leaves it out" in path["verdict"]["sentence"]
    assert path["verdict"]["to_do"][0]["command"].startswith("catch_up")
    put(["/other"])
    assert problems(explain(GROUP, mode="account_policy")) == {}
    assert "the account policy log-reflector sends every event" in fact(explain(GROUP), "subscription")
    logs.delete_account_policy(policyName="log-reflector", policyType=POLICY_TYPE)
    logs.put_subscription_filter(**ours)


def test_metrics_of_the_function_are_shown_and_unknown_ones_are_not_zero(explain: Explain, here: Deployed) -> None:
    assert "unknown errors and unknown throttles in the last 60 minutes" in fact(explain(HALF_GROUP), "function")
    dimensions = [{"Name": "FunctionName", "Value": FUNCTION}]
    here.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {"MetricName": "Errors", "Dimensions": dimensions, "Value": 0},
            {"MetricName": "Throttles", "Dimensions": dimensions, "Value": 12},
        ],
    )
    assert "0 errors and 12 throttles in the last 60 minutes" in fact(explain(HALF_GROUP), "function")


def streams(here: Deployed, log_group: str) -> list[str]:
    found = here.client("logs").describe_log_streams(logGroupName=log_group)["logStreams"]
    return [stream["logStreamName"] for stream in found]


def test_playbook_sends_a_line_times_it_and_leaves_no_stream(ansible: Ansible, here: Deployed) -> None:
    kept = here.write(HALF_GROUP, "a line of the service")
    here.aws.front.clear_journal()
    run = ansible.run("logreflector.aws.explain", extra={"log_group": HALF_GROUP, "send": True})
    assert run.status == 0, run.output
    writes = {call.operation for call in calls_of_runs(here.aws) if call.write}
    assert writes - {"AssumeRole"} == {"CreateLogStream", "PutLogEvents", "DeleteLogStream"}
    assert streams(here, HALF_GROUP) == [kept]
    assert any("log reflector test line log-reflector-explain-" in str(line) for line in here.aws.sink.lines())
    path = run.result(here.host, "Read every station")["log_group_path"]
    assert path["verdict"]["outcome"] == "delivered"
    assert f"{path['seconds_to_delivery']:g} s after it was written" in run.output
    assert f"{HALF_GROUP} in {here.host} (account {MANAGEMENT}, {REGIONS[0]})" in run.output
    assert f"There is no log group {HALF_GROUP} in {MANAGEMENT}.{REGIONS[1]}." in run.output
    assert run.output.count("  OK  ") == sum(each["status"] == "ok" for each in path["stations"])


def test_refused_test_line_and_dead_letters_are_named_with_the_answer(
    ansible: Ansible, explain: Explain, here: Deployed
) -> None:
    here.aws.sink.behave(Behaviour(status=403))
    here.aws.front.clear_journal()
    path = explain(DEAD, send=True)
    assert problems(path)["sink"] == "refused"
    assert "403" in fact(path, "sink")
    assert path["verdict"]["station"] == "sink"
    assert path["verdict"]["to_do"][0]["command"] == "replay"
    wait_until(lambda: here.counts()[0] >= 1, "the dead letter")
    sqs, url = here.queue()
    sqs.send_message(QueueUrl=url, MessageBody="\x7fnot JSON <b>")
    run = ansible.run("logreflector.aws.explain", "--limit", here.host, extra={"log_group": DEAD})
    assert run.status == 2, run.output
    path = run.result(here.host, "Read every station")["log_group_path"]
    assert problems(path) == {"sink": "refused", "dead_letters": "dead_letters", "delivery": "undelivered"}
    assert f"1 of 2 messages read are of this log group, 2 wait in {QUEUE}: 1 of them: sumologic" in fact(
        path, "dead_letters"
    )
    assert "403" in fact(path, "dead_letters")
    assert f"ansible-playbook logreflector.aws.replay --limit {here.host}" in run.output
    assert f"Events of {DEAD} do not arrive." in run.output
    assert "dead_letters" not in problems(explain(HALF_GROUP))
    here.aws.sink.behave()
    ansible.run("logreflector.aws.replay", "--limit", here.host)
    sqs.purge_queue(QueueUrl=url)
    path = explain(DEAD)
    assert (problems(path), path["verdict"]["outcome"], path["verdict"]["to_do"]) == ({}, "delivered", [])
    assert "replay" in fact(path, "delivery")


def test_test_line_without_permission_or_on_a_broken_path_is_not_sent(explain: Explain, here: Deployed) -> None:
    fault = here.aws.front.deny("PutLogEvents", account=MANAGEMENT, times=1)
    path = explain(DEAD, send=True)
    here.aws.front.remove(fault)
    assert statuses(path)["sink"] == ("not_checked", "denied")
    assert "docs/iam/test-line-policy.json" in fact(path, "sink")
    assert not [name for name in streams(here, DEAD) if name.startswith("log-reflector-explain-")]
    here.aws.front.clear_journal()
    with stopped(here):
        path = explain(DEAD, send=True)
    assert path["notes"] == ["no test line was sent, because the path is broken: function"]
    assert not here.aws.front.calls(operation="CreateLogStream")


def test_playbook_without_a_usable_name_says_so_in_one_sentence(ansible: Ansible) -> None:
    for extra, advice in (
        ({}, "it is missing. Give one log group, as in -e log_group=/aws/lambda/payments."),
        ({"log_group": "/aws/lambda/*"}, "Give one log group without a pattern, such as /aws/lambda/payments"),
    ):
        run = ansible.run("logreflector.aws.explain", extra=extra)
        assert run.status == 2
        assert run.output.count("2 targets: failed. Could not accept the option log_group") == 1, run.output
        assert advice in run.output


def test_group_that_no_target_has_fails_the_playbook_in_one_line(ansible: Ansible) -> None:
    run = ansible.run("logreflector.aws.explain", extra={"log_group": "/aws/lambda/service"})
    assert run.status == 2
    assert run.output.count("No target has the log group /aws/lambda/service: ") == 1
    assert "Verdict" not in run.output


def test_playbook_only_reads_and_prints_hostile_names_as_text(ansible: Ansible, here: Deployed) -> None:
    theirs = {**our_filter(here, HALF_GROUP), "filterName": HOSTILE}
    theirs["destinationArn"] = theirs["destinationArn"].replace(FUNCTION, "other-team-shipper")
    here.client("logs").put_subscription_filter(**theirs)
    here.aws.front.clear_journal()
    run = ansible.run("logreflector.aws.explain", "--limit", here.host, extra={"log_group": HALF_GROUP})
    calls = calls_of_runs(here.aws)
    here.client("logs").delete_subscription_filter(logGroupName=HALF_GROUP, filterName=HOSTILE)
    assert run.status == 0, run.output
    assert any(call.operation == "DescribeSubscriptionFilters" for call in calls)
    assert {call.operation for call in calls if call.write} <= {"AssumeRole"}
    assert "\x1b" not in run.output
    assert "theirs [31m<script> (to arn:aws:lambda:" in run.output


def test_agent_gets_the_explanation_over_mcp(ansible: Ansible, here: Deployed) -> None:
    """Also of a target that has no such log group; a target that the inventory does not have is an error."""
    questions = [{"log_group": EXCLUDED_GROUP, "target": here.host}, {"log_group": "/none", "target": here.host}]
    here.aws.front.clear_journal()
    excluded, missing, unknown = asyncio.run(
        ask_agent(ansible, [*questions, {"log_group": GROUP, "target": "nowhere"}])
    )
    (target,) = json.loads(excluded)["targets"]
    assert (target["host"], target["account"], target["error"]) == (here.host, here.account, None)
    assert target["path"]["verdict"]["station"] == "rules"
    assert json.loads(missing)["targets"][0]["path"]["exists"] is False
    assert "The playbook explain gave no answer: " in unknown
    assert {call.operation for call in calls_of_runs(here.aws) if call.write} <= {"AssumeRole"}


async def ask_agent(ansible: Ansible, questions: list[dict[str, str]]) -> list[str]:
    """Return the server's answers, or the texts of its errors."""
    arguments = [str(ROOT / "extensions" / "agents" / "mcp_server"), "--inventory", str(ansible.inventory)]
    server = StdioServerParameters(command=sys.executable, args=arguments, env=dict(ansible.environment))
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        answers = [await session.call_tool("explain_log_group", each) for each in questions]
    return [answer.content[0].text for answer in answers]


def test_deleted_function_is_named_and_the_advice_repairs_it(
    ansible: Ansible, explain: Explain, here: Deployed
) -> None:
    here.client("lambda").delete_function(FunctionName=FUNCTION)
    path = explain(GROUP, lookback_minutes=1)
    assert statuses(path)["permission"] == ("not_checked", "no_function")
    assert statuses(path)["route"] == ("not_checked", "no_function")
    assert path["verdict"]["station"] == "function"
    assert f"there is no function {FUNCTION}" in path["verdict"]["sentence"]
    command = path["verdict"]["to_do"][0]["command"]
    run = ansible.run(f"logreflector.aws.{command}", "--limit", here.host)
    assert run.status == 0, run.output
    repaired = explain(GROUP, send=True)
    assert problems(repaired) == {}
    assert repaired["verdict"]["outcome"] == "delivered"
