"""Modules against two servers: the embedded AWS and moto's. What one lets pass, the other checks."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from embedded_aws import Configuration, EmbeddedAws, Organization
from moto.server import ThreadedMotoServer

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
        spec = importlib.import_module(f"ansible_collections.logreflector.aws.plugins.modules.{module}").SPEC
        arguments = {"region": REGION, **self._connection, **params} if spec.connects else params
        return perform_in_process(spec, arguments, check_mode=check_mode)


@pytest.fixture(scope="session")
def _embedded() -> Iterator[Cloud]:
    organization = Organization(management=ACCOUNT, members=())
    with EmbeddedAws(Configuration(organization=organization)) as aws:
        yield Cloud("embedded", aws.endpoint_url, ACCOUNT)


@pytest.fixture(scope="session")
def _moto() -> Iterator[Cloud]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Cloud("moto", f"http://{host}:{port}", "testing")
    server.stop()


@pytest.fixture(params=["embedded", "moto"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """One of the two; a module's test makes its own resources, under names of its own."""
    return request.getfixturevalue(f"_{request.param}")
