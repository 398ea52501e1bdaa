"""What the subscriber is told, where it stands, and what is said before it would refuse it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.filter.subscriber_settings import subscriber_settings
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    DesiredFilter,
    attributes_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.settings import (
    Settings,
    deciding_tag_keys,
    desired_filter,
    parse_settings,
)

OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
ROLE = {
    "subscriber_include": ["*"],
    "subscriber_exclude": [],
    "subscriber_include_tags": {},
    "subscriber_exclude_tags": {},
    "subscriber_created_after": "",
    "subscriber_own_log_groups": [],
    "subscriber_filter_pattern": "",
    "subscriber_slots": 5,
    "subscriber_merge": False,
    "subscriber_rate_share": 0.97,
    "subscriber_tag_log_groups": True,
    "subscriber_backfill_seconds": 172800,
    "subscriber_retention_days": 0,
    "subscriber_audit_days": 1,
    "subscriber_slice_seconds": 120,
    "subscriber_settings_inline_bytes": 2500,
}


def test_the_roles_defaults_are_the_functions() -> None:
    found = subscriber_settings(ROLE)
    assert (found["mistake"], found["apart"]) == ("", False)
    assert found["environment"] == found["settings"]
    assert parse_settings(found["settings"]) == Settings(filter_pattern="")


def test_the_mark_is_the_catch_ups() -> None:
    """Or each would look again at what the other has marked."""
    settings = parse_settings(subscriber_settings({**ROLE, "subscriber_filter_pattern": "ERROR"})["settings"])
    assert desired_filter(settings, OURS).subscription_tag == (
        DesiredFilter(OURS, attributes_of({"filter_pattern": "ERROR"})).subscription_tag
    )


def test_nothing_given_is_nothing_set() -> None:
    assert subscriber_settings({})["settings"] == "{}"
    assert parse_settings("{}") == Settings()


@pytest.mark.parametrize("given", ["/a/*, /b", ["/a/*", "/b"]])
def test_lists_are_read_as_the_catch_up_reads_them(given: Any) -> None:
    assert parse_settings(subscriber_settings({"include": given})["settings"]).include == ("/a/*", "/b")


def test_what_templates_make_of_numbers_and_switches_is_taken() -> None:
    given = {
        "slots": "2",
        "merge": "True",
        "tag_log_groups": "False",
        "retention_days": "30",
        "rate_share": "0.5",
        "audit_days": "7",
    }
    found = parse_settings(subscriber_settings(given)["settings"])
    assert (
        found.slots,
        found.merge,
        found.tag_log_groups,
        found.retention_days,
        found.rate_share,
        found.audit_days,
    ) == ((2, True, False, 30, 0.5, 7))


def test_all_that_chooses_is_told() -> None:
    given = {
        "subscriber_include_tags": {"team": "a", "stage": ["x", "y"], "logs": ""},
        "subscriber_exclude_tags": {"secret": "yes"},
        "subscriber_created_after": "2026-01-31",
        "subscriber_own_functions": ["enricher"],
        "subscriber_own_log_groups": ["/aws/kinesisfirehose/archive", "/aws/opensearch/*"],
    }
    found = parse_settings(subscriber_settings(given)["settings"])
    assert found.include_tags == {"team": ["a"], "stage": ["x", "y"], "logs": []}
    assert found.exclude_tags == {"secret": ["yes"]}
    assert found.created_after == "2026-01-31"
    assert found.own_functions == ("enricher",)
    assert found.own_log_groups == ("/aws/kinesisfirehose/archive", "/aws/opensearch/*")
    assert deciding_tag_keys(found) == {"team", "stage", "logs", "secret"}


def test_long_settings_are_referred_to_and_other_settings_are_another_reference() -> None:
    names = [f"/app/{number:05}" for number in range(300)]
    found, other = (subscriber_settings({"exclude": names[start:]}) for start in (0, 1))
    assert found["apart"]
    assert json.loads(found["settings"]) == {"exclude": names}
    assert found["environment"].startswith("{steps.subscriber_settings.reference}#")
    assert found["environment"] != other["environment"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"exclude": ["re:("]}, "option exclude: 're:(' is not a regular expression"),
        ({"own_log_groups": ["re:("]}, "own_log_groups: 're:(' is not a regular expression"),
        ({"include": ["*", ""]}, "option include"),
        ({"own_functions": {"a": 1}}, "option own_functions"),
        ({"include_tags": ["team"]}, "option include_tags"),
        ({"created_after": "yesterday"}, "option created_after: 'yesterday' is not a date"),
        ({"slots": 0}, "option slots"),
        ({"slots": "many"}, "option slots"),
        ({"rate_share": 1.5}, "option rate_share"),
        ({"merge": "perhaps"}, "option merge"),
        ({"retention_days": 31}, "option retention_days: 31 is not one of 1, 3, 5"),
        ({"audit_days": 0}, "option audit_days"),
        ({"slice_seconds": 1}, "option slice_seconds"),
        ({"filter_pattern": "x" * 1025}, "option filter_pattern: it has 1025 characters"),
        ({"subscriber_exclusions": ["x"]}, "does not take exclusions"),
        ({"exclude": [f"/app/{number:05}" for number in range(900)]}, "at most 8192"),
    ],
)
def test_what_the_function_would_refuse_is_told(given: dict[str, Any], words: str) -> None:
    assert words in subscriber_settings(given)["mistake"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"filter_pattern": []},
        {"distribution": "Random"},
        {"destination_arn": OURS},
        {"apply_on_transformed_logs": "x"},
        {"emit_system_fields": "x"},
    ],
)
def test_attributes_that_no_filter_to_a_function_has_are_refused(attributes: Any) -> None:
    text = json.dumps(attributes)
    with pytest.raises(InvalidInputError):
        parse_settings(text)
