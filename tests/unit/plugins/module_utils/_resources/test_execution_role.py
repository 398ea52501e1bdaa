"""The plan for a role: each part a change of its own, in an order that never takes rights away in between."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    InvalidInputError,
    LimitReachedError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.common import compact_json
from ansible_collections.logreflector.aws.plugins.module_utils._resources.execution_role import (
    INLINE_LIMIT,
    LAMBDA_MAY_ASSUME,
    Actual,
    ExecutionRoleResource,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.policy_document import size
from ansible_collections.logreflector.aws.plugins.module_utils._resources.role_values import Role
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from internal_resources import EXECUTION_ROLE as SPEC

MARK = {"managed-by": "logreflector.aws"}
BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"


def document(action: str = "logs:PutLogEvents", resource: str = "*") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


def of_size(characters: int) -> dict[str, Any]:
    return document(resource="x" * (characters - size(document(resource=""))))


def resource(**params: Any) -> ExecutionRoleResource:
    validated = ArgumentSpecValidator(**SPEC.arguments()).validate({"region": "eu-west-1", "name": "r", **params})
    assert not validated.error_messages, validated.error_messages
    target = Target(None, "eu-west-1")
    target.__dict__["identity"] = Identity("111111111111", "arn:aws-cn:iam::111111111111:user/me")
    return ExecutionRoleResource(target, validated.validated_parameters)


def standing(**attributes: Any) -> Actual:
    role = {"name": "r", "arn": "arn:r", "tags": MARK, "assume_role_policy": LAMBDA_MAY_ASSUME, **attributes}
    return Actual(Role(**role))


def lines(changes: Any) -> list[str]:
    return [str(change) for change in changes]


def requests(changes: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(call.method, dict(call.request)) for change in changes for call in change.payload]


def test_a_new_role_has_our_defaults_and_our_mark() -> None:
    (creation,) = resource(tags={"a": "b"}).plan(Actual(None))
    assert creation.after == {
        "name": "r",
        "path": "/",
        "description": "",
        "assume_role_policy": LAMBDA_MAY_ASSUME,
        "max_session_duration": 3600,
        "permissions_boundary": "",
        "tags": {"a": "b", **MARK},
    }
    assert "PermissionsBoundary" not in creation.payload[0].request


def test_a_new_role_with_everything() -> None:
    changes = resource(
        path="/x/",
        description="d",
        assume_role_policy=document("sts:AssumeRole"),
        inline_policies={"b": document(resource="arn:{partition}:logs:{region}:{account}:*"), "a": document()},
        managed_policies=["arn:{partition}:iam::aws:policy/P", "Named"],
        permissions_boundary=BOUNDARY,
        max_session_duration=7200,
    ).plan(Actual(None, {"Named": "arn:named"}))
    assert lines(changes) == [
        "create IAM role r",
        "create attachment of arn:aws-cn:iam::aws:policy/P of IAM role r",
        "create attachment of arn:named of IAM role r",
        "create inline policy a of IAM role r",
        "create inline policy b of IAM role r",
    ]
    created = changes[0].payload[0].request
    assert (created["Path"], created["Description"], created["MaxSessionDuration"]) == ("/x/", "d", 7200)
    assert created["PermissionsBoundary"] == BOUNDARY
    assert "arn:aws-cn:logs:eu-west-1:111111111111:*" in changes[-1].payload[0].request["PolicyDocument"]


def test_what_is_not_given_is_left_alone() -> None:
    actual = standing(
        path="/x/",
        description="d",
        assume_role_policy=document(),
        permissions_boundary=BOUNDARY,
        max_session_duration=9000,
        tags={"a": "b", **MARK},
    )
    assert resource().plan(actual) == []


def test_update_role_is_told_both_attributes() -> None:
    changes = resource(description="new").plan(standing(max_session_duration=9000))
    assert requests(changes) == [
        ("update_role", {"RoleName": "r", "Description": "new", "MaxSessionDuration": 9000}),
    ]
    assert changes[0].before == {"description": "", "max_session_duration": 9000}
    assert requests(resource(description="").plan(standing(description="d")))[0][1]["Description"] == ""


@pytest.mark.parametrize(
    ("before", "given", "methods"),
    [
        ("", BOUNDARY, ["put_role_permissions_boundary"]),
        (BOUNDARY, BOUNDARY, []),
        (BOUNDARY, "arn:other", ["put_role_permissions_boundary"]),
        (BOUNDARY, "", ["delete_role_permissions_boundary"]),
        ("", "", []),
    ],
)
def test_boundary(before: str, given: str, methods: list[str]) -> None:
    changes = resource(permissions_boundary=given).plan(standing(permissions_boundary=before))
    assert [method for method, _request in requests(changes)] == methods


def test_another_path_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InvalidInputError, match=r"path /x/.*cannot move a role to /y/.*state: absent.*give the path"):
        resource(path="/y/").plan(standing(path="/x/"))
    assert resource(path="/x/").plan(standing(path="/x/")) == []
    assert lines(resource(state="absent", path="/y/").plan(standing(path="/x/"))) == ["delete IAM role r"]


def test_inline_policies_named_are_authoritative_others_stay() -> None:
    actual = standing(inline={"a": document(), "other": document("x:y")})
    given = {"a": document("logs:CreateLogStream")}
    assert lines(resource(inline_policies=given).plan(actual)) == ["update inline policy a of IAM role r"]
    assert lines(resource(inline_policies=given, purge_inline_policies=True).plan(actual)) == [
        "update inline policy a of IAM role r",
        "delete inline policy other of IAM role r",
    ]
    assert resource(purge_inline_policies=True).plan(actual) == []
    assert lines(resource(inline_policies={}, purge_inline_policies=True).plan(actual)) == [
        "delete inline policy a of IAM role r",
        "delete inline policy other of IAM role r",
    ]


def test_managed_policies_by_arn_and_by_name() -> None:
    actual = Actual(
        Role("r", tags=MARK, managed={"arn:one": "One", "arn:two": "Two"}), {"One": "arn:one", "Three": "arn:three"}
    )
    given = ["One", "arn:one", "Three"]
    assert lines(resource(managed_policies=given).plan(actual)) == ["create attachment of arn:three of IAM role r"]
    assert requests(resource(managed_policies=given, purge_managed_policies=True).plan(actual)) == [
        ("attach_role_policy", {"RoleName": "r", "PolicyArn": "arn:three"}),
        ("detach_role_policy", {"RoleName": "r", "PolicyArn": "arn:two"}),
    ]


@pytest.mark.parametrize("others", [0, 5000])
def test_the_limit_of_inline_policies_counts_them_all(others: int) -> None:
    inline = {"other": of_size(others)} if others else {}
    actual = standing(inline=inline)
    assert len(resource(inline_policies={"a": of_size(INLINE_LIMIT - others)}).plan(actual)) == 1
    with pytest.raises(LimitReachedError, match=rf"{INLINE_LIMIT + 1} characters.*allows {INLINE_LIMIT}"):
        resource(inline_policies={"a": of_size(INLINE_LIMIT - others + 1)}).plan(actual)


def test_the_limit_does_not_count_what_is_replaced_or_purged() -> None:
    actual = standing(inline={"a": of_size(9000), "other": of_size(1200)})
    assert len(resource(inline_policies={"a": of_size(9001)}).plan(actual)) == 1
    purging = resource(inline_policies={"a": of_size(INLINE_LIMIT)}, purge_inline_policies=True)
    assert len(purging.plan(actual)) == 2


def test_the_limit_of_the_trust_policy() -> None:
    with pytest.raises(LimitReachedError, match="4097 characters"):
        resource(assume_role_policy=of_size(4097)).plan(Actual(None))
    with pytest.raises(LimitReachedError, match="4097 characters"):
        resource(assume_role_policy=of_size(4097)).plan(standing())


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"path": "x"}, "path"),
        ({"path": "/x"}, "path"),
        ({"max_session_duration": 3599}, "max_session_duration"),
        ({"assume_role_policy": {}}, "assume_role_policy"),
        ({"assume_role_policy": {"Version": "2012-10-17"}}, "assume_role_policy"),
        ({"inline_policies": {"p": {}}}, "inline_policies.p"),
        ({"inline_policies": {"p": 1}}, "inline_policies.p"),
        ({"tags": {"managed-by": "me"}}, "tags"),
    ],
)
def test_refused_before_any_call(params: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        resource(**params)


def test_foreign_roles_are_guarded() -> None:
    foreign = standing(tags={"managed-by": "terraform"}, description="theirs")
    assert resource(description="theirs").plan(foreign) == []
    with pytest.raises(RefusedError, match="adopt: true"):
        resource(description="ours").plan(foreign)
    assert lines(resource(description="ours", adopt=True).plan(foreign)) == [
        "update tags of IAM role r",
        "update description and session duration of IAM role r",
    ]
    with pytest.raises(RefusedError, match="force: true"):
        resource(state="absent").plan(foreign)
    assert lines(resource(state="absent", force=True).plan(foreign)) == ["delete IAM role r"]


def test_deletion_takes_off_first_what_keeps_iam_from_deleting() -> None:
    actual = standing(inline={"a": {}}, managed={"arn:m": "M"}, permissions_boundary=BOUNDARY)
    assert [method for method, _request in requests(resource(state="absent").plan(actual))] == [
        "detach_role_policy",
        "delete_role_policy",
        "delete_role",
    ]


def test_names_that_yaml_reads_as_numbers_are_text() -> None:
    changes = resource(inline_policies={"b": document(), 1: document()}).plan(standing())
    assert [request["PolicyName"] for _unused, request in requests(changes)] == ["1", "b"]
    with pytest.raises(InvalidInputError, match=r"inline_policies.*the same text"):
        resource(inline_policies={"1": document(), 1: document()})


# The earlier form of a policy


def keeping(**params: Any) -> ExecutionRoleResource:
    return resource(keep_previous=True, purge_inline_policies=True, **params)


def test_what_a_policy_said_stays_beside_it_and_is_written_first() -> None:
    actual = standing(inline={"p": document("a:b")})
    assert requests(keeping(inline_policies={"p": document("c:d")}).plan(actual)) == [
        ("put_role_policy", put("p-previous", "a:b")),
        ("put_role_policy", put("p", "c:d")),
    ]


def put(name: str, action: str) -> dict[str, Any]:
    return {"RoleName": "r", "PolicyName": name, "PolicyDocument": compact_json(document(action))}


def test_only_the_last_earlier_form_is_kept() -> None:
    actual = standing(inline={"p": document("c:d"), "p-previous": document("a:b"), "other": document()})
    changes = keeping(inline_policies={"p": document("e:f")}).plan(actual)
    assert lines(changes) == [
        "update inline policy p-previous of IAM role r",
        "update inline policy p of IAM role r",
        "delete inline policy other of IAM role r",
    ]
    assert (changes[0].before, changes[0].after) == (document("a:b"), document("c:d"))


@pytest.mark.parametrize(
    ("inline", "given", "expected"),
    [
        ({}, {"p": document("a:b")}, ["create inline policy p"]),
        ({"p": document("a:b")}, {"p": document("A:B")}, []),
        ({"p": document("c:d"), "p-previous": document("a:b")}, {"p": document("c:d")}, []),
        # the run before was interrupted between the two
        (
            {"p": document("a:b"), "p-previous": document("A:B")},
            {"p": document("c:d")},
            ["update inline policy p"],
        ),
        # nobody names the policy any more: neither it nor what it said before is wanted
        (
            {"p": document("c:d"), "p-previous": document("a:b")},
            {"q": document("a:b")},
            ["create inline policy q", "delete inline policy p", "delete inline policy p-previous"],
        ),
    ],
)
def test_nothing_is_kept_for_nothing(inline: dict[str, Any], given: dict[str, Any], expected: list[str]) -> None:
    changes = keeping(inline_policies=given).plan(standing(inline=inline))
    assert lines(changes) == [f"{line} of IAM role r" for line in expected]


def test_without_the_option_the_earlier_form_is_one_policy_among_others() -> None:
    actual = standing(inline={"p": document("c:d"), "p-previous": document("a:b")})
    given = {"p": document("e:f")}
    assert lines(resource(inline_policies=given).plan(actual)) == ["update inline policy p of IAM role r"]
    assert lines(resource(inline_policies=given, purge_inline_policies=True).plan(actual)) == [
        "update inline policy p of IAM role r",
        "delete inline policy p-previous of IAM role r",
    ]


def test_the_limit_counts_the_earlier_form_and_says_how_to_do_without() -> None:
    actual = standing(inline={"p": of_size(6000)})
    assert len(keeping(inline_policies={"p": of_size(INLINE_LIMIT - 6000)}).plan(actual)) == 2
    with pytest.raises(LimitReachedError, match=r"10241 characters.*p-previous: 6000.*or set keep_previous: false\."):
        keeping(inline_policies={"p": of_size(INLINE_LIMIT - 5999)}).plan(actual)
    replaced = standing(inline={"p": of_size(4000), "p-previous": of_size(5000)})
    assert len(keeping(inline_policies={"p": of_size(INLINE_LIMIT - 4000)}).plan(replaced)) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p": document(), "p-previous": document()}, "p-previous is where keep_previous puts the earlier p"),
        ({"p" * 120: document()}, "leaves no room"),
    ],
)
def test_names_that_the_earlier_form_cannot_have(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        keeping(inline_policies=given)
    resource(inline_policies=given)
