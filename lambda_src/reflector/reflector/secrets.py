# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that hold a secret, or a reference to one.

| reference | read with |
|---|---|
| `arn:<partition>:secretsmanager:<region>:<account>:secret:<name>` or `secretsmanager:<name>` | GetSecretValue |
| `arn:<partition>:ssm:<region>:<account>:parameter/<name>` or `ssm:<name>` | GetParameter, decrypted |

An ARN is read in its own region, a name in the function's region. The secret is the value itself, or a JSON object with the value
under one of the expected keys. It is read once in an execution environment, and again when a sink no longer accepts it.
"""

import json
import re
from collections.abc import Sequence

from .aws import AwsError, call

_ARN = re.compile(
    r"arn:[a-z0-9-]+:(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):\d{12}:(?:secret:|parameter/).+"
)
_NAME = re.compile(r"(?P<service>secretsmanager|ssm):(?P<name>.+)")

# Secrets Manager answers the same for a secret that does not exist, unless the role may read every name.
_DENIED_HINT = (
    " It does not exist, or the function's role may not read it or its key: preflight tells which. Variables:"
    " reflector_sumo_endpoint, reflector_sinks, reflector_secret_arns, reflector_secret_kms_key_arns."
)


class SecretError(Exception):
    """A secret could not be read. The text has its name and AWS's error code, never a value.

    transient   a retry may succeed
    denied      AWS's code is that of a missing permission
    """

    def __init__(self, text: str, *, transient: bool = False, denied: bool = False) -> None:
        super().__init__(text)
        self.transient = transient
        self.denied = denied


class Secret:
    """A secret value or a reference to it. No repr shows it. `option` is its name in messages."""

    def __init__(self, setting: str, option: str) -> None:
        self.option = option
        self._setting = setting
        self._found: str | None = None

    @property
    def is_reference(self) -> bool:
        """Whether the setting is a reference."""
        return is_reference(self._setting)

    def value(self, keys: Sequence[str] = ()) -> str:
        """Return the stripped value. `keys`: its possible names in a JSON object. Raises SecretError."""
        if self._found is None:
            own_key = self.option.rpartition(".")[2]
            self._found = read(self._setting, (*keys, own_key)) if self.is_reference else self._setting
        return self._found

    def renew(self) -> bool:
        """Forget the value, so that it is read again. Return False for a literal value."""
        self._found = None
        return self.is_reference

    def __repr__(self) -> str:
        return f"Secret({self.option})"


def is_reference(setting: str) -> bool:
    """Return whether the setting is a reference in one of the forms above."""
    return bool(_ARN.fullmatch(setting) or _NAME.fullmatch(setting))


def read(reference: str, keys: Sequence[str] = ()) -> str:
    """Return the value of a reference. Raises SecretError with AWS's error code."""
    arn = _ARN.fullmatch(reference)
    found = arn or _NAME.fullmatch(reference)
    if found is None:
        raise SecretError("The setting is no reference to a Secrets Manager secret or an SSM parameter.")
    service = found["service"]
    name = reference if arn else found["name"]
    try:
        text = _read(service, name, arn["region"] if arn else None).strip()
    except SecretError as error:
        if keys and error.denied:  # without keys it is the parameter with the rules
            raise SecretError(f"{error}{_DENIED_HINT}") from None
        raise
    return _pick(text, keys, f"{service} {name}") if keys else text


def _read(service: str, name: str, region: str | None) -> str:
    try:
        if service == "ssm":
            return str(call(service, "get_parameter", region, Name=name, WithDecryption=True)["Parameter"]["Value"])
        secret = call(service, "get_secret_value", region, SecretId=name)
    except AwsError as error:
        text = f"{service} {name} could not be read: {error.code}."
        if error.status:
            text = f"{error.operation} of {service} {name} was refused: {error.code}."
        denied = error.code.startswith("AccessDenied")
        raise SecretError(text, transient=error.transient, denied=denied) from None
    if "SecretString" not in secret:
        raise SecretError(f"{service} {name} is a binary secret: text is needed.")
    return str(secret["SecretString"])


def _pick(text: str, keys: Sequence[str], what: str) -> str:
    if not text.startswith("{"):
        return text
    wanted = " or ".join(keys)
    try:
        members = json.loads(text)
    except ValueError:
        raise SecretError(f"{what} is neither a plain value nor a JSON object with the key {wanted}.") from None
    for key in keys:
        if isinstance(members.get(key), str):
            return str(members[key]).strip()
    raise SecretError(f"{what} is a JSON object without the key {wanted}.")
