# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The choice of log groups."""

from __future__ import annotations

import fnmatch
import re

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import (
    Choice,
    LogGroup,
    Patterns,
    own_log_groups,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.settings import parse_settings
from hypothesis import given
from hypothesis import strategies as st

NAME_CHARACTERS = "abcxyzABC019.-_/#"  # logGroupName, CreateLogGroup: [\.\-_/#A-Za-z0-9]+
names = st.text(NAME_CHARACTERS, min_size=1, max_size=60)
patterns = st.text(NAME_CHARACTERS + "*?[]!", min_size=1, max_size=12).filter(lambda text: text != "re:")


def chosen(choice: Choice, name: str, log_class: str = "STANDARD") -> bool:
    return choice.exclusion(LogGroup(name, log_class)) is None


@given(names)
def test_star_takes_every_group(name: str) -> None:
    assert chosen(Choice(["*"], []), name)


@given(names)
def test_name_is_a_pattern_for_itself_alone(name: str) -> None:
    choice = Choice([name], [])
    assert chosen(choice, name)
    assert not chosen(choice, name + "-bar")
    assert not chosen(choice, "/" + name)


@given(patterns, names)
def test_patterns_are_those_of_a_shell_over_the_whole_name(pattern: str, name: str) -> None:
    assert chosen(Choice([pattern], []), name) == fnmatch.fnmatchcase(name, pattern)


@given(st.sampled_from(["^/aws/", "lambda", "-(dev|test)$", r"\d+", "x|y"]), names)
def test_re_searches_anywhere_in_the_name(expression: str, name: str) -> None:
    assert chosen(Choice([f"re:{expression}"], []), name) == bool(re.search(expression, name))


@given(st.lists(patterns, max_size=4), st.lists(patterns, max_size=4), names)
def test_exclude_wins_and_order_does_not_matter(include: list[str], exclude: list[str], name: str) -> None:
    choice = Choice(include, exclude)
    assert chosen(choice, name) == chosen(Choice(include[::-1], exclude[::-1]), name)
    if Patterns("exclude", exclude).first_match(name) is not None:
        assert not chosen(choice, name)
    if not include:
        assert not chosen(choice, name)


def test_patterns_are_case_sensitive() -> None:
    assert not chosen(Choice(["/AWS/*"], []), "/aws/lambda/x")
    assert not chosen(Choice(["re:AWS"], []), "/aws/lambda/x")


def test_reason_quotes_the_pattern() -> None:
    choice = Choice(["/aws/*"], ["/other/*", "re:-dev$"])
    excluded, unmatched = choice.exclusion(LogGroup("/aws/lambda/x-dev")), choice.exclusion(LogGroup("/app/x"))
    assert excluded is not None
    assert unmatched is not None
    assert (excluded.kind, excluded.reason) == ("excluded", "the exclude pattern 're:-dev$' matches")
    assert (unmatched.kind, unmatched.reason) == ("excluded", "no include pattern matches")


@pytest.mark.parametrize("log_class", ["INFREQUENT_ACCESS", "DELIVERY", "SOMETHING_NEW"])
def test_only_standard_groups_can_be_subscribed(log_class: str) -> None:
    verdict = Choice(["*"], []).exclusion(LogGroup("/archive/batch", log_class))
    assert verdict is not None
    assert verdict.kind == "not_possible"
    assert log_class in verdict.reason
    assert ("Firehose and S3 only" in verdict.reason) == (log_class == "DELIVERY")


def test_excluded_group_of_another_class_is_excluded() -> None:
    verdict = Choice(["*"], ["/archive/*"]).exclusion(LogGroup("/archive/batch", "INFREQUENT_ACCESS"))
    assert verdict is not None
    assert verdict.kind == "excluded"


@pytest.mark.parametrize("bad", ["", "re:", "re:(", "re:*", "regex:^/aws", "arn:aws:logs:*", 7, None])
def test_invalid_pattern_is_refused_with_the_option_name(bad: object) -> None:
    for include, exclude, option in ((["*", bad], [], "include"), (["*"], [bad], "exclude")):
        with pytest.raises(InvalidInputError, match=f"option {option}:"):
            Choice(include, exclude)  # type: ignore[arg-type]


def test_pattern_that_matches_no_log_group_names_the_prefix() -> None:
    """Such a pattern excluded nothing, without a word."""
    with pytest.raises(InvalidInputError, match=r"no name has a colon\. A regular expression begins with 're:'"):
        Choice(["*"], ["regex:^/dev/"])


def test_unknown_setting_suggests_the_nearest() -> None:
    with pytest.raises(InvalidInputError, match=r"it has no option exlude\. Did you mean exclude\?"):
        parse_settings('{"exlude": ["/dev/*"]}')


def test_bare_string_is_not_taken_for_a_list_of_its_characters() -> None:
    with pytest.raises(InvalidInputError, match="option include:"):
        Choice("/aws/*", [])


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("qualifier", ["", ":live", ":12"])
def test_own_log_groups_are_never_subscribed(partition: str, qualifier: str) -> None:
    arn = f"arn:{partition}:lambda:eu-west-1:222222222222:function:log-reflector{qualifier}"
    path = own_log_groups(arn, ["log-reflector-subscriber", ""])
    choice = Choice(["*", "/aws/lambda/log-reflector"], [], path)
    for name in ("/aws/lambda/log-reflector", "/aws/lambda/log-reflector-subscriber"):
        verdict = choice.exclusion(LogGroup(name))
        assert verdict is not None
        assert verdict.kind == "excluded"
        assert "loop" in verdict.reason
    assert chosen(choice, "/aws/lambda/log-reflector-2")
    assert chosen(choice, "/aws/lambda/")


def test_destination_that_is_no_function_has_no_log_group() -> None:
    assert own_log_groups("arn:aws:kinesis:eu-west-1:222222222222:stream/logs", ["x"]) == ["/aws/lambda/x"]


def test_own_log_groups_include_given_and_default_names() -> None:
    arn = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
    assert set(own_log_groups(arn, [], ["/platform/reflector"])) == {"/aws/lambda/log-reflector", "/platform/reflector"}
