# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json

import boto3
import pytest
from reflector import secrets
from reflector.aws import AwsError
from reflector.secrets import Secret, SecretError, is_reference, read

URL = "https://collectors.example.com/receiver/v1/http/secret-token"
KEYS = ("SUMO_ENDPOINT", "url")


@pytest.fixture(autouse=True)
def _aws(aws):
    pass


def secret(text, region="eu-west-1", name="sumo/endpoint"):
    return boto3.client("secretsmanager", region_name=region).create_secret(Name=name, SecretString=text)["ARN"]


def parameter(text, region="eu-west-1", name="/sumo/endpoint"):
    client = boto3.client("ssm", region_name=region)
    client.put_parameter(Name=name, Value=text, Type="SecureString")
    return client.get_parameter(Name=name)["Parameter"]["ARN"]


@pytest.mark.parametrize(
    "text",
    [
        URL,
        f"{URL}\n",
        json.dumps({"SUMO_ENDPOINT": URL}),
        json.dumps({"url": URL, "other": 1}),
        json.dumps({"url": "x", "SUMO_ENDPOINT": URL}),
    ],
)
def test_secret_plain_or_json(text):
    secret(text)
    parameter(text)
    assert read("secretsmanager:sumo/endpoint", KEYS) == URL
    assert read("ssm:/sumo/endpoint", KEYS) == URL


def test_secret_arn_is_read_in_its_region():
    arn = secret(URL, "us-gov-west-1")
    assert ":us-gov-west-1:" in arn
    assert read(arn, KEYS) == URL
    arn = parameter(URL, "ap-south-1")
    assert ":ap-south-1:" in arn
    assert read(arn, KEYS) == URL


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_reference_of_every_partition(partition):
    assert is_reference(f"arn:{partition}:secretsmanager:r-1:123456789012:secret:a/b-AbCdEf")
    assert is_reference(f"arn:{partition}:ssm:r-1:123456789012:parameter/a/b")


@pytest.mark.parametrize(
    "text", [URL, "http://localhost:1/", "", "ssm:", "arn:aws:s3:::bucket", "arn:aws:ssm:r:1:parameter/a", "s3:name"]
)
def test_reference_other_texts_are_literals(text):
    assert not is_reference(text)


def test_secret_is_read_once_until_renewed():
    secret(URL)
    client = boto3.client("secretsmanager")
    found = Secret("secretsmanager:sumo/endpoint", "SUMO_ENDPOINT")
    assert found.value() == URL
    client.put_secret_value(SecretId="sumo/endpoint", SecretString="another")
    assert found.value() == URL
    assert found.renew()
    assert found.value() == "another"


def test_secret_error_is_not_cached():
    found = Secret("secretsmanager:sumo/endpoint", "SUMO_ENDPOINT")
    with pytest.raises(SecretError):
        found.value()
    secret(URL)
    assert found.value() == URL


def test_secret_literal_cannot_be_renewed():
    literal = Secret(URL, "SUMO_ENDPOINT")
    assert (literal.value(), literal.is_reference, literal.renew(), literal.value()) == (URL, False, False, URL)


def test_secret_repr_hides_value():
    secret(URL)
    found = Secret("secretsmanager:sumo/endpoint", "sinks.a.token")
    found.value()
    assert repr([found, Secret(URL, "SUMO_ENDPOINT")]) == "[Secret(sinks.a.token), Secret(SUMO_ENDPOINT)]"


@pytest.mark.parametrize("option", ["token", "sinks.main.token"])
def test_secret_json_falls_back_to_option_name(option):
    secret(json.dumps({"token": "t", "url": URL}))
    assert Secret("secretsmanager:sumo/endpoint", option).value() == "t"
    assert Secret("secretsmanager:sumo/endpoint", option).value(("url",)) == URL


def test_read_without_keys_returns_whole_text():
    parameter('{"sinks":{}}')
    assert read("ssm:/sumo/endpoint") == '{"sinks":{}}'


@pytest.mark.parametrize("text", [URL, "", "arn:aws:s3:::bucket"])
def test_read_non_reference_is_refused_without_quoting(text):
    with pytest.raises(SecretError, match=r"^The setting is no reference") as caught:
        read(text)
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("secretsmanager:gone", "GetSecretValue of secretsmanager gone was refused: ResourceNotFoundException."),
        ("ssm:/gone", "GetParameter of ssm /gone was refused: ParameterNotFound."),
    ],
)
def test_secret_refusal_has_aws_code(reference, sentence):
    with pytest.raises(SecretError) as caught:
        read(reference, KEYS)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("reference", ["secretsmanager:endpiont", "ssm:/endpiont"])
def test_secret_denial_says_that_the_secret_may_be_missing(monkeypatch, reference):
    """For a missing secret the whole text was "refused: AccessDeniedException"."""

    def refuse(_service, operation, _region, **_parameters):
        raise AwsError(operation, "AccessDeniedException", 400, transient=False)

    monkeypatch.setattr(secrets, "call", refuse)
    with pytest.raises(SecretError, match=r"endpiont was refused: .*It does not exist, or .*reflector_sumo_endpoint"):
        read(reference, KEYS)
    with pytest.raises(SecretError, match=r"refused: AccessDeniedException\.$"):
        read(reference)  # the rules


@pytest.mark.parametrize(
    ("code", "status", "transient"),
    [
        ("ThrottlingException", 400, True),
        ("InternalServiceError", 500, True),
        ("EndpointConnectionError", 0, True),
        ("AccessDeniedException", 400, False),
    ],
)
@pytest.mark.parametrize("reference", ["secretsmanager:name", "ssm:name"])
def test_secret_error_shows_whether_a_retry_may_succeed(monkeypatch, reference, code, status, transient):
    """A throttled reading of a secret dead-lettered the events at once."""

    def refuse(service, operation, region, **_parameters):
        raise AwsError(operation, code, status, transient=transient)

    monkeypatch.setattr(secrets, "call", refuse)
    with pytest.raises(SecretError, match=code) as caught:
        read(reference, KEYS)
    assert caught.value.transient is transient


def test_secret_sdk_error_is_reported(monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SecretError, match="secretsmanager name could not be read: NoRegionError"):
        read("secretsmanager:name", KEYS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"token":"secret-token"}', "without the key SUMO_ENDPOINT or url"),
        ('{"url":7}', "without the key"),
        ("{secret-token", "neither a plain value nor"),
    ],
)
def test_secret_json_without_key_is_refused_without_quoting(text, sentence):
    secret(text)
    with pytest.raises(SecretError, match=sentence) as caught:
        read("secretsmanager:sumo/endpoint", KEYS)
    assert "secret-token" not in str(caught.value)


def test_secret_binary_is_refused():
    boto3.client("secretsmanager").create_secret(Name="b", SecretBinary=b"x")
    with pytest.raises(SecretError, match="binary"):
        read("secretsmanager:b", KEYS)
