# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ownership: foreign resources are refused, and tags that others set stay."""

from __future__ import annotations

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._plan import Change
from ansible_collections.logreflector.aws.plugins.module_utils._resources.common import Call
from ansible_collections.logreflector.aws.plugins.module_utils._resources.ownership import (
    OWNER_KEY,
    OWNER_VALUE,
    RELEASE_KEY,
    Ownership,
    has_owner_tag,
)
from hypothesis import given
from hypothesis import strategies as st

OWNER = {OWNER_KEY: OWNER_VALUE}
ACTUAL = st.dictionaries(
    st.sampled_from([OWNER_KEY, "aws:x", "a", "b", "Name"]), st.sampled_from(["", "1", OWNER_VALUE])
)
DESIRED = st.dictionaries(st.sampled_from(["a", "b", "Name"]), st.sampled_from(["", "1"]))


def own(tags: dict[str, str] | None = None) -> Ownership:
    return Ownership("thing x", lambda: "1/eu-west-1", tags or {})


@given(ACTUAL, DESIRED)
def test_tag_update_sets_differences_and_keeps_other_tags(actual: dict[str, str], desired: dict[str, str]) -> None:
    changes = own(desired).tag_update("thing", "x", actual, lambda tags: Call("tag", {"Tags": tags}))
    left = dict(actual)
    for change in changes:
        (call,) = change.payload
        assert all(actual.get(key) != value for key, value in call.request["Tags"].items())
        left |= call.request["Tags"]
        assert (str(change), change.before, change.after) == ("update tags of thing x", actual, left)
    assert left == {**actual, **desired}
    assert bool(changes) == (left != actual)
    assert has_owner_tag(left) == has_owner_tag(actual), "the owner tag neither vanishes nor comes by itself"


def test_tag_update_without_read_tags_changes_nothing() -> None:
    assert own({"a": "b"}).tag_update("thing", "x", None, lambda tags: Call("tag", tags)) == []


def test_creation_tags_include_the_owner_tag() -> None:
    assert own({"a": "b"}).creation_tags() == {"a": "b", **OWNER}


@pytest.mark.parametrize("tags", [{}, {OWNER_KEY: "terraform"}])
def test_guards_refuse_a_foreign_resource(tags: dict[str, str]) -> None:
    changes = [Change("update", "policy of thing", "x")]
    with pytest.raises(RefusedError) as refused:
        own().guard_changes(tags, changes)
    assert str(refused.value) == (
        "Could not change thing x in 1/eu-west-1: it exists, and it does not have the tag managed-by=logreflector.aws, so "
        "this collection did not create it. Choose another name, or hand it over by giving it the tag "
        "managed-by=logreflector.aws. Planned: update policy of thing x."
    )
    with pytest.raises(RefusedError, match=r"delete thing x in 1/eu-west-1.* hand it over by giving it the tag"):
        own().guard_deletion(tags)
    own().guard_changes(tags, [])
    own().guard_changes(OWNER, changes)
    own().guard_deletion(OWNER)


@pytest.mark.parametrize("tags", [{OWNER_KEY: "me"}, {"aws:x": "y"}, {"AWS:x": "y"}, {RELEASE_KEY: "1"}])
def test_tags_that_cannot_be_set_are_refused(tags: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match="the option tags"):
        own(tags)
    assert own(OWNER).tags == OWNER
