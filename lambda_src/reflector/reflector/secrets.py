"""Options that may name a secret instead of holding it.

| reference | read with |
|---|---|
| `arn:<partition>:secretsmanager:<region>:<account>:secret:<name>` or `secretsmanager:<name>` | GetSecretValue |
| `arn:<partition>:ssm:<region>:<account>:parameter/<name>` or `ssm:<name>` | GetParameter, decrypted |

An ARN is read in its own region, a name in the function's. The secret is the value itself, or a JSON object that has it under
one of the keys asked for. It is read once in an execution environment, and again when a sink no longer accepts it.
"""

import json
import re
from collections.abc import Sequence

from .aws import AwsError, ask

_ARN = re.compile(
    r"arn:[a-z0-9-]+:(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):\d{12}:(?:secret:|parameter/).+"
)
_NAME = re.compile(r"(?P<service>secretsmanager|ssm):(?P<name>.+)")


class SecretError(Exception):
    """A secret cannot be read. The text names it and AWS's error code, never a value."""


class Secret:
    """A value that is kept out of sight: literal, or a reference to where it is. `option` is what messages call it."""

    def __init__(self, setting: str, option: str) -> None:
        self.option = option
        self._setting = setting
        self._found: str | None = None

    @property
    def is_reference(self) -> bool:
        """Whether the value is somewhere else."""
        return is_reference(self._setting)

    def value(self, keys: Sequence[str] = ()) -> str:
        """The value, without whitespace around it; `keys` are its names in a secret that is a JSON object. Raises SecretError."""
        if not self.is_reference:
            return self._setting
        if self._found is None:
            self._found = read(self._setting, (*keys, self.option.rpartition(".")[2]))
        return self._found

    def renew(self) -> bool:
        """Read it again next time. False for a literal, which stays what it is."""
        self._found = None
        return self.is_reference

    def __repr__(self) -> str:
        return f"Secret({self.option})"


def is_reference(setting: str) -> bool:
    """Whether the setting names a secret, in one of the forms above."""
    return bool(_ARN.fullmatch(setting) or _NAME.fullmatch(setting))


def read(reference: str, keys: Sequence[str] = ()) -> str:
    """What the reference refers to. Raises SecretError with AWS's error code."""
    arn = _ARN.fullmatch(reference)
    found = arn or _NAME.fullmatch(reference)
    if found is None:
        raise SecretError("The setting is no reference to a Secrets Manager secret or an SSM parameter.")
    service = found["service"]
    name = reference if arn else found["name"]
    text = _read(service, name, arn["region"] if arn else None).strip()
    return _pick(text, keys, f"{service} {name}") if keys else text


def _read(service: str, name: str, region: str | None) -> str:
    try:
        if service == "ssm":
            return str(ask(service, "get_parameter", region, Name=name, WithDecryption=True)["Parameter"]["Value"])
        secret = ask(service, "get_secret_value", region, SecretId=name)
    except AwsError as error:
        if error.status:
            raise SecretError(f"{error.operation} of {service} {name} was refused: {error.code}.") from None
        raise SecretError(f"{service} {name} could not be read: {error.code}.") from None
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
