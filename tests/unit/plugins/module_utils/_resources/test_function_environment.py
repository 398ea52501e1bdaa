"""Environment variables: texts, sizes, what a diff shows, and that no secret leaves in an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AwsError,
    InvalidInputError,
    LimitReachedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_environment import (
    HIDDEN,
    HIDDEN_CHANGED,
    environment_size,
    shown_after,
    shown_before,
    wanted_environment,
    without_secrets,
)
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=4, max_size=30)


def test_neither_option_leaves_the_environment_alone() -> None:
    assert wanted_environment(None, None) is None


@pytest.mark.parametrize(("public", "secret"), [({}, None), (None, {}), ({}, {})])
def test_an_empty_option_is_an_empty_environment(public: Any, secret: Any) -> None:
    wanted = wanted_environment(public, secret)
    assert wanted is not None
    assert wanted.variables == {}


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), ("", ""), (5, "5"), (0, "0"), (1.5, "1.5"), (True, "true"), (False, "false")]
)
def test_values_become_texts(value: Any, text: str) -> None:
    wanted = wanted_environment({"A": value}, None)
    assert wanted is not None
    assert wanted.variables == {"A": text}


def test_null_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="variable TOKEN is null"):
        wanted_environment(None, {"TOKEN": None})


@pytest.mark.parametrize("value", [{"b": [1, None], "a": "ä"}, ["x", True], {}])
def test_what_is_no_text_becomes_its_json_with_sorted_keys(value: Any) -> None:
    wanted = wanted_environment({"RULE": value}, None)
    assert wanted is not None
    assert wanted.variables == {"RULE": json.dumps(value, sort_keys=True)}


def test_a_variable_in_both_options_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="A, B is also in environment") as failure:
        wanted_environment({"A": "hush", "B": "x", "C": "x"}, {"B": "hush", "A": "hush"})
    assert "hush" not in str(failure.value)


def test_what_lambda_would_refuse_and_quote_is_refused_here() -> None:
    fits = 4096 - environment_size({"TOKEN": ""})
    assert wanted_environment(None, {"TOKEN": "h" * fits}) is not None
    with pytest.raises(InvalidInputError, match="4097 bytes and Lambda takes 4096") as failure:
        wanted_environment(None, {"TOKEN": "h" * (fits + 1)})
    assert "hhh" not in str(failure.value)


def test_secrets_are_not_in_the_repr() -> None:
    assert "hush" not in repr(wanted_environment({"A": "x"}, {"TOKEN": "hush"}))


def test_a_diff_shows_only_public_values() -> None:
    before = {"LEVEL": "info", "TOKEN": "old hush", "SAME": "same hush", "STRANGER": "strange hush"}
    after = {"LEVEL": "debug", "TOKEN": "new hush", "SAME": "same hush", "FRESH": "fresh hush"}
    left, right = shown_before(before, {"LEVEL"}), shown_after(after, {"LEVEL"}, before)
    assert left == {"LEVEL": "info", "SAME": HIDDEN, "STRANGER": HIDDEN, "TOKEN": HIDDEN}
    assert right == {"FRESH": HIDDEN, "LEVEL": "debug", "SAME": HIDDEN, "TOKEN": HIDDEN_CHANGED}


@given(st.dictionaries(TEXT, TEXT), st.dictionaries(TEXT, TEXT), st.sets(TEXT))
def test_hidden_values_never_reach_a_diff(before: dict[str, str], after: dict[str, str], public: set[str]) -> None:
    for shown, values in (
        (shown_before(before, public), before),
        (shown_after(after, public, before), after),
    ):
        assert shown.keys() == values.keys()
        for name, value in shown.items():
            assert value == values[name] if name in public else value in (HIDDEN, HIDDEN_CHANGED)


# Not of letters that stand in the sentence around them, which would be found there.
SECRET = st.text(st.sampled_from("0123456789\"\\'/\n\té€😀"), min_size=6, max_size=30)


@given(SECRET, st.sampled_from([str, json.dumps, repr, lambda text: json.dumps(json.dumps(text))]))
def test_no_quotation_of_a_secret_stays_in_an_error(secret: str, quote: Any) -> None:
    error = AwsError(
        "update function x", f"bad value {quote(secret)} given", code="Bad", where="here", advice="Mend it."
    )
    clean = without_secrets(error, {secret})
    assert secret not in str(clean)
    assert quote(secret).strip("'\"") not in str(clean)
    assert HIDDEN in clean.message
    assert (clean.operation, clean.code, clean.where, clean.advice) == (error.operation, "Bad", "here", "Mend it.")


def test_the_longer_of_two_secrets_goes_first() -> None:
    error = AwsError("x", "value hush-and-more is bad")
    assert without_secrets(error, {"hush", "hush-and-more"}).message == "value (hidden) is bad"


def test_aws_quotes_a_too_large_environment_and_may_cut_it_anywhere() -> None:
    message = 'exceeded the 4KB limit. String measured: {"TOKEN":"hush-and-mo'
    assert without_secrets(AwsError("x", message), {"hush-and-more"}).message == (
        "exceeded the 4KB limit. String measured: (hidden)"
    )


def test_the_kind_of_an_error_and_what_was_done_stay() -> None:
    error = LimitReachedError("x", "hush")
    error.done = {"changed": True}
    clean = without_secrets(error, {"hush"})
    assert isinstance(clean, LimitReachedError)
    assert clean.done == {"changed": True}


def test_an_empty_secret_hides_nothing_else() -> None:
    assert without_secrets(AwsError("x", "no such thing"), {""}).message == "no such thing"
