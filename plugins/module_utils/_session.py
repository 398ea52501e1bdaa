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

from ._errors import AccessDeniedError, CredentialsError, InvalidInputError, check_name, translate, trying
from ._retry import stop_at_limits

try:
    import boto3
    import botocore.config
    import botocore.exceptions
    import botocore.loaders
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
    def from_params(cls, params: Mapping[str, Any], models: Any = None) -> Target:
        """The target that a module's connection options name; InvalidInputError or CredentialsError if they do not.

        models   a botocore loader whose service models are read already (`read_models`), or None
        """
        region = params["region"]
        if not region:
            raise InvalidInputError("region", NO_REGION)
        _check_role(params)
        verify = params["aws_ca_bundle"] or params["validate_certs"]
        config = _client_config(params["aws_config"] or {})
        options = {"endpoint_url": params["endpoint_url"] or None, "verify": verify, "config": config}
        with _credentials_problem("use the given credentials"):
            session = boto3.Session(
                botocore_session=_botocore_session(models),
                profile_name=params["profile"] or None,
                aws_access_key_id=params["access_key"] or None,
                aws_secret_access_key=params["secret_key"] or None,
                aws_session_token=params["session_token"] or None,
                region_name=region,
            )
            if params["assume_role_arn"]:
                session = _assuming(session, params, options, models)
        target = cls(session, region, **options)
        target._role_arn = params["assume_role_arn"] or ""
        return target

    _role_arn = ""

    def client(self, service: str, **settings: Any) -> Any:
        """The boto3 client of a service: one for each service, safe to share between threads.

        settings   botocore's, over those of the target: they make it a client of its own
        """
        name = f"{service} {sorted(settings.items())}" if settings else service
        if name not in self._clients:
            options = dict(self._client_options)
            if settings:
                given = options.get("config") or botocore.config.Config()
                options["config"] = given.merge(botocore.config.Config(**settings))
            with trying(f"make a client for {service}", self.where), _credentials_problem(f"use {service}"):
                client = self._session.client(service, region_name=self.region, **options)
            self._clients[name] = stop_at_limits(client)
        return self._clients[name]

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
        return _place(known.account if known else _account_of(self._role_arn), self.region)

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


# What botocore takes from anybody and stumbles over at the first call, as if the network were at fault.
_DICTIONARIES = ("client_context_params", "proxies", "proxies_config", "retries", "s3")
_NUMBERS = ("connect_timeout", "max_pool_connections", "read_timeout")


def _client_config(given: Mapping[str, Any]) -> Any:
    """botocore's settings: ours, and over them those of the option aws_config. InvalidInputError if those cannot be right."""
    for names, kinds, noun in ((_DICTIONARIES, Mapping, "a dictionary"), (_NUMBERS, (int, float), "a number")):
        for name in names:
            if given.get(name) is not None and not isinstance(given[name], kinds):
                raise InvalidInputError("aws_config", f"its {name} is not {noun}")
    if not all(isinstance(url, str) for url in (given.get("proxies") or {}).values()):
        raise InvalidInputError("aws_config", "its proxies are not all URLs")
    config = botocore.config.Config(
        retries=_RETRIES, max_pool_connections=32, connect_timeout=10, user_agent_extra="logreflector.aws"
    )
    try:
        return config.merge(botocore.config.Config(**given))
    except (botocore.exceptions.BotoCoreError, AttributeError, TypeError, ValueError) as error:
        raise InvalidInputError("aws_config", str(error)) from error


def _check_role(params: Mapping[str, Any]) -> None:
    """InvalidInputError for what AssumeRole's API reference does not allow."""
    if not params["assume_role_arn"]:
        return
    for option, pattern, allowed in (
        (
            "assume_role_arn",
            r"arn:[\w-]+:iam::\d{12}:role/\S+",
            "the ARN of a role: arn:aws:iam::123456789012:role/NAME",
        ),
        ("assume_role_session_name", r"[\w+=,.@-]{2,64}", "2 to 64 letters, digits and any of _+=,.@-"),
    ):
        check_name(option, params[option], pattern, allowed)
    if len(params["assume_role_external_id"] or "at least 2") < 2:
        raise InvalidInputError("assume_role_external_id", "it has less than 2 characters")


@contextlib.contextmanager
def _credentials_problem(tried: str) -> Any:
    """What boto3 refuses before any call: an unknown profile, half a key pair, an address that is none."""
    try:
        yield
    except botocore.exceptions.InvalidRegionError as error:
        raise InvalidInputError("region", str(error)) from error
    except (botocore.exceptions.BotoCoreError, TypeError, ValueError) as error:
        raise CredentialsError(tried, str(error)) from error


def _account_of(role_arn: str) -> str:
    """The account in a role's ARN; "" where there is none to be seen."""
    return (role_arn.split(":") + [""] * 5)[4]


def _place(account: str, region: str) -> str:
    return f"{account}/{region}" if account else region


_TRUST = "Check that the role exists in that account and that its trust policy lets this caller assume it."


def _assuming(session: Any, params: Mapping[str, Any], options: Mapping[str, Any], models: Any) -> Any:
    """A session whose credentials are those of the role, fetched at the first call and refreshed before they end."""
    role_arn = params["assume_role_arn"]
    tried, where = f"assume the role {role_arn}", _place(_account_of(role_arn), params["region"])
    extra = {"RoleSessionName": params["assume_role_session_name"]}
    if params["assume_role_external_id"]:
        extra["ExternalId"] = params["assume_role_external_id"]
    credentials = session.get_credentials()
    if credentials is None:
        raise CredentialsError(
            tried,
            "no credentials were found to assume it with",
            hint="Give access_key and secret_key, a profile, or an environment that boto3 finds credentials in.",
            where=where,
        )

    def sts_client(service: str, **arguments: Any) -> Any:
        return session.client(service, **{**options, **arguments})

    fetcher = AssumeRoleCredentialFetcher(sts_client, credentials, role_arn, extra_args=extra)

    def fetch() -> Any:
        try:
            return fetcher.fetch_credentials()
        except botocore.exceptions.ClientError as error:
            refusal = translate(error, tried, where)
            # AWS answers the same for a role that does not exist; any other code is about the caller's own credentials.
            hint = _TRUST if isinstance(refusal, AccessDeniedError) else refusal.hint
            raise CredentialsError(tried, refusal.why, hint=hint, code=refusal.code, where=where) from error

    assumed = _botocore_session(models)
    if params["profile"]:  # or it would look AWS_PROFILE up again, which may not even exist
        assumed.set_config_variable("profile", params["profile"])
    assumed._credentials = DeferredRefreshableCredentials(fetch, "assume-role")
    return boto3.Session(botocore_session=assumed, region_name=params["region"])


def read_models() -> Any:
    """A botocore loader that has read what clients of the services used here need: most of what a client costs.

    A host that forks reads them once, before the fork. Opens nothing.
    """
    loader = botocore.loaders.create_loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in ("events", "iam", "lambda", "logs", "sqs", "ssm", "sts"):
        loader.load_service_model(service, "service-2", api_version=None)
        loader.load_service_model(service, "endpoint-rule-set-1", api_version=None)
    return loader


def _botocore_session(models: Any) -> Any:
    session = botocore.session.Session()
    if models is not None:
        session.register_component("data_loader", models)
    return session


__all__ = ["SDK_ERROR", "Identity", "Target", "read_models"]
