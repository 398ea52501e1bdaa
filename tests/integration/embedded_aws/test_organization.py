# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from embedded_aws import Account, Configuration, EmbeddedAws, Organization, RunningAws
from toys import Place, document

ACCOUNTS = ["111111111111", "222222222222", "333333333333"]
MANY = tuple(f"4{number:011}" for number in range(25))
READ_GROUPS = {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_deployer_assumes_the_role_of_every_account(aws: RunningAws, account: str) -> None:
    identity = aws.deployer_session(account, "eu-west-1").client("sts").get_caller_identity()
    assert identity["Account"] == account
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/log-reflector-deployer/embedded-aws"


def test_list_accounts_returns_all_accounts(aws: RunningAws) -> None:
    client = aws.client("organizations", "111111111111", "us-east-1")
    assert sorted(account["Id"] for account in client.list_accounts()["Accounts"]) == ACCOUNTS
    organization = client.describe_organization()["Organization"]
    assert (organization["Id"], organization["MasterAccountId"]) == ("o-embeddedaws", "111111111111")
    assert "o-embeddedaws" in organization["Arn"]


def test_deploy_environment_has_keys_and_no_region(aws: RunningAws) -> None:
    environment = aws.deploy_environment()
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url
    assert environment["AWS_ACCESS_KEY_ID"].startswith("AKIA")
    assert not {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"} & environment.keys()


def test_deployer_user_may_only_assume_roles(aws: RunningAws) -> None:
    keys = aws.deploy_environment()
    logs = boto3.client(
        "logs",
        region_name="eu-west-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    with pytest.raises(ClientError, match="not authorized to perform: logs:DescribeLogGroups"):
        logs.describe_log_groups()


def test_wrong_secret_key_is_refused(aws: RunningAws) -> None:
    sts = boto3.client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=aws.deploy_environment()["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="wrong",
    )
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        sts.get_caller_identity()


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("arn:aws:logs:eu-west-1:222222222222:log-group:/policy/*", True),
        ("arn:aws:logs:eu-west-1:222222222222:log-group:/policy/group:*", True),
        (
            "arn:aws:logs:eu-west-1:222222222222:log-group:/policy/group",
            False,
        ),  # AWS's decision is for NAME:log-stream:
        ("arn:aws:logs:us-east-1:222222222222:log-group:*", False),
    ],
)
def test_iam_log_group_resource_matches_as_on_aws(aws: RunningAws, place: Place, resource: str, allowed: bool) -> None:
    statement = {"Effect": "Allow", "Action": "logs:PutRetentionPolicy", "Resource": resource}
    assert tried(
        aws, place, statement, "logs", "put_retention_policy", logGroupName="/policy/group", retentionInDays=1
    ) == ("ResourceNotFoundException" if allowed else "AccessDeniedException")


@pytest.mark.parametrize("operation", ["list_targets_by_rule", "describe_rule"])
@pytest.mark.parametrize(("rule", "allowed"), [("named-*", True), ("other-*", False)])
def test_iam_rule_resource_matches_as_on_aws(
    aws: RunningAws, place: Place, operation: str, rule: str, allowed: bool
) -> None:
    statement = {"Effect": "Allow", "Action": "events:*", "Resource": place.arn("events", f"rule/{rule}")}
    parameter = "Rule" if operation == "list_targets_by_rule" else "Name"
    assert tried(aws, place, statement, "events", operation, **{parameter: "named-rule"}) == (
        "ResourceNotFoundException" if allowed else "AccessDeniedException"
    )


@pytest.mark.parametrize(("function", "allowed"), [("named-*", True), ("other-*", False)])
def test_iam_create_function_resource_has_the_function_name(
    aws: RunningAws, place: Place, function: str, allowed: bool
) -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["lambda:CreateFunction", "iam:PassRole"],
        "Resource": [place.arn("lambda", f"function:{function}"), "arn:aws:iam::222222222222:role/nobody"],
    }
    code = tried(
        aws,
        place,
        statement,
        "lambda",
        "create_function",
        FunctionName="named-function",
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::222222222222:role/nobody",
        Code={"ZipFile": b"-"},
    )
    assert code == ("InvalidParameterValueException" if allowed else "AccessDeniedException")


def test_iam_role_resource_has_its_path(aws: RunningAws, place: Place) -> None:
    place.iam.create_role(
        RoleName="on-a-path", Path="/a/", AssumeRolePolicyDocument=document(READ_GROUPS | {"Principal": "*"})
    )
    allow = {"Effect": "Allow", "Action": "iam:GetRole", "Resource": "arn:aws:iam::222222222222:role/a/*"}
    assert tried(aws, place, allow, "iam", "get_role", RoleName="on-a-path") == "none"


def test_iam_sqs_batch_needs_the_single_message_action(aws: RunningAws, place: Place) -> None:
    url, arn = place.queue()
    calls = {
        "send_message": [{"Id": "1", "MessageBody": "x"}],
        "delete_message": [{"Id": "1", "ReceiptHandle": "x"}],
        "change_message_visibility": [{"Id": "1", "ReceiptHandle": "x", "VisibilityTimeout": 0}],
    }
    for operation, entries in calls.items():
        action = "sqs:" + operation.title().replace("_", "")
        for allowed, code in (
            (action, "none"),
            ("sqs:ReceiveMessage", "AccessDenied"),
            (action + "Batch", "AccessDenied"),
        ):
            allow = {"Effect": "Allow", "Action": allowed, "Resource": arn}
            assert tried(aws, place, allow, "sqs", f"{operation}_batch", QueueUrl=url, Entries=entries) == code


def tried(aws: RunningAws, place: Place, statement: dict, service: str, operation: str, **options: object) -> str:
    """Return the error code of a call by a role with only these permissions."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:AssumeRole"}
    role = place.role(statement, trust=trust)
    keys = aws.client("sts", place.account, place.region).assume_role(RoleArn=role, RoleSessionName="tried")[
        "Credentials"
    ]
    client = aws.client(
        service,
        place.account,
        place.region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    try:
        getattr(client, operation)(**options)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "none"


def test_configuration_sets_accounts_regions_and_deployer_policy() -> None:
    organization = Organization(management="999999999999", members=("888888888888",), regions=("eu-north-1",))
    policy = {"Version": "2012-10-17", "Statement": [READ_GROUPS]}
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=policy)) as aws:
        assert aws.state.accounts == ["999999999999", "888888888888"]
        logs = aws.deployer_session("888888888888", "eu-north-1").client("logs")
        assert logs.describe_log_groups()["logGroups"] == []
        with pytest.raises(ClientError, match="not authorized to perform: logs:CreateLogGroup"):
            logs.create_log_group(logGroupName="/denied")


def test_invalid_organization_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="'12' is no account id"),
        EmbeddedAws(Configuration(organization=Organization(members=("12",)))),
    ):
        pass


@pytest.fixture(scope="module")
def large() -> Iterator[RunningAws]:
    """Start 26 accounts: the first member is a delegated administrator, the second is closed."""
    described = {account: Account(name=f"team {account[-2:]}", ou="/Workloads/Prod") for account in MANY}
    described[MANY[1]] = Account(state="CLOSED", ou="/Workloads")
    described[MANY[2]] = Account(state="PENDING_ACTIVATION", tags={"env": "prod"})
    organization = Organization(members=MANY, described=described, empty_ous=("/Empty",), delegated=MANY[:1])
    with EmbeddedAws(Configuration(organization=organization)) as aws:
        yield aws


@pytest.mark.parametrize("caller", ["111111111111", MANY[0]])
def test_list_operations_return_the_tree_in_pages(large: RunningAws, caller: str) -> None:
    client = large.client("organizations", caller, "eu-west-1")
    (root,) = client.list_roots()["Roots"]
    units = children(client, root["Id"])
    assert units.keys() == {"Workloads", "Empty"}
    prod = children(client, units["Workloads"])["Prod"]
    first = client.list_accounts_for_parent(ParentId=prod)
    assert len(first["Accounts"]) == 20
    second = client.list_accounts_for_parent(ParentId=prod, NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert sorted(item["Id"] for item in first["Accounts"] + second["Accounts"]) == sorted({*MANY} - {*MANY[1:3]})
    (closed,) = client.list_accounts_for_parent(ParentId=units["Workloads"])["Accounts"]
    assert (closed["State"], closed["Status"]) == ("CLOSED", "SUSPENDED")
    small = client.list_accounts(MaxResults=2)
    assert len(small["Accounts"]) == 2
    with pytest.raises(ClientError, match="InvalidInputException"):
        client.list_accounts(MaxResults=21)


def test_account_has_name_state_and_tags(large: RunningAws) -> None:
    client = large.client("organizations", "111111111111", "eu-west-1")
    pending = client.describe_account(AccountId=MANY[2])["Account"]
    assert (pending["State"], "Status" in pending) == ("PENDING_ACTIVATION", False)
    assert client.list_tags_for_resource(ResourceId=MANY[2])["Tags"] == [{"Key": "env", "Value": "prod"}]
    assert client.describe_account(AccountId=MANY[3])["Account"]["Name"] == "team 03"


def test_organizations_call_by_a_plain_member_is_denied(large: RunningAws) -> None:
    client = large.client("organizations", MANY[3], "eu-west-1")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.list_accounts()
    assert client.describe_organization()["Organization"]["MasterAccountId"] == "111111111111"


@pytest.mark.parametrize(
    ("caller", "options", "code"),
    [
        ("111111111111", {}, "none"),
        ("111111111111", {"AccountId": MANY[3]}, "none"),
        (MANY[0], {"AccountId": MANY[3]}, "none"),
        ("111111111111", {"AccountId": "111111111111"}, "ValidationException"),
        (MANY[3], {"AccountId": MANY[4]}, "AccessDeniedException"),
        (MANY[0], {"AccountId": "111111111111"}, "AccessDeniedException"),
        ("111111111111", {"AccountId": "999999999999"}, "AccessDeniedException"),
    ],
)
def test_region_status_of_other_accounts_needs_delegation(
    large: RunningAws, caller: str, options: dict[str, str], code: str
) -> None:
    client = large.client("account", caller, "eu-west-1")
    for operation, rest in (("list_regions", {}), ("get_region_opt_status", {"RegionName": "eu-west-1"})):
        answer = "none"
        try:
            getattr(client, operation)(**options, **rest)
        except ClientError as error:
            answer = error.response["Error"]["Code"]
        assert answer == code


def test_disabled_region_is_reported_and_refuses_calls(large: RunningAws) -> None:
    here, there = MANY[5], MANY[6]
    large.configure(disabled_regions=["us-west-1", f"{here}/us-east-1"])
    account = large.client("account", here, "eu-west-1")
    enabled = account.list_regions(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])["Regions"]
    names = {region["RegionName"] for region in enabled}
    assert {"us-west-1", "us-east-1", "af-south-1"}.isdisjoint(names)
    assert "eu-west-1" in names
    assert account.get_region_opt_status(RegionName="us-east-1")["RegionOptStatus"] == "DISABLED"
    assert account.get_region_opt_status(RegionName="eu-west-1")["RegionOptStatus"] == "ENABLED_BY_DEFAULT"
    for service, operation, code in (
        ("logs", "describe_log_groups", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ec2", "describe_regions", "AuthFailure"),
    ):
        with pytest.raises(ClientError, match=code):
            getattr(large.client(service, here, "us-east-1"), operation)()
        getattr(large.client(service, there, "us-east-1"), operation)()
        with pytest.raises(ClientError, match=code):
            getattr(large.client(service, there, "us-west-1"), operation)()
    large.client("iam", here, "us-east-1").list_roles()
    large.configure(disabled_regions=[])
    large.client("logs", here, "us-east-1").describe_log_groups()


@pytest.mark.parametrize("value", ["eu-west-1", [1], {"eu-west-1": True}])
def test_disabled_regions_invalid_value_is_refused(large: RunningAws, value: Any) -> None:
    with pytest.raises(ValueError, match="disabled_regions"):
        large.configure(disabled_regions=value)


@pytest.mark.parametrize(("action", "code"), [("ListRegions", "none"), ("GetRegionOptStatus", "AccessDeniedException")])
def test_list_regions_without_permission_is_denied(aws: RunningAws, place: Place, action: str, code: str) -> None:
    allow = {"Effect": "Allow", "Action": f"account:{action}", "Resource": "*"}
    assert tried(aws, place, allow, "account", "list_regions") == code


def test_described_account_outside_the_organization_is_refused() -> None:
    with pytest.raises(ValueError, match="444444444444"):
        Organization(described={"444444444444": Account()}).check()


def children(client: Any, parent: str) -> dict[str, str]:
    """Return the ids of the child OUs by name."""
    units = client.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]
    return {unit["Name"]: unit["Id"] for unit in units}
