# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared parts of the reflector's tests: a sink with scripted faults, the function as Lambda calls it, events, JSON of all kinds."""

import base64
import contextlib
import gzip
import importlib
import importlib.util
import io
import json
import os
import socket
import ssl
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).resolve().parents[4] / "lambda_src" / "reflector"
NATIVE = Path(sys.prefix) / "native"
"""orjson and isal, in a folder that is not in sys.path. The Makefile and lambda_pythons.py install them."""

TOKEN = "ZaVnC4dhaV1secret-token"


def examples(percent: int = 100) -> settings:
    """Return settings with this percentage of the profile's examples, all with the same fixtures."""
    profile = settings.default
    return settings(
        max_examples=max(1, profile.max_examples * percent // 100),
        suppress_health_check=[*profile.suppress_health_check, HealthCheck.function_scoped_fixture],
    )


def load_package(*, native: bool) -> SimpleNamespace:
    """Import separate copies of the reflector's modules, with or without orjson and isal."""
    imported = [name for name in sys.modules if name.partition(".")[0] == "reflector"]
    with mock.patch.dict(sys.modules), mock.patch.object(sys, "path", [str(NATIVE), *sys.path] if native else sys.path):
        for name in imported:
            del sys.modules[name]
        return SimpleNamespace(
            **{name: importlib.import_module(f"reflector.{name}") for name in ("codec", "decode", "records", "lines")}
        )


def load_handler():
    # The name is unique: every Lambda function of the collection has a module `handler`.
    spec = importlib.util.spec_from_file_location("reflector_handler", ROOT / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True)
class Received:
    """A received request. Header values are latin-1 text, so they have the received bytes."""

    path: str
    headers: dict[str, str]
    body: bytes
    client_port: int

    @property
    def text(self) -> bytes:
        return gzip.decompress(self.body) if self.headers.get("Content-Encoding") == "gzip" else self.body

    @property
    def lines(self) -> list[bytes]:
        return self.text.split(b"\n")

    @property
    def records(self) -> list[dict]:
        return [json.loads(line) for line in self.lines]

    @property
    def sumo(self) -> dict[str, str]:
        """Return the X-Sumo headers except the client's, decoded as UTF-8."""
        return {
            name.removeprefix("X-Sumo-"): value.encode("latin-1").decode()
            for name, value in self.headers.items()
            if name.startswith("X-Sumo-") and name != "X-Sumo-Client"
        }


class QuietHandler(BaseHTTPRequestHandler):
    """Handles HTTP/1.1 without a line on stderr for each request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_unused: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Serves a port of the loopback address in threads from its creation to `stop`."""

    daemon_threads = True

    def __init__(self, handler: type[QuietHandler], context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: tests break connections and kill clients."""

    def stop(self) -> None:
        """Stop to serve, and release the port."""
        self.shutdown()
        self.server_close()


class Sink:
    """Answers with 200, or with the functions in `script`, one for each request. They get the request handler."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.script: deque = deque()
        sink = self

        class Handler(QuietHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.received = Received(self.path, dict(self.headers.items()), body, self.client_address[1])
                sink.received.append(self.received)
                answer = sink.script.popleft() if sink.script else status(200)
                answer(self)

        self._server = Server(Handler, context)
        self.port = self._server.server_port
        self.url = (
            f"http{'s' if context else ''}://{'localhost' if context else '127.0.0.1'}:{self.port}/receiver/{TOKEN}"
        )

    def reset(self) -> None:
        self.received.clear()
        self.script.clear()

    def stop(self) -> None:
        self._server.stop()


def status(code, body=b"", **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def raw(data, *, then_close=True, pause=0.0):
    """Answer with these bytes, then close the connection (by default)."""

    def answer(handler):
        handler.wfile.write(data)
        handler.wfile.flush()
        time.sleep(pause)
        if then_close:
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)

    return answer


LONG = 60.0
"""Seconds that a test must not wait for. On a busy machine everything else takes less than half of it."""


def hang(seconds):
    return raw(b"", pause=seconds)


def ok_then_close(closed):
    """Answer without announcing a close, close the connection, then set the event."""

    def answer(handler):
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(handler)
        closed.set()

    return answer


@dataclass(slots=True)
class Outcome:
    """The result of an invocation: its counts or its error, and its output."""

    counts: dict | None
    error: Exception | None
    printed: str

    @property
    def account(self) -> dict:
        (line,) = self.printed.splitlines()
        return json.loads(line)


@dataclass(slots=True)
class Context:
    """Lambda's context with a running clock."""

    seconds: float = 30.0
    log_group_name: str = "/aws/lambda/reflector"
    aws_request_id: str = "6f1c2a0e-8d3b-4c55-9a41-0b7e5d2f9c13"
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.seconds - (time.monotonic() - self.started)) * 1000))


class Function:
    """The function, invoked with a separate environment."""

    def __init__(self, sink: Sink | None) -> None:
        self.handler = load_handler().handler
        self.environment = {"SUMO_ENDPOINT": sink.url} if sink else {}

    def invoke(self, event, *, seconds=30.0, context=None, **environment) -> Outcome:
        names = {"SUMO_ENDPOINT", "COMPRESS_DATA", "ALLOW_SUMO_METADATA", "LOG_STREAM_PREFIX", "RETRY_SECONDS"}
        names |= {"REFLECTOR_RULES", "DEAD_LETTER_QUEUE"}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in names and not name.startswith(("SOURCE_", "INCLUDE_", "AWS_LAMBDA_"))
        }
        printed = io.StringIO()
        counts = error = None
        with (
            mock.patch.dict(os.environ, {**kept, **self.environment, **environment}, clear=True),
            contextlib.redirect_stdout(printed),
        ):
            try:
                counts = self.handler(event, context or Context(seconds))
            except Exception as caught:  # noqa: BLE001
                error = caught
        return Outcome(counts, error, printed.getvalue())

    def forget_failures(self) -> None:
        """Forget failed invocations, as a new process has seen none."""
        self.handler.__globals__["_breakers"].clear()

    def forward(self, *messages, seconds=30.0, log_group="/app/orders", log_stream="web/1", **environment) -> Outcome:
        return self.invoke(subscription_event(payload(messages, log_group, log_stream)), seconds=seconds, **environment)


class DeadLetters:
    """The queue `dead-letters`. Its messages are read as Lambda passes them to a function."""

    name = "dead-letters"

    def __init__(self, client) -> None:
        self._client = client
        self._url = client.create_queue(QueueName=self.name)["QueueUrl"]

    def put(self, body: str) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def take(self) -> list[dict]:
        """Remove the messages and return them as records of an SQS event."""
        records = []
        while True:
            messages = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
            if messages:
                entries = [{"Id": item["MessageId"], "ReceiptHandle": item["ReceiptHandle"]} for item in messages]
                self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            records += [
                {"messageId": item["MessageId"], "body": item["Body"], "eventSource": "aws:sqs"} for item in messages
            ]
            if len(messages) < 10:  # moto gives as many as there are
                return records


def opened(body: str) -> tuple[dict, dict]:
    """Return the payload and the metadata of a dead letter."""
    message = json.loads(body)
    return json.loads(gzip.decompress(base64.b64decode(message["awslogs"]["data"]))), message["deadLetter"]


def sqs_event(*bodies: str) -> dict:
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body, "eventSource": "aws:sqs"} for number, body in enumerate(bodies)
        ]
    }


def payload(messages, log_group="/app/orders", log_stream="web/1", **event) -> dict:
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "222222222222",
        "logGroup": log_group,
        "logStream": log_stream,
        "subscriptionFilters": ["app-orders"],
        "logEvents": [
            {"id": f"{number:056d}", "timestamp": 1_700_000_000_000 + number, "message": message, **event}
            for number, message in enumerate(messages)
        ],
    }


def subscription_event(body) -> dict:
    """Return the event that Lambda receives. A dict is encoded as JSON, bytes are used unchanged."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"awslogs": {"data": base64.b64encode(gzip.compress(text)).decode()}}


def sample(name: str) -> dict:
    """Return a file of data/ as the event that Lambda receives."""
    body = json.loads((DATA / name).read_text())
    return body if "awslogs" in body else subscription_event(body)


def exact(text):
    """Return the value of JSON text, with unchanged digits for each number."""
    return json.loads(
        text,
        parse_int=lambda digits: SimpleNamespace(digits=digits),
        parse_float=lambda digits: SimpleNamespace(digits=digits),
    )


_space = st.text(" \t\r\n", max_size=2)
_numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
_strings = st.builds(json.dumps, st.text(max_size=12), ensure_ascii=st.booleans())


def _list(items, space):
    return "[" + ",".join(f"{space}{item}{space}" for item in items) + (space if not items else "") + "]"


def _object(members, space):
    return (
        "{"
        + ",".join(f"{space}{key}{space}:{space}{value}{space}" for key, value in members)
        + (space if not members else "")
        + "}"
    )


def objects_of(values):
    return st.builds(_object, st.lists(st.tuples(_strings, values), max_size=4), _space)


json_texts = st.recursive(
    st.one_of(_numbers, _strings, st.sampled_from(["null", "true", "false"])),
    lambda inner: st.one_of(st.builds(_list, st.lists(inner, max_size=4), _space), objects_of(inner)),
    max_leaves=8,
)
"""Valid JSON with numbers of any length and line breaks between tokens."""

json_objects = objects_of(json_texts)

any_text = st.text(st.characters(codec=None), max_size=60)
"""Text of any characters, control characters and lone surrogates among them."""

messages = st.one_of(any_text, json_texts, st.builds("{}{}\n".format, _space, json_texts), st.text(max_size=40))
