"""Compaction: one statement instead of one for each log group, and no moment in which a delivery would be refused."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    InvalidInputError,
    LimitReachedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converge
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_policy import SIZE_LIMIT, twin_of
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_statement import (
    Statement,
    render,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .test_lambda_permission import RESOURCE, KilledError, Lambda, refused, resource

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

LOGS = "logs.amazonaws.com"
PLACE = "arn:aws:logs:eu-west-1:123456789012:log-group:"
ALL = {
    "statement_id": "log-reflector-logs",
    "principal": LOGS,
    "source_arn": f"{PLACE}*",
    "source_account": "123456789012",
}
STANDS = render(Statement(**ALL), RESOURCE)


def of_group(name: str, statement_id: str = "", principal: str = LOGS, **twist: Any) -> dict[str, Any]:
    """As an older tool made it, as AWS stores it."""
    made = Statement(statement_id or f"old{name.replace('/', '-')}", principal, source_arn=f"{PLACE}{name}:*")
    return {**render(made, RESOURCE), **twist}


def option_of(name: str, statement_id: str) -> dict[str, Any]:
    return {**ALL, "statement_id": statement_id, "source_arn": f"{PLACE}{name}:*"}


FOREIGN = [
    render(
        Statement("events", "events.amazonaws.com", source_arn="arn:aws:events:eu-west-1:123456789012:rule/x"), RESOURCE
    ),
    render(Statement("org", "*", principal_org_id="o-a1b2c3d4e5f"), RESOURCE),
    render(Statement("org-logs", LOGS, source_arn=f"{PLACE}/a:*", principal_org_id="o-a1b2c3d4e5f"), RESOURCE),
    render(Statement("all-actions", LOGS, "lambda:*", source_arn=f"{PLACE}/a:*"), RESOURCE),
    render(Statement("other", LOGS, source_arn="arn:aws:logs:eu-west-1:210987654321:log-group:/a:*"), RESOURCE),
    render(Statement("pattern", LOGS, source_arn=f"{PLACE}/aws/*"), RESOURCE),
    of_group("/a", "deny", Effect="Deny"),
    of_group("/a", "ip", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
]


class Aws(Lambda):
    """With the limit of the policy's size, and which groups' deliveries it lets in at each moment."""

    moments: list[set[str]]

    def __init__(self, *statements: dict[str, Any]) -> None:
        super().__init__(*statements)
        self.moments = []

    def add_permission(self, **request: Any) -> None:
        before = list(self.statements)
        super().add_permission(**request)
        if self.size() > SIZE_LIMIT:
            self.statements = before
            raise refused("PolicyLengthExceededException", "The final policy size is bigger than the limit (20480).")
        self.moments.append(self.admitted())

    def remove_permission(self, **request: Any) -> None:
        super().remove_permission(**request)
        self.moments.append(self.admitted())

    def size(self) -> int:
        document = {"Version": "2012-10-17", "Id": "default", "Statement": self.statements}
        return len(json.dumps(document, separators=(",", ":")).encode())

    def admitted(self) -> set[str]:
        """Of the test's groups those that an Allow of this policy lets in; "*" is every group."""
        found = set()
        for raw in self.statements:
            arn = raw.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "")
            service = raw["Principal"].get("Service", "") if isinstance(raw["Principal"], dict) else ""
            if raw["Effect"] == "Allow" and service.startswith("logs.") and arn.startswith(PLACE):
                found.add(arn.removeprefix(PLACE).removesuffix(":*"))
        return found

    def refuses(self, group: str) -> bool:
        return any(not {"*", group} & admitted for admitted in self.moments)


class NewAws(Aws):
    """And with the operations for whole policies, which have the revision for themselves."""

    def __init__(self, *statements: dict[str, Any]) -> None:
        super().__init__(*statements)
        self.refusal = ""
        self.whole_interrupt: Callable[[], None] = lambda: None

    def get_resource_policy(self, ResourceArn: str) -> dict[str, Any]:
        assert ResourceArn == RESOURCE
        return {**self._answer(), "RevisionId": f"whole-{self.revision}"}

    def put_resource_policy(self, ResourceArn: str, Policy: str, RevisionId: str) -> None:
        assert ResourceArn == RESOURCE
        self.whole_interrupt()
        if self.refusal:
            raise refused(self.refusal, "not authorized to perform: lambda:PutResourcePolicy")
        if RevisionId != f"whole-{self.revision}":
            raise refused("PreconditionFailedException", "The RevisionId provided does not match the latest one.")
        document = json.loads(Policy)
        assert (document["Version"], document["Id"], len(Policy) <= SIZE_LIMIT) == ("2012-10-17", "default", True)
        self.statements = document["Statement"]
        self.revision = str(uuid.uuid4())
        self.writes.append("whole")
        self.moments.append(self.admitted())


class Logs:
    """Which log groups there are, each with the destinations of its filters."""

    def __init__(self, groups: dict[str, list[str]]) -> None:
        self.groups = groups
        self.asked: list[str] = []
        self.denied = False

    def describe_subscription_filters(self, logGroupName: str) -> dict[str, Any]:
        self.asked.append(logGroupName)
        if self.denied:
            raise refused("AccessDeniedException", "not authorized to perform: logs:DescribeSubscriptionFilters")
        if logGroupName not in self.groups:
            raise refused("ResourceNotFoundException", "The specified log group does not exist.")
        return {
            "subscriptionFilters": [
                {"filterName": "f", "logGroupName": logGroupName, "filterPattern": "", "destinationArn": arn}
                for arn in self.groups[logGroupName]
            ]
        }


def made(client: Lambda, *statements: dict[str, Any], logs: Logs | None = None, **options: Any) -> Any:
    found = resource(client, [*(statements or [ALL])], **{"compact": True, **options})
    found._target._clients["logs"] = logs
    found._target.identity = Identity("123456789012", "arn:aws:sts::123456789012:assumed-role/r/s")
    return found


def run(client: Lambda, *statements: dict[str, Any], check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return converge(made(client, *statements, **options), check_mode=check_mode)


def full(kind: type[Aws], *others: dict[str, Any]) -> tuple[Any, list[str]]:
    """A policy without room for one more statement, and its log groups."""
    client = kind(*others)
    groups: list[str] = []
    while client.size() + len(json.dumps(STANDS, separators=(",", ":"))) < SIZE_LIMIT:
        groups.append(f"/aws/lambda/a-service-with-a-name-{len(groups)}")
        client.statements.append(of_group(groups[-1]))
    return client, groups


def in_use(groups: list[str]) -> dict[str, list[str]]:
    return {name: [RESOURCE] for name in groups}


def test_statements_of_groups_go_once_the_one_for_all_stands() -> None:
    client = Aws(*FOREIGN, of_group("/a"), of_group("/b", principal="logs.eu-west-1.amazonaws.com"))
    announced = run(client, check_mode=True)
    assert client.writes == []
    result = run(client)
    assert result["changes"] == announced["changes"]
    assert result["diff"] == announced["diff"]
    assert result["changes"] == [
        "create lambda permission log-reflector-logs",
        "delete lambda permission old-a",
        "delete lambda permission old-b",
    ]
    assert client.writes == ["+log-reflector-logs", "-old-a", "-old-b"]
    assert client.statements == [*FOREIGN, STANDS]
    assert run(client)["changed"] is False


def test_without_it_they_stay() -> None:
    client = Aws(of_group("/a"))
    run(client, compact=False)
    assert client.writes == ["+log-reflector-logs"]


def test_wanted_statements_of_groups_stay() -> None:
    client = Aws(STANDS, of_group("/a"), of_group("/b", "trigger-old"))
    result = run(client, ALL, option_of("/c", "trigger-new"), purge_prefix="trigger-")
    assert result["changes"] == [
        "delete lambda permission old-a",
        "delete lambda permission trigger-old",
        "create lambda permission trigger-new",
    ]
    assert run(client, ALL, option_of("/c", "trigger-new"), purge_prefix="trigger-")["changed"] is False


def test_another_writer_who_takes_the_one_for_all_away_gets_it_back() -> None:
    client = Aws(of_group("/a"), of_group("/b"))

    def interrupt() -> None:
        if client.writes == ["+log-reflector-logs", "-old-a"]:
            client.interrupt = lambda: None
            client.other_writer([of_group("/a"), of_group("/b")])

    client.interrupt = interrupt
    run(client)
    assert client.statements == [STANDS]
    assert not client.refuses("/b")


def test_a_statement_that_changes_meanwhile_stays() -> None:
    changed = of_group("/a", Effect="Deny")
    client = Aws(of_group("/a"), of_group("/b"))

    def interrupt() -> None:
        if client.writes:
            client.interrupt = lambda: None
            client.other_writer([changed, *client.statements[1:]])

    client.interrupt = interrupt
    run(client)
    assert client.statements == [changed, STANDS]


GROUPS = ["/a", "/b", "/c"]
OLD = st.lists(
    st.builds(
        of_group,
        st.sampled_from(GROUPS),
        st.sampled_from(["a", "b", "c", "log-reflector-logs", "trigger-a", "trigger-b", twin_of("a")]),
        st.sampled_from([LOGS, "logs.eu-west-1.amazonaws.com"]),
    ),
    max_size=6,
    unique_by=lambda raw: raw["Sid"],
)


@UNHURRIED
@given(OLD, st.lists(st.sampled_from(["/a", "/b"]), unique=True), st.integers(0, 12), st.integers(0, 2), st.booleans())
def test_no_group_is_refused_at_any_moment_even_if_killed(
    old: list[dict[str, Any]], triggers: list[str], killed_after: int, lag: int, leftover: bool
) -> None:
    stand_in = [{**STANDS, "Sid": twin_of(ALL["statement_id"])}] if leftover else []
    client = Aws(*FOREIGN, *old, *stand_in)
    client.lag = lag
    wanted = [option_of(name, f"trigger-{name[1:]}") for name in triggers]
    let_in = client.admitted()

    def interrupt() -> None:
        if len(client.writes) == killed_after:
            raise KilledError

    client.interrupt = interrupt
    with contextlib.suppress(KilledError):
        run(client, *wanted, ALL, purge_prefix="trigger-")
    client.interrupt = lambda: None
    run(client, *wanted, ALL, purge_prefix="trigger-")
    assert not [group for group in let_in if client.refuses(group)]
    assert client.statements[: len(FOREIGN)] == FOREIGN
    assert {raw["Sid"] for raw in client.statements[len(FOREIGN) :]} == {
        ALL["statement_id"],
        *(f"trigger-{name[1:]}" for name in triggers),
    }
    assert STANDS in client.statements


# -- a policy that is full -----------------------------------------------------------------------------------------


def test_a_full_policy_is_replaced_in_one_write() -> None:
    client, groups = full(NewAws, *FOREIGN)
    logs = Logs({})
    announced = run(client, check_mode=True, logs=logs)
    assert client.writes == []
    result = run(client, logs=logs)
    assert result["changes"] == announced["changes"] == ["update lambda policy f"]
    assert result["diff"] == announced["diff"]
    assert ALL["statement_id"] in [item["statement_id"] for item in result["diff"][0]["after"]]
    assert len(result["diff"][0]["before"]) > len(groups)
    assert (client.writes, logs.asked) == (["whole"], [])
    assert client.statements == [*FOREIGN, STANDS]
    assert run(client)["changed"] is False


def test_another_writer_before_the_whole_policy_is_written_is_heard() -> None:
    client, _groups = full(NewAws)
    theirs = FOREIGN[0]

    def interrupt() -> None:
        client.whole_interrupt = lambda: None
        client.other_writer([theirs, *client.statements[5:]])

    client.whole_interrupt = interrupt
    run(client)
    assert client.writes == ["whole"]
    assert client.statements == [theirs, STANDS]


@pytest.mark.parametrize("refusal", ["AccessDeniedException", "PublicPolicyException", "UnknownOperationException"])
def test_where_that_is_refused_a_statement_without_a_use_makes_room(refusal: str) -> None:
    client, groups = full(NewAws, *FOREIGN)
    client.refusal = refusal
    other = [f"{RESOURCE}-2", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/f"]
    logs = Logs({**in_use(groups), groups[2]: other, groups[3]: []})
    result = run(client, logs=logs)
    first = f"old{groups[2].replace('/', '-')}"
    assert client.writes[:2] == [f"-{first}", "+log-reflector-logs"]
    assert logs.asked == groups[:3]
    assert result["changes"][:2] == [f"delete lambda permission {first}", "create lambda permission log-reflector-logs"]
    assert client.statements == [*FOREIGN, STANDS]
    assert not [name for name in groups if name != groups[2] and client.refuses(name)]


def test_a_log_group_that_is_gone_makes_room_with_an_older_botocore() -> None:
    client, groups = full(Aws)
    logs = Logs(in_use(groups[:-1]))
    announced = run(client, check_mode=True, logs=logs)
    assert run(client, logs=logs)["changes"] == announced["changes"]
    assert client.writes[:2] == [f"-old{groups[-1].replace('/', '-')}", "+log-reflector-logs"]
    assert client.statements == [STANDS]
    assert not [name for name in groups[:-1] if client.refuses(name)]


@settings(UNHURRIED, max_examples=10)
@given(st.integers(0, 70))
def test_killed_while_there_is_room_for_nothing_the_next_run_converges(killed_after: int) -> None:
    client, groups = full(Aws, *FOREIGN)
    logs = Logs(in_use(groups[1:]))

    def interrupt() -> None:
        if len(client.writes) == killed_after:
            raise KilledError

    client.interrupt = interrupt
    with contextlib.suppress(KilledError):
        run(client, logs=logs)
    client.interrupt = lambda: None
    run(client, logs=logs)
    assert client.statements == [*FOREIGN, STANDS]
    assert not [name for name in groups[1:] if client.refuses(name)]


@pytest.mark.parametrize("kind", [Aws, NewAws])
def test_where_every_statement_is_in_use_nothing_is_changed(kind: type[Aws]) -> None:
    client, groups = full(kind)
    client.refusal = "AccessDeniedException"
    before = list(client.statements)
    with pytest.raises(LimitReachedError) as failure:
        run(client, logs=Logs({**in_use(groups), groups[0]: [f"{RESOURCE}:live"]}))
    assert (client.writes, client.statements) == ([], before)
    message = "lambda:PutResourcePolicy" if kind is NewAws else "This botocore does not know PutResourcePolicy"
    assert message in str(failure.value)
    assert "Of 1 statements to write, the first 0 fit" in str(failure.value)


def test_a_policy_that_is_not_the_same_by_both_ways_is_not_replaced() -> None:
    client, groups = full(NewAws)
    client.get_resource_policy = lambda ResourceArn: {
        "Policy": json.dumps({"Statement": client.statements[1:]}),
        "RevisionId": "r",
    }
    with pytest.raises(LimitReachedError, match="GetResourcePolicy shows another policy than GetPolicy"):
        run(client, logs=Logs(in_use(groups)))
    assert client.writes == []


def test_who_may_not_look_at_filters_is_told() -> None:
    client, groups = full(Aws)
    logs = Logs(in_use(groups))
    logs.denied = True
    with pytest.raises(AccessDeniedError, match="logs:DescribeSubscriptionFilters"):
        run(client, logs=logs)
    assert client.writes == []


def test_foreign_statements_that_fill_it_are_a_limit() -> None:
    client = NewAws(*(render(Statement(f"sns-{number}", "sns.amazonaws.com"), RESOURCE) for number in range(117)))
    assert client.size() > SIZE_LIMIT - 300
    with pytest.raises(LimitReachedError, match="where AWS allows 20,480"):
        run(client, logs=Logs({}))
    assert client.writes == []


def test_how_many_triggers_fit_is_said() -> None:
    client = Aws(STANDS)
    wanted = [option_of(f"/aws/lambda/{number:04}", f"trigger-{number}") for number in range(100)]
    with pytest.raises(LimitReachedError) as failure:
        run(client, ALL, *wanted)
    words = str(failure.value)
    fit = int(words.split("the first ")[1].split(maxsplit=1)[0])
    assert "Of 100 statements to write, " in words
    assert client.writes == []
    run(client, ALL, *wanted[:fit])
    with pytest.raises(LimitReachedError, match="the first 0 fit"):
        run(client, ALL, *wanted[: fit + 1])


@pytest.mark.parametrize(
    ("statements", "options", "words"),
    [
        ([ALL], {"state": "absent"}, "state=present"),
        ([option_of("/a", "a")], {}, "none of the statements lets CloudWatch Logs in"),
        ([{**ALL, "source_arn": "arn:aws:logs:eu-west-2:123456789012:log-group:*"}], {}, "of this region"),
        ([{**ALL, "principal_org_id": "o-a1b2c3d4e5f"}], {}, "no other condition"),
        ([{**ALL, "principal": "s3.amazonaws.com"}], {}, "none of the statements"),
    ],
)
def test_what_covers_nothing_is_refused(statements: list[Any], options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        made(Aws(), *statements, **options)
