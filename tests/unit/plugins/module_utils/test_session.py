# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Target: region, credentials, names, clients, concurrent reads."""

from __future__ import annotations

import contextlib
import contextvars
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import boto3
import botocore
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _errors, _module
from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from botocore.credentials import Credentials, RefreshableCredentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from logs_server import LogsServer
from moto.sts.models import sts_backends

ROLE = "arn:aws:iam::333333333333:role/deployer"
PROBE = Spec(
    groups=(), work=lambda target, _params, _check: {"region": target.region, "account": target.read_identity().account}
)
ASK_ONCE = {"retries": {"total_max_attempts": 1}, "connect_timeout": 2}


def params(**given: Any) -> dict[str, Any]:
    defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
    return {**defaults, "region": "eu-west-1", **given}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Remove region, profile and keys of the machine that runs the test."""
    for name in ("REGION", "DEFAULT_REGION", "PROFILE", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return monkeypatch


# The region


def test_region_missing_error_lists_where_to_set_it(bare: pytest.MonkeyPatch) -> None:
    result = perform_in_process(PROBE, {}, check_mode=False)
    assert result["failed"]
    assert result["error"]["kind"] == "InvalidInputError"
    for place in (
        "target_region of the host",
        "option region",
        "module_defaults",
        "logreflector.aws.aws",
        "target_region",
        "AWS_REGION",
    ):
        assert place in result["msg"]


def test_region_of_a_profile_is_ignored(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = us-east-1\n")
    assert "no region is given" in perform_in_process(PROBE, {}, check_mode=False)["msg"]


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_region_falls_back_to_the_environment(aws: Any, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "ap-south-1")
    assert perform_in_process(PROBE, {}, check_mode=False)["region"] == "ap-south-1"


def test_region_option_overrides_the_environment(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    for name in ("region", "aws_region"):
        assert perform_in_process(PROBE, {name: "eu-west-1"}, check_mode=False)["region"] == "eu-west-1"


def test_region_invalid_is_refused(bare: pytest.MonkeyPatch) -> None:
    target = Target.from_params(params(region="eu west 1", access_key="a", secret_key="b"))
    with pytest.raises(_errors.InvalidInputError, match=r"option region: .*eu west 1"):
        target.client("logs")


# Credentials


def test_profile_unknown_is_named(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(_errors.CredentialsError, match="nobody"):
        Target.from_params(params(profile="nobody"))


def test_profile_unknown_in_the_environment_is_named(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(_errors.CredentialsError, match="nobody"):
        Target.from_params(params())


def test_profile_provides_the_keys(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = s\n")
    target = Target.from_params(params(profile="mine"))
    assert target.client("logs")._request_signer._credentials.access_key == "AKIAMINE"


@pytest.mark.parametrize("half", [{"access_key": "AKIA"}, {"secret_key": "hunter2"}])
def test_credentials_half_a_key_pair_is_refused(bare: pytest.MonkeyPatch, half: dict[str, str]) -> None:
    result = perform_in_process(PROBE, {"region": "eu-west-1", **half}, check_mode=False)
    assert result["failed"]
    assert "access_key, secret_key" in result["msg"]
    assert "hunter2" not in str(result)


def test_credentials_profile_and_keys_together_are_refused(bare: pytest.MonkeyPatch) -> None:
    both = {"region": "eu-west-1", "profile": "p", "access_key": "a", "secret_key": "hunter2"}
    assert "mutually exclusive" in perform_in_process(PROBE, both, check_mode=False)["msg"]


@pytest.mark.parametrize("role", [None, ROLE])
def test_credentials_half_a_key_pair_in_the_environment_is_refused(bare: pytest.MonkeyPatch, role: str | None) -> None:
    bare.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    with pytest.raises(_errors.CredentialsError, match=r"AWS_SECRET_ACCESS_KEY"):
        _unused = Target.from_params(params(assume_role_arn=role)).identity


def test_credentials_missing_error_names_the_options(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(_errors.CredentialsError, match="Give access_key and secret_key"):
        _unused = Target.from_params(params()).identity
    with pytest.raises(_errors.CredentialsError, match=rf"assume the role {ROLE}.*Give access_key and secret_key"):
        Target.from_params(params(assume_role_arn=ROLE))


def test_credentials_are_not_in_results(aws: Any) -> None:
    given = {"region": "eu-west-1", "access_key": "AKIA", "secret_key": "hunter2", "session_token": "topsecret"}
    result = perform_in_process(
        PROBE, {**given, "assume_role_arn": ROLE, "assume_role_external_id": "our-external-id"}, check_mode=False
    )
    for secret in ("hunter2", "topsecret", "our-external-id"):
        assert secret not in str(result)


# Roles


def test_role_is_assumed_with_external_id_and_session_name(aws: Any) -> None:
    target = Target.from_params(
        params(assume_role_arn=ROLE, assume_role_external_id="ours", assume_role_session_name="rollout")
    )
    expected = Identity("333333333333", "arn:aws:sts::333333333333:assumed-role/deployer/rollout")
    assert target.identity == expected
    assert not aws.calls  # the identity comes from the role
    assert target.read_identity() == expected
    assumed = [role for backends in sts_backends.values() for role in backends["aws"].assumed_roles]
    assert [(role.role_arn, role.session_name, role.external_id) for role in assumed] == [(ROLE, "rollout", "ours")]


def test_role_session_works_in_the_account_of_the_role(aws: Any) -> None:
    target = Target.from_params(params(assume_role_arn=ROLE))
    target.client("logs").create_log_group(logGroupName="/x")
    (group,) = target.client("logs").describe_log_groups()["logGroups"]
    assert group["arn"].startswith("arn:aws:logs:eu-west-1:333333333333:")
    assert aws.client("logs").describe_log_groups()["logGroups"] == []


def test_where_has_the_account_of_the_role_before_any_call(aws: Any) -> None:
    assert Target.from_params(params(assume_role_arn=ROLE)).where == "333333333333/eu-west-1"
    target = Target.from_params(params())
    assert target.where == "eu-west-1"
    _unused = target.identity
    assert target.where == "123456789012/eu-west-1"


class StsThatRefuses(BaseHTTPRequestHandler):
    """STS, which refuses a caller that the trust policy does not allow."""

    asked: list[dict[str, list[str]]]
    code = "AccessDenied"

    def do_POST(self) -> None:
        self.asked.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        body = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
            f"<Code>{self.code}</Code><Message>User: arn:aws:iam::111111111111:user/me is not authorized to perform: "
            f"sts:AssumeRole on resource: {ROLE}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        ).encode()
        self.send_response(403)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_unused: Any) -> None:
        """Keep the test's output clean."""


@contextlib.contextmanager
def serving(
    tls: ssl.SSLContext | None = None, code: str = "AccessDenied"
) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    handler = type("Refusing", (StsThatRefuses,), {"asked": [], "code": code})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}", handler.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    with serving() as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Write a file with the key of a private authority and its certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ours")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "ours.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(pem)
    )
    return path


def test_role_refused_error_names_the_role(bare: pytest.MonkeyPatch, refusing: tuple[str, list[Any]]) -> None:
    url, asked = refusing
    keys = {"region": "eu-west-1", "access_key": "AKIA", "secret_key": "s3cr3t", "endpoint_url": url}
    result = perform_in_process(
        PROBE, {**keys, "assume_role_arn": ROLE, "assume_role_external_id": "ours"}, check_mode=False
    )
    assert result["failed"]
    assert (result["error"]["kind"], result["error"]["code"]) == ("CredentialsError", "AccessDenied")
    assert result["msg"].startswith(f"Could not assume the role {ROLE} in 333333333333/eu-west-1: AccessDenied: ")
    assert result["msg"].endswith(
        "Check that the role exists in that account and that its trust policy lets this caller assume it."
    )
    assert [(call["Action"], call["ExternalId"]) for call in asked] == [(["AssumeRole"], ["ours"])]


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "ExpiredToken", "SignatureDoesNotMatch"])
def test_role_invalid_source_credentials_are_not_blamed_on_the_role(bare: pytest.MonkeyPatch, code: str) -> None:
    with serving(code=code) as (url, _asked):
        keys = {"region": "eu-west-1", "access_key": "AKIA", "secret_key": "s3cr3t", "endpoint_url": url}
        result = perform_in_process(PROBE, {**keys, "assume_role_arn": ROLE}, check_mode=False)
    assert (result["error"]["kind"], result["error"]["code"]) == ("CredentialsError", code)
    assert result["msg"].startswith(f"Could not assume the role {ROLE} in 333333333333/eu-west-1: {code}: ")
    assert "Renew the credentials" in result["msg"]
    assert "trust policy" not in result["msg"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("assume_role_arn", "foo"),
        ("assume_role_arn", "arn:aws:iam::333333333333:user/me"),
        ("assume_role_arn", "arn:aws:iam::3333:role/deployer"),
        ("assume_role_session_name", "x"),
        ("assume_role_session_name", "log reflector"),
        ("assume_role_external_id", "s"),
    ],
)
def test_role_invalid_option_is_refused(bare: pytest.MonkeyPatch, option: str, value: str) -> None:
    with pytest.raises(_errors.InvalidInputError, match=f"accept the option {option}: ") as caught:
        Target.from_params(params(**{"access_key": "a", "secret_key": "b", "assume_role_arn": ROLE, option: value}))
    assert "\n" not in str(caught.value)
    assert option != "assume_role_external_id" or "'s'" not in str(caught.value)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_role_of_every_partition_and_path_is_accepted(bare: pytest.MonkeyPatch, partition: str) -> None:
    role = f"arn:{partition}:iam::333333333333:role/platform/log-reflector@x"
    assert Target.from_params(params(access_key="a", secret_key="b", assume_role_arn=role)).where.startswith("3333")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, _errors.UnreachableError),
        ({"validate_certs": False}, _errors.AccessDeniedError),
        ({"aws_ca_bundle": "the certificate"}, _errors.AccessDeniedError),
    ],
)
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificates_are_checked_as_configured(
    bare: pytest.MonkeyPatch, certificate: Path, options: dict[str, Any], kind: type[Exception]
) -> None:
    if "aws_ca_bundle" in options:
        options = {"aws_ca_bundle": str(certificate)}
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    keys = {"access_key": "a", "secret_key": "b", "aws_config": ASK_ONCE}
    with serving(tls) as (url, _unused), pytest.raises(kind):
        _unused = Target.from_params(params(endpoint_url=url, **keys, **options)).identity


# Names


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_arn_is_in_the_partition_of_the_caller(partition: str) -> None:
    target = Target(boto3.Session(), "eu-west-1")
    target.__dict__["identity"] = Identity("222222222222", f"arn:{partition}:sts::222222222222:assumed-role/r/s")
    assert target.arn("lambda", "function:f") == f"arn:{partition}:lambda:eu-west-1:222222222222:function:f"
    assert target.arn("iam", "role/r", regional=False) == f"arn:{partition}:iam::222222222222:role/r"
    value = {"a": ["arn:{partition}:sqs:{region}:{account}:q", 5, None], "{account}": True}
    assert target.expand(value) == {
        "a": [f"arn:{partition}:sqs:eu-west-1:222222222222:q", 5, None],
        "222222222222": True,
    }


def test_expand_keeps_other_braces_and_makes_no_call() -> None:
    target = Target(None, "eu-west-1")
    for value in ("${aws:PrincipalAccount}", '{"a": {"b": 1}}', "{Account} {} {accounts}", "", "plain"):
        assert target.expand(value) == value
    assert target.expand("in {region}") == "in eu-west-1"


# Clients


def test_client_is_created_once_for_each_service(aws: Any) -> None:
    target = Target.from_params(params())
    assert target.client("logs") is target.client("logs")
    assert target.client("logs") is not target.client("sts")


def test_aws_config_is_passed_on_and_invalid_settings_are_refused(aws: Any) -> None:
    config = Target.from_params(params(aws_config={"max_pool_connections": 3})).client("logs").meta.config
    assert config.max_pool_connections == 3
    assert "logreflector.aws" in config.user_agent_extra
    for wrong in (
        {"max_pool_conections": 3},
        {"retries": {"mode": "none"}},
        {"retries": "x"},
        {"retries": 3},
        {"retries": {"total_max_attempts": "3"}},
        {"proxies": "http://proxy:3128"},
        {"proxies": {"https": 3128}},
        {"s3": "x"},
        {"connect_timeout": "soon"},
        {"max_pool_connections": "3"},
    ):
        with pytest.raises(_errors.InvalidInputError, match="option aws_config"):
            Target.from_params(params(aws_config=wrong))


def test_client_of_another_region_does_not_change_that_of_the_target(aws: Any) -> None:
    target = Target.from_params(params())
    assert target.client("pricing", region="us-east-1").meta.region_name == "us-east-1"
    assert target.client("pricing", region="us-east-1") is target.client("pricing", region="us-east-1")
    assert target.client("pricing").meta.region_name == target.region != "us-east-1"


@pytest.mark.parametrize(
    ("code", "attempts"), [("LimitExceededException", 1), ("ThrottlingException", 6), ("AccessDeniedException", 1)]
)
def test_client_retries_throttling_but_not_reached_limits(
    monkeypatch: pytest.MonkeyPatch, code: str, attempts: int
) -> None:
    monkeypatch.setattr("time.sleep", lambda _unused: None)
    server = LogsServer("/x")
    server.spoil = lambda *_unused: (code, "no")
    retries = Target.from_params(params(access_key="a", secret_key="b"))._client_options["config"]
    target = Target(server.session, "eu-west-1", config=retries)
    with pytest.raises(_errors.ReflectorError) as caught, target.describe_operation("put it"):
        target.client("logs").put_subscription_filter(
            logGroupName="/x", filterName="n", filterPattern="", destinationArn="arn:aws:lambda:eu-west-1:1:function:f"
        )
    assert caught.value.code == code
    assert len(server.calls) == attempts


def test_client_endpoint_without_listener_is_unreachable(bare: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        target = Target.from_params(params(access_key="a", secret_key="b", endpoint_url=url, aws_config=ASK_ONCE))
        with pytest.raises(_errors.UnreachableError, match=rf"{url}.*Check that the region is enabled"):
            _unused = target.identity


@pytest.mark.parametrize(("region", "hint"), [("eu-west-11", " Did you mean eu-west-1?"), ("nowhere", "")])
def test_region_that_botocore_does_not_know_is_the_likely_cause_of_silence(
    bare: pytest.MonkeyPatch, region: str, hint: str
) -> None:
    """A typo in an inventory was "check that the region is enabled in this account"."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        given = {
            "access_key": "AKIA",
            "secret_key": "hidden",
            "endpoint_url": url,
            "aws_config": ASK_ONCE,
            "region": region,
        }
        message = perform_in_process(PROBE, given, check_mode=False)["msg"]
    known = f"botocore {botocore.__version__} knows no region {region}.{hint}"
    assert message.endswith(f"{known} Correct target_region or the option region, or update botocore.")


def test_client_endpoint_without_answer_is_unreachable(bare: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hurried = {**ASK_ONCE, "read_timeout": 0.2}
        target = Target.from_params(params(access_key="a", secret_key="b", endpoint_url=url, aws_config=hurried))
        with pytest.raises(_errors.UnreachableError, match="read the caller's identity in eu-west-1"):
            _unused = target.identity


def test_client_invalid_endpoint_is_refused(bare: pytest.MonkeyPatch) -> None:
    target = Target.from_params(params(access_key="a", secret_key="b", endpoint_url="nowhere"))
    with pytest.raises(_errors.ReflectorError, match="nowhere"):
        target.client("logs")


def test_client_with_own_settings_does_not_change_others(aws: Any) -> None:
    target = Target.from_params(params(aws_config={"read_timeout": 7, "retries": {"total_max_attempts": 4}}))
    once = {"mode": "standard", "total_max_attempts": 1}
    patient = target.client("lambda", read_timeout=150, retries=once)
    assert (patient.meta.config.read_timeout, patient.meta.config.retries) == (150, once)
    assert patient.meta.config.connect_timeout == 10
    usual = target.client("lambda")
    assert (usual.meta.config.read_timeout, usual.meta.config.retries["total_max_attempts"]) == (7, 4)
    assert target.client("lambda", retries=once, read_timeout=150) is patient


def test_target_creates_no_client_before_the_first_use(aws: Any) -> None:
    assert Target.from_params(params())._clients == {}


def test_profile_also_serves_the_session_of_the_role(aws: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for service, operation in (("sts", "get_caller_identity"), ("logs", "describe_log_groups")):
        getattr(
            aws.client(service), operation
        )()  # moto opens sessions at its first call, which need a profile that exists
    credentials = tmp_path / "credentials"
    credentials.write_text("[fleet]\naws_access_key_id = testing\naws_secret_access_key = testing\n", encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    result = aws.run(
        "subscription_filter_info",
        profile="fleet",
        assume_role_arn="arn:aws:iam::123456789012:role/log-reflector-deployer",
    )
    assert result["subscription_filters"] == []


# Concurrent reads


def test_together_runs_calls_concurrently_and_keeps_their_order() -> None:
    barrier = threading.Barrier(3, timeout=10)  # passed only if three calls run at the same time

    def call(number: int) -> int:
        barrier.wait()
        return number

    target = Target(None, "eu-west-1")
    assert target.together(*(partial(call, number) for number in range(3))) == [0, 1, 2]
    assert target.together() == []
    assert target.together(threading.current_thread) == [threading.current_thread()]


def test_together_raises_the_first_error_after_all_calls_ended() -> None:
    failed, ended = threading.Event(), []

    def fail_late() -> None:
        failed.wait(10)
        raise _errors.NotFoundError("read it", "first")

    def fail_early() -> None:
        failed.set()
        raise _errors.AwsError("read it", "second")

    def end_last() -> None:
        failed.wait(10)
        ended.append(True)

    with pytest.raises(_errors.NotFoundError, match="first"):
        Target(None, "eu-west-1").together(fail_late, fail_early, end_last)
    assert ended == [True]


def test_together_keeps_context_variables_and_may_be_nested() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    variable.set(7)
    target = Target(None, "eu-west-1")
    inner = partial(target.together, variable.get, variable.get)
    assert target.together(*[inner] * 20) == [[7, 7]] * 20


def test_together_shares_clients_and_identity(aws: Any) -> None:
    target = Target.from_params(params())
    identities = target.together(*[lambda: target.identity] * 8)
    assert aws.calls == ["GetCallerIdentity"]
    assert len({id(identity) for identity in identities}) == 1
    clients = target.together(*[partial(target.client, service) for service in ("logs", "sqs") * 4])
    assert len({id(client) for client in clients}) == 2


def test_together_reports_missing_credentials_once(bare: pytest.MonkeyPatch, refusing: tuple[str, list[Any]]) -> None:
    url, asked = refusing
    keys = {"access_key": "AKIA", "secret_key": "s3cr3t", "endpoint_url": url}
    target = Target.from_params(params(assume_role_arn=ROLE, **keys))
    with pytest.raises(_errors.CredentialsError, match=f"assume the role {ROLE}"):
        target.together(*[target.read_identity] * 4)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("credentials", "is_temporary"),
    [
        (Credentials("key", "secret"), False),
        (Credentials("key", "secret", "token"), True),
        (
            RefreshableCredentials(
                "key", "secret", "token", datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1), dict, "sso"
            ),
            False,
        ),
        (None, False),
    ],
)
def test_keys_are_temporary_if_nothing_renews_them(credentials: Any, is_temporary: bool) -> None:
    session = SimpleNamespace(get_credentials=lambda: credentials)
    assert Target(session, "eu-west-1").has_temporary_keys is is_temporary
