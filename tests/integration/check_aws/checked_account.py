# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account that is checked, and the check as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from embedded_aws import RunningAws

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT, REGION = "222222222222", "eu-west-1"
RUN_SECONDS = 900.0
"""Far more than the check takes on a busy machine."""


class Account:
    """The account that is checked.

    environment    the shell variables of a caller with the policy that the check prints
    """

    def __init__(self, aws: RunningAws, environment: dict[str, str], folder: Path) -> None:
        self.aws, self._environment, self._folder = aws, environment, folder

    def client(self, service: str) -> Any:
        """Return a client of the account's root."""
        return self.aws.client(service, ACCOUNT, REGION)

    def start(self, *arguments: str, confirm: str = "yes") -> subprocess.Popen[str]:
        """Start the check."""
        options = ["--region", REGION, "--report", str(self._folder / "report.json"), "--poll-seconds", "0.1"]
        return subprocess.Popen(
            [sys.executable, "tools/check_aws", *options, *arguments],
            cwd=ROOT,
            env={**self._environment, "CONFIRM": confirm},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, confirm: str = "yes", status: int = 0) -> str:
        """Run the check to its end; return what it prints."""
        process = self.start(*arguments, confirm=confirm)
        output, _none = process.communicate(timeout=RUN_SECONDS)
        assert process.returncode == status, output
        return output

    def findings(self) -> dict[str, dict[str, Any]]:
        """Return the last report's findings by name."""
        report = json.loads((self._folder / "report.json").read_text())
        return {each["name"]: each["finding"] for each in report["results"]}

    def measure(self, name: str, *arguments: str) -> dict[str, Any]:
        """Run one measurement and return its finding."""
        self.run("--only", name, *arguments)
        return self.findings()[name]

    def resources(self) -> list[str]:
        """Return the names of all resources that a check could have left, whatever their names are."""
        logs = self.client("logs")
        policies = logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")["accountPolicies"]
        queues = self.client("sqs").list_queues().get("QueueUrls", [])
        mappings = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return [
            *(each["policyName"] for each in policies),
            *(each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]),
            *(each.rpartition("/")[2] for each in queues),
            *(each["FunctionName"] for each in self.client("lambda").list_functions()["Functions"]),
            *(each["UUID"] for each in mappings),
            *(each["Name"] for each in self.client("ssm").describe_parameters()["Parameters"]),
            *(each["Name"] for each in self.client("events").list_rules()["Rules"]),
            *(each["RoleName"] for each in self.client("iam").list_roles(PathPrefix="/log-reflector-check/")["Roles"]),
        ]
