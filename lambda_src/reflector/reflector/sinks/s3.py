"""Amazon S3: an object for each piece of a payload, gzip of one JSON object a line.

Source: the API reference's "PutObject" and "Error responses", and the user guide's "Creating object key names" and "Working
with object metadata". Encoded and typed as CloudTrail's own objects are, which every tool that reads logs from S3 knows.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from ..aws import AwsError, ask
from ..aws_sinks import outcome_of
from ..codec import gzip, utf8
from ..lines import whole_lines
from . import ACCEPTED, Batch, Chunk, Outcome

METADATA_LIMIT = 2048
"""Bytes of an object's own metadata, names and values."""

_YEAR_10000 = 253_402_300_800
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.'()/=+@:,-]{0,256}")
_KEY = re.compile(r"[A-Za-z0-9-]+|arn:[a-z0-9-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
# Characters that log groups don't have, and segments of dots only, which keys should not.
_UNSAFE = re.compile(r"[^\w.#/-]|(?<![^/])\.+(?![^/])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """`bucket`; `prefix`: what keys begin with, such as `logs/`; `region`: the bucket's, the function's if not given.

    `kms_key_id`: id or ARN of the key that encrypts the objects (SSE-KMS); if not given, the bucket's own setting holds.
    `storage_class`: those for rare access and archives are billed for 30 days and more.

    Keys are `<prefix><account>/<region>/<log group>/<yyyy>/<mm>/<dd>/<hh>/<digest>.json.gz`: the hour (UTC) is the first
    event's, and the digest that of the lines, so that the same events, delivered twice, are one object.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    kms_key_id: str | None = None
    storage_class: Literal[
        "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
    ] = "STANDARD"

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket):
            raise ValueError("bucket: must be a bucket's name: 3 to 63 of lower-case letters, digits and .-")
        if not _PREFIX.fullmatch(self.prefix) or self.prefix.startswith("/"):
            raise ValueError("prefix: must be up to 256 of letters, digits and !_.'()/=+@:,- without a slash at first")
        if self.kms_key_id is not None and not _KEY.fullmatch(self.kms_key_id):
            # The role's policy must name the key, and cannot by its alias.
            raise ValueError("kms_key_id: must be the id or the ARN of a key, not its alias")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is put: the object's key, its bytes and its own metadata."""

    key: str
    body: bytes
    metadata: Mapping[str, str]


class S3:
    """See `Sink`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._settings: dict[str, Any] = {"Bucket": options.bucket, "StorageClass": options.storage_class}
        if options.kms_key_id:
            self._settings |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": options.kms_key_id}

    def chunks(self, batch: Batch) -> Iterator[Chunk[StoredObject]]:
        """See `Sink`. A batch is far below the 5 GB of an object."""
        text = utf8("".join(f"{line}\n" for line in whole_lines(batch)))
        stored = StoredObject(self._options.prefix + _key(batch, text), gzip(text), _metadata(batch))
        yield Chunk(range(len(batch.events)), stored)

    def send(self, chunk: Chunk[StoredObject], timeout: float) -> Outcome:
        """See `Sink`."""
        stored = chunk.content
        try:
            ask(
                "s3",
                "put_object",
                self._options.region,
                timeout=timeout,
                attempts=1,
                Key=stored.key,
                Body=stored.body,
                ContentType="application/json",
                ContentEncoding="gzip",
                Metadata=stored.metadata,
                **self._settings,
            )
        except AwsError as error:
            return outcome_of(error)
        return ACCEPTED

    def renew(self) -> bool:
        """See `Sink`. The credentials are the function's own."""
        return False


def sink(options: Options) -> S3:
    """The sink."""
    return S3(options)


def _key(batch: Batch, text: bytes) -> str:
    group = _UNSAFE.sub("_", batch.log_group).strip("/") or "_"
    second = min(max(batch.events[0]["timestamp"] // 1000, 0), _YEAR_10000 - 1)  # a timestamp is any number
    hour = time.strftime("%Y/%m/%d/%H", time.gmtime(second))
    region = os.environ.get("AWS_REGION") or "_"
    digest = hashlib.sha256(text).hexdigest()[:32]
    return f"{_UNSAFE.sub('_', batch.owner) or '_'}/{region}/{group}/{hour}/{digest}.json.gz"


def _metadata(batch: Batch) -> dict[str, str]:
    """In ASCII, as a header must be; names that would be too long for it are in every line anyway."""
    names = {"account": batch.owner, "log-group": batch.log_group, "log-stream": batch.log_stream}
    values = {name: quote(utf8(value), safe="/[]$:#@!(),+= ") for name, value in names.items()}
    values["events"] = str(len(batch.events))
    size = sum(len(name) + len(value) for name, value in values.items())
    return values if size <= METADATA_LIMIT else {"events": values["events"]}


def permissions(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the function's role has to allow: an action and the ARN of a resource, with {partition} and {account} in it."""
    region, bucket, key = options.get("region") or "*", options.get("bucket"), options.get("kms_key_id")
    if not isinstance(bucket, str):
        return
    yield "s3:PutObject", f"arn:{{partition}}:s3:::{bucket}/{options.get('prefix') or ''}*"
    if key and isinstance(key, str):
        is_arn = key.startswith("arn:")
        yield "kms:GenerateDataKey", key if is_arn else f"arn:{{partition}}:kms:{region}:{{account}}:key/{key}"
