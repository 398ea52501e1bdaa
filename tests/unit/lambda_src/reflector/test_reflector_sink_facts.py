# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions of sinks, and the log groups that their services write to."""

import pytest
from reflector.sink_facts import sink_log_groups, sink_permissions

DOMAIN = "search-all-logs-2abcdefghijklmnopqrstuvwx7.eu-west-1.es.amazonaws.com"
OPENSEARCH = ["/aws/OpenSearchService/domains/all-logs/*", "/aws/aes/domains/all-logs/*"]
THEIRS = "arn:aws:kinesis:eu-west-1:333333333333:stream/theirs"


@pytest.mark.parametrize(
    ("sink", "expected"),
    [
        ({"type": "firehose", "stream": "lake"}, ["/aws/kinesisfirehose/lake"]),
        ({"type": "kinesis", "stream": "lake"}, []),
        ({"type": "s3", "bucket": "lake"}, []),
        ({"type": "elasticsearch", "endpoint": f"https://{DOMAIN}"}, OPENSEARCH),
        ({"type": "elasticsearch", "endpoint": f"https://{DOMAIN.replace('search-', 'vpc-', 1)}:443/_bulk"}, OPENSEARCH),
        ({"type": "elasticsearch", "endpoint": f"https://{DOMAIN}.cn"}, OPENSEARCH),
        (
            {"type": "elasticsearch", "endpoint": "https://search-all-logs-2abcdefghijklmnopqrstuvwx7.aos.eu-west-1.on.aws"},
            OPENSEARCH,
        ),
        ({"type": "elasticsearch", "endpoint": "https://search.example.com:9200"}, []),
        ({"type": "elasticsearch", "endpoint": "secretsmanager:search"}, []),
    ],
)  # fmt: skip
def test_sink_log_groups_of_each_service(sink, expected):
    assert sink_log_groups({"one": sink}) == expected


@pytest.mark.parametrize(
    ("sink", "expected"),
    [
        (
            {"type": "firehose", "stream": "lake"},
            [("firehose:PutRecordBatch", "arn:{partition}:firehose:*:{account}:deliverystream/lake")],
        ),
        (
            {"type": "kinesis", "stream": "fast", "region": "us-east-1"},
            [("kinesis:PutRecords", "arn:{partition}:kinesis:us-east-1:{account}:stream/fast")],
        ),
        ({"type": "kinesis", "stream": THEIRS}, [("kinesis:PutRecords", THEIRS)]),
        ({"type": "s3", "bucket": "logs"}, [("s3:PutObject", "arn:{partition}:s3:::logs/*")]),
        (
            {"type": "s3", "bucket": "logs", "prefix": "app/", "kms_key_id": "1234-abcd"},
            [
                ("kms:GenerateDataKey", "arn:{partition}:kms:*:{account}:key/1234-abcd"),
                ("s3:PutObject", "arn:{partition}:s3:::logs/app/*"),
            ],
        ),
        ({"type": "s3", "bucket": "logs", "kms_key_id": 5}, [("s3:PutObject", "arn:{partition}:s3:::logs/*")]),
        ({"type": "elasticsearch", "endpoint": f"https://{DOMAIN}"}, []),
    ],
)
def test_sink_permissions_of_each_service(sink, expected):
    assert sink_permissions({"one": sink, "same": sink}) == expected


@pytest.mark.parametrize(
    "sinks",
    [
        None,
        [],
        "text",
        {},
        {"a": "text", "b": None, "c": {"bucket": "no-type"}, "d": {"type": ["s3"]}, "e": {"type": "unknown"}},
        {name: {"type": name} for name in ("s3", "firehose", "kinesis", "elasticsearch")},
        {
            "a": {"type": "firehose", "stream": 1},
            "b": {"type": "kinesis", "stream": 2},
            "c": {"type": "s3", "bucket": 3},
        },
        {"a": {"type": "firehose", "stream": None}, "b": {"type": "elasticsearch", "endpoint": 1}},
    ],
)
def test_sink_facts_malformed_sinks_are_skipped(sinks):
    assert (sink_permissions(sinks), sink_log_groups(sinks)) == ([], [])
