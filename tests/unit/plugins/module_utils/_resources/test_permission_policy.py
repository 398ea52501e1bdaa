"""From one policy to another: nothing foreign touched, no moment without a permission, whatever stood before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_policy import (
    Add,
    ForeignStatementError,
    Goal,
    Policy,
    Remove,
    goals,
    looks_like_twin,
    next_step,
    steps,
    twin_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission_statement import (
    Statement,
    render,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

RESOURCE = "arn:aws:lambda:eu-west-1:123456789012:function:f"
IDS = ["a", "b", "lr-a", "lr-b", "lr-c"]
OLD = Statement("a", "s3.amazonaws.com", source_account="111111111111")
NEW = Statement("a", "s3.amazonaws.com", source_account="222222222222")

CONTENTS = st.builds(
    Statement,
    st.just("?"),
    st.sampled_from(["logs.amazonaws.com", "123456789012", "*", "arn:aws:iam::123456789012:role/r"]),
    source_account=st.sampled_from([None, "123456789012"]),
    invoked_via_function_url=st.sampled_from([None, True]),
)
STATEMENTS = st.builds(Statement.named, CONTENTS, st.sampled_from(IDS))
LEFTOVERS = st.builds(Statement.named, CONTENTS, st.sampled_from([twin_of(name) for name in IDS]))
WANTED = st.lists(STATEMENTS, max_size=4, unique_by=lambda item: item.statement_id)
MAKEABLE = st.builds(lambda item: render(item, RESOURCE), STATEMENTS | LEFTOVERS)
FOREIGN = st.builds(
    lambda item, twist: {**render(item, RESOURCE), **twist},
    STATEMENTS,
    st.sampled_from(
        [
            {"Sid": "lr-foreign", "Effect": "Deny"},
            {"Sid": "lr-list", "Principal": {"AWS": ["1", "2"]}},
            {"Sid": "not", "NotPrincipal": {"AWS": "*"}},
            {"Sid": None},
            {"Sid": "lr-wild", "Resource": RESOURCE + ":*"},
            {"Sid": "c", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        ]
    ),
)


def _unique(raws: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """AWS takes a Sid once only."""
    return list({raw["Sid"] or f"none-{index}": raw for index, raw in enumerate(raws)}.values())


DOCUMENTS = (
    st.lists(MAKEABLE | FOREIGN, max_size=8).map(_unique).map(lambda raws: {"Version": "2012-10-17", "Statement": raws})
)


class Aws:
    """AWS's side, with raw statements only: what AddPermission and RemovePermission do to the document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = json.loads(json.dumps(document))

    @property
    def raws(self) -> list[dict[str, Any]]:
        return self.document["Statement"]

    def carry_out(self, step: Add | Remove) -> None:
        taken = [raw["Sid"] for raw in self.raws]
        if isinstance(step, Add):
            assert step.statement.statement_id not in taken, "ResourceConflictException"
            self.raws.append(render(step.statement, RESOURCE))
        else:
            assert step.statement_id in taken, "ResourceNotFoundException"
            self.document["Statement"] = [raw for raw in self.raws if raw["Sid"] != step.statement_id]

    def policy(self) -> Policy:
        return Policy.from_document(self.document, RESOURCE, "revision")


def content(raw: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in raw.items() if key != "Sid"}, sort_keys=True)


def carried_out(aws: Aws, plan: list[Goal]) -> Iterator[Aws]:
    """The document after each write, each decided on what stands then."""
    for goal in plan:
        for _unused in range(10):
            step = next_step(aws.policy().standing(), goal)
            if step is None:
                break
            aws.carry_out(step)
            yield aws
        else:
            pytest.fail(f"{goal} takes no end")


def foreign(document: dict[str, Any]) -> list[str]:
    found = Policy.from_document(document, RESOURCE)
    return [json.dumps(entry.raw, sort_keys=True) for entry in found.entries if entry.statement is None]


@UNHURRIED
@given(DOCUMENTS, WANTED, st.sampled_from(["", "lr-", "a"]), st.lists(st.sampled_from(IDS), max_size=2))
def test_any_policy_becomes_what_is_wanted(
    document: dict[str, Any], wanted: list[Statement], prefix: str, doomed: list[str]
) -> None:
    aws = Aws(document)
    ids = [item.statement_id for item in wanted]
    doomed = [name for name in doomed if name not in ids]
    before = aws.policy().standing()
    plan = goals(aws.policy(), wanted, doomed, prefix)
    for _unused in carried_out(aws, plan):
        assert foreign(aws.document) == foreign(document)
    standing = aws.policy().standing()
    assert {name: standing.get(name) for name in ids} == {item.statement_id: item for item in wanted}
    touched = {name for item in [*ids, *doomed] for name in (item, twin_of(item))}
    touched |= {name for name, item in before.items() if prefix and item and name.startswith(prefix)}
    assert {name: item for name, item in standing.items() if name not in ids} == {
        name: item for name, item in before.items() if name not in touched
    }
    assert goals(aws.policy(), wanted, doomed, prefix) == []


@UNHURRIED
@given(DOCUMENTS, WANTED)
def test_the_plan_is_empty_only_where_nothing_differs(document: dict[str, Any], wanted: list[Statement]) -> None:
    policy = Aws(document).policy()
    standing = policy.standing()
    right = all(
        standing.get(item.statement_id) == item and twin_of(item.statement_id) not in standing for item in wanted
    )
    assert (goals(policy, wanted, []) == []) == right


@UNHURRIED
@given(DOCUMENTS, WANTED, st.randoms(use_true_random=False))
def test_order_does_not_matter(document: dict[str, Any], wanted: list[Statement], random: Any) -> None:
    shuffled = {**document, "Statement": random.sample(document["Statement"], len(document["Statement"]))}
    others = random.sample(wanted, len(wanted))

    def changed(document: dict[str, Any], wanted: list[Statement]) -> set[Goal]:
        return set(goals(Aws(document).policy(), wanted, [], "lr-"))

    assert changed(document, wanted) == changed(shuffled, others)


@UNHURRIED
@given(DOCUMENTS, WANTED, st.integers(0, 12), WANTED)
def test_no_moment_without_a_permission_even_if_killed(
    document: dict[str, Any], wanted: list[Statement], killed_after: int, wanted_next: list[Statement]
) -> None:
    aws = Aws(document)
    for index, target in enumerate((wanted, wanted_next)):
        held = {raw["Sid"]: content(raw) for raw in aws.raws}
        twins = {name: held.get(twin_of(name)) for name in IDS}
        new = {item.statement_id: content(render(item, RESOURCE)) for item in target}
        for number, _unused in enumerate(carried_out(aws, goals(aws.policy(), target, []))):
            for name, replacement in new.items():
                now = {content(raw) for raw in aws.raws if raw["Sid"] in (name, twin_of(name))}
                allowed = {held.get(name), twins[name], replacement} - {None}
                assert name not in held or now & allowed, f"{name} stands nowhere"
                assert name in held or twins[name] is None or now & allowed, f"the stand-in of {name} went too early"
            if index == 0 and number == killed_after:
                break
    standing = aws.policy().standing()
    assert all(
        standing[item.statement_id] == item and twin_of(item.statement_id) not in standing for item in wanted_next
    )


@UNHURRIED
@given(DOCUMENTS, WANTED)
def test_the_plan_knows_each_size_on_the_way(document: dict[str, Any], wanted: list[Statement]) -> None:
    aws = Aws(document)
    plan = goals(aws.policy(), wanted, [], "lr-")
    foreseen = [policy.size() for _unused, policy in steps(aws.policy(), plan)]
    real = []
    for state in carried_out(aws, plan):
        text = json.dumps(state.document, separators=(",", ":"), ensure_ascii=False)
        real.append(len(text.encode()) if state.raws else 0)
    assert foreseen == real


def standing(*items: Statement) -> dict[str, Statement | None]:
    return {item.statement_id: item for item in items}


def test_a_replacement_step_by_step() -> None:
    twin = NEW.named(twin_of("a"))
    goal = Goal("a", NEW)
    assert next_step(standing(OLD), goal) == Add(twin)
    assert next_step(standing(OLD, twin), goal) == Remove("a")
    assert next_step(standing(twin), goal) == Add(NEW)
    assert next_step(standing(NEW, twin), goal) == Remove(twin.statement_id)
    assert next_step(standing(NEW), goal) is None


def test_a_leftover_twin_with_other_content_goes_while_the_old_statement_stands() -> None:
    leftover = OLD.named(twin_of("a"))
    other = Statement("a", "sns.amazonaws.com")
    assert next_step(standing(other, leftover), Goal("a", NEW)) == Remove(leftover.statement_id)


def test_a_leftover_twin_that_stands_alone_stays_until_the_new_statement_stands() -> None:
    assert next_step(standing(OLD.named(twin_of("a"))), Goal("a", NEW)) == Add(NEW)


def test_the_new_stands_before_what_a_purge_removes() -> None:
    document = {"Statement": [render(OLD.named("lr-old"), RESOURCE)]}
    plan = goals(Aws(document).policy(), [OLD.named("lr-new")], [], "lr-")
    assert [goal.statement_id for goal in plan] == ["lr-new", "lr-old"]


def test_an_id_held_by_a_foreign_statement_is_refused() -> None:
    document = {"Statement": [{**render(OLD, RESOURCE), "Effect": "Deny"}]}
    with pytest.raises(ForeignStatementError):
        goals(Aws(document).policy(), [NEW], [])
    with pytest.raises(ForeignStatementError):
        goals(Aws(document).policy(), [], ["a"])
    assert goals(Aws(document).policy(), [], [], "a") == []


def test_an_id_that_stands_twice_is_foreign() -> None:
    document = {"Statement": [render(OLD, RESOURCE), render(OLD, RESOURCE)]}
    with pytest.raises(ForeignStatementError):
        goals(Policy.from_document(document, RESOURCE), [NEW], [])


def test_no_prefix_purges_nothing() -> None:
    document = {"Statement": [render(OLD, RESOURCE)]}
    assert goals(Aws(document).policy(), [], [], "") == []


@UNHURRIED
@given(st.text("ab-_1", min_size=1, max_size=100))
def test_a_twin_has_an_id_that_aws_takes(statement_id: str) -> None:
    twin = twin_of(statement_id)
    assert len(twin) <= 100
    assert looks_like_twin(twin)
    assert twin != statement_id


def test_long_ids_have_twins_of_their_own() -> None:
    assert twin_of("x" * 99 + "a") != twin_of("x" * 99 + "b")
    assert twin_of("x" * 100) != twin_of("x" * 99)


def test_statements_of_another_qualifier_are_left_out() -> None:
    document = {"Statement": [render(OLD, RESOURCE), render(NEW, RESOURCE + ":live")]}
    assert Policy.from_document(document, RESOURCE).standing() == {"a": OLD}
    assert Policy.from_document(document, RESOURCE + ":live").standing() == {"a": NEW}


def test_a_single_statement_without_a_list_is_read() -> None:
    assert Policy.from_document({"Statement": render(OLD, RESOURCE)}, RESOURCE).standing() == {"a": OLD}


def test_size_counts_bytes_not_characters() -> None:
    policy = Policy(RESOURCE).after(Add(Statement("a", "*", source_arn="arn:aws:s3:::é")))
    ascii_policy = Policy(RESOURCE).after(Add(Statement("a", "*", source_arn="arn:aws:s3:::e")))
    assert policy.size() == ascii_policy.size() + 1
    assert Policy(RESOURCE).size() == 0


def test_the_size_is_that_of_the_documented_policy() -> None:
    """AWS's own example, whose account principal AWS stores as an ARN, byte for byte."""
    document = (
        '{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"xaccount","Effect":"Allow",'
        '"Principal":{"AWS":"arn:aws:iam::210987654321:root"},"Action":"lambda:InvokeFunction",'
        '"Resource":"arn:aws:lambda:eu-west-1:123456789012:function:f"}]}'
    )
    assert Policy(RESOURCE).after(Add(Statement("xaccount", "210987654321"))).size() == len(document)
    assert Policy.from_document(json.loads(document), RESOURCE).size() == len(document)


def test_the_largest_come_first() -> None:
    policy = Policy(RESOURCE).after(Add(OLD)).after(Add(NEW.named("a-much-longer-id")))
    assert [name for name, _unused in policy.largest()] == ["a-much-longer-id", "a"]
