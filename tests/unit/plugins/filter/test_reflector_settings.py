"""Where sinks and routes are told to the reflector, and what is said before it would refuse them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.filter.reflector_settings import reflector_settings

SECRET = "secretsmanager:log-reflector/sumo-endpoint"
SINKS = {"archive": {"type": "s3", "bucket": "example-log-archive"}}


def settings(**variables: Any) -> dict[str, Any]:
    given = {
        "sumo_endpoint": SECRET,
        "sinks": {},
        "routes": [],
        "environment": {},
        "rules_inline_bytes": 2500,
        **variables,
    }
    return reflector_settings({f"reflector_{name}": value for name, value in given.items()})


def test_a_secret_alone_needs_no_rules() -> None:
    assert settings() == {"rules": "", "apart": False, "secret_environment": {"SUMO_ENDPOINT": SECRET}, "mistake": ""}


def test_short_rules_stand_in_the_environment() -> None:
    found = settings(sinks=SINKS, sumo_endpoint="")
    assert found["secret_environment"] == {"REFLECTOR_RULES": json.dumps({"sinks": SINKS})}
    assert not found["apart"]
    assert found["mistake"] == ""


def test_long_rules_are_referred_to_and_other_rules_are_another_setting() -> None:
    found = settings(sinks=SINKS, rules_inline_bytes=10)
    other = settings(sinks={**SINKS, "more": {"type": "s3", "bucket": "b"}}, rules_inline_bytes=10)
    references = [each["secret_environment"]["REFLECTOR_RULES"] for each in (found, other)]
    assert found["apart"]
    assert json.loads(found["rules"]) == {"sinks": SINKS}
    assert all(reference.startswith("{steps.reflector_rules.reference}#") for reference in references)
    assert len(set(references)) == 2


@pytest.mark.parametrize("inline", [0, None, "0"])
def test_nothing_is_never_kept_apart(inline: Any) -> None:
    assert not settings(rules_inline_bytes=inline)["apart"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"sinks": {"a": {"type": "no-such-type"}}},
            ["sinks.a.type: must be one of", "In the role, sinks are reflector_sinks"],
        ),
        ({"routes": [{"log_groups": ["x"]}]}, ["The reflector would refuse its rules"]),
        ({"sumo_endpoint": "no URL"}, ["The reflector would refuse its settings"]),
        ({"sumo_endpoint": ""}, ["there is no sink"]),
        (
            {"environment": {"INCLUDE_LOG_INFO": "perhaps"}},
            ["The reflector would refuse its settings", "INCLUDE_LOG_INFO"],
        ),
        ({"environment": ["A=1"]}, ["reflector_environment is no dictionary"]),
        ({"sinks": {f"s{n}": {"type": "s3", "bucket": "b" * 60} for n in range(120)}}, ["at most 8192"]),
    ],
)
def test_what_the_function_would_refuse_is_told(variables: dict[str, Any], words: list[str]) -> None:
    mistake = settings(**variables)["mistake"]
    assert all(word in mistake for word in words), mistake
