# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
from unittest import mock

import boto3
import pytest
from reflector import config as configuration
from reflector.config import checked_rules, current_config
from reflector.options import SettingsError
from reflector.retries import RETRY_SECONDS
from reflector.sinks.sumologic import Options

URL = "https://collectors.example.com/receiver/v1/http/secret-token"
SUMO = {"type": "sumologic", "endpoint": URL}


def config(**environment):
    configuration._parsed.cache_clear()
    with mock.patch.dict(os.environ, {"SUMO_ENDPOINT": URL, **environment}):
        return current_config()


def mistake(**environment):
    with pytest.raises(SettingsError) as caught:
        config(**environment)
    text = str(caught.value)
    assert "secret-token" not in text
    return text


def sumo_options(**environment) -> Options:
    """Return the options of the sink sumologic."""
    with mock.patch("reflector.sinks.sumologic.SumoLogic") as made:
        config(**environment)
    (options,) = made.call_args.args
    return options


# --- Sumo Logic's variables ---


def test_config_defaults():
    got = sumo_options()
    assert got.compress
    assert (got.include_log_info, got.include_event_id, got.include_extracted_fields) == (False, False, False)
    assert (got.source_name, got.source_host, got.source_category, got.source_fields) == ("", "", "", "")
    assert config().log_stream_prefixes == ()
    assert list(config().sinks) == ["sumologic"]


def test_config_overrides():
    got = sumo_options(
        SOURCE_NAME_OVERRIDE="n", SOURCE_HOST_OVERRIDE="h", SOURCE_CATEGORY_OVERRIDE="c", SOURCE_FIELDS_OVERRIDE="k=v"
    )
    assert (got.source_name, got.source_host, got.source_category, got.source_fields) == ("n", "h", "c", "k=v")


def test_config_empty_variable_counts_as_not_set():
    empty = ("SOURCE_NAME_OVERRIDE", "COMPRESS_DATA", "INCLUDE_LOG_INFO", "LOG_STREAM_PREFIX", "REFLECTOR_RULES")
    got, plain = (sumo_options(**dict.fromkeys(empty, value)) for value in ("", " "))
    assert (got.source_name, got.compress, got.include_log_info) == ("", True, False)
    assert (plain.source_name, plain.compress, plain.include_log_info) == ("", True, False)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("Yes", True),
        ("on", True),
        ("false", False),
        ("False", False),
        ("0", False),
        ("no", False),
        ("OFF", False),
    ],
)
def test_config_booleans(word, value):
    got = sumo_options(COMPRESS_DATA=word, INCLUDE_LOG_INFO=word)
    assert got.compress is value
    assert got.include_log_info is value


@pytest.mark.parametrize("name", ["COMPRESS_DATA", "INCLUDE_LOG_INFO", "INCLUDE_EVENT_ID", "INCLUDE_EXTRACTED_FIELDS"])
def test_config_invalid_boolean_is_refused_by_name(name):
    assert mistake(**{name: "maybe"}) == f"{name} must be true or false."


@pytest.mark.parametrize(("text", "seconds"), [("", RETRY_SECONDS), ("0", 0.0), ("60", 60.0), ("900", 900.0)])
def test_config_retry_seconds(text, seconds):
    assert config(RETRY_SECONDS=text).retry_seconds == seconds


@pytest.mark.parametrize("text", ["901", "-1", "1.5", "soon", "9" * 5000, "²"])
def test_config_invalid_retry_seconds_are_refused(text):
    assert mistake(RETRY_SECONDS=text) == "RETRY_SECONDS must be a whole number of seconds, at most 900."


@pytest.mark.parametrize(
    ("text", "patterns"),
    [("", ()), ("false", ()), ("True", ("*",)), ("category=dev/*, sourceHost=*,", ("category=dev/*", "sourceHost=*"))],
)
def test_config_allowed_metadata(text, patterns):
    assert sumo_options(ALLOW_SUMO_METADATA=text).allow_metadata == patterns


@pytest.mark.parametrize("endpoint", ["", "  "])
def test_config_missing_endpoint_is_reported(endpoint):
    assert mistake(SUMO_ENDPOINT=endpoint).startswith("SUMO_ENDPOINT is not set")


def test_config_bad_endpoint_is_reported_without_quoting():
    assert mistake(SUMO_ENDPOINT="http://example.com/secret-token").startswith("SUMO_ENDPOINT: must be an https URL")


def test_config_prefixes_are_split_and_trimmed():
    assert config(LOG_STREAM_PREFIX=" batch/ ,,Web,").log_stream_prefixes == ("batch/", "Web")


def test_config_repr_hides_endpoint():
    assert "secret-token" not in repr(config(REFLECTOR_RULES=json.dumps({"sinks": {"b": SUMO}})))


# --- rules ---


def test_config_rules_add_sinks_to_sumologic():
    got = config(REFLECTOR_RULES=json.dumps({"sinks": {"a": SUMO, "b": SUMO}}))
    assert list(got.sinks) == ["sumologic", "a", "b"]
    assert got.route("/any").sinks == ("sumologic", "a", "b")
    assert len({id(sink) for sink in got.sinks.values()}) == 3


def test_config_sinks_without_sumo_endpoint():
    assert list(config(SUMO_ENDPOINT="", REFLECTOR_RULES=json.dumps({"sinks": {"a": SUMO}})).sinks) == ["a"]


def test_config_routes_without_sinks():
    rules = {"routes": [{"log_groups": ["/a/*"], "sinks": []}, {"log_groups": ["*"]}]}
    got = config(REFLECTOR_RULES=json.dumps(rules))
    assert (got.route("/a/b").sinks, got.route("/b").sinks) == ((), ("sumologic",))


def test_config_is_parsed_once():
    with mock.patch.dict(os.environ, {"SUMO_ENDPOINT": URL, "REFLECTOR_RULES": json.dumps({"sinks": {"b": SUMO}})}):
        first = current_config()
        assert current_config() is first
        with mock.patch.dict(os.environ, {"REFLECTOR_RULES": ""}):
            assert list(current_config().sinks) == ["sumologic"]


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ("{", "is neither JSON nor a reference to an SSM parameter."),
        ("secret-token", "is neither JSON nor a reference to an SSM parameter."),
        ("[" * 100_000, "is neither JSON nor a reference to an SSM parameter."),
        ([], "the rules: must be an object with sinks and routes."),
        ({"sink": {}}, "sink: there is no such option. Options are sinks, routes."),
        ({"sinks": [1]}, "sinks: must be an object of sinks by name."),
        ({"sinks": {"sumologic": SUMO}}, "sinks.sumologic: this name belongs to the sink of SUMO_ENDPOINT."),
        ({"sinks": {"a": 5}}, "sinks.a: must be an object with type and options."),
        ({"sinks": {"a": {"type": "sumologic"}}}, "sinks.a.endpoint: is needed."),
        ({"sinks": {"a": {**SUMO, "compress": "yes"}}}, "sinks.a.compress: must be true or false."),
        ({"sinks": {"a": {**SUMO, "endpoint": "ftp://secret-token"}}}, "sinks.a.endpoint: must be an https URL"),
        ({"routes": {"log_groups": ["*"]}}, "routes: must be a list of routes."),
        ({"routes": [{"log_groups": ["*"], "sinks": ["b"]}]}, "routes[0].sinks[0]: there is no sink b."),
    ],
)
def test_config_error_names_the_place(rules, sentence):
    text = rules if isinstance(rules, str) else json.dumps(rules)
    assert mistake(REFLECTOR_RULES=text).startswith(f"REFLECTOR_RULES: {sentence}")


@pytest.mark.parametrize("kind", [None, "", "splnuk", 5, ["sumologic"], {}])
def test_config_unknown_sink_type_lists_known_types(kind):
    text = mistake(REFLECTOR_RULES=json.dumps({"sinks": {"a": {"type": kind}}}))
    assert text.startswith("REFLECTOR_RULES: sinks.a.type: must be one of datadog")


def test_config_without_sink_is_refused():
    assert mistake(SUMO_ENDPOINT="", REFLECTOR_RULES='{"routes":[]}') == (
        "REFLECTOR_RULES: there is no sink: give one in sinks, or SUMO_ENDPOINT."
    )


# The checks that the deployment calls.
def test_checked_rules_need_no_environment():
    made, found = checked_rules({"sinks": {"a": SUMO}, "routes": None})
    assert (list(made), [route.sinks for route in found]) == (["a"], [("a",)])
    _made, found = checked_rules({"routes": [{"log_groups": ["*"], "sinks": ["sumologic"]}]}, ("sumologic",))
    assert found[0].sinks == ("sumologic",)
    with pytest.raises(SettingsError, match=r"^there is no sink: "):
        checked_rules({})


@pytest.mark.parametrize("suffix", ["", "#7f3a", "#a#b"])
def test_config_rules_from_parameter(aws, suffix):
    rules = json.dumps({"sinks": {"a": SUMO}})
    boto3.client("ssm").put_parameter(Name="/log-reflector/rules", Value=rules, Type="String")
    arn = boto3.client("ssm").get_parameter(Name="/log-reflector/rules")["Parameter"]["ARN"]
    for reference in ("ssm:/log-reflector/rules", arn):
        assert list(config(REFLECTOR_RULES=reference + suffix).sinks) == ["sumologic", "a"]


def test_config_missing_parameter_is_reported(aws):
    assert mistake(REFLECTOR_RULES="ssm:/gone#1") == (
        "REFLECTOR_RULES: GetParameter of ssm /gone was refused: ParameterNotFound."
    )


def test_config_unreadable_rules_are_read_again(aws):
    with mock.patch.dict(os.environ, {"SUMO_ENDPOINT": URL, "REFLECTOR_RULES": "ssm:/rules"}):
        with pytest.raises(SettingsError):
            current_config()
        boto3.client("ssm").put_parameter(Name="/rules", Value="{}", Type="String")
        assert list(current_config().sinks) == ["sumologic"]


def test_config_parameter_without_json_is_refused(aws):
    boto3.client("ssm").put_parameter(Name="/rules", Value="secret-token", Type="String")
    assert mistake(REFLECTOR_RULES="ssm:/rules").startswith("REFLECTOR_RULES: is neither JSON nor")


@pytest.mark.parametrize("text", ['{"sinks":{}, "routes":[{"log_groups":["*"],"redact":[{"pattern":"#"}]}]}'])
def test_config_hash_inside_rules_is_kept(text):
    assert config(REFLECTOR_RULES=text).route("/x").redact
