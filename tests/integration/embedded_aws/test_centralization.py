# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Centralization rules, which copy log events to another account and region, and what they need of the organisation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws import Account, Configuration, EmbeddedAws, Organization, RunningAws, Settings
from toys import ECHO, Place, at_least, name, until

MANAGEMENT, ONE, TWO, CENTRAL = "111111111111", "222222222222", "333333333333", "444444444444"
HOME, AWAY = "eu-west-1", "us-east-1"
TRUSTED = "observabilityadmin.amazonaws.com"
FAST = Settings(event_delay=0.05, retry_delay=0.05)
KIND = "SUBSCRIPTION_FILTER_POLICY"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningAws]:
    organization = Organization(
        members=(ONE, TWO, CENTRAL),
        described={ONE: Account(ou="/Workloads/Prod"), TWO: Account(ou="/Sandbox")},
    )
    with EmbeddedAws(Configuration(organization=organization, settings=FAST)) as aws:
        yield aws


@pytest.fixture
def central(started: RunningAws) -> Iterator[RunningAws]:
    """Return an organisation with trusted access. Afterwards rules, settings and faults are removed."""
    organizations(started).enable_aws_service_access(ServicePrincipal=TRUSTED)
    yield started
    started.front.clear_faults()
    started.front.enforce_rates(None)
    started.configure(**{item: getattr(FAST, item) for item in FAST.__slots__})
    for summary in rules(started).list_centralization_rules_for_organization()["CentralizationRuleSummaries"]:
        rules(started).delete_centralization_rule_for_organization(RuleIdentifier=summary["RuleArn"])


def organizations(aws: RunningAws, account: str = MANAGEMENT) -> Any:
    return aws.client("organizations", account, AWAY)


def rules(aws: RunningAws, account: str = MANAGEMENT, region: str = HOME) -> Any:
    return aws.client("observabilityadmin", account, region)


def rule(scope: str = "*", groups: str = "*", **more: Any) -> dict[str, Any]:
    """Return a rule that copies from one region to another account's other region."""
    strategy, logs = more.pop("strategy", "ALLOW"), more.pop("logs", {})
    return {
        "Source": {
            "Regions": more.pop("regions", [AWAY]),
            "Scope": scope,
            "SourceLogsConfiguration": {"EncryptedLogGroupStrategy": strategy, "LogGroupSelectionCriteria": groups},
        },
        "Destination": {"Region": HOME, "Account": CENTRAL, "DestinationLogsConfiguration": logs, **more},
    }


def create(aws: RunningAws, body: dict[str, Any], rule_name: str = "rule", **options: Any) -> str:
    client = rules(aws)
    arn: str = client.create_centralization_rule_for_organization(RuleName=rule_name, Rule=body, **options)["RuleArn"]
    return arn


def stored(place: Place, group: str) -> list[tuple[str, str]]:
    """Return stream and message of a log group's events; [] if there is no such log group."""
    if not place.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    events = place.logs.filter_log_events(logGroupName=group)["events"]
    return [(event["logStreamName"], event["message"]) for event in events]


def messages(place: Place, group: str) -> list[str]:
    return [message for _stream, message in stored(place, group)]


def metric(place: Place, metric_name: str, **dimensions: str) -> float:
    now = time.time()
    points = place.aws.client("cloudwatch", place.account, place.region).get_metric_statistics(
        Namespace="AWS/Logs",
        MetricName=metric_name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - 3600,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def growth(read: Callable[[], float]) -> Callable[[], float]:
    """Return a function that returns by how much a metric has grown since now."""
    before = read()
    return lambda: read() - before


def test_rule_copies_new_events_only(central: RunningAws) -> None:
    source, destination = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME)
    group = source.group()
    source.write(group, "before")
    create(central, rule())
    source.write(group, "after")
    ((stream, message),) = stored(destination, group)
    assert message == "after"
    assert stream.endswith(f"-{ONE}-{AWAY}")
    assert messages(source, group) == ["before", "after"]


def test_deleted_rule_copies_nothing(central: RunningAws) -> None:
    source, destination = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME)
    group, arn = source.group(), create(central, rule())
    source.write(group, "copied")
    rules(central).delete_centralization_rule_for_organization(RuleIdentifier=arn)
    source.write(group, "not copied")
    assert messages(destination, group) == ["copied"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("*", {ONE, TWO}),
        ("OrganizationId = 'o-embeddedaws'", {ONE, TWO}),
        ("OrganizationId = 'o-another'", set()),
        (f"AccountId = '{TWO}'", {TWO}),
        (f"AccountId IN ('{TWO}', '{ONE}')", {ONE, TWO}),
        ("OrganizationUnitId IN ('WORKLOADS')", {ONE}),
        (f"OrganizationUnitId = 'WORKLOADS' OR AccountId = '{TWO}'", {ONE, TWO}),
    ],
)
def test_scope_selects_accounts(central: RunningAws, scope: str, expected: set[str]) -> None:
    client = organizations(central)
    (root,) = client.list_roots()["Roots"]
    units = client.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
    ids = {unit["Name"].upper(): unit["Id"] for unit in units}
    create(central, rule(scope.replace("WORKLOADS", ids["WORKLOADS"])))
    group = name("/app/scope")
    for account in (ONE, TWO):
        source = Place(central, account, AWAY)
        source.group(group)
        source.write(group, account)
    assert {*messages(Place(central, CENTRAL, HOME), group)} == expected


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ("LogGroupName = '/a/1'", ["/a/1"]),
        ("LogGroupName != '/a/1'", ["/a/2", "/b/1"]),
        ("LogGroupName IN ('/a/1','/b/1')", ["/a/1", "/b/1"]),
        ("LogGroupName NOT IN ('/a/1','/b/1')", ["/a/2"]),
        ("LogGroupName LIKE '/a/%'", ["/a/1", "/a/2"]),
        ("LogGroupName NOT LIKE '%1'", ["/a/2"]),
        ("LogGroupName LIKE '/a/%' AND LogGroupName NOT LIKE '%1' OR LogGroupName = '/b/1'", ["/a/2", "/b/1"]),
    ],
)
def test_criteria_select_log_groups(central: RunningAws, criteria: str, expected: list[str]) -> None:
    source, destination, prefix = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME), name("/select")
    pattern = {"LogGroupNameConfiguration": {"LogGroupNamePattern": f"{prefix}${{source.logGroup}}"}}
    create(central, rule(groups=criteria, logs=pattern))
    for group in ("/a/1", "/a/2", "/b/1"):
        if not source.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            source.group(group)
        source.write(group, "line")
    found = destination.logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    assert [group["logGroupName"].removeprefix(prefix) for group in found] == expected


def test_name_pattern_has_every_attribute(central: RunningAws) -> None:
    client = organizations(central)
    (root,) = client.list_roots()["Roots"]
    prod = client.list_parents(ChildId=ONE)["Parents"][0]["Id"]
    workloads = client.list_parents(ChildId=prod)["Parents"][0]["Id"]
    attributes = ("accountId", "region", "org.id", "org.ouId", "org.rootId", "org.path", "logGroup")
    pattern = "/all/" + "/".join(f"${{source.{item}}}" for item in attributes)
    create(central, rule(logs={"LogGroupNameConfiguration": {"LogGroupNamePattern": pattern}}))
    source = Place(central, ONE, AWAY)
    group = source.group()
    source.write(group, "line")
    path = f"o-embeddedaws/{root['Id']}/{workloads}/{prod}"
    copy = f"/all/{ONE}/{AWAY}/o-embeddedaws/{prod}/{root['Id']}/{path}/{group}"
    assert messages(Place(central, CENTRAL, HOME), copy) == ["line"]


def test_copy_reaches_the_account_policy_and_filters_of_the_destination(central: RunningAws) -> None:
    source, destination = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME)
    function = destination.function(ECHO)
    destination.allow(function, SourceArn=destination.arn("logs", "log-group:*"), SourceAccount=CENTRAL)
    document = json.dumps({"DestinationArn": function, "FilterPattern": ""})
    destination.logs.put_account_policy(policyName="ours", policyType=KIND, policyDocument=document)
    create(central, rule())
    group = source.group()
    destination.group(group)
    destination.subscribe(group, function)
    source.write(group, "line")
    found = until(lambda: at_least(2, destination.payloads(function)))
    destination.logs.delete_account_policy(policyName="ours", policyType=KIND)
    assert [(item["owner"], item["logGroup"], item["logEvents"][0]["message"]) for item in found] == [
        (CENTRAL, group, "line")
    ] * 2
    assert len({item["logEvents"][0]["id"] for item in found}) == 1


def test_copy_is_not_copied_again(central: RunningAws) -> None:
    """Two rules that name each other's destination as their source would otherwise copy for ever."""
    create(central, rule(regions=[AWAY, HOME]), "there")
    create(central, rule(regions=[AWAY, HOME], Account=ONE, Region=AWAY), "back")
    source, destination = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME)
    group = source.group()
    source.write(group, "line")
    assert (messages(source, group), messages(destination, group)) == (["line"], ["line"])


def test_backup_region_receives_a_second_copy(central: RunningAws) -> None:
    create(central, rule(regions=["eu-central-1"], logs={"BackupConfiguration": {"Region": AWAY}}))
    source = Place(central, ONE, "eu-central-1")
    group = source.group()
    source.write(group, "line")
    assert [messages(Place(central, CENTRAL, region), group) for region in (HOME, AWAY)] == [["line"], ["line"]]


def test_metrics_count_copies_by_source(central: RunningAws) -> None:
    source, destination = Place(central, TWO, AWAY), Place(central, CENTRAL, HOME)
    origin, target = {"SourceAccount": TWO, "SourceRegion": AWAY}, {"DestinationRegion": HOME}
    reads = [
        growth(lambda: metric(destination, "IncomingCopiedLogEvents", **origin)),
        growth(lambda: metric(destination, "IncomingCopiedBytes", **origin)),
        growth(lambda: metric(source, "OutgoingCopiedLogEvents", **target)),
        growth(lambda: metric(source, "OutgoingCopiedBytes", **target)),
        growth(lambda: metric(source, "IncomingLogEvents")),
        growth(lambda: metric(destination, "IncomingLogEvents")),
    ]
    create(central, rule())
    source.write(source.group(), "four", "éé")
    assert [read() for read in reads] == [2, 8, 2, 8, 2, 0]


def test_delay_keeps_events_until_the_copy(central: RunningAws) -> None:
    central.configure(centralization_delay=0.3)
    create(central, rule())
    source, destination = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME)
    group = source.group()
    source.write(group, "line")
    assert central.events_under_way()
    assert until(lambda: messages(destination, group)) == ["line"]


def test_throttled_copy_is_late_and_not_lost(central: RunningAws) -> None:
    source, destination = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME)
    throttled = growth(lambda: metric(source, "CentralizationThrottled", DestinationRegion=HOME))
    central.configure(centralization_throttling=1)
    create(central, rule())
    group = source.group()
    source.write(group, "line")
    assert until(lambda: throttled() > 1)
    assert messages(destination, group) == []
    central.configure(centralization_throttling=0)
    assert until(lambda: messages(destination, group)) == ["line"]


def error_of(central: RunningAws, error: str, write: Callable[[Place], object]) -> float:
    """Return how often a write in the source causes this error type."""
    destination = Place(central, CENTRAL, HOME)
    count = growth(lambda: metric(destination, "CentralizationError", ErrorType=error))
    copied = {"SourceAccount": ONE, "SourceRegion": AWAY}
    copies = growth(lambda: metric(destination, "IncomingCopiedLogEvents", **copied))
    write(Place(central, ONE, AWAY))
    assert copies() == 0
    return count()


def test_name_that_becomes_too_long_is_dropped(central: RunningAws) -> None:
    pattern = {"LogGroupNameConfiguration": {"LogGroupNamePattern": "/central${source.logGroup}"}}
    create(central, rule(logs=pattern))
    long = f"/{name('long')}/".ljust(510, "x")
    assert error_of(central, "InvalidLogGroup", lambda place: place.write(place.group(long), "line")) == 1


def test_stream_name_that_becomes_too_long_is_dropped(central: RunningAws) -> None:
    create(central, rule())

    def write(place: Place) -> None:
        group, stream = place.group(), "s" * 500
        place.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": "line"}
        place.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])

    assert error_of(central, "InvalidLogStream", write) == 1


def test_another_log_class_at_the_destination_is_dropped(central: RunningAws) -> None:
    create(central, rule())
    group = name("/app/tier")
    Place(central, CENTRAL, HOME).group(group)
    assert (
        error_of(
            central,
            "LogTierMismatch",
            lambda place: place.write(place.group(group, logGroupClass="INFREQUENT_ACCESS"), "line"),
        )
        == 1
    )


def test_configured_error_drops_every_copy(central: RunningAws) -> None:
    create(central, rule())
    central.configure(centralization_error="LogGroupQuotaExceeded")
    assert error_of(central, "LogGroupQuotaExceeded", lambda place: place.write(place.group(), "line")) == 1


@pytest.mark.parametrize(
    ("tags", "error"),
    [([], "AccessDenied"), ([{"TagKey": "LogsManaged", "TagValue": "true"}], None), (None, "InvalidKMS")],
)
def test_key_of_the_copies_is_checked(central: RunningAws, tags: list[dict[str, str]] | None, error: str) -> None:
    kms, destination = central.client("kms", CENTRAL, HOME), Place(central, CENTRAL, HOME)
    missing = destination.arn("kms", "key/00000000-0000-0000-0000-000000000000")
    key = missing if tags is None else kms.create_key(Tags=tags)["KeyMetadata"]["Arn"]
    encryption = {
        "EncryptionStrategy": "CUSTOMER_MANAGED",
        "KmsKeyArn": key,
        "EncryptionScope": "NEW_DESTINATION_LOG_GROUPS",
    }
    create(central, rule(logs={"LogsEncryptionConfiguration": encryption}))
    group = name("/app/key")
    if error:
        assert error_of(central, error, lambda place: place.write(place.group(group), "line")) == 1
        return
    source = Place(central, ONE, AWAY)
    source.write(source.group(group), "line")
    (found,) = destination.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["kmsKeyId"] == key


def test_encrypted_source_is_skipped_or_needs_an_encrypted_destination(central: RunningAws) -> None:
    source, destination = Place(central, ONE, AWAY), Place(central, CENTRAL, HOME)
    key = central.client("kms", ONE, AWAY).create_key()["KeyMetadata"]["Arn"]
    group = source.group(kmsKeyId=key)
    create(central, rule(strategy="SKIP"), "skip")
    source.write(group, "skipped")
    assert stored(destination, group) == []
    encryption = {
        "EncryptionStrategy": "CUSTOMER_MANAGED",
        "KmsKeyArn": destination.arn("kms", "key/any"),
        "EncryptionConflictResolutionStrategy": "SKIP",
    }
    create(central, rule(logs={"LogsEncryptionConfiguration": encryption}), "allow")
    destination.group(group)
    assert error_of(central, "DestinationEncryptionMismatch", lambda place: place.write(group, "dropped")) == 1


def test_get_returns_the_rule_by_name_and_arn(central: RunningAws) -> None:
    body = rule("OrganizationId = 'o-embeddedaws'")
    arn, client = create(central, body, Tags={"team": "logs"}), rules(central)
    for identifier in ("rule", arn):
        found = client.get_centralization_rule_for_organization(RuleIdentifier=identifier)
        assert (found["RuleArn"], found["CentralizationRule"], found["RuleHealth"]) == (arn, body, "Healthy")
    client.tag_resource(ResourceARN=arn, Tags={"more": ""})
    client.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"more": ""}
    client.update_centralization_rule_for_organization(RuleIdentifier=arn, Rule=rule(Account=ONE))
    (summary,) = client.list_centralization_rules_for_organization()["CentralizationRuleSummaries"]
    assert (summary["DestinationAccountId"], summary["DestinationRegion"]) == (ONE, HOME)
    with pytest.raises(ClientError, match="ConflictException"):
        create(central, body)
    client.delete_centralization_rule_for_organization(RuleIdentifier="rule")
    for operation in ("get", "delete"):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            getattr(client, f"{operation}_centralization_rule_for_organization")(RuleIdentifier="rule")


def test_rules_are_listed_in_pages_and_limited_to_fifty(central: RunningAws) -> None:
    for number in range(50):
        create(central, rule(), f"rule-{number:02}")
    client = rules(central)
    with pytest.raises(ClientError, match="ServiceQuotaExceededException"):
        create(central, rule(), "one-more")
    pages = [
        page["CentralizationRuleSummaries"]
        for page in client.get_paginator("list_centralization_rules_for_organization").paginate(
            RuleNamePrefix="rule-", PaginationConfig={"PageSize": 20}
        )
    ]
    assert [len(page) for page in pages] == [20, 20, 10]
    away = rules(central, region=AWAY)
    assert away.list_centralization_rules_for_organization()["CentralizationRuleSummaries"] == []
    everywhere = away.list_centralization_rules_for_organization(AllRegions=True)
    assert len(everywhere["CentralizationRuleSummaries"]) == 50


@pytest.mark.parametrize(
    "body",
    [
        rule("AccountId LIKE '2%'"),
        rule("AccountId = '1' AND AccountId = '2'"),
        rule("Nonsense = '1'"),
        rule("AccountId IN '1'"),
        rule("AccountId = '1' OR"),
        rule(groups="LogGroupName LIKE /a"),
        rule(strategy="PERHAPS"),
        rule(regions=["us-gov-west-1"]),
        rule(Region="cn-north-1"),
        rule(logs={"BackupConfiguration": {"Region": HOME}}),
        rule(logs={"LogsEncryptionConfiguration": {"EncryptionStrategy": "CUSTOMER_MANAGED"}}),
        rule(logs={"LogGroupNameConfiguration": {"LogGroupNamePattern": "a b"}}),
        rule(Account="12345678901x"),
    ],
)
def test_invalid_rule_is_refused(central: RunningAws, body: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        create(central, body)
    assert rules(central).list_centralization_rules_for_organization()["CentralizationRuleSummaries"] == []


def test_health_names_the_reason(central: RunningAws) -> None:
    client, body = rules(central), rule(Account="999999999999")
    create(central, body)

    def health() -> tuple[str, str | None]:
        found = client.get_centralization_rule_for_organization(RuleIdentifier="rule")
        return found["RuleHealth"], found.get("FailureReason")

    assert health() == ("Unhealthy", "DESTINATION_ACCOUNT_NOT_IN_ORGANIZATION")
    client.update_centralization_rule_for_organization(RuleIdentifier="rule", Rule=rule())
    central.configure(centralization_provisioning=3600)
    assert health() == ("Provisioning", None)
    central.configure(centralization_provisioning=0)
    assert health() == ("Healthy", None)
    organizations(central).disable_aws_service_access(ServicePrincipal=TRUSTED)
    assert health() == ("Unhealthy", "TRUSTED_ACCESS_NOT_ENABLED")
    source = Place(central, ONE, AWAY)
    group = source.group()
    source.write(group, "line")
    assert stored(Place(central, CENTRAL, HOME), group) == []
    with pytest.raises(ClientError, match="Trusted access"):
        create(central, rule(), "another")


def test_member_manages_rules_only_as_delegated_administrator(central: RunningAws) -> None:
    client, member = organizations(central), rules(central, CENTRAL)
    with pytest.raises(member.exceptions.AccessDeniedException):
        member.list_centralization_rules_for_organization()
    with pytest.raises(ClientError, match="AccessDeniedException"):
        organizations(central, CENTRAL).list_delegated_administrators()
    client.register_delegated_administrator(AccountId=CENTRAL, ServicePrincipal=TRUSTED)
    (delegate,) = organizations(central, CENTRAL).list_delegated_administrators(ServicePrincipal=TRUSTED)[
        "DelegatedAdministrators"
    ]
    (service,) = client.list_delegated_services_for_account(AccountId=CENTRAL)["DelegatedServices"]
    assert (delegate["Id"], service["ServicePrincipal"]) == (CENTRAL, TRUSTED)
    member.create_centralization_rule_for_organization(RuleName="theirs", Rule=rule())
    found = rules(central).get_centralization_rule_for_organization(RuleIdentifier="theirs")
    assert found["CreatorAccountId"] == CENTRAL
    for account, code in ((CENTRAL, "AlreadyRegistered"), (MANAGEMENT, "Constraint"), ("999999999999", "NotFound")):
        with pytest.raises(ClientError, match=code):
            client.register_delegated_administrator(AccountId=account, ServicePrincipal=TRUSTED)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        organizations(central, CENTRAL).enable_aws_service_access(ServicePrincipal="other.amazonaws.com")
    client.deregister_delegated_administrator(AccountId=CENTRAL, ServicePrincipal=TRUSTED)
    with pytest.raises(ClientError, match="AccountNotRegisteredException"):
        client.deregister_delegated_administrator(AccountId=CENTRAL, ServicePrincipal=TRUSTED)
    with pytest.raises(member.exceptions.AccessDeniedException):
        member.list_centralization_rules_for_organization()


def test_enabled_services_are_listed(central: RunningAws) -> None:
    services = organizations(central).list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [item["ServicePrincipal"] for item in services] == [TRUSTED]


def test_iam_is_enforced_for_rules(central: RunningAws) -> None:
    arn = create(central, rule(), "ours-1")
    place = Place(central, MANAGEMENT, HOME)
    action = "observabilityadmin:GetCentralizationRuleForOrganization"
    allow = {"Effect": "Allow", "Action": action, "Resource": arn.replace("ours-1", "ours-*")}
    client = place.assumed("observabilityadmin", allow)
    for identifier in ("ours-1", arn):
        assert client.get_centralization_rule_for_organization(RuleIdentifier=identifier)["RuleName"] == "ours-1"
    for operation, options in (
        ("get_centralization_rule_for_organization", {"RuleIdentifier": "others"}),
        ("delete_centralization_rule_for_organization", {"RuleIdentifier": "ours-1"}),
        ("list_centralization_rules_for_organization", {}),
        ("create_centralization_rule_for_organization", {"RuleName": "ours-2", "Rule": rule()}),
        ("list_tags_for_resource", {"ResourceARN": arn}),
    ):
        with pytest.raises(client.exceptions.AccessDeniedException, match="not authorized to perform"):
            getattr(client, operation)(**options)


def test_front_injects_faults_and_enforces_rates(central: RunningAws) -> None:
    client = rules(central)
    operation = "ListCentralizationRulesForOrganization"
    central.front.deny(operation, times=1)
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.list_centralization_rules_for_organization()
    central.front.clear_journal()
    central.front.throttle(operation, times=1)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.list_centralization_rules_for_organization()
    client.list_centralization_rules_for_organization()
    calls = central.front.calls(operation=operation)
    assert [(item.status, item.write) for item in calls] == [(429, False), (200, False)]
    central.front.error("InternalServerException", "later", 500, operation=operation)
    with pytest.raises(client.exceptions.InternalServerException, match="later"):
        client.list_centralization_rules_for_organization()
    central.front.clear_faults()
    central.front.enforce_rates(1e-6)  # five calls at once, and no other for two days
    for _unused in range(5):
        client.list_centralization_rules_for_organization()
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.list_centralization_rules_for_organization()
