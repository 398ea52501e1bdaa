import os
from unittest import mock

import pytest
from reflector.settings import SettingsError, current_settings

URL = "https://collectors.example.com/receiver/v1/http/secret-token"


def settings(**environment):
    with mock.patch.dict(os.environ, environment, clear=True):
        return current_settings()


def test_defaults():
    got = settings(SUMO_ENDPOINT=URL)
    assert got.compress_data
    assert (got.include_log_info, got.include_event_id, got.include_extracted_fields) == (False, False, False)
    assert (got.source_name, got.source_host, got.source_category, got.source_fields) == ("", "", "", "")
    assert got.log_stream_prefixes == ()


def test_an_empty_variable_is_one_that_is_not_set():
    empty = ("SOURCE_NAME_OVERRIDE", "COMPRESS_DATA", "INCLUDE_LOG_INFO", "LOG_STREAM_PREFIX")
    assert settings(SUMO_ENDPOINT=URL, **dict.fromkeys(empty, "")) == settings(SUMO_ENDPOINT=URL)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("Yes", True),
        ("false", False),
        ("False", False),
        ("0", False),
        ("no", False),
    ],
)
def test_booleans(word, value):
    got = settings(SUMO_ENDPOINT=URL, COMPRESS_DATA=word, INCLUDE_LOG_INFO=word)
    assert got.compress_data is value
    assert got.include_log_info is value


@pytest.mark.parametrize("name", ["COMPRESS_DATA", "INCLUDE_LOG_INFO", "INCLUDE_EVENT_ID", "INCLUDE_EXTRACTED_FIELDS"])
def test_a_boolean_that_is_none_is_refused_by_name(name):
    with pytest.raises(SettingsError, match=f"^{name} must be true or false.$"):
        settings(SUMO_ENDPOINT=URL, **{name: "maybe"})


@pytest.mark.parametrize("environment", [{}, {"SUMO_ENDPOINT": ""}, {"SUMO_ENDPOINT": "  "}])
def test_a_missing_endpoint_is_said(environment):
    with pytest.raises(SettingsError, match=r"^SUMO_ENDPOINT is not set"):
        settings(**environment)


def test_prefixes_are_split_and_trimmed():
    assert settings(SUMO_ENDPOINT=URL, LOG_STREAM_PREFIX=" batch/ ,,Web,").log_stream_prefixes == ("batch/", "Web")


def test_the_endpoint_is_in_no_repr():
    assert "secret-token" not in repr(settings(SUMO_ENDPOINT=URL))
