"""Settings that name a secret instead of holding it.

| reference | read with |
|---|---|
| `arn:<partition>:secretsmanager:<region>:<account>:secret:<name>` or `secretsmanager:<name>` | GetSecretValue |
| `arn:<partition>:ssm:<region>:<account>:parameter/<name>` or `ssm:<name>` | GetParameter, decrypted |

An ARN is read in its own region, a name in the function's. The secret is the value itself, or a JSON object that has it under
one of the keys asked for.
"""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .settings import SettingsError

_ARN = re.compile(
    r"arn:[a-z0-9-]+:(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):\d{12}:(?:secret:|parameter/).+"
)
_NAME = re.compile(r"(?P<service>secretsmanager|ssm):(?P<name>.+)")


def is_reference(setting: str) -> bool:
    """Whether the setting names a secret, in one of the forms above."""
    return bool(_ARN.fullmatch(setting) or _NAME.fullmatch(setting))


@lru_cache(maxsize=8)  # read once in an execution environment; an error is not remembered
def resolve(reference: str, keys: tuple[str, ...]) -> str:
    """The secret's value, without surrounding whitespace. Raises SettingsError with AWS's error code."""
    arn = _ARN.fullmatch(reference)
    found = arn or _NAME.fullmatch(reference)
    if found is None:
        raise SettingsError("The setting is no reference to a Secrets Manager secret or an SSM parameter.")
    service = found["service"]
    name = reference if arn else found["name"]
    return _pick(_read(service, name, arn["region"] if arn else None), keys, f"{service} {name}")


def _read(service: str, name: str, region: str | None) -> str:
    # 0.3 CPU-seconds and more: only functions with a reference pay for them.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    try:
        client = boto3.client(service, region_name=region, config=config)
        if service == "ssm":
            return str(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        secret: dict[str, Any] = client.get_secret_value(SecretId=name)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown error")
        raise SettingsError(f"{error.operation_name} of {service} {name} was refused: {code}.") from error
    except BotoCoreError as error:
        raise SettingsError(f"{service} {name} could not be read: {type(error).__name__}.") from error
    if "SecretString" not in secret:
        raise SettingsError(f"{service} {name} is a binary secret: text is needed.")
    return str(secret["SecretString"])


def _pick(secret: str, keys: Sequence[str], what: str) -> str:
    text = secret.strip()
    if not text.startswith("{"):
        return text
    wanted = " or ".join(keys)
    try:
        members = json.loads(text)
    except ValueError:
        raise SettingsError(f"{what} is neither a plain value nor a JSON object with the key {wanted}.") from None
    for key in keys:
        if isinstance(members.get(key), str):
            return str(members[key]).strip()
    raise SettingsError(f"{what} is a JSON object without the key {wanted}.")
