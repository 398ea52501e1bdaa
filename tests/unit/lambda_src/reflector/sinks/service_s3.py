# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon S3 (API reference, "PutObject")."""

import base64
import re
import zlib
from typing import Any, ClassVar
from urllib.parse import unquote
from xml.sax.saxutils import escape

from aws_service import AwsService, as_accepted
from contract import ACCOUNT, LOG_GROUP, LOG_STREAM, Case, Reply, echo
from reflector_support import Received, status

# The events of reflector_support.payload are of 2023-11-14, 22:13 UTC.
KEY = rf"/the-bucket/logs/{ACCOUNT}/eu-west-1{LOG_GROUP}/2023/11/14/22/[0-9a-f]{{32}}\.json\.gz"


class Local(AwsService):
    """A request is one object, of up to 5 GB."""

    type = "s3"
    supports = AwsService.supports - {Case.ITEMS_AGAIN, Case.ITEMS, Case.REQUEST_BYTES}
    codes: ClassVar[dict[Case, tuple[int, str]]] = {
        Case.THROTTLED: (503, "SlowDown"),
        Case.UNAVAILABLE: (500, "InternalError"),
        Case.TOO_LARGE: (400, "EntityTooLarge"),
        Case.REFUSED: (404, "NoSuchBucket"),
    }

    def start(self) -> None:
        """See `HttpService`. The request is a PUT."""
        super().start()
        handler: Any = self._server.RequestHandlerClass
        handler.do_PUT = handler.do_POST

    def options(self, **overrides: Any) -> dict[str, Any]:
        """See `Service`."""
        return {"type": self.type, "bucket": "the-bucket", "prefix": "logs/", **overrides}

    def take(self, request: Received, fault: Case | None) -> Reply:
        """See `HttpService`."""
        headers = request.headers
        self.check(re.fullmatch(KEY, request.path), f"key {request.path}")
        self.check(headers["Content-Encoding"] == "gzip", "Content-Encoding")
        self.check(headers["Content-Type"] == "application/json", "Content-Type")
        self.check(headers["x-amz-storage-class"] == "STANDARD", "storage class")
        checksum = base64.b64encode(zlib.crc32(request.body).to_bytes(4, "big")).decode()
        self.check(headers["x-amz-checksum-crc32"] == checksum, "checksum")
        lines = request.text.removesuffix(b"\n").split(b"\n")
        own = {
            name.lower(): unquote(value) for name, value in headers.items() if name.lower().startswith("x-amz-meta-")
        }
        known = {"account": ACCOUNT, "log-group": LOG_GROUP, "log-stream": LOG_STREAM, "events": str(len(lines))}
        self.check(own == {f"x-amz-meta-{name}": value for name, value in known.items()}, f"metadata {own}")
        self.accept([as_accepted(line) for line in lines])
        return status(200, ETag='"1"')

    def refusal(self, request: Received, code: int, name: str) -> Reply:
        """See `AwsService`."""
        message = escape(re.sub(r"[^ -~]", " ", echo(request).decode("utf-8", "replace")))
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{name}</Code><Message>{message}</Message></Error>'
        return status(code, body.encode(), Content_Type="application/xml")
