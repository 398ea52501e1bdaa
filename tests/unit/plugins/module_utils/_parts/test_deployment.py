# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything on one target, against moto in this process."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources import dead_letters
from botocore.exceptions import ClientError

OPTIONS: dict[str, Any] = {"reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint"}


def test_deployment_on_empty_target_announces_its_changes(aws: Any) -> None:
    announced = aws.run("deployment", check_mode=True, **OPTIONS)
    assert aws.writes == []
    assert "failed" not in announced, announced
    done = aws.run("deployment", **OPTIONS)
    assert "failed" not in done, done
    assert done["changes"] == announced["changes"]
    assert done["diff"] == announced["diff"]


def test_deployment_a_second_time_writes_nothing(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    again = aws.run("deployment", **OPTIONS)
    assert (again.get("msg"), again["changes"], aws.writes) == (None, [], [])


def test_deployment_reports_waiting_dead_letters(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The playbook had a task of its own for them, which cost each target another session."""
    now = time.time() + 60
    monkeypatch.setattr(dead_letters, "time", SimpleNamespace(time=lambda: now))  # both results have the same age
    name = "log-reflector-dead-letters"
    aws.run("deployment", **OPTIONS)
    assert aws.run("deployment", **OPTIONS)["reflector"]["dead_letters"]["summary"] == ""
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody="{}")
    found = aws.run("deployment", **OPTIONS)["reflector"]["dead_letters"]
    assert found == aws.run("dead_letter_info")["dead_letters"]
    assert (found["exists"], found["messages"]) == (True, 1)


def test_deployment_announced_has_no_dead_letters(aws: Any) -> None:
    announced = aws.run("deployment", check_mode=True, **OPTIONS)
    assert announced["reflector"]["dead_letters"]["exists"] is False


def test_deployment_with_long_rules_keeps_them_in_a_parameter(aws: Any) -> None:
    options = {
        **OPTIONS,
        "reflector_rules_inline_bytes": 0,
        "reflector_sinks": {"out": {"type": "stdout", "payloads_in_own_log": True}},
        "subscriber_settings_inline_bytes": 0,
    }
    announced = aws.run("deployment", check_mode=True, **options)
    done = aws.run("deployment", **options)
    assert "failed" not in done, done
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    assert aws.run("deployment", **options)["changes"] == []
    changed = {**options, "log_groups_exclude": ["/x"]}
    announced = aws.run("deployment", check_mode=True, **changed)
    done = aws.run("deployment", **changed)
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    environment = aws.client("lambda").get_function_configuration(FunctionName="log-reflector-subscriber")[
        "Environment"
    ]
    assert environment["Variables"]["SUBSCRIPTIONS"].startswith("ssm:/log-reflector/subscriber:2#")


def test_removal_of_all_parts_leaves_nothing(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    for module in ("subscriber", "catch_up", "reflector", "execution_roles"):
        announced = aws.run(module, check_mode=True, state="absent")
        done = aws.run(module, state="absent")
        assert "failed" not in done, done
        assert done["changes"] == announced["changes"]
        assert aws.run(module, state="absent")["changes"] == []


def test_removal_in_one_task_announces_its_changes_and_leaves_nothing(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    announced = aws.run("deployment", check_mode=True, state="absent")
    assert aws.writes == []
    done = aws.run("deployment", state="absent", reflector_drain_seconds=0, reflector_settle_seconds=0)
    assert "failed" not in done, done
    assert done["changes"] == announced["changes"]
    assert {"delete function log-reflector", "delete function log-reflector-subscriber"} <= {*done["changes"]}
    again = aws.run("deployment", state="absent")
    assert (again["changes"], aws.writes) == ([], [])
    assert aws.client("iam").list_roles()["Roles"] == []


@pytest.mark.parametrize("state", ["unsubscribed", "absent"])
def test_removal_in_another_account_is_refused(aws: Any, state: str) -> None:
    aws.run("deployment", **OPTIONS)
    refused = aws.run("deployment", state=state, account_id="999999999999")
    assert refused["failed"] is True
    assert "999999999999" in refused["msg"]
    assert aws.writes == []


def test_removal_waits_for_deliveries_before_the_reflector_goes(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.run("deployment", **OPTIONS)
    functions = aws.client("lambda")
    waited: list[tuple[float, set[str]]] = []

    def wait(seconds: float) -> None:
        waited.append((seconds, {each["FunctionName"] for each in functions.list_functions()["Functions"]}))

    monkeypatch.setattr("time.sleep", wait)
    aws.run("deployment", state="absent", reflector_timeout=60)
    assert waited == [(180 + 60 + 60, {"log-reflector"})]


def test_deployment_unsubscribed_keeps_reflector_and_roles(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    done = aws.run("deployment", state="unsubscribed")
    assert "failed" not in done, done
    assert [each["FunctionName"] for each in aws.client("lambda").list_functions()["Functions"]] == ["log-reflector"]
    assert len(aws.client("iam").list_roles()["Roles"]) == 2
    assert aws.run("deployment", state="unsubscribed")["changes"] == []
    quick = {"reflector_drain_seconds": 0, "reflector_settle_seconds": 0}
    assert "failed" not in aws.run("deployment", state="absent", remove_roles=False, **quick)
    assert len(aws.client("iam").list_roles()["Roles"]) == 2, "another region may need them"


def test_single_parts_after_the_deployment_change_nothing(aws: Any) -> None:
    aws.run("deployment", **OPTIONS)
    assert aws.run("execution_roles", **OPTIONS)["changes"] == []
    assert aws.run("catch_up")["changes"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reflector_runtime": "python3.8"}, "value of reflector_runtime must be one of"),
        ({"reflector_memory_size": 1}, "the option reflector_memory_size: 1 is not between 128 and 32768"),
        ({"reflector_sinks": {"x": {"type": "nowhere"}}}, "reflector_sinks"),
        ({"reflector_subnet_ids": ["subnet-1"]}, "reflector_subnet_ids"),
        ({"log_groups_include": ["re:("]}, "log_groups_include"),
        ({"log_groups_created_after": "soon"}, "log_groups_created_after"),
        ({"reflector_trigger_log_groups": ["/a/*"]}, "reflector_trigger_log_groups"),
        ({"reflector_environment": {"SUMO_ENDPOINT": "x"}}, "Set reflector_sumo_endpoint instead"),
        ({"reflector_environment": {"REFLECTOR_RULES": "x"}}, "Set reflector_sinks and reflector_routes instead"),
        ({"log_groups_exlude": []}, "log_groups_exlude"),
    ],
)
def test_deployment_wrong_option_is_refused_before_any_call(aws: Any, options: dict[str, Any], message: str) -> None:
    result = aws.run("deployment", **{**OPTIONS, **options})
    assert result["failed"] is True
    assert message in result["msg"]
    assert aws.calls == []


MISSPELLED = {"reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpiont"}


def test_deployment_with_a_missing_secret_leaves_the_reflector_that_delivers(aws: Any) -> None:
    """Check mode passed, and the deployment replaced a working delivery by a function that could not read its secret."""
    aws.run("deployment", **OPTIONS)
    for check_mode in (True, False):
        refused = aws.run("deployment", check_mode=check_mode, **MISSPELLED)
        assert refused["failed"] is True
        assert "the secret log-reflector/sumo-endpiont of the sinks does not exist" in refused["msg"]
        assert "correct reflector_sumo_endpoint" in refused["msg"]
        assert aws.writes == []
    refused = aws.run("reflector", sumo_endpoint=MISSPELLED["reflector_sumo_endpoint"])
    assert (refused["failed"], aws.writes) == (True, [])


@pytest.mark.parametrize(
    ("place", "is_deployed"),
    [
        ("ssm:/log-reflector/endpiont", False),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone-AbCdEf", False),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf", True),
    ],
)
def test_deployment_needs_parameters_and_secrets_of_its_own_place(aws: Any, place: str, *, is_deployed: bool) -> None:
    assert ("failed" not in aws.run("deployment", check_mode=True, reflector_sumo_endpoint=place)) is is_deployed


def test_deployment_secret_marked_for_deletion_is_refused(aws: Any) -> None:
    aws.client("secretsmanager").delete_secret(SecretId="log-reflector/sumo-endpoint", RecoveryWindowInDays=7)
    refused = aws.run("deployment", check_mode=True, **OPTIONS)
    assert "the secret log-reflector/sumo-endpoint of the sinks is marked for deletion" in refused["msg"]


def test_deployment_secret_that_may_not_be_read_is_no_obstacle(aws: Any) -> None:
    aws.answering("secretsmanager", DescribeSecret=error_answer("DescribeSecret", "AccessDeniedException"))
    assert "failed" not in aws.run("deployment", check_mode=True, **MISSPELLED)


def test_deployment_reads_secrets_only_for_another_environment(aws: Any) -> None:
    assert aws.run("deployment", **OPTIONS)["changed"]
    assert aws.calls.count("DescribeSecret") == 1
    aws.run("deployment", reflector_memory_size=512, **OPTIONS)
    assert aws.calls.count("DescribeSecret") == 0
    aws.run("deployment", reflector_environment={"INCLUDE_LOG_INFO": True}, **OPTIONS)
    assert aws.calls.count("DescribeSecret") == 1


def test_roles_warn_about_a_deployed_region_that_loses_its_rights(aws: Any) -> None:
    """An inventory with fewer regions took rights from the shared role, one line among many of the diff."""
    aws.client("secretsmanager", "us-east-1").create_secret(Name="log-reflector/sumo-endpoint")
    other = {"account_targets": [{"region": "us-east-1"}], **OPTIONS}
    assert "warnings" not in aws.run("execution_roles", **other)
    assert "warnings" not in aws.run("execution_roles", check_mode=True, **OPTIONS), "nothing is deployed there"
    assert "failed" not in aws.run(
        "deployment", region="us-east-1", account_targets=[{"region": "eu-west-1"}], **OPTIONS
    )
    for check_mode in (True, False):
        (warning,) = aws.run("execution_roles", check_mode=check_mode, **OPTIONS)["warnings"]
        assert "loses its rights on log groups of us-east-1" in warning
        assert "the function log-reflector-subscriber is deployed there" in warning
    assert "warnings" not in aws.run("execution_roles", **OPTIONS)


READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:Describe*", "Resource": "*"}]}
BOUNDARY = "arn:aws:iam::123456789012:policy/log-reflector-boundary"


def error_answer(operation: str, code: str) -> Any:
    def answer(_request: dict[str, Any]) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    return answer


@pytest.mark.parametrize("check_mode", [True, False])
def test_deployment_missing_boundary_is_refused_before_any_write(aws: Any, *, check_mode: bool) -> None:
    """Check mode passed, and the deployment failed at CreateRole with NoSuchEntity and no advice."""
    refused = aws.run("execution_roles", check_mode=check_mode, permissions_boundary=BOUNDARY, **OPTIONS)
    assert refused["failed"] is True
    assert f"Could not read the permissions boundary {BOUNDARY}" in refused["msg"]
    assert "correct account_permissions_boundary" in refused["msg"]
    assert aws.writes == []


def test_deployment_boundary_that_may_not_be_read_is_left_to_the_write(aws: Any) -> None:
    aws.client("iam").create_policy(PolicyName="log-reflector-boundary", PolicyDocument=json.dumps(READS))
    aws.answering("iam", GetPolicy=error_answer("GetPolicy", "AccessDenied"))
    done = aws.run("execution_roles", permissions_boundary=BOUNDARY, **OPTIONS)
    assert "failed" not in done, done
    assert aws.run("execution_roles", permissions_boundary=BOUNDARY, **OPTIONS)["changes"] == []
    assert "GetPolicy" not in aws.calls, "the roles have the boundary already"


def statements_of(aws: Any) -> list[dict[str, Any]]:
    policy = json.loads(aws.client("lambda").get_policy(FunctionName="log-reflector")["Policy"])
    return policy["Statement"]


def test_reflector_trigger_log_groups_get_statements_beside_the_one_for_all(aws: Any) -> None:
    names = ["/aws/lambda/checkout_1.x#y", "x" * 512, "/aws/lambda/checkout_1.x#y"]
    aws.run("execution_roles", **OPTIONS)
    aws.run("reflector", sumo_endpoint=OPTIONS["reflector_sumo_endpoint"], trigger_log_groups=names)
    made = statements_of(aws)
    arns = [item["Condition"]["ArnLike"]["AWS:SourceArn"].partition("log-group:")[2] for item in made]
    assert arns == ["*", f"{names[0]}:*", f"{names[1]}:*"]
    assert {item["Principal"]["Service"] for item in made} == {"logs.amazonaws.com"}
    assert [item["Sid"].startswith("log-reflector-trigger-") for item in made] == [False, True, True]


@pytest.mark.parametrize("name", ["/aws/*", "x" * 513, "é", "", "a b"])
def test_reflector_trigger_log_group_with_impossible_name_is_refused(aws: Any, name: str) -> None:
    refused = aws.run("reflector", sumo_endpoint="secretsmanager:x", trigger_log_groups=["/app/orders", name])
    assert "trigger_log_groups" in refused["msg"]
    assert aws.calls == []


PARTS = {
    "deployment": OPTIONS,
    "reflector": {"sumo_endpoint": OPTIONS["reflector_sumo_endpoint"]},
    "subscriber": {},
}


@pytest.mark.parametrize("module", PARTS)
def test_packages_missing_on_the_control_node_are_no_change(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """A job with an empty cache reported `changed` for a target that was up to date."""
    aws.run("deployment", **OPTIONS)
    aws.run(module, **PARTS[module])
    for run, check_mode in (("check", True), ("run", False)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / module / run))
        again = aws.run(module, check_mode=check_mode, **PARTS[module])
        assert (again.get("msg"), again["changed"], again["changes"], again["diff"]) == (None, False, [], [])
