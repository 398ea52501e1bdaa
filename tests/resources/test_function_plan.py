# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of functions: changes, their order, and their requests, as far as only a plan shows them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    AwsError,
    InvalidInputError,
    LimitReachedError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._plan import Change
from ansible_collections.logreflector.aws.plugins.module_utils._resources.common import Call
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function import state
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.configuration import (
    Configuration,
    Logging,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.function import (
    FunctionRemoval,
    LambdaFunction,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.log_group import FunctionLogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.package import code_sha256
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.state import (
    AsyncInvocation,
    CurrentState,
    Function,
    LocalPackage,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from aws_in_tests import OWNER
from functions_in_tests import function_settings

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:x"
OLD, NEW = code_sha256(b"old"), code_sha256(b"new")
CONFIGURATION = Configuration(
    role="arn:aws:iam::123456789012:role/x",
    runtime="python3.13",
    handler="handler.handler",
    logging_config=Logging(log_group="/aws/lambda/x"),
    environment={"A": "1", "TOKEN": "hush"},
    layers=("arn:one", "arn:two"),
)
FUNCTION = Function(ARN, OLD, "arm64", CONFIGURATION, tags={"a": "1", **OWNER})
GROUP = FunctionLogGroup("/aws/lambda/x")
CURRENT = CurrentState(FUNCTION, "/aws/lambda/x", GROUP)
NOTHING = CurrentState(None, "/aws/lambda/x", None)
SETTINGS = function_settings(
    name="x",
    package="/nowhere.zip",
    code_sha256=OLD,
    role="x",
    timeout=3,
    environment={"A": 1},
    secret_environment={"TOKEN": "hush"},
)
"""The settings to which CURRENT conforms."""
NO_ENVIRONMENT: dict[str, Any] = {"environment": {}, "secret_environment": {}}


def new_target() -> Target:
    """Return a target that needs no call for its account."""
    target = Target(boto3.Session("x", "x"), "eu-west-1")
    target.__dict__["identity"] = Identity("123456789012", "arn:aws:iam::123456789012:user/x")
    return target


def plan(actual: CurrentState, **settings: Any) -> list[Change]:
    """Return the changes of a function with the given settings."""
    return LambdaFunction(new_target(), replace(SETTINGS, **settings)).plan(actual)


def titles(actual: CurrentState, **settings: Any) -> list[str]:
    """Return the changes as text."""
    return list(map(str, plan(actual, **settings)))


def current(**attributes: Any) -> CurrentState:
    """Return CURRENT with other attributes of the function."""
    return replace(CURRENT, function=replace(FUNCTION, **attributes))


def test_function_as_desired_has_no_change() -> None:
    assert titles(CURRENT) == []
    given: dict[str, Any] = {
        "kms_key_arn": "",
        "subnet_ids": (),
        "security_group_ids": (),
        "reserved_concurrency": -1,
        "tags": {"a": "1"},
        "log_group_kms_key_arn": "",
    }
    assert titles(CURRENT, **given) == []


def test_function_creation_follows_its_log_group() -> None:
    changes = plan(
        NOTHING, code_sha256=NEW, reserved_concurrency=5, on_failure_destination="dead", tags={"a": "1"}, kms_key_arn=""
    )
    assert list(map(str, changes)) == [
        "create log group /aws/lambda/x",
        "create function x",
        "update reserved concurrency of function x",
        "update asynchronous invocation of function x",
    ]
    assert changes[1].payload == {
        "Role": "arn:aws:iam::123456789012:role/x",
        "Runtime": "python3.13",
        "Handler": "handler.handler",
        "MemorySize": 128,
        "Timeout": 3,
        "Description": "",
        "KMSKeyArn": "",
        "Architectures": ["arm64"],
        "Environment": {"Variables": {"A": "1", "TOKEN": "hush"}},
        "Tags": {"a": "1", **OWNER},
    }
    assert changes[1].after["environment"] == {"A": "1", "TOKEN": "(hidden)"}
    assert "hush" not in str([change.diff() for change in changes])


def test_environment_is_replaced_as_a_whole() -> None:
    (change,) = plan(CURRENT, secret_environment={})
    assert change.payload == {"Environment": {"Variables": {"A": "1"}}}
    assert change.before == {"environment": {"A": "1", "TOKEN": "(hidden)"}}
    assert change.after == {"environment": {"A": "1"}}
    (change,) = plan(CURRENT, environment={}, secret_environment={"TOKEN": "hush2"})
    assert change.before == {"environment": {"A": "(hidden)", "TOKEN": "(hidden)"}}
    assert change.after == {"environment": {"TOKEN": "(hidden, changed)"}}


def test_code_update_follows_additions_and_precedes_removals() -> None:
    changes = plan(
        CURRENT,
        code_sha256=NEW,
        handler="other.handler",
        memory_size=256,
        environment={"B": "2"},
        secret_environment={},
    )
    assert list(map(str, changes)) == [
        "update configuration of function x",
        "update code of function x",
        "update configuration of function x",
    ]
    assert changes[0].payload == {
        "MemorySize": 256,
        "Environment": {"Variables": {"A": "1", "TOKEN": "hush", "B": "2"}},
    }
    assert changes[2].payload == {"Handler": "other.handler", "Environment": {"Variables": {"B": "2"}}}
    assert changes[0].after["environment"] == {"A": "(hidden)", "B": "2", "TOKEN": "(hidden)"}
    assert changes[2].before["environment"] == changes[0].after["environment"]
    assert "hush" not in str([change.diff() for change in changes])


def test_configuration_without_new_code_is_one_update() -> None:
    assert titles(CURRENT, handler="other.handler", memory_size=256, **NO_ENVIRONMENT) == [
        "update configuration of function x"
    ]


def test_configuration_that_only_grows_is_updated_before_the_code() -> None:
    assert titles(CURRENT, code_sha256=NEW, environment={"A": "1", "B": "2"}) == [
        "update configuration of function x",
        "update code of function x",
    ]


def test_environment_too_large_for_both_codes_is_replaced_at_once() -> None:
    large = current(configuration=replace(CONFIGURATION, environment={"OLD": "o" * 3000}))
    changes = plan(large, code_sha256=NEW, environment={"NEW": "n" * 3000}, secret_environment={})
    assert changes[0].payload == {"Environment": {"Variables": {"NEW": "n" * 3000}}}
    assert [change.kind for change in changes] == ["configuration of function", "code of function"]


def test_architecture_changes_with_the_code() -> None:
    assert titles(CURRENT, architecture="x86_64") == ["update code of function x"]


@pytest.mark.parametrize(
    ("before", "setting", "payload"),
    [
        (None, 5, [5]),
        (5, 5, []),
        (5, 0, [0]),
        (0, 0, []),
        (None, 0, [0]),
        (5, -1, [None]),
        (0, -1, [None]),
        (None, -1, []),
        (5, None, []),
    ],
)
def test_reserved_concurrency(before: int | None, setting: int | None, payload: list[int | None]) -> None:
    changes = plan(current(reserved=before), reserved_concurrency=setting)
    assert [change.payload for change in changes] == payload


def test_async_invocation_update_keeps_the_success_destination() -> None:
    before = AsyncInvocation("arn:aws:sqs:eu-west-1:123456789012:dead", 1, 600, "arn:success")
    same: dict[str, Any] = {
        "on_failure_destination": "dead",
        "maximum_retry_attempts": 1,
        "maximum_event_age": 600,
    }
    assert titles(current(asynchronous=before), **same) == []
    (change,) = plan(current(asynchronous=before), **{**same, "maximum_retry_attempts": 0})
    assert change.payload == {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 600,
        "DestinationConfig": {
            "OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:dead"},
            "OnSuccess": {"Destination": "arn:success"},
        },
    }
    (change,) = plan(current(asynchronous=before), **{**same, "on_failure_destination": ""})
    assert change.payload["DestinationConfig"] == {"OnSuccess": {"Destination": "arn:success"}}


def test_async_invocation_zero_retries_are_not_the_default() -> None:
    assert AsyncInvocation.from_api({"MaximumRetryAttempts": 0}).maximum_retry_attempts == 0
    assert AsyncInvocation.from_api({}) == AsyncInvocation("", 2, 21600, "")


def test_unreadable_tags_stop_every_change() -> None:
    unknown = current(tags=None)
    assert titles(unknown) == []
    for settings in ({"tags": {"a": "1"}}, {"memory_size": 512}, {"log_retention_days": 7}):
        with pytest.raises(AccessDeniedError, match=r"read the tags of function x in .*ListTags\.$"):
            plan(unknown, **settings)
    with pytest.raises(AccessDeniedError, match="ListTags"):
        FunctionRemoval(new_target(), "x").plan(unknown)


@pytest.mark.parametrize(
    "settings",
    [
        {"memory_size": 512},
        {"log_retention_days": 7},
        {"tags": {"a": "1"}},
        {"reserved_concurrency": 1},
        {"maximum_retry_attempts": 0},
        {"code_sha256": NEW},
    ],
)
def test_foreign_function_change_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match=r"change function x in .*managed-by=logreflector.aws"):
        plan(current(tags={"owner": "somebody"}), **settings)


def test_foreign_function_gets_no_log_group() -> None:
    with pytest.raises(RefusedError, match="create log group /aws/lambda/x"):
        plan(replace(current(tags={}), log_group=None))


def test_foreign_function_as_desired_has_no_change() -> None:
    assert titles(current(tags={})) == []


def test_tags_of_others_stay() -> None:
    others = {"b": "2", "aws:cloudformation:stack-id": "s", **OWNER}
    (change,) = plan(current(tags={"a": "1", **others}), tags={"a": "9", "c": "3"})
    assert change.payload == (Call("tag_resource", {"Resource": ARN, "Tags": {"a": "9", "c": "3"}}),)
    assert change.after == {"a": "9", "c": "3", **others}


def test_environment_that_cannot_be_decrypted_is_an_error() -> None:
    locked = current(configuration=replace(CONFIGURATION, environment=None, kms_key_arn="arn:aws:kms:x:1:key/1"))
    with pytest.raises(AccessDeniedError, match="kms:Decrypt"):
        plan(locked)
    assert titles(locked, kms_key_arn="arn:aws:kms:x:1:key/2") == ["update configuration of function x"]


def test_log_group_key_is_left_alone_without_a_setting() -> None:
    existing = replace(CURRENT, log_group=replace(GROUP, retention_days=7, kms_key_id="arn:aws:kms:x:1:key/1"))
    assert titles(existing, log_retention_days=7) == []
    (change,) = plan(existing, log_retention_days=14)
    assert (change.before["retention_days"], change.after["retention_days"]) == (7, 14)
    assert change.after["kms_key_id"] == "arn:aws:kms:x:1:key/1"
    assert titles(existing, log_retention_days=7, log_group_kms_key_arn="") == ["update log group /aws/lambda/x"]


def test_log_group_that_is_missing_is_created_again() -> None:
    assert titles(replace(CURRENT, log_group=None)) == ["create log group /aws/lambda/x"]


def test_function_whose_creation_failed_is_an_error_without_changes() -> None:
    failed = current(state="Failed", failure="InvalidSubnet: no such subnet", failed_for_good=True)
    with pytest.raises(AwsError, match="failed: InvalidSubnet: no such subnet"):
        plan(failed)
    assert titles(failed, memory_size=256) == ["update configuration of function x"]


def test_failed_update_is_sent_again() -> None:
    (change,) = plan(current(failure="InternalError: try again"))
    assert change.payload.keys() == {
        *("Role", "Runtime", "Handler", "MemorySize", "Timeout", "Description", "Environment"),
    }
    assert change.before == {"last_update": "Failed (InternalError: try again)"}


@pytest.mark.parametrize("name", ["", "a b", "arn:aws:lambda:x:1:function:x", "x" * 65, "x:1"])
def test_function_name_invalid_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="option function_name"):
        LambdaFunction(new_target(), replace(SETTINGS, name=name))
    with pytest.raises(InvalidInputError, match="option function_name"):
        FunctionRemoval(new_target(), name)


@pytest.mark.parametrize("option", ["kms_key_arn", "log_group_kms_key_arn"])
def test_function_key_that_is_not_an_arn_is_refused(option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"option {option}"):
        plan(CURRENT, **{option: "alias/x"})


def test_package_that_is_missing_is_an_error_on_upload(tmp_path: Path) -> None:
    with pytest.raises(ReflectorError, match=r"upload .*x\.zip: No such file or directory\. Build the package again"):
        LocalPackage(str(tmp_path / "x.zip"), NEW).read()


def test_package_with_another_hash_is_not_uploaded(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"other")
    with pytest.raises(ReflectorError, match=f"its hash is .* but {NEW.replace('+', '.')} was expected"):
        LocalPackage(str(tmp_path / "x.zip"), NEW).read()


def test_package_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "LARGEST_PACKAGE", 3)
    (tmp_path / "x.zip").write_bytes(b"1234")
    with pytest.raises(LimitReachedError, match="more than 3 bytes"):
        LocalPackage(str(tmp_path / "x.zip"), NEW).read()
