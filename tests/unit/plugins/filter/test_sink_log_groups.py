"""Log groups of sinks that live in AWS: none of them is forgotten, and no other is left out for them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.filter.sink_log_groups import sink_log_groups
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import Choice, LogGroup

DOMAIN = "search-all-logs-2abcdefghijklmnopqrstuvwx7.eu-west-1.es.amazonaws.com"
OPENSEARCH = ["/aws/OpenSearchService/domains/all-logs/*", "/aws/aes/domains/all-logs/*"]


@pytest.mark.parametrize(
    ("sink", "found"),
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
        ({"type": "elasticsearch"}, []),
        ({"type": "firehose", "stream": None}, []),
        ("no sink", []),
    ],
)  # fmt: skip
def test_what_a_sink_writes_to(sink: Any, found: list[str]) -> None:
    assert sink_log_groups({"one": sink}) == found


@pytest.mark.parametrize("sinks", [None, [], "text", {}])
def test_no_sinks(sinks: Any) -> None:
    assert sink_log_groups(sinks) == []


def test_the_choice_takes_them_for_the_own_log_groups() -> None:
    sinks = {
        "lake": {"type": "firehose", "stream": "lake"},
        "search": {"type": "elasticsearch", "endpoint": f"https://{DOMAIN}"},
    }
    choice = Choice(["*"], [], sink_log_groups(sinks))
    for name in ("/aws/kinesisfirehose/lake", "/aws/OpenSearchService/domains/all-logs/application-logs"):
        verdict = choice.exclusion(LogGroup(name))
        assert verdict
        assert "loop" in verdict.reason
    assert choice.exclusion(LogGroup("/aws/kinesisfirehose/lake-of-others")) is None
