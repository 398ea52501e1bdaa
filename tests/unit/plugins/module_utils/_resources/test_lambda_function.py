"""The plan of a function: which changes, in which order, and what each would send."""

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
from ansible_collections.logreflector.aws.plugins.module_utils._resources import function_state
from ansible_collections.logreflector.aws.plugins.module_utils._resources.common import Call
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_log_group import FunctionLogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_settings import Logging, Settings
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_state import (
    AsyncInvocation,
    Function,
    LocalCode,
    Standing,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_function import LambdaFunction
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_package import code_sha256
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from internal_resources import LAMBDA_FUNCTION as SPEC

OLD, NEW = code_sha256(b"old"), code_sha256(b"new")
GROUP = FunctionLogGroup("/aws/lambda/x")
SETTINGS = Settings(
    role="arn:aws:iam::123456789012:role/x",
    handler="handler.handler",
    logging_config=Logging(log_group="/aws/lambda/x"),
    environment={"A": "1", "TOKEN": "hush"},
    layers=("arn:one", "arn:two"),
)
MARK = {"managed-by": "logreflector.aws"}
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:x"
FUNCTION = Function(ARN, OLD, "arm64", SETTINGS, tags={"a": "1", **MARK})
STANDING = Standing(FUNCTION, "/aws/lambda/x", GROUP)
NOTHING = Standing(None, "/aws/lambda/x", None)


def resource(**given: Any) -> LambdaFunction:
    defaults = {name: option.get("default") for name, option in SPEC.given.items()}
    target = Target(boto3.Session("x", "x"), "eu-west-1")
    target.__dict__["identity"] = Identity("123456789012", "arn:aws:iam::123456789012:user/x")
    return LambdaFunction(target, {**defaults, "name": "x", **given})


def titles(standing: Standing, **given: Any) -> list[str]:
    return [str(change) for change in resource(**given).plan(standing)]


def standing(**attributes: Any) -> Standing:
    return replace(STANDING, function=replace(FUNCTION, **attributes))


def test_nothing_given_changes_nothing() -> None:
    assert titles(STANDING) == []


def test_everything_given_as_it_stands_changes_nothing() -> None:
    assert (
        titles(
            STANDING,
            code_sha256=OLD,
            zip_file="/nowhere.zip",
            role="x",
            runtime="python3.13",
            handler="handler.handler",
            architecture="arm64",
            memory_size=128,
            timeout=3,
            description="",
            environment={"A": 1},
            secret_environment={"TOKEN": "hush"},
            kms_key_arn="",
            vpc_config={"subnet_ids": [], "security_group_ids": []},
            layers=["arn:one", "arn:two"],
            tracing_mode="PassThrough",
            reserved_concurrent_executions=-1,
            ephemeral_storage=512,
            logging_config={"log_format": "Text", "log_group": "/aws/lambda/x"},
            on_failure_destination="",
            maximum_retry_attempts=2,
            maximum_event_age=21600,
            tags={"a": "1"},
            log_group_retention_days=0,
            log_group_kms_key_id="",
        )
        == []
    )


def test_a_new_function_comes_after_its_log_group_and_before_what_needs_it() -> None:
    changes = resource(
        zip_file="/nowhere.zip",
        code_sha256=NEW,
        role="x",
        handler="handler.handler",
        reserved_concurrent_executions=5,
        on_failure_destination="dead",
        tags={"a": "1"},
        environment={"A": "1"},
        secret_environment={"TOKEN": "hush"},
    ).plan(NOTHING)
    assert [str(change) for change in changes] == [
        "create log group /aws/lambda/x",
        "create function x",
        "update reserved concurrency of function x",
        "update asynchronous invocation of function x",
    ]
    assert changes[1].payload == {
        "Role": "arn:aws:iam::123456789012:role/x",
        "Runtime": "python3.13",
        "Handler": "handler.handler",
        "Architectures": ["arm64"],
        "Environment": {"Variables": {"A": "1", "TOKEN": "hush"}},
        "Tags": {"a": "1", **MARK},
    }
    assert changes[1].after["tags"] == {"a": "1", **MARK}
    assert changes[1].after["environment"] == {"A": "1", "TOKEN": "(hidden)"}
    assert "hush" not in str([change.diff() for change in changes])


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "role and handler and zip_file have"),
        ({"zip_file": "/x", "code_sha256": NEW, "role": "x"}, "handler has"),
        ({"role": "x", "handler": "x", "code_sha256": NEW}, "zip_file has"),
    ],
)
def test_a_new_function_needs_role_handler_and_code(given: dict[str, Any], missing: str) -> None:
    with pytest.raises(InvalidInputError, match=f"function x does not exist yet, so {missing} to be given"):
        resource(**given).plan(NOTHING)


def test_the_environment_is_authoritative_as_a_whole() -> None:
    (change,) = resource(environment={"A": "1"}).plan(STANDING)
    assert change.payload == {"Environment": {"Variables": {"A": "1"}}}
    assert change.before == {"environment": {"A": "1", "TOKEN": "(hidden)"}}
    assert change.after == {"environment": {"A": "1"}}
    (change,) = resource(secret_environment={"TOKEN": "hush2"}).plan(STANDING)
    assert change.before == {"environment": {"A": "(hidden)", "TOKEN": "(hidden)"}}
    assert change.after == {"environment": {"TOKEN": "(hidden, changed)"}}


def test_what_new_code_needs_goes_before_it_and_what_old_code_needs_stays_until_after() -> None:
    changes = resource(
        zip_file="/nowhere.zip",
        code_sha256=NEW,
        handler="other.handler",
        memory_size=256,
        environment={"B": "2"},
        layers=["arn:two"],
    ).plan(STANDING)
    assert [str(change) for change in changes] == [
        "update configuration of function x",
        "update code of function x",
        "update configuration of function x",
    ]
    assert changes[0].payload == {
        "MemorySize": 256,
        "Environment": {"Variables": {"A": "1", "TOKEN": "hush", "B": "2"}},
    }
    assert changes[2].payload == {
        "Handler": "other.handler",
        "Layers": ["arn:two"],
        "Environment": {"Variables": {"B": "2"}},
    }
    assert changes[0].after["environment"] == {"A": "(hidden)", "B": "2", "TOKEN": "(hidden)"}
    assert changes[2].before["environment"] == changes[0].after["environment"]
    assert "hush" not in str([change.diff() for change in changes])


def test_without_new_code_one_update_is_enough() -> None:
    assert titles(STANDING, handler="other.handler", environment={}, memory_size=256) == [
        "update configuration of function x"
    ]


def test_added_configuration_and_new_code_are_two_updates() -> None:
    assert titles(STANDING, zip_file="/x", code_sha256=NEW, environment={"A": "1", "TOKEN": "hush", "B": "2"}) == [
        "update configuration of function x",
        "update code of function x",
    ]


def test_an_environment_too_large_for_both_codes_is_exchanged_at_once() -> None:
    large = standing(settings=replace(SETTINGS, environment={"OLD": "o" * 3000}))
    changes = resource(zip_file="/x", code_sha256=NEW, environment={"NEW": "n" * 3000}).plan(large)
    assert changes[0].payload == {"Environment": {"Variables": {"NEW": "n" * 3000}}}
    assert [change.kind for change in changes] == ["configuration of function", "code of function"]


def test_the_architecture_changes_with_the_code() -> None:
    (change,) = resource(architecture="x86_64", zip_file="/x", code_sha256=OLD).plan(STANDING)
    assert str(change) == "update code of function x"
    assert change.payload.architecture == "x86_64"
    with pytest.raises(InvalidInputError, match="zip_file"):
        resource(architecture="x86_64").plan(STANDING)


def test_code_that_is_not_given_to_upload_is_refused_in_the_plan() -> None:
    with pytest.raises(InvalidInputError, match="the code of function x changes"):
        resource(code_sha256=NEW).plan(STANDING)


@pytest.mark.parametrize(
    ("before", "option", "payload"),
    [
        (None, 5, [5]),
        (5, 5, []),
        (5, 0, [0]),
        (0, 0, []),
        (None, 0, [0]),
        (5, -1, [None]),
        (0, -1, [None]),
        (None, -1, []),
    ],
)
def test_reserved_concurrency(before: int | None, option: int, payload: list[int | None]) -> None:
    changes = resource(reserved_concurrent_executions=option).plan(standing(reserved=before))
    assert [change.payload for change in changes] == payload


def test_reserved_concurrency_that_is_not_given_is_left_alone() -> None:
    assert titles(standing(reserved=5), memory_size=128) == []


def test_a_put_of_the_asynchronous_invocation_keeps_what_is_not_given() -> None:
    before = AsyncInvocation("arn:aws:sqs:eu-west-1:123456789012:dead", 1, 600, "arn:success")
    (change,) = resource(maximum_retry_attempts=0).plan(standing(asynchronous=before))
    assert change.payload == {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 600,
        "DestinationConfig": {
            "OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:dead"},
            "OnSuccess": {"Destination": "arn:success"},
        },
    }
    (change,) = resource(on_failure_destination="").plan(standing(asynchronous=before))
    assert change.payload["DestinationConfig"] == {"OnSuccess": {"Destination": "arn:success"}}
    assert titles(standing(asynchronous=before), on_failure_destination="dead") == []


def test_no_retries_are_not_taken_for_the_default() -> None:
    assert AsyncInvocation.from_api({"MaximumRetryAttempts": 0}).maximum_retry_attempts == 0
    assert AsyncInvocation.from_api({}) == AsyncInvocation("", 2, 21600, "")


def test_tags_that_cannot_be_read_stop_all_that_needs_them() -> None:
    unknown = Function.from_api(
        {
            "Configuration": {"FunctionName": "x", "FunctionArn": FUNCTION.arn},
            "TagsError": {"ErrorCode": "AccessDeniedException", "Message": "no"},
        },
        {},
    )
    actual = replace(STANDING, function=unknown)
    assert titles(actual) == []
    for options in ({"tags": {"a": "1"}}, {"memory_size": 512}, {"log_group_retention_days": 7}):
        with pytest.raises(AccessDeniedError, match=r"read the tags of function x in .*ListTags\.$"):
            resource(**options).plan(actual)
    with pytest.raises(AccessDeniedError, match=r"ListTags"):
        resource(state="absent").plan(actual)


FOREIGN = standing(tags={"owner": "somebody"})


@pytest.mark.parametrize(
    "options",
    [
        {"memory_size": 512},
        {"log_group_retention_days": 7},
        {"tags": {"a": "1"}},
        {"reserved_concurrent_executions": 1},
        {"maximum_retry_attempts": 0},
        {"zip_file": "/nowhere.zip", "code_sha256": NEW},
    ],
)
def test_a_foreign_function_is_not_changed(options: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match=r"change function x in .*managed-by=logreflector.aws"):
        resource(**options).plan(FOREIGN)


def test_the_log_group_of_a_foreign_function_is_not_made_either() -> None:
    with pytest.raises(RefusedError, match="create log group /aws/lambda/x"):
        resource().plan(replace(FOREIGN, log_group=None))


def test_a_foreign_function_that_is_as_wanted_is_left() -> None:
    assert titles(FOREIGN, memory_size=128) == []


def test_foreign_function_and_its_log_group_are_not_deleted() -> None:
    for options in ({}, {"delete_log_group": True}):
        with pytest.raises(RefusedError, match=r"delete function x in .*managed-by=logreflector.aws"):
            resource(state="absent", **options).plan(FOREIGN)


def test_tags_are_added_and_changed_and_those_of_others_stay() -> None:
    actual = standing(tags={"a": "1", "b": "2", "aws:cloudformation:stack-id": "s", **MARK})
    (change,) = resource(tags={"a": "9", "c": "3"}).plan(actual)
    assert change.payload == (Call("tag_resource", {"Resource": ARN, "Tags": {"a": "9", "c": "3"}}),)
    assert change.after == {"a": "9", "b": "2", "c": "3", "aws:cloudformation:stack-id": "s", **MARK}
    assert titles(actual, tags={}) == []
    assert titles(actual) == []


def test_an_environment_that_cannot_be_decrypted_is_not_written_anew_on_every_run() -> None:
    locked = standing(settings=replace(SETTINGS, environment=None, kms_key_arn="arn:aws:kms:x:1:key/1"))
    assert titles(locked) == []
    with pytest.raises(AccessDeniedError, match="kms:Decrypt"):
        resource(environment={"A": "1"}).plan(locked)
    other = "arn:aws:kms:x:1:key/2"
    assert titles(locked, environment={"A": "1"}, kms_key_arn=other) == ["update configuration of function x"]


def test_a_log_group_that_exists_is_adopted() -> None:
    there = replace(STANDING, log_group=replace(GROUP, retention_days=7, kms_key_id="arn:aws:kms:x:1:key/1"))
    assert titles(there) == []
    assert titles(there, log_group_retention_days=7) == []
    (change,) = resource(log_group_retention_days=14).plan(there)
    assert (change.before["retention_days"], change.after["retention_days"]) == (7, 14)
    assert change.after["kms_key_id"] == "arn:aws:kms:x:1:key/1"
    assert titles(there, log_group_retention_days=0) == ["update log group /aws/lambda/x"]
    assert titles(there, log_group_kms_key_id="") == ["update log group /aws/lambda/x"]


def test_a_log_group_that_is_gone_is_made_again() -> None:
    assert titles(replace(STANDING, log_group=None)) == ["create log group /aws/lambda/x"]


def test_absent_takes_the_log_group_only_when_asked() -> None:
    assert titles(STANDING, state="absent") == ["delete function x"]
    assert titles(STANDING, state="absent", delete_log_group=True) == [
        "delete function x",
        "delete log group /aws/lambda/x",
    ]
    assert titles(replace(NOTHING, log_group=GROUP), state="absent") == []
    assert titles(replace(NOTHING, log_group=GROUP), state="absent", delete_log_group=True) == [
        "delete log group /aws/lambda/x"
    ]
    assert titles(NOTHING, state="absent", delete_log_group=True) == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_log_group_that_only_aws_names_is_used_but_never_deleted(state: str) -> None:
    shared = replace(FUNCTION, settings=replace(SETTINGS, logging_config=Logging(log_group="/shared")))
    expected = {"present": "/shared", "absent": "/aws/lambda/x"}
    assert resource(state=state)._log_group_name(shared) == expected[state]
    named = {"log_group": "/shared"}
    assert resource(state=state, logging_config=named)._log_group_name(shared) == "/shared"


def test_absent_does_not_read_the_zip() -> None:
    assert titles(STANDING, state="absent", zip_file="/nowhere.zip") == ["delete function x"]


def test_a_function_that_failed_for_good_is_an_error_unless_something_is_done_about_it() -> None:
    failed = standing(state="Failed", failure="InvalidSubnet: no such subnet", failed_for_good=True)
    with pytest.raises(AwsError, match="failed: InvalidSubnet: no such subnet"):
        resource().plan(failed)
    assert titles(failed, memory_size=256) == ["update configuration of function x"]


def test_an_update_that_failed_in_aws_is_sent_again() -> None:
    failed = standing(failure="InternalError: try again")
    (change,) = resource(memory_size=128, timeout=3).plan(failed)
    assert change.payload == {"MemorySize": 128, "Timeout": 3}
    (change,) = resource().plan(failed)
    assert change.payload == {"Description": ""}


@pytest.mark.parametrize("name", ["", "a b", "arn:aws:lambda:x:1:function:x", "x" * 65, "x:1"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="option name"):
        resource(name=name)


@pytest.mark.parametrize("sha", ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "x"])
def test_a_hash_that_is_none_is_refused(sha: str) -> None:
    with pytest.raises(InvalidInputError, match="option code_sha256"):
        resource(code_sha256=sha)


def test_the_hash_of_the_zip_stands_in_for_the_option(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"new")
    (change,) = resource(zip_file=str(tmp_path / "x.zip")).plan(STANDING)
    assert change.after["code_sha256"] == NEW


def test_a_zip_that_is_not_there_is_refused_only_when_it_is_needed(tmp_path: Path) -> None:
    missing = str(tmp_path / "x.zip")
    with pytest.raises(InvalidInputError, match=r"zip_file: .*x\.zip: No such file or directory"):
        LocalCode.from_options(missing, None)
    promised = LocalCode.from_options(missing, NEW)
    with pytest.raises(InvalidInputError, match="No such file"):
        promised.package()


def test_a_zip_with_another_hash_is_not_uploaded(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"other")
    code = LocalCode.from_options(str(tmp_path / "x.zip"), NEW)
    with pytest.raises(ReflectorError, match=f"its hash is .* but {NEW.replace('+', '.')} was expected"):
        code.package()


def test_a_zip_that_lambda_does_not_take_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_state, "LARGEST_PACKAGE", 3)
    (tmp_path / "x.zip").write_bytes(b"1234")
    with pytest.raises(LimitReachedError, match="more than 3 bytes"):
        LocalCode.from_options(str(tmp_path / "x.zip"), None)
