"""The filter says where the function would refuse its rules, whatever YAML makes of them, and shows no secret."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.logreflector.aws.plugins.filter.reflector_rules_mistake import reflector_rules_mistake
from jinja2 import StrictUndefined, UndefinedError

ROOT = Path(__file__).resolve().parents[4]
CREDENTIAL = "hunter2"


def test_the_example_of_the_page_is_taken() -> None:
    page = (ROOT / "docs" / "RULES.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    variables = yaml.safe_load(example)
    rules = {"sinks": variables["reflector_sinks"], "routes": variables["reflector_routes"]}
    assert reflector_rules_mistake(rules, variables["reflector_sumo_endpoint"]) == ""
    # Without the endpoint there is no sink of that name, and the rules are no longer right.
    assert reflector_rules_mistake(rules).endswith("routes[3].sinks[0]: there is no sink sumologic. Sinks are archive.")


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ("text", "the rules"),
        (None, "the rules"),
        ({"sink": {}}, "sink"),
        ({"sinks": ["a"]}, "sinks"),
        ({"sinks": {"a": "text"}}, "sinks.a"),
        ({"sinks": {"sumologic": {"type": "stdout"}}}, "sinks.sumologic"),
        ({"sinks": {"a": {"type": "s3", "bucket": 5}}}, "sinks.a.bucket"),
        ({"sinks": {"a": {"type": "http", "endpoint": f"ftp://{CREDENTIAL}"}}}, "sinks.a.endpoint"),
        ({"sinks": {"a": {"type": "datadog", "api_key": CREDENTIAL, "key": CREDENTIAL}}}, "sinks.a.key"),
        ({"routes": [None]}, "routes[0]"),
        ({"routes": [{"log_groups": ["*"], "redact": ["email", {"pattern": "("}]}]}, "routes[0].redact[1].pattern"),
    ],
)
def test_a_mistake_is_told_by_its_place_and_without_secrets(rules: Any, place: str) -> None:
    told = reflector_rules_mistake(rules, "secretsmanager:endpoint")
    assert told.startswith(f"The reflector would refuse its rules: {place}: ")
    assert told.endswith(".")
    assert CREDENTIAL not in told


def test_what_yaml_takes_for_a_date_is_text_as_the_role_writes_it() -> None:
    sink = {"type": "s3", "bucket": "logs", "prefix": datetime.date(2026, 1, 1)}
    assert reflector_rules_mistake({"sinks": {"a": sink}}) == ""


def test_a_variable_that_is_not_defined_is_no_mistake_of_the_rules() -> None:
    sink = {"type": "http", "endpoint": StrictUndefined(name="collector_endpoint")}
    with pytest.raises(UndefinedError, match="collector_endpoint"):
        reflector_rules_mistake({"sinks": {"a": sink}})


@pytest.mark.parametrize(
    ("endpoint", "environment", "told"),
    [
        (f"ftp://{CREDENTIAL}", {}, "SUMO_ENDPOINT: must be an https URL"),
        ("ssm:endpoint", {"INCLUDE_LOG_INFO": "perhaps"}, "INCLUDE_LOG_INFO must be true or false."),
        (
            "ssm:endpoint",
            {"INCLUDE_LOG_INFO": True, "COMPRESS_DATA": "no", "SOURCE_NAME_OVERRIDE": "x", "OTHER": 1},
            "",
        ),
        ("https://example.com/receiver", {}, ""),
    ],
)
def test_the_other_settings_are_checked_too(endpoint: str, environment: dict[str, Any], told: str) -> None:
    mistake = reflector_rules_mistake({}, endpoint, environment)
    assert mistake.startswith(f"The reflector would refuse its settings: {told}" if told else "")
    assert bool(mistake) == bool(told)
    assert CREDENTIAL not in mistake
