"""Modules against two servers, the embedded AWS and moto's: each checks things that the other accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import moto_patches
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from aws_in_tests import LAMBDA_TRUST, REGION, spec_of
from embedded_aws import Configuration, EmbeddedAws, Organization
from moto.server import ThreadedMotoServer

ACCOUNT = "111111111111"


class Cloud:
    """A server, the keys for it, and modules run against it in this process."""

    def __init__(self, name: str, endpoint_url: str, access_key: str) -> None:
        self.name = name
        self._connection = {"endpoint_url": endpoint_url, "access_key": access_key, "secret_key": "of-the-owner"}
        self._session = boto3.Session(access_key, "of-the-owner", region_name=REGION)
        self._endpoint_url = endpoint_url
        iam = self.client("iam")
        role = iam.create_role(RoleName="for-functions", AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))["Role"]
        self.role_arn = role["Arn"]

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client to prepare and inspect with."""
        return self._session.client(service, region_name=region, endpoint_url=self._endpoint_url)

    def run(self, module: str, *, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        """Return the result of a module's run. The default region is eu-west-1."""
        spec = spec_of(module)
        arguments = {"region": REGION, **self._connection, **params} if spec.connects else params
        return perform_in_process(spec, arguments, check_mode=check_mode)


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
    moto_patches.install()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Cloud("moto", f"http://{host}:{port}", "testing")
    server.stop()


@pytest.fixture(params=["embedded", "moto"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Return one of the two servers. Tests share it, so each test uses its own names."""
    return request.getfixturevalue(f"_{request.param}")
