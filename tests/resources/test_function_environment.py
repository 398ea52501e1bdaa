# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment variables of functions: values, sizes, diffs, and errors without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AwsError,
    InvalidInputError,
    LimitReachedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.environment import (
    HIDDEN,
    HIDDEN_CHANGED,
    desired_environment,
    environment_size,
    shown_after,
    shown_before,
    without_secrets,
)
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=4, max_size=30)


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), ("", ""), (5, "5"), (0, "0"), (1.5, "1.5"), (True, "true"), (False, "false")]
)
def test_environment_values_become_text(value: Any, text: str) -> None:
    desired = desired_environment({"A": value}, {})
    assert desired.variables == {"A": text}


def test_environment_null_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="variable TOKEN is null"):
        desired_environment({}, {"TOKEN": None})


@pytest.mark.parametrize("value", [{"b": [1, None], "a": "ä"}, ["x", True], {}])
def test_environment_structures_become_json_with_sorted_keys(value: Any) -> None:
    desired = desired_environment({"RULE": value}, {})
    assert desired.variables == {"RULE": json.dumps(value, sort_keys=True)}


def test_environment_variable_in_both_settings_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="A, B is also in environment") as failure:
        desired_environment({"A": "hush", "B": "x", "C": "x"}, {"B": "hush", "A": "hush"})
    assert "hush" not in str(failure.value)


def test_environment_too_large_is_refused_without_its_values() -> None:
    fits = 4096 - environment_size({"TOKEN": ""})
    desired_environment({}, {"TOKEN": "h" * fits})
    with pytest.raises(InvalidInputError, match="4097 bytes and Lambda takes 4096") as failure:
        desired_environment({}, {"TOKEN": "h" * (fits + 1)})
    assert "hhh" not in str(failure.value)


def test_environment_repr_has_no_secret() -> None:
    assert "hush" not in repr(desired_environment({"A": "x"}, {"TOKEN": "hush"}))


def test_environment_diff_shows_only_public_values() -> None:
    before = {"LEVEL": "info", "TOKEN": "old hush", "SAME": "same hush", "STRANGER": "strange hush"}
    after = {"LEVEL": "debug", "TOKEN": "new hush", "SAME": "same hush", "FRESH": "fresh hush"}
    left, right = shown_before(before, {"LEVEL"}), shown_after(after, {"LEVEL"}, before)
    assert left == {"LEVEL": "info", "SAME": HIDDEN, "STRANGER": HIDDEN, "TOKEN": HIDDEN}
    assert right == {"FRESH": HIDDEN, "LEVEL": "debug", "SAME": HIDDEN, "TOKEN": HIDDEN_CHANGED}


def test_environment_diff_shows_settings_in_json_by_name() -> None:
    before = {"RULES": '{"include": ["/a"]}', "TOKEN": '{"key": "hush"}', "BROKEN": "{a"}
    left = shown_before(before, {"RULES", "BROKEN"})
    assert left == {"RULES": {"include": ["/a"]}, "TOKEN": HIDDEN, "BROKEN": "{a"}
    after = {"RULES": '{"include": ["/b"]}', "TOKEN": '{"key": "new hush"}'}
    assert shown_after(after, {"RULES"}, before) == {"RULES": {"include": ["/b"]}, "TOKEN": HIDDEN_CHANGED}


@given(st.dictionaries(TEXT, TEXT), st.dictionaries(TEXT, TEXT), st.sets(TEXT))
def test_environment_diff_never_has_hidden_values(
    before: dict[str, str], after: dict[str, str], public: set[str]
) -> None:
    for shown, values in (
        (shown_before(before, public), before),
        (shown_after(after, public, before), after),
    ):
        assert shown.keys() == values.keys()
        for name, value in shown.items():
            assert value == values[name] if name in public else value in (HIDDEN, HIDDEN_CHANGED)


# No letters: the message around the secret contains those.
SECRET = st.text(st.sampled_from("0123456789\"\\'/\n\té€😀"), min_size=6, max_size=30)


@given(SECRET, st.sampled_from([str, json.dumps, repr, lambda text: json.dumps(json.dumps(text))]))
def test_error_hides_every_quotation_of_a_secret(secret: str, quote: Any) -> None:
    error = AwsError(
        "update function x", f"bad value {quote(secret)} given", code="Bad", where="here", advice="Repair it."
    )
    clean = without_secrets(error, {secret})
    assert secret not in str(clean)
    assert quote(secret).strip("'\"") not in str(clean)
    assert HIDDEN in clean.message
    assert (clean.operation, clean.code, clean.where, clean.advice) == (error.operation, "Bad", "here", "Repair it.")


def test_error_hides_the_longer_of_two_secrets_first() -> None:
    error = AwsError("x", "value hush-and-more is bad")
    assert without_secrets(error, {"hush", "hush-and-more"}).message == "value (hidden) is bad"


def test_error_hides_an_environment_that_aws_cut_anywhere() -> None:
    message = 'exceeded the 4KB limit. String measured: {"TOKEN":"hush-and-mo'
    assert without_secrets(AwsError("x", message), {"hush-and-more"}).message == (
        "exceeded the 4KB limit. String measured: (hidden)"
    )


def test_error_without_secrets_keeps_everything_else() -> None:
    error = LimitReachedError("update function x", "hush is too much", holders="hu").of_several(
        "update all", "x", "1 of 2 failed", "here"
    )
    error.done = {"changed": True}
    clean = without_secrets(error, {"hush"})
    assert isinstance(clean, LimitReachedError)
    assert (clean.done, clean.holders) == ({"changed": True}, "hu")
    assert clean.parts() == {**error.parts(), "message": "(hidden) is too much"}


def test_error_with_an_empty_secret_is_unchanged() -> None:
    assert without_secrets(AwsError("x", "no such thing"), {""}).message == "no such thing"
