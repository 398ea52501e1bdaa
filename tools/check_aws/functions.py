# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Lambda functions of the check, as source text."""

from __future__ import annotations

import ast
import io
import textwrap
import zipfile

from . import ROOT

WORKER = ROOT / "lambda_src" / "subscriber" / "subscriber" / "worker.py"

DESTINATION = """
import base64, gzip, json, os, time
import boto3, botocore
sqs = boto3.client("sqs")
def handler(event, context):
    if "awslogs" not in event:
        model = boto3.client("logs").meta.service_model
        known = "ListLogGroups" in model.operation_names
        members = model.operation_model("ListLogGroups").input_shape.members if known else {}
        return {"botocore": botocore.__version__, "lists_by_tag": "logGroupTags" in members}
    payload = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    if payload["messageType"] == "DATA_MESSAGE":
        body = {"log_group": payload["logGroup"], "lines": [each["message"] for each in payload["logEvents"]]}
        sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(body))
"""
"""Sends the lines that a subscription delivers to a queue. To any other event it answers what Lambda's SDK knows."""

_CHAIN = """
import json, os, secrets, time
from typing import Any
import boto3
sqs = boto3.client("sqs")
{new_trace}
def handler(event, context):
    for record in event["Records"]:
        hop = json.loads(record["body"])["hop"] + 1
        sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=str(hop))
        if hop < int(os.environ["HOPS"]):
            sqs.send_message(
                QueueUrl=os.environ["OWN_QUEUE_URL"], MessageBody=json.dumps({{"hop": hop}}), MessageGroupId="chain"
            )
"""


def chain(*, new_trace: bool) -> str:
    """Return a function that hands over to itself through its queue, as the subscriber's sweep does.

    new_trace    begin a new trace in each message, with the subscriber's own code
    """
    if not new_trace:
        return _CHAIN.format(new_trace="")
    register = 'sqs.meta.events.register_first("before-call.sqs.SendMessage", _begin_new_trace)'
    return _CHAIN.format(new_trace=f"{_source_of('_begin_new_trace')}\n{register}")


def _source_of(name: str) -> str:
    """Return the source of a function of the subscriber."""
    text = WORKER.read_text(encoding="utf-8")
    found = next(each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef) and each.name == name)
    return textwrap.dedent(ast.get_source_segment(text, found) or "")


def zipped(source: str) -> bytes:
    """Return the function's package."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("index.py", source)
    return data.getvalue()
