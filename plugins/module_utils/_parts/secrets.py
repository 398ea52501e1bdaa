# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the secrets and parameters exist that the sinks refer to. Their values are not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .._errors import NotFoundError, ReflectorError
from .._session import Target

_OPERATION = "deploy the reflector"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in the options, taken apart.

    region, account     of an ARN, "" for a name
    """

    text: str
    service: str
    name: str
    region: str = ""
    account: str = ""

    @classmethod
    def parsed(cls, text: str) -> Reference:
        """Return the reference in one of the forms that the reflector reads."""
        if not text.startswith("arn:"):
            service, _colon, name = text.partition(":")
            return cls(text, service, name)
        _arn, _partition, service, region, account, resource = text.split(":", 5)
        name = resource.removeprefix("secret:") if service == "secretsmanager" else resource.removeprefix("parameter")
        return cls(text, service, name, region, account)

    @property
    def identifier(self) -> str:
        """The secret, for Secrets Manager: its ARN or name."""
        return self.text if self.text.startswith("arn:") else self.name

    @property
    def what(self) -> str:
        """The secret, for messages."""
        return f"{'secret' if self.service == 'secretsmanager' else 'parameter'} {self.name}"


def is_elsewhere(target: Target, reference: Reference) -> bool:
    """Return whether the reference is an ARN of another region or account than the target's."""
    return reference.region not in ("", target.region) or reference.account not in ("", target.identity.account)


def require_secret(target: Target, reference: Reference) -> Mapping[str, Any]:
    """Return DescribeSecret's answer. Raises NotFoundError if the secret does not exist, or will soon be deleted."""
    try:
        with target.describe_operation(f"describe the {reference.what}"):
            secret: Mapping[str, Any] = target.client("secretsmanager").describe_secret(SecretId=reference.identifier)
    except NotFoundError as error:
        raise _missing(target, reference, error.message) from None
    if secret.get("DeletedDate"):
        message = f"the {reference.what} of the sinks is marked for deletion"
        raise NotFoundError(_OPERATION, message, advice="Restore it, or name another one.", where=target.where)
    return secret


def require_parameter(target: Target, reference: Reference) -> Mapping[str, Any]:
    """Return DescribeParameters' answer about the parameter. Raises NotFoundError if it does not exist."""
    name = reference.name.partition(":")[0]  # a version or label may follow
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    with target.describe_operation(f"find the {reference.what}"):
        pages = target.client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=filters)
        listed = [each for each in pages.build_full_result()["Parameters"] if each["Name"] == name]
    if not listed:
        raise _missing(target, reference, "Parameter Store does not list it")
    parameter: Mapping[str, Any] = listed[0]
    return parameter


def require_references(target: Target, texts: Iterable[str]) -> None:
    """Raise NotFoundError for a reference to a secret or parameter that does not exist.

    References to other places are not read, and a caller who may not read one learns nothing: the reflector may read it.
    """
    references = [Reference.parsed(str(target.expand(text))) for text in texts]
    own = [each for each in references if not is_elsewhere(target, each)]
    for error in target.together(*(partial(_missing_error, target, each) for each in own)):
        if error:
            raise error


def _missing(target: Target, reference: Reference, message: str) -> NotFoundError:
    return NotFoundError(
        _OPERATION,
        f"the {reference.what} of the sinks does not exist: {message}",
        advice="Create it in this account and region, or correct reflector_sumo_endpoint and reflector_sinks.",
        where=target.where,
    )


def _missing_error(target: Target, reference: Reference) -> NotFoundError | None:
    try:
        (require_parameter if reference.service == "ssm" else require_secret)(target, reference)
    except NotFoundError as error:
        return error
    except ReflectorError:
        pass
    return None
