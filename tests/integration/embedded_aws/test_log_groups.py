# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from embedded_aws import RunningAws
from toys import LOGGING, Place, at_least, name, until

Find = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def heard(place: Place) -> Iterator[Find]:
    """Return the CloudTrail events about a log group that reached the default bus."""
    url, arn = place.open_queue()
    rule = place.rule(arn).rpartition("/")[2]

    def find(group: str) -> list[dict[str, Any]]:
        found = [json.loads(message["Body"]) for message in place.visible_messages(url)]
        return [event for event in found if event["detail"]["requestParameters"].get("logGroupName") == group]

    yield find
    place.events.remove_targets(Rule=rule, Ids=["1"])
    place.events.delete_rule(Name=rule)


def test_create_log_group_sends_an_event(place: Place, heard: Find) -> None:
    group = place.group(logGroupClass="INFREQUENT_ACCESS", tags={"team": "data"})
    (event,) = until(lambda: heard(group))
    detail = event.pop("detail")
    assert event["source"] == "aws.logs"
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert (event["account"], event["region"], event["resources"]) == ("222222222222", "eu-west-1", [])
    assert detail["requestParameters"] == {
        "logGroupName": group,
        "logGroupClass": "INFREQUENT_ACCESS",
        "tags": {"team": "data"},
    }
    assert (detail["eventSource"], detail["eventName"]) == ("logs.amazonaws.com", "CreateLogGroup")
    assert detail["userIdentity"]["arn"] == "arn:aws:iam::222222222222:root"
    assert detail["recipientAccountId"] == "222222222222"
    assert "errorCode" not in detail


def test_failed_create_log_group_sends_an_event_with_the_error(place: Place, heard: Find) -> None:
    group = place.group()
    with pytest.raises(place.logs.exceptions.ResourceAlreadyExistsException):
        place.logs.create_log_group(logGroupName=group)
    events = until(lambda: heard(group) if len(heard(group)) == 2 else [])
    codes = {event["detail"].get("errorCode"): event["detail"].get("errorMessage") for event in events}
    assert codes == {
        None: None,
        "ResourceAlreadyExistsException": "The specified log group already exists",
    }


def test_duplicate_probability_sends_the_event_twice(aws: RunningAws, place: Place, heard: Find) -> None:
    aws.configure(duplicate_probability=1)
    group = place.group()
    events = until(lambda: heard(group) if len(heard(group)) == 2 else [])
    assert len({event["detail"]["eventID"] for event in events}) == 1
    assert len({event["id"] for event in events}) == 2


def test_event_delay_postpones_the_event(aws: RunningAws, place: Place, heard: Find) -> None:
    aws.configure(event_delay=0.6)
    started = time.monotonic()
    group = place.group()
    assert until(lambda: heard(group))
    assert time.monotonic() - started >= 0.6


def test_event_reaches_its_account_and_region_only(aws: RunningAws, place: Place, heard: Find) -> None:
    group = name("/app/elsewhere")
    for account, region in (("222222222222", "us-east-1"), ("333333333333", "eu-west-1")):
        Place(aws, account, region).logs.create_log_group(logGroupName=group)
    here = place.group()
    assert until(lambda: heard(here))
    assert heard(group) == []


def test_log_groups_of_accounts_and_regions_are_separate(aws: RunningAws, place: Place) -> None:
    group = place.group()
    for account, region in (("222222222222", "us-east-1"), ("333333333333", "eu-west-1")):
        elsewhere = Place(aws, account, region)
        assert elsewhere.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_log_group_created_by_lambda_sends_an_event(place: Place, heard: Find) -> None:
    function = place.function()
    place.lambda_.invoke(FunctionName=function, Payload=b"{}")
    (event,) = until(lambda: heard(f"/aws/lambda/{function.split(':')[6]}"))
    assert event["detail"]["userIdentity"]["invokedBy"] == "lambda.amazonaws.com"


@pytest.mark.parametrize("group", ["with space", "a:b", "x" * 513])
def test_create_log_group_invalid_name_is_refused(place: Place, group: str) -> None:
    with pytest.raises(place.logs.exceptions.InvalidParameterException, match="failed to satisfy constraint"):
        place.logs.create_log_group(logGroupName=group)


def test_describe_log_groups_returns_pages_of_fifty(place: Place) -> None:
    prefix = name("/many")
    names = [f"{prefix}/{number:03d}" for number in range(60)]
    for group in names:
        place.logs.create_log_group(logGroupName=group)
    first = place.logs.describe_log_groups(logGroupNamePrefix=prefix)
    assert len(first["logGroups"]) == 50
    place.logs.delete_log_group(logGroupName=names[0])  # the next page must not skip a group because of it
    second = place.logs.describe_log_groups(logGroupNamePrefix=prefix, nextToken=first["nextToken"])
    assert [group["logGroupName"] for group in [*first["logGroups"], *second["logGroups"]]] == names
    assert "nextToken" not in second


@pytest.mark.parametrize("limit", [0, 51])
def test_describe_log_groups_invalid_limit_is_refused(place: Place, limit: int) -> None:
    unchecked = place.aws.client("logs", place.account, place.region, config=Config(parameter_validation=False))
    with pytest.raises(unchecked.exceptions.InvalidParameterException, match="'limit' failed to satisfy constraint"):
        unchecked.describe_log_groups(limit=limit)


def test_describe_log_groups_filters_by_class_pattern_and_identifier(place: Place) -> None:
    prefix = name("/kinds")
    place.logs.create_log_group(logGroupName=f"{prefix}/Standard")
    place.logs.create_log_group(logGroupName=f"{prefix}/rare", logGroupClass="INFREQUENT_ACCESS")

    def found(**options: Any) -> list[str]:
        return [group["logGroupName"] for group in place.logs.describe_log_groups(**options)["logGroups"]]

    assert found(logGroupNamePrefix=prefix, logGroupClass="INFREQUENT_ACCESS") == [f"{prefix}/rare"]
    assert found(logGroupNamePattern=f"{prefix}/STANDARD".lower()) == [f"{prefix}/Standard"]
    assert found(logGroupIdentifiers=[place.arn("logs", f"log-group:{prefix}/rare")]) == [f"{prefix}/rare"]
    classes = {
        group["logGroupName"]: group["logGroupClass"]
        for group in place.logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    }
    assert classes == {f"{prefix}/Standard": "STANDARD", f"{prefix}/rare": "INFREQUENT_ACCESS"}


def test_kms_key_is_associated_and_disassociated(place: Place) -> None:
    group, key = place.group(), "arn:aws:kms:eu-west-1:222222222222:key/k"

    def key_now() -> str | None:
        return place.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0].get("kmsKeyId")

    place.logs.associate_kms_key(logGroupName=group, kmsKeyId=key)
    assert key_now() == key
    place.logs.disassociate_kms_key(logGroupName=group)
    assert key_now() is None


def test_log_group_tags_are_stored(place: Place) -> None:
    group = place.group(tags={"a": "1"})
    arn = place.arn("logs", f"log-group:{group}")
    place.logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    place.logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert place.logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}


def test_function_without_log_permission_writes_no_log(place: Place) -> None:
    function = place.function(Role=place.role(LOGGING | {"Action": "logs:PutLogEvents"}))
    answer = place.lambda_.invoke(FunctionName=function, Payload=b'{"a": 1}')
    assert json.loads(answer["Payload"].read()) == {"a": 1}
    group = f"/aws/lambda/{function.split(':')[6]}"
    assert place.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_function_logs_to_its_configured_group(place: Place) -> None:
    group = place.group()
    function = place.function(LoggingConfig={"LogFormat": "Text", "LogGroup": group})
    place.lambda_.invoke(FunctionName=function, Payload=b"{}")
    assert place.printed(function, group)


@pytest.fixture
def tagged(place: Place) -> dict[str, str]:
    """Return the log groups that have these tags."""
    prefix = name("/tagged")
    tags = {
        "none": {},
        "prod": {"stage": "prod", "team": "a"},
        "Production": {"stage": "Production", "team": "b"},
        "test": {"stage": "test", "team": "a"},
        "empty": {"stage": ""},
    }
    for what, values in tags.items():
        place.logs.create_log_group(logGroupName=f"{prefix}/{what}", **({"tags": values} if values else {}))
    return {what: f"{prefix}/{what}" for what in tags}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"stage": []}, {"prod", "Production", "test", "empty"}),
        ({"stage": ["prod"]}, {"prod"}),
        ({"stage": ["prod", "test"]}, {"prod", "test"}),
        ({"stage": ["prod*"]}, {"prod", "Production"}),
        ({"stage": ["*ST"]}, {"test"}),
        ({"stage": ["!prod"]}, {"Production", "test", "empty"}),
        ({"stage": ["!prod*"]}, {"test", "empty"}),
        ({"stage": [], "team": ["a"]}, {"prod", "test"}),
        ({"stage": ["prod"], "team": ["b"]}, set()),
        ({"nobody": []}, set()),
    ],
)
def test_list_log_groups_filters_by_tag(
    place: Place, tagged: dict[str, str], filters: dict[str, list[str]], expected: set[str]
) -> None:
    wanted = [{"key": key, **({"values": values} if values else {})} for key, values in filters.items()]
    found = [
        group["logGroupName"] for group in place.logs.list_log_groups(logGroupTags=wanted, limit=1000)["logGroups"]
    ]
    assert {group for group in found if group in tagged.values()} == {tagged[what] for what in expected}


def test_list_log_groups_filters_by_pattern_and_class_in_pages(place: Place) -> None:
    number = name("n")
    for group, kind in (("a", "STANDARD"), ("b", "STANDARD"), ("c", "INFREQUENT_ACCESS")):
        place.logs.create_log_group(logGroupName=f"/{number}/{group}", logGroupClass=kind)
    wanted = {"logGroupNamePattern": f"^/{number}/|nobody", "limit": 2}
    pages = [place.logs.list_log_groups(**wanted)]
    pages.append(place.logs.list_log_groups(**wanted, nextToken=pages[0]["nextToken"]))
    assert "nextToken" not in pages[1]
    assert [[group["logGroupName"] for group in page["logGroups"]] for page in pages] == [
        [f"/{number}/a", f"/{number}/b"],
        [f"/{number}/c"],
    ]
    assert pages[0]["logGroups"][0] == {
        "logGroupName": f"/{number}/a",
        "logGroupArn": place.arn("logs", f"log-group:/{number}/a"),
        "logGroupClass": "STANDARD",
    }
    rare = place.logs.list_log_groups(logGroupNamePattern=f"{number}/", logGroupClass="INFREQUENT_ACCESS")
    assert [group["logGroupName"] for group in rare["logGroups"]] == [f"/{number}/c"]
    assert place.logs.list_log_groups(logGroupNamePattern=f"^{number}/")["logGroups"] == []


def test_list_log_groups_limit_above_a_thousand_is_refused(place: Place) -> None:
    unchecked = place.aws.client("logs", place.account, place.region, config=Config(parameter_validation=False))
    with pytest.raises(unchecked.exceptions.InvalidParameterException, match="less than or equal to 1000"):
        unchecked.list_log_groups(limit=1001)
    with pytest.raises(unchecked.exceptions.InvalidParameterException, match="logGroupTags"):
        unchecked.list_log_groups(logGroupTags=[{"key": str(number)} for number in range(6)])


def test_tag_resource_above_fifty_tags_is_refused(place: Place) -> None:
    arn = place.arn("logs", f"log-group:{place.group(tags={str(n): '' for n in range(30)})}")
    place.logs.tag_resource(resourceArn=arn, tags={str(n): "new" for n in range(20, 50)})
    with pytest.raises(place.logs.exceptions.TooManyTagsException):
        place.logs.tag_resource(resourceArn=arn, tags={"51": ""})
    assert len(place.logs.list_tags_for_resource(resourceArn=arn)["tags"]) == 50
    nobody = place.arn("logs", "log-group:/nobody")
    with pytest.raises(place.logs.exceptions.ResourceNotFoundException):
        place.logs.tag_resource(resourceArn=nobody, tags={"a": ""})
    with pytest.raises(place.logs.exceptions.ResourceNotFoundException):
        place.logs.list_tags_for_resource(resourceArn=nobody)


def test_tag_operations_send_events(aws: RunningAws) -> None:
    aws.configure(duplicate_probability=1)
    place = Place(aws, "333333333333", "us-east-1")  # an account without late events of other tests
    url, queue = place.open_queue()
    operations = ("TagResource", "UntagResource", "TagLogGroup", "UntagLogGroup")
    rule = place.rule(queue, operations=operations).rpartition("/")[2]
    group = place.group()
    arn = place.arn("logs", f"log-group:{group}")
    place.logs.tag_resource(resourceArn=arn, tags={"a": "1"})
    place.logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    place.logs.tag_log_group(logGroupName=group, tags={"b": "2"})
    place.logs.untag_log_group(logGroupName=group, tags=["b"])
    with pytest.raises(place.logs.exceptions.ResourceNotFoundException):
        place.logs.tag_resource(resourceArn=f"{arn}x", tags={"a": "1"})
    messages = until(lambda: at_least(10, place.visible_messages(url)))
    details = [json.loads(message["Body"])["detail"] for message in messages]
    told = {(d["eventName"], json.dumps(d["requestParameters"], sort_keys=True), d.get("errorCode")) for d in details}
    assert told == {
        ("TagResource", json.dumps({"resourceArn": arn, "tags": {"a": "1"}}), None),
        ("UntagResource", json.dumps({"resourceArn": arn, "tagKeys": ["a"]}), None),
        ("TagLogGroup", json.dumps({"logGroupName": group, "tags": {"b": "2"}}), None),
        ("UntagLogGroup", json.dumps({"logGroupName": group, "tags": ["b"]}), None),
        ("TagResource", json.dumps({"resourceArn": f"{arn}x", "tags": {"a": "1"}}), "ResourceNotFoundException"),
    }
    assert len({detail["eventID"] for detail in details}) == 5
    place.events.remove_targets(Rule=rule, Ids=["1"])
    place.events.delete_rule(Name=rule)
