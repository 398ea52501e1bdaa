# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subscriber's AWS: the tests' CloudWatch Logs with events to read, and the other services that the function calls.

Real boto3 clients make the calls, so botocore checks the requests against its models.
"""

from __future__ import annotations

import base64
import copy
import gzip
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from logs_server import ACCOUNT, REGION, LogsServer

DATA = Path(__file__).parent / "data"
OURS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:log-reflector"
THEIRS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:theirs"
GROUP = "/aws/lambda/update-student"
NAME = "aws-lambda-update-student"
SUBSCRIBER = "log-reflector-subscriber"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{SUBSCRIBER}.fifo"
SWEEP_AT = "2026-11-22T10:00:00Z"
SERVICES = ("lambda", "sqs", "ssm", "ec2", "cloudwatch", "events")
EVIDENCE = "logreflector.aws/receives/log-reflector"
MARK = "logreflector.aws/subscribed/log-reflector"


def milliseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)


def now() -> int:
    return time.time_ns() // 1_000_000


class Clock:
    """The time of the tests: seconds after the first sweep. `schedule` sets it to the time of its sweep. Sleeping takes no time."""

    real = staticmethod(time.time_ns)
    ahead = 0
    slept: Sequence[float] = ()

    @classmethod
    def set(cls, at: str) -> None:
        cls.ahead = (milliseconds(at) + 2_000) * 1_000_000 - cls.real()

    @classmethod
    def read(cls) -> int:
        return cls.real() + cls.ahead + int(sum(cls.slept) * 1e9)


class Context:
    """Lambda's context, with as much time as a test gives."""

    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{SUBSCRIBER}:live"

    def __init__(self, seconds: float = 300) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Aws(LogsServer):
    """Adds events of groups, retention, and other services; `refusals` maps one of their operations to an error code."""

    def __init__(self, *groups: str, slots: int = 5) -> None:
        super().__init__(*groups, slots=slots)
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.retention: dict[str, int] = {}
        self.policies: list[dict[str, Any]] = []
        self.page_of_events = 100
        self.functions: dict[str, dict[str, Any]] = {"log-reflector": {}, SUBSCRIBER: {}}
        self.flow_logs: list[dict[str, Any]] = []
        self.parameters: dict[str, str] = {}
        self.others: list[tuple[str, dict[str, Any]]] = []
        self.refusals: dict[str, str] = {}
        self.lost_messages = 0
        self.streams: dict[str, list[dict[str, Any]]] = {}
        self.page_of_stream = 10_000
        self.logged: dict[str, list[int]] = {}
        self.queue_lengths: dict[str, int] = {}
        self.event_errors: list[str] = []
        self._requests: list[dict[str, Any]] = []
        for service in SERVICES:
            self.session.events.register(f"provide-client-params.{service}", self._keep)
            self.session.events.register_first(f"before-call.{service}", self._reply)

    def boto3_client(self, service: str, **options: Any) -> Any:
        """Replace boto3.client."""
        return self.session.client(service, **options)

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """Return the requests of an operation of another service than CloudWatch Logs."""
        return [request for name, request in self.others if name == operation]

    def invoked(self) -> list[dict[str, Any]]:
        """Return the payloads that the reflector received."""
        return [opened(request["Payload"]) for request in self.asked("Invoke")]

    def handed_over(self, detail_type: str = "Groups subscribed") -> list[dict[str, Any]]:
        """Return the function's messages to itself of that type, without those of second reads."""
        return [
            message
            for message in self._messages(detail_type)
            if not any(group.get("second") for group in message["detail"].get("groups", []))
        ]

    def second_looks(self) -> list[dict[str, Any]]:
        handed_over = self.handed_over()
        return [message for message in self._messages("Groups subscribed") if message not in handed_over]

    def _messages(self, detail_type: str) -> list[dict[str, Any]]:
        messages = [json.loads(request["MessageBody"]) for request in self.asked("SendMessage")]
        return [message for message in messages if message["detail-type"] == detail_type]

    def announced(self) -> list[str]:
        return [group["name"] for event in self.handed_over() for group in event["detail"]["groups"]]

    def log(self, group: str, *messages: str, at: int | None = None, stream: str = "stream") -> None:
        """Return events that CloudWatch Logs ingested at that time."""
        found = self.events.setdefault(group, [])
        moment = now() if at is None else at
        for message in messages:
            number = f"{len(found):056d}"
            found.append(
                {
                    "logStreamName": stream,
                    "timestamp": moment,
                    "message": message,
                    "ingestionTime": moment,
                    "eventId": number,
                }
            )

    def add_filter(self, group: str, name: str, destination: str, **attributes: Any) -> None:
        super().add_filter(group, name, destination, **{"creationTime": now(), **attributes})

    def _answer(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        group = asked.get("logGroupName", "")
        if operation in ("GetLogEvents", "PutLogEvents", "CreateLogStream"):
            return self._answer_on_stream(operation, f"{group} {asked['logStreamName']}", asked)
        if operation == "DescribeAccountPolicies":
            return 200, {"accountPolicies": self.policies}
        if operation in ("FilterLogEvents", "PutRetentionPolicy") and group not in self.groups:
            return self._refusal("ResourceNotFoundException", "The specified log group does not exist.")
        if operation == "PutRetentionPolicy":
            self.retention[group] = asked["retentionInDays"]
            return 200, {}
        if operation == "FilterLogEvents":
            found = [
                event
                for event in self.events.get(group, [])
                if asked.get("startTime", 0) <= event["timestamp"] <= asked["endTime"]
                and asked.get("filterPattern", "") in event["message"]
            ]
            return self._page("events", found, asked, self.page_of_events)
        return super()._answer(operation, asked)

    def _answer_on_stream(self, operation: str, stream: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if operation == "CreateLogStream":
            if stream in self.streams:
                return self._refusal("ResourceAlreadyExistsException", "The specified log stream already exists")
            self.streams[stream] = []
            return 200, {}
        if stream not in self.streams:
            return self._refusal("ResourceNotFoundException", "The specified log stream does not exist.")
        events = self.streams[stream]
        if operation == "PutLogEvents":
            assert sum(len(event["message"]) + 26 for event in asked["logEvents"]) <= 1_048_576
            events += asked["logEvents"]
            return 200, {}
        end = int(asked.get("nextToken", len(events)))
        start = max(end - self.page_of_stream, 0)
        return 200, {"events": events[start:end], "nextBackwardToken": str(start), "nextForwardToken": str(end)}

    def _group(self, name: str) -> dict[str, Any]:
        answer = super()._group(name)
        return answer | ({"retentionInDays": self.retention[name]} if name in self.retention else {})

    def _keep(self, params: dict[str, Any], **_unused: Any) -> None:
        self._requests.append(copy.deepcopy(params))

    def _reply(self, model: Any, **_unused: Any) -> tuple[AWSResponse, dict[str, Any]]:
        with self._lock:
            request = self._requests.pop()
            self.others.append((model.name, request))
            if code := self.refusals.get(model.name):
                raise ClientError({"Error": {"Code": code, "Message": "refused"}}, model.name)
            return AWSResponse("", 200, {}, None), getattr(self, f"_{model.name}")(request)

    def _GetFunctionConfiguration(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["FunctionName"].rpartition(":function:")[2]
        if name not in self.functions:
            error = {"Code": "ResourceNotFoundException", "Message": "Function not found"}
            raise ClientError({"Error": error}, "GetFunctionConfiguration")
        return self.functions[name]

    def _DescribeFlowLogs(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"FlowLogs": self.flow_logs}

    def _GetParameter(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Parameter": {"Value": self.parameters[request["Name"]]}}

    def _SendMessage(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["QueueUrl"].endswith(f"/{ACCOUNT}/{QUEUE.rpartition(':')[2]}")
        if self.lost_messages:
            self.lost_messages -= 1
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not taken"}}, "SendMessage")
        return {"MessageId": "1"}

    def _GetQueueAttributes(self, request: dict[str, Any]) -> dict[str, Any]:
        queue = request["QueueUrl"].rpartition("/")[2]
        if queue not in self.queue_lengths:
            error = {"Code": "AWS.SimpleQueueService.NonExistentQueue", "Message": "no such queue"}
            raise ClientError({"Error": error}, "GetQueueAttributes")
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.queue_lengths[queue])}}

    def _ListMetrics(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer with the log groups of `logged`, which has the seconds since 1970 of events by log group."""
        since = Clock.read() // 1_000_000_000 - (3 * 3600 if request.get("RecentlyActive") else 14 * 24 * 3600)
        names = [name for name, moments in self.logged.items() if max(moments, default=0) >= since]
        dimensions = [[{"Name": "LogGroupName", "Value": name}] for name in names]
        common = {"Namespace": request["Namespace"], "MetricName": request["MetricName"]}
        return {"Metrics": [{**common, "Dimensions": each} for each in [[], *dimensions]]}

    def _GetMetricData(self, request: dict[str, Any]) -> dict[str, Any]:
        assert len(request["MetricDataQueries"]) <= 500
        results = []
        for query in request["MetricDataQueries"]:
            assert (query["MetricStat"]["Period"], query["MetricStat"]["Stat"]) == (3600, "Sum")
            (dimension,) = query["MetricStat"]["Metric"]["Dimensions"]
            start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
            hours = {moment // 3600 for moment in self.logged[dimension["Value"]] if start <= moment < end}
            times = [datetime.fromtimestamp(hour * 3600, UTC) for hour in sorted(hours, reverse=True)]
            values = [1.0] * len(times)
            results.append({"Id": query["Id"], "Timestamps": times, "Values": values, "StatusCode": "Complete"})
        return {"MetricDataResults": results}

    def _PutEvents(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.event_errors:
            failed = {"ErrorCode": self.event_errors.pop(), "ErrorMessage": "not accepted"}
            return {"FailedEntryCount": 1, "Entries": [failed for _entry in request["Entries"]]}
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _entry in request["Entries"]]}

    def _ChangeMessageVisibility(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _Invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"StatusCode": 202 if request["InvocationType"] == "Event" else 200}


def opened(payload: bytes) -> dict[str, Any]:
    """Return a subscription's message as the reflector decodes it."""
    data = json.loads(payload)["awslogs"]["data"]
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(data)))
    return found


def event(kind: str = "ok") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / f"create_log_group_{kind}.json").read_text())
    return loaded


def event_of(group: str) -> dict[str, Any]:
    made = copy.deepcopy(event())
    made["detail"]["requestParameters"]["logGroupName"] = group
    return made


def tag_event(group: str, *keys: str, call: str = "TagResource") -> dict[str, Any]:
    made = copy.deepcopy(event())
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    parameters: dict[str, Any] = {"resourceArn": arn} if "Resource" in call else {"logGroupName": group}
    if call == "UntagResource":
        parameters["tagKeys"] = list(keys)
    else:
        parameters["tags"] = list(keys) if call == "UntagLogGroup" else dict.fromkeys(keys, "x")
    made["detail"].update(eventName=call, requestParameters=parameters)
    return made


def schedule(at: str = SWEEP_AT) -> dict[str, Any]:
    """Return the event of a schedule. Its time is now."""
    Clock.set(at)
    place = {"account": ACCOUNT, "region": REGION}
    return {**place, "source": "aws.events", "detail-type": "Scheduled Event", "time": at, "detail": {}}


def settle_event(*groups: str, not_before: int = 0) -> dict[str, Any]:
    detail = {"groups": [{"name": group} for group in groups], "not_before": not_before}
    return {"source": "logreflector.subscriber", "detail-type": "Groups subscribed", "detail": detail}


def batch(*events: Any) -> dict[str, Any]:
    """Return an SQS event with a message for each event."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "eventSource": "aws:sqs",
                "eventSourceARN": QUEUE,
                "body": body if isinstance(body, str) else json.dumps(body),
            }
            for number, body in enumerate(events)
        ]
    }


def failures(answer: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


Start = Callable[..., Any]


def boto3_of(server: Aws, monkeypatch: Any) -> None:
    monkeypatch.setattr(boto3, "client", server.boto3_client)
