# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.options import SettingsError, parsed
from reflector.secrets import Secret


@dataclass(frozen=True, slots=True)
class Options:
    token: Secret
    name: str = "usual"
    wanted: bool = True
    count: int = 1
    share: float = 0.5
    kind: Literal["a", "b"] = "a"
    items: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    maybe: int | None = None
    things: list[Any] = field(default_factory=list)

    def __post_init__(self):
        if self.count < 0:
            raise ValueError("count: must not be negative")


def mistake(value, place="sinks.x"):
    with pytest.raises(SettingsError) as caught:
        parsed(Options, value, place)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_options_missing_value_is_the_default():
    got = parsed(Options, {"token": "t", "name": None, "maybe": None}, "")
    assert (got.name, got.wanted, got.count, got.share, got.kind, got.items, got.headers, got.maybe) == (
        ("usual", True, 1, 0.5, "a", (), {}, None)
    )


def test_options_given_value_is_used():
    got = parsed(
        Options,
        {
            "token": " t\n",
            "name": "",
            "wanted": False,
            "count": 0,
            "share": 1,
            "kind": "b",
            "items": ["x", ""],
            "headers": {"a": "b"},
            "maybe": 7,
            "things": [1, {}],
            "secrets": {"X-Key": "k "},
        },
        "sinks.x",
    )
    assert got.token.value() == "t"
    assert got.token.option == "sinks.x.token"
    assert (got.name, got.wanted, got.count, got.share, got.kind, got.items, got.headers, got.maybe) == (
        ("", False, 0, 1.0, "b", ("x", ""), {"a": "b"}, 7)
    )
    assert got.things == [1, {}]
    assert {name: (secret.value(), secret.option) for name, secret in got.secrets.items()} == {
        "X-Key": ("k", "sinks.x.secrets.X-Key")
    }
    assert isinstance(got.share, float)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"token": None}, "sinks.x.token: is needed."),
        ({"token": 5}, "sinks.x.token: must be a string that is not empty."),
        ({"token": " "}, "sinks.x.token: must be a string that is not empty."),
        ({"name": 5}, "sinks.x.name: must be a string."),
        ({"wanted": 1}, "sinks.x.wanted: must be true or false."),
        ({"wanted": "true"}, "sinks.x.wanted: must be true or false."),
        ({"count": True}, "sinks.x.count: must be a whole number."),
        ({"count": 1.0}, "sinks.x.count: must be a whole number."),
        ({"count": "1"}, "sinks.x.count: must be a whole number."),
        ({"count": -1}, "sinks.x.count: must not be negative."),
        ({"share": True}, "sinks.x.share: must be a number."),
        ({"share": "1"}, "sinks.x.share: must be a number."),
        ({"share": 10**400}, "sinks.x.share: must be a number."),
        ({"kind": "c"}, "sinks.x.kind: must be one of a, b."),
        ({"kind": ["a"]}, "sinks.x.kind: must be one of a, b."),
        ({"items": "x"}, "sinks.x.items: must be a list of strings."),
        ({"items": [1]}, "sinks.x.items: must be a list of strings."),
        ({"headers": []}, "sinks.x.headers: must be an object of strings."),
        ({"headers": {"a": 1}}, "sinks.x.headers: must be an object of strings."),
        ({"secrets": {"a": 1}}, "sinks.x.secrets: must be an object of strings."),
        ({"secrets": {"a": " "}}, "sinks.x.secrets.a: must be a string that is not empty."),
        ({"things": "x"}, "sinks.x.things: must be a list."),
        ({"maybe": "7"}, "sinks.x.maybe: must be a whole number."),
        (
            {"nmae": "x"},
            f"sinks.x.nmae: there is no such option. Options are {', '.join(Options.__dataclass_fields__)}.",
        ),
    ],
)
def test_options_error_names_the_place(change, sentence):
    assert mistake({"token": "t", **change}) == sentence


@pytest.mark.parametrize("value", [None, "x", [], 5])
def test_options_non_object_is_refused(value):
    assert mistake(value) == "sinks.x: must be an object with options."


def test_options_error_at_top_level_names_the_option():
    assert mistake({}, "") == "token: is needed."
    assert mistake({"token": "t", "count": -1}, "") == "count: must not be negative."


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner, max_size=2)),
    max_leaves=4,
)
names = st.one_of(st.sampled_from(list(Options.__dataclass_fields__)), st.text(max_size=4))


@given(st.one_of(anything, st.dictionaries(names, anything)))
def test_options_any_value_is_refused_or_has_the_right_type(value):
    try:
        got = parsed(Options, value, "x")
    except SettingsError as error:
        got = str(error)
    if isinstance(got, str):
        assert got.startswith(("x.", "x:"))
    else:
        assert [type(field) for field in (got.token, got.name, got.count, got.share)] == [Secret, str, int, float]
        assert got.kind in ("a", "b")


def test_options_error_quotes_no_secret():
    assert "s3cret" not in mistake({"token": ["s3cret"]}) + mistake({"token": "t", "name": {"s3cret": "s3cret"}})
