# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where and as whom: the target of a module call, its clients, their one retry policy."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ._errors import CredentialsError, InvalidInputError, ReflectorError, error_code, trying

try:
    import boto3
    import botocore.config
    import botocore.exceptions
    import botocore.session
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    SDK_ERROR = ""
except ImportError as _error:
    SDK_ERROR = str(_error)

NO_REGION = (
    "no region is given. Set the option region (in a playbook: module_defaults for group/logreflector.aws.aws, from "
    "the inventory's target_region) or the environment variable AWS_REGION"
)

# Standard mode waits up to 20 s between tries; six tries give a region that throttles about half a minute.
_RETRIES = {"mode": "standard", "total_max_attempts": 6}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the caller is (sts:GetCallerIdentity, which needs no permission)."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """aws, aws-cn or aws-us-gov: the second field of the caller's own ARN."""
        return self.arn.split(":")[1]


class Target:
    """One account in one region, with the clients to work on it.

    Nothing is opened before the first client is asked for. Two ways in: `from_params` with a module's options, or
    a ready boto3 session (the subscriber Lambda, tests).
    """

    def __init__(self, session: Any, region: str, **client_options: Any) -> None:
        self.region = region
        self._session = session
        self._client_options = client_options
        self._clients: dict[str, Any] = {}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Target:
        """The target that a module's connection options name; InvalidInputError or CredentialsError if they do not."""
        region = params["region"]
        if not region:
            raise InvalidInputError("region", NO_REGION)
        verify = params["aws_ca_bundle"] or params["validate_certs"]
        config = botocore.config.Config(
            retries=_RETRIES,
            max_pool_connections=32,
            connect_timeout=10,
            user_agent_extra="logreflector.aws",
        )
        if params["aws_config"]:
            with _credentials_problem("use the option aws_config"):
                config = config.merge(botocore.config.Config(**params["aws_config"]))
        options = {"endpoint_url": params["endpoint_url"] or None, "verify": verify, "config": config}
        with _credentials_problem("use the given credentials"):
            session = boto3.Session(
                profile_name=params["profile"] or None,
                aws_access_key_id=params["access_key"] or None,
                aws_secret_access_key=params["secret_key"] or None,
                aws_session_token=params["session_token"] or None,
                region_name=region,
            )
        if params["assume_role_arn"]:
            session = _assuming(session, params, options)
        target = cls(session, region, **options)
        target._role_arn = params["assume_role_arn"] or ""
        return target

    _role_arn = ""

    def client(self, service: str) -> Any:
        """The boto3 client of a service: one for each service, safe to share between threads."""
        if service not in self._clients:
            with trying(f"make a client for {service}", self.where), _credentials_problem(f"use {service}"):
                client = self._session.client(service, region_name=self.region, **self._client_options)
            client.meta.events.register_first("needs-retry", _limits_are_not_throttling)
            self._clients[service] = client
        return self._clients[service]

    @cached_property
    def identity(self) -> Identity:
        """The caller's own account and ARN. One call, made only if somebody asks."""
        with trying("learn who the caller is", self.where):
            answer = self.client("sts").get_caller_identity()
        return Identity(account=answer["Account"], arn=answer["Arn"])

    @property
    def where(self) -> str:
        """ "<account>/<region>" as far as it is known without a call, for error messages."""
        known = self.__dict__.get("identity")
        account = known.account if known else (self._role_arn.split(":") + [""] * 5)[4]
        return f"{account}/{self.region}" if account else self.region

    def trying(self, tried: str) -> contextlib.AbstractContextManager[None]:
        """`_errors.trying`, with this target's place in the message."""
        return trying(tried, self.where)

    def expand(self, value: Any) -> Any:
        """`value` with {partition}, {region} and {account} replaced in all its strings, by the caller's identity.

        Lets one playbook name ARNs for every target and partition. Only these three words are replaced: the braces
        of JSON and of IAM's ${aws:...} stay.
        """
        if isinstance(value, str):
            if "{region}" in value:
                value = value.replace("{region}", self.region)
            if "{account}" in value or "{partition}" in value:
                identity = self.identity
                value = value.replace("{account}", identity.account).replace("{partition}", identity.partition)
            return value
        if isinstance(value, Mapping):
            return {self.expand(key): self.expand(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.expand(item) for item in value]
        return value

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """The ARN of one of this target's own resources."""
        region = self.region if regional else ""
        return f"arn:{self.identity.partition}:{service}:{region}:{self.identity.account}:{resource}"


@contextlib.contextmanager
def _credentials_problem(tried: str) -> Any:
    """What boto3 refuses before any call: an unknown profile, half a key pair, an unknown configuration key."""
    try:
        yield
    except (botocore.exceptions.BotoCoreError, TypeError, ValueError) as error:
        raise CredentialsError(tried, str(error)) from error


def _assuming(session: Any, params: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """A session whose credentials are those of the role, fetched at the first call and refreshed before they end."""
    role_arn = params["assume_role_arn"]
    extra = {"RoleSessionName": params["assume_role_session_name"]}
    if params["assume_role_external_id"]:
        extra["ExternalId"] = params["assume_role_external_id"]
    credentials = session.get_credentials()
    if credentials is None:
        raise CredentialsError(
            f"assume the role {role_arn}",
            "no credentials were found to assume it with",
            hint="Give access_key and secret_key, a profile, or an environment that boto3 finds credentials in.",
        )

    def sts_client(service: str, **arguments: Any) -> Any:
        return session.client(service, **{**options, **arguments})

    fetcher = AssumeRoleCredentialFetcher(sts_client, credentials, role_arn, extra_args=extra)

    def fetch() -> Any:
        try:
            return fetcher.fetch_credentials()
        except botocore.exceptions.ClientError as error:
            message = error.response.get("Error", {}).get("Message", "")
            hint = "Check that the role exists in that account and that its trust policy lets this caller assume it."
            raise CredentialsError(f"assume the role {role_arn}", message, hint=hint, code=error_code(error)) from error

    assumed = botocore.session.get_session()
    assumed._credentials = DeferredRefreshableCredentials(fetch, "assume-role")
    return boto3.Session(botocore_session=assumed, region_name=params["region"])


def _limits_are_not_throttling(response: Any, operation: Any, **_: Any) -> None:
    """Stop botocore from trying again what will stay full: its standard mode takes LimitExceeded for throttling.

    botocore asks its handlers whether to try again, the first answer counts, and none of the answers means "no": an
    exception does.
    """
    if response is None:
        return
    error = response[1].get("Error", {})
    if error.get("Code") in ("LimitExceeded", "LimitExceededException"):
        raise botocore.exceptions.ClientError(response[1], operation.name)


__all__ = ["SDK_ERROR", "Identity", "ReflectorError", "Target"]
