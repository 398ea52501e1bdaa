# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rulebook that runs, its queue, and the events that AWS puts into it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from embedded_aws import RunningAws
from waits import wait_until

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE_RULEBOOK = ROOT / "build" / "eda" / "bin" / "ansible-rulebook"
MANAGEMENT, MEMBERS = "111111111111", ("222222222222", "333333333333")
REGION, ORGANIZATIONS_REGION = "eu-west-1", "us-east-1"
MOST_RECEIVES = 3
FIGURES: list[str] = []
"""Lines for the end of the test run."""


@dataclass(frozen=True)
class EventQueue:
    """A queue with a dead-letter queue, in the management account."""

    aws: RunningAws
    region: str
    url: str
    dead_url: str

    @classmethod
    def create(cls, aws: RunningAws, name: str, region: str) -> EventQueue:
        """Create both queues."""
        sqs = aws.client("sqs", MANAGEMENT, region)
        dead_url = sqs.create_queue(QueueName=f"{name}-failed")["QueueUrl"]
        queue = cls(aws, region, sqs.create_queue(QueueName=name)["QueueUrl"], dead_url)
        queue.set_attributes(Policy=json.dumps(queue.policy()))
        queue.allow_receives(MOST_RECEIVES)
        return queue

    def set_attributes(self, **attributes: str) -> None:
        """Set attributes of the queue."""
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes=attributes)

    def allow_receives(self, number: int) -> None:
        """Let SQS move a message to the dead-letter queue after so many receipts."""
        arn = f"{self.arn}-failed"
        self.set_attributes(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": number}))

    def policy(self) -> dict[str, Any]:
        """Return a policy that lets the rules of the account and region send."""
        rules = f"arn:aws:events:{self.region}:{MANAGEMENT}:rule/*"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {"ArnLike": {"aws:SourceArn": rules}},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    @property
    def sqs(self) -> Any:
        """A client in the queue's account and region."""
        return self.aws.client("sqs", MANAGEMENT, self.region)

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        name = self.url.rpartition("/")[2]
        return f"arn:aws:sqs:{self.region}:{MANAGEMENT}:{name}"

    def send(self, body: Any) -> None:
        """Put a message into the queue: an event, or a text."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body if isinstance(body, str) else json.dumps(body))

    def receive_events_of(self, kind: str) -> None:
        """Create the rule of examples/event-queues.yml that sends this collection's events of a kind to the queue."""
        events = self.aws.client("events", MANAGEMENT, self.region)
        template = yaml.safe_load((ROOT / "examples" / "event-queues.yml").read_text(encoding="utf-8"))
        pattern = template["Resources"][kind]["Properties"]["EventPattern"]
        name = self.url.rpartition("/")[2]
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": self.arn}])

    def put_event(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Send an event of this collection to EventBridge, as a subscriber does."""
        entry = {"Source": "logreflector.aws", "DetailType": detail_type, "Detail": json.dumps(detail)}
        events = self.aws.client("events", MANAGEMENT, self.region)
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        wait_until(self.count, "the event in the queue")

    def count(self, url: str = "") -> int:
        """Return the number of messages, hidden ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def wait_until_settled(self, rulebook: Rulebook, dead_letters: int = 0) -> None:
        """Wait until the queue is empty, and its dead-letter queue has so many messages. Empty that."""
        rulebook.wait(lambda: self.count() == 0, f"an empty queue and {dead_letters} dead letters")
        assert self.dead_letters() == dead_letters, rulebook.log()[-5000:]
        self.sqs.purge_queue(QueueUrl=self.dead_url)

    def dead_letters(self) -> int:
        """Return the number of messages that SQS gave up."""
        return self.count(self.dead_url)


class Rulebook:
    """ansible-rulebook with a rulebook of the collection."""

    def __init__(self, name: str, aws: RunningAws, queue: EventQueue, inventory: Path, folder: Path) -> None:
        self.aws, self.queue, self.folder = aws, queue, folder
        self.log_file = folder / "log"
        variables = folder / "vars.yml"
        variables.write_text(
            json.dumps({"log_reflector_queue_url": queue.url, "log_reflector_queue_region": queue.region})
        )
        self._command = [
            str(ANSIBLE_RULEBOOK),
            *("--rulebook", f"logreflector.aws.{name}"),
            *("--inventory", str(inventory)),
            *("--vars", str(variables)),
            *("--max-concurrent-actions", "1"),
            "--verbose",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Rulebook:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _environment(self) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_", "EDA_"))}
        programs = (ANSIBLE_RULEBOOK.parent, Path(sys.executable).parent)
        return {
            **own,
            **self.aws.deploy_environment(),
            "HOME": str(self.folder),
            "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
            "ANSIBLE_CONFIG": str(ROOT / "tests" / "integration" / "fleet" / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def log(self) -> str:
        """Return what ansible-rulebook and the playbooks have printed."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def wait(self, condition: Any, what: str) -> Any:
        """Wait for a state while the rulebook runs."""

        def holds() -> Any:
            assert self._process is not None
            assert self._process.poll() is None, f"ansible-rulebook ended before {what}:\n{self.log()[-5000:]}"
            return condition()

        return wait_until(holds, what, every=0.2, limit=300, seen=lambda: self.log()[-5000:])


def joined(account: str) -> dict[str, Any]:
    """Return the event of an account that was created: Organizations User Guide, "Logging API calls with AWS CloudTrail"."""
    status = {
        "id": "car-examplecreateaccountrequestid111",
        "state": "SUCCEEDED",
        "accountName": "shop",
        "accountId": account,
        "requestedTimestamp": "Nov 28, 2026 10:00:00 AM",
        "completedTimestamp": "Nov 28, 2026 10:00:30 AM",
    }
    return from_eventbridge(
        "aws.organizations",
        "AWS Service Event via CloudTrail",
        {
            "eventVersion": "1.05",
            "userIdentity": {"accountId": MANAGEMENT, "invokedBy": "AWS Internal"},
            "eventSource": "organizations.amazonaws.com",
            "eventName": "CreateAccountResult",
            "awsRegion": "us-east-1",
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": {"createAccountStatus": status},
        },
    )


def from_eventbridge(
    source: str, detail_type: str, detail: dict[str, Any], account: str = MANAGEMENT, region: str = ORGANIZATIONS_REGION
) -> dict[str, Any]:
    """Return an event with the envelope of EventBridge."""
    return {
        "version": "0",
        "id": "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": "2026-11-28T10:00:31Z",
        "region": region,
        "resources": [],
        "detail": detail,
    }
