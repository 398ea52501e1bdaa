# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prepare the accounts of an emulated organisation for deployments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

from .settings import DEPLOYER_ROLE, Organization

DEPLOYER = "deployer"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the user "deployer" in the management account, the only ones that exist."""

    access_key_id: str
    secret_access_key: str


class LocalSession(boto3.Session):  # type: ignore[misc]
    """A boto3 session whose clients use one endpoint, so none calls AWS by mistake."""

    def __init__(self, endpoint_url: str, **options: Any) -> None:
        super().__init__(**options)
        self._endpoint_url = endpoint_url

    def client(self, service_name: str, **options: Any) -> Any:
        return super().client(service_name, **{"endpoint_url": self._endpoint_url, **options})


def root_session(endpoint_url: str, account: str, region: str) -> LocalSession:
    """Return a session of an account's root. MiniStack accepts the account's id as its root's access key."""
    return LocalSession(endpoint_url, aws_access_key_id=account, aws_secret_access_key="embedded", region_name=region)


def deployer_session(endpoint_url: str, keys: Keys, account: str, region: str) -> LocalSession:
    """Return a session with the role that deployments assume."""
    user = LocalSession(
        endpoint_url,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        region_name=region,
    )
    answer = user.client("sts").assume_role(RoleArn=role_arn(account), RoleSessionName="embedded-aws")
    credentials = answer["Credentials"]
    return LocalSession(
        endpoint_url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region,
    )


def role_arn(account: str) -> str:
    """Return the ARN of the role that deployments assume."""
    return f"arn:aws:iam::{account}:role/{DEPLOYER_ROLE}"


def bootstrap(organization: Organization, deployer_policy: dict[str, Any], endpoint_url: str) -> Keys:
    """Create the deployer's role in every account, and the user that may assume it."""
    region = organization.regions[0]
    # One session for all accounts: a client is slow because it reads botocore's models.
    session = root_session(endpoint_url, organization.management, region)
    clients = {
        account: session.client("iam", aws_access_key_id=account, aws_secret_access_key="embedded")
        for account in organization.accounts
    }
    keys = _create_user(clients[organization.management], organization)
    trust = _allow("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{organization.management}:user/{DEPLOYER}"})
    for client in clients.values():
        client.create_role(RoleName=DEPLOYER_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        client.put_role_policy(RoleName=DEPLOYER_ROLE, PolicyName="deploy", PolicyDocument=json.dumps(deployer_policy))
    return keys


def _create_user(iam: Any, organization: Organization) -> Keys:
    iam.create_user(UserName=DEPLOYER)
    policy = _allow("sts:AssumeRole", Resource=[role_arn(account) for account in organization.accounts])
    policy["Statement"].append(
        {"Effect": "Allow", "Action": ["organizations:Describe*", "organizations:List*"], "Resource": "*"}
    )
    iam.put_user_policy(UserName=DEPLOYER, PolicyName="assume-deployer", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=DEPLOYER)["AccessKey"]
    return Keys(key["AccessKeyId"], key["SecretAccessKey"])


def _allow(action: str, **rest: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **rest}]}


def deploy_environment(keys: Keys, endpoint_url: str) -> dict[str, str]:
    """Return the shell variables of a platform engineer: keys and an endpoint; no region, profile or instance role."""
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
