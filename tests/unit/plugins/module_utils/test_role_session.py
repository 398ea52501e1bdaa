"""The session of a role: kept across tasks and runs, renewed in time, and never in anybody's way."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _errors, _module
from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from ansible_collections.logreflector.aws.plugins.plugin_utils import _worker
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from botocore.credentials import AssumeRoleCredentialFetcher, JSONFileCache
from role_server import RoleServer, role_server

ROLE = "arn:aws:iam::333333333333:role/deployer"
COLLECTIONS = Path(__file__).resolve().parents[4] / "build" / "collections"


def work(target: Target, _params: Any, _check_mode: bool) -> dict[str, Any]:
    return {"changed": False, "groups": target.client("logs").describe_log_groups()["logGroups"]}


def guarded(target: Target, params: Any, check_mode: bool) -> dict[str, Any]:
    with target.describe_operation("list the log groups"):
        return work(target, params, check_mode)


PROBE = Spec(groups=(), work=guarded)


@pytest.fixture
def aws_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the one who deploys, and no endpoint."""
    for name in ("PROFILE", "SESSION_TOKEN", "URL", "ENDPOINT_URL", "REGION", "DEFAULT_REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOURCE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-source")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def server(aws_apart: None) -> Iterator[RoleServer]:
    with role_server() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sessions are kept; not there yet."""
    path = tmp_path / "home" / ".aws" / "boto" / "cache"
    monkeypatch.setenv("LOGREFLECTOR_SESSION_CACHE", str(path))
    return path


def task(server: RoleServer, **options: Any) -> dict[str, Any]:
    """The result of one task on the role's account."""
    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url, **options}
    return perform_in_process(PROBE, {name: value for name, value in given.items() if value}, check_mode=False)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def kept(folder: Path, seconds: float) -> None:
    """Make the session that is kept end in so many seconds."""
    path = only_file(folder)
    answer = json.loads(path.read_text())
    answer["Credentials"]["Expiration"] = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    path.write_text(json.dumps(answer))


# Kept


def test_ten_tasks_assume_the_role_once_and_the_next_run_not_at_all(server: RoleServer, folder: Path) -> None:
    for _unused in range(10):
        assert task(server)["groups"] == []
    assert (server.count("AssumeRole"), server.count("DescribeLogGroups")) == (1, 10)
    script = (
        f"import sys; sys.path.insert(0, {str(COLLECTIONS)!r})\n"
        "from ansible_collections.logreflector.aws.plugins.modules import target_info\n"
        "from ansible_collections.logreflector.aws.plugins.module_utils._session import Target\n"
        "from ansible_collections.logreflector.aws.plugins.module_utils._module import CONNECTION\n"
        "params = {name: option.get('default') for name, option in CONNECTION.items()}\n"
        f"params |= {{'region': 'us-east-1', 'assume_role_arn': {ROLE!r}, 'endpoint_url': {server.url!r}}}\n"
        "Target.from_params(params).client('logs').describe_log_groups()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert (server.count("AssumeRole"), server.count("DescribeLogGroups")) == (1, 11)
    assert server.calls[-1] == ("DescribeLogGroups", "us-east-1", "ASIA1")


def test_it_is_kept_for_its_owner_only(server: RoleServer, folder: Path) -> None:
    task(server)
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    for made in (folder, *list(folder.parents)[:3]):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_without_the_variable_it_is_kept_where_botocore_keeps_its_own(
    server: RoleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOGREFLECTOR_SESSION_CACHE")
    monkeypatch.setattr(JSONFileCache, "CACHE_DIR", str(tmp_path / "cache"))
    task(server)
    assert only_file(tmp_path / "cache").suffix == ".json"


def test_botocore_finds_it_and_it_finds_botocores(aws: Any, aws_apart: None, folder: Path) -> None:
    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "assume_role_external_id": "ours"}
    assert not perform_in_process(PROBE, {**given, "assume_role_duration": 1800}, check_mode=False).get("failed")
    arguments = {"RoleSessionName": "log-reflector", "ExternalId": "ours", "DurationSeconds": 1800}

    def no_client(*_unused: Any, **_options: Any) -> Any:
        raise AssertionError("botocore assumes the role itself")

    theirs = AssumeRoleCredentialFetcher(no_client, None, ROLE, extra_args=arguments, cache=JSONFileCache(str(folder)))
    found = theirs.fetch_credentials()
    assert only_file(folder).stem == theirs._cache_key
    renamed = json.loads(only_file(folder).read_text())
    renamed["Credentials"]["AccessKeyId"] = "ASIABOTOCORES"
    only_file(folder).write_text(json.dumps(renamed))
    defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
    target = Target.from_params({**defaults, **given, "assume_role_duration": 1800})
    frozen = target.client("logs")._request_signer._credentials.get_frozen_credentials()
    assert (frozen.access_key, frozen.token) == ("ASIABOTOCORES", found["token"])


@pytest.mark.parametrize(
    "other",
    [
        {"assume_role_arn": "arn:aws:iam::444444444444:role/deployer"},
        {"assume_role_external_id": "theirs"},
        {"assume_role_session_name": "another"},
        {"assume_role_duration": 7200},
        {"access_key": "AKIAOTHER", "secret_key": "x"},
    ],
)
def test_what_is_another_session_is_not_shared(server: RoleServer, folder: Path, other: dict[str, Any]) -> None:
    task(server)
    assert not task(server, **other).get("failed")
    assert server.count("AssumeRole") == 2


@pytest.mark.parametrize("way", ["option", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_two_emulated_clouds_share_nothing(
    server: RoleServer, folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    task(server)
    with role_server() as other:
        if way == "option":
            assert not task(other).get("failed")
        else:
            monkeypatch.setenv(way, other.url)
            defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
            target = Target.from_params({**defaults, "region": "eu-west-1", "assume_role_arn": ROLE})
            credentials = target.client("sts")._request_signer._credentials
            assert credentials.get_frozen_credentials().access_key == "ASIA1"
        assert other.count("AssumeRole") == 1
    assert len(list(folder.iterdir())) == 2


def test_an_empty_variable_keeps_nothing(server: RoleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGREFLECTOR_SESSION_CACHE", "")
    monkeypatch.setattr(JSONFileCache, "CACHE_DIR", str(tmp_path / "cache"))
    assert [task(server).get("failed") for _unused in range(2)] == [None, None]
    assert server.count("AssumeRole") == 2
    assert not (tmp_path / "cache").exists()


# Renewed


@pytest.mark.parametrize(
    ("duration", "seconds", "assumed"),
    [(None, 1000, 1), (None, 800, 2), (None, -5, 2), (900, 300, 1), (900, 200, 2), (43200, 1000, 1)],
)
def test_it_is_renewed_before_it_ends(
    server: RoleServer, folder: Path, duration: int | None, seconds: float, assumed: int
) -> None:
    task(server, assume_role_duration=duration)
    kept(folder, seconds)
    assert task(server, assume_role_duration=duration)["groups"] == []
    assert server.count("AssumeRole") == assumed


def test_a_short_session_is_not_renewed_at_every_call(server: RoleServer, folder: Path) -> None:
    many = Spec(groups=(), work=lambda *given: {"answers": [work(*given) for _unused in range(5)]})
    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url, "assume_role_duration": 900}
    perform_in_process(many, given, check_mode=False)
    assert (server.count("AssumeRole"), server.count("DescribeLogGroups")) == (1, 5)


def test_a_long_task_gets_a_new_session_in_the_middle(server: RoleServer, folder: Path) -> None:
    server.lasting = 2  # less than any spare time: as if the task had taken so long

    def long_task(target: Target, *given: Any) -> dict[str, Any]:
        work(target, *given)
        server.lasting = None
        return work(target, *given)

    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url}
    assert perform_in_process(Spec(groups=(), work=long_task), given, check_mode=False)["groups"] == []
    assert server.calls[-1] == ("DescribeLogGroups", "eu-west-1", f"ASIA{server.given}")
    assert server.given > 1


# Refused


def test_a_kept_session_that_was_revoked_is_replaced_once(server: RoleServer, folder: Path) -> None:
    task(server)
    server.revoked.add("ASIA1")
    server.calls.clear()
    assert task(server)["groups"] == []
    assert [(call[0], call[2]) for call in server.calls] == [
        ("DescribeLogGroups", "ASIA1"),
        ("AssumeRole", "AKIASOURCE"),
        ("DescribeLogGroups", "ASIA2"),
    ]
    assert task(server)["groups"] == []
    assert server.count("AssumeRole") == 1


def test_another_worker_has_replaced_it_already(server: RoleServer, folder: Path) -> None:
    task(server)
    server.revoked.add("ASIA1")
    old = only_file(folder).read_text()

    def slower(target: Target, *given: Any) -> dict[str, Any]:
        target.client("logs")._request_signer._credentials.get_frozen_credentials()
        task(server)  # the faster one
        return work(target, *given)

    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url}
    assert perform_in_process(Spec(groups=(), work=slower), given, check_mode=False)["groups"] == []
    assert (server.given, json.loads(old)["Credentials"]["AccessKeyId"]) == (2, "ASIA1")


def test_all_threads_of_a_target_get_over_a_revoked_session(server: RoleServer, folder: Path) -> None:
    task(server)
    server.revoked.add("ASIA1")
    results: list[Any] = []

    def many(target: Target, *given: Any) -> dict[str, Any]:
        target.client("logs")
        threads = [threading.Thread(target=lambda: results.append(work(target, *given))) for _unused in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {}

    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url}
    perform_in_process(Spec(groups=(), work=many), given, check_mode=False)
    assert (len(results), server.given) == (8, 2)


def test_a_role_whose_sessions_are_all_refused_fails_in_a_sentence(server: RoleServer, folder: Path) -> None:
    task(server)
    server.revoked |= {f"ASIA{number}" for number in range(1, 9)}
    failed = task(server)
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("CredentialsError", "UnrecognizedClientException")
    assert failed["msg"].startswith("Could not list the log groups in 333333333333/eu-west-1: Unrecognized")
    assert server.given == 2


def test_a_session_that_is_new_is_not_tried_again(server: RoleServer, folder: Path) -> None:
    server.revoked |= {f"ASIA{number}" for number in range(1, 9)}
    assert task(server)["failed"]
    assert (server.given, server.count("DescribeLogGroups")) == (1, 1)


def test_a_call_without_a_role_is_not_tried_again(server: RoleServer, folder: Path) -> None:
    server.revoked.add("AKIASOURCE")
    assert task(server, assume_role_arn=None)["error"]["kind"] == "CredentialsError"
    assert server.count("DescribeLogGroups") == 1


# In nobody's way


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"Credentials": {"AccessKeyId": "ASIA0", "SecretAcc',
        b"[]",
        b"null",
        b"{}",
        b'{"Credentials": null}',
        b'{"Credentials": {"AccessKeyId": "ASIA0", "Expiration": "2999-01-01T00:00:00UTC"}}',
        b"\x80\x81",
        b'{"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "soon"}}',
        b'{"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 5}}',
        b'{"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2999-01-01"}}',
    ],
)
def test_a_file_that_is_not_whole_is_no_session(server: RoleServer, folder: Path, content: bytes) -> None:
    task(server)
    only_file(folder).write_bytes(content)
    assert task(server)["groups"] == []
    assert json.loads(only_file(folder).read_text())["Credentials"]["AccessKeyId"] == "ASIA2"


def test_a_folder_that_cannot_be_written_or_read_is_done_without(
    server: RoleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("LOGREFLECTOR_SESSION_CACHE", str(folder))
        assert task(server)["groups"] == []
    task_file = tmp_path / "cache"
    monkeypatch.setenv("LOGREFLECTOR_SESSION_CACHE", str(task_file))
    task(server)
    only = only_file(task_file)
    only.unlink()
    only.mkdir()  # neither a file to read nor one to replace
    assert task(server)["groups"] == []


def test_many_at_once_leave_a_whole_file(server: RoleServer, folder: Path) -> None:
    results: list[dict[str, Any]] = []
    begin = threading.Barrier(12)

    def one() -> None:
        begin.wait()
        results.append(task(server))

    threads = [threading.Thread(target=one) for _unused in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["groups"] for result in results] == [[]] * 12
    assert json.loads(only_file(folder).read_text())["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_no_secret_of_a_session_is_shown(
    server: RoleServer, folder: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    results = [task(server), task(server)]
    server.revoked |= {"ASIA1", "ASIA2"}
    results.append(task(server))
    assert results[-1]["failed"]
    shown = "".join((str(results), caplog.text, *capfd.readouterr()))
    assert "token-" not in shown
    assert "secret-" not in shown
    assert "of-the-source" not in shown


# Where it is asked for


def test_the_region_that_does_not_know_the_source_is_gone_round(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    failed = task(server, region="ap-east-1")
    assert server.calls[:3] == [
        ("AssumeRole", "ap-east-1", "AKIASOURCE"),
        ("AssumeRole", "us-east-1", "AKIASOURCE"),
        ("DescribeLogGroups", "ap-east-1", "ASIA1"),
    ]
    assert failed["failed"]


@pytest.mark.parametrize(
    ("region", "home"),
    [("eu-west-1", "us-east-1"), ("cn-north-1", "cn-northwest-1"), ("us-gov-east-1", "us-gov-west-1")],
)
def test_source_credentials_that_are_no_good_are_asked_twice_at_most(
    server: RoleServer, folder: Path, region: str, home: str
) -> None:
    server.revoked.add("AKIASOURCE")
    failed = task(server, region=region)
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("CredentialsError", "InvalidClientTokenId")
    assert failed["msg"].startswith(f"Could not assume the role {ROLE} in 333333333333/{region}: ")
    assert [call[:2] for call in server.calls] == [("AssumeRole", region), ("AssumeRole", home)]


def test_a_refusal_for_another_reason_is_final(server: RoleServer, folder: Path) -> None:
    server.code = "AccessDenied"
    assert "trust policy" in task(server)["msg"]
    assert server.count("AssumeRole") == 1


def test_a_session_too_long_for_the_role_says_which_option(server: RoleServer, folder: Path) -> None:
    server.code = "ValidationError"
    assert "assume_role_duration" in task(server, assume_role_duration=43200)["msg"]
    assert "assume_role_duration" not in task(server)["msg"]


@pytest.mark.parametrize("seconds", [899, 43201])
def test_a_duration_that_cannot_be_is_refused_before_any_call(server: RoleServer, seconds: int) -> None:
    failed = task(server, assume_role_duration=seconds)
    assert failed["error"]["kind"] == "InvalidInputError"
    assert "accept the option assume_role_duration: " in failed["msg"]
    assert server.calls == []


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("eu-west-1", "https://sts.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_sessions_come_from_the_regions_own_endpoint_whatever_the_machine_says(
    aws_apart: None, monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
    target = Target.from_params({**defaults, "region": region, "assume_role_arn": ROLE}, _worker.MODELS)
    assert target.client("sts").meta.endpoint_url == endpoint


# Regions that are not enabled


def test_a_region_that_is_not_enabled_says_so(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    server.opted["ap-east-1"] = "DISABLED"
    failed = task(server, region="ap-east-1")
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("RegionDisabledError", "RegionDisabled")
    assert failed["msg"] == (
        "Could not list the log groups in 333333333333/ap-east-1: RegionDisabled: the region ap-east-1 is not enabled "
        "in this account (DISABLED). Enable the region, or remove this target from the inventory."
    )
    assert server.calls[-1] == ("getRegionOptStatus", "us-east-1", "ASIA1")


def test_a_region_that_is_being_enabled_is_waited_for(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    server.opted["ap-east-1"] = "ENABLING"
    failed = task(server, region="ap-east-1")
    assert failed["error"]["code"] == "RegionDisabled"
    assert failed["msg"].endswith("(ENABLING). Run again when the region is enabled.")


def test_where_it_is_not_allowed_to_ask_it_says_what_is_likely(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    server.opted["ap-east-1"] = None
    failed = task(server, region="ap-east-1")
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("CredentialsError", "UnrecognizedClientException")
    assert "where a region is not enabled" in failed["msg"]
    assert "account:GetRegionOptStatus" in failed["msg"]


def test_refused_keys_in_a_region_that_is_enabled_are_the_keys_fault(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    failed = task(server, region="ap-east-1")
    assert failed["error"]["kind"] == "CredentialsError"
    assert failed["msg"].endswith("The region is enabled in this account: renew the credentials.")


def test_a_region_that_is_enabled_and_silent_is_the_networks_fault(server: RoleServer) -> None:
    defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
    target = Target.from_params({**defaults, "region": "eu-west-1", "endpoint_url": server.url})
    silent = _errors.UnreachableError("read it", "no answer", advice="Check that the region is enabled.")
    assert str(target.explained(silent)).endswith("its endpoint can be reached from here.")
    assert "Check that the region is enabled." not in str(silent)
    server.opted["eu-west-1"] = "DISABLED"
    assert target.explained(silent).code == "RegionDisabled"


@pytest.mark.parametrize(
    "error",
    [_errors.NotFoundError("read it", "gone", code="NoSuchEntity"), _errors.AwsError("read it", "no", code="x")],
)
def test_other_failures_ask_nobody(server: RoleServer, error: _errors.ReflectorError) -> None:
    defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
    target = Target.from_params({**defaults, "region": "eu-west-1", "endpoint_url": server.url})
    assert target.explained(error) is error
    assert server.calls == []
