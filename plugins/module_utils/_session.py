# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target of a run: one account in one region, with its credentials, clients and retries."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
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
    did_you_mean,
    translate,
)
from ._retry import stop_at_limits
from ._role_session import REFUSALS, RoleSession

try:
    import boto3
    import botocore.awsrequest
    import botocore.config
    import botocore.credentials
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

T = TypeVar("T")

NO_REGION = (
    "no region is given. Set target_region of the host for the collection's roles and playbooks, the option region of a "
    "module (for all modules in module_defaults, group/logreflector.aws.aws), or the environment variable AWS_REGION"
)

# Standard mode waits up to 20 s between attempts: six attempts bridge about half a minute of throttling.
_RETRIES = {"mode": "standard", "total_max_attempts": 6}
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, as sts:GetCallerIdentity reports it."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """aws, aws-cn or aws-us-gov: the second field of the caller's ARN."""
        return self.arn.split(":")[1]


class Target:
    """One account in one region, with the clients to work on it. Threads may share it.

    Nothing is connected before the first client is created. Create it with `from_params` from a module's options, or from
    a boto3 session (the subscriber Lambda, tests).
    """

    def __init__(self, session: Any, region: str, **client_options: Any) -> None:
        self.region = region
        self._session = session
        self._client_options = client_options
        self._clients: dict[str, Any] = {}
        self._source = session
        self._role: RoleSession | None = None
        self._role_arn = self._role_session_name = ""
        self._models: Models | None = None
        # boto3's sessions must not be shared between threads, its clients may be (boto3 guide, "Session", "Clients").
        self._session_lock = threading.Lock()
        self._identity_lock = threading.Lock()

    @classmethod
    def from_params(cls, params: Mapping[str, Any], models: Models | None = None) -> Target:
        """Return the target that a module's connection options describe.

        models   from `read_models`, or None

        Raises InvalidInputError or CredentialsError.
        """
        region = params["region"]
        if not region:
            raise InvalidInputError("region", NO_REGION)
        _check_role(params)
        verify = params["aws_ca_bundle"] or params["validate_certs"]
        config = _client_config(params["aws_config"] or {})
        options = {"endpoint_url": params["endpoint_url"] or None, "verify": verify, "config": config}
        with _describe_configuration("use the given credentials"):
            core = _botocore_session(models)
            session = boto3.Session(
                botocore_session=core,
                profile_name=params["profile"] or None,
                aws_access_key_id=params["access_key"] or None,
                aws_secret_access_key=params["secret_key"] or None,
                aws_session_token=params["session_token"] or None,
                region_name=region,
            )
            target = cls(session, region, **options)
            target._models = models
            if params["assume_role_arn"]:
                target._assume_role(params, core, models)
        return target

    def elsewhere(self, params: Mapping[str, Any]) -> Target:
        """Return another account or region, see `from_params`."""
        return Target.from_params(params, self._models)

    def _assume_role(self, params: Mapping[str, Any], core: Any, models: Models | None) -> None:
        """Replace the session by one of the role, which is assumed at the first call.

        core    the botocore session of the present session
        """
        source = _RoleSource(self._session, core, self._client_options, self._session_lock)
        self._role = _role_session(source, params)
        own = _botocore_session(models)
        # Sessions of the global endpoint are invalid in regions that an account has to enable (IAM User Guide, "Manage AWS
        # STS in an AWS Region"), and one session serves all regions of an account here.
        for each in (core, own):
            each.set_config_variable("sts_regional_endpoints", "regional")
        own.register_component("credential_provider", self._role.provider())
        self._session = boto3.Session(
            botocore_session=own, profile_name=params["profile"] or None, region_name=self.region
        )
        self._role_arn, self._role_session_name = params["assume_role_arn"], params["assume_role_session_name"]

    @property
    def has_temporary_keys(self) -> bool:
        """Whether the caller's own credentials are a session's keys that nothing renews. A role's session is renewed with them."""
        credentials = self._source.get_credentials() if self._source else None
        if credentials is None or isinstance(credentials, botocore.credentials.RefreshableCredentials):
            return False
        return bool(credentials.get_frozen_credentials().token)

    @property
    def endpoint_url(self) -> str:
        """Address that replaces AWS's endpoints, "" for AWS's own."""
        return str(self._client_options.get("endpoint_url") or "")

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """Run independent reads concurrently and return their results in order.

        Raises the first error in the order of the calls, after all calls ended.
        """
        if len(calls) < 2:
            return [call() for call in calls]
        self._load_credentials()
        with ThreadPoolExecutor(min(len(calls), _THREADS)) as pool:
            futures = [pool.submit(copy_context().run, call) for call in calls]
        return [future.result() for future in futures]

    def _load_credentials(self) -> None:
        """Let one thread assume the role or read the credentials: they may create clients of the session."""
        with self.describe_operation("load the credentials"):
            credentials = self._session.get_credentials() if self._session else None
            if credentials:
                credentials.get_frozen_credentials()

    def client(self, service: str, *, retry_throttling: bool = True, region: str = "", **settings: Any) -> Any:
        """Return the boto3 client of a service, created once for each service and settings.

        retry_throttling    False: a client for callers with a rate limiter, see `stop_at_limits`
        region              for services that are in few regions; the default is the target's
        settings            botocore's, over those of the target
        """
        is_plain = retry_throttling and not settings and not region
        name = service if is_plain else f"{service} {retry_throttling} {region} {sorted(settings.items())}"
        with self._session_lock:
            if name not in self._clients:
                client = self._create_client(service, settings, region or self.region)
                self._clients[name] = stop_at_limits(client, retry_throttling=retry_throttling)
            return self._clients[name]

    def knows(self, service: str, operation: str) -> bool:
        """Return whether the installed botocore has an operation. Makes no call."""
        if service not in self._session.get_available_services():
            return False
        return operation in self.client(service).meta.service_model.operation_names

    def _create_client(self, service: str, settings: Mapping[str, Any], region: str) -> Any:
        options = dict(self._client_options)
        if settings:
            given = options.get("config") or botocore.config.Config()
            options["config"] = given.merge(botocore.config.Config(**settings))
        operation = f"create a client for {service}"
        with describe_operation(operation, self.where), _describe_configuration(f"use {service}"):
            client = self._session.client(service, region_name=region, **options)
        return self._role.watch(client) if self._role else client

    @cached_property
    def identity(self) -> Identity:
        """The caller: derived from the ARN of the role to assume, or else read from AWS."""
        with self._identity_lock:  # a second thread takes what the first one has read
            if "identity" not in self.__dict__:
                role = _assumed_identity(self._role_arn, self._role_session_name) if self._role_arn else None
                self.__dict__["identity"] = role or self.read_identity()
            found: Identity = self.__dict__["identity"]
            return found

    def read_identity(self) -> Identity:
        """Read the caller's account and ARN from AWS: one call, which needs no permission."""
        with describe_operation("read the caller's identity", self.where):
            answer = self.client("sts").get_caller_identity()
        return Identity(account=answer["Account"], arn=answer["Arn"])

    @property
    def where(self) -> str:
        """ "<account>/<region>" as far as it is known without a call, for error messages."""
        known = self.__dict__.get("identity")
        return _place(known.account if known else _account_of(self._role_arn), self.region)

    def describe_operation(self, operation: str) -> contextlib.AbstractContextManager[None]:
        """Return `_errors.describe_operation` with this target's account and region."""
        return describe_operation(operation, self.where)

    def explained(self, error: ReflectorError) -> ReflectorError:
        """Return the error with its cause: a region that is not enabled in the account answers as if the credentials
        were wrong. AWS is asked only if the error may mean that.
        """
        is_refusal = error.code in REFUSALS
        is_suspect = is_refusal or isinstance(error, UnreachableError)
        if isinstance(error, UnreachableError) and self.region not in (known := self._known_regions()):
            return error.with_advice(_unknown_region(self.region, known))
        if not is_suspect or (self._role and not self._role.is_assumed):
            return error
        try:
            status = self._region_status()
        except AccessDeniedError:
            return error.with_advice(_MAY_BE_DISABLED) if is_refusal else error
        except ReflectorError:
            return error
        if not status.startswith("ENABLED"):
            return RegionDisabledError(error.operation, self.region, status, where=error.where or self.where)
        return error.with_advice(_RENEW if is_refusal else _CHECK_NETWORK)

    def _known_regions(self) -> frozenset[str]:
        """Return the regions of all partitions that the installed botocore knows. AWS may have newer ones."""
        with self._session_lock:
            partitions = self._session.get_available_partitions()
            names = (self._session.get_available_regions("logs", each) for each in partitions)
            return frozenset(name for each in names for name in each)

    def _region_status(self) -> str:
        """Return this region's status in the caller's account: ENABLED, ENABLED_BY_DEFAULT, ENABLING, DISABLING or
        DISABLED (API reference of Account Management, GetRegionOptStatus).
        """
        once = {"retries": {"mode": "standard", "total_max_attempts": 2}, "connect_timeout": 5, "read_timeout": 10}
        given = self._client_options.get("config") or botocore.config.Config()
        config = given.merge(botocore.config.Config(**once))
        home = _home_region(self._session, self.region)
        operation = "read whether the region is enabled"
        with describe_operation(operation, self.where), _describe_configuration(operation), self._session_lock:
            client = self._session.client("account", region_name=home, **{**self._client_options, "config": config})
        with describe_operation(operation, self.where):
            return str(client.get_region_opt_status(RegionName=self.region)["RegionOptStatus"])

    def expand(self, value: Any) -> Any:
        """Return `value` with {partition}, {region} and {account} replaced in all its strings, by the caller's identity.

        So one playbook can name ARNs for every target and partition. Other braces stay: those of JSON and of IAM's
        ${aws:...}.
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
        """Return the content of an address that AWS signed, with this target's certificates and proxies, without credentials.

        Raises DownloadError with the host only: everybody who has the whole address may download.
        """
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        advice = f"This machine must reach {host}, where AWS stores it."
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
        """Return the ARN of a resource of this target."""
        region = self.region if regional else ""
        return f"arn:{self.identity.partition}:{service}:{region}:{self.identity.account}:{resource}"


# botocore accepts any value for these, and fails at the first call as if the network were at fault.
_DICTIONARIES = ("client_context_params", "proxies", "proxies_config", "retries", "s3")
_NUMBERS = ("connect_timeout", "max_pool_connections", "read_timeout")


def _client_config(given: Mapping[str, Any]) -> Any:
    """Return our settings of botocore, overridden by the option aws_config. Raises InvalidInputError."""
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
    """Raise InvalidInputError for what AssumeRole's API reference does not allow."""
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
def _describe_configuration(operation: str) -> Iterator[None]:
    """Translate what boto3 raises before any call: for an unknown profile, half a key pair, a wrong address."""
    try:
        yield
    except botocore.exceptions.InvalidRegionError as error:
        raise InvalidInputError("region", str(error)) from error
    except (botocore.exceptions.BotoCoreError, TypeError, ValueError) as error:
        raise CredentialsError(operation, str(error)) from error


def _account_of(role_arn: str) -> str:
    """Return the account in a role's ARN, "" for an empty ARN."""
    return (role_arn.split(":") + [""] * 5)[4]


def _assumed_identity(role_arn: str, session_name: str) -> Identity:
    """Return the identity of a role's session: its ARN has the role's name without the path."""
    _arn, partition, _iam, _region, account, role = role_arn.split(":", 5)
    role_name = role.rpartition("/")[2]
    return Identity(account, f"arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}")


def _unknown_region(region: str, known: Collection[str]) -> str:
    """Return the advice for an endpoint without an answer in a region that botocore does not know."""
    hint = did_you_mean(region, sorted(known), cutoff=0.8)
    return f"botocore {botocore.__version__} knows no region {region}.{hint} Correct target_region or the option region, or update botocore."


def _place(account: str, region: str) -> str:
    return f"{account}/{region}" if account else region


_TRUST = "Check that the role exists in that account and that its trust policy lets this caller assume it."
_DURATION = (
    "Lower assume_role_duration: sessions last one hour at most unless the role's maximum session duration was raised, and "
    "never longer if the caller's credentials are a role's session."
)
_MAY_BE_DISABLED = (
    "AWS also answers this if the region is not enabled in the account: check that, or give the caller the IAM action "
    "account:GetRegionOptStatus, which lets this collection check it. Otherwise renew the credentials."
)
_RENEW = "The region is enabled in this account: renew the credentials."
_CHECK_NETWORK = "The region is enabled in this account: check that its endpoint can be reached from here."


@dataclass(frozen=True, slots=True)
class _RoleSource:
    """Assumes the role: the caller's own boto3 and botocore session, and the options of its clients."""

    session: Any
    core: Any
    options: Mapping[str, Any]
    lock: threading.Lock

    def sts_in(self, region: str) -> Callable[..., Any]:
        """Return a function that creates the STS client of a region, as botocore's fetcher calls it."""

        def create(service: str, **keys: Any) -> Any:
            with self.lock:
                return self.session.client(service, region_name=region, **{**self.options, **keys})

        return create

    def emulator(self) -> str:
        """Return the address of an emulated STS, "" for AWS's own."""
        scoped = self.core.get_scoped_config()
        provider = ConfiguredEndpointProvider(self.core.full_config, scoped, "sts")
        return str(self.options["endpoint_url"] or provider.provide() or "")


def _role_session(source: _RoleSource, params: Mapping[str, Any]) -> RoleSession:
    """Return the session of the role that the options name, which their own credentials assume at the first call."""
    role_arn, region = params["assume_role_arn"], params["region"]
    operation, where = f"assume the role {role_arn}", _place(_account_of(role_arn), region)
    options = {"RoleSessionName": "session_name", "ExternalId": "external_id", "DurationSeconds": "duration"}
    arguments = {key: value for key, name in options.items() if (value := params[f"assume_role_{name}"])}
    credentials = source.session.get_credentials()
    if credentials is None:
        advice = "Give access_key and secret_key, a profile, or an environment that boto3 finds credentials in."
        raise CredentialsError(operation, "no credentials were found to assume it with", advice=advice, where=where)

    def scope() -> Sequence[str]:
        """Identities, and emulated clouds, never share sessions with each other."""
        return (source.emulator(), *_source_identity(source.session, credentials))

    @contextlib.contextmanager
    def describe_refusal() -> Iterator[None]:
        try:
            yield
        except botocore.exceptions.ClientError as error:
            refusal = translate(error, operation, where)
            # AWS answers the same for a role that does not exist; most other codes are about the caller's credentials.
            advice = _TRUST if isinstance(refusal, AccessDeniedError) else refusal.advice
            if refusal.code == "ValidationError" and params["assume_role_duration"]:
                advice = _DURATION
            raise CredentialsError(operation, refusal.message, advice=advice, code=refusal.code, where=where) from error

    # If the caller's own account has not enabled the region, STS is asked in one that every account has.
    places = dict.fromkeys((region, _home_region(source.session, region)))
    sts = [source.sts_in(place) for place in places]
    return RoleSession(sts, credentials, role_arn, arguments, scope=scope, describe_refusal=describe_refusal)


def _source_identity(session: Any, credentials: Any) -> tuple[str, str]:
    """Return what distinguishes sources, without a call: the access key, or the origin of keys that change."""
    if isinstance(credentials, botocore.credentials.RefreshableCredentials):
        return str(credentials.method), str(session.profile_name)
    return "key", str(credentials.access_key)


# Regions that cannot be disabled.
_HOME_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}


def _home_region(session: Any, region: str) -> str:
    """Return the region of the same partition that every account has; the region itself if that is unknown."""
    try:
        return _HOME_REGIONS.get(session.get_partition_for_region(region), region)
    except botocore.exceptions.BotoCoreError:
        return region


@dataclass(frozen=True, slots=True)
class Models:
    """botocore's data and event handlers, which every session needs, read once."""

    loader: Any
    hooks: Any


def read_models(services: Iterable[str]) -> Models:
    """Read what clients of these services need, which takes most of a target's CPU time. Opens no connection.

    A host that forks calls this once before the fork.
    """
    loader = botocore.loaders.create_loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in sorted(services):
        with contextlib.suppress(botocore.exceptions.DataNotFoundError):  # an older botocore: `Target.knows`
            loader.load_service_model(service, "service-2", api_version=None)
            loader.load_service_model(service, "endpoint-rule-set-1", api_version=None)
            loader.load_service_model(service, "paginators-1", api_version=None)
    hooks = botocore.hooks.HierarchicalEmitter()
    botocore.session.Session(event_hooks=hooks)  # adds botocore's own handlers
    return Models(loader, hooks)


def _botocore_session(models: Models | None) -> Any:
    if models is None:
        return botocore.session.Session()
    session = botocore.session.Session(event_hooks=copy.copy(models.hooks), include_builtin_handlers=False)
    session.register_component("data_loader", models.loader)
    return session


__all__ = ["SDK_ERROR", "Identity", "Models", "Target", "read_models"]
