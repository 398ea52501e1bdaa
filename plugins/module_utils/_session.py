# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where and as whom: the target of a module call, its clients, their one retry policy."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from ._errors import (
    AccessDeniedError,
    CredentialsError,
    DownloadError,
    InvalidInputError,
    ReflectorError,
    RegionDisabledError,
    UnreachableError,
    check_name,
    describe_operation,
    translate,
)
from ._retry import stop_at_limits
from ._role_session import REFUSALS, RoleSession

try:
    import boto3
    import botocore.awsrequest
    import botocore.config
    import botocore.exceptions
    import botocore.hooks
    import botocore.httpsession
    import botocore.loaders
    import botocore.session
    import botocore.utils
    from botocore.configprovider import ConfiguredEndpointProvider

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
    """Who the caller is, as sts:GetCallerIdentity tells it."""

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
    def from_params(cls, params: Mapping[str, Any], models: Models | None = None) -> Target:
        """The target that a module's connection options name; InvalidInputError or CredentialsError if they do not.

        models   what `read_models` has read already, or None
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
            role = _assume(session, params, options) if params["assume_role_arn"] else None
        target = cls(session, region, **options)
        target._role = role
        target._role_arn = params["assume_role_arn"] or ""
        target._role_session = params["assume_role_session_name"]
        return target

    _role: RoleSession | None = None
    _role_arn = _role_session = ""

    def client(self, service: str, *, retry_throttling: bool = True, **settings: Any) -> Any:
        """Return the boto3 client of a service: one for each service and settings, safe to share between threads.

        retry_throttling    False: a client for callers with a rate limiter, see `stop_at_limits`
        settings            botocore's, over those of the target
        """
        name = (
            service if retry_throttling and not settings else f"{service} {retry_throttling} {sorted(settings.items())}"
        )
        if name not in self._clients:
            options = dict(self._client_options)
            if settings:
                given = options.get("config") or botocore.config.Config()
                options["config"] = given.merge(botocore.config.Config(**settings))
            with describe_operation(f"make a client for {service}", self.where), _credentials_problem(f"use {service}"):
                client = self._session.client(service, region_name=self.region, **options)
            client = self._role.watch(client) if self._role else client
            self._clients[name] = stop_at_limits(client, retry_throttling=retry_throttling)
        return self._clients[name]

    @cached_property
    def identity(self) -> Identity:
        """Whose the calls are: what the role to assume says by itself, or else AWS."""
        return _identity_of(self._role_arn, self._role_session) if self._role_arn else self.ask_identity()

    def ask_identity(self) -> Identity:
        """The caller's account and ARN as AWS has them. One call, which needs no permission."""
        with describe_operation("learn who the caller is", self.where):
            answer = self.client("sts").get_caller_identity()
        return Identity(account=answer["Account"], arn=answer["Arn"])

    @property
    def where(self) -> str:
        """ "<account>/<region>" as far as it is known without a call, for error messages."""
        known = self.__dict__.get("identity")
        return _place(known.account if known else _account_of(self._role_arn), self.region)

    def describe_operation(self, operation: str) -> contextlib.AbstractContextManager[None]:
        """`_errors.trying`, with this target's place in the message."""
        return describe_operation(operation, self.where)

    def explained(self, error: ReflectorError) -> ReflectorError:
        """The error, or what is behind it: a region that is not enabled in the account answers as if the credentials
        were wrong. AWS is asked, but only where the error may mean that.
        """
        refused = error.code in REFUSALS
        if not (refused or isinstance(error, UnreachableError)) or (self._role and not self._role.stands):
            return error
        try:
            status = self._region_status()
        except AccessDeniedError:
            return error.with_advice(_NOT_TOLD) if refused else error
        except ReflectorError:
            return error
        if not status.startswith("ENABLED"):
            return RegionDisabledError(error.operation, self.region, status, where=error.where or self.where)
        return error.with_advice(_RENEW if refused else _CHECK_NETWORK)

    def _region_status(self) -> str:
        """ENABLED, ENABLED_BY_DEFAULT, ENABLING, DISABLING or DISABLED (API reference of Account Management,
        GetRegionOptStatus): of this region in the caller's account.
        """
        once = {"retries": {"mode": "standard", "total_max_attempts": 2}, "connect_timeout": 5, "read_timeout": 10}
        given = self._client_options.get("config") or botocore.config.Config()
        config = given.merge(botocore.config.Config(**once))
        home = _home_region(self._session, self.region)
        with (
            describe_operation("ask whether the region is enabled"),
            _credentials_problem("ask whether the region is enabled"),
        ):
            client = self._session.client("account", region_name=home, **{**self._client_options, "config": config})
            return str(client.get_region_opt_status(RegionName=self.region)["RegionOptStatus"])

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

    def download(self, url: str, operation: str) -> bytes:
        """What an address that AWS signed holds, with this target's certificates and proxies but no credentials.

        DownloadError with the host and no more of the address: who has all of it may download as well.
        """
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        advice = f"This machine has to reach {host}, where AWS keeps it."
        proxies = self.client("lambda").meta.config.proxies or botocore.utils.get_environ_proxies(url)
        session = botocore.httpsession.URLLib3Session(
            verify=self._client_options.get("verify", True), proxies=proxies, timeout=(10, 60)
        )
        try:
            answer = session.send(botocore.awsrequest.AWSRequest("GET", url).prepare())
            body: bytes = answer.content
        except botocore.exceptions.BotoCoreError as error:
            raise DownloadError(operation, type(error).__name__, advice=advice, where=self.where) from None
        finally:
            session.close()
        if answer.status_code != 200:
            message = f"{host} answers with HTTP status {answer.status_code}"
            raise DownloadError(operation, message, advice=advice, where=self.where)
        return body

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
    seconds = params["assume_role_duration"]
    if seconds is not None and not 900 <= seconds <= 43200:
        raise InvalidInputError("assume_role_duration", f"{seconds} is not between 900 and 43200 seconds")
    if len(params["assume_role_external_id"] or "at least 2") < 2:
        raise InvalidInputError("assume_role_external_id", "it has less than 2 characters")


@contextlib.contextmanager
def _credentials_problem(operation: str) -> Any:
    """What boto3 refuses before any call: an unknown profile, half a key pair, an address that is none."""
    try:
        yield
    except botocore.exceptions.InvalidRegionError as error:
        raise InvalidInputError("region", str(error)) from error
    except (botocore.exceptions.BotoCoreError, TypeError, ValueError) as error:
        raise CredentialsError(operation, str(error)) from error


def _account_of(role_arn: str) -> str:
    """The account in a role's ARN; "" where there is none to be seen."""
    return (role_arn.split(":") + [""] * 5)[4]


def _identity_of(role_arn: str, session: str) -> Identity:
    """Of whoever has assumed the role: STS gives the session this ARN, in which the role's path is left out."""
    _arn, partition, _iam, _region, account, role = role_arn.split(":", 5)
    return Identity(
        account=account, arn=f"arn:{partition}:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{session}"
    )


def _place(account: str, region: str) -> str:
    return f"{account}/{region}" if account else region


_TRUST = "Check that the role exists in that account and that its trust policy lets this caller assume it."
_DURATION = (
    "Ask for less with assume_role_duration: a role gives an hour at the most unless its maximum session duration was raised, "
    "and never more to credentials that are a role's own."
)
_NOT_TOLD = (
    "AWS answers so where a region is not enabled in the account: check that, or give the caller the IAM action "
    "account:GetRegionOptStatus and it is told here. Otherwise renew the credentials."
)
_RENEW = "The region is enabled in this account: renew the credentials."
_CHECK_NETWORK = "The region is enabled in this account: check that its endpoint can be reached from here."


def _assume(session: Any, params: Mapping[str, Any], options: Mapping[str, Any]) -> RoleSession:
    """Make the session one of the role, which its own credentials assume at the first call."""
    role_arn, botocore_session = params["assume_role_arn"], session._session
    operation, where = f"assume the role {role_arn}", _place(_account_of(role_arn), params["region"])
    arguments: dict[str, Any] = {"RoleSessionName": params["assume_role_session_name"]}
    if params["assume_role_external_id"]:
        arguments["ExternalId"] = params["assume_role_external_id"]
    if params["assume_role_duration"]:
        arguments["DurationSeconds"] = params["assume_role_duration"]
    source = session.get_credentials()
    if source is None:
        raise CredentialsError(
            operation,
            "no credentials were found to assume it with",
            advice="Give access_key and secret_key, a profile, or an environment that boto3 finds credentials in.",
            where=where,
        )
    # Sessions of the global endpoint are no good in regions that an account has to enable (IAM User Guide, "Manage AWS
    # STS in an AWS Region"), and one session serves all regions of an account here.
    botocore_session.set_config_variable("sts_regional_endpoints", "regional")

    def sts_in(region: str) -> Any:
        return lambda service, **keys: session.client(service, region_name=region, **{**options, **keys})

    # The caller's own account may not have enabled the region; the one that every account has serves as well.
    places = dict.fromkeys((params["region"], _home_region(session, params["region"])))

    def scope() -> Sequence[str]:
        """An emulated AWS never shares sessions with another, nor with AWS."""
        url = (
            options["endpoint_url"]
            or ConfiguredEndpointProvider(
                botocore_session.full_config, botocore_session.get_scoped_config(), "sts"
            ).provide()
        )
        return (url, source.get_frozen_credentials().access_key) if url else ()

    @contextlib.contextmanager
    def refusals() -> Any:
        try:
            yield
        except botocore.exceptions.ClientError as error:
            refusal = translate(error, operation, where)
            # AWS answers the same for a role that does not exist; most other codes are about the caller's own credentials.
            advice = _TRUST if isinstance(refusal, AccessDeniedError) else refusal.advice
            if refusal.code == "ValidationError" and params["assume_role_duration"]:
                advice = _DURATION
            raise CredentialsError(operation, refusal.message, advice=advice, code=refusal.code, where=where) from error

    role = RoleSession([sts_in(place) for place in places], source, role_arn, arguments, scope=scope, refusals=refusals)
    botocore_session._credentials = role.credentials
    return role


# Where accounts have what is not regional: regions that cannot be disabled.
_HOME_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}


def _home_region(session: Any, region: str) -> str:
    """The one region of its partition that every account has; the region itself where that is not known."""
    try:
        return _HOME_REGIONS.get(session.get_partition_for_region(region), region)
    except botocore.exceptions.BotoCoreError:
        return region


@dataclass(frozen=True, slots=True)
class Models:
    """What every session needs alike, read once: botocore's data, and its handlers of events."""

    loader: Any
    hooks: Any


def read_models() -> Models:
    """Read what clients of the services used here need: most of what a target costs.

    A host that forks reads them once, before the fork. Opens nothing.
    """
    loader = botocore.loaders.create_loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in ("events", "iam", "lambda", "logs", "sqs", "ssm", "sts"):
        loader.load_service_model(service, "service-2", api_version=None)
        loader.load_service_model(service, "endpoint-rule-set-1", api_version=None)
    hooks = botocore.hooks.HierarchicalEmitter()
    botocore.session.Session(event_hooks=hooks)  # which gives them botocore's own handlers
    return Models(loader, hooks)


def _botocore_session(models: Models | None) -> Any:
    if models is None:
        return botocore.session.Session()
    session = botocore.session.Session(event_hooks=copy.copy(models.hooks), include_builtin_handlers=False)
    session.register_component("data_loader", models.loader)
    return session


__all__ = ["SDK_ERROR", "Identity", "Models", "Target", "read_models"]
