# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Organisations of any size on the embedded AWS, and a deployment's calls in the front's journal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "integration"
sys.path[:0] = map(str, (ROOT / "extensions", ROOT / "build" / "collections", TESTS.parent, TESTS, TESTS / "fleet"))

from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws  # noqa: E402
from embedded_aws.front import Call  # noqa: E402
from embedded_aws.http_server import HttpClient, Request  # noqa: E402
from embedded_aws.population import SECRET  # noqa: E402

from playbooks import write_inventory  # noqa: E402

REGIONS = ("eu-west-1", "us-east-1", "eu-central-1", "us-west-2")
GROUPS = 4
Target = tuple[str, str]
"""Account and region."""


def targets_of(size: int) -> list[Target]:
    """Return so many targets: accounts with four regions each, the last account with the remainder."""
    return [(f"{100_000_000_000 + number // len(REGIONS)}", REGIONS[number % len(REGIONS)]) for number in range(size)]


def inventory(folder: Path, targets: list[Target]) -> Path:
    """Write the tests' inventory. Account groups come first, because Ansible takes hosts in the order of groups."""
    path = write_inventory(folder, targets, deploy_waves=None, rollback_waves=None)  # the playbooks' own
    content = json.loads(path.read_text(encoding="utf-8"))
    content["all"]["children"] = dict(sorted(content["all"]["children"].items()))
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@contextmanager
def organisation(
    targets: Iterable[Target], policy: dict[str, Any] | None = None, groups: int = GROUPS
) -> Iterator[RunningAws]:
    """Run an embedded AWS with these targets. Each has the secret and log groups.

    policy   of the deployer; docs/iam/deployer-policy.json if none is given
    groups   number of log groups in each target
    """
    all_targets = list(targets)
    accounts = tuple(dict.fromkeys(account for account, _unused in all_targets))
    policy = policy or json.loads((ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8"))
    organization = Organization(management=accounts[0], members=accounts[1:], regions=REGIONS)
    with EmbeddedAws(Configuration(organization=organization, deployer_policy=policy)) as aws:
        _populate(aws, all_targets, groups)
        aws.front.clear_journal()
        yield aws


def deployers(calls: Iterable[Call]) -> list[Call]:
    """Return the calls of the deployment, its AssumeRole calls included."""
    return [call for call in calls if "/log-reflector-deployer/" in call.caller or call.operation == "AssumeRole"]


class Root:
    """Sends requests as each account's root, in bare HTTP: thousands of boto3 clients would take longer than the bench."""

    def __init__(self, aws: RunningAws) -> None:
        self._address = aws.endpoint_url.removeprefix("http://")
        host, _unused, port = self._address.partition(":")
        self._client = HttpClient(host, int(port))

    def post(self, target: Target, service: str, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a call in a JSON protocol; `operation` with its prefix, such as "Logs_20140328.CreateLogGroup"."""
        headers = (("X-Amz-Target", operation), ("Content-Type", "application/x-amz-json-1.1"))
        answer: dict[str, Any] = json.loads(
            self._send("POST", "/", target, service, headers, json.dumps(body).encode()) or b"{}"
        )
        return answer

    def get(self, target: Target, service: str, path: str) -> bytes:
        """Make a call by its path and return the answer's body."""
        return self._send("GET", path, target, service, (), b"")

    def query(self, target: Target, service: str, body: str) -> bytes:
        """Make a call in the query protocol and return the answer's XML."""
        return self._send("POST", "/", target, service, (("Content-Type", _FORM),), body.encode())

    def _send(
        self, method: str, path: str, target: Target, service: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> bytes:
        scope = f"{target[0]}/20260101/{target[1]}/{service}/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        common = (("Host", self._address), ("Authorization", signature))
        response = self._client.send(Request(method, path, (*common, *headers), body))
        if response.status != 200:
            raise SystemExit(f"{service} in {target}: {response.status} {response.body!r}")
        return response.body


_FORM = "application/x-www-form-urlencoded; charset=utf-8"


def _populate(aws: RunningAws, targets: list[Target], groups: int) -> None:
    root = Root(aws)
    for target in targets:
        secret = {"Name": SECRET, "SecretString": aws.sink_url}
        root.post(target, "secretsmanager", "secretsmanager.CreateSecret", secret)
        for number in range(groups):
            name = {"logGroupName": f"/aws/lambda/service-{number:02}"}
            root.post(target, "logs", "Logs_20140328.CreateLogGroup", name)
