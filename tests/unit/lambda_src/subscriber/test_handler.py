"""The subscriber as Lambda runs it: the zip's tree in a folder, CloudTrail's events, CloudWatch Logs below boto3."""

from __future__ import annotations

import copy
import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from logs_server import LogsServer

ROOT = Path(__file__).resolve().parents[4]
DATA = Path(__file__).parent / "data"
OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
THEIRS = "arn:aws:lambda:eu-west-1:222222222222:function:theirs"
GROUP = "/aws/lambda/update-student"
NAME = "aws-lambda-update-student"


class Context:
    """Lambda's context, with as much time as a test gives."""

    invoked_function_arn = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector-subscriber:live"

    def __init__(self, seconds: float = 0) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that the function's zip holds."""
    root = tmp_path_factory.mktemp("subscriber")
    shutil.copy(ROOT / "lambda_src" / "subscriber" / "handler.py", root / "handler.py")
    library = root / "logreflector"
    library.mkdir()
    (library / "__init__.py").touch()
    utilities = ROOT / "plugins" / "module_utils"
    for module in ("_errors.py", "_retry.py"):
        shutil.copy(utilities / module, library / module)
    shutil.copytree(
        utilities / "_subscriptions", library / "_subscriptions", ignore=shutil.ignore_patterns("__pycache__")
    )
    return root


def is_of_the_package(name: str) -> bool:
    return name == "handler" or name.partition(".")[0] == "logreflector"


@pytest.fixture
def start(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Starts a worker: imports the handler afresh against a server, with an environment."""
    before = {name: module for name, module in sys.modules.items() if is_of_the_package(name)}
    for name in before:
        del sys.modules[name]

    def worker(server: LogsServer, reflector: str = "log-reflector", **settings: Any) -> ModuleType:
        monkeypatch.syspath_prepend(str(package))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("REFLECTOR", reflector)
        monkeypatch.setenv("SUBSCRIPTIONS", json.dumps(settings) if settings else "")
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", server.session)
        monkeypatch.setattr("time.sleep", lambda _unused: None)
        return importlib.import_module("handler")

    yield worker
    for name in [name for name in sys.modules if is_of_the_package(name)]:
        del sys.modules[name]
    sys.modules.update(before)


def event(kind: str = "ok") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / f"create_log_group_{kind}.json").read_text())
    return loaded


def event_of(group: str) -> dict[str, Any]:
    made = copy.deepcopy(event())
    made["detail"]["requestParameters"]["logGroupName"] = group
    return made


def test_a_new_group_is_subscribed(start: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server = LogsServer(GROUP)
    answer = start(server).handler(event(), Context())
    assert answer == {"log_group": GROUP, "outcome": "created", "reason": ""}
    assert json.loads(capsys.readouterr().out) == answer
    assert list(server.groups[GROUP]) == [NAME]
    assert server.groups[GROUP][NAME]["destinationArn"] == OURS


def test_the_same_event_twice_is_one_filter(start: Any) -> None:
    server = LogsServer(GROUP)
    handler = start(server).handler
    handler(event(), Context())
    server.calls.clear()
    assert handler(event(), Context())["outcome"] == "subscribed"
    assert server.operations() == ["DescribeSubscriptionFilters"]
    assert len(server.groups[GROUP]) == 1


def test_a_failed_call_is_ignored_without_a_call_of_ours(start: Any) -> None:
    server = LogsServer(GROUP)
    answer = start(server).handler(event("failed"), Context())
    assert (answer["outcome"], answer["log_group"]) == ("ignored", GROUP)
    assert "ResourceAlreadyExistsException" in answer["reason"]
    assert server.calls == []


def test_a_call_that_was_refused_before_its_parameters_were_read_is_ignored_too(start: Any) -> None:
    refused = event("failed")
    refused["detail"].update(errorCode="AccessDenied", requestParameters=None)
    assert start(LogsServer()).handler(refused, Context())["outcome"] == "ignored"


def test_infrequent_access_is_not_possible(start: Any) -> None:
    server = LogsServer("/archive/batch")
    answer = start(server).handler(event("infrequent_access"), Context())
    assert answer["outcome"] == "not_possible"
    assert "INFREQUENT_ACCESS" in answer["reason"]
    assert server.calls == []


def test_a_class_that_is_named_standard_is_standard(start: Any) -> None:
    named = event()
    named["detail"]["requestParameters"]["logGroupClass"] = "STANDARD"
    assert start(LogsServer(GROUP)).handler(named, Context())["outcome"] == "created"


@pytest.mark.parametrize(
    ("settings", "group"),
    [
        ({"exclude": ["/aws/codebuild/*"]}, "/aws/codebuild/x"),
        ({"include": ["re:^/app/"]}, GROUP),
        ({}, "/aws/lambda/log-reflector"),
        ({}, "/aws/lambda/log-reflector-subscriber"),
        ({"own_functions": ["enricher"]}, "/aws/lambda/enricher"),
        ({"delivery_path": ["/platform/reflector"]}, "/platform/reflector"),
        ({"delivery_path": ["/platform/reflector"]}, "/aws/lambda/log-reflector"),
        ({"include": ["*"]}, "/aws/lambda/log-reflector"),
    ],
)
def test_excluded_groups_and_those_of_the_delivery_are_left_out(start: Any, settings: Any, group: str) -> None:
    server = LogsServer(group)
    assert start(server, **settings).handler(event_of(group), Context())["outcome"] == "excluded"
    assert server.calls == []


def test_its_own_log_group_is_known_by_whatever_name(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/platform/subscriber")
    server = LogsServer("/platform/subscriber")
    assert start(server).handler(event_of("/platform/subscriber"), Context())["outcome"] == "excluded"
    assert server.calls == []


@pytest.mark.parametrize("reflector", ["log-reflector", OURS])
def test_the_reflector_is_named_by_name_or_arn(start: Any, reflector: str) -> None:
    server = LogsServer(GROUP)
    start(server, reflector).handler(event(), Context())
    assert server.groups[GROUP][NAME]["destinationArn"] == OURS


def test_the_attributes_of_the_configuration_are_used(start: Any) -> None:
    server = LogsServer(GROUP)
    attributes = {"filter_pattern": "ERROR", "emit_system_fields": ["@aws.region", "@aws.account"]}
    start(server, attributes=attributes).handler(event(), Context())
    made = server.groups[GROUP][NAME]
    assert (made["filterPattern"], made["emitSystemFields"]) == ("ERROR", ["@aws.account", "@aws.region"])


def test_nothing_foreign_is_touched(start: Any) -> None:
    server = LogsServer()
    server.add_filter(GROUP, NAME, THEIRS, filterPattern="theirs")
    before = copy.deepcopy(server.groups[GROUP][NAME])
    start(server).handler(event(), Context())
    assert server.groups[GROUP][NAME] == before
    assert len(server.groups[GROUP]) == 2


@pytest.mark.parametrize("settings", [{}, {"slots": 2}])
def test_a_full_group_is_not_possible_and_not_tried_twice(start: Any, settings: dict[str, Any]) -> None:
    server = LogsServer(slots=2)
    server.add_filter(GROUP, "one", THEIRS)
    server.add_filter(GROUP, "two", THEIRS)
    answer = start(server, **settings).handler(event(), Context(60))
    assert answer["outcome"] == "not_possible"
    assert f"one (to {THEIRS})" in answer["reason"]
    assert server.operations().count("PutSubscriptionFilter") == (0 if settings else 1)


def test_a_group_that_is_gone_again_is_no_failure(start: Any) -> None:
    assert start(LogsServer()).handler(event(), Context())["outcome"] == "gone"


@pytest.mark.parametrize(
    "trouble",
    [
        ("ThrottlingException", "Rate exceeded"),
        ("OperationAbortedException", "conflict"),
        ("AccessDeniedException", "not authorized"),
        ("InvalidParameterException", "Could not execute the lambda function. Make sure ..."),
    ],
)
def test_what_another_try_may_mend_is_raised_with_group_place_and_reason(start: Any, trouble: tuple[str, str]) -> None:
    server = LogsServer(GROUP)
    server.spoil = lambda operation, _unused: trouble if operation == "PutSubscriptionFilter" else None
    worker = start(server)
    with pytest.raises(worker.SubscriptionError) as caught:
        worker.handler(event(), Context())
    for part in (GROUP, "222222222222/eu-west-1", *trouble):
        assert part.rstrip(". ") in str(caught.value)
    server.spoil = lambda *_unused: None
    assert worker.handler(event(), Context())["outcome"] == "created"


def test_throttling_is_waited_out_while_there_is_time(start: Any) -> None:
    server = LogsServer(GROUP)
    left = [9]  # more than botocore tries by itself

    def throttled(operation: str, _unused: Any) -> tuple[str, str] | None:
        left[0] -= operation == "PutSubscriptionFilter"
        return ("ThrottlingException", "Rate exceeded") if left[0] >= 0 and operation.startswith("Put") else None

    server.spoil = throttled
    assert start(server).handler(event(), Context(60))["outcome"] == "created"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"detail": None},
        {"detail": {"eventName": "CreateLogGroup", "requestParameters": None}},
        {"detail": {"eventName": "DeleteLogGroup", "requestParameters": {"logGroupName": "/x"}}},
        {"awslogs": {"data": "H4sI"}},
    ],
)
def test_what_is_no_event_of_a_new_group_is_refused(start: Any, broken: dict[str, Any]) -> None:
    server = LogsServer("/x")
    worker = start(server)
    with pytest.raises(worker.InvalidInputError, match="not CloudTrail's event of a CreateLogGroup call"):
        worker.handler(broken, Context())
    assert server.calls == []


def test_a_missing_reflector_is_named_and_looked_for_again(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = LogsServer(GROUP)
    worker = start(server, reflector="")
    for _unused in range(2):
        with pytest.raises(worker.InvalidInputError, match="REFLECTOR"):
            worker.handler(event(), Context())
    assert server.calls == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON"),
        ("[]", "JSON"),
        ('{"attributes": []}', "JSON"),
        ('{"excludes": ["/x"]}', "excludes"),
        ('{"attributes": {"filterPattern": "x"}}', "filterPattern"),
        ('{"attributes": {"destination_arn": "x"}}', "destination_arn"),
        ('{"include": "/aws/*"}', "include"),
        ('{"delivery_path": "/x"}', "delivery_path is not a list"),
        ('{"own_functions": "x"}', "own_functions is not a list"),
        ('{"attributes": {"distribution": "Random"}}', "Random is for Kinesis"),
        ('{"exclude": ["re:("]}', "exclude"),
    ],
)
def test_a_wrong_configuration_is_refused_before_any_call(
    start: Any, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    server = LogsServer(GROUP)
    worker = start(server)
    monkeypatch.setenv("SUBSCRIPTIONS", text)
    with pytest.raises(worker.InvalidInputError, match=said):
        worker.handler(event(), Context())
    assert server.calls == []


def test_the_package_imports_nothing_but_boto3_and_the_standard_library(package: Path) -> None:
    """The runtime has no Ansible and no other collection."""
    for source in package.rglob("*.py"):
        for line in source.read_text().splitlines():
            if line.startswith(("import ", "from ", "    from ", "    import ")) and " import " in f" {line}":
                root = line.split()[1].partition(".")[0]
                assert root in {"", "boto3", "botocore", "logreflector"} | set(sys.stdlib_module_names), (source, line)
