# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RoleSession: cached across tasks and runs, renewed in time; the cache never fails a task."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _errors, _module, _role_session, _session
from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from ansible_collections.logreflector.aws.plugins.plugin_utils import _worker
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from botocore.credentials import Credentials, JSONFileCache, RefreshableCredentials
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
def source_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set keys of the deployer, and no endpoint."""
    for name in ("PROFILE", "SESSION_TOKEN", "URL", "ENDPOINT_URL", "REGION", "DEFAULT_REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOURCE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-source")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def server(source_keys: None) -> Iterator[RoleServer]:
    with role_server() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of cached sessions, which does not exist yet."""
    path = tmp_path / "home" / ".aws" / "boto" / "cache"
    monkeypatch.setenv("LOG_REFLECTOR_SESSION_CACHE", str(path))
    return path


def task(server: RoleServer, **options: Any) -> dict[str, Any]:
    """Return the result of one task in the role's account."""
    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url, **options}
    return perform_in_process(PROBE, {name: value for name, value in given.items() if value}, check_mode=False)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def expire_in(folder: Path, seconds: float) -> None:
    """Let the cached session expire in so many seconds."""
    path = only_file(folder)
    answer = json.loads(path.read_text())
    answer["Credentials"]["Expiration"] = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    path.write_text(json.dumps(answer))


# The cache


def test_cache_serves_ten_tasks_and_the_next_run(server: RoleServer, folder: Path) -> None:
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


def test_cache_is_private_to_its_owner(server: RoleServer, folder: Path) -> None:
    task(server)
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    for made in (folder, *list(folder.parents)[:3]):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_cache_folder_defaults_to_that_of_botocore(
    server: RoleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOG_REFLECTOR_SESSION_CACHE")
    monkeypatch.setattr(JSONFileCache, "CACHE_DIR", str(tmp_path / "cache"))
    task(server)
    assert only_file(tmp_path / "cache").suffix == ".json"


def test_cache_separates_sources(server: RoleServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two profiles of one user shared the session of a role, although one of them may not assume it."""
    task(server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAANOTHER")
    assert task(server)["groups"] == []
    assert (server.count("AssumeRole"), len(list(folder.iterdir()))) == (2, 2)


@pytest.mark.parametrize(
    ("method", "profile", "expected"),
    [("sso", "one", ("sso", "one")), ("iam-role", "default", ("iam-role", "default")), (None, "one", ("key", "AKIA1"))],
)
def test_source_identity_of_changing_keys_is_the_profile(
    method: str | None, profile: str, expected: tuple[str, str]
) -> None:
    keys = {"access_key": "AKIA1", "secret_key": "s", "token": "t"}
    changing = {"expiry_time": datetime.now(UTC), "refresh_using": None, "method": method}
    credentials = RefreshableCredentials(**keys, **changing) if method else Credentials(**keys)
    assert _session._source_identity(SimpleNamespace(profile_name=profile), credentials) == expected


@pytest.mark.parametrize("mode", [0o666, 0o640, 0o604])
def test_cache_file_that_others_may_read_or_write_is_ignored(server: RoleServer, folder: Path, mode: int) -> None:
    task(server)
    only_file(folder).chmod(mode)
    assert task(server)["groups"] == []
    assert server.count("AssumeRole") == 2
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600


def test_cache_file_of_another_user_is_ignored(
    server: RoleServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shared folder another user's file led into his account."""
    task(server)
    monkeypatch.setattr(_role_session.os, "geteuid", lambda: only_file(folder).stat().st_uid + 1)
    assert task(server)["groups"] == []
    assert server.count("AssumeRole") == 2


def test_cache_link_is_not_followed(server: RoleServer, folder: Path, tmp_path: Path) -> None:
    task(server)
    elsewhere = tmp_path / "elsewhere.json"
    path = only_file(folder)
    path.rename(elsewhere)
    before = elsewhere.read_text()
    path.symlink_to(elsewhere)
    assert task(server)["groups"] == []
    assert server.count("AssumeRole") == 2
    assert (path.is_symlink(), elsewhere.read_text()) == (False, before)


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
def test_cache_separates_sessions_with_other_arguments(server: RoleServer, folder: Path, other: dict[str, Any]) -> None:
    task(server)
    assert not task(server, **other).get("failed")
    assert server.count("AssumeRole") == 2


@pytest.mark.parametrize("way", ["option", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_cache_separates_emulated_clouds(
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


def test_cache_empty_variable_disables_it(server: RoleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_REFLECTOR_SESSION_CACHE", "")
    monkeypatch.setattr(JSONFileCache, "CACHE_DIR", str(tmp_path / "cache"))
    assert [task(server).get("failed") for _unused in range(2)] == [None, None]
    assert server.count("AssumeRole") == 2
    assert not (tmp_path / "cache").exists()


# Renewed


@pytest.mark.parametrize(
    ("duration", "seconds", "assumed"),
    [(None, 1000, 1), (None, 800, 2), (None, -5, 2), (900, 300, 1), (900, 200, 2), (43200, 1000, 1)],
)
def test_session_is_renewed_before_it_expires(
    server: RoleServer, folder: Path, duration: int | None, seconds: float, assumed: int
) -> None:
    task(server, assume_role_duration=duration)
    expire_in(folder, seconds)
    assert task(server, assume_role_duration=duration)["groups"] == []
    assert server.count("AssumeRole") == assumed


def test_session_short_is_not_renewed_at_every_call(server: RoleServer, folder: Path) -> None:
    many = Spec(groups=(), work=lambda *given: {"answers": [work(*given) for _unused in range(5)]})
    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url, "assume_role_duration": 900}
    perform_in_process(many, given, check_mode=False)
    assert (server.count("AssumeRole"), server.count("DescribeLogGroups")) == (1, 5)


def test_session_is_renewed_during_a_long_task(server: RoleServer, folder: Path) -> None:
    server.lasting = 2  # seconds: as if the task had taken almost the whole session

    def long_task(target: Target, *given: Any) -> dict[str, Any]:
        work(target, *given)
        server.lasting = None
        return work(target, *given)

    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url}
    assert perform_in_process(Spec(groups=(), work=long_task), given, check_mode=False)["groups"] == []
    assert server.calls[-1] == ("DescribeLogGroups", "eu-west-1", f"ASIA{server.given}")
    assert server.given > 1


# Refused


def test_session_cached_and_revoked_is_replaced_once(server: RoleServer, folder: Path) -> None:
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


def test_session_replaced_by_another_worker_is_reused(server: RoleServer, folder: Path) -> None:
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


def test_session_revoked_is_replaced_once_for_all_threads(server: RoleServer, folder: Path) -> None:
    task(server)
    server.revoked.add("ASIA1")
    results: list[Any] = []

    def many(target: Target, *given: Any) -> dict[str, Any]:
        results.extend(target.together(*[partial(work, target, *given)] * 8))
        return {}

    given = {"region": "eu-west-1", "assume_role_arn": ROLE, "endpoint_url": server.url}
    perform_in_process(Spec(groups=(), work=many), given, check_mode=False)
    assert (len(results), server.given) == (8, 2)


def test_session_new_and_refused_is_an_error(server: RoleServer, folder: Path) -> None:
    task(server)
    server.revoked |= {f"ASIA{number}" for number in range(1, 9)}
    failed = task(server)
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("CredentialsError", "UnrecognizedClientException")
    assert failed["msg"].startswith("Could not list the log groups in 333333333333/eu-west-1: Unrecognized")
    assert server.given == 2


def test_session_new_and_refused_is_not_replaced(server: RoleServer, folder: Path) -> None:
    server.revoked |= {f"ASIA{number}" for number in range(1, 9)}
    assert task(server)["failed"]
    assert (server.given, server.count("DescribeLogGroups")) == (1, 1)


def test_call_without_a_role_is_not_repeated(server: RoleServer, folder: Path) -> None:
    server.revoked.add("AKIASOURCE")
    assert task(server, assume_role_arn=None)["error"]["kind"] == "CredentialsError"
    assert server.count("DescribeLogGroups") == 1


# The cache never fails


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
def test_cache_invalid_file_is_ignored(server: RoleServer, folder: Path, content: bytes) -> None:
    task(server)
    only_file(folder).write_bytes(content)
    assert task(server)["groups"] == []
    assert json.loads(only_file(folder).read_text())["Credentials"]["AccessKeyId"] == "ASIA2"


def test_cache_unusable_folder_is_ignored(server: RoleServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("LOG_REFLECTOR_SESSION_CACHE", str(folder))
        assert task(server)["groups"] == []
    task_file = tmp_path / "cache"
    monkeypatch.setenv("LOG_REFLECTOR_SESSION_CACHE", str(task_file))
    task(server)
    only = only_file(task_file)
    only.unlink()
    only.mkdir()  # neither a file to read nor one to replace
    assert task(server)["groups"] == []


def test_cache_written_by_many_at_once_is_complete(server: RoleServer, folder: Path) -> None:
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


def test_session_secrets_are_not_shown(
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


# STS endpoints


def test_sts_falls_back_to_a_region_that_every_account_has(server: RoleServer, folder: Path) -> None:
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
def test_sts_invalid_source_credentials_are_tried_twice_at_most(
    server: RoleServer, folder: Path, region: str, home: str
) -> None:
    server.revoked.add("AKIASOURCE")
    failed = task(server, region=region)
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("CredentialsError", "InvalidClientTokenId")
    assert failed["msg"].startswith(f"Could not assume the role {ROLE} in 333333333333/{region}: ")
    assert [call[:2] for call in server.calls] == [("AssumeRole", region), ("AssumeRole", home)]


def test_sts_other_refusal_is_final(server: RoleServer, folder: Path) -> None:
    server.code = "AccessDenied"
    assert "trust policy" in task(server)["msg"]
    assert server.count("AssumeRole") == 1


def test_sts_too_long_duration_names_the_option(server: RoleServer, folder: Path) -> None:
    server.code = "ValidationError"
    assert "assume_role_duration" in task(server, assume_role_duration=43200)["msg"]
    assert "assume_role_duration" not in task(server)["msg"]


@pytest.mark.parametrize("seconds", [899, 43201])
def test_duration_out_of_range_is_refused_before_any_call(server: RoleServer, seconds: int) -> None:
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
def test_sts_endpoint_is_regional_in_every_environment(
    source_keys: None, monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
    target = Target.from_params({**defaults, "region": region, "assume_role_arn": ROLE}, _worker.MODELS)
    assert target.client("sts").meta.endpoint_url == endpoint


# Disabled regions


def test_region_disabled_is_reported(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    server.opted["ap-east-1"] = "DISABLED"
    failed = task(server, region="ap-east-1")
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("RegionDisabledError", "RegionDisabled")
    assert failed["msg"] == (
        "Could not list the log groups in 333333333333/ap-east-1: RegionDisabled: the region ap-east-1 is not enabled "
        "in this account (DISABLED). Enable the region, or remove this target from the inventory."
    )
    assert server.calls[-1] == ("getRegionOptStatus", "us-east-1", "ASIA1")


def test_region_being_enabled_is_reported(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    server.opted["ap-east-1"] = "ENABLING"
    failed = task(server, region="ap-east-1")
    assert failed["error"]["code"] == "RegionDisabled"
    assert failed["msg"].endswith("(ENABLING). Run again when the region is enabled.")


def test_region_status_unknown_error_names_the_likely_cause(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    server.opted["ap-east-1"] = None
    failed = task(server, region="ap-east-1")
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("CredentialsError", "UnrecognizedClientException")
    assert "if the region is not enabled" in failed["msg"]
    assert "account:GetRegionOptStatus" in failed["msg"]


def test_region_enabled_and_keys_refused_blames_the_keys(server: RoleServer, folder: Path) -> None:
    server.disabled.add("ap-east-1")
    failed = task(server, region="ap-east-1")
    assert failed["error"]["kind"] == "CredentialsError"
    assert failed["msg"].endswith("The region is enabled in this account: renew the credentials.")


def test_region_enabled_and_unreachable_blames_the_network(server: RoleServer) -> None:
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
def test_other_errors_make_no_call(server: RoleServer, error: _errors.ReflectorError) -> None:
    defaults = {name: option.get("default") for name, option in _module.CONNECTION.items()}
    target = Target.from_params({**defaults, "region": "eu-west-1", "endpoint_url": server.url})
    assert target.explained(error) is error
    assert server.calls == []
