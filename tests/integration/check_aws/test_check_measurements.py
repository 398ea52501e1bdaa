# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measurements of `make check-aws` in the embedded AWS."""

from __future__ import annotations

import json

import pytest
from aws_in_tests import LAMBDA_TRUST, zip_bytes
from checked_account import ACCOUNT, Account

AS_ASSUMED, DIFFERS, NOT_MEASURED = "as assumed", "differs", "could not be measured"
# The embedded AWS lacks Lambda's loop detection, and its Lambda sends aws:SourceAccount.
DIFFERENT = {"loop-detection", "source-account"}
MEASURED_DENIALS = {
    "DeleteAccountPolicy",
    "DescribeAccountPolicies",
    "GetParameter",
    "PutAccountPolicy",
    "PutSubscriptionFilter",
    "SendMessage",
}


def test_check_with_printed_policy_measures_everything(account: Account) -> None:
    account.aws.front.enforce_rates()
    output = account.run("--hops", "18", "--quiet-seconds", "60")
    found = account.findings()
    # A busy machine may be slower than AWS's rates, and than the seconds after which an event can be read.
    assert {found.pop("read-lag")["verdict"]} <= {AS_ASSUMED, DIFFERS}
    rates = [found.pop(name)["verdict"] for name in [*found] if name.startswith("rate-")]
    assert {*rates} <= {AS_ASSUMED, NOT_MEASURED}
    expected = {name: DIFFERS if name in DIFFERENT else AS_ASSUMED for name in found}
    assert [(name, each["text"]) for name, each in found.items() if each["verdict"] != expected[name]] == []
    assert (len(rates), len(found)) == (5, 19)
    assert found["hand-over"]["figures"] == {"hops": 18}
    assert "It costs at most $0." in output
    denied = [call for call in account.aws.front.calls(status=403) if call.operation not in MEASURED_DENIALS]
    assert denied == []


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("event-delay", "event_delay"),
        ("filter-age", "filter_delay"),
        ("permission-delay", "permission_delay"),
        ("read-lag", "read_delay"),
        ("role-delay", "role_delay"),
        ("tag-delay", "tag_delay"),
    ],
)
def test_check_slow_aws_measures_delay(account: Account, name: str, setting: str) -> None:
    account.aws.configure(**{setting: 4.0})  # a second more: the embedded AWS stores whole seconds as a role's age
    finding = account.measure(name, "--samples", "1")
    assert min(finding["figures"]["seconds"]) >= 3.0, finding


def test_check_delay_above_assumption_differs(account: Account) -> None:
    account.aws.configure(read_delay=5.5)
    finding = account.measure("read-lag", "--samples", "1")
    assert finding["verdict"] == DIFFERS
    assert "READABLE_MS" in finding["advice"]


def test_check_wait_below_assumption_is_not_measured(account: Account) -> None:
    account.aws.configure(event_loss=1.0)
    finding = account.measure("event-delay", "--wait-seconds", "1", "--samples", "1")
    assert finding["verdict"] == NOT_MEASURED
    assert "--wait-seconds" in finding["advice"]


def test_check_without_trail_names_the_cause(account: Account) -> None:
    account.aws.configure(trail=False)
    finding = account.measure("event-delay")
    assert finding["verdict"] == NOT_MEASURED
    assert "no CloudTrail trail logs their creation" in finding["text"]


def test_check_missing_permission_fails_one_measurement(account: Account) -> None:
    account.aws.front.deny("TagResource", service="logs")
    account.run("--only", "tag-delay", "read-lag", "--samples", "1")
    found = account.findings()
    assert found["read-lag"]["verdict"] != NOT_MEASURED
    assert found["tag-delay"]["verdict"] == NOT_MEASURED
    assert "TagResource" in found["tag-delay"]["text"]
    assert "--policy" in found["tag-delay"]["advice"]


def test_check_lower_rate_differs(account: Account) -> None:
    account.aws.front.throttle("DescribeSubscriptionFilters", account=ACCOUNT)
    finding = account.measure("rate-DescribeSubscriptionFilters")
    assert (finding["verdict"], finding["figures"]["calls"]) == (DIFFERS, 0)


def test_check_account_policy_of_others_stays(account: Account) -> None:
    logs = account.client("logs")
    kind = "SUBSCRIPTION_FILTER_POLICY"
    destination = _destination(account)
    document = f'{{"DestinationArn": "{destination}"}}'
    logs.put_account_policy(policyName="theirs", policyType=kind, policyDocument=document)
    try:
        account.run("--only", "policy-delay", "permissions-PutAccountPolicy", "permissions-DeleteAccountPolicy")
        assert {each["verdict"] for each in account.findings().values()} == {NOT_MEASURED}
        assert account.aws.front.calls(operation="DeleteAccountPolicy") == []
    finally:
        logs.delete_account_policy(policyName="theirs", policyType=kind)
        account.client("lambda").delete_function(FunctionName=destination)


def _destination(account: Account) -> str:
    """Return the ARN of somebody's function that CloudWatch Logs may invoke."""
    iam, client = account.client("iam"), account.client("lambda")
    role = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))["Role"]["Arn"]
    arn: str = client.create_function(
        FunctionName="theirs", Role=role, Runtime="python3.13", Handler="handler.handler", Code={"ZipFile": zip_bytes()}
    )["FunctionArn"]
    client.add_permission(
        FunctionName="theirs", StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    return arn
