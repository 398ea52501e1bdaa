# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages that cost a sink much CPU, and a configuration of each type of sink that does the most work.

For test_reflector_cpu.py and bench/sinks.py.
"""

import time
from typing import Any

from reflector.sinks import Batch

SIZE = 400_000
METADATA = '{"_sumo_metadata":{"category":"%s"},%s}'

INPUTS: dict[str, list[str]] = {
    "tiny events": ["a"] * (SIZE // 10),
    "one text": ["x" * SIZE],
    "escapes": ['"\\\x01' * (SIZE // 3)],
    "lone surrogates": ["\ud800" * (SIZE // 3)],
    "multibyte": ["é\U0001f600" * (SIZE // 6)],
    "whitespace": ["\u00a0" * (SIZE // 2), "\n" * SIZE],
    "deep JSON": ["[" * 9000 + "]" * 9000] * (SIZE // 18_000),
    "JSON that is broken at its end": ['{"a":"' + "x" * SIZE + '"x}'],
    "many members": ["{" + ",".join(f'"a{number}":1' for number in range(SIZE // 11)) + "}"],
    "a long key": ['{"' + "\\u0041" * (SIZE // 6) + '":1}'],
    "a long number": ["9" * SIZE],
    "tiny JSON": ['{"a":1}'] * (SIZE // 10),
    "JSON on many lines": ["{\n" + ",\n".join(f'"a{number}":1' for number in range(SIZE // 12)) + "\n}"],
    "nearly a request id": ["RequestId:" + " " * SIZE, "RequestId:" * (SIZE // 10)],
    "many request ids": [f"RequestId: {number:08x}-ff39-4bf5-8761-439f99b7c5f6" for number in range(SIZE // 50)],
    "nearly a console prefix": ["2020-03-05T16:30:36.113Z a-a-a-a-" + "a" * SIZE + "!"],
    "nearly a Python prefix": ["[" + "A" * SIZE + "] 2020"],
    "metadata, many members": [METADATA % ("x", ",".join(['"a" : 1'] * (SIZE // 8)))],
    "metadata, many values": [METADATA % ("x", '"a":[' + ",".join(["[]"] * (SIZE // 3)) + "]")],
    "metadata, many sources": [METADATA % (number, '"a":1') for number in range(SIZE // 50)],
    "metadata, a long value": [METADATA % ("x" * SIZE, '"a":1')],
}

SINKS: dict[str, dict[str, Any]] = {
    "datadog": {"api_key": "k"},
    "elasticsearch": {"endpoint": "https://example.com", "index": "logs-%Y.%m.%d.%H", "json_field": "json"},
    "firehose": {"stream": "s"},
    "http": {"endpoint": "https://example.com"},
    "kinesis": {"stream": "s"},
    "loki": {"endpoint": "https://example.com", "stream_labels": ["owner"]},
    "newrelic": {"license_key": "k"},
    "otlp": {"endpoint": "https://example.com"},
    "s3": {"bucket": "bucket"},
    "splunk_hec": {"endpoint": "https://example.com", "token": "t"},
    "stdout": {"payloads_in_own_log": True},
    "sumologic": {"endpoint": "https://example.com", "allow_metadata": ["*"], "include_log_info": True},
}


def costly_batch(messages: list[str]) -> Batch:
    """Return a batch of these messages. The events are new: some services take no old ones."""
    now = time.time_ns() // 1_000_000
    events: Any = [
        {"id": f"{number:056d}", "timestamp": now, "message": message} for number, message in enumerate(messages)
    ]
    return Batch("111111111111", "/app/orders", "web/1", ("all",), events, range(len(events)))
