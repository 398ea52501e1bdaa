# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of errors from failed results, and targets grouped by reason."""

from __future__ import annotations

import string
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError
from ansible_collections.logreflector.aws.plugins.plugin_utils._failures import (
    FailedTarget,
    failure_parts,
    failure_sentence,
    group_by_reason,
)
from hypothesis import given
from hypothesis import strategies as st

SECRET = "hunter2"
HIDDEN = "The task failed. Its output is hidden by no_log."
ACCOUNTS = [f"{number:012}" for number in range(1, 40)]
REGIONS = ["eu-west-1", "us-east-2", "ap-southeast-4", "us-gov-west-1", "cn-northwest-1", "us-iso-east-1"]
ERROR = AccessDeniedError("read x", "no", code="AccessDenied", where="222222222222/eu-west-1", advice="Ask.")


def test_failure_parts_of_our_error_are_those_of_the_error() -> None:
    result = {"failed": True, **ERROR.as_result()}
    assert failure_parts(result) == {name: text for name, text in ERROR.parts().items() if text}
    assert failure_sentence(result) == str(ERROR)


def test_failure_sentence_has_no_control_characters() -> None:
    assert failure_sentence({"msg": "\x1b[31mred\x1b[0m\x07\u202e name"}) == "[31mred [0m name"


def test_failure_parts_leave_out_empty_parts() -> None:
    parts = failure_parts(AccessDeniedError("read x", "no").as_result())
    assert parts == {"kind": "AccessDeniedError", "operation": "read x", "message": "no"}


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"msg": "It is\n  broken."}, "It is broken."),
        ({"msg": ["It is", "broken."]}, "It is broken."),
        ({"msg": ""}, "The task failed without a message."),
        ({"rc": 1}, "The task failed without a message."),
        ({"msg": "items", "results": [{"failed": True, "msg": "a"}, {"msg": "b"}, {"failed": True, "msg": "a"}]}, "a"),
        ({"msg": "items", "results": [{"failed": True, "msg": "a"}, {"failed": True, "msg": "b"}]}, "a b"),
        ({"msg": "items", "results": [{"failed": True, **ERROR.as_result()}]}, str(ERROR)),
        ({"_ansible_no_log": True, "msg": SECRET}, HIDDEN),
        ({"censored": "hidden", "msg": SECRET, **ERROR.as_result()}, HIDDEN),
        ({"msg": "items", "results": [{"failed": True, "_ansible_no_log": True, "msg": SECRET}]}, HIDDEN),
        ({"msg": "x" * 5000}, "x" * 997 + "..."),
        ({"msg": "a", "error": "text"}, "a"),
        ({"msg": "a", "results": "text"}, "a"),
    ],
)
def test_failure_sentence_is_one_line_without_hidden_values(result: dict[str, Any], sentence: str) -> None:
    assert failure_sentence(result) == sentence


def failed(account: str, region: str, parts: dict[str, str]) -> FailedTarget:
    filled = {name: text.replace("ACCOUNT", account).replace("REGION", region) for name, text in parts.items()}
    return FailedTarget(f"{account}.{region}", account, region, filled)


ASSUME = {
    "kind": "CredentialsError",
    "operation": "assume the role arn:aws:iam::ACCOUNT:role/log-reflector-deployer",
    "account": "ACCOUNT",
    "region": "REGION",
    "code": "AccessDenied",
    "message": "User: arn:aws:sts::111111111111:assumed-role/ci/session is not authorized",
}
TIMEOUT = {
    "kind": "UnreachableError",
    "operation": "read the identity of the caller",
    "region": "REGION",
    "message": 'Connect timeout on endpoint URL: "https://sts.REGION.amazonaws.com/"',
}


def test_group_by_reason_one_cause_on_many_targets_is_one_group() -> None:
    targets = [failed(account, region, ASSUME) for account in [*ACCOUNTS, "111111111111"] for region in REGIONS]
    targets.insert(3, failed("333333333333", "eu-west-1", TIMEOUT))
    first, _second = group_by_reason(targets)
    assert len(first.targets) == (len(ACCOUNTS) + 1) * len(REGIONS)
    assert first.targets[:2] == tuple(f"{ACCOUNTS[0]}.{region}" for region in REGIONS[:2])
    assert (
        "role arn:aws:iam::<account>:role/log-reflector-deployer in <account>/<region>: AccessDenied" in first.sentence
    )


def denied(log_group: str, account: str, failed_groups: str) -> FailedTarget:
    message = f"User: arn:aws:sts::{account}:assumed-role/x/y is not authorized on resource {log_group}"
    error = AccessDeniedError("put a filter", message, code="AccessDenied", where=f"{account}/eu-west-1")
    parts = error.of_several("serve all log groups", log_group, f"{failed_groups} failed", "").parts()
    return FailedTarget(account, account, "eu-west-1", parts)


def test_group_by_reason_one_cause_in_other_log_groups_is_one_group() -> None:
    """A permission that a thousand targets lacked was up to a thousand reasons: number and log group differ."""
    targets = [denied("/aws/lambda/a", ACCOUNTS[0], "3 of 8"), denied("/payments", ACCOUNTS[1], "500 of 1,000")]
    (group,) = group_by_reason(targets)
    assert group.targets == (ACCOUNTS[0], ACCOUNTS[1])
    assert group.sentence == (
        "Could not serve all log groups in <account>/<region>: AccessDenied: User: "
        "arn:aws:sts::<account>:assumed-role/x/y is not authorized on resource <resource>."
    )


def test_group_by_reason_single_target_keeps_its_sentence() -> None:
    (group,) = group_by_reason([failed("333333333333", "eu-west-1", TIMEOUT)])
    assert group.targets == ("333333333333.eu-west-1",)
    assert '"https://sts.eu-west-1.amazonaws.com/"' in group.sentence


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("refused (request id 6f1b2c3d-0a0b-4c4d-8e8f-001122334455)", "refused (request id 7a1b2c3d-0a0b-4c4d-8e8f-665544332211)"),
        ("log group /log-reflector/delivery-check-0123456789ab", "log group /log-reflector/delivery-check-ba9876543210"),
        ("it did not come within 30 seconds", "it did not come within 30.5 seconds"),
        ("it took 30 s.", "it took 31 s."),
        ("secret arn:aws:secretsmanager:eu-west-1:ACCOUNT:secret:a-AbCdEf", "secret arn:aws:secretsmanager:eu-west-1:ACCOUNT:secret:b-XyZzyX"),
        ("https://logs.REGION.amazonaws.com", "https://logs.REGION.amazonaws.com"),
        ("host ACCOUNT.REGION: no", "host ACCOUNT.REGION: no"),
    ],
)  # fmt: skip
def test_group_by_reason_ids_arns_and_durations_make_no_second_group(one: str, other: str) -> None:
    targets = [failed(ACCOUNTS[0], "eu-west-1", {"message": one}), failed(ACCOUNTS[1], "us-east-2", {"message": other})]
    assert len(group_by_reason(targets)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"message": "the sink answered 503"}, {"message": "the sink answered 404"}),
        ({"message": "queue log-reflector-dead-letters"}, {"message": "queue log-reflector-subscriber-dead-letters"}),
        ({"operation": "create role x", "message": "no"}, {"operation": "create function x", "message": "no"}),
        ({"code": "AccessDenied", "message": "no"}, {"code": "ValidationError", "message": "no"}),
        ({"kind": "RefusedError", "message": "no"}, {"kind": "AwsError", "message": "no"}),
        ({"message": "deadbeef"}, {"message": "facade"}),
    ],
)
def test_group_by_reason_other_part_makes_another_group(one: dict[str, str], other: dict[str, str]) -> None:
    assert len(group_by_reason([failed("1", "", one), failed("2", "", other)])) == 2


def test_group_by_reason_advice_does_not_count() -> None:
    targets = [
        failed("1", "", {"message": "no", "advice": "Ask a."}),
        failed("2", "", {"message": "no", "advice": "Ask b."}),
    ]
    assert len(group_by_reason(targets)) == 1


def test_generalise_replaces_the_name_as_a_whole_word_only() -> None:
    target = FailedTarget("a", "", "local", {"message": ""})
    assert target.generalise("a banana of 'a' in b: no localhost") == "<target> banana of '<target>' in b: no localhost"


def test_group_by_reason_without_targets_is_empty() -> None:
    assert group_by_reason([]) == []


NAMES = st.text(string.ascii_lowercase + "-.", min_size=1, max_size=12)


@given(st.lists(st.tuples(NAMES, st.sampled_from(REGIONS), st.text(max_size=40)), max_size=20))
def test_group_by_reason_every_target_is_in_one_group_largest_first(given_targets: list[tuple[str, str, str]]) -> None:
    groups = group_by_reason(FailedTarget(name, "", region, {"message": text}) for name, region, text in given_targets)
    assert sorted(name for group in groups for name in group.targets) == sorted(name for name, *_rest in given_targets)
    sizes = [len(group.targets) for group in groups]
    assert sizes == sorted(sizes, reverse=True)
