# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon S3: one object for each batch, gzip of one JSON object a line.

Source: the API reference's "PutObject" and "Error responses", and the user guide's "Creating object key names" and "Working
with object metadata". Encoding and content type are those of CloudTrail's objects, which every tool for logs in S3 knows.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from ..aws import AwsError, call
from ..aws_sinks import outcome_of_error, resource_arn
from ..codec import gzip, utf8
from ..lines import whole_lines
from ..options import option, required
from . import ACCEPTED, Batch, Chunk, Outcome, Permission

METADATA_LIMIT = 2048
"""Bytes of an object's user-defined metadata, names and values."""

_YEAR_10000 = 253_402_300_800
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.'()/=+@:,-]{0,256}")
_KEY = re.compile(r"[A-Za-z0-9-]+|arn:[a-z0-9-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
# Characters that log group names cannot have, and segments of dots only, which keys should not have.
_UNSAFE = re.compile(r"[^\w.#/-]|(?<![^/])\.+(?![^/])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of this sink.

    Keys are `<prefix><account>/<region>/<log group>/<yyyy>/<mm>/<dd>/<hh>/<digest>.json.gz`, with the hour (UTC) of the first
    event and the digest of the lines. So the same events, delivered twice, are one object.
    """

    bucket: str = required("name of the bucket")
    prefix: str = option("", "beginning of the keys, with a trailing slash if you want one")
    region: str | None = option(None, "the bucket's region", shown="the function's")
    kms_key_id: str | None = option(
        None,
        "id or ARN of the key that encrypts the objects (SSE-KMS); not an alias, because a policy cannot name one",
        shown="the bucket's setting",
    )
    storage_class: Literal[
        "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
    ] = option(
        "STANDARD",
        "class of the objects; AWS bills classes for rare access and archives for at least 30 days",
    )

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket):
            raise ValueError("bucket: must be a bucket's name: 3 to 63 of lower-case letters, digits and .-")
        if not _PREFIX.fullmatch(self.prefix) or self.prefix.startswith("/"):
            raise ValueError(
                "prefix: must be up to 256 of letters, digits and !_.'()/=+@:,- and not begin with a slash"
            )
        if self.kms_key_id is not None and not _KEY.fullmatch(self.kms_key_id):
            # The role's policy must name the key, which an alias does not.
            raise ValueError("kms_key_id: must be the id or the ARN of a key, not its alias")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object: its key, its bytes and its user-defined metadata."""

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
        """See `Sink`. A batch is far smaller than the 5 GB of an object."""
        text = utf8("".join(f"{line}\n" for line in whole_lines(batch)))
        stored = StoredObject(self._options.prefix + _key(batch, text), gzip(text), _metadata(batch))
        yield Chunk(range(len(batch.events)), stored)

    def send(self, chunk: Chunk[StoredObject], timeout: float) -> Outcome:
        """See `Sink`."""
        stored = chunk.content
        try:
            call(
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
            return outcome_of_error(error)
        return ACCEPTED

    def renew(self) -> bool:
        """See `Sink`. The credentials are the function's own."""
        return False


def permissions(options: Mapping[str, Any]) -> list[Permission]:
    """See `sinks.no_permissions`."""
    bucket, region, key = options.get("bucket"), options.get("region") or "*", options.get("kms_key_id")
    if not isinstance(bucket, str):
        return []
    needed = [("s3:PutObject", f"arn:{{partition}}:s3:::{bucket}/{options.get('prefix') or ''}*")]
    if key and isinstance(key, str):
        needed.append(("kms:GenerateDataKey", resource_arn(key, f"kms:{region}:{{account}}:key")))
    return needed


def sink(options: Options) -> S3:
    """Return the sink."""
    return S3(options)


def _key(batch: Batch, text: bytes) -> str:
    group = _UNSAFE.sub("_", batch.log_group).strip("/") or "_"
    second = min(max(batch.events[0]["timestamp"] // 1000, 0), _YEAR_10000 - 1)  # a timestamp can be any number
    hour = time.strftime("%Y/%m/%d/%H", time.gmtime(second))
    region = os.environ.get("AWS_REGION") or "_"
    digest = hashlib.sha256(text).hexdigest()[:32]
    return f"{_UNSAFE.sub('_', batch.owner) or '_'}/{region}/{group}/{hour}/{digest}.json.gz"


def _metadata(batch: Batch) -> dict[str, str]:
    """Return the metadata in ASCII, as headers must be. Names that are too long are left out: every line has them."""
    names = {"account": batch.owner, "log-group": batch.log_group, "log-stream": batch.log_stream}
    values = {name: quote(utf8(value), safe="/[]$:#@!(),+= ") for name, value in names.items()}
    values["events"] = str(len(batch.events))
    size = sum(len(name) + len(value) for name, value in values.items())
    return values if size <= METADATA_LIMIT else {"events": values["events"]}
