"""The resource against a Lambda that has revisions, stale answers and other writers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    ConflictError,
    LimitReachedError,
    NotFoundError,
    ReflectorError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converge
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_permission import (
    LambdaPermissionResource,
    read_policy,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_policy import SIZE_LIMIT, twin_of
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_statement import (
    Statement,
    render,
)
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

RESOURCE = "arn:aws:lambda:eu-west-1:123456789012:function:f"
MISSING = "The resource you requested does not exist."


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class Lambda:
    """AWS's side of a function's policy, as its API reference describes it.

    interrupt   called before each write is looked at: another writer
    lag         for how many reads after a write GetPolicy answers with the policy before it
    """

    class meta:  # noqa: N801
        partition = "aws"

    def __init__(self, *statements: dict[str, Any]) -> None:
        self.statements = list(statements)
        self.revision = str(uuid.uuid4())
        self.writes: list[str] = []
        self.reads = 0
        self.interrupt: Callable[[], None] = lambda: None
        self.lag = self._stale = 0
        self.exists = True
        self._answers: list[dict[str, Any]] = []

    def get_policy(self, FunctionName: str) -> dict[str, Any]:
        self.reads += 1
        if self._stale and self._answers:
            self._stale -= 1
            return self._answers[-1]
        if not self.statements:
            raise refused("ResourceNotFoundException", MISSING)
        return self._answer()

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        if not self.exists:
            raise refused("ResourceNotFoundException", f"Function not found: {RESOURCE}")
        return {}

    def add_permission(self, FunctionName: str, RevisionId: str = "", **request: Any) -> None:
        self._before_write(RevisionId)
        if not self.exists:
            raise refused("ResourceNotFoundException", f"Function not found: {RESOURCE}")
        sid = request["StatementId"]
        if sid in [item.get("Sid") for item in self.statements]:
            raise refused("ResourceConflictException", f"The statement id ({sid}) provided already exists.")
        names = {"StatementId": "statement_id", "Action": "action", "Principal": "principal"}
        statement = Statement(
            **{names[key]: value for key, value in request.items() if key in names},
            source_arn=request.get("SourceArn"),
            source_account=request.get("SourceAccount"),
        )
        self._remember(f"+{sid}")
        self.statements.append(render(statement, RESOURCE))

    def remove_permission(self, FunctionName: str, StatementId: str, RevisionId: str = "") -> None:
        self._before_write(RevisionId)
        if StatementId not in [item.get("Sid") for item in self.statements]:
            raise refused("ResourceNotFoundException", MISSING)
        self._remember(f"-{StatementId}")
        self.statements = [item for item in self.statements if item.get("Sid") != StatementId]

    def other_writer(self, statements: list[dict[str, Any]]) -> None:
        self.statements = statements
        self.revision = str(uuid.uuid4())

    def _before_write(self, revision: str) -> None:
        self.interrupt()
        if revision and revision != self.revision:
            raise refused("PreconditionFailedException", "The RevisionId provided does not match the latest one.")

    def _remember(self, write: str) -> None:
        if self.statements:
            self._answers.append(self._answer())
        self._stale = self.lag
        self.writes.append(write)
        self.revision = str(uuid.uuid4())

    def _answer(self) -> dict[str, Any]:
        document = {"Version": "2012-10-17", "Id": "default", "Statement": self.statements}
        return {"Policy": json.dumps(document), "RevisionId": self.revision}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def resource(client: Lambda, statements: list[dict[str, Any]], **options: Any) -> LambdaPermissionResource:
    target = Target(None, "eu-west-1")
    target._clients["lambda"] = client
    params = {"function_name": "f", "qualifier": None, "state": "present", "purge_prefix": None, "wait_timeout": 60}
    params |= {"compact": False}
    full = [{"action": "lambda:InvokeFunction", **item} for item in statements]
    made = LambdaPermissionResource(target, {**params, "statements": full, **options})
    clock = Clock()
    made._patience = RetryPolicy(seconds=60, sleep=clock.sleep, clock=clock)
    return made


def run(client: Lambda, statements: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    return converge(resource(client, statements, **options), check_mode=False)


def stored(statement_id: str, account: str = "111111111111", **twist: Any) -> dict[str, Any]:
    return {**render(Statement(statement_id, "s3.amazonaws.com", source_account=account), RESOURCE), **twist}


def option(statement_id: str, account: str = "111111111111") -> dict[str, Any]:
    return {"statement_id": statement_id, "principal": "s3.amazonaws.com", "source_account": account}


NEW = "222222222222"


def test_a_replacement_in_four_writes_each_after_a_look() -> None:
    client = Lambda(stored("a"))
    result = run(client, [option("a", NEW)])
    twin = twin_of("a")
    assert client.writes == [f"+{twin}", "-a", "+a", f"-{twin}"]
    assert client.reads == 5
    assert result["changes"] == ["update lambda permission a"]
    assert client.statements == [stored("a", NEW)]


def test_a_creation_takes_two_reads_and_a_write() -> None:
    client = Lambda()
    run(client, [option("a")])
    assert (client.writes, client.reads) == (["+a"], 2)


def test_a_run_that_changes_nothing_reads_once() -> None:
    client = Lambda(stored("a"))
    assert run(client, [option("a")])["changed"] is False
    assert (client.writes, client.reads) == ([], 1)


def test_another_writer_between_read_and_write_is_seen_and_his_statement_stays() -> None:
    client = Lambda(stored("a"))
    others = [stored("theirs-1"), stored("theirs-2", Effect="Deny")]
    pending = list(others)

    def interrupt() -> None:
        if pending:
            client.other_writer([*client.statements, pending.pop(0)])

    client.interrupt = interrupt
    run(client, [option("a", NEW)])
    assert client.statements == [*others, stored("a", NEW)]


def test_a_writer_who_made_the_same_statement_first_is_no_failure() -> None:
    client = Lambda(stored("z"))

    def interrupt() -> None:
        client.interrupt = lambda: None
        client.other_writer([*client.statements, stored("a")])

    client.interrupt = interrupt
    run(client, [option("a")])
    assert client.writes == []


def test_a_writer_who_takes_the_id_for_a_foreign_statement_is_not_overwritten() -> None:
    client = Lambda(stored("a"))

    def interrupt() -> None:
        client.interrupt = lambda: None
        client.other_writer([stored("a", Effect="Deny")])

    client.interrupt = interrupt
    with pytest.raises(ConflictError, match=r"change statement a of function f.*somebody else's"):
        run(client, [option("a", NEW)])
    assert client.writes == []
    assert client.statements == [stored("a", Effect="Deny")]


def test_a_writer_before_each_write_ends_in_a_conflict_within_the_limit() -> None:
    client = Lambda(stored("a"))
    client.interrupt = lambda: client.other_writer(client.statements)
    with pytest.raises(ConflictError) as failure:
        run(client, [option("a", NEW)])
    assert failure.value.code == "PreconditionFailedException"
    assert client.statements == [stored("a")]


def test_a_writer_who_undoes_each_write_ends_in_a_conflict() -> None:
    client = Lambda(stored("a"))
    original = client.get_policy

    def undone(FunctionName: str) -> dict[str, Any]:
        if len(client.writes) > 0:
            client.other_writer([stored("a")])
        return original(FunctionName)

    client.get_policy = undone
    with pytest.raises(ConflictError, match="another writer keeps changing it"):
        run(client, [option("a", NEW)])


def test_someone_who_removes_first_is_no_failure() -> None:
    client = Lambda(stored("a"), stored("b"))

    def interrupt() -> None:
        client.statements = [stored("b")]

    client.interrupt = interrupt
    run(client, [option("a")], state="absent")
    assert client.statements == [stored("b")]


def test_a_failure_half_way_tells_what_was_done() -> None:
    client = Lambda()
    made = resource(client, [option("a"), option("b")])

    def interrupt() -> None:
        if client.writes:
            raise refused("AccessDeniedException", "not authorized to perform: lambda:AddPermission")

    client.interrupt = interrupt
    with pytest.raises(ReflectorError) as failure:
        converge(made, check_mode=False)
    assert failure.value.done["changes"] == ["create lambda permission a"]
    assert "add statement b to the policy of function f" in str(failure.value)


def test_a_role_that_is_too_new_is_waited_for() -> None:
    client = Lambda()
    refusals = ["The provided principal was invalid."] * 3

    def interrupt() -> None:
        if refusals:
            raise refused("InvalidParameterValueException", refusals.pop())

    client.interrupt = interrupt
    role = {"statement_id": "a", "principal": "arn:aws:iam::123456789012:role/new"}
    run(client, [role])
    assert client.writes == ["+a"]


def test_a_wrong_parameter_of_a_service_is_not_waited_for() -> None:
    client = Lambda()
    tries = []

    def interrupt() -> None:
        tries.append(1)
        raise refused("InvalidParameterValueException", "The provided principal was invalid.")

    client.interrupt = interrupt
    with pytest.raises(ReflectorError, match="The provided principal was invalid"):
        run(client, [option("a")])
    assert len(tries) == 1


@UNHURRIED
@given(st.integers(1, 4), st.sampled_from([[stored("z")], [stored("a")], [stored("a"), stored("b", NEW)]]))
def test_stale_answers_delay_and_never_harm(lag: int, before: list[dict[str, Any]]) -> None:
    client = Lambda(*before)
    client.lag = lag
    moments: list[list[Any]] = []

    def interrupt() -> None:
        moments.append([item["Condition"] for item in client.statements if item["Sid"] in ("a", twin_of("a"))])

    client.interrupt = interrupt
    made = resource(client, [option("a", NEW), option("b", NEW)])
    for change in made.plan(made.read()):
        made.apply(change)
    others = [item for item in before if item["Sid"] == "z"]
    assert sorted(client.statements, key=lambda item: item["Sid"]) == [stored("a", NEW), stored("b", NEW), *others]
    assert others or all(moments), "a moment without a permission"


class KilledError(BaseException):
    """SIGKILL, as far as a test can have it."""


@UNHURRIED
@given(st.integers(0, 12), st.booleans())
def test_killed_anywhere_the_next_run_converges(after: int, wrote: bool) -> None:
    theirs = [stored("theirs", Effect="Deny"), stored("other")]
    client = Lambda(*theirs, stored("a"), stored("lr-gone"))
    wanted = [option("a", NEW), option("lr-b")]

    def interrupt() -> None:
        if len(client.writes) == after:
            raise KilledError

    client.interrupt = interrupt
    try:
        run(client, wanted, purge_prefix="lr-")
    except KilledError:
        assert after < 6
    client.interrupt = lambda: None
    run(client, wanted, purge_prefix="lr-")
    assert client.statements[:2] == theirs
    assert sorted(item["Sid"] for item in client.statements[2:]) == ["a", "lr-b"]
    assert stored("a", NEW) in client.statements
    writes = len(client.writes)
    assert run(client, wanted, purge_prefix="lr-")["changed"] is False
    assert len(client.writes) == writes


# -- the size ------------------------------------------------------------------------------------------------------


def size(client: Lambda) -> int:
    document = {"Version": "2012-10-17", "Id": "default", "Statement": client.statements}
    return len(json.dumps(document, separators=(",", ":")).encode())


def filled(client: Lambda, left: int) -> Lambda:
    """With `left` bytes to the limit."""
    while size(client) + 2_000 < SIZE_LIMIT - left:
        client.statements.append(stored(f"filler-{len(client.statements)}", Extra="x" * 1_500))
    client.statements.append(stored("filler-last", Extra=""))
    missing = SIZE_LIMIT - left - size(client)
    client.statements[-1]["Extra"] = "x" * missing
    assert size(client) == SIZE_LIMIT - left
    return client


def test_a_statement_that_fits_to_the_byte_is_added() -> None:
    room = len(json.dumps(stored("a"), separators=(",", ":"))) + 1
    client = filled(Lambda(), room)
    result = run(client, [option("a")])
    assert result["policy_size"] == SIZE_LIMIT


def test_one_byte_more_is_refused_before_any_write() -> None:
    room = len(json.dumps(stored("a"), separators=(",", ":")))
    client = filled(Lambda(), room)
    with pytest.raises(LimitReachedError) as failure:
        run(client, [option("a")])
    assert client.writes == []
    assert f"it has {SIZE_LIMIT - room:,} bytes and would have 20,481, where AWS allows 20,480" in str(failure.value)
    assert "The largest statements: filler-" in str(failure.value)


def test_a_replacement_that_only_fits_without_its_twin_is_refused_and_says_so() -> None:
    client = filled(Lambda(stored("a")), 100)
    before = list(client.statements)
    with pytest.raises(LimitReachedError, match=r"on the way, .* and 20,380 then, where AWS allows 20,480"):
        run(client, [option("a", NEW)])
    assert client.statements == before


def test_a_full_policy_can_be_emptied() -> None:
    """Also one that is over the limit, should AWS count otherwise."""
    for left in (0, -1_000):
        client = filled(Lambda(stored("a")), left)
        run(client, [option("a")], state="absent")
        assert client.writes == ["-a"]


def test_many_statements_on_a_function_without_a_policy_are_refused_in_the_plan() -> None:
    client = Lambda()
    with pytest.raises(LimitReachedError, match="it has 0 bytes"):
        converge(resource(client, [option(f"id-{number}") for number in range(120)]), check_mode=True)


# -- functions that are not there ----------------------------------------------------------------------------------


def test_check_mode_announces_a_permission_of_a_function_that_another_task_will_make() -> None:
    client = Lambda()
    client.exists = False
    result = converge(resource(client, [option("a")]), check_mode=True)
    assert result["changes"] == ["create lambda permission a"]


def test_a_missing_function_fails_a_real_run() -> None:
    client = Lambda()
    client.exists = False
    with pytest.raises(NotFoundError, match=r"add statement a to the policy of function f.*Function not found"):
        run(client, [option("a")])


def test_a_missing_function_has_nothing_to_remove() -> None:
    client = Lambda()
    client.exists = False
    assert run(client, [option("a")], state="absent")["changed"] is False


def info(client: Lambda) -> dict[str, Any]:
    target = Target(None, "eu-west-1")
    target._clients["lambda"] = client
    return read_policy(target, {"function_name": "f", "qualifier": None}, False)


def test_info_of_a_missing_function_is_an_error_and_of_a_missing_policy_is_none() -> None:
    client = Lambda()
    assert info(client) == {
        "changed": False,
        "statements": [],
        "policy_size": 0,
        "policy_size_limit": SIZE_LIMIT,
        "revision_id": None,
    }
    client.exists = False
    with pytest.raises(NotFoundError, match="find function f"):
        info(client)


def test_info_shows_foreign_statements_as_they_are() -> None:
    foreign = stored("deny", Effect="Deny")
    client = Lambda(stored("a"), foreign)
    assert info(client)["statements"] == [
        {**option("a"), "action": "lambda:InvokeFunction", "expressible": True, "raw": stored("a")},
        {"statement_id": "deny", "expressible": False, "raw": foreign},
    ]
