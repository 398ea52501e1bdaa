# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes from any policy to the desired one: nothing foreign is touched, and no moment is without a permission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.policy import (
    Add,
    ForeignStatementError,
    Goal,
    Policy,
    Remove,
    goals,
    is_temporary_id,
    next_step,
    steps,
    temporary_id_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.permission.statement import (
    Statement,
    render,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

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
LEFTOVERS = st.builds(Statement.named, CONTENTS, st.sampled_from([temporary_id_of(name) for name in IDS]))
DESIRED = st.lists(STATEMENTS, max_size=4, unique_by=lambda item: item.statement_id)
POSSIBLE = st.builds(lambda item: render(item, RESOURCE), STATEMENTS | LEFTOVERS)
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
    """AWS accepts an id only once."""
    return list({raw["Sid"] or f"none-{index}": raw for index, raw in enumerate(raws)}.values())


DOCUMENTS = (
    st.lists(POSSIBLE | FOREIGN, max_size=8).map(_unique).map(lambda raws: {"Version": "2012-10-17", "Statement": raws})
)


class Aws:
    """The effect of AddPermission and RemovePermission on the document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = json.loads(json.dumps(document))

    @property
    def raws(self) -> list[dict[str, Any]]:
        return self.document["Statement"]

    def write(self, step: Add | Remove) -> None:
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


def write_all(aws: Aws, plan: list[Goal]) -> Iterator[Aws]:
    """Yield after each write. Each write is planned from the current document."""
    for goal in plan:
        for _unused in range(10):
            step = next_step(aws.policy().statements(), goal)
            if step is None:
                break
            aws.write(step)
            yield aws
        else:
            pytest.fail(f"{goal} never ends")


def foreign(document: dict[str, Any]) -> list[str]:
    found = Policy.from_document(document, RESOURCE)
    return [json.dumps(entry.raw, sort_keys=True) for entry in found.entries if entry.statement is None]


@RELAXED
@given(DOCUMENTS, DESIRED, st.sampled_from(["", "lr-", "a"]), st.lists(st.sampled_from(IDS), max_size=2))
def test_goals_reach_the_desired_statements_and_keep_others(
    document: dict[str, Any], desired: list[Statement], prefix: str, removed: list[str]
) -> None:
    aws = Aws(document)
    ids = [item.statement_id for item in desired]
    removed = [name for name in removed if name not in ids]
    before = aws.policy().statements()
    plan = goals(aws.policy(), desired, removed, prefix)
    for _unused in write_all(aws, plan):
        assert foreign(aws.document) == foreign(document)
    standing = aws.policy().statements()
    assert {name: standing.get(name) for name in ids} == {item.statement_id: item for item in desired}
    touched = {name for item in [*ids, *removed] for name in (item, temporary_id_of(item))}
    touched |= {name for name, item in before.items() if prefix and item and name.startswith(prefix)}
    assert {name: item for name, item in standing.items() if name not in ids} == {
        name: item for name, item in before.items() if name not in touched
    }
    assert goals(aws.policy(), desired, removed, prefix) == []


@RELAXED
@given(DOCUMENTS, DESIRED)
def test_goals_are_empty_only_if_nothing_differs(document: dict[str, Any], desired: list[Statement]) -> None:
    policy = Aws(document).policy()
    standing = policy.statements()
    right = all(
        standing.get(item.statement_id) == item and temporary_id_of(item.statement_id) not in standing
        for item in desired
    )
    assert (goals(policy, desired, []) == []) == right


@RELAXED
@given(DOCUMENTS, DESIRED, st.randoms(use_true_random=False))
def test_goals_do_not_depend_on_order(document: dict[str, Any], desired: list[Statement], random: Any) -> None:
    shuffled = {**document, "Statement": random.sample(document["Statement"], len(document["Statement"]))}
    others = random.sample(desired, len(desired))

    def changed(document: dict[str, Any], desired: list[Statement]) -> set[Goal]:
        return set(goals(Aws(document).policy(), desired, [], "lr-"))

    assert changed(document, desired) == changed(shuffled, others)


@RELAXED
@given(DOCUMENTS, DESIRED, st.integers(0, 12), DESIRED)
def test_steps_leave_no_gap_even_if_killed(
    document: dict[str, Any], desired: list[Statement], killed_after: int, desired_next: list[Statement]
) -> None:
    aws = Aws(document)
    for index, target in enumerate((desired, desired_next)):
        held = {raw["Sid"]: content(raw) for raw in aws.raws}
        temporaries = {name: held.get(temporary_id_of(name)) for name in IDS}
        new = {item.statement_id: content(render(item, RESOURCE)) for item in target}
        for number, _unused in enumerate(write_all(aws, goals(aws.policy(), target, []))):
            for name, replacement in new.items():
                now = {content(raw) for raw in aws.raws if raw["Sid"] in (name, temporary_id_of(name))}
                allowed = {held.get(name), temporaries[name], replacement} - {None}
                assert name not in held or now & allowed, f"{name} exists nowhere"
                assert name in held or temporaries[name] is None or now & allowed, (
                    f"the temporary statement of {name} was removed too early"
                )
            if index == 0 and number == killed_after:
                break
    standing = aws.policy().statements()
    assert all(
        standing[item.statement_id] == item and temporary_id_of(item.statement_id) not in standing
        for item in desired_next
    )


@RELAXED
@given(DOCUMENTS, DESIRED)
def test_steps_predict_each_size(document: dict[str, Any], desired: list[Statement]) -> None:
    aws = Aws(document)
    plan = goals(aws.policy(), desired, [], "lr-")
    foreseen = [policy.size() for _unused, policy in steps(aws.policy(), plan)]
    real = []
    for state in write_all(aws, plan):
        text = json.dumps(state.document, separators=(",", ":"), ensure_ascii=False)
        real.append(len(text.encode()) if state.raws else 0)
    assert foreseen == real


def by_id(*items: Statement) -> dict[str, Statement | None]:
    return {item.statement_id: item for item in items}


def test_next_step_replaces_a_statement_in_four_steps() -> None:
    temporary = NEW.named(temporary_id_of("a"))
    goal = Goal("a", NEW)
    assert next_step(by_id(OLD), goal) == Add(temporary)
    assert next_step(by_id(OLD, temporary), goal) == Remove("a")
    assert next_step(by_id(temporary), goal) == Add(NEW)
    assert next_step(by_id(NEW, temporary), goal) == Remove(temporary.statement_id)
    assert next_step(by_id(NEW), goal) is None


def test_next_step_removes_a_leftover_temporary_statement_while_the_old_statement_exists() -> None:
    leftover = OLD.named(temporary_id_of("a"))
    other = Statement("a", "sns.amazonaws.com")
    assert next_step(by_id(other, leftover), Goal("a", NEW)) == Remove(leftover.statement_id)


def test_next_step_keeps_a_lone_temporary_statement_until_the_new_statement_exists() -> None:
    assert next_step(by_id(OLD.named(temporary_id_of("a"))), Goal("a", NEW)) == Add(NEW)


def test_goals_add_before_they_purge() -> None:
    document = {"Statement": [render(OLD.named("lr-old"), RESOURCE)]}
    plan = goals(Aws(document).policy(), [OLD.named("lr-new")], [], "lr-")
    assert [goal.statement_id for goal in plan] == ["lr-new", "lr-old"]


def test_goals_refuse_an_id_of_a_foreign_statement() -> None:
    document = {"Statement": [{**render(OLD, RESOURCE), "Effect": "Deny"}]}
    with pytest.raises(ForeignStatementError):
        goals(Aws(document).policy(), [NEW], [])
    with pytest.raises(ForeignStatementError):
        goals(Aws(document).policy(), [], ["a"])
    assert goals(Aws(document).policy(), [], [], "a") == []


def test_goals_refuse_an_id_used_twice() -> None:
    document = {"Statement": [render(OLD, RESOURCE), render(OLD, RESOURCE)]}
    with pytest.raises(ForeignStatementError):
        goals(Policy.from_document(document, RESOURCE), [NEW], [])


def test_goals_without_prefix_purge_nothing() -> None:
    document = {"Statement": [render(OLD, RESOURCE)]}
    assert goals(Aws(document).policy(), [], [], "") == []


@RELAXED
@given(st.text("ab-_1", min_size=1, max_size=100))
def test_temporary_id_is_valid(statement_id: str) -> None:
    temporary = temporary_id_of(statement_id)
    assert len(temporary) <= 100
    assert is_temporary_id(temporary)
    assert temporary != statement_id


def test_temporary_ids_of_long_ids_differ() -> None:
    assert temporary_id_of("x" * 99 + "a") != temporary_id_of("x" * 99 + "b")
    assert temporary_id_of("x" * 100) != temporary_id_of("x" * 99)


def test_policy_leaves_out_statements_of_other_qualifiers() -> None:
    document = {"Statement": [render(OLD, RESOURCE), render(NEW, RESOURCE + ":live")]}
    assert Policy.from_document(document, RESOURCE).statements() == {"a": OLD}
    assert Policy.from_document(document, RESOURCE + ":live").statements() == {"a": NEW}


def test_policy_reads_a_single_statement_without_a_list() -> None:
    assert Policy.from_document({"Statement": render(OLD, RESOURCE)}, RESOURCE).statements() == {"a": OLD}


def test_policy_size_counts_bytes() -> None:
    policy = Policy(RESOURCE).after(Add(Statement("a", "*", source_arn="arn:aws:s3:::é")))
    ascii_policy = Policy(RESOURCE).after(Add(Statement("a", "*", source_arn="arn:aws:s3:::e")))
    assert policy.size() == ascii_policy.size() + 1
    assert Policy(RESOURCE).size() == 0


def test_policy_size_equals_the_documented_policy() -> None:
    """AWS's own example, whose account principal AWS stores as an ARN, byte for byte."""
    document = (
        '{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"xaccount","Effect":"Allow",'
        '"Principal":{"AWS":"arn:aws:iam::210987654321:root"},"Action":"lambda:InvokeFunction",'
        '"Resource":"arn:aws:lambda:eu-west-1:123456789012:function:f"}]}'
    )
    assert Policy(RESOURCE).after(Add(Statement("xaccount", "210987654321"))).size() == len(document)
    assert Policy.from_document(json.loads(document), RESOURCE).size() == len(document)


def test_policy_largest_come_first() -> None:
    policy = Policy(RESOURCE).after(Add(OLD)).after(Add(NEW.named("a-much-longer-id")))
    assert [name for name, _unused in policy.largest()] == ["a-much-longer-id", "a"]
