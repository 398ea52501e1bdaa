# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would make a deployment fail: one fleet with a ready target and one target for each cause, checked before anything exists,
and after a deployment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from deployed import Deployed
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws
from embedded_aws.population import SECRET, populate
from embedded_aws.sink import Behaviour

from playbooks import MANAGEMENT, POLICY, Ansible, Run, write_inventory

REGION = "eu-west-1"
STRANGER = "999999999999"
DISABLED = "000000000199"
SCP = (
    "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: events:DescribeRule with an explicit deny in a service control"
    " policy: arn:aws:organizations::1:policy/o-1/service_control_policy/p-1"
)
Found = set[tuple[str, str]]
"""Levels and keys of findings."""


@dataclass(frozen=True)
class Cause:
    """One cause on a target of its own.

    prepare     makes it in AWS
    variables   make it in the inventory
    text        that a finding has
    """

    found: Found
    text: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Deployed], Any] = lambda _here: None


def foreign_queue(here: Deployed) -> None:
    here.client("sqs").create_queue(QueueName="log-reflector-dead-letters")


def foreign_role(here: Deployed) -> None:
    here.client("iam").create_role(RoleName="log-reflector", AssumeRolePolicyDocument="{}")


def without_secret(here: Deployed) -> None:
    here.client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def deleted_secret(here: Deployed) -> None:
    here.client("secretsmanager").delete_secret(SecretId=SECRET, RecoveryWindowInDays=7)


def secret_that_denies(here: Deployed) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    here.client("secretsmanager").put_resource_policy(
        SecretId=SECRET, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )


def may_not_subscribe(here: Deployed) -> None:
    here.client("logs").create_log_group(logGroupName="/app")
    deny = {"Effect": "Deny", "Action": ["logs:PutSubscriptionFilter", "sqs:CreateQueue"], "Resource": "*"}
    here.client("iam").put_role_policy(
        RoleName="log-reflector-deployer",
        PolicyName="deny",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}),
    )


def full(here: Deployed) -> None:
    here.client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    populate(here.aws, here.account, here.region, groups=1)


def foreign_policy(here: Deployed) -> None:
    full(here)
    function = f"arn:aws:lambda:{here.region}:{here.account}:function:other-team-shipper"
    here.client("logs").put_account_policy(
        policyName="theirs",
        policyType="SUBSCRIPTION_FILTER_POLICY",
        policyDocument=json.dumps({"DestinationArn": function, "FilterPattern": ""}),
        scope="ALL",
    )


def denied(operation: str) -> Callable[[Deployed], None]:
    return lambda here: here.aws.front.deny(operation, account=here.account) and None


def denied_by_organization(here: Deployed) -> None:
    here.aws.front.error("AccessDeniedException", SCP, 400, operation="DescribeRule", account=here.account)


def several(here: Deployed) -> None:
    foreign_queue(here)
    without_secret(here)
    denied("DescribeTrails")(here)


OTHER_SECRETS = [
    f"arn:aws:secretsmanager:{REGION}:{MANAGEMENT}:secret:log-reflector/{number:03}" for number in range(170)
]
OWN_SECRET = "arn:aws:secretsmanager:*:*:secret:log-reflector/*"

CAUSES: dict[str, Cause] = {
    "queue of others": Cause(
        {("problem", "foreign")}, "change queue log-reflector-dead-letters", prepare=foreign_queue
    ),
    "role of others": Cause({("problem", "foreign")}, "change IAM role log-reflector", prepare=foreign_role),
    "no secret": Cause(
        {("problem", "secret")}, f"the secret {SECRET} of the sinks does not exist", prepare=without_secret
    ),
    "deleted secret": Cause({("problem", "secret")}, "is marked for deletion", prepare=deleted_secret),
    "secret not granted": Cause(
        {("problem", "secret")},
        "does not allow secretsmanager:GetSecretValue",
        {"reflector_secret_arns": OTHER_SECRETS[:1]},
    ),
    "secret that denies": Cause({("not_checked", "secret")}, "has a resource policy", prepare=secret_that_denies),
    "long name": Cause(
        {("problem", "names"), ("not_checked", "resources")},
        "is not a queue's name",
        {"subscriber_function_name": f"log-reflector-{'x' * 50}"},
    ),
    "executions": Cause(
        {("problem", "concurrency")}, "asks for 950 executions, and 900", {"reflector_reserved_concurrency": "950"}
    ),
    "policy too long": Cause(
        {("problem", "policy_size")}, "IAM allows 10240", {"reflector_secret_arns": [*OTHER_SECRETS, OWN_SECRET]}
    ),
    "policy grows": Cause(
        {("warning", "policy_size")},
        "does not fit beside the former document",
        {"reflector_secret_arns": [*OTHER_SECRETS[:80], OWN_SECRET]},
    ),
    "key disabled": Cause({("problem", "key")}, "is in the state Disabled", {"reflector_kms_key_arn": "{{ key_arn }}"}),
    "key without a service": Cause(
        {("problem", "key")},
        f"does not let logs.{REGION}.amazonaws.com use it",
        {"reflector_log_kms_key_arn": "{{ key_arn }}"},
    ),
    "no key": Cause(
        {("problem", "key")},
        "does not exist",
        {"subscriber_kms_key_arn": f"arn:aws:kms:{REGION}:{MANAGEMENT}:key/none"},
    ),
    "writes denied": Cause(
        {("problem", "permission")},
        "logs:PutSubscriptionFilter on arn:aws:logs:eu-west-1:000000000213:log-group:/app",
        prepare=may_not_subscribe,
    ),
    "slots": Cause(
        {("problem", "slots"), ("warning", "log_class"), ("note", "forwarders")},
        "the slots of /shared/full are held by other-team-0, other-team-1",
        {"catch_up_on_full": "fail"},
        full,
    ),
    "account policy of others": Cause(
        {("problem", "account_policy"), ("warning", "log_class")},
        "theirs, which sends to arn:aws:lambda:",
        {"log_groups_mode": "account_policy"},
        foreign_policy,
    ),
    "no boundary": Cause(
        {("problem", "boundary")},
        "Could not read the permissions boundary arn:aws:iam::",
        {"account_permissions_boundary": "arn:{partition}:iam::{account}:policy/log-reflector-boundary"},
    ),
    "read denied": Cause(
        {("not_checked", "secret")}, "secretsmanager:DescribeSecret", prepare=denied("DescribeSecret")
    ),
    "read of the deployment denied": Cause(
        {("problem", "permission")}, "sqs:GetQueueUrl", prepare=denied("GetQueueUrl")
    ),
    "organisation": Cause({("problem", "organization")}, "service_control_policy/p-1", prepare=denied_by_organization),
    "several": Cause(
        {("problem", "foreign"), ("problem", "secret"), ("problem", "concurrency"), ("not_checked", "trail")},
        "cloudtrail:DescribeTrails",
        {"reflector_reserved_concurrency": "950"},
        several,
    ),
}
ACCOUNTS = {cause: f"{number:012}" for number, cause in enumerate(CAUSES, start=200)}
NOT_READY = {cause for cause, each in CAUSES.items() if any(level == "problem" for level, _key in each.found)}


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    """Start an account for each cause, and the management account, which is ready."""
    organization = Organization(
        management=MANAGEMENT, members=(*ACCOUNTS.values(), DISABLED), regions=(REGION, "us-east-1")
    )
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=POLICY)) as running:
        running.configure(disabled_regions=[f"{DISABLED}/us-east-1"])
        yield running


@pytest.fixture(scope="module")
def ready(aws: RunningAws) -> Deployed:
    return Deployed(aws, MANAGEMENT, REGION)


@pytest.fixture(scope="module")
def ansible(aws: RunningAws, ready: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """A runner of playbooks for all targets, with each cause in its place."""
    folder = tmp_path_factory.mktemp("preflight")
    targets = [
        (MANAGEMENT, REGION),
        (DISABLED, "us-east-1"),
        (STRANGER, REGION),
        *((a, REGION) for a in ACCOUNTS.values()),
    ]
    inventory = write_inventory(folder, targets)
    data = json.loads(inventory.read_text(encoding="utf-8"))
    for cause, each in CAUSES.items():
        here = Deployed(aws, ACCOUNTS[cause], REGION)
        here.client("secretsmanager").create_secret(Name=SECRET, SecretString=aws.sink_url)
        each.prepare(here)
        variables = json.loads(json.dumps(each.variables).replace("{{ key_arn }}", key(here, cause)))
        data["all"]["children"][f"account_{here.account}"]["vars"].update(variables)
    ready.client("secretsmanager").create_secret(Name=SECRET, SecretString=aws.sink_url)
    for name in ("/aws/lambda/service", "/ecs/shop"):
        ready.client("logs").create_log_group(logGroupName=name)
    inventory.write_text(json.dumps(data), encoding="utf-8")
    return Ansible(aws.deploy_environment(), inventory, folder)


def key(here: Deployed, cause: str) -> str:
    """Create the key of the targets that name one."""
    if "key_arn" not in json.dumps(CAUSES[cause].variables):
        return ""
    kms = here.client("kms")
    created: str = kms.create_key()["KeyMetadata"]["Arn"]
    if cause == "key disabled":
        kms.disable_key(KeyId=created)
    return created


@pytest.fixture(scope="module")
def first(ansible: Ansible, aws: RunningAws) -> Run:
    """The run over all targets, before anything exists."""
    aws.front.clear_journal()
    run = ansible.run("logreflector.aws.preflight", extra={"preflight_slots": True})
    assert run.status == 2, run.output
    return run


def preflight(run: Run, host: str) -> dict[str, Any]:
    found: dict[str, Any] = run.result(host, "Read everything that a deployment depends on")["preflight"]
    return found


def findings(found: dict[str, Any]) -> Found:
    return {(each["level"], each["key"]) for each in found["findings"]}


@pytest.mark.parametrize("cause", CAUSES)
def test_cause_is_found_and_nothing_else(first: Run, cause: str) -> None:
    found = preflight(first, f"{ACCOUNTS[cause]}.{REGION}")
    assert findings(found) == CAUSES[cause].found, found["findings"]
    assert CAUSES[cause].text in " ".join(each["sentence"] + each["advice"] for each in found["findings"])
    assert found["state"] == ("not_ready" if cause in NOT_READY else "ready_with_warnings")
    assert all(each["advice"] for each in found["findings"] if each["level"] == "problem")


def test_ready_target_has_no_finding(first: Run, ready: Deployed) -> None:
    found = preflight(first, ready.host)
    assert (found["state"], found["findings"]) == ("ready", [])
    assert (found["account_id"], found["region"]) == (MANAGEMENT, REGION)


def test_target_that_cannot_be_reached_has_one_finding(first: Run) -> None:
    for host, text in (
        (f"{DISABLED}.us-east-1", "the region us-east-1 is not enabled in this account"),
        (f"{STRANGER}.{REGION}", f"assume the role arn:aws:iam::{STRANGER}:role/log-reflector-deployer"),
    ):
        (only,) = preflight(first, host)["findings"]
        assert (only["level"], only["key"]) == ("problem", "access")
        assert text in only["sentence"]


def test_nothing_is_created_or_changed(first: Run, aws: RunningAws, ready: Deployed) -> None:
    assert first.changed_tasks() == []
    assert [call for call in aws.front.calls() if call.write] == []
    assert ready.own_resources() == []


def test_output_groups_targets_by_reason_and_ends_with_a_line_each(first: Run, ready: Deployed) -> None:
    lines = first.result(ready.host, "Print the findings")["lines"]
    assert "\n".join(lines) in first.output
    secrets = [f"{ACCOUNTS[cause]}.{REGION}" for cause in ("no secret", "several")]
    begin = lines.index("PROBLEM: secrets of the sinks (4 targets)")
    assert lines[begin + 1].startswith(f"  2 targets: the secret {SECRET} of the sinks does not exist")
    assert lines[begin + 2] == f"    {', '.join(secrets)}"
    assert f"ready                {ready.host} (account {MANAGEMENT}, {REGION})" in lines
    several = f"{ACCOUNTS['several']}.{REGION} (account {ACCOUNTS['several']}, {REGION})"
    assert f"not ready            {several}: 3 problems, 1 not checked" in lines
    assert (
        lines[-1]
        == f"24 targets: {len(NOT_READY) + 2} not ready, {len(CAUSES) - len(NOT_READY)} ready with warnings, 1 ready."
    )
    assert set(first.result(ready.host, "Print the findings")["left"]) == {
        f"{DISABLED}.us-east-1",
        f"{STRANGER}.{REGION}",
        *(f"{ACCOUNTS[cause]}.{REGION}" for cause in NOT_READY),
    }


def test_warnings_alone_end_with_status_0(first: Run, ansible: Ansible, ready: Deployed) -> None:
    hosts = [ready.host, *(f"{ACCOUNTS[cause]}.{REGION}" for cause in CAUSES if cause not in NOT_READY)]
    run = ansible.run("logreflector.aws.preflight", "--limit", ",".join(hosts))
    assert run.status == 0, run.output


def test_target_is_ready_again_after_its_deployment(
    first: Run, ansible: Ansible, aws: RunningAws, ready: Deployed
) -> None:
    assert ansible.run("logreflector.aws.deploy", "--limit", ready.host).status == 0
    before = ready.own_resources()
    ready.wait_until_idle()
    aws.front.clear_journal()
    run = ansible.run("logreflector.aws.preflight", "--limit", ready.host)
    assert run.status == 0, run.output
    assert preflight(run, ready.host)["findings"] == []
    assert [call for call in aws.front.calls() if call.write and call.caller.endswith("/log-reflector")] == []
    assert set(before) <= set(ready.own_resources())


def test_test_line_is_sent_only_if_asked_for(first: Run, ansible: Ansible, aws: RunningAws, ready: Deployed) -> None:
    text = "log reflector test line of the preflight"
    assert not any(text in str(line) for line in aws.sink.lines())
    run = ansible.run("logreflector.aws.preflight", "--limit", ready.host, extra={"preflight_send": True})
    assert run.status == 0, run.output
    (unread,) = preflight(run, ready.host)["findings"]
    assert (unread["level"], unread["key"]) == ("not_checked", "sink")
    assert "secretsmanager:GetSecretValue" in unread["sentence"]
    allow = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    ready.client("iam").put_role_policy(
        RoleName="log-reflector-deployer",
        PolicyName="secrets",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    run = ansible.run("logreflector.aws.preflight", "--limit", ready.host, extra={"preflight_send": True})
    assert findings(preflight(run, ready.host)) == {("note", "sink")}
    assert any(text in str(line) for line in aws.sink.lines())
    aws.sink.behave(Behaviour(status=401))
    run = ansible.run("logreflector.aws.preflight", "--limit", ready.host, extra={"preflight_send": True})
    aws.sink.behave()
    assert run.status == 2
    assert findings(preflight(run, ready.host)) == {("problem", "sink")}
    assert aws.sink_url not in run.output


def test_without_a_trail_new_log_groups_are_a_problem(
    first: Run, ansible: Ansible, aws: RunningAws, ready: Deployed
) -> None:
    aws.configure(trail=False)
    run = ansible.run("logreflector.aws.preflight", "--limit", ready.host)
    aws.configure(trail=True)
    assert run.status == 2
    (only,) = preflight(run, ready.host)["findings"]
    assert (only["level"], only["key"]) == ("problem", "trail")


def test_deployment_to_a_target_that_is_not_ready_changes_nothing(
    first: Run, ansible: Ansible, aws: RunningAws
) -> None:
    """A foreign queue stopped the deployment after the roles had been written."""
    here = Deployed(aws, ACCOUNTS["queue of others"], REGION)
    before = here.own_resources()
    run = ansible.run("logreflector.aws.deploy", "--limit", here.host)
    assert run.status != 0
    assert "does not have the tag managed-by=logreflector.aws" in run.output
    assert here.own_resources() == before
