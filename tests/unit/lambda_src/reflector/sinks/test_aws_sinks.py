# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Behaviour of sinks for AWS services beyond the contract: records of several lines, error codes, keys of objects."""

import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator

import boto3
import contract
import pytest
from contract import Case
from reflector import aws as reflector_aws
from reflector.aws import AwsError, call, plain_code
from reflector.aws_sinks import outcome_of_error, outcome_of_records
from reflector.delivery import Delivery
from reflector.options import SettingsError
from reflector.sinks import Batch, make
from reflector_support import payload


def batch(texts, log_group="/app/orders", log_stream="web/1", owner="222222222222", **event) -> Batch:
    events = payload(texts, **event)["logEvents"]
    return Batch(owner, log_group, log_stream, ("app-orders",), events, range(len(events)))


def deliver(sink, what: Batch):
    """Deliver and return the undelivered events and the counts."""
    delivery = Delivery(sink, lambda: 30.0)
    return list(delivery.deliver(what)), delivery.sent


@pytest.fixture
def local(monkeypatch) -> Iterator[Callable[..., tuple]]:
    """Return a function that makes a sink and its stand-in."""
    services = []
    monkeypatch.setattr("reflector.delivery.time.sleep", lambda _seconds: None)

    def made(kind, **options):
        service = contract.make(kind)
        services.append(service)
        service.start()
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        reflector_aws.client.cache_clear()
        return make(service.options(**options), "it"), service

    yield made
    for service in services:
        service.stop()
        assert service.violations == []
    reflector_aws.client.cache_clear()


# --- several lines in a record ---


@pytest.mark.parametrize("kind", ["firehose", "kinesis"])
def test_record_sink_packed_records_respect_limits(local, kind):
    sink, service = local(kind, pack=True)
    texts = [f"line {number} " + "x" * (number * 7 % 3000 + 1) for number in range(6000)]
    unsent, sent = deliver(sink, batch(texts))
    assert unsent == []
    assert sent.events == len(texts)
    assert [event.message for event in service.accepted()] == texts
    records = [record for request in service.requests for record in service.data(request)]
    assert all(record.count(b"\n") <= 500 for record in records)
    # 10 MB of text: as few records and requests as the limits allow, except for the remainder of each.
    assert len(records) <= 2 * sum(map(len, records)) / service.limits.item_bytes + 12
    assert len(service.requests) == -(-sum(map(len, records)) // service.limits.request_bytes)


@pytest.mark.parametrize("kind", ["firehose", "kinesis"])
def test_record_sink_retries_failed_packed_records_only(local, kind):
    sink, service = local(kind, pack=True)
    texts = [str(number) for number in range(1700)]  # 500, 500, 500, 200: the second and the fourth fail
    service.misbehave(Case.ITEMS_AGAIN)
    unsent, sent = deliver(sink, batch(texts))
    assert unsent == []
    assert (sent.events, sent.requests, sent.retries) == (1700, 2, 1)
    order = [*range(500), *range(1000, 1500), *range(500, 1000), *range(1500, 1700)]
    assert [int(event.id) for event in service.accepted()] == order
    assert len(service.data(service.requests[1])) == 2


def test_outcome_of_records_maps_codes_to_events():
    outcome = outcome_of_records(
        [None, "InternalFailure", "NoSuchCode", None, 'Odd code: {"message"}'], [1, 2, 3, 4, 1]
    )
    assert outcome.verdict == "partial"
    assert list(outcome.retry) == [1, 2]
    assert outcome.refused == {
        **dict.fromkeys((3, 4, 5), "the sink refused the record: NoSuchCode"),
        10: "the sink refused the record: unknown error",
    }
    assert outcome.reason == "the sink answered InternalFailure for a record"
    assert outcome_of_records([None, None], [3, 4]).verdict == "accepted"
    assert outcome_of_records(["ServiceUnavailableException"] * 2, [3, 4]).verdict == "retry"
    assert outcome_of_records(["NoSuchCode"] * 2, [1, 1]).refused.keys() == {0, 1}


# --- one event that is longer than usual ---


def test_kinesis_records_up_to_10_mib_are_sent(local):
    sink, service = local("kinesis")
    longest = 10 * 1024 * 1024 - len("web/1") - len(next(iter(sink.chunks(batch([""])))).content.data[0])
    texts = ["before", "x" * longest, "between", "y" * (longest + 1), "after"]
    unsent, _sent = deliver(sink, batch(texts))
    assert [len(service.data(request)) for request in service.requests] == [1, 1, 1, 1]
    assert [event.message for event in service.accepted()] == ["before", "x" * longest, "between", "after"]
    (refused,) = unsent
    assert refused.batch.events[0]["message"] == texts[3]
    assert refused.reason == "the event is larger than the 10240 KiB of a record"


# --- destinations of records and objects ---


def test_kinesis_partition_key_is_the_log_stream_name(local):
    sink, _service = local("kinesis")
    for name, key in (("web/1", "web/1"), ("", "-"), ("ä" * 300, "ä" * 128), ("\ud800", "\\ud800")):
        (chunk,) = sink.chunks(batch(["one"], log_stream=name))
        assert chunk.content.key == key


def test_kinesis_stream_arn_of_another_region_and_account(monkeypatch, aws):
    client = boto3.client("kinesis", region_name="us-east-1")
    client.create_stream(StreamName="theirs", ShardCount=1)
    name = client.describe_stream_summary(StreamName="theirs")["StreamDescriptionSummary"]["StreamARN"]
    assert deliver(make({"type": "kinesis", "stream": name}, "it"), batch(["one"]))[0] == []
    shard = client.get_shard_iterator(
        StreamName="theirs", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    (record,) = client.get_records(ShardIterator=shard["ShardIterator"])["Records"]
    assert json.loads(record["Data"])["message"] == "one"


def stored(bucket="log-archive") -> dict[str, bytes]:
    """Return the bucket's objects in moto."""
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {item["Key"]: client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed}


@pytest.fixture
def bucket(aws) -> str:
    where = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket="log-archive", CreateBucketConfiguration=where)
    return "log-archive"


def test_s3_same_events_are_one_object(bucket):
    sink = make({"type": "s3", "bucket": bucket}, "it")
    for texts in (["one", "two"], ["one", "two"], ["one"], ["two"]):
        assert deliver(sink, batch(texts))[0] == []
    objects = stored()
    assert len(objects) == 3
    assert all(key.startswith("222222222222/eu-west-1/app/orders/2023/11/14/22/") for key in objects)
    assert sorted(gzip.decompress(body).count(b"\n") for body in objects.values()) == [1, 1, 2]


@pytest.mark.parametrize(
    ("log_group", "folder"),
    [
        ("API-Gateway#1", "API-Gateway#1"),
        ("/a/../..b/...", "a/_/..b/_"),
        ("//", "_"),
        ("", "_"),
        ("a b\ud800\n?*ä", "a_b_____"),
    ],
)
def test_s3_key_of_any_log_group(bucket, log_group, folder):
    sink = make({"type": "s3", "bucket": bucket}, "it")
    assert deliver(sink, batch(["one"], log_group=log_group, log_stream="\ud800 ä" * 300, owner=""))[0] == []
    ((key, body),) = stored().items()
    assert key.rpartition("/")[0] == f"_/eu-west-1/{folder}/2023/11/14/22"
    assert json.loads(gzip.decompress(body))["logGroup"] == log_group
    assert boto3.client("s3").head_object(Bucket=bucket, Key=key)["Metadata"] == {"events": "1"}


@pytest.mark.parametrize(("timestamp", "hour"), [(-1, "1970/01/01/00"), (10**30, "9999/12/31/23")])
def test_s3_key_of_any_timestamp(bucket, timestamp, hour):
    sink = make({"type": "s3", "bucket": bucket}, "it")
    assert deliver(sink, batch(["one"], timestamp=timestamp))[0] == []
    assert f"/{hour}/" in next(iter(stored()))


def test_s3_metadata_keeps_names_with_any_characters(bucket):
    sink = make({"type": "s3", "bucket": bucket}, "it")
    deliver(sink, batch(["one", "two"], log_stream="2026/11/22/[$LATEST]é"))
    (key,) = stored()
    assert boto3.client("s3").head_object(Bucket=bucket, Key=key)["Metadata"] == {
        "account": "222222222222",
        "log-group": "/app/orders",
        "log-stream": "2026/11/22/[$LATEST]%C3%A9",
        "events": "2",
    }


def test_s3_encryption_and_storage_class(bucket):
    key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
    options = {"type": "s3", "bucket": bucket, "kms_key_id": key_id, "storage_class": "STANDARD_IA"}
    deliver(make(options, "it"), batch(["one"]))
    found = boto3.client("s3").head_object(Bucket=bucket, Key=next(iter(stored())))
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key_id)
    assert found["StorageClass"] == "STANDARD_IA"


# --- options ---


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"type": "firehose"}, "it.stream: is needed"),
        ({"type": "firehose", "stream": "arn:aws:firehose:r:222222222222:deliverystream/x"}, "it.stream: must be a"),
        ({"type": "firehose", "stream": "x" * 65}, "it.stream: must be a"),
        ({"type": "kinesis", "stream": "a b"}, "it.stream: must be a"),
        (
            {"type": "kinesis", "stream": "arn:aws:kinesis:r:222222222222:stream/x", "region": "r"},
            "it.region: must not",
        ),
        ({"type": "s3", "bucket": "No"}, "it.bucket: must be"),
        ({"type": "s3", "bucket": "logs", "prefix": "/logs"}, "it.prefix: must be"),
        ({"type": "s3", "bucket": "logs", "prefix": "*"}, "it.prefix: must be"),
        ({"type": "s3", "bucket": "logs", "kms_key_id": "alias/logs"}, "it.kms_key_id: must be the id"),
        ({"type": "s3", "bucket": "logs", "storage_class": "COLD"}, "it.storage_class: must be one of"),
        ({"type": "stdout"}, "it.payloads_in_own_log: must be true"),
    ],
)
def test_aws_sink_bad_options_are_refused(options, place):
    with pytest.raises(SettingsError) as caught:
        make(options, "it")
    assert str(caught.value).startswith(place)


# --- errors ---


@pytest.mark.parametrize(
    ("kind", "status", "code", "verdict"),
    [
        ("kinesis", 400, "ThrottlingException", "retry"),
        ("kinesis", 400, "KMSThrottlingException", "retry"),
        ("kinesis", 400, "AccessDeniedException", "refused"),
        ("kinesis", 400, "ExpiredTokenException", "refused"),
        ("kinesis", 403, "UnrecognizedClientException", "refused"),
        ("firehose", 400, "ResourceNotFoundException", "refused"),
        ("firehose", 400, "InvalidArgumentException", "refused"),
        ("firehose", 502, "SomethingNew", "retry"),
        ("firehose", 413, "SomethingNew", "too_large"),
        ("s3", 503, "ServiceUnavailable", "retry"),
        ("s3", 400, "RequestTimeout", "retry"),
        ("s3", 409, "OperationAborted", "retry"),
        ("s3", 429, "SomethingNew", "retry"),
        ("s3", 403, "AccessDenied", "refused"),
        ("s3", 400, "EntityTooLarge", "too_large"),
    ],
)
def test_aws_sink_outcome_of_error_code(local, kind, status, code, verdict):
    sink, service = local(kind)
    service.codes = {Case.REFUSED: (status, code)}
    service.misbehave(Case.REFUSED)
    (chunk,) = sink.chunks(batch(["a-line-that-no-log-may-hold"]))
    outcome = sink.send(chunk, 5)
    assert outcome.verdict == verdict
    assert code in outcome.reason
    assert "a-line" not in outcome.reason
    assert len(service.requests) == 1  # the SDK itself retries nothing
    assert not sink.renew()


def test_aws_sink_unreachable_endpoint_is_retried(local, monkeypatch):
    sink, service = local("firehose")
    service.stop()
    (chunk,) = sink.chunks(batch(["one"]))
    outcome = sink.send(chunk, 5)
    assert (outcome.verdict, outcome.reason) == (
        "retry",
        "the connection to the sink broke (EndpointConnectionError)",
    )


def test_aws_sink_malformed_answer_is_retried(local, monkeypatch):
    sink, service = local("kinesis")
    monkeypatch.setattr(service, "answer_names", ("Failed", "Odd"))
    (chunk,) = sink.chunks(batch(["one"]))
    assert sink.send(chunk, 5).verdict == "retry"


def test_aws_sink_missing_credentials_are_reported(local, monkeypatch):
    sink, _service = local("firehose")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (chunk,) = sink.chunks(batch(["one"]))
    outcome = sink.send(chunk, 5)
    assert (outcome.verdict, outcome.reason) == ("refused", "the request could not be made: NoCredentialsError")


def test_call_with_bad_parameters_quotes_nothing(aws):
    with pytest.raises(AwsError) as caught:
        call("kinesis", "put_records", Records=["a-line-that-no-log-may-hold"], StreamName="x")
    assert "a-line" not in str(caught.value)
    assert outcome_of_error(caught.value).verdict == "refused"


def test_call_similar_timeouts_share_a_client(aws):
    boto3.client("sqs").create_queue(QueueName="q")
    for timeout in (30, 17.5, 16, 8, 8.1):
        call("sqs", "get_queue_url", timeout=timeout, QueueName="q")
    assert reflector_aws.client.cache_info().misses == 2


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", "AWS.SimpleQueueService.NonExistentQueue"),
        (None, "None"),
        ("", "unknown error"),
        ("a-line", "unknown error"),
        ("x" * 65, "unknown error"),
        ("é", "unknown error"),
    ],
)
def test_plain_code_hides_anything_but_codes(code, shown):
    assert plain_code(code) == shown


# --- the own log ---


def test_stdout_lines_are_written_in_one_call(monkeypatch):
    pieces = []

    class Pieces(io.StringIO):
        def write(self, text: str) -> int:
            pieces.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stdout", Pieces())
    sink = make({"type": "stdout", "payloads_in_own_log": True}, "it")
    assert deliver(sink, batch(["one", "\ud800"]))[0] == []
    (piece,) = pieces
    assert [json.loads(line)["message"] for line in piece.splitlines()] == ["one", "\ud800"]
    piece.encode()


def test_stdout_closed_refuses_events(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError("a-line-that-no-log-may-hold")

    monkeypatch.setattr(sys, "stdout", Closed())
    unsent, _sent = deliver(make({"type": "stdout", "payloads_in_own_log": True}, "it"), batch(["one"]))
    assert unsent[0].reason == "standard output cannot be written to (BrokenPipeError)"
