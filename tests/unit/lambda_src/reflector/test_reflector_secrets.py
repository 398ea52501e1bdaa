import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from reflector.secrets import is_reference, resolve
from reflector.settings import SettingsError

URL = "https://collectors.example.com/receiver/v1/http/secret-token"
KEYS = ("SUMO_ENDPOINT", "url")


@pytest.fixture(autouse=True)
def _aws(monkeypatch) -> Iterator[None]:
    resolve.cache_clear()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield
    resolve.cache_clear()


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
def test_plain_or_json(text):
    secret(text)
    parameter(text)
    assert resolve("secretsmanager:sumo/endpoint", KEYS) == URL
    assert resolve("ssm:/sumo/endpoint", KEYS) == URL


def test_an_arn_is_read_in_its_own_region():
    arn = secret(URL, "us-gov-west-1")
    assert ":us-gov-west-1:" in arn
    assert resolve(arn, KEYS) == URL
    arn = parameter(URL, "ap-south-1")
    assert ":ap-south-1:" in arn
    assert resolve(arn, KEYS) == URL


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_every_partition_has_references(partition):
    assert is_reference(f"arn:{partition}:secretsmanager:r-1:123456789012:secret:a/b-AbCdEf")
    assert is_reference(f"arn:{partition}:ssm:r-1:123456789012:parameter/a/b")


@pytest.mark.parametrize(
    "text", [URL, "http://localhost:1/", "", "ssm:", "arn:aws:s3:::bucket", "arn:aws:ssm:r:1:parameter/a", "s3:name"]
)
def test_no_reference(text):
    assert not is_reference(text)


def test_a_secret_is_read_once():
    secret(URL)
    assert resolve("secretsmanager:sumo/endpoint", KEYS) == URL
    boto3.client("secretsmanager").delete_secret(SecretId="sumo/endpoint", ForceDeleteWithoutRecovery=True)
    assert resolve("secretsmanager:sumo/endpoint", KEYS) == URL


def test_an_error_is_not_remembered():
    with pytest.raises(SettingsError):
        resolve("secretsmanager:sumo/endpoint", KEYS)
    secret(URL)
    assert resolve("secretsmanager:sumo/endpoint", KEYS) == URL


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("secretsmanager:gone", "GetSecretValue of secretsmanager gone was refused: ResourceNotFoundException."),
        ("ssm:/gone", "GetParameter of ssm /gone was refused: ParameterNotFound."),
    ],
)
def test_what_aws_refuses_is_said_with_its_code(reference, sentence):
    with pytest.raises(SettingsError) as caught:
        resolve(reference, KEYS)
    assert str(caught.value) == sentence


def test_an_sdk_that_cannot_ask_is_said(monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SettingsError, match="secretsmanager name could not be read: NoRegionError"):
        resolve("secretsmanager:name", KEYS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"token":"secret-token"}', "without the key SUMO_ENDPOINT or url"),
        ('{"url":7}', "without the key"),
        ("{secret-token", "neither a plain value nor"),
    ],
)
def test_a_secret_of_another_shape_is_said_without_its_value(text, sentence):
    secret(text)
    with pytest.raises(SettingsError, match=sentence) as caught:
        resolve("secretsmanager:sumo/endpoint", KEYS)
    assert "secret-token" not in str(caught.value)


def test_a_binary_secret_is_refused():
    boto3.client("secretsmanager").create_secret(Name="b", SecretBinary=b"x")
    with pytest.raises(SettingsError, match="binary"):
        resolve("secretsmanager:b", KEYS)
