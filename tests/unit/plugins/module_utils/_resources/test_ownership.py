"""What is ours and what is foreign, and which tags stand at the end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._plan import Change
from ansible_collections.logreflector.aws.plugins.module_utils._resources.common import Call
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import (
    MARK_KEY,
    MARK_VALUE,
    Ownership,
    is_ours,
    tag_difference,
)
from hypothesis import given
from hypothesis import strategies as st

TAGS = st.dictionaries(st.sampled_from([MARK_KEY, "aws:x", "a", "b", "Name"]), st.sampled_from(["", "1", MARK_VALUE]))
USERS_TAGS = st.none() | st.dictionaries(st.sampled_from(["a", "b", "Name"]), st.sampled_from(["", "1"]))
MARK = {MARK_KEY: MARK_VALUE}


def own(**options: Any) -> Ownership:
    return Ownership("thing x", lambda: "1/eu-west-1", **options)


@given(TAGS, USERS_TAGS, st.booleans(), st.booleans())
def test_wanted_tags(actual: dict[str, str], tags: dict[str, str] | None, purge: bool, adopt: bool) -> None:
    wanted = own(tags=tags, purge_tags=purge, adopt=adopt).wanted_tags(actual)
    assert is_ours(wanted) == (is_ours(actual) or adopt), "the mark neither vanishes nor comes by itself"
    assert {k: v for k, v in wanted.items() if k.startswith("aws:")} == {
        k: v for k, v in actual.items() if k.startswith("aws:")
    }
    users = {k: v for k, v in wanted.items() if k != MARK_KEY and not k.startswith("aws:")}
    standing = {k: v for k, v in actual.items() if k != MARK_KEY and not k.startswith("aws:")}
    if tags is None:
        assert users == standing
    else:
        assert users == (tags if purge else {**standing, **tags})


@given(TAGS, TAGS)
def test_the_difference_leads_from_one_to_the_other(actual: dict[str, str], wanted: dict[str, str]) -> None:
    to_set, to_remove = tag_difference(actual, wanted)
    result = {key: value for key, value in {**actual, **to_set}.items() if key not in to_remove}
    assert result == wanted
    assert not set(to_set) & set(to_remove)
    assert all(actual.get(key) != value for key, value in to_set.items())


def tag_update(own: Ownership, actual: dict[str, str] | None) -> list[Change]:
    return list(
        own.tag_update(
            "thing",
            "x",
            actual,
            tag=lambda tags: Call("tag", {"Tags": tags}),
            untag=lambda keys: Call("untag", {"Keys": keys}),
        )
    )


@given(TAGS, USERS_TAGS, st.booleans(), st.booleans())
def test_the_calls_of_an_update_make_the_wanted_tags(
    actual: dict[str, str], tags: dict[str, str] | None, purge: bool, adopt: bool
) -> None:
    owner = own(tags=tags, purge_tags=purge, adopt=adopt)
    left = dict(actual)
    changes = tag_update(owner, actual)
    for change in changes:
        assert (str(change), change.before, change.after) == (
            "update tags of thing x",
            actual,
            owner.wanted_tags(actual),
        )
        assert [call.method for call in change.payload] in (["untag"], ["tag"], ["untag", "tag"])
        for call in change.payload:
            left = {key: value for key, value in left.items() if key not in call.request.get("Keys", ())}
            left |= call.request.get("Tags", {})
    assert left == owner.wanted_tags(actual)
    assert bool(changes) == (left != actual)


def test_tags_that_were_not_read_are_not_updated() -> None:
    assert tag_update(own(tags={"a": "b"}, adopt=True), None) == []


def test_what_is_created_carries_the_mark() -> None:
    assert own(tags={"a": "b"}).first_tags() == {"a": "b", **MARK}


@pytest.mark.parametrize(
    ("tags", "options", "refused"),
    [
        (MARK, {}, False),
        ({}, {}, True),
        ({MARK_KEY: "terraform"}, {}, True),
        ({}, {"adopt": True}, False),
        ({}, {"force": True}, True),
    ],
)
def test_changes_to_what_is_foreign(tags: dict[str, str], options: dict[str, Any], refused: bool) -> None:
    changes = [Change("update", "policy of thing", "x")]
    if refused:
        with pytest.raises(RefusedError, match=r"in 1/eu-west-1.*adopt: true.*update policy of thing x"):
            own(**options).guard_changes(tags, changes)
    else:
        own(**options).guard_changes(tags, changes)
    own(**options).guard_changes(tags, [])


@pytest.mark.parametrize(
    ("tags", "options", "refused"),
    [(MARK, {}, False), ({}, {}, True), ({}, {"adopt": True}, True), ({}, {"force": True}, False)],
)
def test_deletion_of_what_is_foreign(tags: dict[str, str], options: dict[str, Any], refused: bool) -> None:
    if refused:
        with pytest.raises(RefusedError, match="force: true"):
            own(**options).guard_deletion(tags)
    else:
        own(**options).guard_deletion(tags)


def test_tags_that_cannot_be_given() -> None:
    rest = {"purge_tags": True, "adopt": False, "force": False}
    for tags in ({MARK_KEY: "me"}, {"aws:x": "y"}, {"AWS:x": "y"}):
        with pytest.raises(InvalidInputError, match="the option tags"):
            Ownership.from_params("thing x", str, {"tags": tags, **rest})
    assert Ownership.from_params("thing x", str, {"tags": {"n": 1, **MARK}, **rest}).tags == {"n": "1", **MARK}
