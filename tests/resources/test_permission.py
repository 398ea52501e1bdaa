# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LambdaPermission: statements of a policy that others write too, replaced without a gap."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    ReflectorError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission import (
    permission as permission_module,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.permission import (
    LambdaPermission,
    read_policy,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.policy import (
    LONGEST_PREFIX,
    SIZE_LIMIT,
    byte_size,
    temporary_id_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.settings import (
    FunctionAddress,
    PermissionSettings,
    desired_statements,
    sample_expand,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.statement import (
    Statement,
    render,
)
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from aws_in_tests import Cloud, zip_bytes
from moto.awslambda import policy as moto_policy
from moto.awslambda import responses as moto_responses

GROUPS = "arn:{partition}:logs:{region}:{account}:log-group:"
LOGS = Statement("lr-logs", "logs.amazonaws.com", source_arn=f"{GROUPS}*", source_account="{account}")
EVENTS = Statement(
    "lr-events", "events.amazonaws.com", source_arn="arn:{partition}:events:{region}:{account}:rule/lr-new-log-groups"
)
ACCOUNT = Statement("lr-account", "210987654321")
ORGANIZATION = Statement("lr-organization", "*", principal_org_id="o-a1b2c3d4e5f")
ROLE = Statement("lr-role", "arn:aws:iam::123456789012:role/r")
FUNCTION_URL = Statement("lr-url", "*", "lambda:InvokeFunctionUrl", function_url_auth_type="AWS_IAM")
VIA_URL = Statement("lr-via-url", "*", invoked_via_function_url=True)
ALEXA = Statement("lr-token", "alexa-connectedhome.amazon.com", event_source_token="amzn1.ask.skill.1")


@pytest.fixture
def function(cloud: Cloud, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Create a function with a foreign statement. moto compares RemovePermission's RevisionId as a list: fixed here."""
    assert 'self.querystring.get("RevisionId", "")' in inspect.getsource(
        moto_responses.LambdaResponse.remove_permission
    ), "moto is fixed: remove this patch"
    original = moto_policy.Policy.del_statement

    def del_statement(self: Any, sid: str, revision: Any = "") -> None:
        original(self, sid, revision[0] if isinstance(revision, list) else revision)

    monkeypatch.setattr(moto_policy.Policy, "del_statement", del_statement)
    name, client = f"permission-{abs(hash(request.node.name))}", cloud.client("lambda")
    code = {"ZipFile": zip_bytes()}
    client.create_function(
        FunctionName=name, Role=cloud.role_arn, Handler="handler.handler", Runtime="python3.13", Code=code, Publish=True
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    add(cloud, name, "theirs", "sns.amazonaws.com")
    yield name
    client.delete_function(FunctionName=name)


def add(cloud: Cloud, name: str, statement_id: str, principal: str = "events.amazonaws.com") -> None:
    """Add a statement as another writer."""
    action = "lambda:InvokeFunction"
    cloud.client("lambda").add_permission(
        FunctionName=name, StatementId=statement_id, Action=action, Principal=principal
    )


def permission(name: str, *statements: Statement, **settings: Any) -> PermissionSettings:
    return PermissionSettings(function_name=name, statements=statements, **{"settle_seconds": 0, **settings})


def run(cloud: Cloud, name: str, *statements: Statement, check_mode: bool = False, **settings: Any) -> dict[str, Any]:
    return cloud.converge(LambdaPermission, permission(name, *statements, **settings), check_mode=check_mode)


def change(cloud: Cloud, name: str, *statements: Statement, **settings: Any) -> dict[str, Any]:
    return cloud.converge_and_repeat(LambdaPermission, permission(name, *statements, **settings))


def policy(cloud: Cloud, name: str) -> dict[str, dict[str, Any]]:
    answer = cloud.client("lambda").get_policy(FunctionName=name)
    return {item["Sid"]: item for item in json.loads(answer["Policy"])["Statement"]}


def info(cloud: Cloud, name: str, qualifier: str | None = None) -> dict[str, Any]:
    return read_policy(cloud.target(), {"function_name": name, "qualifier": qualifier}, False)


def test_permission_life_cycle(cloud: Cloud, function: str) -> None:
    theirs = policy(cloud, function)["theirs"]
    created = change(cloud, function, LOGS, EVENTS, ACCOUNT, ORGANIZATION, ROLE)
    assert cloud.calls == ["GetCallerIdentity", "GetPolicy", *["AddPermission", "GetPolicy"] * 5]
    assert created["changes"][0] == "create lambda permission lr-logs"
    assert created["statements"][2] == {
        "statement_id": "lr-logs",
        "action": "lambda:InvokeFunction",
        "principal": "logs.amazonaws.com",
        "source_arn": cloud.arn("logs", "log-group:*"),
        "source_account": cloud.account,
    }
    again = run(cloud, function, ROLE, ORGANIZATION, ACCOUNT, LOGS, EVENTS)
    assert (again["changed"], cloud.calls) == (False, ["GetCallerIdentity", "GetPolicy"])

    narrower = replace(LOGS, source_arn=f"{GROUPS}/aws/lambda/*")
    root = replace(ACCOUNT, principal="arn:{partition}:iam::210987654321:root")
    updated = change(cloud, function, root, narrower, ORGANIZATION, purge_prefix="lr-")
    assert updated["changes"] == [
        "update lambda permission lr-logs",
        "delete lambda permission lr-events",
        "delete lambda permission lr-role",
    ]
    assert cloud.writes == ["AddPermission", "RemovePermission", "AddPermission", *["RemovePermission"] * 3]
    before, after = updated["diff"][0]["before"], updated["diff"][0]["after"]
    assert (before["source_arn"], after["source_arn"]) == (
        cloud.arn("logs", "log-group:*"),
        cloud.arn("logs", "log-group:/aws/lambda/*"),
    )

    change(cloud, function, Statement("lr-account"), present=False)
    assert set(policy(cloud, function)) == {"theirs", "lr-logs", "lr-organization"}
    removed = change(cloud, function, purge_prefix="lr-", present=False)
    assert len(removed["changes"]) == 2
    assert policy(cloud, function) == {"theirs": theirs}


@pytest.mark.parametrize("form", ["name", "partial", "arn"])
def test_permission_function_by_name_or_arn(cloud: Cloud, function: str, form: str) -> None:
    arn = cloud.arn("lambda", f"function:{function}")
    name = {"name": function, "arn": arn, "partial": arn.split(":", 4)[4]}[form]
    change(cloud, name, EVENTS)
    change(cloud, name, replace(EVENTS, source_account="{account}"))
    found = info(cloud, name)
    assert [item["statement_id"] for item in found["statements"]] == ["theirs", "lr-events"]
    assert found["policy_size"] > 0
    assert found["revision_id"]


def test_permission_of_an_alias_has_its_own_policy(cloud: Cloud, function: str) -> None:
    """moto keeps one policy for all qualifiers: the module distinguishes statements by their Resource."""
    cloud.client("lambda").create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    change(cloud, function, EVENTS, qualifier="live")
    found = info(cloud, f"{function}:live")["statements"]
    assert [(item["statement_id"], item["raw"]["Resource"].endswith(":live")) for item in found] == [
        ("lr-events", True)
    ]
    assert [item["statement_id"] for item in info(cloud, function)["statements"]] == ["theirs"]
    change(cloud, function, Statement("lr-events"), qualifier="live", present=False)
    empty = info(cloud, function, "live")
    assert (empty["statements"], empty["policy_size"], empty["policy_size_limit"]) == ([], 0, SIZE_LIMIT)


def test_permission_of_a_missing_function(cloud: Cloud) -> None:
    """Another task of the same check mode would create the function."""
    assert run(cloud, "missing", EVENTS, check_mode=True)["changed"]
    with pytest.raises(NotFoundError, match="add statement lr-events to the policy of function missing"):
        run(cloud, "missing", EVENTS)
    assert not run(cloud, "missing", Statement("lr-events"), present=False)["changed"]
    with pytest.raises(NotFoundError, match="find function missing"):
        info(cloud, "missing")


@pytest.mark.backend("embedded")  # moto stores fewer conditions
def test_permission_further_conditions(cloud: Cloud, function: str) -> None:
    token = replace(ALEXA, principal="s3.amazonaws.com")
    both = replace(ORGANIZATION, event_source_token=token.event_source_token)
    change(cloud, function, FUNCTION_URL, token, both)
    changed = change(cloud, function, replace(FUNCTION_URL, function_url_auth_type="NONE"))
    assert changed["changes"] == ["update lambda permission lr-url"]


@pytest.mark.backend("moto")
@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (ORGANIZATION, {"PrincipalOrgID": "o-a1b2c3d4e5f"}),
        (ALEXA, {"EventSourceToken": "amzn1.ask.skill.1"}),
        (FUNCTION_URL, {"FunctionUrlAuthType": "AWS_IAM"}),
        (VIA_URL, {"InvokedViaFunctionUrl": True}),
        (ACCOUNT, {}),
    ],
    ids=lambda value: getattr(value, "statement_id", ""),
)
def test_permission_conditions_as_aws_stores_them(cloud: Cloud, statement: Statement, parameters: Any) -> None:
    requests: list[dict[str, Any]] = []
    stored = render(statement, cloud.arn("lambda", "function:f"))
    cloud.answer("GetPolicy", "ResourceNotFoundException: no policy", *[policy_answer(stored)] * 2)
    cloud.answer("AddPermission", lambda request: requests.append(request) or {"Statement": "{}"})
    assert run(cloud, "f", statement)["statements"] == [statement.plain()]
    assert not run(cloud, "f", statement)["changed"]
    (request,) = requests
    assert request == {
        "FunctionName": "f",
        "StatementId": statement.statement_id,
        "Action": statement.action,
        "Principal": statement.principal,
        **parameters,
    }


def policy_answer(*statements: dict[str, Any]) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
    return {"Policy": json.dumps(document), "RevisionId": "r1"}


def test_info_returns_foreign_statements_as_they_are(cloud: Cloud, function: str) -> None:
    foreign = {"Effect": "Deny", "NotPrincipal": {"AWS": ["1", "2"]}, "Action": "lambda:*", "Resource": "*"}
    ours = render(LOGS, cloud.arn("lambda", f"function:{function}"))
    target = cloud.target()
    cloud.answer("GetPolicy", policy_answer(ours, foreign))
    found = read_policy(target, {"function_name": function, "qualifier": None}, False)
    assert found["statements"] == [
        {**LOGS.plain(), "expressible": True, "raw": ours},
        {"statement_id": None, "expressible": False, "raw": foreign},
    ]
    assert found["policy_size"] == byte_size(json.loads(policy_answer(ours, foreign)["Policy"]))
    assert found["revision_id"] == "r1"


# Other writers


NEW = replace(EVENTS, source_arn=None, source_account="222222222222")
CONFLICT = "PreconditionFailedException: The RevisionId provided does not match the latest one."


@pytest.mark.backend("moto")
def test_permission_writes_carry_the_revision_and_reread_it(cloud: Cloud, function: str) -> None:
    """Another writer adds a statement between each read and write; all statements are kept."""
    run(cloud, function, EVENTS)
    revisions: list[str | None] = []

    def interrupt(request: dict[str, Any]) -> str:
        revisions.append(request.get("RevisionId"))
        add(cloud, function, f"theirs-{len(revisions)}")
        return CONFLICT

    cloud.answer("AddPermission", interrupt, interrupt)
    assert run(cloud, function, NEW)["changes"] == ["update lambda permission lr-events"]
    assert cloud.calls[:6] == ["GetPolicy", "AddPermission", "GetPolicy", "AddPermission", "GetPolicy", "AddPermission"]
    assert len(set(revisions)) == 2
    assert None not in revisions
    assert set(policy(cloud, function)) == {"theirs", "theirs-1", "theirs-2", "lr-events"}


@pytest.mark.backend("moto")
def test_permission_another_writer_makes_the_same_change_first(cloud: Cloud, function: str) -> None:
    def add_first(_request: dict[str, Any]) -> str:
        add(cloud, function, "lr-events")
        return "ResourceConflictException: The statement id (lr-events) provided already exists."

    cloud.answer("AddPermission", add_first)
    bare = Statement("lr-events", "events.amazonaws.com")
    assert run(cloud, function, bare)["statements"] == [bare.plain()]
    assert cloud.writes == ["AddPermission"]

    def remove_first(_request: dict[str, Any]) -> str:
        cloud.client("lambda").remove_permission(FunctionName=function, StatementId="lr-events")
        return "ResourceNotFoundException: The resource you requested does not exist."

    cloud.answer("RemovePermission", remove_first)
    assert run(cloud, function, bare, present=False)["statements"] == []
    assert set(policy(cloud, function)) == {"theirs"}


@pytest.mark.backend("moto")
def test_permission_id_of_a_foreign_statement_is_refused(cloud: Cloud) -> None:
    ours = render(replace(NEW, source_account="111111111111"), cloud.arn("lambda", "function:f"))
    foreign = {**ours, "Effect": "Deny"}
    for answers in ((foreign,), (ours, foreign)):  # also if another writer takes the id between read and write
        cloud.answer("GetPolicy", *map(policy_answer, answers))
        cloud.answer("AddPermission", CONFLICT)
        with pytest.raises(ConflictError, match=r"change statement lr-events of function f.*somebody else's"):
            run(cloud, "f", NEW)
        assert len(cloud.writes) == len(answers) - 1


@pytest.mark.backend("moto")
def test_permission_another_writer_without_end_is_a_conflict(cloud: Cloud, function: str) -> None:
    run(cloud, function, EVENTS)
    cloud.answer("AddPermission", *[CONFLICT] * 50)
    with pytest.raises(ConflictError) as failure:
        run(cloud, function, NEW, wait_seconds=0.1)
    assert failure.value.code == "PreconditionFailedException"

    cloud.answer("AddPermission", *[{"Statement": "{}"}] * 50)  # somebody undoes each write
    with pytest.raises(ConflictError, match="another writer keeps changing it"):
        run(cloud, function, NEW)


@pytest.mark.backend("moto")
@pytest.mark.parametrize("lag", [1, 3])
def test_permission_stale_answers_delay_and_do_no_harm(cloud: Cloud, function: str, lag: int) -> None:
    """GetPolicy is eventually consistent: after a write it may return the former policy."""
    run(cloud, function, EVENTS)
    client, moments, stale = cloud.client("lambda"), [], []

    def get_policy(_request: dict[str, Any]) -> dict[str, Any]:
        real = client.get_policy(FunctionName=function)
        moments.append(set(policy(cloud, function)) & {"lr-events", temporary_id_of("lr-events")})
        if not stale or stale[-1]["RevisionId"] != real["RevisionId"]:
            stale.extend([real] * (lag + 1))
        return dict(stale.pop(0))

    cloud.answer("GetPolicy", *[get_policy] * 40)
    run(cloud, function, NEW)
    assert all(moments)
    found = policy(cloud, function)
    assert set(found) == {"theirs", "lr-events"}
    assert found["lr-events"]["Condition"]["StringEquals"]["AWS:SourceAccount"] == "222222222222"


@pytest.mark.backend("moto")
def test_permission_replaced_waits_once_between_additions_and_removals(
    cloud: Cloud, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudWatch Logs skips events for ten minutes if it does not see the new statement when the old one goes."""
    run(cloud, function, EVENTS, LOGS)
    add(cloud, function, "lr-old")
    writes: list[str] = []
    sleep = RetryPolicy(sleep=lambda seconds: writes.append(f"wait {seconds}"))
    monkeypatch.setattr(permission_module, "RetryPolicy", lambda **_unused: sleep)

    def write(method: str, request: dict[str, Any]) -> Any:
        writes.append(method)
        request.pop("RevisionId")
        return getattr(cloud.client("lambda"), method)(**request)

    for operation, method in (("AddPermission", "add_permission"), ("RemovePermission", "remove_permission")):
        cloud.answer(operation, *[partial(write, method)] * 10)
    logs = replace(LOGS, source_account="222222222222")
    run(cloud, function, NEW, logs, replace(NEW, statement_id="lr-new"), purge_prefix="lr-", settle_seconds=30)
    added, waited, removed = writes[:3], writes[3], writes[4:]
    assert (added, waited) == (["add_permission"] * 3, "wait 30")
    assert removed[0] == "remove_permission"
    assert not any(each.startswith("wait") for each in removed)
    assert set(policy(cloud, function)) == {"theirs", "lr-events", "lr-logs", "lr-new"}


@pytest.mark.backend("moto")
@pytest.mark.parametrize("settings", [{}, {"present": False}])
def test_permission_without_replacement_does_not_wait(
    cloud: Cloud, function: str, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    if settings:
        run(cloud, function, EVENTS)

    def refuse(_seconds: float) -> None:
        raise AssertionError("nothing was added and removed in one run")

    policy = RetryPolicy(sleep=refuse)
    monkeypatch.setattr(permission_module, "RetryPolicy", lambda **_unused: policy)
    assert run(cloud, function, EVENTS, settle_seconds=30, **settings)["changed"]


class KilledError(BaseException):
    """The process was killed by SIGKILL, as a test can simulate it."""


@pytest.mark.backend("moto")
@pytest.mark.parametrize("writes", range(6))
def test_permission_killed_run_is_completed_by_the_next(cloud: Cloud, function: str, writes: int) -> None:
    run(cloud, function, EVENTS)
    add(cloud, function, "lr-old")
    done: list[str] = []

    def write(method: str, request: dict[str, Any]) -> Any:
        if len(done) == writes:
            raise KilledError
        done.append(method)
        guard = request.pop("RevisionId")
        assert guard
        return getattr(cloud.client("lambda"), method)(**request)

    cloud.answer("AddPermission", *[partial(write, "add_permission")] * 10)
    cloud.answer("RemovePermission", *[partial(write, "remove_permission")] * 10)
    with pytest.raises(KilledError):
        run(cloud, function, NEW, replace(NEW, statement_id="lr-new"), purge_prefix="lr-")
    cloud.answer("AddPermission")
    cloud.answer("RemovePermission")
    change(cloud, function, NEW, replace(NEW, statement_id="lr-new"), purge_prefix="lr-")
    assert set(policy(cloud, function)) == {"theirs", "lr-events", "lr-new"}


@pytest.mark.backend("moto")
def test_permission_failure_reports_the_changes_before_it(cloud: Cloud, function: str) -> None:
    def deny_second(request: dict[str, Any]) -> Any:
        if request["StatementId"] == "lr-role":
            return "AccessDeniedException: not authorized to perform: lambda:AddPermission"
        add(cloud, function, "lr-events")
        return {"Statement": "{}"}

    cloud.answer("AddPermission", deny_second, deny_second)
    with pytest.raises(AccessDeniedError, match="add statement lr-role to the policy of function") as failure:
        run(cloud, function, Statement("lr-events", "events.amazonaws.com"), ROLE)
    assert failure.value.done["changes"] == ["create lambda permission lr-events"]


@pytest.mark.backend("moto")
def test_permission_waits_for_a_new_role_only(cloud: Cloud, function: str) -> None:
    unknown = "InvalidParameterValueException: The provided principal was invalid."
    cloud.answer("AddPermission", unknown, unknown)
    assert run(cloud, function, ROLE)["changed"]
    assert cloud.writes == ["AddPermission"] * 3
    cloud.answer("AddPermission", unknown)
    with pytest.raises(ReflectorError, match="The provided principal was invalid"):
        run(cloud, function, EVENTS)
    assert cloud.writes == ["AddPermission"]


@pytest.mark.backend("moto")
def test_permission_policy_too_long_for_aws_is_a_limit(cloud: Cloud, function: str) -> None:
    cloud.answer("AddPermission", "PolicyLengthExceededException: The final policy size is too big.")
    with pytest.raises(LimitReachedError):
        run(cloud, function, EVENTS)


# The size


def filled(cloud: Cloud, left: int, *statements: Statement) -> dict[str, Any]:
    """Return a policy with `left` bytes to the limit, and these statements first."""
    resource = cloud.arn("lambda", "function:f")
    raws = [render(statement, resource) for statement in statements]
    raws += [{**render(replace(ROLE, statement_id=f"filler-{n}"), resource), "Extra": "x" * 4000} for n in range(5)]
    document = json.loads(policy_answer(*raws)["Policy"])
    extra = raws[-1]["Extra"] + "x" * max(0, SIZE_LIMIT - left - byte_size(document))
    raws[-1]["Extra"] = extra[: len(extra) - max(0, byte_size(document) - (SIZE_LIMIT - left))]
    assert byte_size(json.loads(policy_answer(*raws)["Policy"])) == SIZE_LIMIT - left
    return policy_answer(*raws)


OLD = replace(NEW, source_account="111111111111")


@pytest.mark.backend("moto")
def test_permission_size_is_checked_to_the_byte_before_any_write(cloud: Cloud) -> None:
    room = byte_size(render(NEW, cloud.arn("lambda", "function:f"))) + 1
    cloud.answer("GetPolicy", filled(cloud, room))
    assert run(cloud, "f", NEW, check_mode=True)["changed"]
    cloud.answer("GetPolicy", filled(cloud, room - 1))
    with pytest.raises(LimitReachedError) as failure:
        run(cloud, "f", NEW)
    assert f"it has {SIZE_LIMIT - room + 1:,} bytes and would have 20,481, AWS allows 20,480" in str(failure.value)
    assert "The largest statements: filler-" in str(failure.value)

    cloud.answer("GetPolicy", filled(cloud, 100, OLD))
    with pytest.raises(LimitReachedError, match=r"while old and new.* and 20,380 then, AWS allows 20,480"):
        run(cloud, "f", NEW)
    assert cloud.writes == []

    for left in (0, -1_000):  # also over the limit, if AWS counts differently
        cloud.answer("GetPolicy", filled(cloud, left, OLD))
        assert run(cloud, "f", OLD, present=False, check_mode=True)["changed"]


@pytest.mark.backend("embedded")  # moto has no limit
def test_permission_full_policy_of_a_function_is_left_alone(cloud: Cloud, function: str) -> None:
    group = f"{GROUPS}/{'x' * 400}"
    many = [replace(LOGS, statement_id=f"lr-{number}", source_arn=f"{group}-{number}:*") for number in range(36)]
    result = run(cloud, function, *many[:26])
    size = len(cloud.client("lambda").get_policy(FunctionName=function)["Policy"].encode())
    assert result["policy_size"] == size
    before = policy(cloud, function)
    with pytest.raises(LimitReachedError, match=f"it has {size:,} bytes"):
        run(cloud, function, *many[26:])
    assert policy(cloud, function) == before


# Settings


def desired(*statements: Statement, **settings: Any) -> list[Statement]:
    return desired_statements(permission("f", *statements, **settings), sample_expand("eu-west-1"))


FIRST = Statement("first", "logs.amazonaws.com")
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:"


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        *(
            ({"statement_id": value}, "statement_id")
            for value in ("has space", "has.dot", "", "x" * 101, "newline\n", temporary_id_of("a"), "first")
        ),
        *(
            ({"principal": value}, "principal")
            for value in ("", "12345678901", "logs", "arn:aws:iam::123456789012:role/with space", "arn:aws:s3:::bucket")
        ),
        *(({"action": value}, "action") for value in ("InvokeFunction", "lambda:Invoke*")),
        *(({"source_account": value}, "source_account") for value in ("12345678901", "123456789012\n")),
        *(
            ({"source_arn": value}, "source_arn")
            for value in ("bucket", "", f"{GROUP}/aws/lambda/x", f"{GROUP}/aws/*/x")
        ),
        ({"source_arn": f"{GROUP}x", "principal": "logs.eu-west-1.amazonaws.com"}, "source_arn"),
        *(({"principal_org_id": value}, "principal_org_id") for value in ("o-short", "r-a1b2c3d4e5f")),
        *(({"event_source_token": value}, "event_source_token") for value in ("a b", "x" * 257)),
        ({"function_url_auth_type": "NONE"}, "function_url_auth_type"),
        ({"invoked_via_function_url": True, "action": "lambda:InvokeFunctionUrl"}, "invoked_via_function_url"),
    ],
)
def test_permission_wrong_statement_is_refused(fields: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"statements\[1\]\.{option}:"):
        desired(FIRST, replace(FIRST, **{"statement_id": "a", **fields}))


@pytest.mark.parametrize(
    "fields",
    [
        *({"source_arn": GROUP + end} for end in ("*", "/aws/lambda/*", "/x:*", "/x:log-stream:y")),
        {"source_arn": "arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:*"},
        {"source_arn": f"{GROUP}x", "principal": "events.amazonaws.com"},
        {"source_arn": "arn:aws:s3:::bucket", "principal": "s3.amazonaws.com"},
        {"principal": "logs.amazonaws.com.cn"},
        {"principal": "arn:aws:iam::123456789012:role/path/r"},
        {"principal": "arn:aws:sts::123456789012:assumed-role/r/s"},
        {"principal": "*", "action": "lambda:InvokeFunctionUrl", "function_url_auth_type": "AWS_IAM"},
        {"action": "lambda:*"},
    ],
)
def test_permission_valid_statement_is_unchanged(fields: dict[str, Any]) -> None:
    statement = replace(FIRST, **fields)
    assert desired(statement) == [statement]


def test_permission_statement_is_normalized() -> None:
    given = replace(LOGS, principal="arn:aws-cn:iam::123456789012:root", invoked_via_function_url=False)
    (found,) = desired(given)
    assert (found.principal, found.invoked_via_function_url) == ("123456789012", None)
    assert found.source_arn == "arn:aws:logs:eu-west-1:000000000000:log-group:*"
    assert desired(Statement("a"), present=False) == [Statement("a")]
    assert desired(purge_prefix="lr-") == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "neither a statement nor purge_prefix"),
        *(({"purge_prefix": value}, "purge_prefix") for value in (" ", "*", "a.", "x" * (LONGEST_PREFIX + 1))),
    ],
)
def test_permission_wrong_prefix_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        desired(**settings)


class Client:
    class meta:  # noqa: N801
        partition = "aws-cn"


@pytest.fixture
def target() -> Target:
    target = Target(None, "eu-west-1")
    target._clients["lambda"] = Client
    return target


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
CHINA = ARN.replace(":aws:", ":aws-cn:")


@pytest.mark.parametrize(
    ("name", "qualifier", "address", "tail"),
    [
        ("f", None, "f", "f"),
        ("f", "live", "f", "f:live"),
        ("f:live", None, "f", "f:live"),
        ("f:7", "7", "f", "f:7"),
        ("function:f", None, "f", "f"),
        ("123456789012:function:f", None, CHINA, "f"),
        ("123456789012:function:f:live", None, CHINA, "f:live"),
        ("eu-west-1:123456789012:f", None, CHINA, "f"),
        (ARN, None, ARN, "f"),
        (ARN + ":live", None, ARN, "f:live"),
        (ARN, "live", ARN, "f:live"),
        ("arn:{partition}:lambda:{region}:{account}:function:f", None, ARN.replace("123456789012", "0" * 12), "f"),
    ],
)
def test_function_address(target: Target, name: str, qualifier: str | None, address: str, tail: str) -> None:
    found = FunctionAddress.named(target, name, qualifier, sample_expand("eu-west-1"))
    assert found.resource.split(":function:")[1] == tail
    assert len(found.resource) >= len(ARN), "sizes are counted with the whole ARN"
    qualified = {"Qualifier": tail.split(":")[1]} if ":" in tail else {}
    assert found.request() == {"FunctionName": address, **qualified}


@pytest.mark.parametrize(
    ("name", "qualifier", "option"),
    [
        ("", None, "function_name"),
        ("has space", None, "function_name"),
        ("arn:aws:s3:::bucket", None, "function_name"),
        ("x" * 257, None, "function_name"),
        (ARN.replace("eu-west-1", "us-east-1"), None, "function_name"),
        ("f:live", "test", "qualifier"),
        ("f", "$LATEST", "qualifier"),
        ("f:$LATEST", None, "qualifier"),
        ("f", "has space", "qualifier"),
    ],
)
def test_function_address_wrong_is_refused(target: Target, name: str, qualifier: str | None, option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"option {option}:"):
        FunctionAddress.named(target, name, qualifier, target.expand)
