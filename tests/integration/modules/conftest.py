"""Modules against two servers: the embedded AWS and moto's. What one lets pass, the other checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import moto_log_groups
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from aws_in_tests import spec_of
from embedded_aws import Configuration, EmbeddedAws, Organization
from moto.server import ThreadedMotoServer

DEPLOYER_POLICY = Path(__file__).resolve().parents[3] / "docs" / "iam" / "deployer-policy.json"
REGION = "eu-west-1"
ACCOUNT = "111111111111"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Cloud:
    """A server, the keys for it, and modules run against it in this process."""

    def __init__(self, name: str, endpoint_url: str, access_key: str) -> None:
        self.name = name
        self._connection = {"endpoint_url": endpoint_url, "access_key": access_key, "secret_key": "of-the-owner"}
        self._session = boto3.Session(access_key, "of-the-owner", region_name=REGION)
        self._endpoint_url = endpoint_url
        iam = self.client("iam")
        self.role_arn = iam.create_role(RoleName="for-functions", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"][
            "Arn"
        ]

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client to prepare and inspect with."""
        return self._session.client(service, region_name=region, endpoint_url=self._endpoint_url)

    def run(self, module: str, *, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        """The result of a module's run; region is eu-west-1 unless given."""
        spec = spec_of(module)
        arguments = {"region": REGION, **self._connection, **params} if spec.connects else params
        return perform_in_process(spec, arguments, check_mode=check_mode)

    def deployer(self, service: str) -> str:
        """The ARN of a role that may do what a deployer may of one service, by the policy that docs/iam has."""
        statements = json.loads(DEPLOYER_POLICY.read_text(encoding="utf-8"))["Statement"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [item for item in statements if f"{service}:" in str(item["Action"])],
        }
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        iam, name = self.client("iam"), f"it-{service}"
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({**policy, "Statement": [trust]}))
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
        return str(role["Role"]["Arn"])


@pytest.fixture(scope="session", autouse=True)
def _neither_server_has_rates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "new_rate_limiter", partial(RateLimiter, scale=1e6))
        yield


@pytest.fixture(scope="session")
def _embedded() -> Iterator[Cloud]:
    organization = Organization(management=ACCOUNT, members=())
    with EmbeddedAws(Configuration(organization=organization)) as aws:
        yield Cloud("embedded", aws.endpoint_url, ACCOUNT)


@pytest.fixture(scope="session")
def _moto() -> Iterator[Cloud]:
    moto_log_groups.install()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Cloud("moto", f"http://{host}:{port}", "testing")
    server.stop()


@pytest.fixture(params=["embedded", "moto"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """One of the two; a module's test makes its own resources, under names of its own."""
    return request.getfixturevalue(f"_{request.param}")
