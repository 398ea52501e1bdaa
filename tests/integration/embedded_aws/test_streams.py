# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters to Firehose streams: log groups of the class DELIVERY accept them, with a role that works, and nothing else."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import RunningAws
from toys import Place, name

TRUST = {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}
WRITES = {"Effect": "Allow", "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"], "Resource": "*"}


class Streams:
    """A Firehose stream that writes to a bucket."""

    def __init__(self, aws: RunningAws, place: Place) -> None:
        self._s3 = aws.client("s3", place.account, place.region)
        self._bucket, stream = name("bucket"), name("stream")
        self._s3.create_bucket(Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": place.region})
        destination = {
            "RoleARN": f"arn:aws:iam::{place.account}:role/firehose",
            "BucketARN": f"arn:aws:s3:::{self._bucket}",
        }
        self.arn = aws.client("firehose", place.account, place.region).create_delivery_stream(
            DeliveryStreamName=stream, ExtendedS3DestinationConfiguration=destination
        )["DeliveryStreamARN"]

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages in the bucket."""
        found = self._s3.list_objects_v2(Bucket=self._bucket).get("Contents", [])
        bodies = [self._s3.get_object(Bucket=self._bucket, Key=item["Key"])["Body"].read() for item in found]
        return [json.loads(gzip.decompress(body)) for body in bodies]


@pytest.fixture
def stream(aws: RunningAws, place: Place) -> Streams:
    return Streams(aws, place)


def put(place: Place, group: str, stream: str, role: str | None) -> None:
    more = {"roleArn": role} if role else {}
    place.logs.put_subscription_filter(
        logGroupName=group, filterName="f", filterPattern="", destinationArn=stream, **more
    )


def test_delivery_group_delivers_to_a_stream_after_a_control_message(place: Place, stream: Streams) -> None:
    group = place.group(logGroupClass="DELIVERY")
    put(place, group, stream.arn, place.role(WRITES, trust=TRUST))
    place.write(group, "one line", "another line")
    control, data = sorted(stream.messages(), key=lambda message: message["messageType"])
    assert (control["messageType"], control["logGroup"]) == ("CONTROL_MESSAGE", "")
    assert (data["messageType"], data["logGroup"], data["subscriptionFilters"]) == ("DATA_MESSAGE", group, ["f"])
    assert [event["message"] for event in data["logEvents"]] == ["one line", "another line"]


def test_delivery_group_refuses_a_function_and_infrequent_access_refuses_a_stream(
    place: Place, stream: Streams
) -> None:
    role = place.role(WRITES, trust=TRUST)
    with pytest.raises(ClientError, match="only supported on the Standard log class"):
        place.subscribe(place.group(logGroupClass="DELIVERY"), place.arn("lambda", "function:reflector"))
    with pytest.raises(ClientError, match="only supported on the Standard log class"):
        put(place, place.group(logGroupClass="INFREQUENT_ACCESS"), stream.arn, role)


@pytest.mark.parametrize("problem", ["no role", "trust", "other group", "permission", "stream"])
def test_stream_with_a_role_that_does_not_work_is_refused(place: Place, stream: Streams, problem: str) -> None:
    elsewhere = {"ArnLike": {"aws:SourceArn": "arn:aws:logs:*:*:log-group:/elsewhere:*"}}
    trust = {"trust": None, "other group": {**TRUST, "Condition": elsewhere}}.get(problem, TRUST)
    role = place.role(*([] if problem == "permission" else [WRITES]), trust=trust)
    arn = f"{stream.arn}-none" if problem == "stream" else stream.arn
    with pytest.raises(
        place.logs.exceptions.InvalidParameterException, match=r"roleArn|Could not deliver test message"
    ):
        put(place, place.group(logGroupClass="DELIVERY"), arn, None if problem == "no role" else role)
    assert stream.messages() == []


def test_caller_needs_the_permission_to_pass_the_role_to_cloudwatch_logs(place: Place, stream: Streams) -> None:
    role, group = place.role(WRITES, trust=TRUST), place.group(logGroupClass="DELIVERY")
    puts = {"Effect": "Allow", "Action": "logs:PutSubscriptionFilter", "Resource": "*"}
    request = {"logGroupName": group, "filterName": "f", "filterPattern": "", "destinationArn": stream.arn}

    def passing(service: str) -> dict[str, Any]:
        condition = {"StringEquals": {"iam:PassedToService": service}}
        return {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": condition}

    for statements in ([puts], [puts, passing("lambda.amazonaws.com")]):
        with pytest.raises(ClientError, match="iam:PassRole"):
            place.assumed("logs", *statements).put_subscription_filter(**request, roleArn=role)
    place.assumed("logs", puts, passing("logs.amazonaws.com")).put_subscription_filter(**request, roleArn=role)


def test_events_are_lost_and_counted_while_the_role_may_not_write(place: Place, stream: Streams) -> None:
    role, group = place.role(WRITES, trust=TRUST), place.group(logGroupClass="DELIVERY")
    put(place, group, stream.arn, role)
    place.iam.delete_role_policy(RoleName=role.rpartition("/")[2], PolicyName="p")
    place.write(group, "lost")
    assert [message["messageType"] for message in stream.messages()] == ["CONTROL_MESSAGE"]
