# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The origin of copied events: names that owners of log groups choose claim no other account."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflector.config import checked
from reflector.decode import decode
from reflector.options import SettingsError
from reflector.origin import from_system_fields, name_pattern
from reflector_support import payload, sqs_event, status, subscription_event

PATTERN = "/central/${source.accountId}/${source.region}${source.logGroup}"
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
REGIONS = st.sampled_from(["eu-west-1", "us-east-1", "ap-southeast-7", "mx-central-1", "il-central-1"])
# Names that look like parts of the pattern, and texts that AWS would not allow as names.
GROUPS = st.one_of(
    st.text("/-19aews", min_size=1, max_size=20),
    st.builds("/central/{}/{}{}".format, ACCOUNTS, REGIONS, st.text("/-1a", min_size=1, max_size=5)),
    st.text(min_size=1, max_size=20),
    st.sampled_from(["\n", "${source.accountId}", "/central/", "-1", "0", "/aws/lambda/log-reflector"]),
)


def copied(pattern, account, region, group, stream="s"):
    name = pattern.replace("${source.accountId}", account).replace("${source.region}", region)
    head = {"owner": "444444444444", "logGroup": name.replace("${source.logGroup}", group)}
    return decode(subscription_event({**payload(["line"]), **head, "logStream": f"{stream}-{account}-{region}"}))


@pytest.mark.parametrize(
    "pattern",
    [
        PATTERN,
        "copies.${source.region}-${source.accountId}${source.logGroup}",
        "/c/${source.accountId}${source.region}/x/${source.logGroup}",
    ],
)
@given(account=ACCOUNTS, region=REGIONS, group=GROUPS, stream=st.text(min_size=1, max_size=9))
def test_origin_is_the_source_for_any_names(pattern, account, region, group, stream):
    original = name_pattern(pattern).original(copied(pattern, account, region, group, stream))
    assert (original.owner, original.log_group, original.log_stream) == (account, group, stream)
    assert original.region == region


@given(st.text("/central0123456789-uswt", max_size=40))
def test_other_log_groups_keep_their_names(group):
    received = decode(subscription_event({**payload(["line"]), "logGroup": group}))
    if not re.match(r"/central/[0-9]{12}/[a-z]{2,8}(-[a-z]+)+-[0-9].", group):
        assert name_pattern(PATTERN).original(received) is received


def test_stream_with_another_suffix_keeps_its_name():
    received = decode(
        subscription_event({**payload(["line"]), "logGroup": "/central/222222222222/eu-west-1/a", "logStream": "s_1"})
    )
    assert name_pattern(PATTERN).original(received).log_stream == "s_1"


@pytest.mark.parametrize(
    "pattern",
    [
        "/central",
        "${source.logGroup}",
        "${source.accountId}/${source.region}${source.logGroup}",
        "/${source.accountId}/${source.region}${source.logGroup}",
        "/central/${source.logGroup}/${source.accountId}/${source.region}",
        "/central/${source.accountId}${source.logGroup}",
        "/central/${source.accountId}/${source.accountId}/${source.region}${source.logGroup}",
        "/central/${source.org.id}/${source.accountId}/${source.region}${source.logGroup}",
        "/cen tral/${source.accountId}/${source.region}${source.logGroup}",
    ],
)
def test_pattern_without_a_safe_origin_is_refused(pattern):
    with pytest.raises(SettingsError, match="must begin with fixed text"):
        name_pattern(pattern)
    with pytest.raises(SettingsError, match="CENTRALIZED_NAME_PATTERN: must begin"):
        checked({"SUMO_ENDPOINT": "https://example.com/x", "CENTRALIZED_NAME_PATTERN": pattern})


def event(group):
    names = {"owner": "444444444444", "logGroup": group, "logStream": "web-222222222222-eu-west-1"}
    return subscription_event({**payload(["line"]), **names})


def test_handler_sink_and_accounts_see_the_origin(function, sink):
    copy = event("/central/222222222222/eu-west-1/app/orders")
    outcome = function.invoke(copy, CENTRALIZED_NAME_PATTERN=PATTERN, INCLUDE_LOG_INFO="true")
    account = outcome.account
    assert (account["owner"], account["logGroup"], account["logStream"]) == ("222222222222", "/app/orders", "web")
    assert sink.received[0].sumo["Host"] == "/app/orders"
    assert sink.received[0].records[0]["logGroup"] == "/app/orders"


def test_handler_members_group_of_the_reflectors_name_is_forwarded(function, sink):
    """The loop guard is about the log group that the payload names, not about the origin of a copy."""
    copy = event("/central/222222222222/eu-west-1/aws/lambda/own")
    settings = {"CENTRALIZED_NAME_PATTERN": PATTERN, "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/own"}
    assert function.invoke(copy, **settings).account["DeliveredEvents"] == 1
    assert function.invoke(event("/aws/lambda/own"), **settings).counts["DroppedEvents"] == 1


def test_replay_of_a_dead_letter_claims_no_other_account(function, sink, queue):
    """A dead letter has the names of its origin. Deriving them twice would let a member's log group claim another account."""
    nested = "/central/222222222222/eu-west-1/central/999999999999/us-east-1/a"
    settings = {"CENTRALIZED_NAME_PATTERN": PATTERN, "DEAD_LETTER_QUEUE": queue.name}
    sink.script.append(status(400))
    function.invoke(event(nested), **settings)
    (record,) = queue.take()
    replayed = function.invoke(sqs_event(record["body"]), **settings)
    assert (replayed.account["owner"], replayed.account["logGroup"]) == (
        "222222222222",
        "/central/999999999999/us-east-1/a",
    )


FIELDS = {"@aws.account": "222222222222", "@aws.region": "eu-west-1", "@source.log": "/app/orders"}


def with_fields(*fields, owner="444444444444", group="copies", stream="s-222222222222-eu-west-1"):
    events = [{"id": str(n), "timestamp": n, "message": "m", "extractedFields": each} for n, each in enumerate(fields)]
    head = {"owner": owner, "logGroup": group, "logStream": stream, "logEvents": events}
    return decode(subscription_event({**payload(["line"]), **head}))


def test_system_fields_are_the_origin():
    original = from_system_fields(with_fields(FIELDS, {**FIELDS, "more": "x"}))
    assert (original.owner, original.log_group, original.log_stream) == ("222222222222", "/app/orders", "s")
    assert (original.region, original.count) == ("eu-west-1", 2)


def test_system_fields_without_a_log_group_keep_that_of_the_payload():
    fields = {name: value for name, value in FIELDS.items() if name != "@source.log"}
    original = from_system_fields(with_fields(fields, group="/app/web"))
    assert (original.owner, original.log_group, original.log_stream) == ("222222222222", "/app/web", "s")


def test_system_fields_of_the_payload_itself_change_nothing():
    received = with_fields(FIELDS, owner="222222222222", group="/app/orders")
    assert from_system_fields(received) is received


@pytest.mark.parametrize(
    "fields",
    [
        [{}],
        [None],
        ["text"],
        [{**FIELDS, "@aws.account": "2222"}],
        [{**FIELDS, "@aws.account": 222222222222}],
        [{**FIELDS, "@aws.account": "222222222222\n"}],
        [{**FIELDS, "@aws.region": "eu"}],
        [{**FIELDS, "@source.log": "/app\norders"}],
        [{**FIELDS, "@source.log": "<script>"}],
        [{**FIELDS, "@source.log": None}],
        [{**FIELDS, "@source.log": ["/app"]}],
        [{**FIELDS, "@source.log": "x" * 513}],
        [{name: value for name, value in FIELDS.items() if name != "@aws.region"}],
        [FIELDS, {**FIELDS, "@aws.account": "333333333333"}],
        [FIELDS, {}],
    ],
)
def test_hostile_or_mixed_system_fields_change_nothing(fields):
    received = with_fields(*fields)
    assert from_system_fields(received) is received


def test_name_of_the_copy_counts_before_system_fields():
    config = checked({"CENTRALIZED_NAME_PATTERN": PATTERN, "SUMO_ENDPOINT": "https://sumo/"})
    original = config.original(with_fields(FIELDS, group="/central/333333333333/us-east-1/web"))
    assert (original.owner, original.log_group) == ("333333333333", "/web")
    original = config.original(with_fields(FIELDS))
    assert (original.owner, original.log_group) == ("222222222222", "/app/orders")


def test_system_fields_are_read_on_all_pages_of_a_large_payload():
    received = with_fields(FIELDS)
    page, other = (next(with_fields(each).pages()) for each in (FIELDS, {**FIELDS, "@source.log": "/other"}))
    mixed = replace(received, _pages=[lambda: page, lambda: other])
    assert from_system_fields(mixed) is mixed
    same = replace(received, _pages=[lambda: page, lambda: page])
    assert from_system_fields(same).log_group == "/app/orders"
